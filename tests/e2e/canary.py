"""The search for secrets: every secret of a test is one of these, and none may be found in what a
site leaves: the daemon's log, the answers it gave (logs of jobs among them) and its database."""

import base64
import json
import urllib.parse
import uuid

SECRETS = set()


def keep(text):
    """Makes text a secret that is looked for; returns it."""
    SECRETS.add(text)
    return text


def secret(name):
    """A new one, as nobody else has it."""
    return keep(f"canary-{name}-{uuid.uuid4().hex}")


def forms(text):
    """The bytes by which a secret would be seen."""
    plain = text.encode()
    yield plain
    yield json.dumps(text)[1:-1].encode()
    yield urllib.parse.quote(text, safe="").encode()
    for before in range(3):  # in base64, wherever it begins
        inside = base64.b64encode(b"." * before + plain)
        yield inside[4 if before else 0 : (before + len(plain)) // 3 * 4]


def found(content, where):
    """Says which secrets are in content: a sentence each."""
    return [
        f"the secret {text} is in {where}"
        for text in SECRETS
        if any(form in content for form in forms(text))
    ]


def left_by(site):
    """All that is to be found of secrets in what a site, which has ended, leaves."""
    said = list(site.shown)
    said += found(site.log_path.read_bytes() if site.log_path.exists() else b"", "the daemon's log")
    for path in sorted(site.folder.glob("data/davit.db*")):
        said += found(path.read_bytes(), path.name)
    return said

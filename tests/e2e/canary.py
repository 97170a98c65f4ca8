"""The search for secrets: every secret of a test is one of these, and none may be found in what a
site leaves: the daemon's log, the answers it gave (logs of jobs among them), what davit says of them,
and its database. Access tokens, which a test does not know, all begin alike."""

import base64
import functools
import json
import pathlib
import re
import urllib.parse
import uuid

TOKENS = "CanaryTokenOfTheFakeCloud"  # see tests/fakes/cloud/oauth.go
SECRETS = {TOKENS}


def keep(text):
    """Makes text a secret that is looked for; returns it."""
    SECRETS.add(text)
    return text


def secret(name):
    """A new one, as nobody else has it."""
    return keep(f"canary-{name}-{uuid.uuid4().hex}")


def numbered(text, which, wide, upper=False):
    """As a writer of JSON has it that escapes by number the characters of which, and wide ones."""
    out = ""
    for c in text:
        if c in which or (wide and ord(c) > 126):
            units = c.encode("utf-16-be").hex(" ", 2).split()
            out += "".join("\\u" + (unit.upper() if upper else unit) for unit in units)
        else:
            out += json.dumps(c, ensure_ascii=False)[1:-1]
    return out


def json_forms(text):
    for wide in (False, True):
        plain = numbered(text, "", wide)
        yield from (plain, plain.replace("/", "\\/"))
        yield numbered(text, "&<>", wide)
        yield numbered(text, "&<>='", wide)
    yield numbered(text, "&<>'+\"`", True, upper=True)


def url_forms(text):
    for safe in ("", "/", "+", "+/", "!*'()", "!*'();,/?:@&=+$#", "!*'();,/:@&=+$"):
        yield urllib.parse.quote(text, safe=safe)
    for safe in ("", "/", "*"):
        yield urllib.parse.quote_plus(text, safe=safe)
    yield urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")


@functools.cache
def forms(text):
    """The bytes by which a secret would be seen, each once."""
    return tuple(set(all_forms(text)))


def all_forms(text):
    """The bytes by which a secret would be seen: those that the daemon knows."""
    plain = text.encode()
    yield plain
    yield from (plain.hex().encode(), plain.hex().upper().encode())
    for form in json_forms(text):
        yield form.encode()
        for wide in (False, True):
            yield json.dumps(form, ensure_ascii=wide)[1:-1].encode()
    for form in url_forms(text):
        yield form.encode()
        yield re.sub("%..", lambda found: found[0].lower(), form).encode()
    yield from re.findall(rb"[A-Za-z0-9]{16,}", plain)
    for before in range(3):  # in base64, wherever it begins
        inside = base64.b64encode(b"." * before + plain)
        inside = inside[4 if before else 0 : (before + len(plain)) // 3 * 4]
        yield inside
        yield inside.translate(bytes.maketrans(b"+/", b"-_"))


def found(content, where):
    """Says which secrets are in content: a sentence each."""
    return [
        f"the secret {text} is in {where}"
        for text in SECRETS
        if any(form in content for form in forms(text))
    ]


def searched(run):
    """subprocess.run that looks at what davit says."""

    @functools.wraps(run)
    def ran(command, *rest, **options):
        done = run(command, *rest, **options)
        if not isinstance(command, str) and pathlib.Path(command[0]).name == "davit":
            for said in (done.stdout, done.stderr):
                said = said.encode() if isinstance(said, str) else said or b""
                bad = found(said, f"what {' '.join(map(str, command))} says")
                assert not bad, bad
        return done

    return ran


def left_by(site):
    """All that is to be found of secrets in what a site, which has ended, leaves."""
    said = list(site.shown)
    said += found(site.log_path.read_bytes() if site.log_path.exists() else b"", "the daemon's log")
    for path in sorted(site.folder.glob("data/davit.db*")):
        said += found(path.read_bytes(), path.name)
    return said

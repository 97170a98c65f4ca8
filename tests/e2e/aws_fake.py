"""A token service, a container's agent, a machine's metadata and a service that says who asks, as
AWS has them: each checks what it gets, by code of its own, and keeps what was wrong in `wrong`."""

import datetime
import hashlib
import hmac
import http.server
import json
import threading
import urllib.parse

import canary

EMPTY = hashlib.sha256(b"").hexdigest()


class Key:
    """An access key; of a session, if it has a token."""

    count = 0

    def __init__(self, whose, session=False):
        Key.count += 1
        self.whose = whose
        self.id = f"AKIAEXAMPLE{Key.count:06}"
        self.secret = canary.secret("aws-key")
        self.token = canary.secret("aws-session") if session else None
        self.ended = False


class Fake:
    def __init__(self):
        self.keys, self.wrong, self.asked = {}, [], []
        self.lasts = 3600  # seconds of what is given out
        self.ahead = datetime.timedelta(0)  # of its clock
        self.roles = {}  # arn: what must be in the form
        self.web_token = canary.secret("web-identity")
        self.agent_token = canary.secret("agent")
        self.metadata_token = canary.secret("metadata")
        self.refuse = {}  # path or action: (status, body)
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, text = fake.answer(self, body)
                data = text.encode()
                self.send_response_only(status)
                self.send_header("Date", fake.now().strftime("%a, %d %b %Y %H:%M:%S GMT"))
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def now(self):
        return datetime.datetime.utcnow() + self.ahead

    def key(self, whose, session=False):
        key = Key(whose, session)
        self.keys[key.id] = key
        return key

    def fresh(self, whose):
        key = self.key(whose, session=True)
        end = self.now() + datetime.timedelta(seconds=self.lasts)
        return key, end.strftime("%Y-%m-%dT%H:%M:%SZ")

    # --- what is asked ---

    def answer(self, request, body):
        path, _, query = request.path.partition("?")
        form = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True)) if body else {}
        what = form.get("Action", path)
        self.asked.append(what)
        if what in self.refuse:
            return self.refuse[what]
        if request.command == "POST" and path == "/":
            return self.sts(request, body, form)
        if path == "/":
            return self.who(request, query)
        if path.startswith("/latest/"):
            return self.metadata(request, path)
        return self.agent(request, path)

    def complain(self, what):
        self.wrong.append(what)
        return 400, what

    def sts(self, request, body, form):
        if request.headers["Content-Type"] != "application/x-www-form-urlencoded; charset=utf-8":
            return self.complain("the type of the form")
        if form.get("Version") != "2011-06-15" or b"+" in body:
            return self.complain("the form")
        wanted = self.roles.get(form.get("RoleArn"))
        if wanted is None:
            return 403, error("AccessDenied", "no such role")
        given = {k: v for k, v in form.items() if k not in ("Action", "Version", "RoleArn")}
        if form["Action"] == "AssumeRole":
            status, text = self.checked(request, body, "sts", "us-west-2")
            if status != 200:
                return status, text
            wanted = dict(wanted, by=wanted["by"])
            if text != wanted.pop("by"):
                return self.complain(f"{text} asks for the role")
        elif form["Action"] == "AssumeRoleWithWebIdentity":
            if "Authorization" in request.headers:
                return self.complain("a web identity that is signed")
            wanted = dict(wanted, WebIdentityToken=self.web_token)
        else:
            return self.complain(form["Action"])
        if given != wanted:
            return self.complain(f"the form has {sorted(given)}, {sorted(wanted)} wanted")
        key, end = self.fresh(form["RoleArn"])
        return 200, (
            f'<{form["Action"]}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f'<{form["Action"]}Result><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser><Credentials>'
            f"<AccessKeyId>{key.id}</AccessKeyId><SecretAccessKey>{key.secret}</SecretAccessKey>"
            f"<SessionToken>{key.token}</SessionToken><Expiration>{end}</Expiration></Credentials>"
            f'</{form["Action"]}Result></{form["Action"]}Response>'
        )

    def agent(self, request, path):
        if request.headers.get("Accept") != "application/json":
            return self.complain("what the agent is to answer")
        if path == "/guarded" and request.headers.get("Authorization") != self.agent_token:
            return self.complain("the agent's token")
        return self.json_of("agent" + path)

    def metadata(self, request, path):
        if path == "/latest/api/token":
            if request.command != "PUT":
                return self.complain("how the metadata's token is asked for")
            if request.headers.get("x-aws-ec2-metadata-token-ttl-seconds") != "21600":
                return self.complain("how long the metadata's token lasts")
            return 200, self.metadata_token
        if request.headers.get("x-aws-ec2-metadata-token") != self.metadata_token:
            return 401, "no token"
        if path == "/latest/meta-data/iam/security-credentials/":
            return 200, "a-role\nanother"
        if path == "/latest/meta-data/iam/security-credentials/a-role":
            return self.json_of("machine", Code="Success")
        return self.complain(path)

    def json_of(self, whose, **more):
        key, end = self.fresh(whose)
        return 200, json.dumps(
            {
                "AccessKeyId": key.id,
                "SecretAccessKey": key.secret,
                "Token": key.token,
                "Expiration": end,
                **more,
            }
        )

    def who(self, request, query):
        if query != "who=am%20i":
            return self.complain("the query")
        return self.checked(request, b"", "who", "us-east-1")

    # --- signatures ---

    def checked(self, request, body, service, region):
        """(200, whose key it is), or an answer."""
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            return self.complain("the scheme")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        name, day, *scope = parts["Credential"].split("/")
        key = self.keys.get(name)
        if key is None:
            return 403, error("InvalidAccessKeyId", "no such key")
        if scope != [region, service, "aws4_request"]:
            return self.complain(f"the scope {scope}")
        stamp = request.headers["x-amz-date"]
        then = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
        if abs(then - self.now()) > datetime.timedelta(minutes=5):
            return 403, error("RequestTimeTooSkewed", "look at your clock")
        if signature(request, parts["SignedHeaders"], key, day, scope, body) != parts["Signature"]:
            return self.complain("the signature")
        if request.headers.get("x-amz-security-token") != key.token:
            return self.complain("the session's token")
        return (403, error("ExpiredToken", "it is over")) if key.ended else (200, key.whose)


def error(code, message):
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


def signature(request, names, key, day, scope, body):
    path, _, query = request.path.partition("?")
    listed = names.split(";")
    must = [h.lower() for h in request.headers if h.lower().startswith("x-amz-")] + ["host"]
    if listed != sorted(listed) or not set(must) <= set(listed):
        return "not all that must be is signed"
    digest = hashlib.sha256(body).hexdigest()
    lines = [request.command, path, "&".join(sorted(query.split("&"))) if query else ""]
    lines += [f"{name}:{request.headers[name].strip()}" for name in listed]
    canonical = "\n".join(lines + ["", names, digest])
    text = "\n".join(
        ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], "/".join([day, *scope])]
        + [hashlib.sha256(canonical.encode()).hexdigest()]
    )
    secret = b"AWS4" + key.secret.encode()
    for step in [day, *scope, text]:
        secret = hmac.new(secret, step.encode(), hashlib.sha256).digest()
    return secret.hex()

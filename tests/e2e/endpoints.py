"""Models that can be told apart, for the tests of endpoints."""

import json
import pathlib

from davit_site import wait_for

TRAINING = """
import json, os
word = json.load(open(os.environ["DAVIT_PARAMETERS"]))["word"]
open(os.path.join(os.environ["DAVIT_OUTPUT_DIR"], "word"), "w").write(word)
"""

# POST /predict answers {"model": WORD, "body": what was sent}. Members of a JSON body ask for more:
#   wait      a file: the answer waits until it is there; arrived, if given, is made first
#   pieces    [TEXT or {"wait": FILE}, ...]: a chunked answer, piece by piece
#   bytes     N: a chunked answer of N bytes; sent, if given, is a file that counts them
#   cut       the connection ends in the middle of a chunked answer
#   gone      a file that is made when the caller went away
#   end       [FILE, FILE]: the server writes its process id to the first one and ends; started
#             again it does not listen while the second one is there
SERVER = '''
import json, os, signal, socketserver, sys, time
from http.server import BaseHTTPRequestHandler

word = open(os.path.join(os.environ["DAVIT_MODEL_DIR"], "word")).read()


def write(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_request(self, code="-", size="-"):
        pass

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def await_file(self, path, gone=None):
        self.connection.setblocking(False)
        while not os.path.exists(path):
            try:
                if self.connection.recv(1) == b"":
                    write(gone or path + ".gone", "gone")
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            time.sleep(0.005)
        self.connection.setblocking(True)

    def begin(self, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(data), data))
        self.wfile.flush()

    def do_GET(self):
        self.reply(200, {"ok": True})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        json_sent = "json" in self.headers.get("Content-Type", "")
        wishes = json.loads(body) if json_sent else {}
        try:
            self.serve(body.decode("latin-1"), wishes)
        except (BrokenPipeError, ConnectionResetError):
            write(wishes.get("gone", "gone"), "gone")
            self.close_connection = True

    def serve(self, body, wishes):
        if self.path == "/explain":
            if word == "one":
                self.reply(404, {"error": "no such path"})
            else:
                self.reply(200, {"explained": word})
            return
        if "arrived" in wishes:
            write(wishes["arrived"], word)
        if "wait" in wishes:
            self.await_file(wishes["wait"], wishes.get("gone"))
        if "end" in wishes:
            write("hold", wishes["end"][1])
            write(wishes["end"][0], str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        if "pieces" in wishes:
            self.begin(wishes.get("type", "text/event-stream"))
            for piece in wishes["pieces"]:
                if isinstance(piece, dict):
                    self.await_file(piece["wait"], wishes.get("gone"))
                else:
                    self.chunk(piece.encode())
            if "cut" in wishes:
                self.close_connection = True
                return
            self.chunk(b"")
        elif "bytes" in wishes:
            self.begin("application/octet-stream")
            for sent in range(0, wishes["bytes"], 65536):
                self.chunk(b"x" * 65536)
                if "sent" in wishes:
                    write(wishes["sent"], str(sent + 65536))
            self.chunk(b"")
        else:
            self.reply(200, {"model": word, "body": body, "accept": self.headers["Accept"]})


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


while os.path.exists("hold") and os.path.exists(open("hold").read()):
    time.sleep(0.005)
path = os.environ["DAVIT_SOCKET"]
if os.path.exists(path):
    os.unlink(path)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
Server(path, Handler).serve_forever()
'''


def make_model(site, word, name=None, server=SERVER, training=None, **members):
    """A model that answers with word; training: members of its request, members: of the server."""
    name = name or word
    body = {"name": word, "script": {"text": TRAINING}, "parameters": {"word": word}}
    training = site.made("/pipelines/training/train", body | (training or {}))["id"]
    status = site.await_job(training)
    assert status["state"] == "COMPLETED", status
    return site.made(
        "/models/register",
        {
            "name": name,
            "source": {"job": training},
            "server": {"script": {"text": server}} | members,
        },
    )["id"]


def make_endpoint(site, name="endpoint"):
    return site.made("/endpoints/register", {"name": name})["id"]


def deploy(site, endpoint, body):
    """A deploy to its end; returns the state of its job."""
    answer = site.service("POST", f"/endpoints/{endpoint}/deploy_model", body)
    assert answer.status == 200, answer
    return site.await_job(newest_job(site, "deploy"))


def newest_job(site, kind):
    jobs = site.get(f"/v1/jobs?kind={kind}&limit=1").json()["jobs"]
    return jobs[0]["id"]


def neutral(site, endpoint):
    row = site.service("GET", f"/endpoints/{endpoint}").json()
    return json.loads(row["rawPayload"]) if isinstance(row.get("rawPayload"), str) else row


def infer(site, endpoint, body=None, query="?native=true", slot="infer", **options):
    return site.service("POST", f"/endpoints/{endpoint}/{slot}{query}", body or {}, **options)


def answered_by(site, endpoint):
    answer = infer(site, endpoint)
    assert answer.status == 200, answer
    assert answer.json()["model"] == answer.headers["Davit-Model"].split("@")[0], answer.headers
    return answer.json()["model"]


def shares(site, endpoint, requests=200):
    seen = [answered_by(site, endpoint) for _ in range(requests)]
    return {word: seen.count(word) * 100 / requests for word in set(seen)}


def processes(site, endpoint):
    """Names of the servers' folders of that endpoint."""
    root = pathlib.Path(site.folder) / "data" / "processes"
    return sorted(path.name for path in root.glob(f"ep-{endpoint}-*"))


def await_file(path):
    return wait_for(f"{path}", pathlib.Path(path).exists)

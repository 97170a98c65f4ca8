#!/usr/bin/env python3
"""Serves a model made by train.py over HTTP on a Unix socket. Standard library only.

  DAVIT_MODEL_DIR  the folder that holds model.json
  DAVIT_SOCKET     the socket to listen on

  GET  /health   200 {"ok": true}
  POST /predict  {"instances": [[64 numbers], ...]}
                 200 {"predictions": [{"label": 3, "confidence": 0.98}, ...]}
                 With "Accept: text/event-stream" one event per instance, as it is ready.
  POST /explain  the same instances
                 200 {"explanations": [{"label": 3, "bias": 0.1, "contributions": [64 numbers]}, ...]}
                 The model is linear: bias and contributions add up to the label's score.
"""

import json
import math
import os
import socketserver
import sys
from http.server import BaseHTTPRequestHandler

PIXELS = 64
BODY_LIMIT = 16 * 1024 * 1024


class Refused(Exception):
    """A request that cannot be answered; the text goes to the caller."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def scores_of(model, pixels):
    scaled = [p / model["scale"] for p in pixels]
    scores = [
        bias + sum(w * p for w, p in zip(weights, scaled))
        for weights, bias in zip(model["weights"], model["bias"])
    ]
    return scaled, scores


def predict(model, pixels):
    _, scores = scores_of(model, pixels)
    top = max(scores)
    total = sum(math.exp(s - top) for s in scores)
    return {"label": scores.index(top), "confidence": round(1.0 / total, 6)}


def explain(model, pixels):
    scaled, scores = scores_of(model, pixels)
    label = scores.index(max(scores))
    contributions = [round(w * p, 6) for w, p in zip(model["weights"][label], scaled)]
    return {"label": label, "bias": model["bias"][label], "contributions": contributions}


# path: what it does with an instance, and the name of its answer
ACTIONS = {"/predict": (predict, "predictions"), "/explain": (explain, "explanations")}


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def instances_of(body):
    try:
        request = json.loads(body)
    except ValueError as e:
        raise Refused(400, f"the body is not JSON: {e}") from None
    instances = request.get("instances") if isinstance(request, dict) else None
    if not isinstance(instances, list):
        raise Refused(400, 'the body must be {"instances": [[64 numbers], ...]}')
    for number, pixels in enumerate(instances):
        if not isinstance(pixels, list) or len(pixels) != PIXELS:
            raise Refused(400, f"instances[{number}] is not a list of {PIXELS} numbers")
        if not all(map(is_number, pixels)):
            raise Refused(400, f"instances[{number}] has an element that is not a number")
    return instances


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "digits"
    timeout = 60  # an idle connection is closed

    def address_string(self):
        return "unix"  # the peer of a Unix socket has no address

    def log_request(self, code="-", size="-"):
        if code != 200:
            super().log_request(code, size)

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self._headers_buffer.append(b"\r\n" + body)  # head and body in one write
        self.flush_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def stream(self, action, instances):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for pixels in instances:
            self.chunk(f"data: {json.dumps(action(self.server.model, pixels))}\n\n".encode())
        self.chunk(b"")

    def body(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            raise Refused(411, "a Content-Length is needed")
        if int(length) > BODY_LIMIT:
            self.close_connection = True
            raise Refused(413, f"the body is larger than {BODY_LIMIT} bytes")
        return self.rfile.read(int(length))

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {"ok": True})
        else:
            self.answer(404, {"error": f"no such path: {self.path}"})

    def do_POST(self):
        try:
            body = self.body()
            path = self.path.split("?")[0]
            if path not in ACTIONS:
                raise Refused(404, f"no such path: {self.path}")
            action, name = ACTIONS[path]
            instances = instances_of(body)
            if "text/event-stream" in self.headers.get("Accept", ""):
                self.stream(action, instances)
            else:
                found = [action(self.server.model, pixels) for pixels in instances]
                self.answer(200, {name: found})
        except Refused as e:
            self.answer(e.status, {"error": str(e)})


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path, model):
        self.model = model
        super().__init__(path, Handler)


def main():
    path = os.environ.get("DAVIT_SOCKET")
    if not path:
        sys.exit("serve.py: DAVIT_SOCKET does not name a socket to listen on")
    with open(os.path.join(os.environ.get("DAVIT_MODEL_DIR", "."), "model.json")) as file:
        model = json.load(file)
    if os.path.exists(path):
        os.unlink(path)
    with Server(path, model) as server:
        print(f"serving {len(model['weights'])} classes", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

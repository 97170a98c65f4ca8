"""An index of Python packages for tests: wheels made by hand, served by a gate that opens."""

import http.server
import io
import threading
import zipfile


def wheel(name, version, code):
    """The bytes of a wheel with one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    names = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": names}.items():
            archive.writestr(file, text)
    return out.getvalue()


class Index:
    """A page for find_links. While the gate is closed every answer waits."""

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()
        self.wheels = {}
        self.asked = 0  # pages
        self.fetched = []  # names of wheels
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.strip("/")
                index.asked += not name
                index.gate.wait()
                body, kind = index.answer(name)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.settings = f"  pip: {{no_index: true, find_links: ['{self.url}']}}\n"  # this alone
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, name):
        if name:
            self.fetched.append(name)
            return self.wheels.get(name), "application/octet-stream"
        links = "".join(f'<a href="{wheel}">{wheel}</a>\n' for wheel in self.wheels)
        return f"<html><body>{links}</body></html>".encode(), "text/html"

    def publish(self, name, version="1.0", code="VALUE = 42\n"):
        self.wheels[f"{name}-{version}-py3-none-any.whl"] = wheel(name, version, code)

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()

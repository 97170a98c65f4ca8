"""A davitd that dies where it is told to, and a cloud that does what it is told to."""

import http.client
import json
import mmap
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DAVIT_BUILD", ROOT / "build" / "dev")).resolve()
SECRET = "exactly-once-client-secret"
DEADLINE = float(os.environ.get("DAVIT_TEST_DEADLINE", "60"))
ACCOUNTS = 200


class Late(Exception):
    """Something did not happen in time; its text says what."""


class Died(Exception):
    """The daemon ended while it was asked."""


def wait_for(what, probe, seconds=DEADLINE, every=0.01):
    """Asks probe() until it answers something true, ever more seldom."""
    end = time.monotonic() + seconds
    longest = max(every, 0.05)
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Late(f"{what} did not happen")
        time.sleep(every)
        every = min(every * 1.25, longest)


def scratch(prefix):
    """A folder in memory where there is one: what is tested survives no power cut."""
    shared = pathlib.Path("/dev/shm")
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=shared if shared.is_dir() else None))


class KillFile:
    """The file of host/base/killpoint.h: where the daemon dies, and what it passed."""

    SIZE, HEAD, SPEC = 65536, 12, 500

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(self.SIZE))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), self.SIZE)

    def arm(self, spec):
        """From now on; None: only what is passed is written down."""
        self.map[:4] = bytes(4)
        self.map[4:] = bytes(self.SIZE - 4)
        if spec is None:
            return
        text = spec.encode()
        assert len(text) < self.SPEC, spec
        self.map[self.HEAD : self.HEAD + len(text)] = text
        self.map[:4] = struct.pack("=I", 1)

    def trace(self):
        """The points that were passed since it was armed, each a line."""
        (used,) = struct.unpack("=I", self.map[8:12])
        at = self.HEAD + self.SPEC
        text = self.map[at : at + min(used, self.SIZE - at)]
        return text.decode("utf-8", "replace").rstrip("\0").splitlines()


class Cloud:
    """A fake cloud; ends when it is closed, or with us. program prints one line of JSON that says
    where it is, and answers at `admin` as tests/fakes/cloud does."""

    def __init__(self, folder, program=None, *flags):
        folder.mkdir(exist_ok=True)
        if program is None:
            program = BUILD / "tests" / "fakes" / "fakecloud"
        own = ["--ca-dir", folder / "ca", "--client", f"davit:{SECRET}"]
        self.process = subprocess.Popen(
            [program, *own, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.said = json.loads(self.process.stdout.readline())
        self.admin = http.client.HTTPConnection(
            urllib.parse.urlsplit(self.said["admin"]).netloc, timeout=DEADLINE
        )
        self.token = None

    def endpoint(self, protocol):
        port = urllib.parse.urlsplit(self.said[protocol]).port
        return f"{protocol}://localhost:{port}"

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(DEADLINE)

    def ask(self, method, path, body=None):
        self.admin.request(method, path, json.dumps(body) if body is not None else None)
        answer = self.admin.getresponse()
        data = answer.read()
        assert answer.status == 200, (method, path, answer.status, data[:300])
        return json.loads(data) if data else None

    def _direct(self, method, path, body=None):
        """A request as its own client, beside the daemon."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(self.said["http"] + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return json.load(answer)

    def direct(self, method, path, body=None):
        if self.token is None:
            form = {
                "grant_type": "client_credentials",
                "client_id": "davit",
                "client_secret": SECRET,
            }
            form = urllib.parse.urlencode(form).encode()
            self.token = self._direct("POST", "/oauth/token", form)["access_token"]
        return self._direct(method, path, body)

    def all(self, kind, every=1000):
        """All objects of a kind, also where there are more than the test's own list shows."""
        found, page = [], ""
        while True:
            query = urllib.parse.urlencode({"pageSize": every, "pageToken": page})
            answer = self.direct("GET", f"/v1/{kind}?{query}")
            found += answer.get(kind) or []
            page = answer.get("nextPageToken", "")
            if not page:
                return found


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def yaml(value):
    """JSON is YAML."""
    return json.dumps(value)


class Host:
    """A folder with a davitd; each provider has a socket of its own, where it is the default."""

    def __init__(self, folder, providers, connections, net, isolation):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.kills = KillFile(folder / "kill")
        self.marks = folder / "marks"  # where jobs of this machine leave what they did
        self.log_path = folder / "davitd.log"
        self.process = None
        self.tell(providers, connections, net, isolation)

    def socket(self, provider):
        return str(self.folder / f"{provider}.sock")

    def tell(self, providers, connections, net, isolation):
        config = {
            "data_dir": "data",
            "provider_dir": str(BUILD / "plugins" / "local"),
            "run_program": str(BUILD / "host" / "run" / "davit-run"),
            "worker_program": str(BUILD / "host" / "worker" / "davit-worker"),
            "isolation": isolation,
            "workers": {"max_deaths": 0},
            "listeners": [
                {"unix": f"{name}.sock", "default_provider": name} for name in providers
            ],
            "connections": connections,
            "jobs": {"max_running": 1000, "sweep_hours": 0},
            "net": net,
            "import_roots": ["import"],
            "export_roots": ["export"],
            "processes": {"write_paths": ["marks"]},
        }
        self.marks.mkdir(exist_ok=True)
        self.marks.chmod(0o777)
        for root in ("import", "export"):
            (self.folder / root).mkdir(exist_ok=True)
        (self.folder / "davit.yaml").write_text(yaml(config), encoding="utf-8")
        (self.folder / "providers.d").mkdir(exist_ok=True)
        for name, told in providers.items():
            text = yaml({"provider": name, **told})
            (self.folder / "providers.d" / f"{name}.yaml").write_text(text, encoding="utf-8")
        self.providers = list(providers)

    # --- the process ---

    def start(self, aim=None):
        """Starts it; it dies at aim, maybe before it is ready."""
        self.kills.arm(aim)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BUILD / "host" / "davitd", "--config", self.folder / "davit.yaml"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    "PATH": "/usr/bin:/bin",
                    "DAVIT_KILL_FILE": str(self.kills.path),
                    "TESTCLOUD_CLIENT_SECRET": SECRET,
                },
            )

        def ready():
            if self.died():
                if "dies" in self.kills.trace():
                    return True
                raise AssertionError(f"davitd ended: {self.log()[-3000:]}")
            try:
                return all(
                    self.request("GET", "/readyz", provider=name).status == 200
                    for name in self.providers
                )
            except (OSError, http.client.HTTPException):
                return False

        wait_for("readiness", ready, every=0.005)
        return self

    def restart(self):
        if self.process is not None and not self.died():
            self.kill()
        self.start()

    def died(self):
        return self.process.poll() is not None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE)

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def close(self):
        """Ends the daemon, and every process it supervises."""
        if self.process is not None and not self.died():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in supervised(self.folder):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- asking ---

    def request(self, method, path, body=None, provider=None, headers=None, timeout=30):
        connection = UnixConnection(self.socket(provider or self.providers[0]), timeout)
        headers = dict(headers or {})
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def ask(self, *args, **options):
        """The same; Died where the daemon ended meanwhile."""
        try:
            return self.request(*args, **options)
        except (OSError, http.client.HTTPException) as error:
            try:
                self.process.wait(5)  # its connections close a moment before it is gone
            except subprocess.TimeoutExpired:
                raise AssertionError(f"no answer of a living daemon: {error!r}") from error
            raise Died() from error

    def job(self, job):
        return self.ask("GET", f"/v1/jobs/{urllib.parse.quote(job)}").json()

    def jobs(self, project, more=""):
        query = urllib.parse.urlencode({"project": project})
        return self.ask("GET", f"/v1/jobs?{query}{more}").json()["jobs"]


def supervised(folder):
    """The processes whose command names this folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command:
            found.append(int(entry.name))
    return found

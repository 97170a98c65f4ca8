"""A davitd of its own for a test: a folder, two configuration files, one process."""

import atexit
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

import canary

# What jobs and tests tell each other by files: the one place that sites let jobs write to.
MARKS = pathlib.Path(tempfile.mkdtemp(prefix="davit-marks."))
MARKS.chmod(0o777)
atexit.register(shutil.rmtree, MARKS, ignore_errors=True)

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
BUILD = pathlib.Path(os.environ.get("DAVIT_BUILD", ROOT / "build" / "dev")).resolve()
WRAPPER = os.environ.get("DAVIT_WRAPPER", "").split()  # valgrind and its options, say
ISOLATION = os.environ.get("DAVIT_ISOLATION", "worker")  # of all providers of a site
DEADLINE = float(os.environ.get("DAVIT_TEST_DEADLINE", "60"))

OKHTTP = {
    "User-Agent": "okhttp/4.9.0",
    "Accept-Encoding": "gzip",
    "Connection": "Keep-Alive",
}


ACCESS_KEY = canary.secret("access-key")
SECRET_KEY = canary.secret("secret-key")


def wait_for(what, probe, deadline=None):
    """Asks probe() until it answers something true; fails naming what was awaited."""
    end = time.monotonic() + (deadline or DEADLINE)
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.02)


def new_marks():
    """A folder that jobs may write to, too."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=MARKS))
    folder.chmod(0o777)
    return folder


def reserved(port):
    """A socket that keeps the port from everybody but a daemon, who may share it; None: it is taken."""
    holder = socket.socket()
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        holder.close()
        return None
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return holder


def free_ports():
    """Ports for daemons that keep theirs over a restart, and who holds them: none that the kernel gives
    to who connects."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 20
    ports = range(10000 + 1000 * worker, 11000 + 1000 * worker)
    for n in itertools.count(os.getpid()):
        port = ports[n % len(ports)]
        holder = reserved(port)
        if holder:
            yield port, holder


PORTS = free_ports()


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8")

    def json(self):
        return json.loads(self.text)

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


class Site:
    """Write the configuration, start(), ask, stop() or kill()."""

    def __init__(
        self,
        folder,
        settings="",
        davit="",
        providers=None,
        default="local",
        listener="",
        isolation=ISOLATION,
        pace=1,
    ):
        self.folder = pathlib.Path(folder)
        self.imports = self.folder / "import"
        self.imports.mkdir(parents=True, exist_ok=True)
        self.marks = new_marks()
        self.pace = pace  # so much shorter are the daemon's waits for clouds: host/base/pace.h
        self.wrapper = []  # what starts the daemon: a program and its arguments
        self.port, self.holder = next(PORTS)
        self.process = None
        self.program = str(BUILD / "host" / "davitd")
        self.shown = []  # where an answer had a secret
        self.log_path = self.folder / "davitd.log"
        self.socket_path = str(self.folder / "davitd.sock")
        self.davit = davit if davit == "" or davit.endswith("\n") else davit + "\n"
        self.isolation = isolation  # of providers that do not say it
        self.default = default  # the provider of those who name none
        self.listener = listener  # more keys of the TCP listener, each after a comma
        self.providers = dict(providers or {})
        if default == "local":
            self.providers["local"] = (
                "provider: local\nplugin: local.so\nmax_running: 4\n"
                + ("settings:\n" + settings if settings else "")
            )
        self.write_configuration()

    def granted(self):
        """Jobs may write to the marks, unless a test says what they may."""
        return "" if "processes:" in self.davit else f"processes: {{write_paths: [{MARKS}]}}\n"

    def write_configuration(self):
        (self.folder / "davit.yaml").write_text(
            f"""\
data_dir: data
provider_dir: {BUILD}/plugins/local
run_program: {BUILD}/host/run/davit-run
worker_program: {BUILD}/host/worker/davit-worker
isolation: {self.isolation}
default_provider: {self.default}
import_roots: [import]
listeners:
  - {{address: 127.0.0.1, port: {self.port}, default_provider: {self.default}{self.listener}}}
  - {{unix: davitd.sock}}
{self.davit}{self.granted()}""",
            encoding="utf-8",
        )
        folder = self.folder / "providers.d"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, text in self.providers.items():
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")

    # --- the process ---

    def launch(self, **options):
        """Starts davitd without waiting for it; for tests of what refuses to start."""
        env = {**(options.pop("env", None) or os.environ), "DAVIT_PACE": str(self.pace)}
        log = open(self.log_path, "ab")
        with log:
            self.process = subprocess.Popen(
                WRAPPER
                + self.wrapper
                + [self.program, "--config", str(self.folder / "davit.yaml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                **options,
            )
        return self.process

    def start(self, **options):
        seen = self.log_path.stat().st_size if self.log_path.exists() else 0
        self.launch(**options)

        def listening():
            assert self.process.poll() is None, f"davitd ended: {self.log()}"
            for line in self.log_path.read_bytes()[seen:].decode().splitlines():
                if "HTTP-LISTEN" in line and "port=" in line:
                    return int(line.rsplit("port=", 1)[1])
            return None

        self.port = wait_for("listening", listening)
        self.write_configuration()  # a restart keeps the port
        wait_for("readiness", lambda: self.get("/readyz").status == 200)
        return self

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def kill(self):
        """As a power cut of the daemon alone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)

    def clean_up(self):
        """Ends the daemon and every supervised process of the site."""
        code = self.stop()
        self.holder.close()
        subprocess.run(["pkill", "-KILL", "-f", str(self.folder)], check=False)
        return code

    # --- asking ---

    def request(self, method, path, body=None, headers=None, over_unix=False, timeout=30):
        """One request on a connection of its own. body: bytes, or anything JSON can say."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json; charset=utf-8")
        if over_unix:
            connection = UnixConnection(self.socket_path, timeout)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer = Answer(answer.status, answer.headers, answer.read())
            head = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
            self.shown += canary.found(head.encode() + answer.body, f"the answer of {method} {path}")
            return answer
        finally:
            connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, body, **options)

    # --- the job family ---

    def execute(self, command, **members):
        answer = self.post("/execute", execute_body(command, **members), headers=OKHTTP)
        assert answer.status == 200, answer
        return answer.json()["task_id"]

    def status(self, task):
        return self.get(f"/execute/{task}/getStatus").json()

    def await_status(self, task, *wanted, deadline=None):
        wanted = wanted or ("COMPLETED", "ERROR", "CANCELLED")

        def reached():
            status = self.status(task)
            return status if status["task_status"] in wanted else None

        return wait_for(f"task {task} to be {wanted}", reached, deadline)

    def task_log(self, task):
        return self.get(f"/execute/{task}/getLog").json()["logs"]["content"]

    # --- the service family ---

    def service(self, method, path, body=None, **options):
        return self.request(method, "/api/service/v1" + path, body, **options)

    def made(self, path, body):
        """Creates something and returns its row."""
        answer = self.service("POST", path, body)
        assert answer.status == 200 and answer.text.startswith("{"), answer
        return answer.json()

    def job(self, job):
        return self.get(f"/v1/jobs/{urllib.parse.quote(job)}").json()

    def await_job(self, job, deadline=None):
        def ended():
            status = self.get(f"/status/{job}").json()
            return status if status["state"] in ("COMPLETED", "ERROR", "CANCELLED") else None

        return wait_for(f"job {job} to end", ended, deadline)


def refused(site):
    """Starts a daemon that must not start; returns what it said."""
    seen = site.log_path.stat().st_size if site.log_path.exists() else 0
    process = site.launch()
    assert process.wait(DEADLINE) == 1
    site.process = None
    return site.log_path.read_bytes()[seen:].decode()


def execute_body(command, **members):
    """What the backend sends: nine keys."""
    body = {
        "bucket": "bucket",
        "project_id": "project",
        "name": "pipeline",
        "version": "1",
        "credentials": {
            "endpoint": "http://127.0.0.1:1",
            "access_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
        },
        "input_artifacts": "project/remote/pipeline/1/Input",
        "command": command,
        "storage": "local",
        "environment": {},
    }
    body.update(members)
    return {key: value for key, value in body.items() if value is not None}

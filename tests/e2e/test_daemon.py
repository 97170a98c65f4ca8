"""Starting, stopping, limits and broken surroundings of the daemon itself."""

import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time

import davit_site
import canary
import pytest
from davit_site import BUILD, DEADLINE, ROOT, execute_body, refused, wait_for


def test_a_second_daemon_is_told_who_is_the_first(sites):
    site = sites().start()
    first = site.process
    said = refused(site)
    assert str(first.pid) in said
    site.process = first
    assert site.get("/healthz").status == 200


def test_the_lock_can_be_handed_over(sites):
    site = sites()
    folder = site.folder / "data"
    folder.mkdir(mode=0o700)
    lock = os.open(folder / "davitd.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert "davitd" in refused(site)
    site.start(pass_fds=[lock], env=os.environ | {"DAVIT_LOCK_FD": str(lock)})
    os.close(lock)
    assert site.get("/healthz").status == 200
    first = site.process
    assert str(first.pid) in refused(site) or "another davitd" in site.log()
    site.process = first


# Puts a socket where service managers do, then becomes what the other arguments say.
HAND_OVER = """
import os, sys
given = int(sys.argv[1])
os.dup2(given, 3)
given == 3 or os.set_inheritable(given, False)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.argv[2], sys.argv[2:])
"""


def hand_over(site, monkeypatch, listener):
    """The site's daemons get listener from now on; returns what start() needs for it."""
    wrapper = [sys.executable, "-c", HAND_OVER, str(listener.fileno())]
    program = shutil.which(davit_site.WRAPPER[0]) if davit_site.WRAPPER else None
    monkeypatch.setattr(
        davit_site, "WRAPPER", wrapper + ([program] + davit_site.WRAPPER[1:] if program else [])
    )
    site.port = listener.getsockname()[1]
    site.write_configuration()
    return {"pass_fds": [listener.fileno()]}


def test_connections_wait_in_a_listening_socket_that_was_handed_over(sites, monkeypatch):
    site = sites()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        options = hand_over(site, monkeypatch, listener)
        site.start(**options)
        assert site.port == listener.getsockname()[1]
        task = site.execute("true")
        site.await_status(task, "COMPLETED")
        assert site.stop() == 0
        with socket.create_connection(("127.0.0.1", site.port), DEADLINE) as waiting:
            waiting.settimeout(DEADLINE)
            waiting.sendall(
                f"GET /execute/{task}/getStatus HTTP/1.1\r\n"
                "Host: davit.example\r\nConnection: close\r\n\r\n".encode()
            )
            site.start(**options)
            answer = waiting.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 ") and b"COMPLETED" in answer, answer
    assert "HTTP-LISTEN-FD" not in site.log()


def test_a_socket_that_fits_no_listener_is_closed_and_logged(sites, monkeypatch):
    site = sites()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        options = hand_over(site, monkeypatch, listener)
        address = f"127.0.0.1:{site.port}"
        site.port = 0
        site.write_configuration()
        site.start(**options)
        assert f"descriptor=3 ({address}) is closed" in site.log()
        assert not os.path.exists(f"/proc/{site.process.pid}/fd/3") or os.readlink(
            f"/proc/{site.process.pid}/fd/3"
        ) != os.readlink(f"/proc/self/fd/{listener.fileno()}")


def test_sigterm_ends_it_and_leaves_jobs_running(sites):
    site = sites(settings="  shell: true\n").start()
    gate = site.marks / "gate"
    task = site.execute(f"while [ ! -e {gate} ]; do sleep 0.05; done; echo survived")
    site.await_status(task, "RUNNING")
    assert site.stop() == 0
    gate.touch()
    site.start()
    assert site.await_status(task)["task_status"] == "COMPLETED"
    assert "survived" in site.task_log(task)


def test_a_newer_database_is_left_alone(sites):
    site = sites().start()
    site.stop()
    file = site.folder / "data" / "davit.db"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 999")
    before = file.read_bytes()
    assert "newer" in refused(site)
    assert file.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(sites):
    site = sites()
    (site.folder / "data").mkdir(mode=0o700)
    file = site.folder / "data" / "davit.db"
    file.write_bytes(b"this is a letter to my aunt, not a database " * 40)
    said = refused(site)
    assert "davit.db" in said and "database" in said
    assert file.read_bytes().startswith(b"this is a letter")


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "davit-test", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_and_loses_nothing(sites, small_disk):
    site = sites(davit=f"store: sqlite:{small_disk}/davit.db\n").start()
    kept = site.execute("true")
    site.await_status(kept)
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    accepted = []

    def full():
        answer = site.post("/execute", execute_body("true", name="n" * 20000))
        if answer.status == 200:
            accepted.append(answer.json()["task_id"])
        return answer if answer.status == 503 else None

    answer = wait_for("the disk to be full", full)
    assert "disk" in answer.json()["error"]
    assert site.get("/readyz").status == 503
    assert site.status(kept)["task_status"] == "COMPLETED"
    filler.unlink()
    answer = wait_for(
        "the daemon to recover",
        lambda: (a := site.post("/execute", execute_body("true"))).status == 200 and a,
    )
    accepted.append(answer.json()["task_id"])
    assert site.get("/readyz").status == 200
    for task in accepted:
        assert site.await_status(task)["task_status"] == "COMPLETED"


def test_a_read_only_database_is_said(sites, small_disk):
    site = sites(davit=f"store: sqlite:{small_disk}/davit.db\n").start()
    site.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    said = refused(site)
    assert "read-only" in said or "readonly" in said


@pytest.mark.parametrize(
    "text, words",
    [
        ("jobs: {max_runing: 3}\n", ["max_runing", "max_running"]),
        ("jobs: {max_running: many}\n", ["max_running"]),
        ("datadir: x\n", ["datadir", "data_dir"]),
        ("import_roots: 5\n", ["import_roots"]),
    ],
)
def test_a_wrong_configuration_names_file_line_and_key(sites, text, words):
    site = sites(davit=text)
    said = refused(site)
    assert "davit.yaml:" in said
    for word in words:
        assert word in said


def test_other_addresses_than_loopback_are_refused(sites):
    site = sites()
    file = site.folder / "davit.yaml"
    file.write_text(file.read_text().replace("127.0.0.1", "0.0.0.0"))
    assert "loopback" in refused(site)


# --- the front ---


def test_only_the_unix_socket_may_change_things_under_v1(sites):
    site = sites(settings="  shell: true\n").start()
    task = site.execute("sleep 60")
    answer = site.post(f"/v1/jobs/{task}/cancel")
    assert answer.status == 403 and answer.json()["error"]["code"] == "forbidden"
    mode = os.stat(site.socket_path).st_mode
    assert stat.S_IMODE(mode) == 0o600
    answer = site.post(f"/v1/jobs/{task}/cancel", over_unix=True)
    assert answer.status == 200, answer
    assert site.await_status(task)["task_status"] == "CANCELLED"


def test_requests_from_foreign_pages_are_refused(site):
    for headers in (
        {"Origin": "https://example.org"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = site.post("/execute", execute_body("true"), headers=headers)
        assert answer.status == 403, headers
    assert site.get("/execute").json() == []


def test_browser_headers_that_a_backend_forwards_do_no_harm(site):
    for headers in (
        {"Host": "fixed.example", "Origin": "http://essedum:8080"},
        {"Host": "fixed.example", "Sec-Fetch-Site": "cross-site"},
    ):
        answer = site.post("/execute", execute_body("true"), headers=headers)
        assert answer.status == 200, headers


def test_bytes_that_are_no_text_are_refused_in_the_form_of_their_part(site):
    assert site.get("/execute?project=%ff").json() == {"error": "the query is not UTF-8"}
    answer = site.service("GET", "/endpoints/%ff")
    assert answer.status == 400 and answer.json() == "the path is not UTF-8"


def test_big_headers_are_taken(site):
    answer = site.get("/execute", headers={"Cookie": "c" * 60000})
    assert answer.status == 200


def test_a_body_beyond_memory_goes_through_a_file(sites):
    site = sites(davit="http: {max_body_memory_bytes: 65536, max_body_bytes: 9000000}\n").start()
    answer = site.post("/execute", execute_body("true", environment={"BIG": "x" * 2000000}))
    assert answer.status == 200, answer
    answer = site.post("/execute", execute_body("x" * 10000000))
    assert answer.status == 413 and "error" in answer.json()
    assert not list((site.folder / "data" / "tmp").glob("*"))


def test_head_and_options(site):
    head = site.request("HEAD", "/execute")
    assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) > 0
    options = site.request("OPTIONS", "/execute")
    assert options.status == 200
    assert {"GET", "HEAD", "POST"} <= {m.strip() for m in options.headers["Allow"].split(",")}


def test_the_connection_test_of_the_backend_succeeds(site):
    for method, path in (
        ("GET", "/"),
        ("POST", "/"),
        ("GET", "/execute"),
        ("GET", "/cloudconnect"),
        ("POST", "/cloudconnect"),
    ):
        answer = site.request(method, path, {} if method == "POST" else None)
        assert answer.status == 200, (method, path, answer)


def test_health_readiness_and_the_description(site):
    assert site.get("/healthz").json()["status"] == "ok"
    assert site.get("/readyz").status == 200
    document = site.get("/swagger.json").json()
    assert document["openapi"].startswith("3.")
    assert "/execute/{id}/getStatus" in document["paths"]
    assert "/api/service/v1/datasets/list" in document["paths"]


def test_the_reference_lists_every_route_and_no_other(site):
    paths = site.get("/swagger.json").json()["paths"]
    served = {
        f"| {method.upper()} | `{path}` | {operation['summary']} |"
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    text = (ROOT / "docs" / "rest.md").read_text(encoding="utf-8")
    written = {line for line in text.splitlines() if re.match(r"\| [A-Z]+ \| `/", line)}
    assert written == served


def test_jobs_are_listed_in_pages_and_filtered(sites):
    site = sites().start()
    tasks = [site.execute("echo hello") for _ in range(5)]
    for task in tasks:
        site.await_status(task)
    seen, cursor = [], ""
    while True:
        page = site.get("/v1/jobs?limit=2" + (f"&cursor={cursor}" if cursor else "")).json()
        assert len(page["jobs"]) <= 2
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == sorted(tasks, reverse=True)
    assert site.get("/v1/jobs?state=failed").json()["jobs"] == []
    assert len(site.get("/v1/jobs?state=succeeded&provider=local").json()["jobs"]) == 5
    assert site.get("/v1/jobs?state=nonsense").status == 400
    log = site.get(f"/v1/jobs/{tasks[0]}/log")
    assert log.text.endswith("hello\n") and log.headers["Content-Type"].startswith("text/plain")


def test_secrets_of_a_request_are_kept_nowhere(sites):
    site = sites().start()
    for part in ("AK-hidden-1", "SK-hidden-2"):
        canary.keep(part)
    credentials = {"endpoint": "http://x", "access_key": "AK-hidden-1", "secret_key": "SK-hidden-2"}
    task = site.execute("true", credentials=credentials)
    site.await_status(task)
    site.stop()
    for file in pathlib.Path(site.folder).rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"AK-hidden-1" not in content and b"SK-hidden-2" not in content, file


def memory_kib(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise AssertionError(field)


@pytest.mark.skipif("san" in BUILD.name, reason="sanitizers take memory of their own")
def test_two_thousand_leaked_connections_cost_little_and_are_closed(sites):
    """The client makes a new pool per call and never closes it."""
    bound_mib = 64
    site = sites().start()
    site.get("/healthz")
    before = memory_kib(site.process.pid, "VmRSS")
    leaked = []
    for _ in range(2000):
        raw = socket.create_connection(("127.0.0.1", site.port), 10)
        raw.sendall(b"GET /execute/null/getStatus HTTP/1.1\r\nHost: x\r\n\r\n")
        leaked.append(raw)
    for raw in leaked:
        assert raw.recv(65536).startswith(b"HTTP/1.1 200")
    grown = (memory_kib(site.process.pid, "VmRSS") - before) / 1024
    print(f"\nleaked_connections_memory {grown:.1f} MiB {bound_mib} "
          f"{'ok' if grown <= bound_mib else 'short'}")
    assert grown <= bound_mib
    assert site.get("/healthz").status == 200

    def all_closed():
        still = []
        for raw in leaked:
            raw.setblocking(False)
            try:
                if raw.recv(1) != b"":
                    still.append(raw)
            except BlockingIOError:
                still.append(raw)
        return not still

    wait_for("idle connections to be closed", all_closed, 30)
    for raw in leaked:
        raw.close()


def test_idle_uses_no_processor_time(sites):
    """The original spun after the first job."""
    site = sites().start()
    site.await_status(site.execute("true"))

    def ticks():
        fields = pathlib.Path(f"/proc/{site.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    time.sleep(1)  # what the job's end still stirs
    before = ticks()
    time.sleep(2)
    assert ticks() - before <= 2  # of 200


def test_it_ends_cleanly_while_clients_hang(sites):
    site = sites(davit="drain_seconds: 2\n").start()
    raw = socket.create_connection(("127.0.0.1", site.port), 10)
    raw.sendall(b"POST /execute HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    begin = time.monotonic()
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(DEADLINE) == 0
    assert time.monotonic() - begin < 30
    raw.close()


def test_version_and_reference_are_printed():
    davitd = str(BUILD / "host" / "davitd")
    assert subprocess.run([davitd, "--version"], capture_output=True, check=True).stdout
    said = subprocess.run([davitd, "--print-config-reference"], capture_output=True, check=True)
    assert b"max_running" in said.stdout
    assert subprocess.run([davitd, "--nonsense"], capture_output=True, check=False).returncode == 2



"""Figures of a running davitd. Each function below prints lines `name value unit`."""

import http.client
import json
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.dont_write_bytecode = True

from davit_site import OKHTTP, Site, execute_body  # noqa: E402


def figure(name, value, unit):
    print(f"{name} {value:.4g} {unit}", flush=True)


class BenchSite:
    def __init__(self, **options):
        self.options = options

    def __enter__(self):
        self.site = Site(tempfile.mkdtemp(prefix="davit-bench."), **self.options)
        return self.site

    def __exit__(self, *_):
        self.site.clean_up()
        shutil.rmtree(self.site.folder, ignore_errors=True)


def memory(site, field):
    rollup = pathlib.Path(f"/proc/{site.process.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith(field))


def start():
    """From exec to /readyz, with an empty store and with 10,000 ended jobs."""
    with BenchSite() as site:
        begin = time.perf_counter()
        site.start()
        figure("start_empty", (time.perf_counter() - begin) * 1000, "ms")
        task = site.execute("true")
        site.await_status(task)
        site.stop()
        with sqlite3.connect(site.folder / "data" / "davit.db") as db:
            columns = [row[1] for row in db.execute("PRAGMA table_info(jobs)")]
            rest = ",".join(c for c in columns if c not in ("id", "submission"))
            for n in range(10000):
                name = f"{n:024d}"
                db.execute(
                    f"INSERT INTO jobs(id,submission,{rest}) SELECT ?,?,{rest} FROM jobs "
                    "WHERE id=?", (name, name, task))
        begin = time.perf_counter()
        site.start()
        figure("start_10000_jobs", (time.perf_counter() - begin) * 1000, "ms")


def memory_idle():
    """Private memory of an idle daemon, and after 2,000 statuses."""
    with BenchSite() as site:
        site.start()
        figure("private_memory_idle", memory(site, "Private_") / 1024, "MiB")
        task = site.execute("true")
        for _ in range(2000):
            site.status(task)
        figure("private_memory_after_2000_requests", memory(site, "Private_") / 1024, "MiB")


def clients(site, count, seconds, work):
    """count threads repeat work(connection) for that long; returns calls per second."""
    done = [0] * count
    end = time.monotonic() + seconds

    def run(index):
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        while time.monotonic() < end:
            work(connection)
            done[index] += 1
        connection.close()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / seconds


def status():
    """getStatus on kept connections, as fast as four Python clients can ask."""
    with BenchSite() as site:
        site.start()
        task = site.execute("true")
        site.await_status(task)

        def ask(connection):
            connection.request("GET", f"/execute/{task}/getStatus", headers=OKHTTP)
            connection.getresponse().read()

        figure("status_per_second", clients(site, 4, 3, ask), "1/s")


def accept():
    """Durable POST /execute with no capacity to run them, 16 clients."""
    with BenchSite(davit="jobs: {max_running: 1}\n", settings="  shell: true\n") as site:
        site.start()
        blocker = site.execute("sleep 600")
        site.await_status(blocker, "RUNNING")
        body = json.dumps(execute_body("true")).encode()

        def post(connection):
            connection.request("POST", "/execute", body, {"Content-Type": "application/json"})
            assert connection.getresponse().read().startswith(b"{")

        figure("accepted_per_second", clients(site, 16, 3, post), "1/s")
        site.get(f"/execute/{blocker}/stop")


FIGURES = {f.__name__: f for f in (start, memory_idle, status, accept)}


def main(names):
    if names == ["--list"]:
        for name, f in FIGURES.items():
            print(f"{name}: {f.__doc__}")
        return
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        sys.exit(f"no figure '{unknown[0]}'; there are: {', '.join(FIGURES)}")
    for name in names or FIGURES:
        FIGURES[name]()


main(sys.argv[1:])

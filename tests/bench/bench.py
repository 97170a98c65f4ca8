"""Figures of a running davitd: ./bench [--list] [--tiny] [NAME…]"""

import json
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab import (  # noqa: E402
    PROGRAMS,
    Lab,
    await_ready,
    cpu,
    cpu_per_answer,
    figure,
    load,
    memory_mib,
    request,
    rounds,
    some,
)
from davit_site import BUILD, execute_body, wait_for  # noqa: E402
from clouds import gateway, held, journal, tracked  # noqa: E402
from order import out_of_turn  # noqa: E402
from work import work  # noqa: E402
from workers import worker  # noqa: E402
import digits  # noqa: E402

BIG_POOL = 139264  # bytes a connection takes in a bare server that takes headers as long as ours
LATE_MOST = 50  # jobs that the other slots start in a second or so, while one takes long to start
NO_SLOTS = {
    "davit": "jobs: {max_running: 0, max_queued: 1000000, max_queued_per_project: 1000000}\n"
}


def status():
    """CPU time of the server per getStatus, against a bare libmicrohttpd of the same answer."""
    with Lab() as lab:
        site = lab.site.start()
        task = site.execute("true")
        site.await_status(task)
        path = f"/execute/{task}/getStatus"
        answer = site.get(path).body
        bare, bare_port = lab.bare("constant", answer)
        big, big_port = lab.bare("constant", answer, BIG_POOL)
        plain = lab.requests("plain", request("GET", path))
        close = lab.requests("close", request("GET", path, headers="Connection: close\r\n"))
        for name, file, fresh, count, bound in (
            ("status_kept", plain, False, 20000, 3.0),
            ("status_fresh", close, True, 6000, 1.5),
            ("status_dropped", plain, True, 6000, 1.5),
        ):
            ours, its, large = rounds(
                some(7, 1),
                *(
                    lambda pid=pid, port=port: cpu_per_answer(
                        pid, port, 4, file, answers=some(count, 20), fresh=fresh
                    )
                    for pid, port in ((lab.pid, site.port), (bare, bare_port), (big, big_port))
                ),
            )
            figure(f"{name}_cpu", ours, "us")
            figure(f"{name}_cpu_bare", its, "us")
            figure(f"{name}_cpu_ratio", ours / its, "ratio", most=bound)
            figure(f"{name}_cpu_ratio_same_header_limit", ours / large, "ratio")


def commits(database, seconds):
    """The C loop that writes copies of the newest job to a fresh copy of the database."""
    copy = database.with_suffix(".copy")
    for path in database.parent.glob(copy.name + "*"):
        path.unlink()
    shutil.copyfile(database, copy)
    return subprocess.Popen(
        [PROGRAMS / "bench_commit", copy, str(seconds)], stdout=subprocess.PIPE, text=True
    )


def rows_per_second(loop):
    with loop:
        rows, took = loop.stdout.read().split()
    return int(rows) / float(took)


def accept():
    """Durable POST /execute with 64 clients, against a parser and a commit loop."""
    body = json.dumps(execute_body("true")).encode()
    seconds = some(1.5, 0.5)
    with Lab(**NO_SLOTS) as lab, Lab() as disk:
        site = lab.site.start()
        file = lab.requests("post", request("POST", "/execute", body))
        answer = site.post("/execute", execute_body("true")).body
        _, bare_port = lab.bare("parse", answer)
        # The loop's row is one that the daemon wrote, and its file one that the daemon made.
        database = disk.site.folder / "davit.db"
        with lab.database() as ours:
            ours.execute("VACUUM INTO ?", (str(database),))

        def per_second(port):
            answers, took = load(port, 64, file, seconds=seconds)
            return answers / took

        def both():
            loop = commits(database, seconds)
            return per_second(bare_port), rows_per_second(loop)

        # Two threads beside the load generator's, then one.
        ours, (parser, loop), parser_alone, loop_alone = rounds(
            some(5, 1),
            lambda: per_second(site.port),
            both,
            lambda: per_second(bare_port),
            lambda: rows_per_second(commits(database, seconds)),
        )
        figure("accepted_per_second", ours, "1/s")
        figure("accept_parser_per_second", parser, "1/s")
        figure("accept_commit_loop_per_second", loop, "1/s")
        figure("accepted_of_the_slower", ours / min(parser, loop), "ratio", least=0.5)
        figure("accept_parser_alone_per_second", parser_alone, "1/s")
        figure("accept_commit_loop_alone_per_second", loop_alone, "1/s")
        figure("accepted_of_the_parser_alone", ours / parser_alone, "ratio")
        figure("accepted_of_the_commit_loop_alone", ours / loop_alone, "ratio")


def fill(lab, task, count):
    """Copies of an ended job, by a transaction of ours while the daemon is stopped. What is sealed
    belongs to its row, so the copies are without."""
    with lab.database() as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(job)")]
        own = ("id", "submission", "request", "checkpoint", "progress", "result")
        rest = ",".join(c for c in columns if c not in own)
        for n in range(count):
            name = f"0{n:023d}"
            db.execute(
                f"INSERT INTO job(id,submission,{rest}) SELECT ?,?,{rest} FROM job WHERE id=?",
                (name, name, task),
            )
    db.close()


def starts(lab):
    """Median milliseconds from exec to /readyz of some starts, and private memory after one."""
    times = []
    for _ in range(some(5, 1)):
        times.append(await_ready(lab.site))
        memory = lab.private_mib()
        lab.site.stop()
    return statistics.median(times), memory


def start():
    """From exec to /readyz: an empty store, 10,000 ended jobs, 10,000 jobs that wait."""
    jobs = some(10000, 50)
    for name, options in (("ended", {}), ("waiting", NO_SLOTS)):
        with Lab("worker", **options) as lab:
            site = lab.site.start()
            site.stop()
            if name == "ended":
                figure("start_empty", starts(lab)[0], "ms")
            site.start()
            task = site.execute("true")
            if name == "ended":
                site.await_status(task)
            if name == "waiting":
                body = json.dumps(execute_body("true")).encode()
                load(site.port, 64, lab.requests("post", request("POST", "/execute", body)), answers=jobs)
            site.stop()
            if name == "ended":
                fill(lab, task, jobs)
            ms, memory = starts(lab)
            figure(f"start_{jobs}_{name}_jobs", ms, "ms", most=150)
            figure(f"private_memory_{jobs}_{name}_jobs", memory, "MiB", most=8)


def idle():
    """CPU of a minute without a client, and private memory before and after a load."""
    seconds = some(60, 1)
    with Lab("worker") as lab:
        site = lab.site.start()
        task = site.execute("true")
        site.await_status(task)
        pids = lab.pids
        private, libraries = map(sum, zip(*map(memory_mib, pids)))
        figure("private_memory_idle", private, "MiB", most=8)
        figure("library_pages_idle", libraries, "MiB")
        time.sleep(some(2, 0))
        before = sum(map(cpu, pids))
        time.sleep(seconds)
        used = sum(map(cpu, pids)) - before
        figure(f"idle_cpu_{seconds}_s", used * 1000, "ms", most=5)
        body = json.dumps(execute_body("true")).encode()
        get = lab.requests("get", request("GET", f"/execute/{task}/getStatus"))
        post = lab.requests("post", request("POST", "/execute", body))
        load(site.port, 64, get, answers=some(20000, 100))
        load(site.port, 64, post, answers=some(500, 20))
        wait_for("all jobs to end", lambda: open_jobs(lab) == 0)
        figure("private_memory_after_load", lab.private_mib(), "MiB", most=8)


def open_jobs(lab):
    db = lab.database()
    with db:
        (count,) = db.execute("SELECT count(*) FROM job WHERE finished_ms = 0").fetchone()
    db.close()
    return count


def predict():
    """Rows a second of davit predict, concurrency 8, batches of 16, against the model's socket."""
    rows = some(10000, 128)
    with Lab() as lab:
        site = lab.site.start()
        endpoint = digits.deploy(site, 1)
        lines = (digits.EXAMPLE / "heldout.csv").read_text().splitlines()[1:]
        lines = (lines * (rows // len(lines) + 1))[:rows]
        table = lab.file("rows.csv", "\n".join(lines).encode() + b"\n")
        instances = [[int(cell) for cell in line.split(",")[1:]] for line in lines]
        bodies = [
            json.dumps({"instances": instances[n : n + 16]}).encode()
            for n in range(0, rows - 15, 16)
        ]
        kept = lab.requests("kept", *(request("POST", "/predict", b) for b in bodies))
        closed = lab.requests(
            "closed",
            *(request("POST", "/predict", b, "Connection: close\r\n") for b in bodies),
        )
        # It has two names; only the one in the runtime folder fits into an address.
        socket = min(site.folder.rglob("*.serve"), key=lambda path: len(str(path)))
        command = [BUILD / "cli" / "davit", "predict", endpoint, "--file", table, "--no-header"]
        command += ["--exclude", "1", "--concurrency", "8", "--batch", "16", "--host"]
        command += [f"unix://{site.socket_path}", "-o", site.folder / "predictions.jsonl"]
        used = []

        def by_command():
            before = cpu(lab.pid) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            before += resource.getrusage(resource.RUSAGE_CHILDREN).ru_stime
            begin = time.perf_counter()
            subprocess.run(list(map(str, command)), check=True, capture_output=True)
            took = time.perf_counter() - begin
            after = cpu(lab.pid) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            after += resource.getrusage(resource.RUSAGE_CHILDREN).ru_stime
            used.append((after - before) / rows)
            return rows / took

        def direct(file, fresh):
            answers, took = load(socket, 8, file, answers=len(bodies), fresh=fresh)
            return answers * 16 / took

        for _ in range(some(3, 0)):  # the first ones tell the daemon how many the server takes
            by_command()
        ours, one, each = rounds(
            some(9, 1),
            by_command,
            lambda: direct(kept, False),
            lambda: direct(closed, True),
        )
        answered = (site.folder / "predictions.jsonl").read_text().splitlines()
        assert len(answered) == rows and not any('"error"' in line for line in answered)
        figure("predict_rows_per_second", ours, "1/s")
        figure("predict_rows_per_second_at_the_model", one, "1/s")
        figure("predict_rows_per_second_at_the_model_fresh", each, "1/s")
        figure("predict_of_the_model", ours / one, "ratio", least=0.8)
        figure("predict_of_the_model_fresh", ours / each, "ratio")
        figure("predict_cpu_per_row", statistics.median(used) * 1e6, "us")


def script_ms(command):
    """How long such a command takes by itself, from fork to exit."""
    times = []
    for _ in range(some(50, 3)):
        begin = time.perf_counter()
        subprocess.run(command.split(), check=True)
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def queue():
    """1,000 short jobs queued at once with 4 slots: order, overhead of each, jobs a second."""
    count, slots, command = some(1000, 12), 4, "sleep 0.01"
    with Lab() as lab:
        site = lab.site.start()
        body = json.dumps(execute_body(command)).encode()
        post = lab.requests("post", request("POST", "/execute", body))
        begin = time.perf_counter()
        load(site.port, 1, post, answers=count)
        wait_for("all jobs to end", lambda: open_jobs(lab) == 0, 300)
        took = time.perf_counter() - begin
        db = lab.database()
        jobs = db.execute(
            "SELECT rowid, state, started_ms, finished_ms FROM job ORDER BY rowid"
        ).fetchall()
        db.close()
    alone = script_ms(command)
    ended = sum(job[1] == "succeeded" for job in jobs)
    early, late = out_of_turn([job[2] for job in jobs])
    figure("queue_jobs_not_succeeded", count - ended, "jobs", most=0)
    figure("queue_places_started_early", early, "jobs", most=slots - 1)
    figure("queue_places_started_late", late, "jobs", most=LATE_MOST)
    figure("queue_job_time", statistics.median(j[3] - j[2] for j in jobs), "ms")
    figure("queue_script_time", alone, "ms")
    figure(
        "queue_overhead_per_job", statistics.mean(j[3] - j[2] for j in jobs) - alone, "ms"
    )
    figure("queue_slot_time_per_job", took * 1000 * slots / count - alone, "ms")
    figure("queue_jobs_per_second", count / took, "1/s")


ALL = (status, accept, start, idle, work, predict, queue, held, tracked, gateway, journal, worker)
FIGURES = {f.__name__: f for f in ALL}


def main(words):
    names = [word for word in words if word != "--tiny"]
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

"""What the figures of ./bench share: a daemon of their own, the C programs, CPU time, lines."""

import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.dont_write_bytecode = True

from davit_site import BUILD, Site  # noqa: E402

PROGRAMS = BUILD / "tests" / "bench"
TINY = "--tiny" in sys.argv  # counts so small that the figures mean nothing


def some(count, tiny):
    return tiny if TINY else count


def figure(name, value, unit, most=None, least=None):
    """Prints a line: name value unit, and with a bound of the project: bound ok|short."""
    line = f"{name} {value:.4g} {unit}"
    if most is not None:
        line += f" {most:g} {'ok' if value <= most else 'short'}"
    if least is not None:
        line += f" {least:g} {'ok' if value >= least else 'short'}"
    print(line, flush=True)


def cpu(pid):
    """CPU seconds of a process with all its threads, ended ones too, in nanoseconds' grain."""
    return time.clock_gettime((~pid << 3) | 2)


def memory_mib(pid):
    """What a process has for itself, and the clean pages it looks at of the system's libraries:
    these are the page cache's, and private or not by what else runs."""
    private = libraries = 0
    in_library = False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            in_library = words[-1].startswith(("/usr/lib/", "/lib/"))
        elif words[0] == "Private_Dirty:" or (words[0] == "Private_Clean:" and not in_library):
            private += int(words[1])
        elif words[0] in ("Private_Clean:", "Shared_Clean:") and in_library:
            libraries += int(words[1])
    return private / 1024, libraries / 1024


def private_mib(pid):
    return memory_mib(pid)[0]


class Lab:
    """A folder with a davitd in it; everything started here ends with it. Its providers run in the
    daemon, so that what it costs is that of one process, unless a figure says otherwise."""

    def __init__(self, isolation="inline", **options):
        folder = tempfile.mkdtemp(prefix="davit-bench.")
        self.site = Site(folder, isolation=isolation, **options)
        self.others = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in self.others:
            program.stdin.close()
            program.wait(10)
            program.stdout.close()
        self.site.clean_up()
        shutil.rmtree(self.site.folder, ignore_errors=True)

    @property
    def pid(self):
        return self.site.process.pid

    @property
    def pids(self):
        """The daemon and its workers."""
        workers = [p.get("worker", {}) for p in self.site.get("/v1/providers").json()["providers"]]
        return [self.pid] + [w["pid"] for w in workers if "pid" in w]

    def private_mib(self):
        """Of all of them."""
        return sum(map(private_mib, self.pids))

    def file(self, name, content):
        path = self.site.folder / name
        path.write_bytes(content)
        return str(path)

    def requests(self, name, *requests):
        """A file of requests as the load generator reads it."""
        return self.file(name, b"".join(b"%d\n%b" % (len(r), r) for r in requests))

    def server(self, name, *words):
        """Starts a program that says its port and serves; returns its process id and port."""
        program = subprocess.Popen(
            [PROGRAMS / name, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.others.append(program)
        return program.pid, int(program.stdout.readline())

    def bare(self, mode, answer, *pool):
        return self.server("bench_bare", mode, self.file("answer", answer), *pool)

    def database(self):
        return sqlite3.connect(self.site.folder / "data" / "davit.db")


def request(method, path, body=None, headers=""):
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n{headers}"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")


def load(address, clients, file, answers=0, seconds=0, fresh=False):
    """Runs the load generator; returns answers and seconds. All answers must be 200."""
    words = [PROGRAMS / "bench_load", address, clients, answers, seconds]
    words += ["fresh" if fresh else "kept", file]
    run = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
    done, took, bad = run.stdout.split()
    assert bad == "0" and int(done) > 0, f"{done} answers, {bad} of them not 200"
    return int(done), float(took)


def cpu_per_answer(pids, *arguments, **options):
    """Microseconds of CPU that the server, or all its processes, spend on each answer of such a
    load."""
    pids = [pids] if isinstance(pids, int) else pids
    before = sum(map(cpu, pids))
    answers, _ = load(*arguments, **options)
    return (sum(map(cpu, pids)) - before) / answers * 1e6


def rounds(count, *measures):
    """Calls the measures in turn, count times over; returns the median of each figure.

    A measure answers one figure, or a tuple of figures."""
    results = [[] for _ in measures]
    for n in range(count):
        order = range(len(measures)) if n % 2 == 0 else reversed(range(len(measures)))
        for i in order:
            results[i].append(measures[i]())
    return [median(values) for values in results]


def median(values):
    if isinstance(values[0], tuple):
        return tuple(map(statistics.median, zip(*values)))
    return statistics.median(values)


def await_ready(site):
    """From now to 200 of /readyz, in milliseconds. The port must be known."""
    begin = time.perf_counter()
    site.launch()
    while True:
        assert site.process.poll() is None, site.log()
        try:
            if site.get("/readyz").status == 200:
                return (time.perf_counter() - begin) * 1000
        except OSError:
            pass
        time.sleep(0.001)

"""The figures of a cloud's calls and jobs: the fake cloud of tests/fakes/cloud, and testcloud."""

import contextlib
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

from lab import PROGRAMS, Lab, cpu, cpu_per_answer, figure, load, request, rounds, some
from cloud import PROVIDER, SECRET, Cloud
from davit_site import wait_for

STACK_KIB = 16  # of the kernel, for each thread
QUESTION = json.dumps({"instances": [[round(n * 0.37, 2) for n in range(32)]]}).encode()


@contextlib.contextmanager
def clouded(
    scheme="https", poll_ms=0, calls=20000, davit="", program=None, env=None, isolation="inline"
):
    """A daemon with a cloud, and room for so many calls at once."""
    with tempfile.TemporaryDirectory(prefix="davit-bench-cloud.") as folder:
        with contextlib.closing(Cloud(folder, "--token-seconds", "86400")) as cloud:
            port = urllib.parse.urlsplit(cloud.https if scheme == "https" else cloud.http).port
            endpoint = f"{scheme}://localhost:{port}"
            provider = (
                f"provider: testcloud\nplugin: {PROVIDER}\nmax_running: 100000\nmax_calls: {calls}\n"
                f"egress: ['{endpoint}']\nprivate_networks: [127.0.0.0/8]\n"
                f"settings: {{endpoint: '{endpoint}', poll_ms: {poll_ms}}}\n"
            )
            davit += (
                f"calls: {{max_threads: {calls}, max_waiting: 20000}}\n"
                f"net: {{ca_file: '{cloud.ca_file}', max_connections: 20000, "
                "max_connections_per_host: 20000}\n"
                "connections:\n"
                f"  bench: {{type: TESTCLOUD, client_id: davit, client_secret: {SECRET}}}\n"
            )
            limits = ", max_connections: 30000, max_requests: 30000"
            options = {"default": "testcloud", "listener": limits, "davit": davit}
            with Lab(isolation, providers={"testcloud": provider}, **options) as lab:
                lab.site.program = program or lab.site.program
                lab.site.start(env=env)
                yield lab, cloud


def path(rest, query=""):
    return f"/api/service/v1/{rest}?adapter_instance=bench&project=bench{query}"


def made(site, rest, body):
    answer = site.post(path(rest), body)
    assert answer.status in (200, 201), answer
    return answer


def deployed(site):
    """An endpoint with a model on it, by its id."""
    at_once = {"behaviour": {"run_ms": 0}}
    model = made(site, "models/register", {"name": "m", **at_once}).json()["Id"]
    endpoint = made(site, "endpoints/register", {"name": "e", **at_once}).json()["Id"]
    made(site, f"endpoints/{endpoint}/deploy_model", {"model": model, **at_once})
    wait_for("the model", lambda: site.post(infer(endpoint), {"instances": []}).status == 200)
    return endpoint


def infer(endpoint):
    return path(f"endpoints/{endpoint}/infer", "&native=true")


def pace(lab, name, count, seconds, content):
    """Starts clients that come by the clock; see paced()."""
    words = [PROGRAMS / "bench_pace", lab.site.port, count, seconds, lab.file(name, content)]
    return subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True)


def paced(program):
    """Its end: how many had no answer, seconds, and the 99th of 100 in milliseconds."""
    with program:
        words = program.stdout.read().split()
    assert program.returncode == 0 and len(words) == 6, words
    return int(words[1]), float(words[2]), int(words[4]) / 1000


# --- many calls held ---


def resident_kib(pid):
    """Pages of a process and stacks of its threads in the kernel; and how many threads."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    now = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
    threads = int(now["Threads"][0])
    return int(now["VmRSS"][0]) + STACK_KIB * threads, threads


def hold(lab, cloud, endpoint, count, seconds):
    """Keeps count calls waiting that come over seconds. Returns how many had no answer, KiB and
    threads of each, and the 99th of 100 states before and meanwhile, in milliseconds."""
    close = "Connection: close\r\n"
    question = request("POST", infer(endpoint), QUESTION, close)
    status = request("GET", f"/execute/{lab.task}/getStatus", headers=close)
    alone = 0  # what a status needs is there before calls come
    if seconds:
        _, _, alone = paced(pace(lab, "status", 50 * seconds, seconds, status))
    cloud.ask("POST", "/hold", {"path": f"/v1/endpoints/{endpoint}:predict"})
    before, threads_before = resident_kib(lab.pid)
    calls = pace(lab, "question", count, seconds, question)
    states = pace(lab, "status", 50 * seconds, seconds, status) if seconds else None
    wait_for("all calls to be held", lambda: cloud.stats()["held"] == count, 60)
    late, _, p99 = paced(states) if seconds else (0, 0, 0)
    after, threads = resident_kib(lab.pid)
    cloud.ask("POST", "/release")
    bad, _, _ = paced(calls)
    each = ((after - before) / count, (threads - threads_before) / count)
    return bad + late, each, (alone, p99)


def held():
    """5,000 predict calls at once that a cloud holds: memory of each, and the state of jobs."""
    count, seconds = some(5000, 50), some(10, 1)
    for name, scheme in (("http1", "http"), ("http2", "https")):
        with clouded(scheme) as (lab, cloud):
            endpoint = deployed(lab.site)
            lab.task = lab.site.get("/v1/jobs").json()["jobs"][0]["id"]
            cloud.ask("POST", "/stats")
            bad, (kib, threads), (alone, p99) = hold(lab, cloud, endpoint, count, seconds)
            connections = cloud.stats()["connections"]["all"]["most"]
            figure(f"held_{name}_errors", bad, "calls", most=0)
            figure(f"held_{name}_memory_per_call", kib, "KiB", most=64)
            figure(f"held_{name}_threads_per_call", threads, "threads")
            most = 100 if scheme == "https" else None
            figure(f"held_{name}_connections", connections, "connections", most=most)
            figure(f"held_{name}_status_p99", p99, "ms", most=5)
            figure(f"held_{name}_status_p99_alone", alone, "ms")
        with clouded(scheme) as (lab, cloud):
            endpoint = deployed(lab.site)
            lab.task = lab.site.get("/v1/jobs").json()["jobs"][0]["id"]
            bad, (kib, _), _ = hold(lab, cloud, endpoint, count, 0)
            figure(f"held_{name}_burst_errors", bad, "calls")
            figure(f"held_{name}_burst_memory_per_call", kib, "KiB")


# --- many jobs tracked ---

CALLS = 64  # at once: so many threads there may be beside the daemon's own


def threads_of(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


def tracked():
    """100,000 jobs that run at a cloud and are asked for every 60 s."""
    count, interval = some(100000, 100), some(60, 1)
    davit = "jobs: {max_running: 100000, max_queued: 1000000, max_queued_per_project: 1000000}\n"
    with clouded(poll_ms=interval * 1000, calls=CALLS, davit=davit) as (lab, cloud):
        body = json.dumps({"name": "t", "behaviour": {"run_ms": -1}}).encode()
        post = lab.requests("post", request("POST", path("pipelines/training/train"), body))
        begin = time.perf_counter()
        load(lab.site.port, 64, post, answers=count)
        wait_for("all jobs to run", lambda: cloud.stats()["objects"]["jobs"] >= count, 600)
        figure("tracked_submitted_per_second", count / (time.perf_counter() - begin), "1/s")
        time.sleep(interval)  # until each has been asked for once
        cloud.ask("POST", "/stats")
        before, threads = cpu(lab.pid), []
        begin = time.perf_counter()
        while time.perf_counter() - begin < 2 * interval:
            threads.append(threads_of(lab.pid))
            time.sleep(0.5)
        used, took = cpu(lab.pid) - before, time.perf_counter() - begin
        stats = cloud.stats()
        seconds = stats["seconds"]["GET /v1/jobs/*"][: 2 * interval]
        gets = {int(n): jobs for n, jobs in stats["gets"]["jobs"].items()}
        figure("tracked_cpu", used / took, "cores", most=0.3)
        # Those whose time is just when the count begins may have one more, or less.
        figure("tracked_polled_not_twice", 1 - gets.get(2, 0) / count, "ratio", most=0.005)
        figure("tracked_polls_per_job_least", min(gets), "polls", least=1)
        figure("tracked_polls_per_job_most", max(gets), "polls", most=3)
        mean = sum(seconds) / len(seconds)
        figure("tracked_polls_per_second", mean, "1/s")
        figure("tracked_worst_second", max(seconds) / mean, "ratio", most=2)
        figure("tracked_threads", max(threads), "threads", most=CALLS + 16)


# --- against a gateway ---


def token(cloud):
    form = {"grant_type": "client_credentials", "client_id": "davit", "client_secret": SECRET}
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(cloud.http + "/oauth/token", data, 30) as answer:
        return json.load(answer)["access_token"]


def gateway():
    """CPU time of a predict call through the daemon, inline and by a worker, against a bare gateway in C."""
    with contextlib.ExitStack() as stack:
        lab, cloud = stack.enter_context(clouded())
        far, _ = stack.enter_context(clouded(calls=64, isolation="worker"))
        endpoint = deployed(lab.site)
        url = f"https://localhost:{cloud.port}/v1/endpoints/{endpoint}:predict"
        bare, bare_port = lab.server("bench_gateway", url, cloud.ca_file, token(cloud))
        file = lab.requests("predict", request("POST", infer(endpoint), QUESTION))
        count = some(8000, 32)
        far_pids = far.pids
        far_file = far.requests("predict", request("POST", infer(deployed(far.site)), QUESTION))
        ours, its, apart = rounds(
            some(7, 1),
            lambda: cpu_per_answer(lab.pid, lab.site.port, 16, file, answers=count),
            lambda: cpu_per_answer(bare, bare_port, 16, file, answers=count),
            lambda: cpu_per_answer(far_pids, far.site.port, 16, far_file, answers=count),
        )
        figure("gateway_cpu", ours, "us")
        figure("gateway_cpu_bare", its, "us")
        figure("gateway_cpu_ratio", ours / its, "ratio", most=1.5)
        figure("gateway_cpu_worker", apart, "us")


# --- the journal of a submission ---

TRAINING = json.dumps({"name": "t", "behaviour": {"run_ms": 1}}).encode()


class Counted:
    """A daemon whose commits are counted."""

    def __init__(self, stack, folder, name, program):
        self.counts = pathlib.Path(folder) / name
        library = PROGRAMS / "bench_commits.so"
        env = os.environ | {"LD_PRELOAD": str(library), "BENCH_COMMITS": str(self.counts)}
        self.lab, _ = stack.enter_context(clouded(poll_ms=50, program=program, env=env))
        self.post = self.lab.requests(
            "post", request("POST", path("pipelines/training/train"), TRAINING)
        )
        self.jobs = 0
        self.run(some(200, 8), 8)  # connections and a token, and statements of SQL

    def now(self):
        return (cpu(self.lab.pid), *struct.unpack("QQ", self.counts.read_bytes()))

    def run(self, count, clients):
        """Jobs from their acceptance to their end: CPU in us, commits and waits for the disk of
        each."""
        before = self.now()
        for some_of_them in [1] * count if clients == 1 else [count]:
            load(self.lab.site.port, clients, self.post, answers=some_of_them)
            self.jobs += some_of_them
            wait_for("all jobs to end", self.all_ended, 300)
        took = [after - first for after, first in zip(self.now(), before)]
        return took[0] / count * 1e6, took[1] / count, took[2] / count

    def all_ended(self):
        with contextlib.closing(self.lab.database()) as db:
            where = "state = 'succeeded'"
            (ended,) = db.execute(f"SELECT count(*) FROM job WHERE {where}").fetchone()
        return ended >= self.jobs


def journal():
    """What the journal adds to a job at a cloud: CPU and commits, against a daemon without it."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="davit-bench-counts."))
        with_it = Counted(stack, folder, "with", None)
        without = Counted(stack, folder, "without", str(PROGRAMS / "bench_plain"))
        for name, clients, count in (
            ("alone", 1, some(50, 3)),  # nothing to share a commit with
            ("together", 64, some(1000, 8)),
        ):
            ours, plain = rounds(
                some(5, 1),
                lambda: with_it.run(count, clients),
                lambda: without.run(count, clients),
            )
            for word, unit, each, its in zip(("cpu", "commits", "syncs"), ("us", "1", "1"), ours, plain):
                figure(f"journal_{name}_{word}", each, unit)
                figure(f"journal_{name}_{word}_without", its, unit)
                most = {} if word == "cpu" else {"most": 2}
                figure(f"journal_{name}_{word}_added", each - its, unit, **most)

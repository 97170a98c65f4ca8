"""What it costs that a provider runs in a process of its own, against one in the daemon."""

import json
import os
import pathlib
import signal
import statistics
import subprocess
import time

from davit_site import BUILD, wait_for
from lab import PROGRAMS, Lab, cpu, figure, load, private_mib, request, rounds, some

ECHO = BUILD / "tests" / "providers" / "echo.so"
WORKERS = 5


def provider(name, isolation):
    return f"provider: {name}\nplugin: {ECHO}\nisolation: {isolation}\n"


def site_options():
    names = {"near": "inline"} | {f"far{i}": "worker" for i in range(WORKERS)}
    connections = "".join(f"  {name}: {{type: ECHO, provider: {name}}}\n" for name in names)
    return {
        "providers": {name: provider(name, where) for name, where in names.items()},
        "davit": f"connections:\n{connections}workers: {{max_deaths: 0}}\n",
    }


def path_of(name):
    return f"/api/service/v1/function/execute?adapter_instance={name}&project=p"


def body_of(words):
    return json.dumps({"Script": words, "Body": {}}).encode()


def run(site, name, words):
    headers = {"Content-Type": "application/json"}
    answer = site.request(
        "POST", path_of(name), body_of(words), headers, over_unix=True, timeout=120
    )
    assert answer.status == 200, answer


def stay_on(pid, cpu_number):
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {cpu_number})


def spun(site, name, pids, count):
    """Time and CPU of a service that does nothing, in microseconds."""
    used = sum(map(cpu, pids))
    began = time.monotonic()
    run(site, name, f"spin:{count}")
    took = time.monotonic() - began
    return took / count * 1e6, (sum(map(cpu, pids)) - used) / count * 1e6


def bare(cpus, count):
    out = subprocess.run(
        [PROGRAMS / "bench_pair", str(count), *map(str, cpus)], stdout=subprocess.PIPE, check=True
    ).stdout
    return [int(word) / 1000 for word in out.split()]


def services(lab, cpus, count, suffix):
    site, pid = lab.site, lab.pid
    far = site.get("/v1/providers/far0").json()["worker"]["pid"]
    stay_on(pid, cpus[0])
    stay_on(far, cpus[1])
    asked, empty, pairs = [], [], []
    for _ in range(some(7, 1)):
        asked.append(spun(site, "far0", (pid, far), count))
        empty.append(spun(site, "near", (pid,), count))
        pairs.append(bare(cpus, count))
    for i, what in enumerate(("time", "cpu")):
        ours = statistics.median(a[i] - e[i] for a, e in zip(asked, empty))
        its = statistics.median(p[i] for p in pairs)
        figure(f"worker_service_{what}_{suffix}", ours, "us")
        figure(f"worker_service_{what}_{suffix}_bare", its, "us")
        figure(f"worker_service_{what}_{suffix}_ratio", ours / its, "ratio", most=2.5)


def is_gone(pid):
    return not pathlib.Path(f"/proc/{pid}").exists()  # the daemon has waited for it


def spawn_ms(site, name):
    """From a call that finds its worker dead to its answer, less a call that does not."""

    def timed():
        began = time.monotonic()
        run(site, name, "x")
        return (time.monotonic() - began) * 1000

    later = []
    for _ in range(some(20, 2)):
        pid = site.get(f"/v1/providers/{name}").json()["worker"]["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: is_gone(pid))
        first = timed()
        later.append(first - timed())
    return statistics.median(later)


def calls_per_second(lab, name):
    file = lab.requests(name, request("POST", path_of(name), body_of("x")))
    count = some(4000, 20)
    began = time.monotonic()
    load(lab.site.socket_path, 8, file, answers=count)
    return count / (time.monotonic() - began)


def worker():
    """Start, memory, calls a second and services of a provider in a worker, against inline."""
    with Lab(**site_options()) as lab:
        site = lab.site.start()
        for name in ["near"] + [f"far{i}" for i in range(WORKERS)]:
            run(site, name, "x")
        workers = [
            site.get(f"/v1/providers/far{i}").json()["worker"]["pid"] for i in range(WORKERS)
        ]
        time.sleep(some(3, 0))
        figure("worker_private_memory", private_mib(workers[0]) * 1024, "KiB", most=400)
        total = sum(map(private_mib, workers))
        figure(f"worker_private_memory_of_{WORKERS}", total, "MiB", most=2)
        figure("worker_start", spawn_ms(site, "far1"), "ms")
        near, far = rounds(
            some(5, 1),
            lambda: calls_per_second(lab, "near"),
            lambda: calls_per_second(lab, "far2"),
        )
        figure("worker_calls_per_second", far, "1/s")
        figure("worker_calls_per_second_inline", near, "1/s")
        count = some(20000, 100)
        services(lab, (0, 0), count, "one_core")
        services(lab, (0, min(1, (os.cpu_count() or 1) - 1)), count, "two_cores")

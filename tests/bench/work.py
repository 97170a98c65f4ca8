"""Private memory after a day's work: data sets, trainings that tell much, lists, large requests."""

import concurrent.futures
import subprocess
import time

from lab import Lab, figure, some
from davit_site import BUILD

TALKS = "for n in range({}): print(f'step {{n}} loss={{1 / (n + 1)}}')\n"
IDLE_SECONDS = 13  # threads without a task end after ten


def davit(lab, *words):
    command = [BUILD / "cli" / "davit", *words, "--host", f"unix://{lab.site.socket_path}"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)


def at_once(calls):
    """Runs the calls, each on a thread; fails if one did."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as threads:
        for result in [threads.submit(call) for call in calls]:
            result.result()


def asks(site, megabytes):
    """A request that is too large to be right, and is read whole."""
    body = {"command": "x" * (megabytes * some(1000000, 1000))}
    assert site.post("/execute", body).status == 400


def work():
    """Private memory of a daemon that is idle again: after data sets, trainings, lists, and large requests."""
    with Lab("worker") as lab:
        site = lab.site.start()
        table = lab.file("table.csv", b"1,2,3,4,5,6,7,8\n" * some(625000, 100))
        script = lab.file("talks.py", TALKS.format(some(100000, 100)).encode())
        for n in range(some(2, 1)):
            at_once(
                [
                    lambda name=f"table{n}-{i}": davit(lab, "datasets", "create", table, "--name", name)
                    for i in range(4)
                ]
            )
        for n in range(some(12, 1)):
            davit(lab, "train", script, "--name", f"talks{n}", "--follow")
            davit(lab, "runs")
        for _ in range(some(3, 1)):
            at_once([lambda m=m: asks(site, m) for m in (1, 2, 4, 8, 16, 8, 4, 2)])
        figure("private_memory_at_work", lab.private_mib(), "MiB")
        time.sleep(some(IDLE_SECONDS, 0))
        figure("private_memory_after_work", lab.private_mib(), "MiB", most=8)

"""An idle daemon keeps little of what its work needed."""

import concurrent.futures
import pathlib

import pytest

from davit_site import WRAPPER, wait_for

GROWTH_MIB = 4  # threads, pages of the store and what their heaps keep; 80 and more when all is kept
SIZES = (1, 2, 4, 8, 16, 8, 4, 2)  # MB of requests at once


def anonymous_mib(site):
    status = pathlib.Path(f"/proc/{site.process.pid}/status").read_text()
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(kib) / 1024


def has_the_usual_allocator(site):
    maps = pathlib.Path(f"/proc/{site.process.pid}/maps").read_text()
    return not WRAPPER and "libasan" not in maps and "libtsan" not in maps


def test_memory_of_large_requests_goes_back_to_the_system(site):
    if not has_the_usual_allocator(site):
        pytest.skip("the allocator is another one")
    before = anonymous_mib(site)

    def ask(megabytes):
        return site.post("/execute", {"command": "x" * (megabytes * 1000000)}).status

    with concurrent.futures.ThreadPoolExecutor(len(SIZES)) as threads:
        for _ in range(3):
            assert set(threads.map(ask, SIZES)) == {400}
    wait_for("the memory", lambda: anonymous_mib(site) < before + GROWTH_MIB, 30)

"""Readiness: true only while the store takes what it is given."""

import resource
import time

from davit_site import execute_body, wait_for


def limit_files(site, size):
    """Every write past that size fails, as on a disk that is full."""
    _, most = resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE, (size, most))


def test_ready_is_false_while_writes_fail_and_true_again_by_itself(site):
    _, before = resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE)
    limit_files(site, 4096)
    refused = site.post("/execute", execute_body("true"))
    assert refused.status == 503, refused
    for _ in range(20):
        answer = site.get("/readyz")
        assert answer.status == 503, answer
        reason = answer.json()["reasons"][0]
        assert reason["part"] == "store" and "limit" in reason["text"], reason
    assert site.get("/healthz").status == 200
    limit_files(site, before)
    wait_for("readiness", lambda: site.get("/readyz").status == 200)
    site.await_status(site.execute("true"), "COMPLETED")


def test_room_for_a_small_write_does_not_make_it_ready(site):
    """The trial of a failing store is one page; a job is more than that."""
    _, before = resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE)
    store = site.folder / "data" / "davit.db"
    limit_files(site, max(p.stat().st_size for p in store.parent.glob("davit.db*")) + 16384)
    big = {"environment": {"TEXT": "x" * 600000}}
    wait_for(
        "a full store", lambda: site.post("/execute", execute_body("true", **big)).status == 503
    )
    end = time.monotonic() + 3  # it is tried every two seconds
    while time.monotonic() < end:
        assert site.get("/readyz").status == 503
        time.sleep(0.05)
    limit_files(site, before)
    wait_for("readiness", lambda: site.get("/readyz").status == 200)

"""A provider that does not come back from its slots (tests/providers/echo: deaf) when the daemon is
told to end."""

import os
import threading
import time

import pytest
from davit_site import BUILD, wait_for

ECHO = BUILD / "tests" / "providers" / "echo.so"
QUERY = "?adapter_instance=mirror&project=p1"
LEAVES_S = 10  # past drain_seconds, as the operator guide has it
SLOW_S = 20  # of a busy machine, or under a sanitizer


@pytest.fixture
def mirror(sites, monkeypatch):
    # A thread that does not come back is what this is about.
    options = os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"
    monkeypatch.setenv("TSAN_OPTIONS", options)
    return sites(
        providers={"echo": f"provider: echo\nplugin: {ECHO}\nisolation: inline\n"},
        davit="connections: {mirror: {type: ECHO}}\ndrain_seconds: 1\n",
    ).start()


def submit(site, words):
    body = {"name": "t", "behave": words}
    service = threading.Thread(
        target=lambda: site.service("POST", "/pipelines/training/train" + QUERY, body, over_unix=True)
    )
    service.start()
    jobs = wait_for("the job", lambda: site.get("/v1/jobs?kind=train").json()["jobs"])
    return jobs[0]["id"], service


def test_a_stuck_slot_keeps_the_daemon_not_for_long_and_its_job_goes_on_at_the_next_start(mirror):
    job, service = submit(mirror, "deaf_before_reply:600000 pend:1")
    wait_for("the submission", lambda: mirror.job(job)["state"] == "submitting")
    began = time.monotonic()
    assert mirror.stop() == 0
    assert time.monotonic() - began < 1 + LEAVES_S + SLOW_S
    service.join()
    log = mirror.log()
    stuck = [line for line in log.splitlines() if "PROVIDER-STUCK" in line]
    assert len(stuck) == 1, log
    assert f"provider=echo slot=davit.training.submit job={job} " in stuck[0], stuck
    assert "DAEMON-LEAVE" in log and "JOB-STUCK" in log, log

    mirror.start()
    ended = wait_for(
        "the end", lambda: (now := mirror.job(job))["state"] in ("succeeded", "failed") and now
    )
    assert ended["state"] == "succeeded" and ended["attempts"] == 1, ended
    rows = mirror.service("GET", "/pipelines/training/list" + QUERY, over_unix=True).json()
    assert len(rows) == 1, rows

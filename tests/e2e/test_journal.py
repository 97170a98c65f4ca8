"""What the journal of a submission decides after the daemon was killed, for a job of which the cloud
could not be asked: class none."""

import contextlib
import tempfile

import pytest
from cloud import SECRET, Account, Cloud, site_options
from davit_site import execute_body, wait_for

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET}
RUNS = ("running", "succeeded")


@pytest.fixture(scope="module")
def cloud():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder)
        yield made
        made.close()


@pytest.fixture
def site(cloud, sites):
    cloud.ask("POST", "/reset")
    return sites(default="testcloud", **site_options(cloud))


def kinds(site, job):
    items = site.get(f"/v1/jobs/{job}/timeline").json()["items"]
    return [item["kind"] for item in items]


def in_state(site, job, states):
    def look():
        now = site.job(job)
        return now if now["state"] in states else None

    return wait_for(f"job {job} in {states}", look)


def submitted(site, point):
    """A job in whose submission the daemon dies at that point; and the daemon of after it."""
    site.start(env=ENVIRONMENT | {"DAVIT_KILL": point})
    job = site.post("/execute", execute_body("python train.py")).json()["task_id"]
    wait_for("the daemon to die", lambda: site.process.poll() is not None)
    site.start(env=ENVIRONMENT)
    return job


@pytest.mark.parametrize(
    "point, end, asked",
    [
        # Nothing is written down, so nothing left.
        ("http_before_journal@POST create", RUNS, 1),
        # It is written down and did not leave, but who could know that?
        ("after_commit@journal sent", ("needs_decision",), 0),
        # The cloud answered; the answer is written down, or not.
        ("after_commit@journal answered", RUNS, 1),
        ("http_after_answer@POST create", ("needs_decision",), 1),
        # The submission came to its end.
        ("after_commit@edge submitting>running", RUNS, 1),
    ],
)
def test_what_nobody_could_ask_for_is_made_once_or_asked_of_a_person(cloud, site, point, end, asked):
    job = submitted(site, point)
    now = in_state(site, job, end)
    assert len(cloud.requests("/v1/jobs", "POST")) == asked
    assert len(cloud.objects()) == asked
    if "needs_decision" in end:
        assert "mutation 1 of its submission (create, sent to https://" in now["error"], now
        assert f"davit decide {job}" in now["error"], now
    else:
        assert kinds(site, job).count("answered") == 1, kinds(site, job)


def test_a_timeline_tells_of_a_submission_from_its_beginning(cloud, site):
    site.start(env=ENVIRONMENT)
    job = site.post("/execute", execute_body("python train.py")).json()["task_id"]
    in_state(site, job, ("succeeded",))
    told = kinds(site, job)
    expected = ["accepted", "edge", "sent", "answered", "call", "edge", "call", "edge"]
    assert [kind for kind in told if kind != "checkpoint"] == expected, told


@pytest.mark.parametrize("fault", ["http_400", "http_429", "http_500", "reset_after"])
def test_how_a_mutation_ended_is_told(cloud, site, fault):
    rules = {
        "http_400": {"fault": "status", "status": 400},
        "http_429": {"fault": "status", "status": 429},
        "http_500": {"fault": "status", "status": 500},
        "reset_after": {"fault": "reset_after"},
    }
    expected = {
        "http_400": ("answered", ("failed",)),
        "http_429": ("answered", RUNS),
        "http_500": ("unclear", ("needs_decision",)),
        "reset_after": ("unclear", ("needs_decision",)),
    }
    word, end = expected[fault]
    site.start(env=ENVIRONMENT)
    cloud.fails({"method": "POST", "path": "/v1/jobs", "count": 1, **rules[fault]})
    job = site.post("/execute", execute_body("python train.py")).json()["task_id"]
    in_state(site, job, end)
    told = kinds(site, job)
    assert told[told.index("sent") + 1] == word, told


def test_how_often_something_was_sent_is_told(cloud, site):
    site.start(env=ENVIRONMENT)
    fault = {"count": 1, "fault": "status", "status": 503}
    cloud.fails(
        {"method": "POST", "path": "/v1/jobs", **fault},
        {"method": "GET", "path": "/v1/jobs/*", **fault},
    )
    job = Account(site).train(run_ms=1)
    in_state(site, job, ("succeeded",))
    items = site.get(f"/v1/jobs/{job}/timeline").json()["items"]
    (answered,) = [item for item in items if item["kind"] == "answered"]
    assert (answered["attempts"], answered["mutation"]) == (2, 1), items
    assert answered["text"] == f"mutation 1 was answered {answered['status']}, in 2 attempts"
    calls = [item for item in items if item["kind"] == "call"]
    assert [call["detail"]["slot"] for call in calls] == ["submit", "poll"], calls
    assert "repeats" not in calls[0] and calls[1]["repeats"] == 1, calls
    assert "(1 request was sent again)" in calls[1]["text"], calls


@pytest.mark.parametrize("point", ["http_before_send", "http_after_answer"])
def test_each_cancel_that_may_have_left_is_told_whenever_the_daemon_dies(cloud, site, point):
    site.start(env=ENVIRONMENT | {"DAVIT_KILL": f"{point}@POST cancel"})
    job = Account(site).train(run_ms=3600000)
    in_state(site, job, ("running",))
    with contextlib.suppress(OSError):  # it may die before it has answered
        assert site.post(f"/v1/jobs/{job}/cancel", {}, over_unix=True).status == 200
    wait_for("the daemon to die", lambda: site.process.poll() is not None)
    site.start(env=ENVIRONMENT)
    in_state(site, job, ("cancelled",))
    items = site.get(f"/v1/jobs/{job}/timeline").json()["items"]
    told = [item["text"] for item in items if "cancel" in item["text"].split()]
    assert told == ["cancel begins", "cancel begins", "cancel ended: ok"], items


def test_a_kill_loses_no_more_than_the_last_of_the_polls_that_were_counted(cloud, site):
    site.start(env=ENVIRONMENT)
    job = Account(site).train(run_ms=3600000)

    def told():
        calls = [
            item["times"]
            for item in site.get(f"/v1/jobs/{job}/timeline").json()["items"]
            if item["kind"] == "call" and item["detail"]["slot"] == "poll"
        ]
        return calls if calls else None

    first = wait_for("polls in the timeline", told)
    assert first == [100]
    site.kill()
    site.start(env=ENVIRONMENT)
    assert told() == first
    wait_for("more of them", lambda: told() == [100, 100])

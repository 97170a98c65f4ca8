"""Strays of requests that arrive when nobody waits for them any more, and jobs whose cloud says now and
then what is not so."""

import concurrent.futures
import subprocess
import time

import pytest
from davit_site import BUILD, DEADLINE, wait_for
from strays import FOREVER, LATE_MS, Place, answers, cloud, count, ended  # noqa: F401 cloud is a fixture

GRACE_S = 15


def test_a_request_that_arrives_after_the_settle_delay_makes_a_stray(sites, cloud):
    place = Place(sites, cloud)
    job = place.train_late("custom_script", **FOREVER)
    wait_for("the job to run", lambda: place.site.job(job)["state"] == "running")
    assert place.sweep()["strays"] == 0
    place.arrive()
    (second,) = [made for made in cloud.objects() if made["id"] != place.site.job(job)["resource"]]
    assert place.sweep()["strays"] == 1
    stray = place.stray_of(second)
    assert (stray["because"], stray["job"]) == ("second", job)
    assert stray["text"] == f"its job {job} follows another object"
    assert stray["id"].startswith(job + "-")  # is not called as what its job follows
    answer = place.delete(second)
    assert answer.status == 409, answer  # it runs
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        path = f"/v1/strays/{stray['id']}/adopt"
        answers = list(pool.map(lambda _: place.ask("POST", path), range(4)))
    (adopted,) = [answer.json() for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} <= {200, 404, 409}
    assert adopted["state"] == "running" and adopted["id"] != job, adopted
    assert place.site.job(adopted["id"])["resource"] == second["id"]
    place.site.kill()
    place.site.start()
    assert place.sweep()["strays"] == 0
    place.cancel(adopted["id"])
    assert ended(place, adopted["id"])["state"] == "cancelled"
    states = {made["id"]: made["state"] for made in cloud.objects()}
    assert states.pop(second["id"]) == "CANCELLED" and list(states.values()) == ["RUNNING"]
    assert place.site.job(job)["state"] == "running" and place.sweep()["strays"] == 0


def test_a_second_object_that_has_ended_is_deleted_and_the_first_is_not(sites, cloud):
    place = Place(sites, cloud)
    job = place.train_late("custom_script", run_ms=1)
    assert ended(place, job)["state"] == "succeeded"
    place.arrive()
    assert place.sweep()["strays"] == 1
    (stray,) = place.strays()
    answer = place.ask("POST", f"/v1/strays/{stray['id']}/delete")
    assert answer.status == 200 and answer.json()["deleted"], answer
    assert [made["id"] for made in cloud.objects()] == [place.site.job(job)["resource"]]
    assert place.sweep()["strays"] == 0


@pytest.mark.parametrize("kind", ["train", "automl"])
def test_what_has_a_token_or_a_name_is_made_once_however_late(sites, cloud, kind):
    place = Place(sites, cloud)
    job = place.train_late(kind, **FOREVER)
    wait_for("the job to run", lambda: place.site.job(job)["state"] == "running")
    place.arrive()
    assert count(cloud) == 1 and place.sweep()["strays"] == 0


@pytest.fixture
def cancelled_late(sites, cloud):
    """A place, with a job whose requests, all of them, are given up and come later, and that is to be
    cancelled; its object is looked for when it is given."""
    pool = concurrent.futures.ThreadPoolExecutor(1)

    def make(kind, pace=2):
        place = Place(sites, cloud, pace, net="request_timeout_ms: 2000")
        cloud.fails({"method": "POST", "path": "/v1/jobs", "fault": "late", "ms": LATE_MS})
        pool.submit(place.account.train, kind, **FOREVER)
        wait_for("the request", cloud.fired)
        (job,) = place.account.jobs()
        place.cancel(job)
        wait_for("a look for it", lambda: place.site.job(job)["state"] == "recovering")
        wait_for("a request on its way", lambda: cloud.stats()["late"] > 0)
        assert count(cloud) == 0
        return place, job

    yield make
    pool.shutdown()


@pytest.mark.parametrize("kind", ["train", "automl", "custom_script"])
def test_what_arrives_in_the_grace_of_a_cancel_is_cancelled(cancelled_late, cloud, kind):
    place, job = cancelled_late(kind)
    place.arrive()
    assert ended(place, job)["state"] == "cancelled"
    assert [made["state"] for made in cloud.objects()] == ["CANCELLED"]
    assert place.sweep()["strays"] == 0


@pytest.mark.parametrize("kind", ["automl", "custom_script"])
def test_what_arrives_after_its_job_was_cancelled_is_a_stray(cancelled_late, cloud, kind):
    place, job = cancelled_late(kind, pace=3)
    looked = time.monotonic()
    assert ended(place, job)["state"] == "cancelled"
    assert time.monotonic() - looked > GRACE_S / 3 - 2
    assert count(cloud) == 0
    place.arrive()
    assert place.sweep()["strays"] == 1
    (stray,) = place.strays()
    assert (stray["because"], stray["job"]) == ("job_ended", job)
    assert stray["text"] == f"its job {job} ended as cancelled, and does not follow it"
    davit = [BUILD / "cli" / "davit", "--host", f"unix://{place.site.socket_path}", "strays"]
    shown = subprocess.run(davit, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert stray["text"] in shown.stdout
    adopted = place.ask("POST", f"/v1/strays/{stray['id']}/adopt").json()
    assert adopted["state"] == "running" and adopted["id"] != job, adopted
    place.cancel(adopted["id"])
    assert ended(place, adopted["id"])["state"] == "cancelled"
    assert [made["state"] for made in cloud.objects()] == ["CANCELLED"]
    assert place.sweep()["strays"] == 0 and place.site.job(job)["state"] == "cancelled"


def looks_answered(status, count, cancels=False):
    """The cloud answers so to what asks for a job, or wants one cancelled."""
    rules = [{"method": "GET", "path": "/v1/jobs/*"}]
    if cancels:
        rules.append({"method": "POST", "path": "/v1/jobs/*:cancel"})
    return [{**rule, "fault": "status", "status": status, "count": count} for rule in rules]


def running(place):
    job = place.account.train("train", **FOREVER)
    wait_for("a run", lambda: place.site.job(job)["state"] == "running")
    return job


@pytest.mark.parametrize("cancelled", [False, True])
def test_an_answer_that_nothing_is_there_ends_no_job_when_it_comes_now_and_then(
    sites, cloud, cancelled
):
    place = Place(sites, cloud)
    job = running(place)
    cloud.fails(*looks_answered(404, 3, cancels=True))
    if cancelled:
        place.cancel(job)
    asked = len(cloud.requests("/v1/jobs/*", "GET"))
    wait_for("an answer", lambda: len(cloud.requests("/v1/jobs/*", "GET")) > asked + 3)
    if not cancelled:
        assert place.site.job(job)["state"] == "running"
        place.cancel(job)
    assert ended(place, job)["state"] == "cancelled"
    assert place.object_of(job)["state"] == "CANCELLED"


@pytest.mark.parametrize("cancelled", [False, True])
def test_what_runs_on_though_its_job_ended_as_nothing_was_there_is_shown_and_adopted(
    sites, cloud, cancelled
):
    place = Place(sites, cloud)
    job = running(place)
    cloud.fails(*looks_answered(404, 1000, cancels=True))
    if cancelled:
        place.cancel(job)
    assert ended(place, job)["state"] == ("cancelled" if cancelled else "failed")
    cloud.fails()
    made = place.object_of(job)
    assert made["state"] == "RUNNING"
    place.sweep()
    stray = place.stray_of(made)
    assert (stray["because"], stray["job"]) == ("job_ended", job)
    answer = place.adopt(made)
    assert answer.status == 200, answer
    adopter = answer.json()["id"]
    assert adopter != job
    place.sweep()
    assert place.shown() == set()
    place.cancel(adopter)
    assert ended(place, adopter)["state"] == "cancelled"
    assert place.object_of(job)["state"] == "CANCELLED"
    place.sweep()
    assert place.shown() == set()


def test_a_cancel_goes_on_while_the_cloud_refuses_to_say_how_the_job_stands(sites, cloud):
    place = Place(sites, cloud, pace=20)
    job = running(place)
    cloud.fails(*looks_answered(400, 1000, cancels=True))
    place.cancel(job)
    asked = len(cloud.requests("/v1/jobs/*", "GET"))
    wait_for("polls", lambda: len(cloud.requests("/v1/jobs/*", "GET")) >= asked + 7, 60)
    shown = place.site.job(job)
    assert shown["state"] == "running" and "asked again" in shown["error"], shown
    cloud.fails()
    wait_for("its end", lambda: place.site.job(job)["state"] == "cancelled", 70)
    assert place.object_of(job)["state"] == "CANCELLED"


def test_a_cloud_that_is_away_keeps_neither_the_start_nor_a_sweep_waiting(sites, cloud):
    place = Place(sites, cloud)
    (lost,) = place.lost(FOREVER)
    before = count(cloud)
    rule = {"method": "POST", "path": "/v1/jobs", "fault": "timeout", "applied": True, "count": 9}
    cloud.fails(rule)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(place.account.train, "custom_script", **FOREVER)
        wait_for("its object", lambda: count(cloud) == before + 1)
        place.site.kill()
        assert sent.exception() is not None
    cloud.fails({"method": "GET", "path": "/v1/jobs", "fault": "reset_before", "count": 100000})
    place.site.launch()
    wait_for("the daemon", lambda: answers(place.site))
    wait_for("its start", lambda: place.site.get("/readyz").status == 200)
    (job,) = place.ask("GET", "/v1/jobs?state=recovering").json()["jobs"]
    wait_for("its trouble", lambda: "asked again" in (place.site.job(job["id"])["error"] or ""))
    # What it may have made is taken for no stray meanwhile, nor is what it follows then.
    cloud.fails()
    place.sweep()
    assert place.shown() == {lost["id"]}
    wait_for("its object", lambda: place.site.job(job["id"])["state"] == "running")


@pytest.mark.parametrize("status", [400, 403])
def test_a_token_that_is_refused_now_and_then_fails_no_job(sites, cloud, status):
    place = Place(sites, cloud)
    rule = {"method": "POST", "path": "/oauth/token", "fault": "status", "status": status}
    cloud.fails({**rule, "count": 1000})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(place.account.train, "train", **FOREVER)
        waits = wait_for(
            "its trouble",
            lambda: [
                job
                for job in place.site.get("/v1/jobs?state=submitting").json()["jobs"]
                if "tried again" in (job["error"] or "")
            ],
        )
        assert "token service answers" in waits[0]["error"]
        cloud.fails()
        job = sent.result()
    wait_for("a run", lambda: place.site.job(job)["state"] == "running")
    assert place.site.job(job)["error"] is None and count(cloud) == 1

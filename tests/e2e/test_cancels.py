"""Cancels at a cloud (tests/fakes/cloud): done once they were taken in, whatever the cloud answers and
whenever the daemon is killed; and nothing is cancelled or deleted that nobody asked for."""

import concurrent.futures
import sqlite3

import pytest
from changes import FAULTS, FOREVER, UNTIL_CANCELLED
from changes import account, cloud, fake, fault_id, site  # noqa: F401 fixtures
from changes import with_provider, without_provider
from davit_site import wait_for


def running(cloud, account, kind="train"):
    """A training that runs until it is cancelled; its job's id."""
    job = account.train(kind, **UNTIL_CANCELLED)
    wait_for("it to run", lambda: account.site.job(job)["state"] == "running")
    return job


def cancel(site, job):
    answer = site.post(f"/v1/jobs/{job}/cancel", {}, over_unix=True)
    assert answer.status == 200 and answer.json()["cancelled"], answer


@pytest.mark.parametrize("fault", FAULTS, ids=fault_id)
def test_a_cancel_is_asked_for_until_the_cloud_confirms_it(cloud, site, account, fault):
    job = running(cloud, account)
    cloud.fails({"method": "POST", "path": "/v1/jobs/*:cancel", "count": 2, **fault})
    cancel(site, job)
    wait_for("its end", lambda: site.job(job)["state"] == "cancelled", 90)
    assert [each["state"] for each in cloud.objects()] == ["CANCELLED"]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_cancel_survives_the_end_of_the_daemon(cloud, site, account, end):
    job = running(cloud, account)
    cloud.fails({"path": "/v1/jobs/*:cancel", "fault": "reset_before", "count": FOREVER})
    cancel(site, job)
    wait_for("a cancel at the cloud", lambda: cloud.fired() > 0)
    getattr(site, end)()
    assert cloud.objects()[0]["state"] == "RUNNING"
    cloud.ask("POST", "/faults", {"rules": []})
    site.start()
    wait_for("its end", lambda: site.job(job)["state"] == "cancelled", 90)
    assert cloud.objects()[0]["state"] == "CANCELLED"


@pytest.mark.pace(10)
def test_the_cancel_of_what_is_gone_ends_cancelled(cloud, site, account):
    job = running(cloud, account)
    cloud.ask("POST", "/reset", {"keep_tokens": True})
    cancel(site, job)
    wait_for("its end", lambda: site.job(job)["state"] in ("cancelled", "failed"), 60)
    assert site.job(job)["state"] == "cancelled", site.job(job)


# --- what never cancels or deletes anything ---


def untouched(cloud, since=0):
    """No request that cancels or deletes has come."""
    asked = cloud.requests("/v1/*", "DELETE", since) + [
        each for each in cloud.requests("/v1/jobs/*", "POST", since) if ":cancel" in each["path"]
    ]
    assert asked == [], asked
    assert {each["state"] for each in cloud.objects()} <= {"RUNNING", "PENDING"}


def followed_to_its_end(cloud, site, jobs):
    for job in jobs:
        wait_for("it to run", lambda job=job: site.job(job)["state"] == "running", 60)
    for job in jobs:
        cancel(site, job)
    for job in jobs:
        wait_for("its end", lambda job=job: site.job(job)["state"] == "cancelled", 60)
    assert {each["state"] for each in cloud.objects()} == {"CANCELLED"}
    assert len(cloud.objects()) == len(jobs)


KINDS = ["train", "automl", "custom_script"]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_the_end_of_the_daemon_cancels_nothing(cloud, site, account, end):
    jobs = [running(cloud, account, kind) for kind in KINDS]
    for _ in range(3):
        getattr(site, end)()
        untouched(cloud)
        site.start()
        untouched(cloud)
    followed_to_its_end(cloud, site, jobs)


def test_a_submission_that_a_stop_cuts_off_is_followed_and_not_cancelled(cloud, site, account):
    cloud.ask("POST", "/hold", {"method": "POST", "path": "/v1/jobs"})
    body = {"name": "t", "behaviour": UNTIL_CANCELLED}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(account.ask, "POST", "/pipelines/training/train", body)
        wait_for("the submission at the cloud", lambda: cloud.stats()["held"] == 1)
        site.stop()
    cloud.ask("POST", "/release")
    untouched(cloud)
    site.start()
    (job,) = account.jobs()
    wait_for("it to run", lambda: site.job(job)["state"] == "running")
    untouched(cloud)
    followed_to_its_end(cloud, site, [job])


def test_a_provider_that_is_missing_cancels_nothing_and_is_followed_when_it_is_back(
    cloud, site, account
):
    jobs = [running(cloud, account, kind) for kind in KINDS]
    site.kill()
    text = without_provider(site)
    for _ in range(2):
        site.start()
        for job in jobs:
            wait_for("it to wait", lambda j=job: site.job(j)["state"] == "orphaned_provider")
        site.stop()
        untouched(cloud)
    with_provider(site, text)
    followed_to_its_end(cloud, site, jobs)


def test_a_provider_that_is_refused_cancels_nothing(cloud, site, account):
    """A start with a file that does not pass the check."""
    job = running(cloud, account)
    good = site.providers["testcloud"]
    site.providers["testcloud"] = good.replace("testcloud.so", "refused_socket.so")
    site.stop()
    site.write_configuration()
    site.start()
    known = site.get("/v1/providers").json()["providers"]
    assert {each["state"] for each in known if each["id"] == "testcloud"} == {"refused"}, known
    wait_for("it to wait", lambda: site.job(job)["state"] == "orphaned_provider")
    untouched(cloud)
    with_provider(site, good)
    followed_to_its_end(cloud, site, [job])


def test_a_provider_that_leads_elsewhere_cancels_nothing(cloud, site, account):
    job = running(cloud, account)
    good = site.providers["testcloud"]
    site.providers["testcloud"] = good.replace(f"localhost:{cloud.port}", "localhost:1")
    site.stop()
    site.write_configuration()
    site.start()
    wait_for("it to wait", lambda: site.job(job)["state"] == "orphaned_provider")
    untouched(cloud)
    with_provider(site, good)
    followed_to_its_end(cloud, site, [job])


def test_a_cloud_that_cannot_be_reached_at_the_start_cancels_nothing(cloud, site, account):
    job = running(cloud, account)
    site.stop()
    cloud.fails({"fault": "reset_connect", "count": FOREVER})
    site.start()
    wait_for("a poll that fails", lambda: f"job={job}" in site.log().split("JOB-LOAD")[-1])
    assert site.job(job)["state"] in ("running", "recovering")
    untouched(cloud)
    cloud.fails()
    followed_to_its_end(cloud, site, [job])


def in_store(site, statement, job):
    store = sqlite3.connect(site.folder / "data" / "davit.db", timeout=10)
    try:
        with store:
            return store.execute(statement, (job,)).fetchall()
    finally:
        store.close()


@pytest.mark.parametrize("held", ["/v1/jobs", "/oauth/token"])
def test_a_lease_that_was_taken_away_cancels_nothing(cloud, site, account, held):
    """Somebody else has the next epoch of the job while its submission is on its way, or about to be
    written down: then it does not leave, and only the attempt of that epoch asks for the object."""
    cloud.ask("POST", "/hold", {"method": "POST", "path": held})
    body = {"name": "t", "behaviour": UNTIL_CANCELLED}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(account.ask, "POST", "/pipelines/training/train", body)
        wait_for("the submission at the cloud", lambda: cloud.stats()["held"] == 1)
        (job,) = account.jobs()
        in_store(site, "UPDATE job SET epoch = epoch + 1 WHERE id = ?", job)
        ((taken,),) = in_store(site, "SELECT epoch FROM job WHERE id = ?", job)
        cloud.ask("POST", "/release")
        asked.result()
    wait_for("it to run", lambda: site.job(job)["state"] == "running", 60)
    untouched(cloud)
    assert len(cloud.objects()) == 1
    if held == "/oauth/token":
        sent = in_store(site, "SELECT epoch FROM journal WHERE job = ? AND kind = 'sent'", job)
        assert [epoch > taken for (epoch,) in sent] == [True]
    followed_to_its_end(cloud, site, [job])

"""Deletes at a cloud (tests/fakes/cloud): done once they were taken in, whatever the cloud answers and
whenever the daemon is killed."""

import concurrent.futures
import time

import pytest
from changes import FAULTS, FOREVER, account, cloud, fake, fault_id, site  # noqa: F401 fixtures
from changes import with_provider, without_provider
from davit_site import wait_for

AT_ONCE = {"behaviour": {"run_ms": 0}}


def removals(site, **query):
    query = "".join(f"&{key}={value}" for key, value in query.items())
    return site.get(f"/v1/jobs?kind=remove{query}").json()["jobs"]


def no_job_is_at_it(site):
    open_states = "queued,submitting,running,recovering,orphaned_provider"
    wait_for("the end of all deletes", lambda: not removals(site, state=open_states))


# --- what can be deleted: how to make one, its collection at the cloud, and its delete ---


def make_dataset(account):
    return account.made("/datasets", {"name": "d", **AT_ONCE})["Id"]


def make_model(account):
    return account.made("/models/register", {"name": "m", **AT_ONCE})["Id"]


def make_endpoint(account):
    return account.made("/endpoints/register", {"name": "e", **AT_ONCE})["Id"]


def make_training(account):
    job = account.train(run_ms=1)
    wait_for("the end of the training", lambda: account.site.job(job)["state"] == "succeeded")
    return account.site.job(job)["result"]["id"]


THINGS = {
    "dataset": (make_dataset, "datasets", "/datasets/{}"),
    "model": (make_model, "models", "/models/{}"),
    "endpoint": (make_endpoint, "endpoints", "/endpoints/{}/delete"),
    "training": (make_training, "jobs", "/pipelines/training/{}/delete"),
}


def delete(account, thing, name):
    return account.ask("DELETE", THINGS[thing][2].format(name), timeout=90)


def objects(cloud, thing):
    return cloud.objects(THINGS[thing][1])


# --- faults ---

EVERY = [("dataset", fault) for fault in FAULTS] + [
    (thing, FAULTS[n]) for thing in ("model", "endpoint", "training") for n in (2, 6)
]


@pytest.mark.parametrize("thing, fault", EVERY, ids=fault_id)
def test_a_delete_is_done_whatever_the_cloud_answers_first(cloud, site, account, thing, fault):
    made = THINGS[thing][0](account)
    cloud.fails({"method": "DELETE", "count": 1, **fault})
    answer = delete(account, thing, made)
    assert answer.status == 200 and answer.json()["Id"] == made, answer
    assert objects(cloud, thing) == [] and cloud.fired() == 1
    (job,) = removals(site)
    assert job["state"] == "succeeded" and job["name"] == made, job
    assert delete(account, thing, made).status == 404


@pytest.mark.pace(10)
def test_a_delete_that_fails_for_long_goes_on_without_its_caller(cloud, site, account):
    made = make_dataset(account)
    cloud.fails({"method": "DELETE", "fault": "status", "status": 503, "count": FOREVER})
    answer = account.ask("DELETE", f"/datasets/{made}", timeout=90)
    assert answer.status == 504 and answer.text.startswith('"'), answer
    (job,) = removals(site, state="submitting")
    assert job["id"] in answer.json() and made in answer.json(), answer
    assert job["error"] and job["attempts"] > 1, job
    cloud.ask("POST", "/faults", {"rules": []})
    wait_for("the end of the data set", lambda: objects(cloud, "dataset") == [], 60)
    no_job_is_at_it(site)
    assert site.job(job["id"])["state"] == "succeeded"


@pytest.mark.pace(1)
def test_a_long_pause_is_kept_and_not_waited_for(cloud, site, account):
    made = make_dataset(account)
    slow = {"fault": "status", "status": 429, "retry_after": 600}
    cloud.fails({"method": "DELETE", **slow, "count": 1})
    began = time.monotonic()
    answer = account.ask("DELETE", f"/datasets/{made}")
    assert answer.status == 504 and time.monotonic() - began < 9, answer
    again = account.ask("DELETE", f"/datasets/{made}", timeout=90)
    assert again.status == 504, again
    assert len(removals(site)) == 1 and cloud.fired() == 1


REFUSALS = [
    ({"status": 409, "word": "FAILED_PRECONDITION"}, 409),
    ({"status": 400}, 400),
    ({"status": 403}, 502),
]


@pytest.mark.parametrize("fault, status", REFUSALS)
def test_a_refusal_is_the_callers_and_leaves_nothing_to_do(cloud, site, account, fault, status):
    made = make_dataset(account)
    cloud.fails({"method": "DELETE", "fault": "status", "count": 1, **fault})
    answer = account.ask("DELETE", f"/datasets/{made}")
    assert answer.status == status and answer.text.startswith('"'), answer
    assert removals(site, state="submitting") == []
    (job,) = removals(site, state="failed")
    assert job["error"] == answer.json(), job
    assert account.ask("DELETE", f"/datasets/{made}").status == 200


def test_what_is_not_there_is_404(cloud, site, account):
    assert account.ask("DELETE", "/datasets/nothing").status == 404
    assert account.ask("DELETE", "/datasets/0123456789abcdefghjkmnpq").status == 404
    assert cloud.requests("/v1/datasets", "DELETE") == []
    no_job_is_at_it(site)


def test_a_delete_asked_for_twice_is_one_delete(cloud, site, account):
    made = make_dataset(account)
    cloud.ask("POST", "/hold", {"method": "DELETE"})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(account.ask, "DELETE", f"/datasets/{made}") for _ in range(8)]
        wait_for("the delete at the cloud", lambda: cloud.stats()["held"] == 1)
        looks = lambda: len(cloud.requests(f"/v1/datasets/{made}", "GET"))  # noqa: E731
        wait_for("all of them to have looked for it", lambda: looks() == 9)
        time.sleep(0.5)  # a second one would be there by now
        assert cloud.stats()["held"] == 1 and len(removals(site)) == 1
        cloud.ask("POST", "/release")
        answers = [one.result() for one in asked]
    done = [answer for answer in answers if answer.status == 200]
    assert done and {answer.status for answer in answers} <= {200, 404}, answers  # who was late
    assert {answer.json()["Id"] for answer in done} == {made}
    assert len(cloud.requests(f"/v1/datasets/{made}", "DELETE")) == 1


def test_deletes_are_in_no_list_but_where_they_are_asked_for(site, account):
    made = make_training(account)
    before = account.jobs()
    assert delete(account, "training", made).status == 200
    assert account.jobs() == before
    assert account.get("/pipelines/training/list").json() == []
    (job,) = removals(site)
    path = f"/pipelines/training/{job['id']}"
    assert account.get(path + "/get").status == 404
    assert account.ask("DELETE", path + "/delete").status == 404
    assert site.post(f"/v1/jobs/{job['id']}/rerun", {}, over_unix=True).status == 400
    assert site.get(f"/v1/jobs/{job['id']}").json()["parent"] == before[0]


@pytest.mark.pace(10)
def test_a_delete_of_a_cloud_that_is_gone_can_be_given_up(cloud, site, account):
    made = make_dataset(account)
    cloud.fails({"method": "DELETE", "fault": "status", "status": 503, "count": FOREVER})
    assert account.ask("DELETE", f"/datasets/{made}", timeout=90).status == 504
    (job,) = removals(site)
    answer = site.post(f"/v1/jobs/{job['id']}/cancel", {}, over_unix=True)
    assert answer.status == 200, answer
    wait_for("its end", lambda: site.job(job["id"])["state"] == "cancelled")


# --- restarts ---


def held_delete(cloud, account, thing, made):
    """Asks for a delete and returns when the cloud has the request."""
    cloud.ask("POST", "/hold", {"method": "DELETE"})
    pool = concurrent.futures.ThreadPoolExecutor(1)
    asked = pool.submit(delete, account, thing, made)
    wait_for("the delete at the cloud", lambda: cloud.stats()["held"] == 1)
    pool.shutdown(wait=False)
    return asked


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("thing", THINGS)
def test_a_daemon_that_ends_in_a_delete_does_it_after_its_start(cloud, site, account, thing, end):
    made = THINGS[thing][0](account)
    held_delete(cloud, account, thing, made)
    getattr(site, end)()
    cloud.ask("POST", "/faults", {"rules": []})
    cloud.ask("POST", "/release")
    site.start()
    wait_for("the end of the object", lambda: objects(cloud, thing) == [])
    no_job_is_at_it(site)
    (job,) = removals(site)
    assert job["state"] == "succeeded", job
    assert delete(account, thing, made).status == 404


def test_a_daemon_killed_at_any_moment_of_deletes_loses_none(cloud, site, account):
    """Those that were answered 200 are gone for good, those that were begun are done."""
    cloud.ask("POST", "/settings", {"list_delay_ms": 0})
    made = [account.made("/datasets", {"name": f"d{n}", **AT_ONCE})["Id"] for n in range(24)]
    cloud.fails({"method": "DELETE", "probability": 0.3, "fault": "reset_after"})

    def one(name):
        try:
            return account.ask("DELETE", f"/datasets/{name}").status
        except OSError:
            return None

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for turn in range(6):
            asked = [pool.submit(one, name) for name in made[turn * 4 : turn * 4 + 4]]
            time.sleep(0.01 * turn)  # where the kill falls; any moment is right
            site.kill()
            answers = [each.result() for each in asked]
            site.start()
            assert set(answers) <= {200, 504, None}, answers
    cloud.ask("POST", "/faults", {"rules": []})
    no_job_is_at_it(site)
    begun = {job["name"] for job in removals(site)}
    left = {each["id"] for each in objects(cloud, "dataset")}
    assert begun & left == set() and begun | left == set(made)


@pytest.mark.pace(10)
def test_a_delete_waits_for_a_provider_that_is_not_there(cloud, site, account):
    made = make_dataset(account)
    cloud.fails({"method": "DELETE", "fault": "status", "status": 503, "count": FOREVER})
    assert account.ask("DELETE", f"/datasets/{made}", timeout=90).status == 504
    (job,) = removals(site)
    site.kill()
    cloud.ask("POST", "/faults", {"rules": []})
    text = without_provider(site)
    site.start()
    state = lambda: site.job(job["id"])["state"]  # noqa: E731
    wait_for("it to wait", lambda: state() == "orphaned_provider")
    assert len(objects(cloud, "dataset")) == 1
    with_provider(site, text)
    wait_for("its end", lambda: state() == "succeeded")
    assert objects(cloud, "dataset") == []

"""Whose account a job is done with (tests/fakes/cloud): what was begun with one account is asked for, repeated,
cancelled and deleted with no other, whatever the configuration says after a restart."""

import concurrent.futures
import tempfile

import pytest
from changes import FOREVER, UNTIL_CANCELLED, cloud, fake  # noqa: F401 fixtures
from cloud import SECRET, Account, Cloud, site_options
from davit_site import execute_body, wait_for

# The provider has an account of its own, which must never stand in for another.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET}


@pytest.fixture
def site(sites, cloud):
    return sites(default="testcloud", **site_options(cloud, pace=2)).start(env=ENVIRONMENT)


@pytest.fixture
def account(site):
    return Account(site)


def without_connection(site, name):
    """Takes a connection out of the configuration; returns what it said."""
    text = site.davit
    site.davit = "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith(f"  {name}:")
    )
    assert site.davit != text
    site.write_configuration()
    return text


def back(site, text):
    site.stop()
    site.davit = text
    site.write_configuration()
    site.start(env=ENVIRONMENT)


def running(account):
    job = account.train("train", **UNTIL_CANCELLED)
    wait_for("it to run", lambda: account.site.job(job)["state"] == "running")
    return job


def unclear(cloud, account):
    """A job of class search whose object was made, which the daemon that is killed does not know."""
    cloud.fails(
        {"method": "POST", "path": "/v1/jobs", "count": FOREVER, "fault": "timeout", "applied": True}
    )
    before = len(cloud.objects())
    body = {"name": "t", "behaviour": UNTIL_CANCELLED}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(account.ask, "POST", "/pipelines/training/custom_script", body)
        wait_for("the object", lambda: len(cloud.objects()) > before)
        account.site.kill()
        asked.exception()
    cloud.fails()


def parked(site, job, *words):
    wait_for("it to wait", lambda: site.job(job)["state"] == "orphaned_provider")
    error = site.job(job)["error"]
    assert all(word in error for word in words), error


def seen(cloud):
    """How many requests have come, of any path."""
    return len(cloud.requests(""))


def deletes_cut_off(cloud, account, count):
    """Data sets that are there, of whose deletes, {object: job}, the killed daemon knows no end."""
    body = {"name": "d", "behaviour": {"run_ms": 0}}
    made = [account.made("/datasets", body) for _ in range(count)]
    cloud.fails({"method": "DELETE", "fault": "status", "status": 503, "count": FOREVER})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = [pool.submit(account.ask, "DELETE", f"/datasets/{each['Id']}") for each in made]
        wait_for("them to be sent", lambda: len(cloud.requests("/v1/datasets/*", "DELETE")) >= count)
        found = account.site.get("/v1/jobs?kind=remove").json()["jobs"]
        account.site.kill()
        for each in asked:
            each.exception()
    assert len(found) == count, found
    cloud.fails()
    return {each["name"]: each["id"] for each in found}


def test_a_job_whose_connection_is_gone_waits_and_goes_on_when_it_is_back(cloud, site, account):
    job = running(account)
    site.stop()
    text = without_connection(site, account.name)
    before = seen(cloud)
    for _ in range(2):
        site.start(env=ENVIRONMENT)
        parked(site, job, f"connection '{account.name}'", "not in the configuration")
        answer = site.post(f"/v1/jobs/{job}/cancel", {}, over_unix=True)
        assert answer.status == 200, answer
        site.stop()
    assert seen(cloud) == before
    back(site, text)
    wait_for("its end", lambda: site.job(job)["state"] == "cancelled")
    assert [each["state"] for each in cloud.objects()] == ["CANCELLED"]


def test_an_unclear_submission_is_not_looked_for_with_another_account(cloud, site, account):
    unclear(cloud, account)
    text = without_connection(site, account.name)
    before = seen(cloud)
    site.start(env=ENVIRONMENT)
    (job,) = account.jobs()
    parked(site, job, f"connection '{account.name}'")
    assert seen(cloud) == before
    back(site, text)
    wait_for("it to run", lambda: site.job(job)["state"] == "running")
    assert site.job(job)["error"] is None
    assert len(cloud.objects()) == 1


def test_a_job_that_waits_for_its_turn_does_not_begin_with_another_account(cloud, sites):
    options = site_options(cloud)
    full = {"testcloud": options["providers"]["testcloud"].replace("running: 100", "running: 0")}
    site = sites(default="testcloud", **{**options, "providers": full}).start(env=ENVIRONMENT)
    account, other = Account(site), Account(site)
    job, beside = account.train("train", run_ms=0), other.train("train", run_ms=0)
    assert site.job(job)["state"] == "queued"
    site.stop()
    site.providers = options["providers"]
    text = without_connection(site, account.name)
    site.start(env=ENVIRONMENT)
    wait_for("the other's end", lambda: site.job(beside)["state"] == "succeeded")
    parked(site, job, f"connection '{account.name}'")
    assert len(cloud.objects()) == 1
    back(site, text)
    wait_for("its end", lambda: site.job(job)["state"] == "succeeded")


def test_a_job_that_waits_for_its_connection_and_never_began_can_be_cancelled(cloud, sites):
    options = site_options(cloud)
    full = {"testcloud": options["providers"]["testcloud"].replace("running: 100", "running: 0")}
    site = sites(default="testcloud", **{**options, "providers": full}).start(env=ENVIRONMENT)
    account = Account(site)
    job = account.train("train", run_ms=0)
    site.stop()
    without_connection(site, account.name)
    site.start(env=ENVIRONMENT)
    parked(site, job, f"connection '{account.name}'")
    assert site.post(f"/v1/jobs/{job}/cancel", {}, over_unix=True).status == 200
    wait_for("its end", lambda: site.job(job)["state"] == "cancelled")


def test_a_delete_is_not_sent_with_another_account(cloud, site, account):
    ((made, job),) = deletes_cut_off(cloud, account, 1).items()
    text = without_connection(site, account.name)
    before = seen(cloud)
    site.start(env=ENVIRONMENT)
    parked(site, job, f"connection '{account.name}'")
    assert seen(cloud) == before and len(cloud.objects("datasets")) == 1
    back(site, text)
    wait_for("its end", lambda: site.job(job)["state"] == "succeeded")
    assert cloud.objects("datasets") == []


def test_a_job_is_not_read_or_done_again_with_another_account(cloud, site, account):
    job = account.train("train", run_ms=0)
    wait_for("its end", lambda: site.job(job)["state"] == "succeeded")
    site.stop()
    without_connection(site, account.name)
    before = seen(cloud)
    site.start(env=ENVIRONMENT)
    for answer in (
        site.request("GET", f"/v1/jobs/{job}/log", over_unix=True),
        site.post(f"/v1/jobs/{job}/rerun", {}, over_unix=True),
    ):
        assert answer.status == 503 and f"connection '{account.name}'" in answer.text, answer
    assert seen(cloud) == before


# --- the configuration leads elsewhere ---


@pytest.fixture(scope="module")
def second():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder)
        yield made
        made.close()


@pytest.fixture
def elsewhere(second):
    second.ask("POST", "/faults", {"rules": []})
    second.ask("POST", "/reset")
    return second


@pytest.fixture
def moves(site, cloud, elsewhere, tmp_path):
    """moves(): the provider's endpoint is the second cloud's; moves(back=True): the first one's."""
    text, both = site.providers["testcloud"], tmp_path / "both.pem"
    both.write_bytes(b"".join(open(each.ca_file, "rb").read() for each in (cloud, elsewhere)))
    site.davit = site.davit.replace(str(cloud.ca_file), str(both))

    def move(back=False):
        site.stop()
        old, new = (f"https://localhost:{each.port}" for each in (cloud, elsewhere))
        site.providers["testcloud"] = text if back else text.replace(old, new)
        site.write_configuration()
        site.start(env=ENVIRONMENT)

    return move


def decide(site, job, **what):
    return site.post(f"/v1/jobs/{job}/decide", what, over_unix=True)


MOVED = ("another account or address", "settings/endpoint", "davit decide")


def test_jobs_of_another_address_are_neither_failed_nor_repeated_nor_cancelled(
    cloud, elsewhere, site, account, moves
):
    jobs = [running(account) for _ in range(3)]
    unclear(cloud, account)
    before = seen(cloud), seen(elsewhere)
    assert before[0] > 0
    moves()
    (lost,) = set(account.jobs()) - set(jobs)
    for job in [*jobs, lost]:
        parked(site, job, *MOVED)
    assert site.post(f"/v1/jobs/{jobs[0]}/cancel", {}, over_unix=True).status == 200
    log = site.request("GET", f"/v1/jobs/{jobs[1]}/log", over_unix=True)
    assert log.status == 503 and "settings/endpoint" in log.text, log
    site.stop()
    assert (seen(cloud), seen(elsewhere)) == before
    moves(back=True)
    wait_for("the cancel", lambda: site.job(jobs[0])["state"] == "cancelled")
    for job in [*jobs[1:], lost]:
        wait_for("it to run", lambda job=job: site.job(job)["state"] == "running")
    assert len(cloud.objects()) == 4


def test_a_delete_of_another_address_is_not_sent(cloud, elsewhere, site, account, moves):
    ((made, job),) = deletes_cut_off(cloud, account, 1).items()
    before = seen(elsewhere)
    moves()
    parked(site, job, *MOVED)
    assert seen(elsewhere) == before
    assert decide(site, job, decision="adopt", remote=made).status == 409
    moves(back=True)
    wait_for("its end", lambda: site.job(job)["state"] == "succeeded")
    assert cloud.objects("datasets") == []


def test_a_delete_of_another_address_is_done_there_or_given_up_as_somebody_says(
    cloud, elsewhere, site, account, moves
):
    jobs = deletes_cut_off(cloud, account, 2)
    one, other = jobs
    moves()
    for each in jobs.values():
        parked(site, each, *MOVED)
    assert decide(site, jobs[one], decision="resubmit").status == 200
    wait_for("its end", lambda: site.job(jobs[one])["state"] == "failed")  # it is not there
    assert decide(site, jobs[other], decision="give_up").status == 200
    assert site.job(jobs[other])["state"] == "failed"
    there = [each["path"] for each in elsewhere.requests("/v1/datasets/*")]
    assert there and all(one in path for path in there), there
    assert len(cloud.objects("datasets")) == 2


@pytest.mark.parametrize("stopped", [False, True])
def test_a_delete_that_is_done_elsewhere_fails_where_there_was_nothing(
    cloud, elsewhere, site, account, moves, stopped
):
    ((_, job),) = deletes_cut_off(cloud, account, 1).items()
    moves()
    parked(site, job, *MOVED)
    if stopped:  # in an attempt that has sent nothing yet but a question
        elsewhere.ask("POST", "/hold", {"method": "GET"})
    assert decide(site, job, decision="resubmit").status == 200
    if stopped:
        wait_for("the question", lambda: elsewhere.stats()["held"] == 1)
        site.kill()
        elsewhere.ask("POST", "/release")
        site.start(env=ENVIRONMENT)
    wait_for("its end", lambda: site.job(job)["state"] in ("succeeded", "failed"))
    ended = site.job(job)
    assert ended["state"] == "failed" and "another account" not in ended["error"], ended
    assert len(cloud.objects("datasets")) == 1


def test_a_delete_that_is_done_elsewhere_and_cut_off_there_is_done_where_nothing_is_left(
    cloud, elsewhere, site, account, moves
):
    made = site.job(ended(account))["result"]["id"]
    cloud.fails({"method": "DELETE", "fault": "status", "status": 503, "count": FOREVER})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(delete_of, account, made)
        wait_for("the delete at the cloud", lambda: cloud.requests("/v1/jobs/*", "DELETE"))
        site.kill()
        asked.exception()
    moves()
    (job,) = [each["id"] for each in removals(site)]
    assert site.job(ended(account))["result"]["id"] == made  # clouds call their first one alike
    elsewhere.fails({"method": "DELETE", "fault": "timeout", "applied": True, "count": FOREVER})
    assert decide(site, job, decision="resubmit").status == 200
    wait_for("it to be gone", lambda: elsewhere.objects() == [])
    site.kill()
    elsewhere.fails()
    site.start(env=ENVIRONMENT)
    wait_for("its end", lambda: site.job(job)["state"] == "succeeded")


def test_a_delete_that_was_never_answered_is_not_sent_to_another_address(
    cloud, elsewhere, site, account, moves
):
    made = account.made("/datasets", {"name": "d", "behaviour": {"run_ms": 0}})["Id"]
    cloud.ask("POST", "/hold", {"method": "DELETE"})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(account.ask, "DELETE", f"/datasets/{made}")
        wait_for("the delete at the cloud", lambda: cloud.stats()["held"] == 1)
        site.kill()
        asked.exception()
    cloud.ask("POST", "/release")
    before = seen(elsewhere)
    moves()
    (job,) = [each["id"] for each in site.get("/v1/jobs?kind=remove").json()["jobs"]]
    parked(site, job, *MOVED)
    assert seen(elsewhere) == before


def test_somebody_says_what_becomes_of_jobs_of_another_address(
    cloud, elsewhere, site, account, moves
):
    given_up, again = running(account), running(account)
    moves()
    for job in (given_up, again):
        parked(site, job, *MOVED)
    assert decide(site, given_up, decision="give_up").status == 200
    ended = site.job(given_up)
    assert ended["state"] == "failed" and "another account" in ended["error"], ended
    elsewhere.fails({"path": "/oauth/token", "fault": "status", "status": 403, "count": FOREVER})
    assert decide(site, again, decision="resubmit").status == 200
    wait_for("it to say why", lambda: "tried again" in (site.job(again)["error"] or ""))
    assert site.job(again)["resource"] is None  # what was there is nothing to it
    log = site.request("GET", f"/v1/jobs/{again}/log", over_unix=True)
    assert log.status == 200 and log.text == "", log
    elsewhere.fails()
    wait_for("it to run", lambda: site.job(again)["state"] == "running")
    assert [len(each.objects()) for each in (cloud, elsewhere)] == [2, 1]
    site.stop()
    site.start(env=ENVIRONMENT)
    wait_for("it to be followed", lambda: elsewhere.requests("/v1/jobs/*", "GET"))
    assert site.job(again)["state"] == "running"


def test_the_same_account_at_another_address_is_followed_once_somebody_says_so(
    cloud, site, account
):
    job = running(account)
    remote = site.job(job)["resource"]
    site.stop()
    text = site.providers["testcloud"]
    site.providers["testcloud"] = text.replace("localhost:", "127.0.0.1:")
    site.write_configuration()
    site.start(env=ENVIRONMENT)
    parked(site, job, "settings/endpoint", f"--adopt {remote}")
    assert decide(site, job, decision="adopt", remote=remote).status == 200
    wait_for("it to run", lambda: site.job(job)["state"] == "running")
    assert site.job(job)["error"] is None and len(cloud.objects()) == 1


def test_a_changed_secret_or_interval_keeps_no_job_away(cloud, site, account):
    job = running(account)
    site.stop()
    site.providers["testcloud"] = site.providers["testcloud"].replace("poll_ms: 50", "poll_ms: 70")
    name = f"  {account.name}:"
    site.davit = "".join(
        line.replace(SECRET, SECRET + "x") if line.startswith(name) else line
        for line in site.davit.splitlines(keepends=True)
    )
    site.write_configuration()
    before = seen(cloud)
    site.start(env=ENVIRONMENT)
    wait_for("it to be asked for", lambda: seen(cloud) > before)
    assert site.job(job)["state"] == "running"


def test_a_job_that_never_began_begins_where_the_configuration_leads(cloud, elsewhere, site, moves):
    text = site.providers["testcloud"]
    site.stop()
    site.providers["testcloud"] = text.replace("running: 100", "running: 0")
    site.write_configuration()
    site.start(env=ENVIRONMENT)
    account = Account(site)
    job = account.train("train", **UNTIL_CANCELLED)
    moves()
    wait_for("it to run", lambda: site.job(job)["state"] == "running")
    site.stop()
    site.start(env=ENVIRONMENT)
    assert site.job(job)["state"] == "running"
    moves(back=True)
    parked(site, job, *MOVED)
    assert cloud.objects() == [] and len(elsewhere.objects()) == 1


def test_what_nobody_can_tell_about_waits_for_its_address_and_then_for_a_person(
    cloud, elsewhere, site, moves
):
    cloud.fails({"method": "POST", "path": "/v1/jobs", "count": 1, "fault": "reset_after"})
    job = site.post("/execute", execute_body("python train.py")).json()["task_id"]
    wait_for("the question", lambda: site.job(job)["state"] == "needs_decision")
    before = seen(elsewhere)
    moves()
    parked(site, job, *MOVED)
    assert seen(elsewhere) == before
    moves(back=True)
    wait_for("the question", lambda: site.job(job)["state"] == "needs_decision")
    assert len(cloud.objects()) == 1


def test_the_object_of_another_address_may_be_called_as_what_is_adopted(
    cloud, elsewhere, site, account, moves
):
    theirs = site.job(running(account))["resource"]
    moves()
    elsewhere.fails({"method": "POST", "path": "/v1/jobs", "count": 1, "fault": "reset_after"})
    job = site.post("/execute", execute_body("python train.py")).json()["task_id"]
    wait_for("the question", lambda: site.job(job)["state"] == "needs_decision")
    (made,) = elsewhere.objects()
    assert theirs.endswith(made["id"]), (theirs, made)
    answer = decide(site, job, decision="adopt", remote=theirs)
    assert answer.status == 200, answer
    wait_for("it to be followed", lambda: site.job(job)["resource"] == theirs)


# --- what callers ask for ---


def ended(account):
    job = account.train("train", run_ms=0)
    wait_for("its end", lambda: account.site.job(job)["state"] == "succeeded")
    return job


def delete_of(account, thing):
    return account.ask("DELETE", f"/pipelines/training/{thing}/delete")


def removals(site):
    return site.get("/v1/jobs?kind=remove").json()["jobs"]


def test_an_ended_job_is_not_deleted_at_another_address(cloud, elsewhere, site, account, moves):
    job = ended(account)
    moves()
    theirs = ended(account)
    name = site.job(theirs)["resource"]
    assert name == site.job(job)["resource"]
    answer = delete_of(account, job)
    assert answer.status == 503 and "settings/endpoint" in answer.json(), answer
    assert elsewhere.requests("", "DELETE") == [] and removals(site) == []
    moves(back=True)
    assert delete_of(account, theirs).status == 503
    assert delete_of(account, site.job(job)["result"]["id"]).status == 200
    assert cloud.objects() == [] and len(elsewhere.objects()) == 1


def test_a_job_is_deleted_by_its_own_connection_only(cloud, site, account):
    job, other = ended(account), Account(site)
    answer = delete_of(other, job)
    assert answer.status == 409 and f"'{account.name}'" in answer.json(), answer
    assert removals(site) == [] and len(cloud.objects()) == 1
    answer = delete_of(account, job)
    assert answer.status == 200 and cloud.objects() == [], answer


def test_a_job_is_cancelled_by_its_own_connection_only(cloud, site, account):
    job, other = running(account), Account(site)
    for name in (job, site.job(job)["result"]["id"], site.job(job)["resource"]):
        for answer in (
            other.ask("POST", f"/pipelines/training/{name}/cancel", {}),
            delete_of(other, name),
        ):
            assert answer.status == 409 and f"'{account.name}'" in answer.json(), (name, answer)
    assert site.job(job)["state"] == "running"
    assert cloud.requests("/v1/jobs/*", "DELETE") == []
    assert account.ask("POST", f"/pipelines/training/{job}/cancel", {}).status == 200
    wait_for("its end", lambda: site.job(job)["state"] == "cancelled")

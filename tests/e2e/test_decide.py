"""What a person decides about a submission that nobody can tell about, over REST and the command
line, and the timeline that says how it came to that."""

import concurrent.futures
import json
import subprocess
import tempfile

import pytest
from cloud import SECRET, Cloud, site_options
from davit_site import BUILD, execute_body, wait_for

DAVIT = str(BUILD / "cli" / "davit")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET}


@pytest.fixture(scope="module")
def cloud():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder)
        yield made
        made.close()


@pytest.fixture
def site(cloud, sites):
    cloud.ask("POST", "/reset")
    return sites(default="testcloud", **site_options(cloud)).start(env=ENVIRONMENT)


def in_state(site, job, *states):
    def look():
        now = site.job(job)
        return now if now["state"] in states else None

    return wait_for(f"job {job} in {states}", look)


def unclear(cloud, site):
    """A job whose submission made an object, and that does not know of it."""
    cloud.fails({"method": "POST", "path": "/v1/jobs", "count": 1, "fault": "reset_after"})
    answer = site.post("/execute", execute_body("python train.py"))
    job = answer.json()["task_id"]
    in_state(site, job, "needs_decision")
    return job, cloud.objects()[-1]["id"]


def decide(site, job, **body):
    return site.request("POST", f"/v1/jobs/{job}/decide", body, over_unix=True)


def timeline(site, job, query=""):
    answer = site.get(f"/v1/jobs/{job}/timeline{query}")
    assert answer.status == 200, answer
    return answer.json()


def kinds(site, job):
    return [item["kind"] for item in timeline(site, job)["items"]]


def test_what_is_adopted_is_followed_to_its_end(cloud, site):
    job, remote = unclear(cloud, site)
    answer = decide(site, job, decision="adopt", remote=remote)
    assert answer.status == 200 and answer.json()["state"] in ("running", "succeeded"), answer
    ended = in_state(site, job, "succeeded")
    assert ended["resource"].endswith(remote) and not ended.get("error")
    assert len(cloud.objects()) == 1
    assert [kind for kind in kinds(site, job) if kind in ("decision", "found")] == [
        "decision", "found"]


def test_what_is_resubmitted_is_made_once_more_and_the_second_object_is_followed(cloud, site):
    job, remote = unclear(cloud, site)
    assert decide(site, job, decision="resubmit").status == 200
    ended = in_state(site, job, "succeeded")
    (second,) = {thing["id"] for thing in cloud.objects()} - {remote}
    assert len(cloud.objects()) == 2 and ended["resource"].endswith(second), (ended, remote)
    assert site.get(f"/status/{job}").json()["resource"] == ended["resource"]
    sent = [item["epoch"] for item in timeline(site, job)["items"] if item["kind"] == "sent"]
    assert len(sent) == 2 and sent[0] < sent[1], sent


def test_what_is_given_up_fails_and_says_so(cloud, site):
    job, _ = unclear(cloud, site)
    answer = decide(site, job, decision="give_up").json()
    assert answer["state"] == "failed" and "given up" in answer["error"]
    assert len(cloud.objects()) == 1
    assert site.job(job)["finished"]


def test_a_cancel_of_what_nobody_can_tell_about_waits_and_says_for_what(cloud, site):
    job, remote = unclear(cloud, site)
    done = subprocess.run(
        [DAVIT, "--host", f"unix://{site.socket_path}", "cancel", job],
        capture_output=True, text=True, check=True)
    assert done.stdout == f"job {job} will be cancelled once you say what it made: davit job {job}\n"
    now = site.job(job)
    assert now["state"] == "needs_decision", now
    for words in ("davit decide", "A cancel waits for that: with --adopt what it made is cancelled"):
        assert words in now["error"], now
    assert decide(site, job, decision="adopt", remote=remote).status == 200
    in_state(site, job, "cancelled", "succeeded")  # it may have ended before
    assert site.job(job)["error"] is None
    job, _ = unclear(cloud, site)
    assert site.request("POST", f"/v1/jobs/{job}/cancel", {}, over_unix=True).status == 200
    objects = len(cloud.objects())
    assert decide(site, job, decision="resubmit").status == 200
    in_state(site, job, "cancelled")
    assert len(cloud.objects()) == objects


def test_an_object_that_is_not_there_leaves_the_job_where_it_is(cloud, site):
    job, remote = unclear(cloud, site)
    answer = decide(site, job, decision="adopt", remote="nothing-of-ours").json()
    assert answer["state"] == "needs_decision" and "nothing-of-ours" in answer["error"], answer
    assert decide(site, job, decision="adopt", remote=remote).status == 200
    in_state(site, job, "succeeded")


def test_nothing_is_decided_twice_and_no_object_belongs_to_two_jobs(cloud, site):
    first, remote = unclear(cloud, site)
    assert decide(site, first, decision="adopt", remote=remote).status == 200
    in_state(site, first, "succeeded")
    again = decide(site, first, decision="resubmit")
    assert again.status == 409 and "nothing to decide" in again.text, again
    second, _ = unclear(cloud, site)
    taken = decide(site, second, decision="adopt", remote=remote)
    assert taken.status == 409 and first in taken.text, taken
    assert site.job(second)["state"] == "needs_decision"


@pytest.mark.parametrize("body, pointer", [
    ({}, "decision"),
    ({"decision": "adopt"}, "/remote"),
    ({"decision": "give_up", "remote": "x"}, "/remote"),
    ({"decision": "maybe"}, "/decision"),
])
def test_a_wrong_decision_changes_nothing(cloud, site, body, pointer):
    job, _ = unclear(cloud, site)
    answer = site.request("POST", f"/v1/jobs/{job}/decide", body, over_unix=True)
    assert answer.status == 400 and pointer in answer.text, answer
    assert site.job(job)["state"] == "needs_decision"


def test_only_the_socket_takes_decisions(cloud, site):
    job, _ = unclear(cloud, site)
    body = {"decision": "give_up"}
    assert site.request("POST", f"/v1/jobs/{job}/decide", body).status == 403
    assert decide(site, "0" * 24, decision="give_up").status == 404


@pytest.mark.parametrize("decision, end", [("adopt", 1), ("resubmit", 2)])
def test_a_decision_outlives_a_kill(cloud, site, decision, end):
    job, remote = unclear(cloud, site)
    # Nobody answers the provider, so that the daemon dies before it has carried the decision out.
    cloud.ask("POST", "/hold", {"method": "GET" if decision == "adopt" else "POST"})
    body = {"decision": decision, **({"remote": remote} if decision == "adopt" else {})}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(decide, site, job, **body)
        wait_for("a request that waits", lambda: cloud.stats()["held"] == 1)
        site.kill()
        asked.exception()
    cloud.ask("POST", "/release")
    site.start(env=ENVIRONMENT)
    if decision == "resubmit":  # the daemon died in an unclear submission once more
        in_state(site, job, "needs_decision")
    else:
        in_state(site, job, "succeeded")
    assert len(cloud.objects()) == end


def test_the_timeline_tells_how_it_came_to_a_decision(cloud, site):
    job, _ = unclear(cloud, site)
    items = timeline(site, job)["items"]
    assert items[0]["kind"] == "accepted" and items[0]["seq"] == 0
    told = [item["kind"] for item in items]
    assert "sent" in told and "unclear" in told, told
    sent = next(item for item in items if item["kind"] == "sent")
    assert sent["mutation"] == 1 and "/v1/jobs" in sent["text"], sent
    assert SECRET not in json.dumps(items)
    edges = [item["text"] for item in items if item["kind"] == "edge"]
    assert edges[0].startswith("queued -> submitting")
    assert "-> needs_decision" in edges[-1]


def test_the_timeline_has_pages(cloud, site):
    job, _ = unclear(cloud, site)
    whole = timeline(site, job)["items"]
    pages, after = [], 0
    while after is not None:
        page = timeline(site, job, f"?limit=2&after={after}")
        pages += page["items"]
        after = page["next"]
    assert pages == whole
    assert site.get(f"/v1/jobs/{'0' * 24}/timeline").status == 404
    assert site.get(f"/v1/jobs/{job}/timeline?limit=0").status == 400


def test_the_command_line_shows_and_decides(cloud, site):
    job, remote = unclear(cloud, site)

    def run(*words):
        return subprocess.run(
            [DAVIT, "--host", f"unix://{site.socket_path}", *words], capture_output=True, text=True)

    shown = run("jobs", "--state", "needs_decision")
    assert shown.returncode == 0 and job in shown.stdout
    assert "davit decide" in run("job", job).stdout
    told = run("job", job, "--timeline")
    assert told.returncode == 0 and "mutation 1" in told.stdout, told
    assert run("decide", job).returncode == 2
    assert run("decide", job, "--adopt", remote, "--give-up").returncode == 2
    done = run("decide", job, "--adopt", remote)
    assert done.returncode == 0 and f"job {job} is" in done.stdout, done
    in_state(site, job, "succeeded")
    assert run("decide", job, "--give-up").returncode == 4

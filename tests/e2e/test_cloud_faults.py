"""What a cloud answers under every fault, and what is refused on the way to it: see test_cloud.py."""

import concurrent.futures
import re

import pytest
from cloud import SECRET, Account, site_options
from cloud_daemon import AT_ONCE, OPEN, WAYS, begin, ended
from cloud_daemon import account, cloud, daemon  # noqa: F401 fixtures
from davit_site import execute_body, wait_for

# --- every fault, of a read ---

FOREVER = 1000

# The fault, how often, and what the caller sees; at last how often the cloud was asked.
READS = [
    ({"fault": "reset_before"}, 1, 200, "", 2),
    ({"fault": "reset_after"}, 1, 200, "", 2),
    ({"fault": "reset_before"}, FOREVER, 503, "", 4),
    ({"fault": "timeout"}, 1, 200, "", 2),
    ({"fault": "truncate"}, 1, 200, "", 2),
    ({"fault": "truncate"}, FOREVER, 503, "", 4),
    ({"fault": "status", "status": 500}, 1, 200, "", 2),
    ({"fault": "status", "status": 500}, FOREVER, 503, "answers 500: it was told to", 3),
    ({"fault": "status", "status": 503}, 1, 200, "", 2),
    ({"fault": "status", "status": 429}, 1, 200, "", 2),
    ({"fault": "status", "status": 403}, 1, 502, "answers 403", 1),
    ({"fault": "status", "status": 403, "word": "QUOTA_EXCEEDED"}, 1, 502, "answers 403", 1),
    ({"fault": "status", "status": 404}, 1, 404, "answers 404", 1),
    ({"fault": "status", "status": 302, "headers": {"Location": "/"}}, 1, 502, "answers 302", 1),
    ({"fault": "bad_json"}, 1, 503, "no JSON", 1),
    ({"fault": "wrong_type"}, 1, 503, "no JSON", 1),
    ({"fault": "slow_drip", "ms": 0}, 1, 200, "", 1),
    ({"fault": "slow_drip", "ms": 50}, 1, 200, "", 2),  # bytes that come give it no more time
    ({"fault": "slow_drip", "ms": 50}, FOREVER, 504, "no answer in time", 3),
    ({"fault": "duplicate"}, 1, 200, "", 1),
    ({"fault": "delay", "ms": 50}, 1, 200, "", 1),
    ({"fault": "huge", "bytes": 9_000_000}, 1, 503, "more than", 1),
]


@pytest.mark.parametrize("fault, count, status, words, asked", READS)
def test_a_read_under_a_fault(cloud, account, fault, count, status, words, asked):
    dataset = account.made("/datasets", AT_ONCE)["Id"]
    since = cloud.requests("/v1/datasets", "POST")[-1]["n"]
    cloud.fails({"method": "GET", "path": "/v1/datasets/*", "count": count, **fault})
    answer = account.get(f"/datasets/{dataset}")
    assert answer.status == status and words in answer.text, answer
    assert len(cloud.requests(f"/v1/datasets/{dataset}", "GET", since)) == asked


# --- every fault, of a submission ---

# The fault, and how many objects a way makes that knows nothing of the first one.
SUBMITS = [
    ({"fault": "reset_before"}, 1),
    ({"fault": "reset_after"}, 1),
    ({"fault": "timeout"}, 1),
    ({"fault": "timeout", "applied": True}, 1),
    ({"fault": "status", "status": 500}, 1),
    ({"fault": "status", "status": 500, "applied": True}, 1),
    ({"fault": "status", "status": 429, "retry_after": 0}, 1),
    ({"fault": "truncate"}, 1),
    ({"fault": "bad_json"}, 1),
    ({"fault": "wrong_type"}, 1),
    ({"fault": "slow_drip", "ms": 0}, 1),
    ({"fault": "slow_drip", "ms": 50}, 1),
    ({"fault": "duplicate"}, 2),
]


@pytest.mark.parametrize("kind, way", WAYS.items())
@pytest.mark.parametrize("fault, without", SUBMITS)
def test_a_submission_under_a_fault_makes_one_object(
    cloud, daemon, account, kind, way, fault, without
):
    cloud.fails({"method": "POST", "path": "/v1/jobs", "count": 1, **fault})
    job = ended(daemon, account.train(kind, run_ms=1))
    assert job["state"] == "succeeded", job
    assert cloud.fired() == 1
    assert len(cloud.objects()) == (without if way == "search" else 1)


def test_a_list_is_as_old_as_the_question_for_it(cloud, daemon, account):
    """It is read before it shows the object, and its answer comes after settle_ms."""
    cloud.fails(
        {"method": "POST", "path": "/v1/jobs", "fault": "reset_after", "count": 1},
        {"method": "GET", "path": "/v1/jobs", "fault": "delay_after", "ms": 600, "count": 1},
    )
    job = ended(daemon, account.train("custom_script", run_ms=1))
    assert job["state"] == "succeeded" and cloud.fired() == 2, job
    assert len(cloud.objects()) == 1


# Of what leaves no mark: the fault, the end of its job, and how many objects there are.
UNMARKED = [
    ({"fault": "reset_connect"}, "succeeded", 1),  # certainly nothing was sent
    ({"fault": "status", "status": 429, "retry_after": 0}, "succeeded", 1),
    ({"fault": "reset_before"}, "needs_decision", 0),
    ({"fault": "reset_after"}, "needs_decision", 1),
    ({"fault": "timeout", "applied": True}, "needs_decision", 1),
    ({"fault": "status", "status": 500}, "needs_decision", 0),
    ({"fault": "bad_json"}, "needs_decision", 1),
    ({"fault": "status", "status": 403}, "failed", 0),
]


@pytest.mark.parametrize("fault, end, objects", UNMARKED)
def test_what_leaves_no_mark_is_never_sent_twice(cloud, daemon, fault, end, objects):
    begin(cloud, daemon)
    where = {} if fault["fault"] == "reset_connect" else {"method": "POST", "path": "/v1/jobs"}
    cloud.fails({"count": 1, **where, **fault})
    answer = daemon.post("/execute", execute_body("python train.py"))
    job = ended(daemon, answer.json()["task_id"])
    assert (job["state"], len(cloud.objects())) == (end, objects), job


def test_many_submissions_under_chances_make_one_object_each(cloud, daemon, account):
    cloud.fails(
        {"method": "POST", "path": "/v1/jobs", "probability": 0.2, "fault": "reset_after"},
        {"method": "POST", "path": "/v1/jobs", "probability": 0.1, "fault": "reset_before"},
        {"method": "POST", "path": "/v1/jobs", "probability": 0.1, "fault": "truncate"},
        {"path": "/v1/jobs/*", "probability": 0.1, "fault": "status", "status": 503},
        {"path": "/v1/jobs", "method": "GET", "probability": 0.1, "fault": "bad_json"},
    )
    accounts = [Account(daemon) for _ in range(30)]
    kinds = [list(WAYS)[n % 3] for n in range(30)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda a, kind: a.train(kind, run_ms=1), accounts, kinds))
    assert {ended(daemon, job)["state"] for job in jobs} == {"succeeded"}
    marks = [made["labels"]["submission"] for made in cloud.objects()]
    assert len(marks) == len(set(marks)) == 30
    assert cloud.fired() > 5


@pytest.mark.parametrize("fault, _", SUBMITS[:-1])
@pytest.mark.parametrize("change", ["deploy", "undeploy"])
def test_a_change_of_an_endpoint_under_a_fault_is_made_once(
    cloud, daemon, account, change, fault, _
):
    endpoint = account.deployed()
    (deployed,) = cloud.objects("endpoints")[0]["deployedModels"]
    body = {"model": deployed["model"], "behaviour": {"run_ms": 1}}
    path, body = {
        "deploy": ("deploy_model", body),
        "undeploy": ("undeploy_models", {"deployment": deployed["id"]}),
    }[change]
    before = account.jobs()
    cloud.fails({"path": f"/v1/endpoints/*:{change}", "count": 1, **fault})
    answer = account.ask("POST", f"/endpoints/{endpoint}/{path}", body)
    assert answer.status == 200, answer
    (job,) = set(account.jobs()) - set(before)
    assert ended(daemon, job)["state"] == "succeeded"
    left = cloud.objects("endpoints")[0].get("deployedModels", [])
    assert len(left) == (2 if change == "deploy" else 0) and cloud.fired() == 1


# --- what is refused on the way to an object says nothing of the object ---

REFUSALS = [302, 400, 403, 404, 405, 409, 410, 501]


def refuse(path, status, count=1, **fault):
    return {"path": path, "fault": "status", "status": status, "count": count, **fault}


@pytest.mark.parametrize("path", ["/oauth/token", "/v1/jobs"])
@pytest.mark.parametrize("status", REFUSALS)
def test_what_refuses_to_look_has_not_seen_that_there_is_nothing(
    cloud, daemon, account, path, status
):
    """custom_script: a second submit would make a second object."""
    assert account.get("/datasets/list").status == 200  # there is a token
    cloud.fails(
        {"method": "POST", "path": "/v1/jobs", "fault": "reset_after", "count": 1},
        refuse("/v1/jobs", 401, method="GET"),  # costs the token
        refuse(path, status, 2, method="POST" if path == "/oauth/token" else "GET"),
    )
    job = ended(daemon, account.train("custom_script", run_ms=1))
    assert (job["state"], job["attempts"], len(cloud.objects())) == ("succeeded", 1, 1), job
    assert cloud.fired() == 4


@pytest.mark.parametrize("path", ["/oauth/token", "/v1/jobs/*"])
@pytest.mark.parametrize("status", REFUSALS)
def test_what_refuses_to_look_ends_no_job(cloud, daemon, account, path, status):
    job = account.train(run_ms=-1)
    (made,) = cloud.objects()
    # What is not in the cloud's words is no word of its about the object.
    rules = [refuse(path, status, 2, word="X" if status == 404 else "")]
    if path == "/oauth/token":
        rules.insert(0, refuse("/v1/jobs/*", 401))
    cloud.fails(*rules)
    wait_for("the refusals", lambda: cloud.fired() == len(rules) + 1)
    assert account.ask("POST", f"/pipelines/training/{made['id']}/cancel").status == 200
    assert ended(daemon, job)["state"] == "cancelled"
    assert cloud.objects()[0]["state"] == "CANCELLED"


def test_what_the_cloud_has_no_more_has_failed(cloud, daemon, account):
    job = account.train(run_ms=-1)
    cloud.fails(refuse("/v1/jobs/*", 404, 1000))
    ended_job = ended(daemon, job)
    assert ended_job["state"] == "failed" and "answers 404" in ended_job["error"], ended_job


def test_a_job_goes_on_when_its_secret_is_back(sites, cloud):
    cloud.ask("POST", "/reset")
    options = site_options(cloud)
    unnamed = "connections:\n  unnamed: {type: TESTCLOUD, client_id: davit}\n"
    options["davit"] = options["davit"].replace("connections:\n", unnamed)
    site = sites(default="testcloud", **options)
    known = {"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET}
    site.start(env=known)
    account = Account(site, "unnamed")
    runs = account.train(run_ms=-1)
    cloud.ask("POST", "/hold", {"method": "POST", "path": "/v1/jobs"})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        path = "/pipelines/training/custom_script"
        sent = pool.submit(account.ask, "POST", path, {"name": "t", "behaviour": {"run_ms": 1}})
        wait_for("the submission at the cloud", lambda: cloud.stats()["held"] == 1)
        site.kill()
        assert sent.exception() is not None
    cloud.ask("POST", "/release")
    listening = site.log().count("HTTP-LISTEN")
    site.launch(env={"PATH": "/usr/bin:/bin"})  # it cannot find out about the second
    wait_for("its answers", lambda: site.log().count("HTTP-LISTEN") >= listening + 2)
    (unclear,) = set(account.jobs()) - {runs}
    for job in (runs, unclear):
        said = re.compile(f"job={job} provider=testcloud .*TESTCLOUD_CLIENT_SECRET: it has none")
        wait_for("its trouble in the log", lambda: said.search(site.log()))
        assert site.job(job)["state"] in OPEN
    # One account that is not let in keeps nobody else waiting.
    wait_for("its start", lambda: site.get("/readyz").status == 200)
    answer = account.get("/datasets/list")
    assert answer.status == 502 and "client_secret" in answer.json(), answer
    assert site.stop() == 0
    site.start(env=known)
    assert ended(site, unclear)["state"] == "succeeded"
    assert site.job(runs)["state"] == "running" and len(cloud.objects()) == 2

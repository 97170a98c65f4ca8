"""The real daemon with a provider for a cloud (tests/providers/testcloud) at a cloud that does what
a test tells it to (tests/fakes/cloud): every slot, every fault, tokens, limits."""

import concurrent.futures
import json
import re
import tempfile
import time

import pytest
from cloud import SECRET, Account, Cloud, site_options
from conftest import Sites
from davit_site import execute_body, wait_for

DELAY_MS = 250  # lists of the cloud learn so late; the manifest's settle_ms is more


@pytest.fixture(scope="module")
def cloud():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder, "--list-delay-ms", str(DELAY_MS))
        yield made
        made.close()


@pytest.fixture(scope="module")
def daemon(cloud):
    made = Sites()
    site = made(default="testcloud", **site_options(cloud))
    yield site.start(env={"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET})
    # Whatever happened in this file: no secret of it is in a log or in the store.
    files = [site.log_path, *(site.folder / "data").rglob("*")]
    told = [path for path in files if path.is_file() and SECRET.encode() in path.read_bytes()]
    made.clean_up()
    assert not told


OPEN = ("queued", "submitting", "running", "recovering")


def begin(cloud, daemon):
    """Nothing is under way, and the cloud as new."""

    def rests():
        return not any(daemon.get(f"/v1/jobs?state={state}").json()["jobs"] for state in OPEN)

    cloud.ask("POST", "/faults", {"rules": []})
    wait_for("the end of what went before", rests)
    cloud.ask("POST", "/reset", {"keep_tokens": True})


@pytest.fixture
def account(cloud, daemon):
    begin(cloud, daemon)
    return Account(daemon)


ENDS = ("succeeded", "failed", "cancelled", "needs_decision")


def ended(site, job):
    """The job at its end, or where a person has to decide."""

    def look():
        now = site.job(job)
        return now if now["state"] in ENDS else None

    return wait_for(f"the end of job {job}", look)


def neutral(row):
    return json.loads(row["rawPayload"])


AT_ONCE = {"name": "d", "behaviour": {"run_ms": 0}}  # ready when it is made


# --- every slot ---

WAYS = {"train": "token", "automl": "name", "custom_script": "search"}


@pytest.mark.parametrize("kind, way", WAYS.items())
def test_a_training_runs_to_its_end(cloud, daemon, account, kind, way):
    job = ended(daemon, account.train(kind))
    assert (job["state"], job["attempts"]) == ("succeeded", 1), job
    (made,) = cloud.objects()
    (sent,) = cloud.requests("/v1/jobs", "POST")
    site, _, submission = made["labels"]["submission"].partition("-")
    assert re.fullmatch("[0-9a-z]{8}", site) and submission == job["id"], made
    assert made["labels"]["submission-kind"] == kind and made["displayName"] == "t"
    assert ("idempotency-token" in sent["headers"]) == (way == "token")
    assert ("name" in sent["body"]) == (way == "name")
    row = account.get(f"/pipelines/training/{made['id']}/get").json()
    assert row["status"] == "SUCCEEDED" and neutral(row)["provider"]["id"] == made["id"]
    status = daemon.get(f"/status/{job['id']}").json()
    assert status["started"] and status["finished"], status


def test_a_command_runs_without_a_mark(cloud, daemon, account):
    answer = daemon.post("/execute", execute_body("python train.py"))
    job = ended(daemon, answer.json()["task_id"])
    assert job["state"] == "succeeded", job
    (made,) = cloud.objects()
    assert made["spec"] == "python train.py" and "labels" not in made


def test_a_training_that_fails_says_why(daemon, account):
    job = ended(daemon, account.train(error="the disk is full", run_ms=1))
    assert job["state"] == "failed" and "the disk is full" in job["error"], job


def test_a_training_is_cancelled(cloud, daemon, account):
    job = account.train(run_ms=-1, cancel_ms=50)
    wait_for("the job at the cloud", cloud.objects)
    answer = account.ask("POST", f"/pipelines/training/{cloud.objects()[0]['id']}/cancel")
    assert answer.status == 200, answer
    assert ended(daemon, job)["state"] == "cancelled"
    assert cloud.objects()[0]["state"] == "CANCELLED"


def test_a_log_is_what_the_cloud_has(cloud, daemon, account):
    job = ended(daemon, account.train(log_text="line \u00e9", log_lines=2, run_ms=1))
    log = daemon.get(f"/v1/jobs/{job['id']}/log").text
    assert log == "line \u00e9\nstep 1 of 2\nstep 2 of 2\n"
    assert daemon.get(f"/v1/jobs/{job['id']}/log?offset=8").text == "step 1 of 2\nstep 2 of 2\n"


def test_a_list_has_all_pages(cloud, daemon, account):
    cloud.ask("POST", "/settings", {"page_size": 3, "empty_pages": True, "list_delay_ms": 0})
    made = {account.made("/datasets", {"name": f"d{n}"})["Id"] for n in range(10)}
    rows = account.get("/datasets/list").json()
    assert len(rows) == 10 and {row["Id"] for row in rows} == made
    assert len(cloud.requests("/v1/datasets", "GET")) == 8  # every second one is empty


def test_an_object_is_removed(cloud, account):
    body = {"name": "d", "labels": {"owner": "me"}, "source": {"uri": "x"}}
    made = account.made("/datasets", body)
    assert neutral(made)["labels"]["owner"] == "me"
    removed = account.ask("DELETE", f"/datasets/{made['Id']}")
    assert removed.status == 200 and cloud.objects("datasets") == [], removed
    answer = account.get(f"/datasets/{made['Id']}")
    assert answer.status == 404 and made["Id"] in answer.json(), answer


@pytest.mark.parametrize("label", ["submission", "submission-kind"])
def test_a_label_of_ours_is_refused_with_its_pointer(cloud, account, label):
    answer = account.ask("POST", "/datasets", {"name": "d", "labels": {label: "x"}})
    assert answer.status == 400 and f"/labels/{label}:" in answer.json(), answer
    assert cloud.requests("/v1/datasets") == []


def test_an_id_cannot_lead_elsewhere(cloud, account):
    answer = account.get("/datasets/..%2Fjobs%3FpageSize=1")
    assert answer.status == 404, answer
    assert cloud.requests("/v1/jobs") == []


def test_a_model_is_deployed_asked_and_taken_off(cloud, daemon, account):
    model = account.made("/models/register", {"name": "m"})["Id"]
    endpoint = account.made("/endpoints/register", {"name": "e"})["Id"]
    answer = account.ask("POST", f"/endpoints/{endpoint}/deploy_model", {"model": model})
    assert answer.status == 200, answer
    assert ended(daemon, account.jobs()[0])["state"] == "succeeded"
    (deployed,) = cloud.objects("endpoints")[0]["deployedModels"]
    row = account.get(f"/endpoints/{endpoint}").json()
    assert row["status"] == "RUNNING" and neutral(row)["models"][0]["model"] == model
    ask = {"instances": [1, {"x": 2}]}
    answer = account.ask("POST", f"/endpoints/{endpoint}/infer", ask, "&native=true")
    assert answer.json()["predictions"] == ask["instances"], answer
    answer = account.ask("POST", f"/endpoints/{endpoint}/infer", ask)
    assert json.loads(answer.json())["model"] == model, answer
    answer = account.ask("POST", f"/endpoints/{endpoint}/explain", ask, "&native=true")
    assert len(answer.json()["explanations"]) == 2, answer
    answer = account.ask("DELETE", f"/endpoints/{endpoint}/delete")
    assert answer.status == 409 and "deployed" in answer.json(), answer
    body = {"deployment": deployed["id"]}
    answer = account.ask("POST", f"/endpoints/{endpoint}/undeploy_models", body)
    assert ended(daemon, account.jobs()[0])["state"] == "succeeded", answer
    answer = account.ask("POST", f"/endpoints/{endpoint}/infer", ask)
    assert answer.status == 409 and "no model" in answer.json(), answer
    assert account.ask("DELETE", f"/endpoints/{endpoint}/delete").status == 200
    assert cloud.objects("endpoints") == []


def test_events_come_one_by_one(cloud, account):
    endpoint = account.deployed()
    began = time.monotonic()
    answer = account.ask(
        "POST",
        f"/endpoints/{endpoint}/infer",
        {"instances": [1, 2, 3], "parameters": {"gap_ms": 30}},
        headers={"Accept": "text/event-stream"},
    )
    assert answer.headers["Content-Type"] == "text/event-stream", answer
    assert answer.text == "".join(f'data: {{"prediction":{n}}}\n\n' for n in (1, 2, 3))
    assert time.monotonic() - began > 0.06


def test_the_check_asks_the_cloud(daemon, account):
    answer = daemon.request(
        "POST", f"/cloudconnect?adapter_instance={account.name}", {}, over_unix=True
    )
    assert answer.status == 200, answer


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


# --- kill -9 while the cloud has the submission, and we not its answer ---


@pytest.mark.parametrize("kind", WAYS)
def test_a_daemon_killed_in_a_submission_makes_one_object(sites, cloud, kind):
    cloud.ask("POST", "/reset")
    site = sites(default="testcloud", **site_options(cloud, net="request_timeout_ms: 60000"))
    site.start()
    cloud.ask("POST", "/hold", {"method": "POST", "path": "/v1/jobs"})
    account = Account(site)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(account.ask, "POST", f"/pipelines/training/{kind}", {"name": "t"})
        wait_for("the submission at the cloud", lambda: cloud.stats()["held"] == 1)
        site.kill()
        assert sent.exception() is not None
    cloud.ask("POST", "/release")
    site.start()
    (job,) = account.jobs()
    assert ended(site, job)["state"] == "succeeded"
    assert len(cloud.objects()) == 1


def test_a_daemon_killed_in_an_unmarked_submission_asks_a_person(sites, cloud):
    cloud.ask("POST", "/reset")
    site = sites(default="testcloud", **site_options(cloud))
    site.start(env={"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET})
    cloud.ask("POST", "/hold", {"method": "POST", "path": "/v1/jobs"})
    task = site.post("/execute", execute_body("python train.py")).json()["task_id"]
    wait_for("the submission at the cloud", lambda: cloud.stats()["held"] == 1)
    site.kill()
    cloud.ask("POST", "/release")
    site.start(env={"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET})
    assert ended(site, task)["state"] == "needs_decision"
    assert len(cloud.objects()) == 1


# --- protocols ---


PROTOCOLS = [("http", True, "http/1.1"), ("https", False, "https/1.1"), ("https", True, "h2")]


@pytest.mark.parametrize("scheme, http2, protocol", PROTOCOLS)
def test_it_speaks_every_protocol(sites, cloud, scheme, http2, protocol):
    cloud.ask("POST", "/reset")
    endpoint = {"http": cloud.http, "https": f"https://localhost:{cloud.port}"}[scheme]
    net = f"http2: {json.dumps(http2)}"
    site = sites(default="testcloud", **site_options(cloud, endpoint, net=net)).start()
    cloud.ask("POST", "/stats")
    account = Account(site)
    assert ended(site, account.train())["state"] == "succeeded"
    assert account.get("/datasets/list").status == 200
    made = {name: gauge["made"] for name, gauge in cloud.stats()["connections"].items()}
    assert made.pop("all") >= 1 and made.pop(protocol) >= 1 and not any(made.values()), made


# --- limits of the other side ---


def test_retry_after_is_waited_for(cloud, account):
    dataset = account.made("/datasets", AT_ONCE)["Id"]
    for after in (1, "+2"):  # a date in whole seconds may be up to one second sooner
        fault = {"fault": "status", "status": 429, "retry_after": after}
        cloud.fails({"path": "/v1/datasets/*", "count": 1, **fault})
        began = time.monotonic()
        assert account.get(f"/datasets/{dataset}").status == 200
        assert 0.9 < time.monotonic() - began < 20


def test_a_pause_that_is_too_long_is_the_callers(cloud, account):
    dataset = account.made("/datasets", AT_ONCE)["Id"]
    cloud.fails({"path": "/v1/datasets/*", "fault": "status", "status": 429, "retry_after": 600})
    answer = account.get(f"/datasets/{dataset}")
    assert answer.status == 429 and answer.headers["Retry-After"] == "600", answer
    assert cloud.fired() == 1


def test_a_host_that_breaks_is_left_in_peace(cloud, daemon, account):
    dataset = account.made("/datasets", AT_ONCE)["Id"]
    cloud.fails({"path": "/v1/datasets/*", "fault": "reset_before"})
    for _ in range(3):  # four times each
        assert account.get(f"/datasets/{dataset}").status in (429, 503)
    asked = cloud.fired()
    answer = account.get(f"/datasets/{dataset}")
    assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1, answer
    assert 10 <= asked == cloud.fired()
    assert account.get("/models/list").status == 200  # another operation
    opened = f"CIRCUIT-OPEN host=https://localhost:{cloud.port} connection={account.name} operation=*:"
    assert opened in daemon.log()


# --- tokens ---


def test_one_token_serves_many_calls(cloud, account):
    before = cloud.stats()["tokens"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: account.get("/datasets/list"), range(50)))
    assert {answer.status for answer in answers} == {200}
    assert cloud.stats()["tokens"] - before == 1


def test_a_token_that_is_revoked_is_replaced_once(cloud, account):
    assert account.get("/datasets/list").status == 200
    for _ in range(3):
        cloud.ask("POST", "/tokens")
        before = cloud.stats()["tokens"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: account.get("/datasets/list"), range(20)))
        assert {answer.status for answer in answers} == {200}
        assert cloud.stats()["tokens"] - before == 1


@pytest.mark.parametrize("kind", WAYS)
def test_a_token_that_ends_before_a_submission_costs_no_attempt(cloud, daemon, account, kind):
    assert account.get("/datasets/list").status == 200
    cloud.ask("POST", "/tokens")
    job = ended(daemon, account.train(kind, run_ms=1))
    assert (job["state"], job["attempts"], len(cloud.objects())) == ("succeeded", 1, 1), job


def test_a_training_outlives_its_tokens(cloud, daemon, account):
    cloud.ask("POST", "/settings", {"token_seconds": 1})
    job = account.train(run_ms=2500)
    assert ended(daemon, job)["state"] == "succeeded"
    assert cloud.stats()["tokens"] >= 3


def test_a_refused_token_is_asked_for_once_however_many_wait(cloud, daemon):
    account = Account(daemon)
    cloud.fails({"method": "POST", "path": "/oauth/token", "fault": "status", "status": 401, "ms": 500})
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: account.get("/datasets/list"), range(16)))
    assert {answer.status for answer in answers} == {502}
    assert all("client_secret" in answer.json() for answer in answers), answers
    assert cloud.fired() <= 2


def test_a_token_that_cannot_be_renewed_serves_as_long_as_it_lives(cloud, account):
    cloud.ask("POST", "/settings", {"token_seconds": 10})
    cloud.ask("POST", "/tokens")
    assert account.get("/datasets/list").status == 200
    cloud.fails({"method": "POST", "path": "/oauth/token", "fault": "status", "status": 401})
    deadline = time.monotonic() + 10
    while cloud.fired() == 0:  # until it is due
        assert account.get("/datasets/list").status == 200
        assert time.monotonic() < deadline, "it was not renewed"
    assert account.get("/datasets/list").status == 200


def test_a_wrong_secret_is_named_and_not_shown(cloud, daemon, account):
    answer = Account(daemon, "wrong").get("/datasets/list")
    assert answer.status == 502 and "client_secret" in answer.json(), answer
    assert SECRET not in answer.text and SECRET not in daemon.log()


def test_no_secret_reaches_a_log_of_a_job(cloud, daemon, account):
    job = ended(daemon, account.train(log_text="it printed {secret of davit}!", run_ms=1))
    log = daemon.get(f"/v1/jobs/{job['id']}/log").text
    assert SECRET not in log and log.startswith("it printed ") and "!\n" in log, log

"""The real daemon with a provider for a cloud (tests/providers/testcloud) at a cloud that does what
a test tells it to (tests/fakes/cloud): every slot, tokens, limits."""

import concurrent.futures
import json
import re
import time

import pytest
from cloud import SECRET, Account, site_options
from cloud_daemon import AT_ONCE, WAYS, ended
from cloud_daemon import account, cloud, daemon  # noqa: F401 fixtures
from davit_site import execute_body, wait_for


def neutral(row):
    return json.loads(row["rawPayload"])


# --- every slot ---


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

"""A job runs on what its request named when it was accepted, however long it waits."""

import json
import shutil
import time

import pytest
from endpoints import SERVER, TRAINING, infer, make_endpoint, make_model, neutral, newest_job

SHOW = "import os; print(%r, open(os.environ['DAVIT_DATASET']).read())"


def pause(site, paused):
    answer = site.post("/v1/queues/local", {"paused": paused}, over_unix=True)
    assert answer.status == 200, answer


@pytest.fixture
def site(sites):
    site = sites().start()
    pause(site, True)
    return site


def dataset(site, text, *tags):
    body = {"name": "d", "tags": list(tags), "source": {"text": text}}
    return site.made("/datasets", body)["Id"]


def log(site, job):
    assert site.await_job(job)["state"] == "COMPLETED", site.job(job)
    return site.get(f"/v1/jobs/{job}/log").text


def rerun(site, job, body=None):
    answer = site.post(f"/v1/jobs/{job}/rerun", body or {}, over_unix=True)
    assert answer.status == 200, answer
    return answer.json()["id"]


def log_of_flow(site, flow):
    assert site.await_job(flow)["state"] == "COMPLETED", site.job(flow)
    return log(site, site.job(flow)["progress"]["steps"]["training"]["id"])


def train(site, kind="train", **members):
    body = {"name": "t", "dataset": "d@prod"} | members
    return site.made(f"/pipelines/training/{kind}", body)["Id"]


@pytest.mark.parametrize("kind", ["train", "custom_script"])
def test_a_tag_that_moves_and_a_script_that_changes_leave_a_waiting_job_alone(site, kind):
    script = site.imports / "show.py"
    script.write_text(SHOW % "first")
    dataset(site, "one", "prod")
    began = time.monotonic()
    job = train(site, kind, script={"path": "show.py"})
    assert time.monotonic() - began < 9, "a job that can only wait was waited for"
    script.write_text(SHOW % "second")
    dataset(site, "two", "prod")
    pause(site, False)
    assert log(site, job).startswith("first one")
    run = site.get(f"/v1/runs/{job}").json()
    assert run["dataset"]["version"] == 1
    assert run["script"]["name"] == "show.py"
    assert log(site, rerun(site, job, {"parameters": {"k": 1}})).startswith("first one")
    assert log(site, train(site, kind, script={"path": "show.py"})).startswith("second two")


def test_a_deleted_data_set_is_kept_for_the_jobs_that_wait_for_it(site):
    first = dataset(site, "one", "prod")
    job = train(site, script={"text": SHOW % "it"})
    assert site.get(f"/v1/runs/{job}").json()["dataset"]["id"] == first
    assert site.service("DELETE", f"/datasets/{first}").status == 200
    site.stop()
    site.start()
    pause(site, False)
    assert log(site, job).startswith("it one")
    assert site.service("GET", f"/datasets/{first}").status == 404
    assert log(site, rerun(site, job)).startswith("it one")


def test_a_rerun_says_that_what_it_ran_on_is_no_more(site):
    first = dataset(site, "one", "prod")
    job = train(site, script={"text": SHOW % "it"})
    digest = json.loads(site.service("GET", f"/datasets/{first}").json()["rawPayload"])["sha256"]
    assert site.service("DELETE", f"/datasets/{first}").status == 200
    pause(site, False)
    assert log(site, job).startswith("it one")
    for path in (site.folder / "data" / "blobs").rglob(f"*{digest[4:]}*"):
        path.unlink()
    answer = site.post(f"/v1/jobs/{job}/rerun", {}, over_unix=True)
    assert answer.status == 400, answer
    error = answer.json()["error"]
    assert error["field"] == "/dataset"
    assert "data set 'd'" in error["message"] and "deleted" in error["message"]


def test_the_short_form_runs_on_what_it_named(site):
    script = site.imports / "show.py"
    script.write_text(SHOW % "first")
    dataset(site, "one", "prod")
    began = time.monotonic()
    answer = site.service(
        "POST", "/pipelines/training", {"name": "f", "script": "show.py", "dataset": "d@prod"}
    )
    assert time.monotonic() - began < 9, "a job that can only wait was waited for"
    assert answer.status == 200 and answer.json()["resource"] is None, answer
    flow = answer.json()["id"]
    script.write_text(SHOW % "second")
    dataset(site, "two", "prod")
    pause(site, False)
    assert log_of_flow(site, flow).startswith("first one")
    assert log_of_flow(site, rerun(site, flow)).startswith("first one")


def test_the_short_form_is_looked_at_and_cancelled_as_its_training(site):
    body = {"name": "f", "script": {"text": "import time; print('on'); time.sleep(60)"}}
    waiting = site.service("POST", "/pipelines/training", body).json()["id"]
    assert site.service("GET", f"/pipelines/training/{waiting}/get").json()["Id"] == waiting
    cancelled = site.service("POST", f"/pipelines/training/{waiting}/cancel")
    assert cancelled.status == 200, cancelled
    assert site.await_job(waiting)["state"] == "CANCELLED"
    pause(site, False)
    began = time.monotonic()
    running = site.service("POST", "/pipelines/training", body).json()
    assert time.monotonic() - began < 9, "it was answered long after its training began"
    row = site.service("GET", f"/pipelines/training/{running['id']}/get").json()
    assert row["Id"] == running["resource"], row
    assert site.service("POST", f"/pipelines/training/{running['id']}/cancel").status == 200
    assert site.await_job(running["id"])["state"] == "CANCELLED"
    assert site.await_job(running["resource"])["state"] == "CANCELLED"


def test_the_short_form_refuses_what_cannot_run_at_once(site):
    answer = site.service(
        "POST", "/pipelines/training", {"name": "f", "script": "gone.py", "dataset": "none"}
    )
    assert answer.status == 400 and "gone.py" in answer.text, answer


def test_batch_and_deploy_use_the_version_that_was_named(site):
    pause(site, False)
    write = "import os; open(os.path.join(os.environ['DAVIT_OUTPUT_DIR'], 'm'), 'w').write('x')"
    job = site.made("/pipelines/training/train", {"name": "t", "script": {"text": write}})["Id"]
    assert site.await_job(job)["state"] == "COMPLETED"
    serve = {"script": {"text": "raise SystemExit('no')"}}
    body = {"name": "m", "aliases": ["prod"], "source": {"job": job}, "server": serve}
    first = site.made("/models/register", body)
    one = dataset(site, '{"a": 1}', "prod")
    pause(site, True)
    asked = {"name": "b", "model": "m:prod", "dataset": "d@prod"}
    batch = site.made("/pipelines/inference", asked)["Id"]
    second = site.made("/models/register", body)
    dataset(site, '{"a": 2}', "prod")
    pause(site, False)
    site.await_job(batch)
    raw = json.loads(site.service("GET", f"/pipelines/inference/{batch}/get").json()["rawPayload"])
    assert raw["model"]["version"] == 1, (raw, first, second)
    assert raw["dataset"]["id"] == one


def test_the_short_form_serves_and_reads_the_files_it_was_accepted_with(site):
    rows, serve = site.imports / "my rows.csv", site.imports / "serve.py"
    rows.write_text("first\n")
    serve.write_text(SERVER)
    script = TRAINING + "print(open(os.environ['DAVIT_DATASET']).read())\n"
    body = {
        "name": "f",
        "script": {"text": script},
        "dataset": {"path": "my rows.csv"},
        "parameters": {"word": "one"},
        "server": {"script": {"path": "serve.py"}},
        "deploy_when": True,
    }
    flow = site.service("POST", "/pipelines/training", body).json()["id"]
    rows.write_text("{}\n")
    serve.write_text("raise SystemExit('edited')")
    site.kill()
    site.start()
    pause(site, False)
    for job in (flow, rerun(site, flow)):
        assert log_of_flow(site, job).startswith("first")
        data = site.job(job)["progress"]["steps"]["dataset"]["resource"]
        data = json.loads(site.service("GET", f"/datasets/{data}").json()["rawPayload"])
        assert data["format"] == "csv"
        endpoint = site.job(job)["progress"]["steps"]["endpoint"]["resource"]
        assert site.service("POST", f"/endpoints/{endpoint}/infer?native=true", {}).status == 200


def test_a_folder_that_is_edited_or_gone_leaves_a_waiting_job_alone(site):
    folder = site.imports / "projects" / "p"
    (folder / "deep").mkdir(parents=True)
    (folder / "fit.py").write_text("import helper, os; print(helper.WORD, sorted(os.listdir('deep')))")
    (folder / "helper.py").write_text("WORD = 'first'")
    (folder / "deep" / "run").write_text("#!/bin/sh\necho ran\n")
    (folder / "deep" / "run").chmod(0o755)
    (folder / "deep" / "nothing").touch()
    asked = {"name": "t", "folder": "projects/p", "script": "fit.py"}
    job = site.made("/pipelines/training/custom_script", asked)["Id"]
    tool = {"name": "t", "folder": "projects/p", "entry": "deep/run"}
    tool = site.made("/pipelines/training/custom_script", tool)["Id"]
    (folder / "helper.py").write_text("WORD = 'edited'")
    shutil.rmtree(folder / "deep")
    site.kill()
    site.start()
    pause(site, False)
    assert log(site, job) == "first ['nothing', 'run']\n"
    assert log(site, tool) == "ran\n"
    run = site.get(f"/v1/runs/{job}").json()
    assert run["script"]["name"] == "fit.py" and len(run["script"]["sha256"]) == 64
    raw = site.service("GET", f"/pipelines/training/{job}/get").json()["rawPayload"]
    assert json.loads(raw)["provider"]["folder"] == "projects/p"
    shutil.rmtree(folder)
    assert log(site, rerun(site, job)) == "first ['nothing', 'run']\n"
    for folder, pointer in (("projects/p", "/script"), ("../x", "/script")):
        answer = site.service(
            "POST", "/pipelines/training/custom_script", asked | {"folder": folder}
        )
        assert answer.status == 400 and answer.json().startswith(pointer), answer
    gone = {"name": "t", "folder": "projects/p", "entry": "true"}
    answer = site.service("POST", "/pipelines/training/custom_script", gone)
    assert answer.status == 400 and answer.json().startswith("/folder"), answer


@pytest.mark.parametrize(
    "wrong, pointer",
    [
        ({"server": {"script": {"path": "gone.py"}}}, "/server/script"),
        ({"server": {"command": "python $HOME/serve.py"}}, "/server/command"),
        ({}, "/server/script"),
        ({"server": {"script": {"text": "x"}}, "dataset": {"path": "gone.csv"}}, "/dataset"),
        ({"server": {"script": {"text": "x"}}, "dataset": {"rows": [[1]], "format": "csv"}},
         "/dataset/format"),
        ({"server": {"script": {"text": "x"}}, "dataset": {"text": "{\"a\": 1}\n{\"a\":"}},
         "/dataset"),
    ],
)
def test_the_short_form_is_looked_at_whole_before_it_is_accepted(site, wrong, pointer):
    body = {"name": "f", "script": {"text": "print()"}, "deploy_when": True} | wrong
    answer = site.service("POST", "/pipelines/training", body)
    assert answer.status == 400 and answer.json().startswith(pointer), answer
    assert site.get("/v1/jobs?interface=davit.flow").json()["jobs"] == []


def test_a_deleted_model_is_kept_for_the_batch_that_waits_for_it(site):
    pause(site, False)
    model = make_model(site, "one", name="m")
    dataset(site, '{"a": 1}', "prod")
    server = SERVER.replace('{"model": word,', '{"predictions": [word], "model": word,')
    model = make_model(site, "two", name="m", server=server)
    pause(site, True)
    asked = {"name": "b", "model": "m", "dataset": "d@prod"}
    batch = site.made("/pipelines/inference", asked)["Id"]
    assert site.service("DELETE", f"/models/{model}").status == 200
    site.kill()
    site.start()
    pause(site, False)
    assert site.await_job(batch)["state"] == "COMPLETED", site.job(batch)
    lines = site.get(f"/v1/jobs/{batch}/outputs?path=predictions.jsonl").text
    assert lines == '"two"\n'
    again = rerun(site, batch)
    assert site.await_job(again)["state"] == "COMPLETED", site.job(again)
    raw = json.loads(site.service("GET", f"/pipelines/inference/{batch}/get").json()["rawPayload"])
    assert raw["model"]["version"] == 2 and "files" not in raw["model"]


def test_a_deploy_by_alias_is_of_the_version_it_named(site):
    pause(site, False)
    gate = site.marks / "gate"
    held = f"import os, time\nwhile not os.path.exists({str(gate)!r}):\n    time.sleep(0.01)\n"
    first = make_model(site, "one", name="m", server=held + SERVER)
    second = make_model(site, "two", name="m")
    assert site.service("POST", f"/models/{first}/aliases", {"add": ["prod"]}).status == 200
    endpoint = make_endpoint(site)
    body = {"model": "m:prod"}
    assert site.service("POST", f"/endpoints/{endpoint}/deploy_model", body).status == 200
    job = newest_job(site, "deploy")
    assert site.service("POST", f"/models/{second}/aliases", {"add": ["prod"]}).status == 200
    refused = site.service("DELETE", f"/models/{first}")
    assert refused.status == 409 and "endpoint" in refused.text, refused
    site.kill()
    site.start()
    gate.touch()
    assert site.await_job(job)["state"] == "COMPLETED", site.job(job)
    models = neutral(site, endpoint)["models"]
    assert [(m["name"], m["version"]) for m in models] == [("m", 1)], models
    assert infer(site, endpoint).json()["model"] == "one"

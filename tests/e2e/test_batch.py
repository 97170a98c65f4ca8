"""Batch predictions of the local provider: every row of a data set by a model of its own."""

import json
import os
import re
import time

import digits
import pytest
from davit_site import wait_for
from packages import Index

# Answers twice each number; refuses, dies or waits as the row says.
SERVE = """
import http.server, json, os, socketserver, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "unix"
    def log_request(self, *args):
        pass
    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.answer(200, {})
    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        found = []
        for row in rows:
            if row == "refuse":
                return self.answer(422, {"error": "not this one"})
            if row == "die":
                os._exit(3)
            if row == "wait":
                while not os.path.exists(os.environ["GATE"]):
                    time.sleep(0.01)
            if row == "environment":
                row = [os.environ.get(k) for k in ("MINE", "MODEL", "BOTH", "DAVIT_MODEL_DIR")]
            found.append({"twice": row * 2} if isinstance(row, (int, float)) else {"row": row})
        if rows and rows[0] == "short":
            found = []
        self.answer(200, {"predictions": found})

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

print("serving", flush=True)
Server(os.environ["DAVIT_SOCKET"], Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def model(shared):
    return make_model(shared)


def make_model(site, serve=SERVE, **server):
    job = site.made(
        "/pipelines/training/train", {"name": "none", "script": {"text": "print('trained')"}}
    )["id"]
    assert site.await_job(job)["state"] == "COMPLETED"
    body = {
        "name": "twice",
        "source": {"job": job},
        "server": {"script": {"text": serve}} | server,
    }
    return site.made("/models/register", body)["id"]


def make_rows(site, rows):
    return site.made("/datasets", {"name": "rows", "source": {"text": jsonl(rows)}, "format": "jsonl"})[
        "id"
    ]


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def batch(site, model, dataset, **members):
    body = {"name": "predict", "model": model, "dataset": dataset} | members
    return site.made("/pipelines/inference", body)["id"]


def neutral(site, job):
    answer = site.service("GET", f"/pipelines/inference/{job}/get")
    assert answer.status == 200, answer
    return json.loads(answer.json()["rawPayload"])


def predictions(site, job, path="predictions.jsonl"):
    answer = site.get(f"/v1/jobs/{job}/outputs?path={path}")
    assert answer.status == 200, answer
    return [json.loads(line) for line in answer.text.splitlines()]


def processes_of(site, word="batch"):
    """Command lines of living processes that belong to the site's processes."""
    found = []
    for process in os.listdir("/proc"):
        try:
            if not process.isdigit() or not os.readlink(f"/proc/{process}/cwd").startswith(
                str(site.folder / "data" / "processes")
            ):
                continue
            with open(f"/proc/{process}/cmdline", "rb") as file:
                found.append(file.read())
        except OSError:
            continue
    return found


# --- the digits ---


def test_the_held_out_digits_are_recognised(sites):
    site = sites().start()
    job = digits.train(site, epochs=30)
    assert site.await_job(job)["state"] == "COMPLETED"
    model = site.made(
        "/models/register",
        {"name": "digits", "source": {"job": job}, "server": {"script": {"path": "serve.py"}}},
    )["id"]
    dataset = site.made("/datasets", {"name": "heldout", "source": {"path": "heldout.csv"}})["id"]
    job = batch(site, model, dataset, instances={"exclude": ["label"]}, concurrency=4)
    status = site.await_job(job)
    assert status["state"] == "COMPLETED", status
    labels, instances = digits.heldout()
    found = predictions(site, job)
    assert len(found) == len(labels) == len(instances)
    right = sum(p["label"] == label for p, label in zip(found, labels, strict=True))
    assert right / len(labels) > 0.9
    object_ = neutral(site, job)
    assert object_["rows"] == len(labels) and object_["failed_rows"] == 0
    assert object_["model"]["id"] == model and object_["dataset"]["id"] == dataset
    assert object_["outputs"][0]["path"] == "predictions.jsonl"
    assert object_["metrics"]["rows_per_second"] > 0
    assert object_["progress"]["step"] == object_["progress"]["total"] == len(labels)
    used = json.loads(site.service("GET", f"/datasets/{dataset}").json()["rawPayload"])["used_by"]
    assert [(u["id"], u["kind"]) for u in used] == [(job, "batch")]


# --- rows ---


@pytest.mark.parametrize("options", [{}, {"batch_size": 1, "concurrency": 8}, {"batch_size": 7}])
def test_predictions_are_in_the_order_of_the_rows(shared, model, options):
    job = batch(shared, model, make_rows(shared, list(range(100))), **options)
    assert shared.await_job(job)["state"] == "COMPLETED"
    assert predictions(shared, job) == [{"twice": 2 * n} for n in range(100)]


def test_a_batch_is_done_again(shared, model):
    old = batch(shared, model, make_rows(shared, [3, 4]))
    assert shared.await_job(old)["state"] == "COMPLETED"
    path = f"/v1/jobs/{old}/rerun"
    refused = shared.post(path, {"parameters": {"lr": 1}}, over_unix=True)
    assert refused.status == 400 and refused.json()["error"]["field"] == "/parameters", refused
    answer = shared.post(path, {"environment": {"COLOUR": "blue"}}, over_unix=True)
    assert answer.status == 200, answer
    again = answer.json()["id"]
    assert shared.await_job(again)["state"] == "COMPLETED"
    assert predictions(shared, again) == [{"twice": 6}, {"twice": 8}]
    assert shared.job(again)["rerun_of"] == old


@pytest.mark.parametrize(
    "text, instances, rows",
    [
        ("a,b\n1,x\n-2.5e1,\n", {}, [[1, "x"], [-25.0, None]]),
        ("a,b\n1,2\n", {"exclude": ["a"]}, [[2]]),
        ("a,b,c\n1,2,3\n", {"columns": ["c", 0]}, [[3, 1]]),
        ("1,2\n3,4\n", {"header": False}, [[1, 2], [3, 4]]),
        ("1,2\n", {"header": False, "exclude": [0]}, [[2]]),
        ('a,b\n"x, ""y""\nz",1e999\n', {}, [['x, "y"\nz', "1e999"]]),
        ("a,b\n1,nan\n", {"as": "object"}, [{"a": 1, "b": "nan"}]),
        ("\ufeffa\r\n007\r\n\r\n", {}, [[7]]),
        ("a\n", {}, []),
    ],
)
def test_rows_of_csv_become_instances(shared, model, text, instances, rows):
    dataset = shared.made(
        "/datasets", {"name": "csv", "source": {"text": text}, "format": "csv"}
    )["id"]
    job = batch(shared, model, dataset, instances=instances)
    status = shared.await_job(job)
    assert status["state"] == "COMPLETED", status
    assert predictions(shared, job) == [{"row": row} for row in rows]


@pytest.mark.parametrize(
    "row, instances, instance",
    [
        ({"a": 1, "b": [2]}, {}, {"a": 1, "b": [2]}),
        ({"a": 1, "b": 2}, {"exclude": ["b"]}, {"a": 1}),
        ({"a": 1, "b": 2}, {"columns": ["b", "a"], "as": "list"}, [2, 1]),
        ([1, 2, 3], {"exclude": [0]}, [2, 3]),
        ("\u00e9 \U0001f600", {}, "\u00e9 \U0001f600"),
        (None, {}, None),
    ],
)
def test_rows_of_jsonl_are_instances(shared, model, row, instances, instance):
    job = batch(shared, model, make_rows(shared, [row]), instances=instances)
    status = shared.await_job(job)
    assert status["state"] == "COMPLETED", status
    assert predictions(shared, job) == [{"row": instance}]


# --- failures ---


def test_a_refused_row_ends_the_job_and_is_named(shared, model):
    job = batch(shared, model, make_rows(shared, [1, 2, "refuse", 4]))
    status = shared.await_job(job)
    assert status["state"] == "ERROR"
    assert "row 3: the model answered 422: not this one" in status["error"]
    assert shared.get(f"/v1/jobs/{job}/outputs?path=predictions.jsonl").status == 404


def test_refused_rows_are_skipped_where_that_is_asked_for(shared, model):
    dataset = make_rows(shared, [1, "refuse", 3, "short", 5])
    job = batch(shared, model, dataset, on_error="skip", batch_size=3)
    assert shared.await_job(job)["state"] == "COMPLETED"
    found = predictions(shared, job)
    assert [found[0], found[2], found[4]] == [{"twice": 2}, {"twice": 6}, {"twice": 10}]
    assert found[1] == {"error": "the model answered 422: not this one"}
    assert 'no "predictions" with 1' in found[3]["error"]
    assert len(found) == 5
    object_ = neutral(shared, job)
    assert (object_["rows"], object_["failed_rows"]) == (5, 2)


def test_rows_that_cannot_be_instances_are_skipped_too(shared, model):
    dataset = shared.made(
        "/datasets", {"name": "x", "source": {"text": "a,b\n1\n2,3\n4,5,6\n"}, "format": "csv"}
    )["id"]
    job = batch(shared, model, dataset, on_error="skip")
    assert shared.await_job(job)["state"] == "COMPLETED"
    assert predictions(shared, job) == [
        {"error": "it has 1 cells and not 2"},
        {"row": [2, 3]},
        {"error": "it has 3 cells and not 2"},
    ]
    dataset = shared.made(
        "/datasets", {"name": "x", "source": {"text": "[1]\nno json\n[NaN]\n"}, "format": "jsonl"}
    )["id"]
    job = batch(shared, model, dataset, on_error="skip")
    assert shared.await_job(job)["state"] == "COMPLETED"
    found = predictions(shared, job)
    assert found[0] == {"row": [1]}
    assert "line 2 is no JSON" in found[1]["error"] and "NaN" in found[2]["error"]


@pytest.mark.parametrize(
    "rows, members, said",
    [
        ('"refuse"\n"refuse"\n', {"on_error": "skip"}, "every row failed; the first: the model"),
        ('1\n"die"\n', {}, "server ended while it predicted: exit code 3"),
        ('"die"\n', {"on_error": "skip"}, "server ended while it predicted: exit code 3"),
        ("a\n1\n", {"instances": {"columns": ["b"]}}, 'no column "b"; it has: a'),
        ("a,b\n1\n", {}, "row 1: it has 1 cells and not 2"),
        ('{"a": 1}\n', {"instances": {"columns": ["b"]}}, 'row 1: it has no column "b"'),
    ],
)
def test_why_a_job_failed_is_told(shared, model, rows, members, said):
    csv = rows.startswith("a")
    dataset = shared.made(
        "/datasets",
        {"name": "x", "source": {"text": rows}, "format": "csv" if csv else "jsonl"},
    )["id"]
    status = shared.await_job(batch(shared, model, dataset, **members))
    assert status["state"] == "ERROR" and said in status["error"], status


@pytest.mark.parametrize(
    "serve, server, said",
    [
        ("raise SystemExit('no model')", {}, "ended before it was healthy: exit code 1"),
        ("import time; time.sleep(60)", {}, "did not answer GET /health with 200 within 1 s"),
        ("", {"command": "no-such-program"}, "could not be started"),
    ],
)
def test_a_server_that_does_not_serve_is_told(sites, serve, server, said):
    site = sites(settings="  deploy_seconds: 1\n").start()
    job = batch(site, make_model(site, serve or SERVE, **server), make_rows(site, [1]))
    status = site.await_job(job)
    assert status["state"] == "ERROR" and said in status["error"], status


@pytest.mark.parametrize(
    "members, pointer",
    [
        ({"model": "nothing"}, "/model"),
        ({"dataset": "nothing"}, "/dataset"),
        ({"batch_size": 0}, "/batch_size"),
        ({"concurrency": 65}, "/concurrency"),
        ({"on_error": "ignore"}, "/on_error"),
        ({"instances": {"as": "dict"}}, "/instances/as"),
    ],
)
def test_a_wrong_member_is_refused_by_its_pointer(shared, model, members, pointer):
    body = {"name": "x", "model": model, "dataset": make_rows(shared, [1])} | members
    answer = shared.service("POST", "/pipelines/inference", body)
    assert answer.status == 400, answer
    value = next(iter(members.values()))
    assert pointer in answer.json() or str(value) in answer.json(), answer


# --- what it runs with ---


def test_variables_of_the_job_go_before_those_of_the_model(shared):
    model = make_model(shared, environment={"MODEL": 1, "BOTH": "model"})
    job = batch(
        shared,
        model,
        make_rows(shared, ["environment"]),
        environment={"MINE": True, "BOTH": "job"},
    )
    assert shared.await_job(job)["state"] == "COMPLETED"
    assert predictions(shared, job) == [{"row": ["true", "1", "job", "model"]}]


# --- the life of a job ---


def waiting(site, model):
    gate = site.marks / f"gate-{time.monotonic_ns()}"
    job = batch(
        site,
        model,
        make_rows(site, [1, "wait", 3]),
        batch_size=1,
        environment={"GATE": str(gate)},
    )
    wait_for("the first prediction", lambda: neutral(site, job).get("rows") == 1)
    return job, gate


def test_a_batch_prediction_can_be_cancelled_with_its_server(sites):
    site = sites().start()
    job, _ = waiting(site, make_model(site))
    assert len(processes_of(site)) >= 2
    answer = site.service("POST", f"/pipelines/inference/{job}/cancel")
    assert answer.status == 200, answer
    assert site.await_job(job)["state"] == "CANCELLED"
    wait_for("the end of its processes", lambda: processes_of(site) == [])
    items = site.get(f"/v1/jobs/{job}/outputs").json()["items"]
    assert [item["path"] for item in items] == ["predictions.jsonl.part"]


def test_it_is_listed_and_deleted_once_it_ended(sites):
    site = sites().start()
    job, gate = waiting(site, make_model(site))
    row = site.service("GET", "/pipelines/inference/list").json()
    assert [r["Id"] for r in row] == [job]
    answer = site.service("DELETE", f"/pipelines/inference/{job}")
    assert answer.status == 409 and "cancel it" in answer.json(), answer
    gate.touch()
    assert site.await_job(job)["state"] == "COMPLETED"
    assert site.service("DELETE", f"/pipelines/inference/{job}").status == 200
    assert site.service("GET", "/pipelines/inference/list").json() == []
    assert site.service("GET", f"/pipelines/inference/{job}/get").status == 404
    assert not (site.folder / "data" / "processes" / job).exists()
    assert site.service("DELETE", f"/pipelines/inference/{job}").status == 404


def test_a_killed_daemon_finds_it_again_and_it_ends_once(sites):
    site = sites().start()
    job, gate = waiting(site, make_model(site))
    site.kill()
    site.start()
    assert site.get(f"/status/{job}").json()["state"] == "RUNNING"
    gate.touch()
    assert site.await_job(job)["state"] == "COMPLETED"
    assert predictions(site, job) == [{"twice": 2}, {"row": "wait"}, {"twice": 6}]
    assert site.get(f"/v1/jobs/{job}/log").text.count("serving") == 1


def test_one_that_ended_while_the_daemon_was_gone_is_seen_to_have_ended(sites):
    site = sites().start()
    job, gate = waiting(site, make_model(site))
    site.kill()
    gate.touch()
    wait_for("its end", (site.folder / "data" / "processes" / job / "exit.json").exists)
    site.start()
    assert site.await_job(job)["state"] == "COMPLETED"
    assert len(predictions(site, job)) == 3


def test_it_counts_as_a_job_that_computes(sites):
    site = sites(davit="jobs: {max_running: 1}\n").start()
    model = make_model(site)
    first, gate = waiting(site, model)
    body = {"name": "x", "model": model, "dataset": make_rows(site, [1])}
    second = site.request(
        "POST", "/api/service/v1/pipelines/inference", body, timeout=30
    ).json()["id"]
    assert site.get(f"/status/{second}").json()["state"] == "SUBMITTED"
    gate.touch()
    assert site.await_job(second)["state"] == "COMPLETED"
    assert site.await_job(first)["state"] == "COMPLETED"


# --- its files ---


def test_a_large_file_is_fetched_whole(shared):
    script = (
        "import os\n"
        "os.makedirs(os.environ['DAVIT_OUTPUT_DIR'] + '/deep')\n"
        "open(os.environ['DAVIT_OUTPUT_DIR'] + '/deep/large.bin', 'wb').write(b'\\xff' * (20 << 20))\n"
    )
    job = shared.made("/pipelines/training/train", {"name": "l", "script": {"text": script}})["id"]
    assert shared.await_job(job)["state"] == "COMPLETED"
    items = shared.get(f"/v1/jobs/{job}/outputs").json()["items"]
    assert items == [{"path": "deep/large.bin", "bytes": 20 << 20}]
    answer = shared.get(f"/v1/jobs/{job}/outputs?path=deep/large.bin")
    assert answer.status == 200 and answer.body == b"\xff" * (20 << 20)
    assert answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("path", ["../spec.json", "/etc/passwd", "deep/../../spec.json", "none"])
def test_only_its_own_files_are_given(shared, model, path):
    job = batch(shared, model, make_rows(shared, [1]))
    shared.await_job(job)
    answer = shared.get(f"/v1/jobs/{job}/outputs?path={path}")
    assert answer.status in (400, 404), answer


def test_the_texts_of_small_files_are_artifacts(shared, model):
    job = batch(shared, model, make_rows(shared, [1]))
    shared.await_job(job)
    found = shared.get(f"/execute/{job}/getOutputArtifacts").json()
    assert found == {"predictions": {"content": '{"twice": 2}\n'}}
    assert re.search("1 rows predicted, 0 failed", shared.get(f"/v1/jobs/{job}/log").text)


def test_the_server_has_the_packages_the_job_or_the_model_asks_for(sites):
    index = Index()
    index.publish("probe")
    site = sites(settings=index.settings).start()
    try:
        model = make_model(site, "import probe\n" + SERVE)
        rows = make_rows(site, [1])
        job = batch(site, model, rows, requirements=["probe==1.0"])
        status = site.await_job(job)
        assert status["state"] == "COMPLETED", status
        assert predictions(site, job) == [{"twice": 2}]
        status = site.await_job(batch(site, model, rows))
        assert status["state"] == "ERROR" and "No module named 'probe'" in status["error"]
        model = make_model(site, "import probe\n" + SERVE, requirements=["probe==1.0"])
        job = batch(site, model, rows)
        assert site.await_job(job)["state"] == "COMPLETED"
        assert predictions(site, job) == [{"twice": 2}]
        status = site.await_job(batch(site, model, rows, requirements=[]))
        assert status["state"] == "ERROR" and "No module named 'probe'" in status["error"]
    finally:
        index.close()

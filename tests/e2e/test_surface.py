"""The whole surface with the local provider: every route of the daemon's own description is
asked once, does its work, and answers 501 only where the table below says why."""

import re

import digits
import pytest
from davit_site import OKHTTP, execute_body

SERVICE = "/api/service/v1"

# What this machine does not have; everything else must work.
NOT_OFFERED = {("POST", f"{SERVICE}/pipelines/training/automl"): "AutoML"}


class World:
    """One of everything, so that each route has something to act upon. What a route deletes is
    made for it alone."""

    def __init__(self, site):
        self.site = site
        self.endpoint = digits.deploy(site)
        self.dataset = site.service("GET", "/datasets/list").json()[0]["id"]
        self.training = site.service("GET", "/pipelines/training/list").json()[0]["id"]
        self.model = site.service("GET", "/models/list").json()[0]["id"]
        self.task = site.execute("sh -c 'echo 1 > $output_dir/one.txt'")
        site.await_status(self.task)

    def new_dataset(self):
        return self.site.made(
            "/datasets", {"name": "spare", "source": {"rows": [{"a": 1}]}}
        )["id"]

    def new_training(self):
        row = self.site.made("/pipelines/training/train", SCRIPT)
        assert self.site.await_job(row["id"])["state"] == "COMPLETED"
        return row["id"]

    def model_body(self):
        return {
            "name": "spare",
            "source": {"job": self.training},
            "server": {"script": {"path": "serve.py"}},
        }

    def new_model(self):
        return self.site.made("/models/register", self.model_body())["id"]

    def new_endpoint(self):
        return self.site.made("/endpoints/register", {"name": "spare"})["id"]

    def new_deployed(self):
        endpoint = self.new_endpoint()
        self.site.made(f"/endpoints/{endpoint}/deploy_model", {"model": self.model})
        digits.await_serving(self.site, endpoint)
        return endpoint

    def batch_body(self):
        return {
            "name": "spare",
            "model": self.model,
            "dataset": self.dataset,
            "instances": {"exclude": ["label"]},
            "batch_size": 500,
        }

    def new_batch(self):
        row = self.site.made("/pipelines/inference", self.batch_body())
        assert self.site.await_job(row["id"])["state"] == "COMPLETED"
        return row["id"]

    def whole_path_body(self):
        return {
            "name": "whole",
            "script": {"path": "train.py"},
            "dataset": self.dataset,
            "parameters": {"epochs": 1},
            "server": {"script": {"path": "serve.py"}},
            "deploy_when": False,
        }


SCRIPT = {"name": "script", "script": {"text": "print(1)"}}


def instances():
    return {"instances": digits.heldout()[1][:1]}


# (method, path) → (what stands for the id, body); both may be functions of the world.
CALLS = {
    ("POST", "/execute"): (None, execute_body("true")),
    ("GET", "/execute"): (None, None),
    ("GET", "/execute/jobs"): (None, None),
    ("GET", "/execute/getLog"): (None, None),
    ("GET", "/execute/{id}/getStatus"): (lambda w: w.task, None),
    ("GET", "/execute/{id}/getLog"): (lambda w: w.task, None),
    ("GET", "/execute/{id}/stop"): (lambda w: w.task, None),
    ("POST", "/execute/{id}/stop"): (lambda w: w.task, {}),
    ("GET", "/execute/{id}/getOutputArtifacts"): (lambda w: w.task, None),
    ("GET", "/venvs"): (None, None),
    ("DELETE", "/venvs"): (None, ["script_venv_none"]),
    ("POST", f"{SERVICE}/datasets"): (None, {"name": "d", "source": {"rows": [{"a": 1}]}}),
    ("GET", f"{SERVICE}/datasets/list"): (None, None),
    ("GET", f"{SERVICE}/datasets/{{dataset_id}}"): (lambda w: w.dataset, None),
    ("DELETE", f"{SERVICE}/datasets/{{dataset_id}}"): (World.new_dataset, None),
    ("POST", f"{SERVICE}/datasets/{{dataset_id}}/export"): (lambda w: w.dataset, {"download": True}),
    ("POST", f"{SERVICE}/datasets/{{dataset_id}}/tags"): (lambda w: w.dataset, {"add": ["clean"]}),
    ("POST", f"{SERVICE}/endpoints/register"): (None, {"name": "e"}),
    ("GET", f"{SERVICE}/endpoints/list"): (None, None),
    ("GET", f"{SERVICE}/endpoints/{{endpoint_id}}"): (lambda w: w.endpoint, None),
    ("DELETE", f"{SERVICE}/endpoints/{{endpoint_id}}/delete"): (World.new_endpoint, None),
    ("POST", f"{SERVICE}/endpoints/{{endpoint_id}}/deploy_model"): (
        lambda w: w.endpoint, lambda w: {"model": w.model}),
    ("POST", f"{SERVICE}/endpoints/{{endpoint_id}}/undeploy_models"): (
        World.new_deployed, {}),
    ("POST", f"{SERVICE}/endpoints/{{endpoint_id}}/infer"): (lambda w: w.endpoint, lambda w: instances()),
    ("POST", f"{SERVICE}/endpoints/{{endpoint_id}}/explain"): (lambda w: w.endpoint, lambda w: instances()),
    ("GET", f"{SERVICE}/models/list"): (None, None),
    ("POST", f"{SERVICE}/models/register"): (None, lambda w: w.model_body()),
    ("GET", f"{SERVICE}/models/{{model_id}}"): (lambda w: w.model, None),
    ("DELETE", f"{SERVICE}/models/{{model_id}}"): (World.new_model, None),
    ("POST", f"{SERVICE}/models/{{model_id}}/export"): (
        lambda w: w.model, {"download": "model.json"}),
    ("POST", f"{SERVICE}/models/{{model_id}}/aliases"): (lambda w: w.model, {"add": ["prod"]}),
    ("POST", f"{SERVICE}/pipelines/training"): (None, lambda w: w.whole_path_body()),
    ("POST", f"{SERVICE}/pipelines/training/automl"): (None, {"name": "a"}),
    ("POST", f"{SERVICE}/pipelines/training/custom_script"): (None, SCRIPT),
    ("POST", f"{SERVICE}/pipelines/training/train"): (None, SCRIPT),
    ("GET", f"{SERVICE}/pipelines/training/list"): (None, None),
    ("GET", f"{SERVICE}/pipelines/training/{{training_job_id}}/get"): (lambda w: w.training, None),
    ("GET", f"{SERVICE}/pipelines/training/{{training_job_id}}/cancel"): (World.new_training, None),
    ("POST", f"{SERVICE}/pipelines/training/{{training_job_id}}/cancel"): (World.new_training, {}),
    ("DELETE", f"{SERVICE}/pipelines/training/{{training_job_id}}/delete"): (
        World.new_training, None),
    ("DELETE", f"{SERVICE}/projects_pipelines/{{training_job_id}}/delete"): (
        World.new_training, None),
    ("POST", f"{SERVICE}/pipelines/inference"): (None, lambda w: w.batch_body()),
    ("POST", f"{SERVICE}/pipelines/inference/"): (None, lambda w: w.batch_body()),
    ("GET", f"{SERVICE}/pipelines/inference/list"): (None, None),
    ("DELETE", f"{SERVICE}/pipelines/inference/{{inference_job_id}}"): (World.new_batch, None),
    ("GET", f"{SERVICE}/pipelines/inference/{{inference_job_id}}/cancel"): (World.new_batch, None),
    ("POST", f"{SERVICE}/pipelines/inference/{{inference_job_id}}/cancel"): (World.new_batch, {}),
    ("GET", f"{SERVICE}/pipelines/inference/{{inference_job_id}}/get"): (World.new_batch, None),
    ("POST", f"{SERVICE}/pipelines/inference/{{inference_job_id}}/get"): (World.new_batch, {}),
    ("POST", f"{SERVICE}/function/execute"): (
        None, {"Script": "def execute(details, body):\n    return body", "Body": "x"}),
    ("GET", "/status/{id}"): (lambda w: w.task, None),
    ("GET", "/v1/providers"): (None, None),
    ("GET", "/v1/providers/{id}"): ("local", None),
    ("POST", "/v1/providers/{id}/lift"): ("local", {}),
    ("GET", "/v1/jobs"): (None, None),
    ("GET", "/v1/jobs/{id}"): (lambda w: w.task, None),
    ("POST", "/v1/jobs/{id}/cancel"): (lambda w: w.task, {}),
    ("GET", "/v1/jobs/{id}/log"): (lambda w: w.task, None),
    ("GET", "/v1/jobs/{id}/timeline"): (lambda w: w.task, None),
    ("POST", "/v1/jobs/{id}/decide"): (lambda w: w.task, {"decision": "resubmit"}),
    ("POST", "/v1/jobs/{id}/rerun"): (lambda w: w.task, {}),
    ("GET", "/v1/jobs/{id}/outputs"): (lambda w: w.task, None),
    ("GET", "/v1/queues"): (None, None),
    ("POST", "/v1/queues/{provider}"): ("local", {"priority": 1}),
    ("GET", "/v1/strays"): (None, None),
    ("POST", "/v1/strays/sweep"): (None, {}),
    ("POST", "/v1/strays/{id}/adopt"): ("0" * 24, {}),
    ("POST", "/v1/strays/{id}/delete"): ("0" * 24, {}),
    ("GET", "/v1/runs"): (None, None),
    ("GET", "/v1/runs/{id}"): (lambda w: w.training, None),
    ("GET", "/v1/runs/compare"): (None, None),
    ("GET", "/healthz"): (None, None),
    ("GET", "/readyz"): (None, None),
    ("GET", "/swagger.json"): (None, None),
    ("GET", "/"): (None, None),
    ("POST", "/"): (None, {}),
    ("GET", "/cloudconnect"): (None, None),
    ("POST", "/cloudconnect"): (None, {}),
}


QUERIES = {"/v1/runs/compare": lambda w: f"?ids={w.training},{w.new_training()}"}


# What needs a state that nothing of this provider gets into; test_decide.py and test_strays.py
# have it.
REFUSED = {
    ("POST", "/v1/jobs/{id}/decide"): (409, "there is nothing to decide"),
    ("POST", "/v1/strays/{id}/adopt"): (404, "there is no stray"),
    ("POST", "/v1/strays/{id}/delete"): (404, "there is no stray"),
}

# What an answer begins with; clients tell lists, objects and failures apart by it.
FIRST_BYTES = {
    ("GET", "/execute"): "[",
    ("GET", "/execute/jobs"): "<",
    ("GET", "/venvs"): "[",
    ("GET", "/cloudconnect"): "t",
    ("POST", "/cloudconnect"): "t",
    ("GET", "/v1/jobs/{id}/log"): "[",  # "[davit: there is no folder …"
    ("POST", f"{SERVICE}/datasets/{{dataset_id}}/export"): "l",  # the rows: "label,…"
}


def first_byte(route):
    if route[1].endswith("/list"):
        return "["
    if route[1].endswith(("/infer", "/explain")):
        return '"'
    return FIRST_BYTES.get(route, "{")


def value_of(entry, world):
    return entry(world) if callable(entry) else entry


@pytest.fixture(scope="module")
def world(shared):
    return World(shared)


def routes_of(site):
    paths = site.get("/swagger.json").json()["paths"]
    return {
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if method in ("get", "post", "delete", "put", "patch")
    }


def test_the_table_has_a_row_for_every_route(world):
    assert routes_of(world.site) == set(CALLS)


@pytest.mark.parametrize("route", CALLS, ids=lambda route: " ".join(route))
def test_the_route_does_its_work(world, route):
    method, path = route
    name, body = CALLS[route]
    asked = re.sub(r"{\w+}", lambda _: value_of(name, world), path)
    asked += QUERIES.get(path, lambda _: "")(world)
    answer = world.site.request(
        method, asked, value_of(body, world), headers=OKHTTP, over_unix="/v1/" in path
    )
    if route in NOT_OFFERED:
        assert answer.status == 501 and NOT_OFFERED[route] in answer.json(), answer
    elif route in REFUSED:
        status, words = REFUSED[route]
        assert answer.status == status and words in answer.text, answer
    else:
        assert answer.status == 200, answer
        assert answer.text[:1] == first_byte(route), answer

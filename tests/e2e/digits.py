"""The main job over REST, for the tests that need a model."""

import csv
import json
import shutil

from davit_site import ROOT, wait_for

EXAMPLE = ROOT / "examples" / "digits"


def bring_in(site):
    for file in EXAMPLE.iterdir():
        if file.suffix in (".csv", ".py"):
            shutil.copy(file, site.imports)


def heldout():
    rows = list(csv.reader(open(EXAMPLE / "heldout.csv", encoding="utf-8")))[1:]
    return [int(row[0]) for row in rows], [[int(v) for v in row[1:]] for row in rows]


def train(site, epochs=3, **members):
    """A dataset and a training job that is on its way; returns the job's id."""
    bring_in(site)
    dataset = site.made("/datasets", {"name": "digits", "source": {"path": "train.csv"}})
    body = {
        "name": "digits",
        "script": {"path": "train.py"},
        "dataset": dataset["id"],
        "parameters": {"epochs": epochs},
    }
    return site.made("/pipelines/training/train", body | members)["id"]


def deploy(site, epochs=3):
    """The whole path up to an endpoint that answers; returns its id."""
    job = train(site, epochs)
    status = site.await_job(job)
    assert status["state"] == "COMPLETED", status
    model = site.made(
        "/models/register",
        {
            "name": "digits",
            "source": {"job": job},
            "server": {"script": {"path": "serve.py"}},
        },
    )["id"]
    endpoint = site.made("/endpoints/register", {"name": "digits"})["id"]
    site.made(f"/endpoints/{endpoint}/deploy_model", {"model": model})
    await_serving(site, endpoint)
    return endpoint


def await_serving(site, endpoint):
    instances = heldout()[1][:1]
    wait_for(
        f"endpoint {endpoint} to answer",
        lambda: infer(site, endpoint, instances).status == 200,
    )


def infer(site, endpoint, instances, path="?native=true", **options):
    return site.service(
        "POST", f"/endpoints/{endpoint}/infer{path}", {"instances": instances}, **options
    )


def accuracy(site, endpoint):
    labels, instances = heldout()
    answer = infer(site, endpoint, instances)
    assert answer.status == 200, answer
    predictions = json.loads(answer.text)["predictions"]
    right = sum(p["label"] == label for p, label in zip(predictions, labels, strict=True))
    return right / len(labels)

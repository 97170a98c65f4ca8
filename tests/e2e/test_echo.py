"""What the daemon makes of a provider that behaves well or badly, as the words of a request
tell it to (tests/providers/echo). Over the Unix socket, whose listener has no provider of its
own: the connection names it."""

import json

import pytest
from davit_site import BUILD, wait_for

ECHO = BUILD / "tests" / "providers" / "echo.so"
QUERY = "?adapter_instance=mirror&project=p1"


@pytest.fixture(scope="module")
def mirror():
    from conftest import Sites

    made = Sites()
    yield made(
        providers={"echo": f"provider: echo\nplugin: {ECHO}\n"},
        davit="connections: {mirror: {type: ECHO}}\n",
    ).start()
    made.clean_up()


def service(site, method, path, body=None):
    return site.service(method, path + QUERY, body, over_unix=True)


def newest_training(site):
    jobs = site.get("/v1/jobs?kind=train").json()["jobs"]
    return site.job(jobs[0]["id"])


def test_every_host_service_keeps_its_word(mirror):
    names = "kv blob large resolve log time random arena handle no_checkpoint".split()
    body = {"Script": " ".join(names), "Body": {"x": 1}}
    answer = service(mirror, "POST", "/function/execute", body)
    assert answer.status == 200, answer
    output = json.loads(answer.json()["logs"]["content"])
    assert output == {**{name: "ok" for name in names}, "body": {"x": 1}}


# Words, the end, and how often it was submitted.
OUTCOMES = [
    ("succeed", "succeeded", 1),
    ("pend:3 succeed", "succeeded", 1),
    ("pend:2 fail", "failed", 1),
    ("pend:1 cancel", "cancelled", 1),
    ("retry:2", "succeeded", 1),
    ("throttle:2", "succeeded", 1),
    ("checkpoint", "succeeded", 1),
    ("pend:1 poll=sleep:5", "succeeded", 1),
    # The object is there, but the answer to submit says nothing of it: find does.
    ("ambiguous", "succeeded", 1),
    ("no_reply", "succeeded", 1),
    ("reply_twice", "succeeded", 1),
    ("wrong_reply", "succeeded", 1),
    ("bad_json", "succeeded", 1),
    # Nothing left the machine: it is submitted again without being asked for, and adopted.
    ("ambiguous find=refuse:6", "succeeded", 1),
    ("refuse:4", "failed", 1),
    ("refuse:12", "failed", 1),
]


@pytest.mark.parametrize("words, end, attempts", OUTCOMES)
def test_a_submission_ends_as_the_provider_says_and_makes_one_object(
    mirror, words, end, attempts
):
    before = len(service(mirror, "GET", "/pipelines/training/list").json())
    body = {"name": "t", "behave": words}
    service(mirror, "POST", "/pipelines/training/train", body)
    job = newest_training(mirror)

    def ended():
        now = mirror.job(job["id"])
        return now if now["state"] in ("succeeded", "failed", "cancelled") else None

    job = wait_for(f"the end of {words}", ended)
    assert (job["state"], job["attempts"]) == (end, attempts), job
    rows = service(mirror, "GET", "/pipelines/training/list").json()
    # A job without an object stands in the list under its own id.
    made = len([row for row in rows if job["resource"] or row["id"] != job["id"]]) - before
    assert made == (0 if words.startswith("refuse") else 1)


def test_rows_are_as_the_manifest_says(mirror):
    body = {"name": "rows", "labels": {"owner": "me", "likes": "7"}}
    assert service(mirror, "POST", "/datasets", body).status == 200
    row = service(mirror, "GET", "/datasets/list").json()[0]
    assert row["sourceName"] == "rows" and row["status"] == "SUCCEEDED"
    assert row["organization"] == "p1" and row["adapter"] == "mirror"
    assert row["kind"] == "echo" and row["container"] is None and row["likes"] == "7"
    assert row["handle"] == f"dataset_id:{row['Id']},owner:me"
    assert len(row["createdOn"]) == len("2026-01-02T03:04:05.678")
    assert row["metaData"].startswith('"{') and row["rawPayload"].startswith('{"id"')
    models = service(mirror, "POST", "/models/register", {"name": "m"})
    assert models.text.startswith("[") and models.json()[0]["alias"] == "m"


@pytest.mark.parametrize(
    "words, status, body",
    [
        ("chunks:3 gap:5", 200, "data: 1\n\ndata: 2\n\ndata: 3\n\n"),
        ("large:300000", 200, "\0" * 300000),
        ("blob", 200, "behave blob"),
        ("sleep:5 blob", 200, "behave sleep:5 blob"),
    ],
)
def test_a_prediction_is_what_the_provider_sends(mirror, words, status, body):
    answer = mirror.service(
        "POST",
        f"/endpoints/e1/infer{QUERY}&native=true",
        f"behave {words}".encode(),
        over_unix=True,
    )
    assert (answer.status, answer.text) == (status, body)


# Codes of davit/abi.h and the statuses of docs/provider-guide.md.
CLASSES = {1: 503, 2: 429, 3: 502, 4: 502, 5: 400, 6: 404, 7: 409, 8: 501, 10: 504, 11: 500,
           12: 502}


@pytest.mark.parametrize("code, status", CLASSES.items())
def test_a_result_class_becomes_its_status(mirror, code, status):
    body = {"Script": f"refuse:{code}"}
    answer = service(mirror, "POST", "/function/execute", body)
    assert answer.status == status, answer
    assert answer.text.startswith('"')


def test_what_it_does_not_offer_is_501_in_its_own_words(mirror):
    answer = service(mirror, "POST", "/pipelines/training/automl", {"name": "t"})
    assert answer.status == 501
    assert "the echo provider has no automatic training" in answer.json()


def test_validate_refuses_before_there_is_a_job(mirror):
    jobs = len(mirror.get("/v1/jobs?kind=train").json()["jobs"])
    body = {"name": "t", "behave": "succed"}
    answer = service(mirror, "POST", "/pipelines/training/train", body)
    assert answer.status == 400 and "succed" in answer.json(), answer
    assert len(mirror.get("/v1/jobs?kind=train").json()["jobs"]) == jobs

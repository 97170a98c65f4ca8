"""Secrets that a caller gives to a job: nowhere to be seen, also when the job prints them."""

import base64
import json

from davit_site import execute_body

SECRET = "s3cr3t/of \"the\" caller"
PRINTS = (
    "printf 'plain %s\\n' \"$DB_PASSWORD\"; printf 'user:%s' \"$DB_PASSWORD\" | base64 -w0; "
    "printf '\\n%s' \"${DB_PASSWORD%????????????}\"; sleep 0.5; echo \"${DB_PASSWORD#??????????}\"; "
)


def forms(secret):
    yield secret
    yield json.dumps(secret)[1:-1]
    yield secret[:12]
    yield base64.b64encode(f"user:{secret}".encode()).decode()[8:]


def hidden(text):
    return not any(form in text for form in forms(SECRET))


def all_logs(site, task):
    return [
        site.task_log(task),
        site.get(f"/v1/jobs/{task}/log").text,
        site.get(f"/v1/jobs/{task}/log?follow=true").text,
        site.get(f"/v1/jobs/{task}/log?offset=10").text,
    ]


def test_a_job_that_prints_its_password_has_stars_in_its_log(sites):
    site = sites(settings="  shell: true\n").start()
    body = execute_body(PRINTS + "echo mode $MODE", environment={"DB_PASSWORD": SECRET, "MODE": "training"})
    task = site.post("/execute", body).json()["task_id"]
    assert site.await_status(task)["task_status"] == "COMPLETED"
    for text in all_logs(site, task):
        assert hidden(text), text
        assert "***" in text and "mode training" in text
    whole = site.get(f"/v1/jobs/{task}/log").text
    for offset in range(0, len(whole), 3):
        assert site.get(f"/v1/jobs/{task}/log?offset={offset}").text == whole[offset:]
    site.stop()
    site.start()  # what was learned is learned again
    for text in all_logs(site, task):
        assert hidden(text) and "***" in text
    assert hidden(site.log())


def test_a_failure_that_quotes_a_password_is_told_without(sites):
    site = sites().start()
    script = "import os\nraise ValueError('cannot log in as ' + os.environ['API_KEY'])"
    body = execute_body(f"python3 -c \"{script}\"", environment={"API_KEY": SECRET})
    task = site.post("/execute", body).json()["task_id"]
    assert site.await_status(task)["task_status"] == "ERROR"
    job = site.get(f"/v1/jobs/{task}").text
    assert hidden(job), job
    for text in all_logs(site, task):
        assert hidden(text), text
    assert hidden(site.log())


def test_a_refusal_does_not_repeat_what_the_site_calls_a_password(sites):
    site = sites(
        davit="connections:\n  one:\n    provider: local\n    password: 'hunter2-of-the-site'\n"
    ).start()
    answer = site.get("/v1/jobs/hunter2-of-the-site")
    assert answer.status >= 400
    assert "hunter2" not in answer.text
    answer = site.get("/v1/jobs?state=hunter2-of-the-site")
    assert answer.status >= 400
    assert "hunter2" not in answer.text and "***" in answer.text
    assert "hunter2" not in site.log()

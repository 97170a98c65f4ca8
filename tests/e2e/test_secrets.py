"""Secrets that a caller gives to a job: nowhere to be seen, also when the job prints them."""

import base64
import json
import os
import subprocess
import tempfile
import urllib.parse
import urllib.request

import canary
import pytest
from cloud import SECRET as CLIENT_SECRET
from cloud import Account, Cloud, site_options
from davit_site import BUILD, execute_body, refused, wait_for

SECRET = canary.keep("s3cr3t/of \"the\" caller")
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


def test_what_a_manifest_has_secrets_from_is_hidden_after_a_restart(sites):
    """Also where no call opened it: here the account has a secret of its own."""
    of_site = canary.secret("of-the-environment")
    env = {**os.environ, "TESTCLOUD_CLIENT_SECRET": of_site}
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        cloud = Cloud(folder)
        site = sites(settings="  shell: true\n", **site_options(cloud)).start(env=env)
        account = Account(site, "a0")
        job = account.train(log_text=f"of it {{secret of davit}}, of all {of_site}!", run_ms=1)
        task = site.execute(f"echo It is {of_site}; echo and {CLIENT_SECRET}")
        site.await_status(task)
        site.await_status(job)
        for _ in range(2):
            local = site.task_log(task)
            assert f"It is {len(of_site) * '*'}\nand {len(CLIENT_SECRET) * '*'}\n" in local, local
            log = site.get(f"/v1/jobs/{job}/log").text
            said = f"of it {len(CLIENT_SECRET) * '*'}, of all {len(of_site) * '*'}!"
            assert log.startswith(said), log
            site.stop()
            site.start(env=env)
        site.stop()
        cloud.close()


def test_the_environment_of_a_job_that_ended_is_nowhere_on_disk(sites):
    site = sites(settings="  shell: true\n").start()
    given = canary.secret("environment")
    body = execute_body("test ${#DB_PASSWORD} = %d" % len(given), environment={"DB_PASSWORD": given})
    task = site.post("/execute", body).json()["task_id"]
    assert site.await_status(task)["task_status"] == "COMPLETED"
    site.stop()
    files = [path for path in (site.folder / "data").rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "spec.json"]
    assert not [path for path in files if given.encode() in path.read_bytes()]


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


def everything_said_of(site, job):
    ways = (f"/v1/jobs/{job}", "/v1/jobs", f"/status/{job}", f"/v1/jobs/{job}/timeline")
    return "".join(site.get(way).text for way in ways)


def test_the_progress_of_a_job_shows_no_password(sites):
    site = sites(settings="  shell: true\n").start()
    said = '{"step":1,"total":2,"text":"login as %s"}\\n'
    command = f"printf '{said}' \"$DB_PASSWORD\" >>$DAVIT_PROGRESS; exec sleep 60"
    body = execute_body(command, environment={"DB_PASSWORD": "pass-word-4711"})
    task = site.post("/execute", body).json()["task_id"]
    wait_for("the progress", lambda: "login as ***" in everything_said_of(site, task))
    assert "4711" not in everything_said_of(site, task)
    site.get(f"/execute/{task}/stop")
    site.await_status(task)
    assert "4711" not in everything_said_of(site, task)


def test_what_a_cloud_says_of_a_job_shows_no_secret_of_the_site(sites, tmp_path):
    cloud = Cloud(str(tmp_path))
    try:
        site = sites(default="testcloud", **site_options(cloud)).start()
        account = Account(site)
        job = account.train(fail=True, error=f"bad {CLIENT_SECRET} end", run_ms=300)
        assert site.await_job(job)["state"] == "ERROR"
        account.get("/pipelines/training/list")
        whole = site.get(f"/v1/jobs/{job}").text
        whole += account.get("/pipelines/training/list").text
        whole += account.get(f"/pipelines/training/{job}/get").text
        assert whole.count("bad *** end") >= 3 and CLIENT_SECRET not in whole
    finally:
        cloud.close()


def test_a_refusal_does_not_repeat_what_the_site_calls_a_password(sites):
    canary.keep("hunter2-of-the-site")
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


def test_the_passwords_of_proxies_are_known_from_the_start_on(sites):
    of_connection, of_provider = "hunter2-of-the-proxy", "hunter3+of the proxy"
    escaped = urllib.parse.quote(of_provider)
    for text in (of_connection, of_provider):
        canary.keep(text)
    echo = f"provider: echo\nplugin: {BUILD}/tests/providers/echo.so\n"
    one = f"{{provider: local, proxy: 'http://u:{of_connection}@127.0.0.1:1'}}"
    site = sites(
        davit=f"connections:\n  one: {one}\n",
        providers={"echo": f"{echo}proxy: 'http://u:{escaped}@127.0.0.1:1/'\n"},
    ).start()
    for text in (of_connection, of_provider, escaped):
        answer = site.get(f"/v1/jobs?state={urllib.parse.quote(text)}")
        assert answer.status >= 400
        assert "hunter" not in answer.text and "***" in answer.text, answer
    assert "hunter" not in site.log()


def test_the_search_finds_what_is_planted(sites):
    site = sites().start()
    planted = canary.secret("planted")
    where = site.folder / "data" / "davit.db-planted"
    try:
        answer = site.get(f"/v1/jobs?state={planted}")
        assert planted in answer.text  # nobody told the daemon that it is a secret
        where.write_bytes(base64.b64encode(b"xx" + planted.encode() + b"yyy"))
        said = canary.left_by(site)
        assert len(said) == 2, said
        assert planted in said[0] and "the answer of GET /v1/jobs?state=" in said[0]
        assert planted in said[1] and "davit.db-planted" in said[1]
        with site.log_path.open("a") as log:
            log.write(json.dumps(planted))
        assert any("daemon's log" in line for line in canary.left_by(site))
    finally:
        canary.SECRETS.discard(planted)
        site.shown.clear()


def test_the_search_knows_access_tokens(sites):
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        cloud = Cloud(folder)
        form = {"grant_type": "client_credentials", "client_id": "davit", "client_secret": CLIENT_SECRET}
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(cloud.http + "/oauth/token", body) as answer:
            token = json.load(answer)["access_token"]
        cloud.close()
    for seen in (token, base64.b64encode(f"Bearer {token}".encode()).decode(), token.encode().hex()):
        assert canary.found(f"401 for {seen}!".encode(), "the log"), seen
    site = sites().start()
    with site.log_path.open("a") as log:
        log.write(f"DEBUG sent {token}\n")
    assert len(canary.left_by(site)) == 1
    site.log_path.write_text("")


def test_the_search_looks_at_what_davit_says(sites):
    site = sites().start()
    planted = canary.secret("said")
    command = [BUILD / "cli" / "davit", "jobs", "--state", planted]
    host = {**os.environ, "DAVIT_HOST": f"unix://{site.socket_path}"}
    try:
        with pytest.raises(AssertionError, match="what .*davit jobs --state .* says"):
            subprocess.run(command, env=host, capture_output=True, check=False)
    finally:
        canary.SECRETS.discard(planted)


def test_the_key_may_lie_elsewhere_and_a_missing_one_ends_the_start(sites):
    site = sites().start()
    body = execute_body("true", environment={"DB_PASSWORD": canary.secret("stored")})
    task = site.post("/execute", body).json()["task_id"]
    site.await_status(task)
    assert site.stop() == 0
    key = site.folder / "data" / "secret.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.rename(site.folder / "elsewhere.key")
    said = refused(site)
    assert "davit.db cannot be read without its key" in said and str(key) in said
    assert not key.exists()
    site.davit += "secrets: {key_file: elsewhere.key}\n"
    site.write_configuration()
    site.start()
    assert site.status(task)["task_status"] == "COMPLETED"

"""Queues of projects: fair shares, pauses, priorities, and what a waiting job says."""

import http.client
import json
import threading

import pytest

from davit_site import OKHTTP, execute_body, wait_for

NO_PLACE = {"local": "provider: local\nplugin: local.so\nmax_running: 0\n"}
ONE_PLACE = {"local": "provider: local\nplugin: local.so\nmax_running: 1\n"}


def reconfigure(site, providers, davit=""):
    site.stop()
    site.providers.update(providers)
    site.davit = davit
    site.write_configuration()
    return site.start()


def submit_many(site, count, project, command="true"):
    """Ids in the order in which they were accepted, on one kept connection."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    ids = []
    for _ in range(count):
        body = json.dumps(execute_body(command, project_id=project)).encode()
        connection.request(
            "POST", "/execute", body, {"Content-Type": "application/json", **OKHTTP}
        )
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        ids.append(json.loads(text)["task_id"])
    connection.close()
    return ids


def set_queue(site, provider="local", **change):
    answer = site.post(f"/v1/queues/{provider}", change, over_unix=True)
    assert answer.status == 200, answer
    return answer.json()


def queues(site, query=""):
    answer = site.get("/v1/queues" + query)
    assert answer.status == 200, answer
    return answer.json()["queues"]


def project_of(site, project):
    for row in queues(site)[0]["projects"]:
        if row["project"] == project:
            return row
    return None


def started(site, ids):
    """The ids of those that have started, in the order in which they did."""
    rows = [site.job(i) for i in ids]
    rows = [r for r in rows if r["started"] and r["state"] not in ("queued", "submitting")]
    return [r["id"] for r in sorted(rows, key=lambda r: r["started"])]


@pytest.fixture
def site(sites):
    site = sites()
    (site.imports / "project/remote/pipeline/1/Input").mkdir(parents=True)
    return site.start()


def test_one_project_with_500_waiting_jobs_does_not_delay_anothers_first_job(site):
    reconfigure(site, ONE_PLACE)
    running = site.execute("sleep 60", project_id="many")
    site.await_status(running, "RUNNING")
    many = submit_many(site, 500, "many", "sleep 60")
    first = site.execute("sleep 60", project_id="other")
    waiting = site.job(first)["waiting"]
    assert (waiting["position"], waiting["ahead"]) == (1, 0)
    last = site.job(many[-1])["waiting"]
    assert (last["position"], last["ahead"]) == (500, 500)
    site.post(f"/execute/{running}/stop")
    site.await_status(first, "RUNNING")
    assert site.status(many[0])["task_status"] == "WAITING"


def test_a_queue_is_first_in_first_out_after_a_crash_too(site):
    reconfigure(site, NO_PLACE)
    ids = submit_many(site, 30, "p")
    site.kill()
    site.providers.update(ONE_PLACE)
    site.write_configuration()
    site.start()
    for task in ids:
        site.await_status(task, "COMPLETED")
    assert started(site, ids) == ids


def test_a_pause_survives_a_restart_and_ends_at_once(site):
    queue = set_queue(site, paused=True)
    assert queue["paused"] is True and queue["provider"] == "local"
    task = site.execute("true")
    assert site.job(task)["waiting"]["because"] == "paused"
    site.stop()
    site.start()
    assert queues(site)[0]["paused"] is True
    waiting = site.get(f"/status/{task}").json()["waiting"]
    assert waiting["because"] == "paused" and "local" in waiting["text"]
    data = site.made("/datasets", {"name": "d", "source": {"text": "a\n1\n"}})
    assert data["Id"]
    set_queue(site, paused=False)
    site.await_status(task, "COMPLETED")
    assert "waiting" not in site.job(task)


def test_a_paused_project_waits_while_others_run_and_can_be_cancelled(site):
    set_queue(site, project="held", paused=True)
    held = site.execute("true", project_id="held")
    gone = site.execute("true", project_id="held")
    site.await_status(site.execute("true", project_id="free"), "COMPLETED")
    assert site.status(held)["task_status"] == "WAITING"
    assert "held" in site.job(held)["waiting"]["text"]
    assert site.post(f"/execute/{gone}/stop").json() == {"Task cancelled": True}
    assert site.status(gone)["task_status"] == "CANCELLED"
    row = project_of(site, "held")
    assert row == {"project": "held", "paused": True, "priority": 0, "running": 0, "waiting": 1}
    set_queue(site, project="held", paused=False)
    site.await_status(held, "COMPLETED")
    wait_for("the empty queue to be forgotten", lambda: project_of(site, "held") is None)


def test_what_runs_goes_on_while_its_queue_is_paused(site):
    gate = site.marks / "gate"
    running = site.execute(f"sh -c 'while [ ! -e {gate} ]; do sleep 0.05; done'")
    site.await_status(running, "RUNNING")
    set_queue(site, paused=True)
    gate.touch()
    site.await_status(running, "COMPLETED")


def test_a_higher_priority_goes_first(site):
    reconfigure(site, ONE_PLACE)
    set_queue(site, paused=True)
    low = submit_many(site, 4, "low")
    high = submit_many(site, 4, "high")
    queue = set_queue(site, project="high", priority=10)
    assert queue["projects"] == [
        {"project": "high", "paused": False, "priority": 10, "running": 0, "waiting": 4}
    ]
    assert site.job(low[0])["waiting"]["ahead"] == 4
    set_queue(site, paused=False)
    for task in low + high:
        site.await_status(task, "COMPLETED")
    assert started(site, low + high) == high + low


def test_positions_move_up_when_one_before_is_cancelled(site):
    reconfigure(site, NO_PLACE)
    ids = submit_many(site, 3, "p")
    assert [site.job(i)["waiting"]["position"] for i in ids] == [1, 2, 3]
    assert "max_running is 0" in site.job(ids[0])["waiting"]["text"]
    site.post(f"/execute/{ids[1]}/stop")
    assert [site.job(i)["waiting"]["position"] for i in (ids[0], ids[2])] == [1, 2]
    view = list(site.job(ids[0]))
    assert view[:4] == ["id", "state", "error", "waiting"]


def test_work_of_no_project_stands_in_one_queue_and_one_pause_holds_it(site):
    set_queue(site, project="default", paused=True)
    body = {"name": "held", "script": {"text": "print()"}}
    for path in ("/pipelines/training/train", "/pipelines/training"):
        assert site.service("POST", path, body).status == 200
    site.execute("true", project_id="default")  # as davit submit
    wait_for("them to wait", lambda: project_of(site, "default")["waiting"] >= 3)
    rows = queues(site)[0]["projects"]
    assert [row["project"] for row in rows] == ["default"], rows
    set_queue(site, project="default", paused=False)
    wait_for("all to end", lambda: project_of(site, "default") is None)
    jobs = site.get("/v1/jobs?kind=train").json()["jobs"]
    assert {job["project"] for job in jobs} == {"default"}
    assert {job["state"] for job in jobs} == {"succeeded"}


def test_a_project_cannot_fill_the_queue(site):
    reconfigure(site, NO_PLACE, "jobs: {max_queued: 100, max_queued_per_project: 3}\n")
    submit_many(site, 3, "greedy")
    refused = site.post("/execute", execute_body("true", project_id="greedy"))
    assert refused.status == 429 and "project" in refused.text
    assert int(refused.headers["Retry-After"]) > 0
    submit_many(site, 1, "modest")


def test_jobs_that_cannot_start_are_accepted_without_waiting_for_it(site):
    reconfigure(site, NO_PLACE)
    ids = []
    threads = [
        threading.Thread(target=lambda: ids.extend(submit_many(site, 50, "p"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)  # a start that is waited for would take 10 s
    assert len(set(ids)) == 200
    assert queues(site)[0]["waiting"] == 200


def test_queues_are_changed_by_the_socket_alone_and_wrong_changes_are_named(site):
    assert site.post("/v1/queues/local", {"paused": True}).status == 403
    assert site.post("/v1/queues/nobody", {"paused": True}, over_unix=True).status == 404
    for body, word in (({}, "nothing to change"), ({"priority": 200}, "/priority"),
                       ({"puased": True}, "did you mean 'paused'")):
        answer = site.post("/v1/queues/local", body, over_unix=True)
        assert answer.status == 400 and word in answer.text, answer
    assert queues(site)[0]["paused"] is False
    assert site.get("/v1/queues?provider=nobody").status == 404

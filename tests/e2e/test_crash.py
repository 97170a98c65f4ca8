"""kill -9 of the daemon at any moment: nothing is lost, nothing runs twice."""

import random
import threading
import time

import digits
import pytest
from davit_site import wait_for


def effects_of(file):
    return file.read_text().splitlines() if file.exists() else []


def command_for(file, before="", after=""):
    return f"{before} echo effect >> {file}; {after}"


def check(site, task, file):
    status = site.await_status(task)
    assert status["task_status"] == "COMPLETED", (status, site.task_log(task))
    assert effects_of(file) == ["effect"]


@pytest.fixture
def shelled(sites):
    return sites(settings="  shell: true\n").start()


def test_killed_right_after_the_answer(shelled):
    for turn in range(5):
        file = shelled.marks / f"effects-{turn}"
        task = shelled.execute(command_for(file))
        shelled.kill()
        shelled.start()
        assert shelled.get(f"/execute/{task}/getStatus").status == 200
        check(shelled, task, file)


def test_killed_while_the_script_runs(shelled):
    file = shelled.marks / "effects"
    gate = shelled.marks / "gate"
    task = shelled.execute(command_for(file, after=f"while [ ! -e {gate} ]; do sleep 0.05; done"))
    wait_for("the effect", lambda: effects_of(file))
    shelled.kill()
    shelled.start()
    assert shelled.status(task)["task_status"] == "RUNNING"
    gate.touch()
    check(shelled, task, file)


def test_killed_between_the_scripts_end_and_the_commit(shelled):
    file = shelled.marks / "effects"
    gate = shelled.marks / "gate"
    task = shelled.execute(
        command_for(file, before=f"while [ ! -e {gate} ]; do sleep 0.05; done;")
    )
    folder = shelled.folder / "data" / "processes" / task
    wait_for("the start of the script", (folder / "started.json").exists)
    shelled.kill()
    gate.touch()
    wait_for("the end of the script", (folder / "exit.json").exists)
    shelled.start()
    check(shelled, task, file)


def test_killed_at_any_moment(shelled):
    seed = random.SystemRandom().randrange(10**6)
    dice = random.Random(seed)
    tasks = {}
    for turn in range(12):
        for part in range(3):
            file = shelled.marks / f"effects-{turn}-{part}"
            tasks[shelled.execute(command_for(file, after="sleep 0.1"))] = file
        time.sleep(dice.uniform(0, 0.3))  # where the kill falls; any moment is right
        shelled.kill()
        shelled.start()
        for task in tasks:
            answer = shelled.get(f"/execute/{task}/getStatus")
            assert answer.status == 200, f"seed {seed}: {answer}"
    for task, file in tasks.items():
        check(shelled, task, file)


def test_a_deployed_model_still_answers(sites):
    site = sites().start()
    endpoint = digits.deploy(site)
    instances = digits.heldout()[1][:3]
    before = digits.infer(site, endpoint, instances).json()
    site.kill()
    site.start()
    answer = digits.infer(site, endpoint, instances)
    assert answer.status == 200, answer
    assert answer.json() == before
    site.service("POST", f"/endpoints/{endpoint}/undeploy_models", {})


def test_a_flow_is_carried_on(sites):
    site = sites().start()
    digits.bring_in(site)
    answer = site.service(
        "POST",
        "/pipelines/training",
        {
            "name": "flow",
            "script": {"path": "train.py"},
            "dataset": {"path": "train.csv"},
            "parameters": {"epochs": 5},
            "server": {"script": {"path": "serve.py"}},
            "deploy_when": True,
        },
    )
    assert answer.status == 200, answer
    flow = answer.json()["id"]
    for _ in range(4):
        site.kill()
        site.start()
    status = site.await_job(flow)
    assert status["state"] == "COMPLETED", status
    assert len(site.service("GET", "/endpoints/list").json()) == 1
    assert len(site.service("GET", "/models/list").json()) == 1
    assert len(site.service("GET", "/pipelines/training/list").json()) == 1


def test_a_poll_storm_never_sees_an_end_without_its_times(sites):
    site = sites(davit="jobs: {max_running: 8}\n").start()
    tasks = []
    bad = []
    stop = threading.Event()

    def storm(offset):
        while not stop.is_set():
            for task in list(tasks[offset::4]):
                answer = site.get(f"/execute/{task}/getStatus")
                status = answer.json()
                if answer.status != 200:
                    bad.append(answer)
                elif status["task_status"] in ("COMPLETED", "ERROR", "CANCELLED") and not (
                    isinstance(status["started"], str)
                    and isinstance(status["finished"], str)
                    and isinstance(status["timestamp"], float)
                ):
                    bad.append(status)

    pollers = [threading.Thread(target=storm, args=(i,)) for i in range(4)]
    for poller in pollers:
        poller.start()
    try:
        for turn in range(200):
            task = site.execute("true")
            tasks.append(task)
            if turn % 10 == 0:
                site.get(f"/execute/{task}/stop")
        for task in tasks:
            site.await_status(task)
    finally:
        stop.set()
        for poller in pollers:
            poller.join()
    assert not bad, bad[:3]


MANY = """
import os
for i in range(400):
    open(os.path.join(os.environ["DAVIT_OUTPUT_DIR"], f"part-{i:03}"), "w").write(str(i))
"""


def test_an_export_that_a_crash_cuts_off_leaves_nothing_unfinished(site):
    target = site.folder / "out" / "model"
    site.davit += f"export_roots: [{target.parent}]\n"
    target.parent.mkdir()
    site.write_configuration()
    site.stop()
    site.start()
    job = site.made("/pipelines/training/train", {"name": "t", "script": {"text": MANY}})["Id"]
    assert site.await_job(job)["state"] == "COMPLETED"
    server = {"script": {"text": "raise SystemExit('no')"}}
    body = {"name": "m", "source": {"job": job}, "server": server}
    assert site.made("/models/register", body)["Id"]
    target.mkdir()
    foreign = [target / ".davit-0123456789abcdef-0", target / ".davit-mine"]
    for path in foreign:
        path.write_text("theirs")

    def export():
        try:
            body = {"destination": {"path": "model"}}
            return site.service("POST", "/models/m/export", body)
        except OSError:
            return None

    thread = threading.Thread(target=export)
    thread.start()
    wait_for("a file that is begun", lambda: len(list(target.iterdir())) > 2)
    site.kill()
    thread.join()
    (site.folder / "data" / "exports" / "0123456789abcdef.tmpX7yZ01").write_text('{"root": ')
    assert len(list(target.glob(".davit-*"))) > 2, "the export was over too early for this test"
    site.start()
    assert sorted(target.iterdir()) == sorted(foreign)
    assert list((site.folder / "data" / "exports").iterdir()) == []
    assert export().status == 200
    assert len(list(target.iterdir())) == 402

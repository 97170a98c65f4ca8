"""Two models on an endpoint over REST: shares, the way back, and requests that nobody cuts."""

import concurrent.futures
import json
import os
import pathlib
import signal
import threading

import pytest
from davit_site import wait_for
from endpoints import (
    SERVER,
    answered_by,
    await_file,
    deploy,
    infer,
    make_endpoint,
    make_model,
    neutral,
    newest_job,
    processes,
    shares,
)


@pytest.fixture(scope="module")
def world(shared):
    """A site with two models; tests make endpoints of their own."""
    return shared, make_model(shared, "one"), make_model(shared, "two")


@pytest.fixture
def split(world):
    """one with 70 percent, two with 30."""
    site, one, two = world
    endpoint = make_endpoint(site)
    assert deploy(site, endpoint, {"model": one})["state"] == "COMPLETED"
    assert deploy(site, endpoint, {"model": two, "traffic": 30})["state"] == "COMPLETED"
    return site, endpoint


def test_a_split_divides_the_requests_by_its_percents(split):
    site, endpoint = split
    found = shares(site, endpoint, 400)
    assert 20 < found["two"] < 40, found  # four standard deviations
    models = neutral(site, endpoint)["models"]
    assert {m["name"]: m["percent"] for m in models} == {"one": 70, "two": 30}


def test_shares_change_at_once_and_no_server_is_restarted(split):
    site, endpoint = split
    before = processes(site, endpoint)
    assert deploy(site, endpoint, {"traffic": {"one": 0, "two": 100}})["state"] == "COMPLETED"
    assert shares(site, endpoint, 50) == {"two": 100}
    assert deploy(site, endpoint, {"traffic": {"one": 100, "two": 0}})["state"] == "COMPLETED"
    assert shares(site, endpoint, 50) == {"one": 100}
    assert processes(site, endpoint) == before


def test_undeploy_of_one_gives_the_other_all(split):
    site, endpoint = split
    answer = site.service("POST", f"/endpoints/{endpoint}/undeploy_models", {"model": "one"})
    assert answer.status == 200, answer
    assert shares(site, endpoint, 50) == {"two": 100}


def test_roll_back_goes_to_what_was_before_and_twice_returns(world):
    site, one, two = world
    endpoint = make_endpoint(site)
    answer = site.service("POST", f"/endpoints/{endpoint}/deploy_model", {"rollback": True})
    assert answer.status == 409 and "nothing to go back to" in answer.json()
    for model in (one, two):
        assert deploy(site, endpoint, {"model": model})["state"] == "COMPLETED"
    assert answered_by(site, endpoint) == "two"
    assert neutral(site, endpoint)["previous"]["name"] == "one"
    for word in ("one", "two"):
        assert deploy(site, endpoint, {"rollback": True})["state"] == "COMPLETED"
        assert answered_by(site, endpoint) == word


def test_roll_back_of_a_split_takes_the_new_one_off(split):
    site, endpoint = split
    assert deploy(site, endpoint, {"rollback": True})["state"] == "COMPLETED"
    assert shares(site, endpoint, 50) == {"one": 100}
    assert deploy(site, endpoint, {"rollback": True})["state"] == "COMPLETED"
    assert set(shares(site, endpoint, 100)) == {"one", "two"}


@pytest.mark.parametrize(
    "body, status, words",
    [
        ({}, 400, ""),
        ({"model": "one", "rollback": True}, 400, "either"),
        ({"traffic": 20}, 400, "either"),
        ({"traffic": {"one": 50, "two": 40}}, 400, "/traffic"),
        ({"traffic": {"one": 100}}, 400, "/traffic"),
        ({"model": "one", "traffic": 0}, 400, "/traffic"),
        ({"model": "one", "traffic": 101}, 400, "/traffic"),
        ({"model": "one", "traffic": 10}, 409, "already"),
        ({"model": "three"}, 400, "three"),
        ({"modell": "one"}, 400, "model"),
    ],
)
def test_a_wrong_deploy_is_refused_and_changes_nothing(split, body, status, words):
    site, endpoint = split
    before = neutral(site, endpoint)["models"]
    answer = site.service("POST", f"/endpoints/{endpoint}/deploy_model", body)
    assert answer.status == status and words in answer.json(), answer
    assert neutral(site, endpoint)["models"] == before


def test_two_deploys_at_once_end_in_one_sound_state(world):
    site, one, two = world
    endpoint = make_endpoint(site)
    assert deploy(site, endpoint, {"model": one})["state"] == "COMPLETED"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda i: site.service(
                    "POST", f"/endpoints/{endpoint}/deploy_model", {"model": (one, two)[i % 2]}
                ),
                range(8),
            )
        )
    assert all(a.status in (200, 409) for a in answers), answers
    wait_for(
        "all deploys to end",
        lambda: not site.get("/v1/jobs?kind=deploy&state=running").json()["jobs"],
    )
    models = neutral(site, endpoint)["models"]
    assert len(models) == 1 and models[0]["percent"] == 100
    assert answered_by(site, endpoint) == models[0]["name"]
    site.service("GET", "/endpoints/list")
    wait_for(
        "left servers to go",
        lambda: site.service("GET", "/endpoints/list") and len(processes(site, endpoint)) == 1,
    )


# --- requests in flight ---


SEGV = "import os\nprint('boom', flush=True)\nos.kill(os.getpid(), 11)\n"
RAISES = "print('boom')\nraise KeyError('weights')\n"


def test_a_deploy_that_fails_says_how_its_server_ended_and_keeps_its_log(world):
    site, one, _ = world
    endpoint = make_endpoint(site)
    failed = {}
    for script in (SEGV, RAISES):
        model = make_model(site, "boom", server=script)
        site.service("POST", f"/endpoints/{endpoint}/deploy_model", {"model": model})
        failed[script] = site.await_job(newest_job(site, "deploy"))
        assert failed[script]["state"] == "ERROR"
    assert "signal 11 (SIGSEGV)" in failed[SEGV]["error"]
    assert failed[SEGV]["reason"] == {"signal": 11, "lines": ["boom"] * 3}
    assert "exit code 1: KeyError: 'weights'" in failed[RAISES]["error"]
    assert failed[RAISES]["reason"]["exit_code"] == 1
    assert failed[RAISES]["reason"]["lines"][-1] == "KeyError: 'weights'"
    assert deploy(site, endpoint, {"model": one})["state"] == "COMPLETED"
    well = newest_job(site, "deploy")
    site.service("GET", "/endpoints/list")  # clears away what is left of the servers that failed
    wait_for("left servers to go", lambda: len(processes(site, endpoint)) == 1)
    for deleted in (False, True):
        if deleted:
            assert site.service("DELETE", f"/endpoints/{endpoint}/delete").status == 200
        for status in failed.values():
            log = site.get(f"/v1/jobs/{status['id']}/log").text
            assert log.count("boom") == 3, log
            assert site.get(f"/v1/jobs/{status['id']}/log?follow=true").text == log
        assert "boom" not in site.get(f"/v1/jobs/{well}/log").text


def test_a_server_whose_program_is_not_there_is_told_as_that(site):
    model = make_model(site, "absent", command="no-such-program")
    site.service("POST", f"/endpoints/{make_endpoint(site)}/deploy_model", {"model": model})
    status = site.await_job(newest_job(site, "deploy"))
    assert status["state"] == "ERROR" and "could not be started: " in status["error"], status
    assert "no-such-program" in status["error"], status


def test_a_short_form_whose_server_fails_says_how_it_ended(shared):
    body = {
        "name": "doomed",
        "script": {"text": "print()"},
        "server": {"script": {"text": SEGV}},
        "deploy_when": True,
    }
    flow = shared.service("POST", "/pipelines/training", body).json()["id"]
    status = shared.await_job(flow)
    assert status["state"] == "ERROR" and status["error"].startswith("deployment: "), status
    assert status["reason"]["signal"] == 11
    assert shared.job(flow)["reason"] == status["reason"]


def asked_slowly(site, endpoint, folder, wishes=None):
    """A request that is at the model and waits; returns its future answer and how to end it."""
    folder.mkdir(exist_ok=True)
    wait, arrived = folder / "go", folder / "arrived"
    pool = concurrent.futures.ThreadPoolExecutor(1)
    body = {"wait": str(wait), "arrived": str(arrived)} | (wishes or {})
    answer = pool.submit(infer, site, endpoint, body)
    await_file(arrived)
    return answer, wait.touch


def test_a_request_in_flight_is_answered_by_the_model_that_is_replaced(world, marks):
    site, one, two = world
    endpoint = make_endpoint(site)
    assert deploy(site, endpoint, {"model": one})["state"] == "COMPLETED"
    answer, go = asked_slowly(site, endpoint, marks)
    reply = site.service("POST", f"/endpoints/{endpoint}/deploy_model", {"model": two})
    assert reply.status == 200
    job = newest_job(site, "deploy")
    wait_for("the switch", lambda: answered_by(site, endpoint) == "two")
    wait_for(
        "the job to say what it waits for",
        lambda: "1 request left" in str(site.get(f"/status/{job}").json().get("progress")),
    )
    assert not answer.done()
    go()
    assert answer.result().json()["model"] == "one"
    assert site.await_job(job)["state"] == "COMPLETED"


def test_no_request_fails_while_models_are_swapped(world):
    site, one, two = world
    endpoint = make_endpoint(site)
    assert deploy(site, endpoint, {"model": one})["state"] == "COMPLETED"
    ends, bad = threading.Event(), []

    def ask_on():
        while not ends.is_set():
            answer = infer(site, endpoint)
            if answer.status != 200:
                bad.append(answer)

    threads = [threading.Thread(target=ask_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for body in ({"model": two}, {"rollback": True}, {"model": two, "traffic": 50},
                     {"traffic": {"one": 10, "two": 90}}, {"rollback": True}):
            assert deploy(site, endpoint, body)["state"] == "COMPLETED"
    finally:
        ends.set()
        for thread in threads:
            thread.join()
    assert not bad, bad[:3]


def test_a_server_that_is_down_is_stood_in_for(split, marks):
    site, endpoint = split
    hold, pid = marks / "hold", marks / "pid"
    hold.touch()
    answer = infer(site, endpoint, {"end": [str(pid), str(hold)]})
    assert answer.status == 502 and "Davit-Model" not in answer.headers
    process = pathlib.Path("/proc", await_file(pid) and pid.read_text())
    wait_for("the server's end", lambda: not process.exists())
    assert len(shares(site, endpoint, 50)) == 1
    hold.unlink()
    wait_for("both to answer", lambda: len(shares(site, endpoint, 50)) == 2)


# --- what is asked and answered ---


def test_an_answer_names_its_model(world):
    site, one, _ = world
    name = "grün 100%"
    endpoint = make_endpoint(site)
    model = make_model(site, "coloured", name)
    assert deploy(site, endpoint, {"model": model})["state"] == "COMPLETED"
    answer = infer(site, endpoint, query="")
    assert answer.headers["Davit-Model"].startswith("gr%C3%BCn%20100%25")


def test_explain_reaches_the_model_or_says_why_not(world):
    site, one, two = world
    endpoint = make_endpoint(site)
    assert deploy(site, endpoint, {"model": two})["state"] == "COMPLETED"
    answer = infer(site, endpoint, slot="explain")
    assert answer.status == 200 and answer.json() == {"explained": "two"}
    assert deploy(site, endpoint, {"model": one})["state"] == "COMPLETED"
    answer = infer(site, endpoint, slot="explain")
    assert answer.status == 501 and "POST /explain" in answer.json() and "404" in answer.json()


def test_other_content_types_pass_through(split):
    site, endpoint = split
    answer = infer(
        site, endpoint, "näh".encode("latin-1"), headers={"Content-Type": "text/csv"}
    )
    assert answer.status == 200 and answer.json()["body"] == "näh"


# --- crashes ---


def test_a_deploy_survives_a_kill_of_the_daemon(sites):
    site = sites().start()
    one, two = make_model(site, "one"), make_model(site, "two")
    endpoint = make_endpoint(site)
    assert deploy(site, endpoint, {"model": one})["state"] == "COMPLETED"
    for body, expected in (
        ({"model": two, "traffic": 40}, {"one": 60, "two": 40}),
        ({"traffic": {"one": 25, "two": 75}}, {"one": 25, "two": 75}),
        ({"rollback": True}, {"one": 100}),
        ({"model": two}, {"two": 100}),
        ({"rollback": True}, {"one": 100}),
    ):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(
                site.service, "POST", f"/endpoints/{endpoint}/deploy_model", body
            )
            known = {j["id"] for j in site.get("/v1/jobs?kind=deploy").json()["jobs"]}
            wait_for("the job to be accepted", lambda known=known, asked=asked: asked.done() or {
                j["id"] for j in site.get("/v1/jobs?kind=deploy").json()["jobs"]} - known)
            site.kill()
            asked.exception()
        site.start()
        wait_for(
            f"{body} to have come true",
            lambda expected=expected: {
                m["name"]: m["percent"] for m in neutral(site, endpoint)["models"]
            } == expected,
        )
        job = newest_job(site, "deploy")
        assert site.await_job(job)["state"] == "COMPLETED"
        wait_for("an answer", lambda: infer(site, endpoint).status == 200)
    assert answered_by(site, endpoint) == "one"


# --- packages ---

NEEDY = "import probe\n" + SERVER.replace('"accept"', '"value": probe.VALUE, "accept"')


@pytest.fixture
def packaged(sites, index):
    """A site whose packages come from the index alone."""
    index.gate.set()
    index.fetched.clear()
    yield sites(settings=index.settings).start()
    index.gate.set()


def begin_deploy(site, endpoint, body):
    answer = site.service("POST", f"/endpoints/{endpoint}/deploy_model", body)
    assert answer.status == 200, answer
    return newest_job(site, "deploy")


def progress(site, job):
    return site.get(f"/v1/jobs/{job}").json().get("progress", {}).get("text")


def installing(site, job):
    wait_for("the build", lambda: progress(site, job) == "installing 1 requirement: probe==1.0")


def builds(site):
    return [name for name in folders(site) if name.startswith("venv-")]


def folders(site):
    return sorted(path.name for path in (site.folder / "data/processes").iterdir())


def value(site, endpoint):
    answer = infer(site, endpoint)
    assert answer.status == 200, answer
    return answer.json()["value"]


def test_a_model_is_served_with_its_packages_or_those_of_its_training(packaged, index):
    wishes = {"requirements": ["probe==1.0"]}
    models = [
        make_model(packaged, "own", server=NEEDY, **wishes),
        make_model(packaged, "trained", server=NEEDY, training=wishes),
    ]
    endpoint = make_endpoint(packaged)
    for model in models:
        status = deploy(packaged, endpoint, {"model": model})
        assert status["state"] == "COMPLETED", status
        assert value(packaged, endpoint) == 42
    assert len(index.fetched) == 1 and len(builds(packaged)) == 1
    names = packaged.get("/venvs").json()
    assert names == ["script_venv_own", "script_venv_trained"]
    none = make_model(packaged, "none", server=NEEDY, training=wishes, requirements=[])
    status = deploy(packaged, endpoint, {"model": none})
    assert status["state"] == "ERROR" and "No module named 'probe'" in status["error"], status
    assert value(packaged, endpoint) == 42


def test_a_deploy_tells_that_it_installs_and_can_be_cancelled(packaged, index):
    endpoint = make_endpoint(packaged)
    model = make_model(packaged, "own", server=NEEDY, requirements=["probe==1.0"])
    index.gate.clear()
    job = begin_deploy(packaged, endpoint, {"model": model})
    installing(packaged, job)
    status = packaged.get(f"/status/{job}").json()
    assert status["progress"]["text"] == "installing 1 requirement: probe==1.0", status
    assert packaged.request("POST", f"/v1/jobs/{job}/cancel", over_unix=True).status == 200
    assert packaged.await_job(job)["state"] == "CANCELLED"
    (build,) = builds(packaged)
    wait_for("its end", (packaged.folder / "data/processes" / build / "exit.json").exists)
    assert infer(packaged, endpoint).status == 409
    # Two at once: the later one gets there.
    first = begin_deploy(packaged, endpoint, {"model": model})
    second = begin_deploy(packaged, endpoint, {"model": model})
    installing(packaged, second)
    index.gate.set()
    assert packaged.await_job(second)["state"] == "COMPLETED"
    assert packaged.await_job(first)["state"] == "CANCELLED"
    assert value(packaged, endpoint) == 42
    assert len(processes(packaged, endpoint)) == 1


def test_a_deploy_whose_packages_are_not_there_fails_with_pips_words(packaged, index):
    endpoint = make_endpoint(packaged)
    model = make_model(packaged, "own", server=NEEDY, requirements=["nowhere"])
    job = begin_deploy(packaged, endpoint, {"model": model})
    status = packaged.await_job(job)
    assert status["state"] == "ERROR"
    assert status["error"].endswith("ERROR: No matching distribution found for nowhere")
    reason = packaged.get(f"/v1/jobs/{job}").json()["reason"]
    assert any("satisfies the requirement nowhere" in line for line in reason["lines"]), reason
    assert "No matching distribution" in packaged.get(f"/v1/jobs/{job}/log").text


def test_a_kill_of_the_daemon_while_packages_are_installed_loses_no_deploy(packaged, index):
    endpoint = make_endpoint(packaged)
    model = make_model(packaged, "own", server=NEEDY, requirements=["probe==1.0"])
    index.gate.clear()
    job = begin_deploy(packaged, endpoint, {"model": model})
    installing(packaged, job)
    packaged.kill()
    packaged.start()
    installing(packaged, job)
    packaged.kill()
    index.gate.set()
    (build,) = builds(packaged)
    end = packaged.folder / "data/processes" / build / "exit.json"
    wait_for("the build to end without a daemon", end.exists)
    packaged.start()
    assert packaged.await_job(job)["state"] == "COMPLETED"
    assert value(packaged, endpoint) == 42
    assert len(index.fetched) == 1


def end_with_its_supervisor(folder):
    """As the machine does when it goes down."""
    os.kill(int((folder / "lock").read_text()), signal.SIGKILL)
    os.kill(json.loads((folder / "started.json").read_text())["pid"], signal.SIGKILL)


def test_an_environment_stays_until_its_model_is_taken_off(packaged):
    endpoint = make_endpoint(packaged)
    model = make_model(packaged, "own", server=NEEDY, requirements=["probe==1.0"])
    assert deploy(packaged, endpoint, {"model": model})["state"] == "COMPLETED"
    answer = packaged.request("DELETE", "/venvs", ["script_venv_own"])
    assert answer.json()["deleted"] == ["script_venv_own"]
    assert len(builds(packaged)) == 1
    (server,) = processes(packaged, endpoint)
    packaged.kill()
    end_with_its_supervisor(packaged.folder / "data/processes" / server)
    packaged.start()
    wait_for("the server", lambda: infer(packaged, endpoint).status == 200)
    assert value(packaged, endpoint) == 42
    assert len(builds(packaged)) == 1
    packaged.service("POST", f"/endpoints/{endpoint}/undeploy_models", {})
    assert packaged.await_job(newest_job(packaged, "undeploy"))["state"] == "COMPLETED"
    wait_for("its deletion", lambda: packaged.get("/venvs").json() == [] and not builds(packaged))
    assert deploy(packaged, endpoint, {"rollback": True})["state"] == "COMPLETED"
    assert value(packaged, endpoint) == 42

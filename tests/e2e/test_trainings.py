"""Trainings of the local provider: files and packages of the caller, why they failed, deletion."""

import json
import time

import pytest
from davit_site import wait_for

SCRIPT = "import probe, sys\nprint('value', probe.VALUE, sys.prefix != sys.base_prefix)\n"
HELD = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\n"


@pytest.fixture
def packaged(sites, index):
    """A site whose packages come from the index alone."""
    index.gate.set()
    index.fetched.clear()
    yield sites(settings=index.settings + "  venv: true\n").start()
    index.gate.set()


def train(site, script, kind="train", **members):
    body = {"name": "probe", "script": {"text": script}} | members
    return site.made(f"/pipelines/training/{kind}", body)["Id"]


def neutral(site, job):
    answer = site.service("GET", f"/pipelines/training/{job}/get")
    assert answer.status == 200, answer
    return json.loads(answer.json()["rawPayload"])


def begun(site):
    """Trainings but those that failed before they began."""
    rows = site.service("GET", "/pipelines/training/list").json()
    return [row["Id"] for row in rows if row["status"] != "FAILED"]


def log(site, job):
    return site.get(f"/v1/jobs/{job}/log").text


def processes(site, prefix=""):
    return sorted(p.name for p in (site.folder / "data/processes").glob(prefix + "*"))


def install(site, job):
    """Waits until pip has asked the closed index."""
    text = wait_for("progress", lambda: neutral(site, job).get("progress", {}).get("text"))
    assert text == "installing 1 requirement: probe==1.0"
    assert neutral(site, job)["state"] == "PENDING"
    assert site.get(f"/status/{job}").json()["progress"]["text"] == text


def asked(index, times):
    wait_for("pip to ask the index", lambda: index.asked >= times)


# --- files of the caller ---


def test_a_folder_is_copied_and_its_script_runs_with_arguments(shared):
    folder = shared.imports / "own"
    (folder / "lib").mkdir(parents=True, exist_ok=True)
    (folder / "lib" / "__init__.py").write_text("NAME = 'lib'\n")
    (folder / "parameters.json").write_text('"the caller\'s"')
    (folder / "fit.py").write_text(
        "import json, lib, os, sys\n"
        "given = json.load(open(os.environ['DAVIT_PARAMETERS']))\n"
        "rows = open(os.environ['DAVIT_DATASET']).read()\n"
        "print(lib.NAME, sys.argv[1:], given, rows, open('parameters.json').read())\n"
    )
    shared.made("/datasets", {"name": "own-rows", "source": {"text": "1,2"}})
    job = shared.made(
        "/pipelines/training/custom_script",
        {
            "name": "own",
            "folder": "own",
            "script": "fit.py",
            "args": ["a b", "$HOME", "it's"],
            "dataset": "own-rows",
            "parameters": {"k": 1},
        },
    )["Id"]
    assert shared.await_job(job)["state"] == "COMPLETED"
    words = "lib ['a b', '$HOME', \"it's\"] {'k': 1} 1,2 \"the caller's\""
    assert log(shared, job).splitlines()[0] == words
    assert neutral(shared, job)["provider"]["folder"] == "own"
    assert len(neutral(shared, job)["provider"]["script"]["sha256"]) == 64


def test_one_script_or_an_entry_is_enough(shared):
    job = train(shared, "import sys; print(sys.argv[1:])", "custom_script", args=["x"])
    assert shared.await_job(job)["state"] == "COMPLETED"
    assert log(shared, job).splitlines()[0] == "['x']"
    (shared.imports / "bare").mkdir(exist_ok=True)
    (shared.imports / "bare" / "data.txt").write_text("of the folder\n")
    job = shared.made(
        "/pipelines/training/custom_script",
        {"name": "bare", "folder": "bare", "entry": "cat", "args": ["data.txt"]},
    )["Id"]
    assert shared.await_job(job)["state"] == "COMPLETED"
    assert log(shared, job).splitlines()[0] == "of the folder"
    job = shared.made(
        "/pipelines/training/custom_script",
        {"name": "line", "entry": "echo one", "args": ["it's $HOME", ""]},
    )["Id"]
    assert shared.await_job(job)["state"] == "COMPLETED"
    assert log(shared, job).splitlines()[0] == "one it's $HOME "


@pytest.mark.parametrize(
    "body, words",
    [
        ({"name": "x"}, "/script"),
        ({"name": "x", "folder": "own"}, "/script"),
        ({"name": "x", "folder": "own", "script": "gone.py"}, "no file 'own/gone.py'"),
        ({"name": "x", "folder": "own", "script": "../own/fit.py"}, "/script"),
        ({"name": "x", "folder": "own", "script": "-c"}, "/script"),
        ({"name": "x", "folder": "own", "script": {"text": "1"}}, "/script"),
        ({"name": "x", "folder": "nowhere", "entry": "true"}, "no folder 'nowhere'"),
        ({"name": "x", "folder": "../..", "entry": "true"}, "'../..' may not be read"),
        ({"name": "x", "script": {"text": "1"}, "args": [1]}, "/args"),
        ({"name": "x", "script": {"text": "1"}, "environment": {"A=B": "c"}}, "/environment/A=B"),
        ({"name": "x", "script": {"text": "1"}, "environment": {"": "c"}}, "/environment/"),
        ({"name": "x", "script": {"text": "1"}, "requirements": "-r /etc/passwd"}, "/requirements"),
        ({"name": "x", "script": {"text": "1"}, "requirements": ["a", "-e ."]}, "/requirements"),
        ({"name": "x", "script": {"text": "1"}, "requirements": "--pre -r /etc/passwd"}, "--pre"),
        ({"name": "x", "script": {"text": "1"}, "requirements": "--requirem /etc/passwd"}, "option"),
        ({"name": "x", "script": {"text": "1"}, "requirements": "x @ file:///etc/passwd"}, "a file"),
        ({"name": "x", "script": {"text": "1"}, "requirements": 7}, "/requirements"),
        ({"name": "x", "script": {"text": "1"}, "requirements": {"path": "no"}}, "no file 'no'"),
        ({"name": "x", "script": {"text": "1"}, "requirements": ["x" * 300000]}, "/requirements"),
    ],
)
def test_what_cannot_run_is_refused_by_the_member_at_fault(shared, body, words):
    (shared.imports / "own").mkdir(exist_ok=True)
    before = begun(shared)
    answer = shared.service("POST", "/pipelines/training/custom_script", body)
    assert answer.status == 400 and answer.text.startswith('"'), answer
    assert words in answer.json()
    assert begun(shared) == before


def listed(site):
    rows = site.service("GET", "/pipelines/training/list").json()
    return {row["Id"]: row for row in rows}


def test_a_training_that_never_began_is_listed_and_deleted(sites):
    site = sites().start()
    assert site.post("/v1/queues/local", {"paused": True}, over_unix=True).status == 200
    job = train(site, "1")
    assert listed(site)[job]["status"] == neutral(site, job)["state"] == "PENDING"
    answer = site.service("DELETE", f"/pipelines/training/{job}/delete")
    assert answer.status == 409, answer
    assert site.service("POST", f"/pipelines/training/{job}/cancel").status == 200
    assert listed(site)[job]["status"] == "CANCELLED"
    answer = site.service("DELETE", f"/pipelines/training/{job}/delete")
    assert answer.status == 200 and answer.json()["Id"] == job, answer
    site.kill()
    site.start()
    assert job not in listed(site)
    for method, what in (("GET", "get"), ("POST", "cancel"), ("DELETE", "delete")):
        answer = site.service(method, f"/pipelines/training/{job}/{what}")
        assert answer.status == 404, (what, answer)
    assert site.get(f"/v1/jobs/{job}").json()["state"] == "cancelled"
    batch = {"name": "b", "model": "none", "dataset": "none"}
    assert site.service("POST", "/pipelines/inference", batch).status == 400
    assert site.service("GET", "/pipelines/inference/list").json() == []


@pytest.mark.parametrize(
    "limits, script, words",
    [
        ({"file_bytes": 1000}, "with open('x', 'wb') as f: f.write(bytes(2000))", "[Errno 27]"),
        ({"open_files": 20}, "a = [open('/dev/null') for _ in range(30)]", "[Errno 24]"),
        ({"address_space_bytes": 1 << 30}, "bytes(1 << 31)", "MemoryError"),
    ],
)
def test_a_limit_that_python_tells_of_is_named(shared, limits, script, words):
    ((name, value),) = limits.items()
    status = shared.await_job(train(shared, script, limits=limits))
    assert status["state"] == "ERROR" and words in status["error"], status
    assert status["error"].startswith("exit code 1: ") and status["reason"]["limit"] == name
    assert status["error"].endswith(f"(limit {name}: {value})"), status


# --- packages of the caller ---


def test_packages_are_installed_once_and_shared(packaged, index):
    began = time.monotonic()
    first = train(packaged, SCRIPT, requirements="probe==1.0  # the first\n\n")
    assert packaged.await_job(first)["state"] == "COMPLETED"
    built = time.monotonic() - began
    assert log(packaged, first).splitlines()[0] == "value 42 True"
    (name,) = processes(packaged, "venv-")
    stamp = (packaged.folder / "data/processes" / name / "exit.json").stat()
    (packaged.imports / "requirements.txt").write_text("probe==1.0\r\n")
    began = time.monotonic()
    second = train(
        packaged, SCRIPT, "custom_script", name="other", requirements={"path": "requirements.txt"}
    )
    assert packaged.await_job(second)["state"] == "COMPLETED"
    print(f"with a build {built:.2f} s, without {time.monotonic() - began:.2f} s")
    assert log(packaged, second).splitlines()[0] == "value 42 True"
    assert processes(packaged, "venv-") == [name]
    again = (packaged.folder / "data/processes" / name / "exit.json").stat()
    assert (again.st_ino, again.st_mtime_ns) == (stamp.st_ino, stamp.st_mtime_ns)
    assert len(index.fetched) == 1
    sums = [neutral(packaged, job)["provider"]["requirements_sha256"] for job in (first, second)]
    assert sums[0] == sums[1]
    assert packaged.get("/venvs").json() == ["script_venv_other", "script_venv_probe"]


def test_two_jobs_at_once_build_once_and_one_may_be_cancelled(packaged, index):
    index.gate.clear()
    jobs = [train(packaged, SCRIPT, requirements=["probe==1.0"]) for _ in range(3)]
    for job in jobs:
        install(packaged, job)
    assert len(processes(packaged, "venv-")) == 1
    assert packaged.service("POST", f"/pipelines/training/{jobs[1]}/cancel").status == 200
    assert packaged.await_job(jobs[1])["state"] == "CANCELLED"
    assert neutral(packaged, jobs[1])["state"] == "CANCELLED"
    index.gate.set()
    for job in (jobs[0], jobs[2]):
        assert packaged.await_job(job)["state"] == "COMPLETED"
        assert log(packaged, job).splitlines()[0] == "value 42 True"
    assert len(index.fetched) == 1
    assert jobs[1] not in processes(packaged)


def test_a_build_nobody_waits_for_is_stopped_and_done_again(packaged, index):
    index.gate.clear()
    job = train(packaged, SCRIPT, requirements=["probe==1.0"])
    install(packaged, job)
    answer = packaged.service("DELETE", f"/pipelines/training/{job}/delete")
    assert answer.status == 409 and "cancel it" in answer.json()
    packaged.service("POST", f"/pipelines/training/{job}/cancel")
    assert packaged.await_job(job)["state"] == "CANCELLED"
    (name,) = processes(packaged, "venv-")
    end = packaged.folder / "data/processes" / name / "exit.json"
    wait_for("the end of the build", end.exists)
    assert json.loads(end.read_text())["cancelled"] is True
    index.gate.set()
    job = train(packaged, SCRIPT, requirements=["probe==1.0"])
    assert packaged.await_job(job)["state"] == "COMPLETED"
    assert log(packaged, job).splitlines()[0] == "value 42 True"


def test_a_daemon_killed_during_the_build_goes_on_with_it(packaged, index):
    index.gate.clear()
    before = index.asked
    job = train(packaged, SCRIPT, requirements=["probe==1.0"])
    install(packaged, job)
    asked(index, before + 1)
    packaged.kill()
    packaged.start()
    install(packaged, job)
    packaged.kill()
    index.gate.set()
    (name,) = processes(packaged, "venv-")
    end = packaged.folder / "data/processes" / name / "exit.json"
    wait_for("the build to end without a daemon", end.exists)
    packaged.start()
    assert packaged.await_job(job)["state"] == "COMPLETED"
    assert log(packaged, job).splitlines()[0] == "value 42 True"
    assert index.asked == before + 1 and len(index.fetched) == 1


def test_a_failed_build_says_why_and_is_tried_again(packaged, index):
    jobs = [train(packaged, SCRIPT, requirements=["probe==1.0", "later"]) for _ in range(2)]
    for job in jobs:
        status = packaged.await_job(job)
        assert status["state"] == "ERROR"
        assert status["error"] == (
            "the Python environment could not be built: exit code 1: "
            "ERROR: No matching distribution found for later"
        )
        failed = neutral(packaged, job)
        assert failed["state"] == "FAILED" and failed["error"] == status["error"]
        assert failed["reason"]["exit_code"] == 1
        assert any("satisfies the requirement later" in x for x in failed["reason"]["lines"])
        assert "No matching distribution" in log(packaged, job)
    index.publish("later")
    job = train(packaged, SCRIPT, requirements=["probe==1.0", "later"])
    assert packaged.await_job(job)["state"] == "COMPLETED"
    assert neutral(packaged, jobs[0])["state"] == "FAILED"


def test_a_line_that_is_no_requirement_is_told_in_pips_words(packaged):
    job = train(packaged, SCRIPT, requirements="probe ==== what")
    status = packaged.await_job(job)
    assert status["state"] == "ERROR" and "requirement" in status["error"].lower(), status


def test_a_python_without_venv_is_told_what_to_install(sites):
    site = sites()
    python = site.folder / "python"
    python.write_text("#!/bin/sh\nexec /usr/bin/python3 -I -S -c "
                      "\"import sys; sys.modules['venv'] = None; "
                      "sys.argv = sys.argv[1:]; exec(open(sys.argv[0]).read())\" \"$@\"\n")
    python.chmod(0o755)
    site.providers["local"] += f"settings:\n  python: {python}\n"
    site.write_configuration()
    site.start()
    status = site.await_job(train(site, SCRIPT, requirements="probe"))
    assert status["state"] == "ERROR" and "has no module venv" in status["error"]
    assert "python3-venv" in status["error"]


def test_a_command_gets_the_packages_of_its_folder(packaged):
    folder = packaged.imports / "job"
    folder.mkdir()
    (folder / "requirements.txt").write_text("probe==1.0\n")
    (folder / "run.py").write_text(SCRIPT)
    task = packaged.execute("python run.py", input_artifacts="job", name="nightly")
    assert packaged.await_status(task)["task_status"] == "COMPLETED"
    assert "value 42 True" in packaged.task_log(task)
    assert packaged.get("/venvs").json() == ["script_venv_nightly"]
    (folder / "requirements.txt").unlink()
    task = packaged.execute("python run.py", input_artifacts="job", name="nightly")
    assert packaged.await_status(task)["task_status"] == "ERROR"
    assert "No module named 'probe'" in packaged.task_log(task)


def test_the_short_form_takes_packages_too(packaged):
    body = {"name": "short", "script": {"text": SCRIPT}, "requirements": ["probe"]}
    answer = packaged.service("POST", "/pipelines/training", body)
    assert answer.status == 200, answer
    assert packaged.await_job(answer.json()["id"])["state"] == "COMPLETED"
    assert packaged.get("/venvs").json() == ["script_venv_short"]


# --- /venvs ---


def test_an_environment_goes_with_its_last_name_once_nothing_uses_it(packaged):
    job = train(packaged, HELD, requirements="probe", name="a b")
    other = train(packaged, "1", requirements="probe", name="c")
    assert packaged.await_job(other)["state"] == "COMPLETED"
    wait_for("it runs", lambda: neutral(packaged, job)["state"] == "RUNNING")
    assert packaged.get("/venvs").json() == ["script_venv_a_b", "script_venv_c"]
    answer = packaged.request("DELETE", "/venvs", ["script_venv_c", "script_venv_none"])
    assert answer.status == 200
    assert answer.json() == {"deleted": ["script_venv_c"], "not_found": ["script_venv_none"]}
    assert packaged.get("/venvs").json() == ["script_venv_a_b"]
    assert len(processes(packaged, "venv-")) == 1
    answer = packaged.request("DELETE", "/venvs", ["script_venv_a_b"])
    assert answer.json()["deleted"] == ["script_venv_a_b"]
    assert packaged.get("/venvs").json() == []
    assert len(processes(packaged, "venv-")) == 1
    (packaged.folder / "data/processes" / job / "work/go").touch()
    assert packaged.await_job(job)["state"] == "COMPLETED"
    assert packaged.get("/venvs").json() == []
    assert processes(packaged, "venv-") == []
    job = train(packaged, "import probe", requirements="probe", name="c")
    assert packaged.await_job(job)["state"] == "COMPLETED"
    assert packaged.get("/venvs").json() == ["script_venv_c"]


# --- why it failed ---


def test_the_exception_comes_first(shared):
    script = "def fit(rows):\n    raise ValueError('no r\\u00f6ws')\n\nprint('epoch 1')\nfit([])\n"
    job = train(shared, script)
    assert shared.await_job(job)["error"] == "exit code 1: ValueError: no r\u00f6ws"
    failed = neutral(shared, job)
    assert failed["error"] == "exit code 1: ValueError: no r\u00f6ws"
    assert failed["reason"]["exit_code"] == 1
    assert failed["reason"]["lines"][0] == "Traceback (most recent call last):"
    assert failed["reason"]["lines"][-1] == "ValueError: no r\u00f6ws"


def test_a_limit_and_a_signal_are_named(shared):
    job = train(shared, "import time; time.sleep(60)", limits={"wall_seconds": 1})
    assert shared.await_job(job)["error"].startswith(
        "stopped at its limit of running time (wall_seconds: 1)"
    )
    assert neutral(shared, job)["reason"]["limit"] == "wall_seconds"
    job = train(shared, "import os; os.kill(os.getpid(), 11)")
    assert shared.await_job(job)["error"] == "signal 11 (SIGSEGV)"
    assert neutral(shared, job)["reason"]["signal"] == 11


# --- deletion ---


@pytest.mark.parametrize("route", ["pipelines/training", "projects_pipelines"])
def test_a_training_is_deleted_with_its_files_once_it_has_ended(shared, route):
    job = train(shared, HELD)
    wait_for("it runs", lambda: neutral(shared, job)["state"] == "RUNNING")
    answer = shared.service("DELETE", f"/{route}/{job}/delete")
    assert answer.status == 409 and answer.text.startswith('"')
    assert "cancel it" in answer.json()
    assert job in processes(shared)
    (shared.folder / "data/processes" / job / "work/go").touch()
    assert shared.await_job(job)["state"] == "COMPLETED"
    answer = shared.service("DELETE", f"/{route}/{job}/delete?isInstance=true")
    assert answer.status == 200 and answer.json()["Id"] == job
    assert job not in processes(shared)
    rows = shared.service("GET", "/pipelines/training/list").json()
    assert job not in [row["Id"] for row in rows]
    answer = shared.service("DELETE", f"/{route}/{job}/delete")
    assert answer.status == 404 and answer.text.startswith('"')
    assert shared.service("DELETE", f"/{route}/nothing/delete").status == 404


def test_a_training_whose_end_is_not_heard_of_yet_is_not_deleted(shared):
    for n in range(8):
        job = train(shared, "import time; time.sleep(0.2)", name=f"brief{n}")
        wait_for("its process to end", lambda job=job: neutral(shared, job)["state"] == "SUCCEEDED")
        which = job if n % 2 else f"brief{n}"
        answer = shared.service("DELETE", f"/pipelines/training/{which}/delete")
        assert answer.status in (200, 409), answer
        if answer.status == 409:
            assert "has not ended yet" in answer.json()
        assert shared.await_job(job)["state"] == "COMPLETED"

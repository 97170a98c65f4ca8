"""The commands of tests/exactly: what they say when the promise is kept, and when it is not."""

import json
import os
import random
import subprocess
import sys
import types

import pytest
from davit_site import BUILD, ROOT

FOLDER = ROOT / "tests" / "exactly"
CLOUD = json.loads((FOLDER / "testcloud.json").read_text())


def run(command, *options):
    """The exit status, and the lines by their names."""
    env = {**os.environ, "DAVIT_BUILD": str(BUILD)}
    done = subprocess.run(
        [sys.executable, "-B", FOLDER / f"{command}.py", *options],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = {words[0]: words[1:] for words in map(str.split, done.stdout.splitlines()) if words}
    return done.returncode, lines, done.stdout + done.stderr


def case(name, **changes):
    """A case of testcloud.json, changed."""
    (told,) = [row for row in CLOUD["cases"] if row["name"] == name]
    return {**told, **changes}


@pytest.fixture
def describe(tmp_path):
    def write(*cases):
        path = tmp_path / "cloud.exactly.json"
        path.write_text(json.dumps({**CLOUD, "cases": list(cases)}))
        return ["--describe", str(path), str(BUILD / "tests" / "providers" / "testcloud.so")]

    return write


@pytest.fixture
def exactly(monkeypatch):
    """What a soak asks for, as a module."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import orders

    return orders


def test_a_kill_after_the_request_makes_one_object():
    status, lines, said = run(
        "kill_matrix", "--only", "testcloud/train/reset_after/http_after_send:[23]@POST"
    )
    assert status == 0, said
    assert lines["kill_matrix_remote_objects"][0] == lines["kill_matrix_accepted"][0] == "3", said
    assert lines["kill_matrix_duplicates"] == ["0", "objects", "0", "ok"], said
    assert lines["kill_matrix_kills"][0] == "2", said


def test_what_is_unclear_and_unmarked_is_parked_as_expected():
    status, lines, said = run(
        "kill_matrix", "--only", "testcloud/command/none/http_after_send:2@POST"
    )
    assert status == 0 and lines["kill_matrix_parked"] == ["1", "jobs", "1", "ok"], said


def test_a_job_parked_though_its_class_forbids_it_is_told_with_its_command(describe):
    options = describe(case("command", **{"class": "token"}))
    only = "testcloud/command/none/http_after_send:2@POST"
    status, lines, said = run("kill_matrix", *options, "--only", only)
    assert status == 1 and lines["kill_matrix_parked"] == ["1", "jobs", "0", "short"], said
    assert f"--only '{only}'" in said and "./test kill-matrix --seed 1" in said, said


def test_objects_too_many_and_none_are_told(describe):
    twice = case("train", before=[{"cloud": "POST /v1/jobs", "body": {"displayName": "x"}}])
    status, lines, said = run("kill_matrix", *describe(twice), "--only", "*/train/none/after*add")
    assert status == 1 and lines["kill_matrix_duplicates"] == ["2", "objects", "0", "short"], said
    nothing = case("train", effect={"made": "models"})
    status, lines, said = run("kill_matrix", *describe(nothing), "--only", "*/train/none/after*add")
    assert status == 1 and lines["kill_matrix_lost"] == ["2", "jobs", "0", "short"], said


def test_providers_in_processes_of_their_own_are_tried_as_well():
    only = "testcloud/script/reset_after/http_after_send:2@POST"
    status, lines, said = run("kill_matrix", "--mode", "worker", "--only", only)
    assert status == 0 and lines["kill_matrix_duplicates"] == ["0", "objects", "0", "ok"], said
    assert int(lines["kill_matrix_kills"][0]) >= 1, said


def test_another_provider_soaks_by_its_description(describe):
    told = [case(name) for name in ("train", "dataset", "cancel", "remove-dataset")]
    status, lines, said = run("soak", *describe(*told), "--seed", "2")
    assert status == 0 and lines["soak_accepted"] == ["400", "jobs", "400", "ok"], said
    assert int(lines["soak_kills"][0]) >= 1, said
    for what in ("cancelled", "deleted"):
        asked = lines[f"soak_{what}"]
        assert int(asked[0]) > 10 and asked[3] == "ok", said
    left = 400 - int(lines["soak_deleted"][0])
    assert left - int(lines["soak_cancelled"][0]) <= int(lines["soak_remote_objects"][0]) <= left


@pytest.mark.parametrize(
    "then, way, state, seen, why",
    [
        (None, "token", "succeeded", ["SUCCEEDED"], None),
        (None, "token", "succeeded", [], "made nothing"),
        (None, "token", "failed", [], "is failed"),
        (None, "token", "running", ["RUNNING"], "is running"),
        (None, "token", None, [], "is not there"),
        (None, "token", "needs_decision", [], "is needs_decision"),
        (None, "none", "needs_decision", [], None),
        (None, "unsettled", "needs_decision", ["SUCCEEDED"], None),
        ("cancel", "name", "cancelled", ["CANCELLED"], None),
        ("cancel", "name", "cancelled", [], None),
        ("cancel", "name", "cancelled", ["RUNNING"], "was cancelled, and what it made is RUNNING"),
        ("cancel", "name", "running", ["RUNNING"], "is running"),
        ("delete", "name", "succeeded", [], None),
        ("delete", "name", "succeeded", ["SUCCEEDED"], "was not deleted"),
    ],
)
def test_a_soak_knows_what_is_lost(exactly, then, way, state, seen, why):
    sort = exactly.Sort("s", way, "tried", {}, "jobs", then, "/", "CANCELLED")
    order = exactly.Order(1, types.SimpleNamespace(pick=lambda _: sort), random.Random(1))
    order.answered = order.confirmed = True
    assert order.wrong([{"state": state}] if state else [], seen) == why


def test_a_soak_mixes_all_classes_cancels_and_deletes(exactly):
    local = json.loads((FOLDER / "local.json").read_text())
    mix = exactly.Mix(CLOUD, local, "tried")
    assert {sort.way for sort in mix.sorts()} == {"token", "name", "search", "unsettled", "none"}
    dice = random.Random(1)
    picked = [mix.pick(dice) for _ in range(400)]
    assert {sort.then for sort in picked} == {None, "cancel", "delete"}
    assert {sort.kind for sort in mix.deletes} == {"jobs", "datasets", "models", "endpoints"}
    assert {sort.kind for sort in mix.cancels} == {"jobs", "datasets", "models", "endpoints"}
    assert {sort.provider for sort in picked} == {"tried", "steps", "local"}


# --- what cannot be tried is said in a sentence ---


def complaint(options, *words):
    """Both commands end with 2 and say these words, and nothing of Python."""
    for command in ("kill_matrix", "soak"):
        status, _, said = run(command, *options)
        assert status == 2 and "Traceback" not in said, said
        for word in words:
            assert word in said, said
    return said


@pytest.mark.parametrize(
    "library, words",
    [
        ("nowhere.so", ["nowhere.so cannot be read", "No such file"]),
        ("text.so", ["text.so is no shared library"]),
        ("refused_no_manifest.so", ["is no provider: it has no manifest"]),
        ("testcloud.so", ["there is no description", "testcloud.exactly.json", "docs/testing.md"]),
    ],
)
def test_a_file_that_cannot_be_tried_is_told(tmp_path, library, words):
    path = tmp_path / library
    built = BUILD / "tests" / "providers" / library
    if library == "text.so":
        path.write_text("no library")
    elif built.exists():
        path.write_bytes(built.read_bytes())
    if library != "testcloud.so":
        path.with_suffix(".exactly.json").write_text(json.dumps(CLOUD))
    complaint([str(path)], *words)


def test_a_description_that_is_none_is_told(tmp_path):
    path = tmp_path / "d.json"
    options = ["--describe", str(path), str(BUILD / "tests" / "providers" / "testcloud.so")]
    path.write_text("{")
    complaint(options, "d.json is no JSON")
    path.write_text("{}")
    complaint(options, "d.json has no member 'provider'", "docs/testing.md")


@pytest.mark.parametrize(
    "change, words",
    [
        ({"slot": "training look train"}, ["'training look train' is no slot"]),
        ({"slot": "training poll"}, ["'training poll' is no slot that changes something"]),
        ({"class": "often"}, ["no class 'often'", "token, name, search"]),
        ({"effect": {"seen": "jobs"}}, ["no effect", "seen"]),
        ({"effect": None}, ["has no member 'effect'"]),
        ({"changes": None}, ["has no member 'changes'"]),
        ({"post": None, "posts": "/x"}, ["asks for nothing"]),
    ],
)
def test_a_case_that_cannot_be_tried_is_told_by_its_name(describe, change, words):
    told = {key: value for key, value in case("train", **change).items() if value is not None}
    complaint(describe(told), "case 'train' of", *words)


def test_a_library_that_the_daemon_refuses_is_told(describe, tmp_path):
    refused = BUILD / "tests" / "providers" / "refused_socket.so"
    described = describe(case("train"))[:2]
    complaint([*described, str(refused)], "does not load 'tried'", "socket")


# --- every slot that changes something has a case ---


def test_a_slot_without_a_case_fails_the_run(describe):
    cases = [row for row in CLOUD["cases"] if row["name"] != "undeploy"]
    status, _, said = run("kill_matrix", *describe(*cases))
    assert status == 2, said
    assert "has 'deployment submit undeploy', which changes something, and no case" in said, said
    assert said.count("no case is") == 1, said


def test_a_case_that_the_manifest_contradicts_fails_the_run(describe):
    cases = [{**row, "class": "name"} if row["name"] == "train" else row for row in CLOUD["cases"]]
    status, _, said = run("kill_matrix", *describe(*cases))
    assert status == 2 and "case 'train' is of class name, and the manifest says token" in said
    export = {**case("train"), "name": "export", "slot": "datasets export"}
    status, _, said = run("kill_matrix", *describe(*CLOUD["cases"], export))
    assert status == 2 and "the provider has no 'datasets export'" in said, said


def test_a_call_that_nobody_may_repeat_is_not_repeated():
    only = "local/function/none/process_after_start:1"
    status, lines, said = run("kill_matrix", "--only", only)
    assert status == 0 and lines["kill_matrix_unanswered"] == ["1", "calls"], said
    assert lines["kill_matrix_duplicates"] == ["0", "objects", "0", "ok"], said
    assert lines["kill_matrix_kills"][0] == "1", said

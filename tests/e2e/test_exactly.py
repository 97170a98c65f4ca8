"""The commands of tests/exactly: what they say when the promise is kept, and when it is not."""

import json
import os
import subprocess
import sys

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


@pytest.mark.parametrize("command", ["kill_matrix", "soak"])
def test_a_mode_that_this_build_has_not_is_said(command):
    status, _, said = run(command, "--mode", "worker")
    assert status == 2 and "process of its own" in said, said


def test_another_provider_soaks_by_its_description(describe):
    status, lines, said = run("soak", *describe(case("train"), case("dataset")), "--seed", "2")
    assert status == 0 and lines["soak_accepted"] == ["400", "jobs", "400", "ok"], said
    assert lines["soak_remote_objects"][0] == "400" and int(lines["soak_kills"][0]) >= 1, said

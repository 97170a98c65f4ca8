"""Every figure of ./bench can be taken; with counts this small what they say means nothing."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from davit_site import BUILD, ROOT

sys.path.insert(0, str(ROOT / "tests" / "bench"))
from order import out_of_turn  # noqa: E402

BENCH = [sys.executable, str(ROOT / "tests" / "bench" / "bench.py")]
LINE = re.compile(r"[a-z][a-z0-9_]* -?[0-9.e+-]+ [A-Za-z0-9/]+( [0-9.e+-]+ (ok|short))?")
FIGURES = ["status", "accept", "start", "idle", "work", "predict", "queue", "held", "tracked", "gateway", "journal", "worker"]


def bench(*words):
    environment = os.environ | {"DAVIT_BUILD": str(BUILD)}
    return subprocess.run(
        BENCH + list(words), capture_output=True, text=True, timeout=120, env=environment
    )


def test_list_names_every_figure():
    assert [line.split(":")[0] for line in bench("--list").stdout.splitlines()] == FIGURES


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_line_of_name_value_unit_and_perhaps_bound_and_verdict(name):
    if name == "journal" and "asan" in BUILD.name:
        pytest.skip("its library that counts commits would come before that of ASan")
    run = bench("--tiny", name)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines and all(LINE.fullmatch(line) for line in lines), run.stdout
    assert any(line.endswith((" ok", " short")) for line in lines)


def test_an_unknown_figure_is_refused():
    run = bench("nothing")
    assert run.returncode == 1 and "there are: status" in run.stderr


@pytest.mark.parametrize(
    "starts, early, late",
    [
        ([], 0, 0),
        ([10, 20, 30, 40], 0, 0),
        ([10, 10, 10, 10], 0, 0),  # of the same millisecond
        ([40, 10, 20, 30], 1, 3),  # the first last: each overtook one, and all overtook it
        ([20, 30, 40, 10], 3, 1),  # the last first
        ([40, 30, 20, 10], 3, 3),
        ([20, 10, 40, 30], 1, 1),
        ([1000, *range(1, 1000)], 1, 999),
    ],
)
def test_jobs_out_of_turn_are_counted_both_ways(starts, early, late):
    assert out_of_turn(starts) == (early, late)


def packages(what, stubs):
    """What scripts/setup would install on a machine that has none of it, and no Go in its PATH."""
    wanted = stubs / "wanted"
    for name, does in {"apt-get": f'echo "$@" >>{wanted}', "dpkg-query": "exit 1"}.items():
        (stubs / name).write_text(f"#!/bin/sh\n{does}\n")
        (stubs / name).chmod(0o755)
    for name in ("bash", "cat", "env", "grep", "id", "mktemp", "rm", "sh", "sudo"):
        if found := shutil.which(name):
            (stubs / name).symlink_to(found)
    subprocess.run([ROOT / "scripts" / "setup", what], env={"PATH": str(stubs)}, check=True)
    return set(wanted.read_text().splitlines()[-1].split())


def test_setup_brings_a_bench_its_cloud(tmp_path):
    sets = {}
    for what in ("build", "bench", "test"):
        (tmp_path / what).mkdir()
        sets[what] = packages(what, tmp_path / what)
    there = os.path.exists("/usr/local/go/bin/go")  # where no package is needed
    assert sets["bench"] - sets["build"] == (set() if there else {"golang-go"})
    assert sets["test"] >= sets["bench"]
    assert "scripts/setup bench" in (ROOT / "bench").read_text()

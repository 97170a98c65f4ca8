"""Every figure of ./bench can be taken; with counts this small what they say means nothing."""

import os
import re
import subprocess
import sys

import pytest

from davit_site import BUILD, ROOT

BENCH = [sys.executable, str(ROOT / "tests" / "bench" / "bench.py")]
LINE = re.compile(r"[a-z][a-z0-9_]* -?[0-9.e+-]+ [A-Za-z0-9/]+( [0-9.e+-]+ (ok|short))?")
FIGURES = ["status", "accept", "start", "idle", "predict", "queue", "held", "tracked", "gateway"]


def bench(*words):
    environment = os.environ | {"DAVIT_BUILD": str(BUILD)}
    return subprocess.run(
        BENCH + list(words), capture_output=True, text=True, timeout=120, env=environment
    )


def test_list_names_every_figure():
    assert [line.split(":")[0] for line in bench("--list").stdout.splitlines()] == FIGURES


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_line_of_name_value_unit_and_perhaps_bound_and_verdict(name):
    run = bench("--tiny", name)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines and all(LINE.fullmatch(line) for line in lines), run.stdout
    assert any(line.endswith((" ok", " short")) for line in lines)


def test_an_unknown_figure_is_refused():
    run = bench("nothing")
    assert run.returncode == 1 and "there are: status" in run.stderr

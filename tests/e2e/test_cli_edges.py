"""The command line at its edges: words that are odd, outputs that end, files that are none."""

import os
import pathlib
import subprocess

import pytest

from davit_site import DEADLINE, wait_for
from test_cli import COMMANDS, DAVIT, Cli, cli, completed, served, text

__all__ = ["cli", "served"]


# --- words ---


@pytest.mark.parametrize("line", (
    "cancel", "rerun", "logs", "jobs", "runs", "runs compare a", "outputs", "deploy",
    "datasets show", "datasets delete", "models register", "batch show", "endpoints delete",
    "predict", "submit",
))
def test_an_empty_word_means_nobody(line):
    done = text(*line.split(), "")
    assert done.returncode == 2 and "is empty" in done.stderr, done


def test_nobody_is_cancelled_by_an_empty_word(cli):
    cli.good("submit", "--name", "stays", "sleep", "60")
    assert cli.run("cancel", "").returncode == 2
    assert cli.run("runs", "~0").returncode == 4
    assert cli.json("jobs", "stays")["state"] in ("queued", "running")
    cli.good("cancel", "stays")


def test_words_that_are_no_text_are_refused(cli):
    for words in (["datasets", "create", b"\xff.csv"], ["jobs", "--name", b"a\xc3"],
                  ["train", "a.py", b"--set=x=\xff"], ["submit", "echo", b"\xff"]):
        done = cli.run(*words)
        assert done.returncode == 2 and "is not UTF-8" in done.stderr, (words, done)


# --- a first start ---


@pytest.mark.skipif(
    pathlib.Path("/var/lib/davit/run/davitd.sock").exists(), reason="the system has a daemon"
)
def test_a_newcomer_waits_for_the_daemon_that_starts():
    site = Cli()
    try:
        del site.env["DAVIT_HOST"]
        site.env["XDG_DATA_HOME"] = str(site.folder / "share")
        waiting = subprocess.Popen(
            [DAVIT, "status", "--wait"], cwd=site.folder, env=site.env, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        status = pathlib.Path(f"/proc/{waiting.pid}/status")

        def looked():  # some times; it sleeps in between
            return int(status.read_text().split("\nvoluntary_ctxt_switches:")[1].split()[0]) > 9

        wait_for("the first looks", looked)
        site.serve("davit serve")
        out, err = waiting.communicate(timeout=DEADLINE)
        assert waiting.returncode == 0 and "share/davit/davitd.sock" in out, (out, err)
    finally:
        site.clean_up()


# --- output ---


@pytest.mark.parametrize("line", (
    "help", "completion bash", "version", "help --markdown", "--help", "jobs --help", "--version",
    "datasets --help",
))
def test_lost_output_is_never_a_success(line):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [DAVIT, *line.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )
    assert done.returncode == 1 and "cannot write" in done.stderr, done


def test_lost_predictions_are_never_a_success(served):
    words = ["predict", "digits", "--file", "examples/digits/heldout.csv", "--exclude", "label"]
    with open("/dev/full", "w", encoding="utf-8") as full:
        for more in ([], ["--json"]):
            done = subprocess.run(
                [DAVIT, *words, *more], cwd=served.folder, env=served.env, stdout=full,
                stderr=subprocess.PIPE, text=True, check=False,
            )
            assert done.returncode == 1 and "cannot write" in done.stderr, done


def test_a_reader_that_goes_ends_it_quietly(served):
    for line in ("help --markdown", "completion bash", "jobs --json --limit 1000",
                 "predict digits --file examples/digits/heldout.csv --exclude label"):
        ends = os.pipe()
        os.close(ends[0])
        done = subprocess.run(
            [DAVIT, *line.split()], cwd=served.folder, env=served.env, stdout=ends[1],
            stderr=subprocess.PIPE, text=True, check=False,
        )
        os.close(ends[1])
        assert done.returncode == 141 and done.stderr == "", (line, done)

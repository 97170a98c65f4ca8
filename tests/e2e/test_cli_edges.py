"""The command line at its edges: words that are odd, outputs that end, files that are none."""

import fcntl
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import termios
import threading

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
    assert cli.json("jobs", "stays")["state"] in ("queued", "submitting", "running")
    cli.good("cancel", "stays")


def test_words_that_are_no_text_are_refused(cli):
    for words in (["datasets", "create", b"\xff.csv"], ["jobs", "--name", b"a\xc3"],
                  ["train", "a.py", b"--set=x=\xff"], ["submit", "echo", b"\xff"]):
        done = cli.run(*words)
        assert done.returncode == 2 and "is not UTF-8" in done.stderr, (words, done)


def test_what_is_called_list_is_told_from_the_list(cli):
    for group in ("datasets", "models", "endpoints"):
        done = cli.run(group, "show", "list")
        assert done.returncode == 4 and "the name 'list'" in done.stderr, done
        assert done.stdout == ""
    for _ in range(2):
        cli.good("datasets", "create", "examples/digits/heldout.csv", "--name", "list")
    assert cli.json("datasets", "show", "list")["version"] == 2
    cli.good("endpoints", "create", "list")
    shown = cli.good("endpoints", "show", "list")
    assert re.search("^endpoint +list\n", shown) and re.search(r"\ncreated +\d", shown), shown
    cli.good("datasets", "delete", "list@v1", "list@v2")
    cli.good("endpoints", "delete", "list")


def test_names_cannot_steer_the_terminal_or_pad_tables(cli):
    name = "x" * 100000
    cli.good("submit", "--name", name, "true")
    lines = cli.good("jobs").splitlines()
    assert max(map(len, lines)) < 300 and any("x..." in line for line in lines)
    assert name in [job["name"] for job in cli.json("jobs")]
    said = cli.good("endpoints", "create", "a\x1b[31mb")
    said += cli.good("endpoints", "delete", "a\x1b[31mb")
    said += cli.run("endpoints", "show", "no\x1b[31m").stderr
    assert "\x1b" not in said and said.count("?[31m") == 3, said


def test_an_endpoint_does_not_take_the_place_of_one_that_serves(served):
    done = served.run("endpoints", "create", "digits")
    assert done.returncode == 4 and "'digits' already" in done.stderr, done
    assert [e["name"] for e in served.json("endpoints", "list")].count("digits") == 1
    served.good("predict", "digits", "--file", "examples/digits/heldout.csv", "--exclude", "label")


def test_an_environment_that_is_not_there_is_not_deleted(cli):
    done = cli.run("venvs", "delete", "nobody")
    assert done.returncode == 4 and done.stdout == "" and "'nobody'" in done.stderr, done


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


# --- names and ports ---


def test_what_is_named_by_an_id_gets_the_name_of_the_model(served):
    model = served.json("models", "show", "digits")
    served.good("datasets", "create", "examples/digits/heldout.csv", "--name", "named")
    served.good("batch", "create", model["id"], "named", "--exclude", "label", "--wait")
    assert served.json("batch", "list")[0]["name"] == "digits"
    served.good("endpoints", "undeploy", "digits")
    served.good("endpoints", "delete", "digits")
    served.good("deploy", model["id"])
    assert [e["name"] for e in served.json("endpoints", "list")] == ["digits"]


def test_over_http_jobs_are_cancelled_and_queues_say_what_they_need():
    site = Cli()
    try:
        site.serve("davit serve --data site --port 0")
        port = wait_for("the port", lambda: re.search(r"port=(\d+)", site.said())).group(1)
        host = ["--host", f"http://127.0.0.1:{port}"]
        site.good("submit", "--name", "long", "sleep", "60")
        site.good("cancel", "long", *host)
        wait_for("the end", lambda: site.json("jobs", "long")["state"] == "cancelled")
        assert json.loads(site.good("cancel", "long", *host, "--json"))[0]["name"] == "long"
        for words in (["queues", "pause", "local"], ["rerun", "long"]):
            done = site.run(*words, *host)
            assert done.returncode == 4 and "--host unix:///PATH" in done.stderr, done
            assert done.stderr.lower().count("unix socket") == 1, done.stderr
            assert "Unix socket alone" in text("help", *words[:-1]).stdout
    finally:
        site.clean_up()


def test_a_priority_out_of_range_says_so():
    for number in ("101", "-101", "x", "9" * 30):
        done = text("queues", "priority", "local", number, "--host", "unix:///none")
        assert done.returncode == 2 and "from -100 to 100" in done.stderr, done


def test_what_was_deleted_is_told_though_another_was_not_there(cli):
    cli.good("datasets", "create", "examples/digits/heldout.csv", "--name", "gone")
    done = cli.run("datasets", "delete", "gone", "nosuch", "--json")
    assert done.returncode == 4 and "nosuch" in done.stderr
    assert [d["name"] for d in json.loads(done.stdout)] == ["gone"]


def test_a_socket_of_another_user_is_told_from_none():
    path = f"{tempfile.mkdtemp(prefix='davit-')}/s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        os.chmod(path, 0)
        os.chmod(os.path.dirname(path), 0o755)
        other = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        done = text("jobs", "--host", f"unix://{path}", **other)
    shutil.rmtree(os.path.dirname(path))
    assert done.returncode == 3 and "you may not talk" in done.stderr, done
    assert "is it running" not in done.stderr


def test_a_server_that_is_no_davitd_is_told_in_a_line():
    with http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = text("jobs", "--host", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert done.returncode == 4 and "is it davitd?" in done.stderr, done
    assert done.stderr.count("\n") == 1 and "<" not in done.stderr


# --- files that are none ---


@pytest.mark.parametrize("line", (
    "datasets create {}", "train {}", "train t.py --dataset ./{}", "train t.py --requirements {}",
    "batch create m ./{}", "predict e --file {}", "check {}", "run-function {}",
    "models register t --name t --command x --requirements {}",
))
def test_files_that_cannot_be_read_are_told_with_the_reason(cli, line):
    (cli.folder / "t.py").write_text("pass\n")
    (cli.folder / "folder").mkdir(exist_ok=True)
    before = len(cli.json("datasets", "list"))
    for file, why in (("missing.csv", "No such file"), ("none/x", "No such file"),
                      ("folder", "folder")):
        if file == "folder" and "./{}" in line:
            continue  # which is no file, and no data set
        done = cli.run(*line.format(file).split())
        assert done.returncode == 2 and why in done.stderr and file in done.stderr, done
    assert len(cli.json("datasets", "list")) == before


def test_a_part_of_a_file_does_not_pass_for_the_whole(cli):
    done = cli.run("datasets", "create", "/proc/self/mem", "--name", "part", "--format", "csv")
    assert done.returncode == 2 and "cannot read /proc/self/mem: Input/output" in done.stderr, done
    done = cli.run("train", "/proc/self/mem")
    assert done.returncode == 2 and "cannot read /proc/self/mem: Input/output" in done.stderr, done
    assert "part" not in [d["name"] for d in cli.json("datasets", "list")]


def test_a_folder_is_no_standard_input(cli):
    folder = os.open(cli.folder, os.O_RDONLY)
    for line in ("datasets create - --name f --format csv", "run-function -"):
        done = cli.run(*line.split(), stdin=folder)
        assert done.returncode == 2 and "standard input: Is a directory" in done.stderr, done
    os.close(folder)


def test_the_status_counts_what_is_under_way(cli):
    cli.good("submit", "--name", "counted", "sleep", "60")
    shown = cli.good("status").splitlines()
    assert [line.split()[-2:] for line in shown[-3:]] == [
        ["0", "queued"], ["1", "running"], ["0", "needs_decision"]], shown
    cli.good("cancel", "counted")
    wait_for("its end", lambda: cli.json("jobs", "counted")["state"] == "cancelled")


# --- rows ---


def predicting(served, *words, **options):
    return subprocess.Popen(
        [DAVIT, "predict", "digits", "--file", "-", *words], cwd=served.folder, env=served.env,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )


def test_an_interrupt_ends_the_wait_for_the_first_row(served):
    for words in ([], ["--format", "jsonl"]):
        process = predicting(served, *words)
        caught = pathlib.Path(f"/proc/{process.pid}/status")

        def waits():
            mask = int(caught.read_text().split("SigCgt:")[1].split()[0], 16)
            return mask >> (signal.SIGINT - 1) & 1

        wait_for("the handler", waits)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 130, process.stderr.read()
        process.communicate()


def test_a_daemon_that_goes_is_named_as_the_user_did(tmp_path):
    """Over a socket libcurl speaks of a host and port that nobody gave."""
    path = tmp_path / "s"
    (tmp_path / "rows.csv").write_text("1,2\n" * 3)
    words = ["predict", "x", "--file", str(tmp_path / "rows.csv"), "--retries", "0", "--host"]

    def accept(listener):
        connection = listener.accept()[0]
        connection.recv(1)
        connection.close()
        listener.close()
        path.unlink()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=accept, args=[listener], daemon=True).start()
        done = text(*words, f"unix://{path}")
    assert done.returncode == 1 and done.stdout.count(f"davitd at unix://{path} broke") == 3, done
    done = text(*words, f"unix://{path}")
    assert done.returncode == 3 and f"davitd at unix://{path} (No such file" in done.stderr, done
    assert "port" not in done.stdout + done.stderr


def test_half_a_row_does_not_hold_back_answers(served):
    process = predicting(served)
    row = ",".join(["1"] * 64).encode() + b"\n"
    process.stdin.write(row + row[:20])
    process.stdin.flush()
    assert b"label" in process.stdout.readline()
    process.stdin.write(row[20:])
    process.stdin.close()
    assert b"label" in process.stdout.readline()
    assert process.wait(DEADLINE) == 0
    process.stdout.close()
    process.stderr.close()


def test_the_rows_before_one_that_cannot_be_read_are_answered(served):
    row = ",".join(["1"] * 64) + "\n"
    (served.folder / "torn.csv").write_text(row * 40 + "1,2\n" + row * 40)
    for more in ([], ["--batch", "7", "--concurrency", "1"]):
        done = served.run("predict", "digits", "--file", "torn.csv", *more)
        assert done.returncode == 2 and "line 41" in done.stderr, done
        assert done.stdout.count("label") == 40, done


def test_the_csv_of_a_spreadsheet_and_of_pandas_have_headers(served):
    row = ",".join(["1"] * 64)
    names = ",".join(f"p{i}" for i in range(64))
    (served.folder / "sheet.csv").write_bytes(
        b'\xef\xbb\xbf"the label",' + f"{names}\r\n7,{row}\r\n".encode())
    (served.folder / "pandas.csv").write_text(f",{names}\n0,{row}\n")
    for file, column in (("sheet.csv", "the label"), ("pandas.csv", "0")):
        said = served.good("predict", "digits", "--file", file, "--exclude", column)
        assert said.count("label") == 1, said


# --- output ---


def outputs(served):
    """Commands that write a file with -o, and a part of what is in it."""
    words = ["--file", "examples/digits/heldout.csv", "--exclude", "label"]
    served.good("datasets", "create", "examples/digits/heldout.csv", "--name", "out")
    return ((["predict", "digits", *words], '"label"'),
            (["datasets", "export", "out"], "label,"))


def test_links_are_followed_to_what_is_replaced(served):
    folder = served.folder / "links"
    (folder / "deep").mkdir(parents=True)
    for words, part in outputs(served):
        (folder / "deep" / "file").write_text("before")
        for name, to in (("link", "deep/file"), ("new", "deep/none")):
            link = folder / name
            link.unlink(missing_ok=True)
            link.symlink_to(to)
            served.good(*words, "-o", f"links/{name}")
            assert link.is_symlink() and part in (folder / to).read_text()
            (folder / to).unlink()
        assert not list(folder.glob("**/*.part"))


def test_pipes_devices_and_standard_output_are_written_into(served):
    fifo = served.folder / "fifo"
    os.mkfifo(fifo)
    for words, part in outputs(served):
        with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE, text=True) as reader:
            served.good(*words, "-o", "fifo")
            assert part in reader.stdout.read()
        assert fifo.is_fifo()
        assert part in served.good(*words, "-o", "/dev/stdout")
        with open(served.folder / "all", "w", encoding="utf-8") as out:
            out.write("first\n")
            out.flush()
            subprocess.run([DAVIT, *words, "-o", "/dev/stdout"], cwd=served.folder,
                           env=served.env, stdout=out, check=True)
        said = (served.folder / "all").read_text()
        assert said.startswith("first\n") and part in said


def test_a_device_stays_one(served):
    device = served.folder / "null"
    try:
        os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        device.write_bytes(b"x")
    except PermissionError:
        pytest.skip("devices cannot be made here")
    for words, _ in outputs(served):
        served.good(*words, "-o", "null")
        assert device.is_char_device()


def test_what_cannot_be_written_is_told_first_and_why(served):
    for words, _ in outputs(served):
        for file, why in ((".", "Is a directory"), ("none/x", "No such file"),
                          ("/dev/full", "No space left")):
            done = served.run(*words, "-o", file)
            assert done.returncode == 1 and why in done.stderr and file in done.stderr, done
            assert done.stdout == "" and "rows in" not in done.stderr


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


# --- progress on a terminal ---


class Terminal:
    """A command whose standard error is a terminal."""

    def __init__(self, words, columns=80, **options):
        self.end, other = os.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        options.setdefault("stdin", subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [DAVIT, *words], stdout=subprocess.PIPE, stderr=other, **options)
        os.close(other)
        os.set_blocking(self.end, False)
        self.said = ""

    def has_said(self, part):
        try:
            self.said += os.read(self.end, 1 << 16).decode()
        except (BlockingIOError, OSError):  # the latter: it has ended
            pass
        return part in self.said

    def finish(self, signal_number=None):
        if signal_number is not None:
            self.process.send_signal(signal_number)
        self.process.communicate(timeout=DEADLINE)
        self.has_said("")
        os.close(self.end)
        return self.process.returncode


def test_an_upload_tells_its_progress(cli):
    shown = Terminal(["datasets", "create", "-", "--name", "slow", "--format", "csv"],
                     cwd=cli.folder, env=cli.env, stdin=subprocess.PIPE)

    def more():
        shown.process.stdin.write(b"1,2,3\n" * 20000)
        shown.process.stdin.flush()
        return shown.has_said("uploading stdin: ")

    wait_for("progress", more)
    assert shown.finish() == 0, shown.said
    assert "iB/s" in shown.said and shown.said.endswith("\r\x1b[K")


@pytest.mark.parametrize("line, typed", (
    ("datasets create - --name typed --format csv", b"a,b\n1,2\n"),
    ("run-function -", b"def execute(c, b): return 1\n"),
    ("predict x --file -", b""),
))
def test_one_end_of_file_ends_what_is_typed(served, line, typed):
    end, other = os.openpty()
    process = subprocess.Popen(
        [DAVIT, *line.split()], cwd=served.folder, env=served.env, stdin=other,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.close(other)
    os.write(end, typed + b"\x04")
    out, err = process.communicate(timeout=DEADLINE)
    os.close(end)
    assert process.returncode == 0, (out, err)


def test_a_file_that_is_compared_tells_its_progress(cli):
    with open(cli.folder / "vast.csv", "wb") as file:
        file.truncate(1 << 40)
    (cli.folder / "t.py").write_text("")
    shown = Terminal(["train", "t.py", "--dataset", "vast.csv"], cwd=cli.folder, env=cli.env)
    wait_for("progress", lambda: shown.has_said("reading vast.csv: 0%, "))
    assert shown.finish(signal.SIGINT) == 130, shown.said


class SlowHandler(http.server.BaseHTTPRequestHandler):
    """Bytes until the server is told that there are enough."""

    def answer(self):
        self.send_response(200)
        self.end_headers()
        while not self.server.enough.wait(0.02):
            self.wfile.write(b"x" * 1000)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.answer()

    do_GET = answer

    def log_message(self, *words):
        pass


@pytest.mark.parametrize("line", ("datasets export d -o got", "datasets export d",
                                  "outputs 000000000000000000000000 f -o got"))
def test_a_download_tells_its_progress(tmp_path, line):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowHandler) as server:
        server.enough = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_port}"
        shown = Terminal([*line.split(), "--host", host], cwd=tmp_path)
        try:
            wait_for("progress", lambda: shown.has_said("fetching "))
        finally:
            server.enough.set()
        assert shown.finish() == 0, shown.said
        server.shutdown()


def test_progress_is_cut_to_the_terminal(cli):
    cli.good("queues", "pause", "local", "--project", "cut")
    shown = Terminal(["submit", "--project", "cut", "--wait", "true"], columns=30,
                     cwd=cli.folder, env=cli.env)
    wait_for("progress", lambda: shown.has_said("\r\x1b[Kqueued"))
    cli.good("queues", "resume", "local", "--project", "cut")
    assert shown.finish() == 0
    lines = [line for line in shown.said.split("\r\x1b[K") if line]
    assert lines and max(map(len, lines)) <= 29 and lines[0].endswith("..."), lines

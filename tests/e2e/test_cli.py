"""The command line against a daemon of its own: every command, and every example of the help."""

import http.server
import json
import os
import pathlib
import re
import select
import shlex
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
import time

import pytest

from davit_site import BUILD, DEADLINE, EXAMPLES, wait_for

DAVIT = str(BUILD / "cli" / "davit")


class Cli:
    """A folder with the examples, a site made by `davit serve`, and commands run in it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="davit-cli."))
        self.daemon = None
        self.log = open(self.folder / "log", "wb")
        shutil.copytree(EXAMPLES, self.folder / "examples")
        shutil.copy(BUILD / "plugins" / "local" / "local.so", self.folder / "provider.so")
        self.socket = self.folder / "site" / "davitd.sock"
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "davit").symlink_to(DAVIT)
        self.env = {
            key: value for key, value in os.environ.items() if not key.startswith("DAVIT_")
        } | {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "DAVIT_HOST": f"unix://{self.socket}",
        }

    def serve(self, line="davit serve --data site --import examples"):
        words = shlex.split(line)
        words[0] = DAVIT
        self.daemon = subprocess.Popen(
            words, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log,
        )

        def ready():
            assert self.daemon.poll() is None, self.said()
            return self.run("status").returncode == 0

        wait_for("the daemon", ready)

    def said(self):
        return (self.folder / "log").read_text(errors="replace")

    def run(self, *words, env=None, **options):
        options.setdefault("timeout", DEADLINE * 2)
        return subprocess.run(
            [DAVIT, *words], cwd=self.folder, env=self.env | (env or {}),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            capture_output=True, text=True, check=False, **options,
        )

    def good(self, *words, **options):
        done = self.run(*words, **options)
        assert done.returncode == 0, (words, done.stdout, done.stderr, self.said()[-2000:])
        return done.stdout

    def json(self, *words):
        return json.loads(self.good(*words, "--json"))

    def clean_up(self):
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            assert self.daemon.wait(DEADLINE) == 0, self.said()
        self.log.close()
        subprocess.run(["pkill", "-KILL", "-f", str(self.folder)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cli():
    made = Cli()
    try:
        made.serve()
        yield made
    finally:
        made.clean_up()


def text(*words, **options):
    """What davit says without a daemon."""
    return subprocess.run(
        [DAVIT, *words], capture_output=True, text=True, check=False, timeout=DEADLINE, **options
    )


COMMANDS = text("help", "--names").stdout.split("\n")[:-1]


# --- help ---


def test_every_example_of_the_help_works():
    """In the order of `davit help --examples`, in a folder with the examples of the project."""
    site = Cli()
    try:
        for line in text("help", "--examples").stdout.splitlines():
            if line.startswith("davit serve"):
                site.serve(line)
                continue
            done = subprocess.run(
                ["bash", "-c", line], cwd=site.folder, env=site.env, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False, timeout=DEADLINE * 2,
            )
            assert done.returncode == 0, (line, done.stdout, done.stderr, site.said()[-3000:])
    finally:
        site.clean_up()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_help(command):
    shown = text(*command.split(), "--help").stdout
    assert shown.startswith(f"usage: davit {command}")
    assert f"davit {command}" in shown.split("Examples:")[1]
    told = text("help", *command.split())
    assert told.returncode == 0 and shown in told.stdout


def test_the_reference_in_docs_is_what_the_table_says():
    written = (EXAMPLES.parent / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == text("help", "--markdown").stdout


def test_manual_pages_are_clean(tmp_path):
    assert text("help", "--man-pages", str(tmp_path)).returncode == 0
    pages = sorted(tmp_path.iterdir())
    assert {page.name for page in pages} == {"davit.1"} | {
        f"davit-{command.split()[0]}.1" for command in COMMANDS
    }
    for page in pages:
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", str(page)], capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b""), page
        assert len(done.stdout) > 500


def completed(line):
    """What bash offers at the end of the line, its words cut as bash cuts them."""
    script = f"""
        source <({DAVIT} completion bash)
        COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}
        COMP_WORDS=({" ".join(map(shlex.quote, re.findall("[^:= ]+|[:=]+", line)))})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _davit
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == "", done.stderr
    return done.stdout.split()


def test_completion_knows_commands_and_options():
    tops = {command.split()[0] for command in COMMANDS}
    for line in ("davit ", "davit --host unix:///a/b.sock ", "davit --host=http://a:1 ",
                 "davit -H http://a:1 ", "davit --json ", "davit help "):
        assert set(completed(line)) == tops, line
    assert completed("davit prov") == ["providers"]
    assert completed("davit logs --fol") == ["--follow"]
    assert "--json" in completed("davit jobs --") and completed("davit logs --js") == []
    assert completed("davit datasets --js") == ["--json"] == completed("davit --js")
    assert completed("davit -H unix:///a jobs --lim") == ["--limit"]


def test_completion_knows_words_and_values():
    assert completed("davit datasets cr") == ["create"]
    assert completed("davit help datasets cr") == ["create"]
    assert {"failed", "submitting", "orphaned_provider"} <= set(completed("davit jobs --state "))
    assert completed("davit jobs --state=fa") == ["failed"]
    assert completed("davit predict x --format j") == ["jsonl"]
    assert completed("davit completion ") == ["bash"]


def test_completion_takes_files_as_such_and_commands_not(tmp_path):
    """A real bash, asked by the tab key, in a folder with a folder like a command."""
    (tmp_path / "models").mkdir()
    script = f"bind 'set bell-style none'; source <({DAVIT} completion bash); PS1=; echo ready"
    master, slave = os.openpty()
    process = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"], cwd=tmp_path, stdin=slave, stdout=slave,
        stderr=slave, start_new_session=True, env=os.environ | {"TERM": "dumb"},
    )
    os.close(slave)
    said = ""

    def until(part):
        nonlocal said
        while part not in said:
            assert select.select([master], [], [], DEADLINE)[0], said
            said += os.read(master, 65536).decode(errors="replace")

    try:
        os.write(master, f"{script}\n".encode())
        until("\nready")
        os.write(master, b"davit() { echo \"got <$*>\"; }\n")
        os.write(master, b"davit mo\tlist\n")
        until("got <m")
        until(">\r\n")
        assert "got <models list>" in said, said
        os.write(master, b"davit check mo\tx\n")
        until("got <c")
        until("x>\r\n")
        assert "got <check models/x>" in said, said
    finally:
        process.kill()
        process.wait()
        os.close(master)


# --- exit codes and errors ---


def test_wrong_usage_is_2_and_names_the_nearest():
    for words, hint in (
        (["jobz"], "'jobs'"),
        (["jobs", "--stat", "x"], "'--state'"),
        (["jobs", "a", "b"], "one word too many"),
        (["logs"], "JOB is missing"),
        (["jobs", "--limit", "many"], "--limit must be a number"),
        (["completion", "fish"], "bash"),
        (["dataset", "list"], "'datasets'"),
        (["create", "datasets", "a.csv"], "'datasets create'"),
        (["show", "dataset", "a"], "'datasets show'"),
        (["list", "jobs"], "'jobs'"),
        (["--hel"], "missing behind '--hel'"),
        (["--host"], "missing behind '--host'"),
        (["runs", "--series"], "name it"),
        (["runs", "a", "--best", "loss"], "--best is of the list"),
        (["jobs", "a", "--state", "failed"], "--state is of the list"),
        (["datasets", "export", "a", "-o", "b", "--to", "c"], "-o or --to"),
        (["models", "export", "a", "-o", "b", "--to", "c"], "-o or --to"),
    ):
        done = text(*words)
        assert done.returncode == 2 and hint in done.stderr, (words, done)
    assert text().returncode == 2 and text().stderr.startswith("usage: davit")
    for word in ("-h", "--help"):
        assert text(word).returncode == 0 and text(word).stdout.startswith("usage: davit")


def test_no_daemon_is_3_and_says_what_to_do(tmp_path):
    for host in (f"unix://{tmp_path}/none.sock", "http://127.0.0.1:1"):
        done = text("jobs", "--host", host)
        assert done.returncode == 3, done
        assert host in done.stderr and "is it running?" in done.stderr
        assert "davit serve" in done.stderr


def test_refusals_are_4_with_the_daemons_words(cli):
    done = cli.run("jobs", "nothing")
    assert done.returncode == 4 and "'nothing'" in done.stderr


def test_output_that_cannot_be_written_is_told(cli):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [DAVIT, "help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env=cli.env,
        )
    assert done.returncode == 1 and "cannot write" in done.stderr


def test_a_job_that_failed_is_told_by_its_reason_and_exit_code(cli):
    script = cli.folder / "broken.py"
    script.write_text("raise ValueError('no luck')\n")
    done = cli.run("train", "broken.py", "--wait")
    assert done.returncode == 1 and "no luck" in done.stdout, done
    lines = cli.good("jobs", "broken").splitlines()
    assert lines[1].split()[:2] == ["state", "failed"]
    assert lines[2].startswith("failed") and "no luck" in lines[2]
    assert "no luck" in cli.good("logs", "broken")


def test_a_job_that_waits_says_why(cli):
    cli.good("queues", "pause", "local", "--project", "held")
    cli.good("submit", "--project", "held", "--name", "waiter", "true")
    shown = cli.good("jobs", "waiter")
    assert "paused" in shown.splitlines()[2], shown
    cli.good("queues", "resume", "local", "--project", "held")
    wait_for("the job", lambda: "succeeded" in cli.good("jobs", "waiter"))


def test_an_interrupted_wait_leaves_the_job_running(cli):
    process = subprocess.Popen(
        [DAVIT, "submit", "--name", "long", "--wait", "sleep", "600"],
        cwd=cli.folder, env=cli.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    wait_for("it runs", lambda: cli.json("jobs", "--state", "running", "--kind", "command"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130 and "runs on" in err, (out, err)
    job = cli.json("jobs", "--state", "running", "--kind", "command")[0]["id"]
    assert job in err
    assert "cancelled" in cli.good("cancel", job)
    wait_for("its end", lambda: cli.json("jobs", job)["state"] == "cancelled")


def test_logs_are_followed_to_the_end(cli):
    shown = cli.good(
        "submit", "--name", "talk", "--follow", "--env", "WORD=hi",
        "python3", "-c",
        "import os, time; print(os.environ['WORD']); time.sleep(0.3); print('it\\'s')",
    )
    assert shown.splitlines()[:2] == ["hi", "it's"], shown
    assert cli.good("logs", "-f", "talk") == "hi\nit's\n"


def test_waits_and_logs_go_on_when_the_daemon_comes_back():
    site = Cli()
    try:
        site.serve()
        script = "import time\nfor i in range(12): print(i, flush=True); time.sleep(0.25)"
        words = ["submit", "--name", "slow", "--follow", "python3", "-c", script]
        process = subprocess.Popen(
            [DAVIT, *words], cwd=site.folder, env=site.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        assert process.stdout.readline() == "0\n"
        site.daemon.send_signal(signal.SIGKILL)
        site.daemon.wait(DEADLINE)
        site.serve()  # the same line again
        assert "started as it is" in site.said()
        out = process.stdout.read()
        assert process.wait(DEADLINE) == 0, (out, site.said()[-2000:])
        assert out.split()[:11] == [str(i) for i in range(1, 12)], out
    finally:
        site.clean_up()


def test_models_tell_where_they_come_from(cli):
    cli.good(
        "train", "examples/digits/train.py", "--dataset", "examples/digits/train.csv",
        "--name", "kin", "--set", "epochs=1", "--wait",
    )
    cli.good("models", "register", "kin", "--server", "examples/digits/serve.py")
    shown = cli.good("models", "show", "kin")
    for word in ("kin@v1", "training", "train@v1", "train.py sha256", "epochs=1", "model.json"):
        assert word in shown, (word, shown)
    again = cli.json("datasets", "list")
    cli.good("train", "examples/digits/train.py", "--dataset", "examples/digits/train.csv",
             "--name", "kin", "--set", "epochs=1", "--wait")
    assert len(cli.json("datasets", "list")) == len(again), "the same file is not uploaded twice"


def test_packages_of_a_model_are_sent_along_and_a_deploy_tells_that_it_installs_them(cli):
    cli.good("train", "examples/digits/train.py", "--dataset", "examples/digits/train.csv",
             "--name", "packs", "--set", "epochs=1", "--wait")
    register = ("models", "register", "packs", "--server", "examples/digits/serve.py")
    (cli.folder / "wrong.txt").write_text("pip\n-r other.txt\n")
    refusal = 'line 2 ("-r other.txt") has an option that is not taken: known are --pre, '
    done = cli.run(*register, "--requirements", "wrong.txt")
    assert done.returncode == 4 and refusal in done.stderr and "(400 of" in done.stderr, done
    assert cli.run("models", "show", "packs").returncode == 4, "nothing was registered"
    # What the site's Python has needs no index.
    (cli.folder / "has.txt").write_text("pip\n")
    cli.good(*register, "--requirements", "has.txt")
    assert "requirements sha256" in cli.good("models", "show", "packs")
    done = cli.run("deploy", "packs")
    assert done.returncode == 0 and "installing 1 requirement: pip" in done.stderr, done
    cli.good(*register, "--no-requirements")
    assert "requirements sha256" not in cli.good("models", "show", "packs")
    (cli.folder / "rows.csv").write_text("1,2\n")
    done = cli.run("batch", "create", "packs", "rows.csv", "--requirements", "wrong.txt")
    assert done.returncode == 4 and refusal in done.stderr and "(400 of" in done.stderr, done
    refused = [batch for batch in cli.json("batch", "list") if batch["name"] == "packs"]
    assert [batch["state"] for batch in refused] == ["FAILED"]


def test_check_gives_every_reason(tmp_path):
    source = tmp_path / "bad.c"
    source.write_text(
        "int open(const char *, int, ...); int fork(void);\n"
        "int one(void) { return open(\"x\", 0); }\nint two(void) { return fork(); }\n"
    )
    bad = tmp_path / "bad.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", bad, source], check=True)
    done = text("check", str(bad))
    assert done.returncode == 1
    for word in ("manifest", "uses open", "uses fork", "exports one", "exports two",
                 "does not export davit_provider_query"):
        assert word in done.stdout, (word, done.stdout)
    answer = json.loads(text("check", str(bad), "--json").stdout)
    assert not answer["ok"] and len(answer["problems"]) >= 6
    (tmp_path / "text").write_text("text")
    assert text("check", str(tmp_path / "text")).returncode == 1
    assert text("check", str(tmp_path / "none")).returncode == 2


# --- the daemon ---


def test_status_and_providers(cli):
    assert "local loaded" in cli.good("status")
    assert cli.json("status")["ready"]["status"] == "ready"
    assert "training" in cli.good("providers")
    assert cli.json("providers")[0]["id"] == "local"


def test_a_site_is_made_once_and_kept(cli):
    before = (cli.folder / "site" / "davit.yaml").read_text()
    done = cli.run("serve", "--data", "site", "--port", "0")
    assert done.returncode not in (0, 2) and "is started as it is" in done.stderr
    assert "davit.yaml" in done.stderr and "stop it first" in done.stderr
    assert (cli.folder / "site" / "davit.yaml").read_text() == before


def test_serve_with_a_port_and_a_url(tmp_path):
    site = Cli()
    try:
        site.serve("davit serve --data site --port 0")
        port = wait_for(
            "the port", lambda: [x for x in site.said().split() if x.startswith("port=")]
        )[0][5:]
        host = f"http://127.0.0.1:{port}"
        assert site.run("providers", "--host", host).returncode == 0
        assert site.run("--host", f"{host}/", "providers").returncode == 0
        done = site.run("rerun", "0" * 24, "--host", host)
        assert done.returncode == 4 and "socket" in done.stderr, done
    finally:
        site.clean_up()


@pytest.mark.skipif(
    pathlib.Path("/var/lib/davit/run/davitd.sock").exists(), reason="the system has a daemon"
)
def test_a_newcomer_needs_to_say_nothing():
    site = Cli()
    try:
        del site.env["DAVIT_HOST"]
        site.env["XDG_DATA_HOME"] = str(site.folder / "share")
        site.serve("davit serve")
        assert (site.folder / "share" / "davit" / "davit.yaml").exists()
        assert site.good("submit", "--wait", "true").splitlines()[-1].endswith("succeeded")
    finally:
        site.clean_up()


def test_a_site_with_a_long_path_works():
    site = Cli()
    try:
        site.env["DAVIT_HOST"] = f"unix://{site.folder}/{'long' * 8}/davitd.sock"
        site.serve(f"davit serve --data {'long' * 8}")
        assert "local" in site.good("providers")
    finally:
        site.clean_up()


# --- every command as JSON ---

# The rest of a command line for each command, in an order that works; None: of its own kind.
AS_JSON = [
    ("version", ""), ("status", ""), ("providers", ""), ("check", "provider.so"),
    ("submit", "--name said --wait echo hello"),
    ("train", "examples/digits/train.py --dataset examples/digits/train.csv --name j "
     "--set epochs=2 --wait"),
    ("rerun", "j --set epochs=1 --wait"), ("jobs", ""), ("jobs", "j"), ("cancel", "j"),
    ("outputs", "j"), ("runs", ""), ("runs", "--best accuracy"), ("runs", "j"),
    ("runs compare", "j j~1"),
    ("datasets create", "examples/digits/heldout.csv --name h --tag a"), ("datasets list", ""),
    ("datasets show", "h"), ("datasets tag", "h b --remove a"), ("datasets export", "h@b -o h.csv"),
    ("models register", "j --server examples/digits/serve.py --alias a"), ("models list", ""),
    ("models show", "j"), ("models alias", "j b --remove a"), ("models export", "j -o exported"),
    ("deploy", "j"), ("endpoints list", ""), ("endpoints show", "j"), ("endpoints create", "k"),
    ("predict", "j --file examples/digits/heldout.csv --exclude label"),
    ("batch create", "j h --exclude label --name b --wait"), ("batch list", ""),
    ("batch show", "b"), ("batch results", "b -o b.jsonl"), ("batch cancel", "b"),
    ("batch delete", "b"), ("endpoints undeploy", "j"), ("endpoints delete", "j k"),
    ("models delete", "j"), ("datasets delete", "h"), ("queues list", ""),
    ("queues pause", "local --project q"), ("queues priority", "local 5 --project q"),
    ("queues resume", "local --project q"), ("run-function", "f.py --body x"),
    ("venvs list", ""), ("job", "j --timeline"), ("strays", ""), ("strays sweep", "--all"),
    ("providers lift", "local"),
]
TEXT_ONLY = {"serve", "logs", "completion", "help"}


def test_every_command_answers_json(cli):
    (cli.folder / "f.py").write_text("def execute(c, body):\n    return {'got': body}\n")
    for command, rest in AS_JSON:
        shown = cli.good(*command.split(), *shlex.split(rest), "--json") \
            if command != "submit" else cli.good("submit", "--json", *shlex.split(rest))
        assert shown.count("\n") == 1, (command, shown)
        value = json.loads(shown)
        if command.endswith("list") or (command in ("jobs", "runs") and not rest):
            assert isinstance(value, list), command
    asked = {command for command, _ in AS_JSON}
    unanswered = {"venvs delete", "decide", "strays adopt", "strays delete"}  # nothing to do it to
    assert asked | TEXT_ONLY | unanswered == set(COMMANDS)


def test_what_prints_text_refuses_to_print_json():
    reference = (EXAMPLES.parent / "docs" / "cli.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        part = reference.split(f"\n## davit {command}\n")[1].split("\n## ")[0]
        assert ("--json is refused" in part) == (command in TEXT_ONLY), command
        said = text(*command.split(), "--help").stdout
        assert ("--json  " not in said) == (command in TEXT_ONLY), command
    for line in ("serve", "logs x", "completion bash", "help", "help jobs", "help --examples"):
        done = text(*line.split(), "--json")
        assert done.returncode == 2 and "leave --json out" in done.stderr, (line, done)
        assert done.stdout == ""


def test_json_and_what_is_fetched_are_not_mixed():
    for line in ("datasets export d", "outputs j f", "batch results b", "batch results b -o -"):
        done = text(*line.split(), "--json", "--host", "unix:///none")
        assert done.returncode == 2 and "-o" in done.stderr, (line, done)


# --- predictions ---


@pytest.fixture(scope="module")
def served(cli):
    """The endpoint digits with a quickly trained model."""
    cli.good(
        "train", "examples/digits/train.py", "--dataset", "examples/digits/train.csv",
        "--name", "digits", "--set", "epochs=3", "--wait",
    )
    cli.good("models", "register", "digits", "--server", "examples/digits/serve.py")
    cli.good("deploy", "digits")
    return cli


def labels():
    lines = (EXAMPLES / "digits" / "heldout.csv").read_text().splitlines()[1:]
    return [int(line.split(",")[0]) for line in lines]


def test_predictions_come_in_the_order_of_the_rows(served):
    one = served.good(
        "predict", "digits", "--file", "examples/digits/heldout.csv", "--exclude", "label",
        "--concurrency", "1", "--batch", "500",
    )
    many = served.good(
        "predict", "digits", "--file", "examples/digits/heldout.csv", "--exclude", "0",
        "--concurrency", "16", "--batch", "1",
    )
    assert one == many
    found = [json.loads(line)["label"] for line in one.splitlines()]
    right = sum(a == b for a, b in zip(found, labels(), strict=True))
    assert right / len(found) > 0.5


def test_predictions_as_json_and_into_a_file(served):
    words = ["predict", "digits", "--file", "examples/digits/heldout.csv", "--exclude", "label"]
    whole = served.json(*words)
    assert len(whole["predictions"]) == whole["rows"] == len(labels()) and whole["failed"] == 0
    totals = json.loads(served.good(*words, "-o", "out.jsonl", "--json"))
    assert totals["rows"] == len(labels())
    written = (served.folder / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in written] == whole["predictions"]
    assert not (served.folder / "out.jsonl.part").exists()


def test_rows_that_a_model_refuses_are_told_row_by_row(served):
    (served.folder / "mixed.jsonl").write_text(
        "\n".join(json.dumps(row) for row in ([0] * 64, [1, 2], [0] * 64)) + "\n"
    )
    done = served.run("predict", "digits", "--file", "mixed.jsonl", "--batch", "1")
    assert done.returncode == 1, done
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["label" in row for row in rows] == [True, False, True]
    assert "64 numbers" in rows[1]["error"] and "1 failed" in done.stderr


def test_rows_from_a_pipe_are_answered_before_it_ends(served):
    process = subprocess.Popen(
        [DAVIT, "predict", "digits", "--file", "-", "--format", "jsonl", "--json"],
        cwd=served.folder, env=served.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    process.stdin.write((json.dumps([0] * 64) + "\n").encode())
    process.stdin.flush()
    seen = b""
    while b"label" not in seen:
        seen += process.stdout.read1()
    process.stdin.write((json.dumps([1] * 64) + "\n").encode())
    process.stdin.close()
    seen += process.stdout.read()
    assert process.wait(DEADLINE) == 0
    assert len(json.loads(seen)["predictions"]) == 2


def test_an_interrupted_prediction_keeps_what_it_has(served):
    process = subprocess.Popen(
        [DAVIT, "predict", "digits", "--file", "-", "--format", "jsonl", "-o", "cut.jsonl"],
        cwd=served.folder, env=served.env, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    process.stdin.write((json.dumps([0] * 64) + "\n").encode())
    process.stdin.flush()
    part = served.folder / "cut.jsonl.part"
    wait_for("a prediction", lambda: part.exists() and "label" in part.read_text())
    process.send_signal(signal.SIGINT)
    err = process.stderr.read()
    assert process.wait(DEADLINE) == 130 and b"cut.jsonl.part" in err, err
    assert not (served.folder / "cut.jsonl").exists()


def test_memory_does_not_grow_with_the_rows(served):
    # A sanitizer would keep what was freed.
    quiet = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}

    def peak(rows):
        words = ["predict", "digits", "--file", "-", "--batch", "64", "-o", "many.jsonl"]
        process = subprocess.Popen(
            [DAVIT, *words], cwd=served.folder, env=served.env | quiet, stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        line = (",".join(["1"] * 64) + "\n").encode()
        for _ in range(rows // 100):
            process.stdin.write(line * 100)
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        return usage.ru_maxrss

    assert peak(30000) < 1.25 * peak(3000)


def test_an_endpoint_that_is_not_there_ends_it_at_once(served):
    done = served.run("predict", "nothing", "--file", "examples/digits/heldout.csv")
    assert done.returncode == 4 and "nothing" in done.stderr and done.stdout == ""


def test_wrong_rows_name_their_line(served):
    (served.folder / "short.csv").write_text("a,b\n1,2\n3\n")
    done = served.run("predict", "digits", "--file", "short.csv")
    assert done.returncode == 2 and "line 3" in done.stderr
    done = served.run("predict", "digits", "--file", "short.csv", "--exclude", "c")
    assert done.returncode == 2 and "no column 'c'" in done.stderr
    assert served.run("predict", "digits", "--file", "nothing.csv").returncode == 2
    assert served.run("predict", "digits").returncode == 2


class Busy(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Answers 503 twice for each body before it answers 200."""

    daemon_threads = True
    request_queue_size = 128  # all connections come at once
    asked = None


class BusyHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        count = self.server.asked[body] = self.server.asked.get(body, 0) + 1
        rows = len(json.loads(body)["instances"])
        answer = json.dumps({"predictions": list(range(rows))} if count > 2 else "busy").encode()
        self.send_response(200 if count > 2 else 503)
        if count <= 2:
            self.send_header("Retry-After", "1" if count == 1 else "0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *words):
        pass


class FullHandler(http.server.BaseHTTPRequestHandler):
    """Answers 429 to all but two at once, as a busy daemon that does not let anyone wait."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # an answer is one segment

    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        with self.server.lock:
            fits = self.server.held < 2
            self.server.held += fits
            self.server.most = max(self.server.most, self.server.held)
        if fits:
            time.sleep(0.01)  # the work of the model
            with self.server.lock:
                self.server.held -= 1
        answer = json.dumps({"predictions": [row[0] for row in rows]} if fits else "full").encode()
        self.send_response(200 if fits else 429)
        if not fits:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *words):
        pass


def test_predict_sends_no_more_at_once_than_there_is_room_for(tmp_path):
    """Without a try to lose, and without the pause of a second while others are answered."""
    rows = tmp_path / "rows.csv"
    rows.write_text("".join(f"{i},2\n" for i in range(400)))
    with Busy(("127.0.0.1", 0), FullHandler) as server:
        server.lock, server.held, server.most = threading.Lock(), 0, 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = text("predict", "x", "--file", str(rows), "--batch", "1", "--json", "--retries", "0",
                    "--concurrency", "64", "--host", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert done.returncode == 0, done
    answer = json.loads(done.stdout)
    assert answer["predictions"] == list(range(400))
    assert server.most == 2 and 0 < answer["retries"] < 400


def test_predict_may_ask_more_at_once_than_the_provider_runs(served):
    """max_calls is 16: 48 wait a moment in the daemon, the others are for the command line."""
    heldout = (served.folder / "examples/digits/heldout.csv").read_text().splitlines(True)
    (served.folder / "many.csv").write_text(heldout[0] + "".join(heldout[1:]) * 3)
    for concurrency in ("17", "64", "128"):
        answer = served.json(
            "predict", "digits", "--file", "many.csv", "--exclude", "label", "--batch", "1",
            "--concurrency", concurrency, "--retries", "0")
        assert answer["failed"] == 0 and answer["rows"] == 3 * (len(heldout) - 1), concurrency
        assert answer["retries"] == 0 or concurrency == "128"


def test_what_is_busy_is_asked_again_within_limits(tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("".join(f"{i},2\n" for i in range(10)))
    with Busy(("127.0.0.1", 0), BusyHandler) as server:
        server.asked = {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = ["predict", "x", "--file", str(rows), "--batch", "4", "--json",
                 "--host", f"http://127.0.0.1:{server.server_port}"]
        done = text(*words)
        assert done.returncode == 0, done
        assert json.loads(done.stdout)["retries"] == 6
        assert json.loads(done.stdout)["predictions"] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
        server.asked = {}
        done = text(*words, "--retries", "1")
        assert done.returncode == 1, done
        assert json.loads(done.stdout)["failed"] == 10
        server.shutdown()

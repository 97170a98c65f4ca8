"""Options of the command line, each by what is different with it. One daemon serves all."""

import json
import signal

import pytest

from davit_site import DEADLINE, wait_for
from test_cli import Cli

TRAIN = """
import json, os, resource
given = json.load(open(os.environ["DAVIT_PARAMETERS"]))
print("word", os.environ.get("WORD"), "files", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
names = given.get("names", ["loss"])
with open(os.environ["DAVIT_PROGRESS"], "a") as out:
    for step in range(1, 4):
        values = {name: given.get("value", 1) * step + i for i, name in enumerate(names)}
        out.write(json.dumps({"step": step, "metrics": values}) + "\\n")
    out.write(json.dumps({"step": 4, "metrics": {"late": 4}}) + "\\n")
open(os.path.join(os.environ["DAVIT_OUTPUT_DIR"], "model"), "w").write("m")
"""

# A prediction is its instance with what the server knows; "bad" is refused, "slow" takes long.
SERVER = """
import json, os, resource, socketserver, time
from http.server import BaseHTTPRequestHandler

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def address_string(self):
        return "unix"
    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.reply(200, {})
    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        if "slow" in json.dumps(rows):
            time.sleep(4)
        if "bad" in json.dumps(rows):
            return self.reply(400, {"error": "bad row"})
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.reply(200, {"predictions": [{"row": row, "files": files} for row in rows]})

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

Server(os.environ["DAVIT_SOCKET"], Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def site():
    """With an export root, a training "one" of project "p", and its model on endpoint "one"."""
    made = Cli()
    try:
        made.serve()
        made.daemon.send_signal(signal.SIGTERM)
        assert made.daemon.wait(DEADLINE) == 0
        (made.folder / "out").mkdir()
        with open(made.folder / "site" / "davit.yaml", "a") as file:
            file.write(f"export_roots: [{made.folder}/out]\n")
        made.serve("davit serve --data site")
        (made.folder / "fit.py").write_text(TRAIN)
        (made.folder / "server.py").write_text(SERVER)
        (made.folder / "few.csv").write_text("a,b\n1,2\n3,4\n")
        made.good("train", "fit.py", "--name", "one", "--project", "p", "--wait")
        made.good("models", "register", "one", "--server", "server.py")
        made.good("deploy", "one")
        yield made
    finally:
        made.clean_up()


def names(rows):
    return [row["name"] for row in rows]


# --- runs ---


@pytest.fixture(scope="module")
def runs(site):
    """Runs "hi" and "lo", whose losses are 30 and 3, and "many" with 15 metrics."""
    metrics = json.dumps([f"m{i:02}" for i in range(14)] + ["zz_last"])
    site.good("train", "fit.py", "--name", "hi", "--set", "value=10", "--wait")
    site.good("train", "fit.py", "--name", "lo", "--set", "value=1", "--wait")
    (site.folder / "many.py").write_text(TRAIN.replace('given.get("names", ["loss"])', metrics))
    site.good("train", "many.py", "--name", "many", "--wait")
    return site


def test_best_is_the_highest_and_with_lowest_the_lowest(runs):
    found = names(runs.json("runs", "--best", "loss"))
    assert found[0] == "hi" and "many" not in found
    assert names(runs.json("runs", "--best", "loss", "--lowest"))[-1] == "hi"
    assert runs.run("runs", "--lowest").returncode == 2


def test_a_metric_counts_though_later_lines_lack_it(runs):
    run = runs.json("runs", "hi")
    assert run["metrics"] == {"loss": 30, "late": 4}


def test_the_chosen_metric_is_the_first_column_however_many_there_are(runs):
    done = runs.run("runs", "--best", "zz_last", "--name", "many")
    assert done.returncode == 0
    head, row = [line.split() for line in done.stdout.splitlines()[:2]]
    assert head[:6] == ["RUN", "NAME", "STATE", "CREATED", "TOOK", "zz_last"], head
    assert row[-12] == "17", row  # of twelve columns the first
    assert "4 more columns are left out" in done.stderr, done.stderr


def test_parameters_that_differ_come_before_metrics(runs):
    head = runs.good("runs").splitlines()[0].split()
    assert head[5] == "value", head


def test_series_shows_every_step(runs):
    done = runs.run("runs", "lo", "--series")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.stderr == "", done
    assert lines == [["STEP", "loss", "late"], ["1", "1", "-"], ["2", "2", "-"], ["3", "3", "-"],
                     ["4", "-", "4"]]


def test_series_tells_how_many_metrics_it_leaves_out(runs):
    done = runs.run("runs", "many", "--series")
    assert done.returncode == 0 and len(done.stdout.splitlines()[0].split()) == 13, done
    assert "4 more metrics are left out" in done.stderr, done


def test_a_metric_nobody_reported_is_told_with_those_there_are(runs):
    for more in ([], ["--json"], ["--lowest"]):
        done = runs.run("runs", "--best", "losss", "--name", "lo", *more)
        assert done.returncode == 1 and done.stdout == ("[]\n" if more == ["--json"] else ""), done
        assert "no run reported 'losss'; there are: loss, late\n" in done.stderr, done
    (runs.folder / "mute.py").write_text("pass\n")
    runs.good("train", "mute.py", "--wait")
    done = runs.run("runs", "--best", "loss", "--name", "mute")
    assert done.returncode == 1 and "'loss' or any other metric" in done.stderr, done
    assert runs.good("runs", "--best", "loss", "--name", "nobody") == "no runs\n"


@pytest.mark.parametrize("command", ["runs", "jobs"])
def test_lists_are_narrowed(runs, command):
    listed = runs.json(command)
    assert {"one", "hi", "lo"} <= set(names(listed))
    assert names(runs.json(command, "--name", "lo")) == ["lo"]
    assert {row["project"] for row in runs.json(command, "--project", "p")} == {"p"}
    assert len(runs.json(command, "--provider", "local")) == len(listed)
    assert runs.json(command, "--provider", "nobody") == []
    assert runs.json(command, "--state", "failed") == []
    assert {row["state"] for row in runs.json(command, "--state", "succeeded,failed")} == {
        "succeeded"}
    assert len(runs.json(command, "--limit", "2")) == 2


# --- jobs ---


def test_cancel_takes_several_jobs(site):
    ids = [json.loads(site.good("submit", "--json", "--name", f"long{i}", "sleep", "600"))["id"]
           for i in range(2)]
    site.good("cancel", *ids)
    for job in ids:
        wait_for("the end", lambda j=job: site.json("jobs", j)["state"] == "cancelled")


def test_variables_and_limits_of_a_training(site):
    site.good("train", "fit.py", "--name", "with", "--env", "WORD=red", "--limit", "open_files=99",
              "--wait")
    assert "word red files 99" in site.good("logs", "with")
    site.good("rerun", "with", "--env", "WORD=blue", "--wait")
    assert "word blue files 99" in site.good("logs", "with")


def test_a_limit_of_memory_that_is_not_applied_is_told(site):
    site.good("train", "fit.py", "--name", "memory", "--limit", "memory_bytes=900000000", "--wait")
    first = site.good("logs", "memory").splitlines()[0]
    told = "not applied" in site.good("jobs", "memory")
    applied = site.json("jobs", "memory")["result"]["applied"]
    if "memory_bytes" in applied:  # a control group is delegated to this test
        assert applied["memory_bytes"] == 900000000 and not told and "memory_bytes" not in first
    else:
        assert applied["not_applied"] == {"memory_bytes": 900000000}
        assert told and first.startswith("[davit: the limit memory_bytes is not applied"), first


def test_the_script_keeps_its_name_and_the_command_is_told(site):
    for file in ("fit.py", "mets.py"):
        (site.folder / file).write_text(TRAIN)
        site.good("train", file, "--name", "called", "--wait")
        run = site.json("runs", "called")
        assert run["script"]["name"] == file and run["command"] == f"python3 {file}", run
        assert f"python3 {file}" in site.good("runs", "called")
    site.good("models", "register", "called", "--server", "server.py")
    lineage = site.json("models", "show", "called")["lineage"]
    assert lineage["script"]["name"] == "mets.py" and lineage["command"] == "python3 mets.py"
    site.good("train", "mets.py", "--name", "called", "--entry", "python3 mets.py --fast", "--wait")
    assert site.json("runs", "called")["command"] == "python3 mets.py --fast"


# --- data sets ---


def test_a_data_set_has_a_description_and_goes_to_an_export_root(site):
    site.good("datasets", "create", "few.csv", "--name", "told", "--description", "of a test")
    assert site.json("datasets", "show", "told")["description"] == "of a test"
    site.good("datasets", "export", "told", "--to", "copy")
    written = [path for path in (site.folder / "out").rglob("*") if path.is_file()]
    assert [path.read_text() for path in written] == ["a,b\n1,2\n3,4\n"]


@pytest.mark.parametrize("group", ["datasets", "models", "endpoints", "batch"])
def test_objects_are_not_listed_by_project(site, group):
    """They belong to no project: an option that changes nothing would be a lie."""
    done = site.run(group, "list", "--project", "p")
    assert done.returncode == 2 and "--project" in done.stderr, done


# --- predictions ---


def predicted(site, *words, rows="few.csv"):
    answer = site.json("predict", "one", "--file", rows, *words)
    return [row["row"] for row in answer["predictions"]]


def test_a_header_is_as_it_is_told(site):
    (site.folder / "numbers.csv").write_text("1,2\n3,4\n")
    (site.folder / "words.csv").write_text("a,b\nc,d\n")
    assert predicted(site) == [[1, 2], [3, 4]]
    assert predicted(site, rows="numbers.csv") == [[1, 2], [3, 4]]
    assert predicted(site, "--header", rows="numbers.csv") == [[3, 4]]
    assert predicted(site, rows="words.csv") == [["c", "d"]]
    assert predicted(site, "--no-header", rows="words.csv") == [["a", "b"], ["c", "d"]]


def test_rows_are_sent_as_objects(site):
    assert predicted(site, "--objects") == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_numbers_of_any_size_go_there_and_back(site):
    large = "18446744073709551616"
    (site.folder / "large.csv").write_text(f"a,b\n{large},.5\n007,1.\n")
    said = site.good("predict", "one", "--file", "large.csv")
    assert [line.split(',"files"')[0] for line in said.splitlines()] == [
        f'{{"row":[{large},0.5]', '{"row":[7,1.0]']
    (site.folder / "large.jsonl").write_text(f'{{"a": {large}, "b": 1}}\n')
    assert f'{{"a":{large}}}' in site.good("predict", "one", "--file", "large.jsonl", "--exclude", "b")


def test_an_answer_that_is_no_json_says_so(site):
    (site.folder / "nan.csv").write_text("a,b\nnan,2\n")
    (site.folder / "nan.py").write_text(SERVER.replace('{"row": row, "files": files}', 'float("nan")'))
    site.good("models", "register", "one", "--name", "nan", "--server", "nan.py")
    site.good("deploy", "nan")
    done = site.run("predict", "nan", "--file", "nan.csv")
    assert done.returncode == 1 and "answer of the model is not JSON" in done.stdout, done
    assert "NaN" in done.stdout, done


def test_a_request_has_a_time(site):
    (site.folder / "slow.csv").write_text("a,b\nslow,2\n")
    assert predicted(site, rows="slow.csv") == [["slow", 2]]
    done = site.run("predict", "one", "--file", "slow.csv", "--timeout", "1")
    assert done.returncode == 1 and "error" in done.stdout, done


def test_a_batch_goes_on_past_errors_where_it_is_told(site):
    (site.folder / "bad.csv").write_text("a,b\n1,2\nbad,2\n3,4\n")
    create = ("batch", "create", "one", "bad.csv", "--batch", "1", "--wait")
    assert site.run(*create, "--name", "strict").returncode == 1
    site.good(*create, "--name", "lenient", "--skip-errors")
    lines = [json.loads(line) for line in site.good("batch", "results", "lenient").splitlines()]
    assert len(lines) == 3 and "error" in json.dumps(lines[1]), lines


def test_a_batch_has_limits(site):
    site.good("batch", "create", "one", "few.csv", "--name", "bound", "--limit", "open_files=98",
              "--wait")
    lines = [json.loads(line) for line in site.good("batch", "results", "bound").splitlines()]
    assert lines and all("98" in json.dumps(line) for line in lines), lines


def test_a_deploy_that_is_not_awaited_ends_at_once(site):
    """The server listens only once the test lets it."""
    gate = site.folder / "examples" / "gate"
    (site.folder / "gated.py").write_text(
        f"import os, time\nwhile not os.path.exists({str(gate)!r}):\n    time.sleep(0.02)\n" + SERVER)
    site.good("models", "register", "one", "--name", "gated", "--server", "gated.py")
    site.good("deploy", "gated", "--no-wait")
    done = site.run("predict", "gated", "--file", "few.csv", "--retries", "0")
    assert done.returncode != 0, done
    gate.touch()
    wait_for("the model", lambda: site.run(
        "predict", "gated", "--file", "few.csv", "--retries", "0").returncode == 0)


# --- functions ---


def test_a_function_gets_its_modules_and_packages(site):
    (site.folder / "f.py").write_text("def execute(c, body):\n    return math.floor(2.5)\n")
    assert "math" in site.run("run-function", "f.py").stdout + site.run("run-function", "f.py").stderr
    assert site.good("run-function", "f.py", "--import", "math").strip() == "2"
    done = site.run("run-function", "f.py", "--import", "math", "--requirement", "-r other.txt")
    assert done.returncode == 4 and done.stdout == "", done
    assert '/requirements: line 1 ("-r other.txt") has an option that is not taken' in done.stderr

"""Code that a caller sends, run by the local provider: what it answers, what it refuses, and
that nothing of it stays."""

import concurrent.futures
import http.client
import json
import os
import threading
import time

import canary
import pytest
from davit_site import wait_for
from packages import Index

SECRET = canary.keep("s3cr3t-of-the-connection")


def call(site, script, body=None, details=None, **more):
    return site.service(
        "POST",
        "/function/execute",
        {
            "Imports": [],
            "Requirements": [],
            "Script": script,
            "ConnectionDetails": details,
            "Body": body,
        }
        | more,
        timeout=60,
    )


def content(answer):
    assert answer.status == 200, answer
    assert list(answer.json()) == ["logs"] and list(answer.json()["logs"]) == ["content"]
    return answer.json()["logs"]["content"]


def leftovers(site):
    folder = site.folder / "data" / "processes"
    return [name for name in os.listdir(folder) if name.startswith("function-")]


@pytest.mark.parametrize(
    "body, answer",
    [
        ("return body", '{"a": 1}'),
        ("return 'as it is'", "as it is"),
        ("return ''", ""),
        ("return {'n': [1, 2.5, None, True]}", '{"n": [1, 2.5, null, true]}'),
        ("return {1, }", "{1}"),
        ("return float('nan')", "nan"),
        ("return 'a\\0b \\ud800 \\u00e9'", "a b ? \u00e9"),
        ("return 0", "0"),
        ("print('printed'); import sys; print('both', file=sys.stderr)", None),
        ("import os; os.system('echo of a child')", "of a child\n"),
        ("pass", ""),
    ],
)
def test_the_answer_is_what_it_returned_or_else_printed(shared, body, answer):
    script = f"def execute(details, body):\n    {body}\n"
    found = content(call(shared, script, body='{"a": 1}'))
    if answer is None:
        assert sorted(found.split()) == ["both", "printed"]
    else:
        assert found == answer


def test_it_is_called_with_its_values_by_position(shared):
    script = (
        "def execute(one, two):\n"
        "    return [one, two, type(one).__name__, type(two).__name__, json.dumps(1)]\n"
    )
    quotes = "'''\"\"\"\\ \n'"
    answer = call(shared, script, body={"x": quotes}, details=quotes, Imports=[{"key": "json"}])
    import json

    assert json.loads(content(answer)) == [quotes, {"x": quotes}, "str", "dict", "1"]


@pytest.mark.parametrize(
    "imports, expression",
    [
        (["os.path"], "os.path.sep"),
        (["import collections as c"], "c.__name__"),
        (["from json import dumps"], "dumps(1)"),
    ],
)
def test_imports_are_modules_or_statements(shared, imports, expression):
    script = f"def execute(a, b):\n    return {expression}\n"
    keys = [{"key": key} for key in imports]
    assert content(call(shared, script, Imports=keys))


@pytest.mark.parametrize(
    "script, status, said",
    [
        ("def execute(a, b):\n  return 1/0\n", 502, "ZeroDivisionError: division by zero (line 2"),
        ("def execute(a, b:\n", 400, "SyntaxError"),
        ("x = 1\n", 400, "no function execute"),
        ("execute = 3\n", 400, "no function execute"),
        ("import no_such_module\n", 502, "ModuleNotFoundError"),
        ("def execute(a):\n  pass\n", 502, "TypeError"),
        ("def execute(a, b):\n  raise SystemExit(0)\n", 502, "SystemExit"),
        ("import os\ndef execute(a, b):\n  os._exit(3)\n", 502, "exit code 3"),
        ("import os\ndef execute(a, b):\n  os.kill(os.getpid(), 11)\n", 502, "SIGSEGV"),
        ("def execute(a, b):\n  return 'x' * (5 << 20)\n", 502, "longer than"),
        ("def execute(a, b):\n  print('x' * (5 << 20))\n", 502, "longer than"),
        ("def execute(a, b):\n  return '\\1' * (3 << 20)\n", 502, "longer than"),
    ],
)
def test_a_failure_is_told_in_one_sentence(shared, script, status, said):
    answer = call(shared, script)
    assert answer.status == status, answer
    assert said in answer.json(), answer
    assert leftovers(shared) == []


def test_an_import_that_fails_is_named(shared):
    answer = call(shared, "def execute(a, b): pass\n", Imports=[{"key": "no_such_module"}])
    assert answer.status == 400 and "the import 'no_such_module' failed" in answer.json()


def test_a_function_that_takes_too_long_is_stopped_with_its_children(sites):
    site = sites(davit="jobs: {call_timeout_seconds: 3}\n").start()
    mark = str(site.marks / "alive")
    script = (
        "import subprocess, time\n"
        "def execute(a, b):\n"
        f"    subprocess.Popen(['sh', '-c', 'while :; do date >> {mark}; sleep 0.05; done'])\n"
        "    time.sleep(600)\n"
    )
    answer = call(site, script)
    assert answer.status == 504 and "was stopped" in answer.json(), answer
    assert leftovers(site) == []
    size = os.stat(mark).st_size
    time.sleep(0.5)
    assert os.stat(mark).st_size == size


def test_a_function_whose_caller_goes_away_is_stopped_with_its_children(sites):
    site = sites().start()
    mark = site.marks / "alive"
    script = (
        "import subprocess, time\n"
        "def execute(a, b):\n"
        f"    subprocess.Popen(['sh', '-c', 'while :; do date >> {mark}; sleep 0.05; done'])\n"
        "    time.sleep(600)\n"
    )
    body = json.dumps({"Script": script, "Imports": [], "ConnectionDetails": SECRET, "Body": ""})
    caller = http.client.HTTPConnection("127.0.0.1", site.port)
    caller.request(
        "POST", "/api/service/v1/function/execute", body, {"Content-Type": "application/json"}
    )
    wait_for("the function", mark.exists)
    (name,) = leftovers(site)
    caller.close()
    wait_for("its end", lambda: leftovers(site) == [])
    size = mark.stat().st_size
    time.sleep(0.5)
    assert mark.stat().st_size == size
    assert content(call(site, "def execute(a, b):\n    return 'next'\n")) == "next"


def test_the_sites_limits_hold(sites):
    site = sites(settings="  limits: {cpu_seconds: 1}\n").start()
    answer = call(site, "def execute(a, b):\n    while True: pass\n")
    assert answer.status == 502 and "limit of CPU time" in answer.json(), answer
    assert leftovers(site) == []


def test_connection_details_are_in_no_argument_variable_log_or_error(sites):
    site = sites(davit="log: {level: debug}\n").start()
    gate = site.marks / "gate"
    script = (
        "import os, time\n"
        "def execute(details, body):\n"
        f"    open({str(site.marks / 'began')!r}, 'w').close()\n"
        f"    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        "    raise RuntimeError('cannot log in with ' + details)\n"
    )
    details = '{"Url": "https://x", "password": "' + SECRET + '"}'
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(call, site, script, None, details)
        wait_for("the function", (site.marks / "began").exists)
        found = []
        for path in (site.folder / "data").rglob("*"):
            if path.is_file() and SECRET.encode() in path.read_bytes():
                found.append(path)
        for process in os.listdir("/proc"):
            for part in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{process}/{part}", "rb") as file:
                        if SECRET.encode() in file.read():
                            found.append((process, part))
                except OSError:
                    pass
        gate.touch()
        answer = answer.result()
    assert answer.status == 502 and "cannot log in with ***" in answer.json(), answer
    assert found == [] and leftovers(site) == []
    assert SECRET not in site.log()
    assert all(
        SECRET.encode() not in path.read_bytes()
        for path in (site.folder / "data").rglob("*")
        if path.is_file()
    )


@pytest.mark.parametrize(
    "details, expression",
    [
        ({"Key": f"-----BEGIN-----\n{SECRET}\nlast-line-of-it"}, "details['Key']"),
        ({"Key": f"first-line\n{SECRET}"}, "details['Key'].splitlines()[1]"),
        ({"Key": f"first-line\r\n  {SECRET}  "}, "details['Key']"),
        ({"Pin": 918273645}, "details['Pin']"),
        ({"Pin": 918273.645}, "details['Pin']"),
    ],
)
def test_no_line_and_no_number_of_the_details_is_in_an_error(shared, details, expression):
    script = f"def execute(details, body):\n    raise RuntimeError('no login:', {expression})\n"
    for text in (script, script.replace("'no login:', ", "")):
        answer = call(shared, text, None, details)
        assert answer.status == 502 and "***" in answer.json(), answer
        for part in (SECRET, "last-line", "first-line", "918273"):
            assert part not in answer.json()


def test_many_run_at_once(shared):
    script = "import time\ndef execute(a, b):\n    time.sleep(0.5)\n    return b * 2\n"
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: content(call(shared, script, body=n)), range(16)))
    assert answers == [str(2 * n) for n in range(16)]
    assert leftovers(shared) == []


def test_as_many_as_may_run_keep_nobody_else_out(sites):
    site = sites().start()
    gate, began = site.marks / "gate", site.marks / "began"
    began.mkdir()
    began.chmod(0o777)
    script = (
        "import os, time\ndef execute(a, b):\n"
        f"    open(os.path.join({str(began)!r}, str(b)), 'w')\n"
        f"    while not os.path.exists({str(gate)!r}): time.sleep(0.05)\n"
        "    return b\n"
    )
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        running = [pool.submit(call, site, script, n) for n in range(32)]
        try:
            wait_for("32 functions", lambda: len(list(began.iterdir())) == 32, 40)
            assert site.service("GET", "/datasets/list").status == 200
            site.made("/datasets", {"name": "beside", "source": {"text": "1"}})
            refused = call(site, script, "one too many")
            assert refused.status == 429, refused
            assert "32 functions are running already" in refused.text
        finally:
            gate.touch()
        assert [content(answer.result()) for answer in running] == [str(n) for n in range(32)]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_daemon_that_ends_leaves_nothing_once_it_is_back(sites, how):
    site = sites(davit="drain_seconds: 2\n").start()
    began = site.marks / "began"
    script = (
        "import time\n"
        "def execute(a, b):\n"
        f"    open({str(began)!r}, 'w').close()\n"
        "    time.sleep(600)\n"
    )

    def ask():
        try:
            call(site, script, details=SECRET)
        except OSError:
            pass  # the daemon is gone

    asking = threading.Thread(target=ask)
    asking.start()
    wait_for("the function", began.exists)
    assert leftovers(site)
    assert getattr(site, how)() in (None, 0)
    asking.join()
    site.start()
    wait_for("the end of what was left", lambda: leftovers(site) == [])


# --- packages ---


@pytest.fixture
def packaged(sites):
    index = Index()
    index.publish("probe")
    site = sites(settings=index.settings, davit="jobs: {call_timeout_seconds: 40}\n").start()
    yield site, index
    index.close()


PROBE = "import probe\ndef execute(a, b):\n    return probe.VALUE\n"


def test_packages_are_installed_once_for_all_that_ask(packaged):
    site, index = packaged
    needs = [{"key": "probe==1.0"}]
    first = content(call(site, PROBE, Requirements=needs))
    fetched = len(index.fetched)
    assert fetched > 0
    assert content(call(site, PROBE, Requirements=needs)) == first
    assert len(index.fetched) == fetched
    assert site.get("/venvs").json() == ["script_venv_function"]
    assert call(site, PROBE).status == 502  # without them there is no such module
    assert site.request("DELETE", "/venvs", ["script_venv_function"]).status == 200
    wait_for("the end of it", lambda: not list((site.folder / "data/processes").glob("*")))


def test_packages_that_cannot_be_installed_are_told(packaged):
    site, _ = packaged
    answer = call(site, PROBE, Requirements=[{"key": "nowhere==1.0"}])
    assert answer.status == 400 and "nowhere" in answer.json(), answer
    assert leftovers(site) == []


def test_packages_that_take_long_are_there_for_the_next_try(sites):
    index = Index()
    index.publish("probe")
    index.gate.clear()
    site = sites(settings=index.settings, davit="jobs: {call_timeout_seconds: 2}\n").start()
    needs = [{"key": "probe==1.0"}]
    try:
        answer = call(site, PROBE, Requirements=needs)
        assert answer.status == 503 and "still being installed" in answer.json(), answer
        index.gate.set()
        wait_for("the packages", lambda: call(site, PROBE, Requirements=needs).status == 200)
    finally:
        index.close()

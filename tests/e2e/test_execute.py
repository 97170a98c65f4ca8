"""The job family as the backend uses it: invariants 1 to 16 of docs/essedum.md, by number.

Every request is sent on a connection of its own with the headers of the backend's client.
"""

import json
import pathlib
import re
import socket
import time

import pytest
from davit_site import OKHTTP, execute_body, wait_for

STATES = {"RUNNING", "WAITING", "Submitted", "COMPLETED", "ERROR", "CANCELLED"}
TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d$")


def test_01_execute_answers_a_task_id(shared):
    answer = shared.post("/execute", execute_body("true"), headers=OKHTTP)
    assert answer.status == 200
    body = answer.json()
    assert isinstance(body["task_id"], str) and body["task_id"]
    assert body["task_status"] == "Submitted"
    assert isinstance(body["log_path"], str)


def test_02_post_status_log_and_stop_answer_within_seconds(shared):
    def timed(call):
        begin = time.monotonic()
        call()
        return time.monotonic() - begin

    task = shared.execute("trap '' TERM; while true; do sleep 1; done")
    shared.await_status(task, "RUNNING")
    assert timed(lambda: shared.status(task)) < 5
    assert timed(lambda: shared.task_log(task)) < 5
    assert timed(lambda: shared.get(f"/execute/{task}/stop")) < 5
    assert shared.await_status(task)["task_status"] == "CANCELLED"


def test_03_a_new_task_is_known_at_once_on_another_connection(shared):
    for _ in range(50):
        task = shared.execute("true")
        assert shared.get(f"/execute/{task}/getStatus").status == 200


def test_04_task_status_is_one_of_the_six_words(shared):
    seen = set()
    tasks = [shared.execute("sleep 0.2"), shared.execute("false"), shared.execute("sleep 30")]
    shared.get(f"/execute/{tasks[2]}/stop")
    for task in tasks:
        while shared.status(task)["task_status"] in ("RUNNING", "WAITING", "Submitted"):
            seen.add(shared.status(task)["task_status"])
        seen.add(shared.status(task)["task_status"])
    assert seen <= STATES
    assert {"COMPLETED", "ERROR", "CANCELLED"} <= seen


def test_05_the_first_status_is_running_when_there_is_room(site):
    for _ in range(20):
        task = site.execute("true")
        assert site.status(task)["task_status"] in ("RUNNING", "COMPLETED")
        site.await_status(task)


@pytest.mark.parametrize(
    "command, state", [("true", "COMPLETED"), ("false", "ERROR"), ("sleep 60", "CANCELLED")]
)
def test_06_a_terminal_status_carries_its_times(shared, command, state):
    task = shared.execute(command)
    if state == "CANCELLED":
        shared.get(f"/execute/{task}/stop")
    status = shared.await_status(task)
    assert status["task_status"] == state
    assert TIME.match(status["started"]) and TIME.match(status["finished"])
    assert isinstance(status["timestamp"], float) and status["timestamp"] >= 0


def test_06_a_task_cancelled_before_its_start_has_times_too(sites):
    site = sites(davit="jobs: {max_running: 1}\n").start()
    first = site.execute("sleep 60")
    site.await_status(first, "RUNNING")
    waiting = site.execute("true")
    assert site.status(waiting)["task_status"] == "WAITING"
    assert site.get(f"/execute/{waiting}/stop").json() == {"Task cancelled": True}
    status = site.status(waiting)
    assert status["task_status"] == "CANCELLED"
    assert TIME.match(status["started"]) and status["started"] == status["finished"]
    assert status["timestamp"] == 0.0
    site.get(f"/execute/{first}/stop")


def test_06_times_are_null_only_while_it_goes_on(shared):
    task = shared.execute("sleep 60")
    status = shared.status(task)
    assert status["finished"] is None and status["timestamp"] is None
    shared.get(f"/execute/{task}/stop")
    shared.await_status(task)


def test_07_tasks_stay_known_across_restarts(site):
    task = site.execute("echo kept")
    site.await_status(task)
    before = site.status(task)
    site.kill()
    site.start()
    assert site.status(task) == before
    assert "kept" in site.task_log(task)


def test_08_statuses_come_in_milliseconds(shared):
    task = shared.execute("true")
    shared.await_status(task)
    spent = []
    for _ in range(100):
        begin = time.monotonic()
        shared.status(task)
        spent.append(time.monotonic() - begin)
    assert sorted(spent)[50] < 0.1  # generous: a hang would be seconds


def test_09_the_log_is_there_at_once_and_is_always_text(shared):
    task = shared.execute("sleep 0.3; printf 'caf\\303\\251 \\377 end'")
    answer = shared.get(f"/execute/{task}/getLog")
    assert answer.status == 200 and isinstance(answer.json()["logs"]["content"], str)
    shared.await_status(task)
    content = shared.task_log(task)
    assert "café" in content and "end" in content


def test_09_the_log_can_be_read_while_it_grows(shared):
    task = shared.execute("echo first; sleep 60")
    wait_for("the first line", lambda: "first" in shared.task_log(task))
    assert shared.status(task)["task_status"] == "RUNNING"
    shared.get(f"/execute/{task}/stop")
    shared.await_status(task)


def test_10_stop_answers_an_object_and_changes_nothing_that_ended(shared):
    task = shared.execute("true")
    shared.await_status(task)
    before = shared.status(task)
    answer = shared.get(f"/execute/{task}/stop")
    assert answer.status == 200 and answer.json() == {"Task cancelled": False}
    assert shared.status(task) == before


def test_10_stop_right_after_the_start(shared):
    for _ in range(10):
        task = shared.execute("sleep 60")
        answer = shared.get(f"/execute/{task}/stop")
        assert answer.status == 200 and answer.json() == {"Task cancelled": True}
        assert shared.status(task)["task_status"] in STATES
        assert shared.await_status(task)["task_status"] == "CANCELLED"


def test_10_stop_ends_the_whole_tree(shared):
    seconds = str(100000 + time.time_ns() % 100000)
    task = shared.execute(f"(setsid sleep {seconds} &) ; sh -c 'sleep 60'")
    wait_for("the process that left its group", lambda: processes_with(seconds))
    assert shared.get(f"/execute/{task}/stop").status == 200
    shared.await_status(task)
    assert not processes_with(seconds)


def processes_with(text):
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in entry.read_bytes().split(b"\0"):
                found.append(entry)
        except OSError:
            pass
    return found


def test_11_output_artifacts_are_an_object_in_every_state(shared):
    task = shared.execute("echo hello > $output_dir/report.txt; echo x > $output_dir/plain; sleep 60")
    wait_for(
        "the artifact",
        lambda: "report" in shared.get(f"/execute/{task}/getOutputArtifacts").json(),
    )
    shared.get(f"/execute/{task}/stop")
    shared.await_status(task)
    answer = shared.get(f"/execute/{task}/getOutputArtifacts")
    assert answer.status == 200
    assert answer.json() == {"report": {"content": "hello\n"}}


def test_11_no_output_is_an_empty_object(shared):
    task = shared.execute("true")
    shared.await_status(task)
    assert shared.get(f"/execute/{task}/getOutputArtifacts").json() == {}


def test_12_the_list_needs_no_headers(shared):
    task = shared.execute("true")
    with socket.create_connection(("127.0.0.1", shared.port), 10) as raw:
        raw.sendall(b"GET /execute HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    head, body = answer.split(b"\r\n\r\n", 1)
    assert b" 200 " in head.splitlines()[0]
    rows = json.loads(body)
    assert rows[0]["id"] == task
    assert {"id", "pid", "status", "submitted", "logpath", "started", "finished"} <= set(rows[0])


def test_12_the_list_is_newest_first_and_at_most_a_hundred(shared):
    rows = shared.get("/execute").json()
    assert len(rows) <= 100
    assert [row["submitted"] for row in rows] == sorted(
        (row["submitted"] for row in rows), reverse=True
    )


def test_13_the_null_task_is_still_being_submitted(shared):
    answer = shared.get("/execute/null/getStatus")
    assert answer.status == 200
    body = answer.json()
    assert body["task_id"] == "null" and body["task_status"] == "Submitted"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"environment": None},
        {"environment": "rubbish"},
        {"environment": {"A": "b"}},
        {"configs": {}},
        {"configs": {"k": "v"}},
        {"environment": None, "configs": {}},
    ],
)
def test_14_nine_and_ten_keys_are_taken(shared, change):
    body = {k: v for k, v in (execute_body("true") | change).items() if v is not None}
    assert shared.post("/execute", body).status == 200


@pytest.mark.parametrize(
    "change, status",
    [
        ({"bucket": None}, 400),
        ({"command": None}, 400),
        ({"storage": None}, 400),
        ({"more": "x"}, 400),
        ({"credentials": {"endpoint": "x", "access_key": "y"}}, 400),
        ({"credentials": "text"}, 422),
        ({"credentials": {"endpoint": "", "access_key": "y", "secret_key": "z"}}, 422),
        ({"name": 5}, 422),
        ({"version": ""}, 422),
        ({"environment": {"A": 1}}, 422),
    ],
)
def test_14_wrong_bodies_are_told_apart(shared, change, status):
    body = {k: v for k, v in (execute_body("true") | change).items() if v is not None}
    answer = shared.post("/execute", body)
    assert answer.status == status
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b"0", b'""', b"\xff"])
def test_14_bodies_that_are_no_object_are_400(shared, body):
    answer = shared.request("POST", "/execute", body, {"Content-Type": "application/json"})
    assert answer.status == 400, answer


def test_14_another_content_type_is_415(shared):
    answer = shared.request("POST", "/execute", b"a=b", {"Content-Type": "text/plain"})
    assert answer.status == 415 and "error" in answer.json()


def test_15_rubbish_inputs_fail_no_request_and_storage_ignores_case(shared):
    task = shared.execute(
        "ls | wc -l", storage="LOCAL", input_artifacts="Failed to upload ../../etc: Error 7"
    )
    assert shared.await_status(task)["task_status"] == "COMPLETED"
    assert "Failed to upload" in shared.task_log(task)


def test_15_inputs_below_an_import_root_are_copied_in(shared):
    folder = shared.imports / "org" / "Input"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hello.txt").write_text("brought in")
    task = shared.execute("cat hello.txt", input_artifacts="org/Input")
    assert shared.await_status(task)["task_status"] == "COMPLETED"
    assert "brought in" in shared.task_log(task)


def test_15_other_storages_are_refused_in_words(shared):
    answer = shared.post("/execute", execute_body("true", storage="S3"))
    assert answer.status == 501
    assert "s3" in answer.json()["error"]


def test_16_no_credentials_are_asked_for(shared):
    for path in ("/execute", "/execute/jobs", "/execute/getLog", "/execute/null/getStatus"):
        answer = shared.get(path, headers={"Authorization": "Bearer of-somebody-else"})
        assert answer.status == 200, path
        assert "WWW-Authenticate" not in answer.headers


def test_unknown_tasks_are_not_found(shared):
    for path in ("getStatus", "stop", "getLog", "getOutputArtifacts"):
        answer = shared.get(f"/execute/0123456789abcdefghjkmnpq/{path}")
        assert answer.status in (200, 404)
        if path == "getStatus":
            assert answer.status == 404 and answer.json() == {"error": "Not found"}


def test_the_environment_is_as_given_and_nothing_is_inherited(shared):
    task = shared.execute("env; ls /proc/self/fd | wc -l", environment={"COLOUR": "blue"})
    shared.await_status(task)
    log = shared.task_log(task)
    assert "COLOUR=blue" in log and "output_dir=" in log
    assert "PYTEST" not in log
    assert log.strip().splitlines()[-1].strip() in ("4", "5")  # 0, 1, 2, the listing's own


def test_the_exit_code_stands_in_the_reason(shared):
    task = shared.execute("exit 7")
    assert shared.await_status(task)["task_status"] == "ERROR"
    assert "7" in shared.job(task)["error"]


def test_what_was_applied_stands_in_the_job(shared):
    task = shared.execute("true")
    shared.await_status(task)
    applied = shared.job(task)["result"]["applied"]
    assert applied["core_bytes"] == 0 and applied["open_files"] > 0


@pytest.mark.parametrize("line", ["echo hi | cat", "FOO=1 python3 x", "echo 'open"])
def test_a_line_that_needs_a_shell_is_accepted_and_its_log_says_why_it_failed(site, line):
    task = site.execute(line, input_artifacts="-")
    site.await_status(task, "ERROR")
    log = site.task_log(task)
    assert log.startswith("[davit: ") and f'of "{line}")' in log, log
    assert site.job(task)["error"] in log

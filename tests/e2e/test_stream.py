"""Answers of a model's server that come piece by piece. The server waits for a sign of the client
between two pieces, so that nothing here depends on time."""

import http.client
import json
import os
import time

import pytest
from davit_site import BUILD, UnixConnection, wait_for
from endpoints import await_file, deploy, infer, make_endpoint, make_model

MEBI = 1024 * 1024


@pytest.fixture(scope="module")
def served(shared):
    endpoint = make_endpoint(shared)
    assert deploy(shared, endpoint, {"model": make_model(shared, "two")})["state"] == "COMPLETED"
    return shared, endpoint


class Asked:
    """A request whose answer is read step by step."""

    def __init__(self, site, endpoint, body, query="", over_unix=False, **headers):
        if over_unix:
            self.connection = UnixConnection(site.socket_path, 30)
        else:
            self.connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        self.connection.request(
            "POST",
            f"/api/service/v1/endpoints/{endpoint}/infer{query}",
            json.dumps(body),
            {"Content-Type": "application/json", **headers},
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def begin(self):
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        return self

    def piece(self):
        return self.answer.read1(65536)


WAYS = [
    ("?native=true", {}),
    ("", {"Prefer": "davit-native-json"}),
    ("", {"Accept": "text/event-stream"}),
    ("", {"Accept": "application/json;q=0.5, text/event-stream;q=1"}),
]


@pytest.mark.parametrize("query, headers", WAYS)
@pytest.mark.parametrize("over_unix", [False, True])
def test_events_arrive_one_by_one(served, marks, query, headers, over_unix):
    site, endpoint = served
    signs = [marks / str(i) for i in range(3)]
    pieces = ["data: 0\n\n"]
    for i, sign in enumerate(signs):
        pieces += [{"wait": str(sign)}, f"data: {i + 1}\n\n"]
    with Asked(site, endpoint, {"pieces": pieces}, query, over_unix, **headers) as asked:
        asked.begin()
        assert asked.answer.headers["Content-Type"].startswith("text/event-stream")
        assert asked.answer.headers["Davit-Model"].startswith("two")
        assert asked.piece() == b"data: 0\n\n"
        for i, sign in enumerate(signs):
            sign.touch()  # only now the server sends the next one
            assert asked.piece() == f"data: {i + 1}\n\n".encode()
        assert asked.piece() == b""


def test_other_types_arrive_piece_by_piece_where_they_are_asked_for_as_they_are(served, marks):
    site, endpoint = served
    go = marks / "go"
    wishes = {"pieces": ["a", {"wait": str(go)}, "b"], "type": "text/csv"}
    with Asked(site, endpoint, wishes, "?native=true") as asked:
        assert asked.begin().piece() == b"a"
        go.touch()
        assert asked.piece() == b"b"


def test_who_accepts_events_still_gets_json_as_a_string(served):
    site, endpoint = served
    answer = infer(site, endpoint, {}, "", headers={"Accept": "text/event-stream"})
    assert isinstance(answer.json(), str) and json.loads(answer.json())["model"] == "two"


def test_the_model_is_told_what_the_caller_accepts(served):
    site, endpoint = served
    answer = infer(site, endpoint, {}, headers={"Accept": "text/event-stream"})
    assert answer.json()["accept"] == "text/event-stream"


@pytest.mark.parametrize("over_unix", [False, True])
def test_a_client_that_goes_away_ends_the_request_at_the_model(served, marks, over_unix):
    site, endpoint = served
    gone, never = marks / "gone", marks / "never"
    wishes = {"pieces": ["data: 0\n\n", {"wait": str(never)}], "gone": str(gone)}
    with Asked(site, endpoint, wishes, "?native=true", over_unix) as asked:
        assert asked.begin().piece() == b"data: 0\n\n"
    await_file(gone)


def test_so_does_one_that_goes_away_before_the_answer(served, marks):
    site, endpoint = served
    gone, arrived = marks / "gone", marks / "arrived"
    wishes = {"wait": str(marks / "never"), "arrived": str(arrived), "gone": str(gone)}
    with Asked(site, endpoint, wishes):
        await_file(arrived)
    await_file(gone)


def test_an_answer_that_breaks_off_is_cut_and_not_ended(served, marks):
    site, endpoint = served
    go = marks / "go"
    wishes = {"pieces": ["data: 0\n\n", {"wait": str(go)}], "cut": True}
    with Asked(site, endpoint, wishes, "?native=true") as asked:
        assert asked.begin().piece() == b"data: 0\n\n"
        go.touch()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            asked.answer.read()


def test_a_client_that_reads_nothing_holds_the_model_back(sites, marks, monkeypatch):
    # A sanitizer would keep what was freed.
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    monkeypatch.setenv("ASAN_OPTIONS", options)
    site = sites().start()
    endpoint = make_endpoint(site)
    assert deploy(site, endpoint, {"model": make_model(site, "two")})["state"] == "COMPLETED"
    total, sent = 64 * MEBI, marks / "sent"
    # Beside each byte a sanitizer keeps several of its own.
    most = total // 2 if "san" in BUILD.name else 8 * MEBI

    def so_far():
        return int(sent.read_text()) if sent.exists() else 0

    def stands_still(last=[-1, 0]):
        now = so_far()
        last[:] = [now, last[1] + 1 if now == last[0] > 0 else 0]
        return last[1] > 20

    with Asked(site, endpoint, {"bytes": total, "sent": str(sent)}, "?native=true") as asked:
        asked.begin()
        memory = resident(site)
        wait_for("the model to stand still", stands_still)
        assert so_far() < 16 * MEBI  # what sockets and the daemon hold
        assert resident(site) - memory < most
        count = 0
        while piece := asked.answer.read(MEBI):
            count += len(piece)
        assert count == total
        assert resident(site) - memory < most


def resident(site):
    fields = open(f"/proc/{site.process.pid}/statm", encoding="ascii").read().split()
    return int(fields[1]) * 4096


def test_time_counts_per_silence_and_not_in_all(sites, marks):
    site = sites(davit="jobs: {call_timeout_seconds: 3}\n").start()
    endpoint = make_endpoint(site)
    assert deploy(site, endpoint, {"model": make_model(site, "two")})["state"] == "COMPLETED"
    signs = [marks / str(i) for i in range(4)]
    pieces = ["data: 0\n\n"]
    for i, sign in enumerate(signs):
        pieces += [{"wait": str(sign)}, f"data: {i + 1}\n\n"]
    with Asked(site, endpoint, {"pieces": pieces}, "?native=true") as asked:
        asked.begin()
        for i, sign in enumerate(signs):
            assert asked.piece() == f"data: {i}\n\n".encode()
            time.sleep(1.0)  # what is tested is a clock: together longer than a call
            sign.touch()
        assert asked.piece() == b"data: 4\n\n" and asked.piece() == b""
    with Asked(site, endpoint, {"pieces": ["data: 0\n\n", {"wait": str(marks / "never")}]},
               "?native=true") as asked:
        asked.begin()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            asked.answer.read()  # the model kept silent for too long
    answer = infer(site, endpoint, {"wait": str(marks / "never")})
    assert answer.status == 504

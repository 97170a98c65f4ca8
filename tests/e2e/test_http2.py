"""Requests that the other side gives back over HTTP/2. The fake cloud has an address for it that
answers by a script, as no library's server would."""

import tempfile

import pytest
from cloud import Cloud
from conftest import Sites
from probe import IDEMPOTENT, MUTATES, Probe


@pytest.fixture(scope="module")
def cloud():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder, "--http2", "127.0.0.1:0")
        yield made
        made.close()


@pytest.fixture(scope="module")
def probe(cloud):
    made = Sites()
    yield Probe(made, cloud, [cloud.http2 + "/any"], "['127.0.0.0/8']")
    made.clean_up()


def change(cloud, probe, *script, flags=MUTATES):
    """The answer to a change, and how many requests came; an earlier one leaves a connection."""
    cloud.ask("POST", "/http2", {"script": ["answer"]})
    status, _ = probe.ask(probe.urls[0])
    assert status == 200
    cloud.ask("POST", "/http2", {"script": list(script)})
    answer = probe.ask(probe.urls[0], flags, method="POST", body="text")
    return answer, cloud.ask("GET", "/http2")["requests"]


@pytest.mark.parametrize("word", ["refused", "goaway", "goaway_close"])
def test_a_change_that_the_other_side_did_not_touch_is_sent_again(cloud, probe, word):
    (status, answer), requests = change(cloud, probe, word)
    assert status == 200 and answer["head"]["status"] == 200, answer
    assert answer["head"]["attempts"] == 2 and "unclear" not in answer["head"], answer
    assert requests == 2


@pytest.mark.parametrize("word", ["internal", "cancel", "half", "cut", "goaway_worked"])
def test_a_change_that_it_may_have_touched_is_not(cloud, probe, word):
    (status, text), requests = change(cloud, probe, word)
    assert status == 500, text
    assert requests == 1


def test_unless_it_changes_nothing_more_when_it_comes_twice(cloud, probe):
    (status, answer), requests = change(cloud, probe, "internal", flags=MUTATES | IDEMPOTENT)
    assert status == 200 and answer["head"]["unclear"] is True, answer
    assert requests == 2

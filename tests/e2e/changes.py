"""Deletes and cancels at a cloud: a site of its own for each test, and what may go wrong there."""

import tempfile

import pytest
from cloud import Account, Cloud, site_options

UNTIL_CANCELLED = {"run_ms": -1, "cancel_ms": 50}
FOREVER = 100000


@pytest.fixture(scope="module")
def fake():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder)
        yield made
        made.close()


@pytest.fixture
def cloud(fake):
    fake.ask("POST", "/faults", {"rules": []})
    fake.ask("POST", "/release")
    fake.ask("POST", "/reset")
    return fake


@pytest.fixture
def site(request, sites, cloud):
    """Callers wait for five seconds; where a test has a mark pace, for ten of that part."""
    mark = request.node.get_closest_marker("pace")
    return sites(**site_options(cloud, pace=mark.args[0] if mark else 2)).start()


@pytest.fixture
def account(site):
    return Account(site)


# Each is over before the caller's patience is.
FAULTS = [
    {"fault": "status", "status": 429, "retry_after": 1},
    {"fault": "status", "status": 500},
    {"fault": "status", "status": 500, "applied": True},
    {"fault": "timeout"},
    {"fault": "timeout", "applied": True},
    {"fault": "reset_before"},
    {"fault": "reset_after"},
    {"fault": "truncate"},
    {"fault": "bad_json"},
    {"fault": "wrong_type"},
]


def fault_id(value):
    return "-".join(str(v) for v in value.values()) if isinstance(value, dict) else value


def without_provider(site):
    """Takes the provider out of the configuration; returns what it said."""
    text = site.providers.pop("testcloud")
    site.write_configuration()
    return text


def with_provider(site, text):
    site.stop()
    site.providers["testcloud"] = text
    site.write_configuration()
    site.start()

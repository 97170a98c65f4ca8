"""One daemon with a provider for a cloud (tests/providers/testcloud) for the tests of a file, at a cloud
that does what a test tells it to (tests/fakes/cloud)."""

import tempfile

import pytest
from cloud import SECRET, Account, Cloud, site_options
from conftest import Sites
from davit_site import wait_for

DELAY_MS = 250  # lists of the cloud learn so late; the manifest's settle_ms is more


@pytest.fixture(scope="module")
def cloud():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder, "--list-delay-ms", str(DELAY_MS))
        yield made
        made.close()


@pytest.fixture(scope="module")
def daemon(cloud):
    made = Sites()
    site = made(default="testcloud", **site_options(cloud, pace=5))
    yield site.start(env={"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET})
    # Whatever happened in this file: no secret of it is in a log or in the store.
    files = [site.log_path, *(site.folder / "data").rglob("*")]
    told = [path for path in files if path.is_file() and SECRET.encode() in path.read_bytes()]
    made.clean_up()
    assert not told


AT_ONCE = {"name": "d", "behaviour": {"run_ms": 0}}  # ready when it is made
WAYS = {"train": "token", "automl": "name", "custom_script": "search"}
OPEN = ("queued", "submitting", "running", "recovering")


def begin(cloud, daemon):
    """Nothing is under way, and the cloud as new."""

    def rests():
        return not any(daemon.get(f"/v1/jobs?state={state}").json()["jobs"] for state in OPEN)

    cloud.ask("POST", "/faults", {"rules": []})
    wait_for("the end of what went before", rests)
    cloud.ask("POST", "/reset", {"keep_tokens": True})


@pytest.fixture
def account(cloud, daemon):
    begin(cloud, daemon)
    return Account(daemon)


ENDS = ("succeeded", "failed", "cancelled", "needs_decision")


def ended(site, job):
    """The job at its end, or where a person has to decide."""

    def look():
        now = site.job(job)
        return now if now["state"] in ENDS else None

    return wait_for(f"the end of job {job}", look)

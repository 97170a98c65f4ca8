"""Another plugin file of a provider takes over a submission that is unclear (tests/fakes/cloud)."""

import concurrent.futures

import pytest
from changes import FOREVER, UNTIL_CANCELLED, cloud, fake  # noqa: F401 fixtures
from cloud import PROVIDER, SECRET, Account, site_options
from davit_site import wait_for

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET}
SHORT = PROVIDER.with_name("testcloud_short.so")  # derives other names


@pytest.fixture
def site(sites, cloud):
    return sites(default="testcloud", **site_options(cloud, pace=2)).start(env=ENVIRONMENT)


def upgraded(site):
    site.providers["testcloud"] = site.providers["testcloud"].replace(str(PROVIDER), str(SHORT))
    site.write_configuration()
    site.start(env=ENVIRONMENT)


def made_unclear(cloud, account, then):
    """Does then() when an object was made by name, of which the daemon has no answer."""
    cloud.fails(
        {"method": "POST", "path": "/v1/jobs", "count": FOREVER, "fault": "timeout", "applied": True}
    )
    body = {"name": "t", "behaviour": UNTIL_CANCELLED}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(account.ask, "POST", "/pipelines/training/automl", body)
        wait_for("the object", lambda: len(cloud.objects()) > 0)
        then()
        asked.exception()
    cloud.fails()


def runs_once(cloud, site, account):
    (job,) = account.jobs()
    wait_for("it to run", lambda: site.job(job)["state"] == "running")
    assert len(cloud.objects()) == 1, cloud.objects()


def test_a_file_that_derives_other_names_finds_what_the_one_before_made(cloud, site):
    account = Account(site)
    made_unclear(cloud, account, site.kill)
    upgraded(site)
    runs_once(cloud, site, account)

"""Fixtures: a site that lives for one test, and one that is shared by the tests of a file."""

import shutil
import subprocess
import tempfile

import canary
import pytest

from davit_site import Site, new_marks
from packages import Index

subprocess.run = canary.searched(subprocess.run)

# The files that take longest begin first, so that nobody waits for one of them alone in the end.
LONG = """late endpoints cli cloud_faults trainings batch removal exactly bench function cancels crash
    worker journal accounts walkthrough strays idempotency execute cli_edges daemon""".split()


def pytest_configure(config):
    config.addinivalue_line("markers", "pace(n): the daemon's waits for clouds are so much shorter")


def pytest_collection_modifyitems(items):
    place = {f"test_{name}": n for n, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


class Sites:
    """Makes sites and cleans up after them; a daemon that ends badly fails the test."""

    def __init__(self):
        self.made = []

    def __call__(self, **options):
        folder = tempfile.mkdtemp(prefix="davit-e2e.")
        site = Site(folder, **options)
        self.made.append(site)
        return site

    def clean_up(self):
        bad = []
        for site in self.made:
            code = site.clean_up()
            log = site.log()
            at = log.find("Sanitizer")
            if code not in (0, -9) or at >= 0:
                said = log[max(0, at - 100) : at + 6000] if at >= 0 else log[-6000:]
                bad.append(f"davitd ended with {code}:\n{said}")
            bad += canary.left_by(site)
            shutil.rmtree(site.folder, ignore_errors=True)
        assert not bad, "\n".join(bad)


@pytest.fixture
def sites():
    made = Sites()
    yield made
    made.clean_up()


@pytest.fixture
def marks():
    return new_marks()


@pytest.fixture
def site(sites):
    return sites().start()


@pytest.fixture(scope="module")
def shared():
    made = Sites()
    yield made(settings="  shell: true\n").start()
    made.clean_up()


@pytest.fixture(scope="module")
def index():
    """An index of packages with probe 1.0."""
    made = Index()
    made.publish("probe")
    yield made
    made.close()

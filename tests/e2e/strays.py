"""A site at a cloud, for tests of strays: with what only a stranger at that cloud could do."""

import concurrent.futures
import json
import shutil
import tempfile
import urllib.parse
import urllib.request

import pytest
from cloud import SECRET, Account, Cloud, site_options
from davit_site import DEADLINE, wait_for

FOREVER = {"run_ms": -1}
LATE_MS = 600000
PACE = 5


@pytest.fixture(scope="module")
def cloud():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder)
        yield made
        made.close()


class Place:
    """A site at the cloud, with what only a stranger at that cloud could do."""

    def __init__(self, sites, cloud, pace=PACE, **options):
        cloud.ask("POST", "/reset")
        self.cloud = cloud
        self.site = sites(default="testcloud", **site_options(cloud, pace=pace, **options))
        self.data = self.site.folder / "data"
        self.site.start()
        self.account = Account(self.site)

    # --- the daemon ---

    def remember(self):
        """Keeps the database as it is now."""
        self.site.stop()
        shutil.copy(self.data / "davit.db", self.site.folder / "older.db")
        self.site.start()

    def forget(self):
        """Puts it back: what was begun since then has no job any more."""
        self.site.kill()
        for left in self.data.glob("davit.db-*"):
            left.unlink()
        shutil.copy(self.site.folder / "older.db", self.data / "davit.db")
        self.site.start()

    def lost(self, *behaviours, kind="train"):
        """Objects of trainings that nobody knows of any more, oldest first."""
        self.account.train("train", run_ms=1)  # so that somebody used the connection
        self.remember()
        jobs = [self.account.train(kind, **behaviour) for behaviour in behaviours]
        wait_for("their objects", lambda: all(self.object_of(job) for job in jobs))
        made = [self.object_of(job) for job in jobs]
        self.forget()
        return made

    def ask(self, method, path, body=None, **options):
        return self.site.request(method, path, body, over_unix=True, **options)

    def sweep(self, **body):
        """Looks for strays and answers how that went."""
        answer = self.ask("POST", "/v1/strays/sweep", body or None)
        assert answer.status == 200, answer
        number = answer.json()["number"]
        wait_for("the sweep", lambda: self.report()["number"] >= number)
        return self.report()

    def report(self):
        return self.site.get("/v1/strays").json()["sweep"]

    def strays(self):
        return self.site.get("/v1/strays").json()["strays"]

    def shown(self):
        return {stray["object"] for stray in self.strays()}

    def stray_of(self, made):
        (stray,) = [stray for stray in self.strays() if stray["object"] == made["id"]]
        return stray

    def adopt(self, made, body=None, **options):
        return self.ask("POST", f"/v1/strays/{self.stray_of(made)['id']}/adopt", body, **options)

    def delete(self, made):
        return self.ask("POST", f"/v1/strays/{self.stray_of(made)['id']}/delete")

    # --- requests that arrive when nobody waits for them any more ---

    def train_late(self, kind, ms=LATE_MS, **behaviour):
        """A training whose first request is given up, and arrives that much of the cloud's time later."""
        rule = {"method": "POST", "path": "/v1/jobs", "fault": "late", "ms": ms, "count": 1}
        self.cloud.fails(rule)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            sent = pool.submit(self.account.train, kind, **behaviour)
            wait_for("a request on its way", lambda: self.cloud.stats()["late"] == 1)
            return sent.result()

    def arrive(self, ms=LATE_MS):
        self.cloud.ask("POST", "/clock", {"advance_ms": ms})
        assert self.cloud.stats()["late"] == 0

    def cancel(self, job):
        answer = self.ask("POST", f"/v1/jobs/{job}/cancel")
        assert answer.status == 200, answer

    # --- the cloud ---

    def object_of(self, job):
        found = [
            made
            for made in self.cloud.objects()
            if made.get("labels", {}).get("submission", "").endswith("-" + job)
        ]
        return found[0] if found else None

    def token(self):
        form = {
            "grant_type": "client_credentials",
            "client_id": "davit",
            "client_secret": SECRET,
        }
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(self.cloud.http + "/oauth/token", body, DEADLINE) as answer:
            return json.load(answer)["access_token"]

    def put(self, objects, kind="jobs"):
        """What a stranger makes."""
        headers = {"Authorization": "Bearer " + self.token()}

        def put_one(body):
            request = urllib.request.Request(
                f"{self.cloud.http}/v1/{kind}", json.dumps(body).encode(), headers
            )
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return json.load(answer)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(put_one, objects))

    def site_name(self):
        job = self.account.train("train", run_ms=1)
        made = wait_for("its object", lambda: self.object_of(job))
        return made["labels"]["submission"].partition("-")[0]


def ended(place, job):
    def look():
        now = place.site.job(job)
        return now if now["state"] in ("succeeded", "failed", "cancelled") else None

    return wait_for(f"the end of job {job}", look)


def count(cloud):
    return cloud.ask("GET", "/stats")["objects"]["jobs"]


def answers(site):
    try:
        return site.get("/healthz").status == 200
    except OSError:
        return False

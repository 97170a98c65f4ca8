"""Strays: what a cloud has with a label of this site and no job follows. They are made as they come to
be in life: an older database is put back, and with it everything since is forgotten; or a request
arrives that was given up."""

import concurrent.futures
import json
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import pytest
from cloud import SECRET, Account, Cloud, site_options
from davit_site import BUILD, DEADLINE, wait_for

FOREVER = {"run_ms": -1}
OTHER_SITE = "zzzzzzzz"
LATE_MS = 600000
GRACE_S = 15


@pytest.fixture(scope="module")
def cloud():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder)
        yield made
        made.close()


class Place:
    """A site at the cloud, with what only a stranger at that cloud could do."""

    def __init__(self, sites, cloud, **options):
        cloud.ask("POST", "/reset")
        self.cloud = cloud
        self.site = sites(default="testcloud", **site_options(cloud, **options))
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


def test_three_strays_among_a_thousand_objects(sites, cloud):
    place = Place(sites, cloud)
    lost = place.lost({"run_ms": 60000}, {"run_ms": 1}, FOREVER)
    site = lost[0]["labels"]["submission"].partition("-")[0]
    known = len(place.account.jobs())
    place.put(
        [{"displayName": "bare", "run_ms": 1}] * 500
        + [{"labels": {"owner": "somebody"}, "run_ms": 1}] * (1000 - 500 - 300 - known)
        + [
            {"labels": {"submission": f"{OTHER_SITE}-{n:024d}"}, "run_ms": 1}
            for n in range(298)
        ]
        + [{"labels": {"submission": label}} for label in (site, f"{site}-what")]
    )
    assert count(cloud) == 1003
    report = place.sweep()
    assert report["objects"] == 1003 and report["strays"] == 3, report
    assert report["not_listed"] == [] and not report["full"]
    assert len(cloud.requests("/v1/jobs", "GET")) >= 11  # pages of a hundred
    shown = place.strays()
    assert [stray["object"] for stray in shown] == [made["id"] for made in reversed(lost)]
    for stray, made in zip(shown, reversed(lost)):
        assert stray["label"] == made["labels"]["submission"]
        assert (stray["provider"], stray["interface"]) == ("testcloud", "davit.training")
        assert (stray["connection"], stray["kind"]) == (place.account.name, "train")
        assert stray["name"] == "t" and stray["created"] and stray["seen"]
    adopted, deleted, left = lost
    # One is adopted and followed to its end,
    answer = place.adopt(adopted)
    assert answer.status == 200, answer
    job = answer.json()
    assert job["state"] == "running" and adopted["labels"]["submission"].endswith(job["id"])
    cloud.ask("POST", "/clock", {"advance_ms": 60000})
    assert ended(place, job["id"])["state"] == "succeeded"
    assert place.site.job(job["id"])["resource"] == adopted["id"]
    # one is deleted,
    answer = place.delete(deleted)
    assert answer.status == 200 and answer.json()["deleted"], answer
    assert place.shown() == {left["id"]}
    # and one is left.
    report = place.sweep()
    assert (report["objects"], report["strays"]) == (1002, 1), report
    assert place.shown() == {left["id"]} and count(cloud) == 1002
    assert place.object_of(left["labels"]["submission"].partition("-")[2])["state"] == "RUNNING"
    rows = place.account.get("/pipelines/training/list").json()
    assert adopted["id"] in {row["Id"] for row in rows}
    assert deleted["id"] not in {row["Id"] for row in rows}


def test_a_list_may_have_more_pages_than_a_call_has_answers_open(sites, cloud):
    place = Place(sites, cloud)
    (lost,) = place.lost(FOREVER)
    place.put([{"displayName": "bare", "run_ms": 1}] * 98)
    cloud.ask("POST", "/settings", {"page_size": 1})
    assert place.sweep()["objects"] == 100 and place.shown() == {lost["id"]}
    rows = place.account.get("/pipelines/training/list")
    assert rows.status == 200 and len(rows.json()) == 100


def test_a_page_of_strays_has_a_cursor(sites, cloud):
    place = Place(sites, cloud)
    lost = place.lost(*[FOREVER] * 5)
    place.sweep()
    seen, cursor = [], ""
    while cursor is not None:
        page = place.site.get(f"/v1/strays?limit=2&cursor={cursor}").json()
        assert len(page["strays"]) in (1, 2)
        seen += [stray["object"] for stray in page["strays"]]
        cursor = page["next"]
    assert seen == [made["id"] for made in reversed(lost)]


def test_a_list_that_fails_in_its_middle_shows_nothing_false(sites, cloud):
    place = Place(sites, cloud)
    (lost,) = place.lost(FOREVER)
    place.put([{"displayName": "bare", "run_ms": 1}] * 400)
    denied = {"method": "GET", "path": "/v1/jobs", "nth": 3, "fault": "status", "status": 403}
    cloud.fails(denied)
    report = place.sweep()
    assert place.strays() == [] and cloud.fired() == 1
    (missed,) = report["not_listed"]
    assert (missed["provider"], missed["interface"]) == ("testcloud", "davit.training")
    assert missed["connection"] == place.account.name and "403" in missed["error"]
    # Once it could be read to its end, a later failure takes nothing away.
    assert place.sweep()["not_listed"] == [] and place.shown() == {lost["id"]}
    before = place.stray_of(lost)
    cloud.fails(denied)
    assert len(place.sweep()["not_listed"]) == 1 and place.stray_of(lost) == before


def test_nothing_is_looked_for_before_all_jobs_are_in_hand(sites, cloud):
    place = Place(sites, cloud, sweep_hours=1, net="request_timeout_ms: 60000")
    (lost,) = place.lost(FOREVER)
    wait_for("the sweep after the start", lambda: place.shown() == {lost["id"]})
    cloud.ask("POST", "/hold", {"method": "POST", "path": "/v1/jobs"})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(place.account.ask, "POST", "/pipelines/training/automl", {"name": "t"})
        wait_for("the submission at the cloud", lambda: cloud.stats()["held"] == 1)
        place.site.kill()
        assert sent.exception() is not None
    cloud.ask("POST", "/release")
    wait_for("the cloud to rest", lambda: cloud.stats()["held"] == 0)
    cloud.ask("POST", "/hold", {"method": "GET", "path": "/v1/jobs/*"})  # find, not lists
    place.site.launch()
    wait_for("the daemon", lambda: answers(place.site))
    wait_for("the search for it", lambda: cloud.stats()["held"] == 1)
    assert place.site.get("/readyz").status == 503
    answer = place.ask("POST", "/v1/strays/sweep")
    assert answer.status == 503 and answer.headers["Retry-After"], answer
    assert place.report()["number"] == 0 and place.strays() == []
    cloud.ask("POST", "/release", {})
    wait_for("the first sweep", lambda: place.report()["number"] == 1)
    assert place.site.get("/readyz").status == 200
    assert place.shown() == {lost["id"]}


def answers(site):
    try:
        return site.get("/healthz").status == 200
    except OSError:
        return False


def test_a_start_finds_the_same_strays_again(sites, cloud):
    place = Place(sites, cloud)
    place.lost(FOREVER, {"run_ms": 1})
    place.sweep()
    before = {stray["id"]: stray["object"] for stray in place.strays()}
    place.site.kill()
    place.site.start()
    assert place.strays() == [] and place.report()["number"] == 0
    answer = place.ask("POST", f"/v1/strays/{list(before)[0]}/adopt")
    assert answer.status == 404 and "nobody has looked" in answer.text, answer
    place.sweep()
    assert {stray["id"]: stray["object"] for stray in place.strays()} == before


def test_an_adopted_stray_is_never_submitted(sites, cloud):
    """Whatever happens between its adoption and the first look at it."""
    place = Place(sites, cloud, net="request_timeout_ms: 60000")
    (lost,) = place.lost(FOREVER)
    place.sweep()
    objects = count(cloud)
    submission = lost["labels"]["submission"].partition("-")[2]
    cloud.ask("POST", "/hold", {"method": "GET", "path": "/v1/jobs/*"})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(place.adopt, lost)
        wait_for("the look at it", lambda: cloud.stats()["held"] == 1)
        place.site.kill()
        assert sent.exception() is not None
    cloud.ask("POST", "/release", {})
    posts = len(cloud.requests("/v1/jobs", "POST"))
    without = dict(place.site.providers)
    place.site.providers = {}
    place.site.default = "local"
    place.site.providers["local"] = "provider: local\nplugin: local.so\n"
    place.site.write_configuration()
    place.site.start()
    wait_for(
        "its provider missed",
        lambda: place.site.job(submission)["state"] == "orphaned_provider",
    )
    place.site.stop()
    place.site.providers = without
    place.site.default = "testcloud"
    place.site.write_configuration()
    place.site.start()
    wait_for("the job to run", lambda: place.site.job(submission)["state"] == "running")
    assert count(cloud) == objects
    assert len(cloud.requests("/v1/jobs", "POST")) == posts
    place.sweep()
    assert place.strays() == []


def test_an_adopted_stray_that_is_not_there_waits_for_a_person(sites, cloud):
    place = Place(sites, cloud)
    (lost,) = place.lost({"run_ms": 1})
    place.sweep()
    token = place.token()
    request = urllib.request.Request(
        f"{cloud.http}/v1/jobs/{lost['id']}",
        headers={"Authorization": "Bearer " + token},
        method="DELETE",
    )
    urllib.request.urlopen(request, timeout=DEADLINE).close()
    job = place.adopt(lost).json()
    assert job["state"] == "needs_decision" and job["error"], job
    answer = place.ask("POST", f"/v1/jobs/{job['id']}/decide", {"decision": "resubmit"})
    assert answer.status == 409 and "not known" in answer.text, answer
    answer = place.ask("POST", f"/v1/jobs/{job['id']}/rerun", {})
    assert answer.status == 409 and "not known" in answer.text, answer
    answer = place.ask("POST", f"/v1/jobs/{job['id']}/decide", {"decision": "give_up"})
    assert answer.status == 200, answer
    assert ended(place, job["id"])["state"] == "failed"


def test_who_does_not_know_the_kind_is_told_which_there_are(sites, cloud):
    place = Place(sites, cloud)
    label = f"{place.site_name()}-{'0' * 23}1"
    (made,) = place.put([{"labels": {"submission": label}, "run_ms": -1}])
    place.sweep()
    assert place.stray_of(made)["kind"] is None
    answer = place.adopt(made)
    error = answer.json()["error"]
    assert answer.status == 400 and error["field"] == "/kind", answer
    assert "train, automl, custom_script, command" in error["message"]
    assert place.adopt(made, {"kind": "tune"}).status == 501
    assert place.adopt(made, {"knd": "train"}).status == 400
    job = place.adopt(made, {"kind": "custom_script"}).json()
    assert job["state"] == "running", job
    answer = place.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    assert answer.status == 200
    assert ended(place, job["id"])["state"] == "cancelled"


def test_two_objects_of_one_label_are_two_strays(sites, cloud):
    place = Place(sites, cloud)
    label = f"{place.site_name()}-{'0' * 23}2"
    twins = place.put([{"labels": {"submission": label}, "run_ms": 1}] * 2)
    place.sweep()
    strays = place.strays()
    assert len({stray["id"] for stray in strays}) == 2 and len(strays) == 2
    assert all(stray["id"].startswith("0" * 23 + "2-") for stray in strays)
    assert place.delete(twins[0]).status == 200
    assert place.shown() == {twins[1]["id"]}


def test_an_adoption_with_a_key_is_answered_again(sites, cloud):
    place = Place(sites, cloud)
    (lost,) = place.lost(FOREVER)
    place.sweep()
    path = f"/v1/strays/{place.stray_of(lost)['id']}/adopt"
    key = {"Idempotency-Key": "one"}
    first = place.ask("POST", path, headers=key)
    again = place.ask("POST", path, headers=key)
    assert first.status == again.status == 200 and first.body == again.body
    assert again.headers["Idempotency-Replayed"] == "true"
    assert place.ask("POST", path).status == 404


def test_of_two_who_adopt_at_once_one_does(sites, cloud):
    place = Place(sites, cloud)
    (lost,) = place.lost(FOREVER)
    place.sweep()
    path = f"/v1/strays/{place.stray_of(lost)['id']}/adopt"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: place.ask("POST", path), range(8)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 200 and set(statuses[1:]) <= {404, 409}, statuses
    assert len(cloud.requests("/v1/jobs/*:cancel")) == 0


def test_what_cannot_be_deleted_stays_a_stray(sites, cloud):
    place = Place(sites, cloud)
    (runs,) = place.lost(FOREVER)
    place.sweep()
    answer = place.delete(runs)
    assert answer.status == 409 and place.shown() == {runs["id"]}, answer
    assert place.site.post("/v1/strays/sweep").status == 403  # not over TCP


def test_a_delete_of_a_stray_is_done_until_it_is_confirmed(sites, cloud):
    place = Place(sites, cloud)
    first, second = place.lost({"run_ms": 1}, {"run_ms": 1})
    place.sweep()
    cloud.fails({"method": "DELETE", "fault": "reset_after", "count": 1})
    answer = place.delete(first)
    assert answer.status == 200 and answer.json()["deleted"], answer
    pause = {"fault": "status", "status": 429, "retry_after": 600, "count": 1}
    cloud.fails({"method": "DELETE", **pause})
    answer = place.delete(second)
    assert answer.status == 202 and not answer.json()["deleted"], answer
    job = place.site.job(answer.json()["job"])
    assert (job["kind"], job["name"], job["state"]) == ("remove", second["id"], "submitting")


def test_a_delete_of_a_stray_outlives_the_daemon(sites, cloud):
    place = Place(sites, cloud)
    (lost,) = place.lost({"run_ms": 1})
    place.sweep()
    cloud.fails({"method": "DELETE", "fault": "status", "status": 500})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(place.delete, lost)
        wait_for("the delete at the cloud", cloud.fired)
        place.site.kill()
        assert sent.exception() is not None
    assert place.object_of(lost["labels"]["submission"].partition("-")[2])
    cloud.fails()
    place.site.start()
    wait_for("its end", lambda: lost["id"] not in {made["id"] for made in cloud.objects()})
    assert place.sweep()["strays"] == 0


def test_what_is_deleted_while_it_is_looked_stays_away(sites, cloud):
    """The list that is being read has it still."""
    place = Place(sites, cloud, net="request_timeout_ms: 60000")
    gone, left = place.lost({"run_ms": 1}, FOREVER)
    place.sweep()
    cloud.ask("POST", "/hold", {"method": "GET", "path": "/v1/jobs"})
    number = place.ask("POST", "/v1/strays/sweep").json()["number"]
    wait_for("the list to be read", lambda: cloud.stats()["held"] == 1)
    assert place.delete(gone).status == 200
    cloud.ask("POST", "/release")
    wait_for("the sweep", lambda: place.report()["number"] == number)
    assert place.shown() == {left["id"]}


def test_the_command_line_deals_with_strays(sites, cloud):
    place = Place(sites, cloud)
    lost = place.lost(FOREVER, {"run_ms": 1}, FOREVER)
    ids = [made["labels"]["submission"].partition("-")[2] for made in lost]

    def davit(*words):
        host = f"unix://{place.site.socket_path}"
        command = [BUILD / "cli" / "davit", "--host", host, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
        return done.returncode, done.stdout, done.stderr

    code, shown, told = davit("strays")
    assert code == 0 and shown == "no strays\n" and "davit strays sweep" in told
    code, shown, told = davit("strays", "sweep")
    assert code == 0 and told == "", told
    assert [line.split()[0] for line in shown.splitlines()] == ["ID", *reversed(ids)]
    for name in ("train", "RUNNING", "SUCCEEDED", "testcloud", place.account.name):
        assert name in shown
    code, shown, _ = davit("strays", "adopt", ids[0], "--project", "p")
    assert code == 0 and shown == f"job {ids[0]} is running\n"
    assert place.site.job(ids[0])["project"] == "p"
    code, shown, _ = davit("job", ids[0], "--timeline")
    assert code == 0 and "adopt" in shown, shown
    code, shown, _ = davit("strays", "delete", ids[1])
    assert code == 0 and shown == f"stray {ids[1]} is deleted\n"
    code, shown, told = davit("strays", "delete", ids[2], ids[1])
    assert code == 4 and shown == "" and "no stray" in told
    code, shown, _ = davit("strays", "--json")
    left = json.loads(shown)
    assert [stray["id"] for stray in left["strays"]] == [ids[2]]
    cloud.fails({"path": "/v1/datasets", "fault": "status", "status": 403})
    code, shown, told = davit("strays", "sweep")
    assert code == 0 and ids[2] in shown
    assert told.startswith(f"not looked at: testcloud by {place.account.name}, davit.datasets: ")


def test_what_got_the_name_of_a_stray_is_not_deleted(sites, cloud):
    place = Place(sites, cloud)
    site = place.site_name()
    name = {"name": "mine", "run_ms": 1}
    (made,) = place.put([{**name, "labels": {"submission": f"{site}-{'0' * 23}3"}}])
    place.sweep()
    request = urllib.request.Request(
        f"{cloud.http}/v1/jobs/mine",
        headers={"Authorization": "Bearer " + place.token()},
        method="DELETE",
    )
    urllib.request.urlopen(request, timeout=DEADLINE).close()
    place.put([{**name, "labels": {"submission": f"{OTHER_SITE}-{'0' * 23}3"}}])
    answer = place.delete(made)
    assert answer.status == 409 and "another label" in answer.text, answer
    assert len([job for job in cloud.objects() if job["id"] == "mine"]) == 1


def test_a_connection_that_no_job_had_is_looked_by_when_asked(sites, cloud):
    place = Place(sites, cloud)
    label = f"{place.site_name()}-{'0' * 23}4"
    report = place.sweep()
    assert report["lists"] == 4, report  # of one account: jobs, data sets, models, endpoints
    place.put([{"labels": {"submission": label}}], "datasets")
    report = place.sweep(all=True)
    assert report["lists"] > 100
    (stray,) = place.strays()  # which every account shows
    assert (stray["interface"], stray["id"]) == ("davit.datasets", "0" * 23 + "4")
    missed = {missed.get("connection") for missed in report["not_listed"]}
    assert missed == {None, "wrong"}  # what no secret, or a wrong one, opens


def test_a_provider_that_is_not_there_is_named(sites, cloud):
    place = Place(sites, cloud)
    (lost,) = place.lost(FOREVER)
    place.sweep()
    stray = place.stray_of(lost)["id"]
    place.site.stop()
    place.site.providers["testcloud"] += "enabled: false\n"
    place.site.providers["local"] = "provider: local\nplugin: local.so\n"
    place.site.default = "local"
    place.site.write_configuration()
    place.site.start()
    (missed,) = place.sweep()["not_listed"]
    assert missed["provider"] == "testcloud" and "not loaded" in missed["error"]
    assert place.ask("POST", f"/v1/strays/{stray}/adopt").status == 404


def test_a_local_site_has_none(site):
    made = site.made("/datasets", {"name": "d", "source": {"text": "a\n1\n"}})
    report = site.get("/v1/strays").json()["sweep"]
    wait_for("the first sweep", lambda: site.get("/v1/strays").json()["sweep"]["number"] > 0)
    answer = site.request("POST", "/v1/strays/sweep", over_unix=True)
    number = answer.json()["number"]
    assert number > report["number"]

    def done():
        now = site.get("/v1/strays").json()["sweep"]
        return now if now["number"] >= number else None

    report = wait_for("the sweep", done)
    assert report["strays"] == 0 and report["objects"] == 1, (report, made)


def test_a_request_that_arrives_after_the_settle_delay_makes_a_stray(sites, cloud):
    place = Place(sites, cloud)
    job = place.train_late("custom_script", **FOREVER)
    wait_for("the job to run", lambda: place.site.job(job)["state"] == "running")
    assert place.sweep()["strays"] == 0
    place.arrive()
    (second,) = [made for made in cloud.objects() if made["id"] != place.site.job(job)["resource"]]
    assert place.sweep()["strays"] == 1
    stray = place.stray_of(second)
    assert (stray["because"], stray["job"]) == ("second", job)
    assert stray["text"] == f"its job {job} follows another object"
    assert stray["id"].startswith(job + "-")  # is not called as what its job follows
    answer = place.delete(second)
    assert answer.status == 409, answer  # it runs
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        path = f"/v1/strays/{stray['id']}/adopt"
        answers = list(pool.map(lambda _: place.ask("POST", path), range(4)))
    (adopted,) = [answer.json() for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} <= {200, 404, 409}
    assert adopted["state"] == "running" and adopted["id"] != job, adopted
    assert place.site.job(adopted["id"])["resource"] == second["id"]
    place.site.kill()
    place.site.start()
    assert place.sweep()["strays"] == 0
    place.cancel(adopted["id"])
    assert ended(place, adopted["id"])["state"] == "cancelled"
    states = {made["id"]: made["state"] for made in cloud.objects()}
    assert states.pop(second["id"]) == "CANCELLED" and list(states.values()) == ["RUNNING"]
    assert place.site.job(job)["state"] == "running" and place.sweep()["strays"] == 0


def test_a_second_object_that_has_ended_is_deleted_and_the_first_is_not(sites, cloud):
    place = Place(sites, cloud)
    job = place.train_late("custom_script", run_ms=1)
    assert ended(place, job)["state"] == "succeeded"
    place.arrive()
    assert place.sweep()["strays"] == 1
    (stray,) = place.strays()
    answer = place.ask("POST", f"/v1/strays/{stray['id']}/delete")
    assert answer.status == 200 and answer.json()["deleted"], answer
    assert [made["id"] for made in cloud.objects()] == [place.site.job(job)["resource"]]
    assert place.sweep()["strays"] == 0


@pytest.mark.parametrize("kind", ["train", "automl"])
def test_what_has_a_token_or_a_name_is_made_once_however_late(sites, cloud, kind):
    place = Place(sites, cloud)
    job = place.train_late(kind, **FOREVER)
    wait_for("the job to run", lambda: place.site.job(job)["state"] == "running")
    place.arrive()
    assert count(cloud) == 1 and place.sweep()["strays"] == 0


@pytest.fixture
def cancelled_late(sites, cloud):
    """A place, with a job whose requests, all of them, are given up and come later, and that is to be
    cancelled; its object is looked for when it is given."""
    place = Place(sites, cloud, net="request_timeout_ms: 2000")
    pool = concurrent.futures.ThreadPoolExecutor(1)

    def make(kind):
        cloud.fails({"method": "POST", "path": "/v1/jobs", "fault": "late", "ms": LATE_MS})
        pool.submit(place.account.train, kind, **FOREVER)
        wait_for("the request", cloud.fired)
        (job,) = place.account.jobs()
        place.cancel(job)
        wait_for("a look for it", lambda: place.site.job(job)["state"] == "recovering")
        assert cloud.stats()["late"] > 0 and count(cloud) == 0
        return place, job

    yield make
    pool.shutdown()


@pytest.mark.parametrize("kind", ["train", "automl", "custom_script"])
def test_what_arrives_in_the_grace_of_a_cancel_is_cancelled(cancelled_late, cloud, kind):
    place, job = cancelled_late(kind)
    place.arrive()
    assert ended(place, job)["state"] == "cancelled"
    assert [made["state"] for made in cloud.objects()] == ["CANCELLED"]
    assert place.sweep()["strays"] == 0


@pytest.mark.parametrize("kind", ["automl", "custom_script"])
def test_what_arrives_after_its_job_was_cancelled_is_a_stray(cancelled_late, cloud, kind):
    place, job = cancelled_late(kind)
    looked = time.monotonic()
    assert ended(place, job)["state"] == "cancelled"
    assert time.monotonic() - looked > GRACE_S - 2
    assert count(cloud) == 0
    place.arrive()
    assert place.sweep()["strays"] == 1
    (stray,) = place.strays()
    assert (stray["because"], stray["job"]) == ("job_ended", job)
    assert stray["text"] == f"its job {job} ended as cancelled, and does not follow it"
    davit = [BUILD / "cli" / "davit", "--host", f"unix://{place.site.socket_path}", "strays"]
    shown = subprocess.run(davit, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert stray["text"] in shown.stdout
    adopted = place.ask("POST", f"/v1/strays/{stray['id']}/adopt").json()
    assert adopted["state"] == "running" and adopted["id"] != job, adopted
    place.cancel(adopted["id"])
    assert ended(place, adopted["id"])["state"] == "cancelled"
    assert [made["state"] for made in cloud.objects()] == ["CANCELLED"]
    assert place.sweep()["strays"] == 0 and place.site.job(job)["state"] == "cancelled"


def looks_answered(status, count, cancels=False):
    """The cloud answers so to what asks for a job, or wants one cancelled."""
    rules = [{"method": "GET", "path": "/v1/jobs/*"}]
    if cancels:
        rules.append({"method": "POST", "path": "/v1/jobs/*:cancel"})
    return [{**rule, "fault": "status", "status": status, "count": count} for rule in rules]


def running(place):
    job = place.account.train("train", **FOREVER)
    wait_for("a run", lambda: place.site.job(job)["state"] == "running")
    return job


@pytest.mark.parametrize("cancelled", [False, True])
def test_an_answer_that_nothing_is_there_ends_no_job_when_it_comes_now_and_then(
    sites, cloud, cancelled
):
    place = Place(sites, cloud)
    job = running(place)
    cloud.fails(*looks_answered(404, 3, cancels=True))
    if cancelled:
        place.cancel(job)
    asked = len(cloud.requests("/v1/jobs/*", "GET"))
    wait_for("an answer", lambda: len(cloud.requests("/v1/jobs/*", "GET")) > asked + 3)
    if not cancelled:
        assert place.site.job(job)["state"] == "running"
        place.cancel(job)
    assert ended(place, job)["state"] == "cancelled"
    assert place.object_of(job)["state"] == "CANCELLED"


@pytest.mark.parametrize("cancelled", [False, True])
def test_what_runs_on_though_its_job_ended_as_nothing_was_there_is_shown_and_adopted(
    sites, cloud, cancelled
):
    place = Place(sites, cloud)
    job = running(place)
    cloud.fails(*looks_answered(404, 1000, cancels=True))
    if cancelled:
        place.cancel(job)
    assert ended(place, job)["state"] == ("cancelled" if cancelled else "failed")
    cloud.fails()
    made = place.object_of(job)
    assert made["state"] == "RUNNING"
    place.sweep()
    stray = place.stray_of(made)
    assert (stray["because"], stray["job"]) == ("job_ended", job)
    answer = place.adopt(made)
    assert answer.status == 200, answer
    adopter = answer.json()["id"]
    assert adopter != job
    place.sweep()
    assert place.shown() == set()
    place.cancel(adopter)
    assert ended(place, adopter)["state"] == "cancelled"
    assert place.object_of(job)["state"] == "CANCELLED"
    place.sweep()
    assert place.shown() == set()


def test_a_cancel_goes_on_while_the_cloud_refuses_to_say_how_the_job_stands(sites, cloud):
    place = Place(sites, cloud)
    job = running(place)
    cloud.fails(*looks_answered(400, 1000, cancels=True))
    place.cancel(job)
    asked = len(cloud.requests("/v1/jobs/*", "GET"))
    wait_for("polls", lambda: len(cloud.requests("/v1/jobs/*", "GET")) >= asked + 7, 60)
    shown = place.site.job(job)
    assert shown["state"] == "running" and "asked again" in shown["error"], shown
    cloud.fails()
    wait_for("its end", lambda: place.site.job(job)["state"] == "cancelled", 70)
    assert place.object_of(job)["state"] == "CANCELLED"


def test_a_cloud_that_is_away_keeps_neither_the_start_nor_a_sweep_waiting(sites, cloud):
    place = Place(sites, cloud)
    (lost,) = place.lost(FOREVER)
    before = count(cloud)
    rule = {"method": "POST", "path": "/v1/jobs", "fault": "timeout", "applied": True, "count": 9}
    cloud.fails(rule)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(place.account.train, "custom_script", **FOREVER)
        wait_for("its object", lambda: count(cloud) == before + 1)
        place.site.kill()
        assert sent.exception() is not None
    cloud.fails({"method": "GET", "path": "/v1/jobs", "fault": "reset_before", "count": 100000})
    place.site.launch()
    wait_for("the daemon", lambda: answers(place.site))
    wait_for("its start", lambda: place.site.get("/readyz").status == 200)
    (job,) = place.ask("GET", "/v1/jobs?state=recovering").json()["jobs"]
    wait_for("its trouble", lambda: "asked again" in (place.site.job(job["id"])["error"] or ""))
    # What it may have made is taken for no stray meanwhile, nor is what it follows then.
    cloud.fails()
    place.sweep()
    assert place.shown() == {lost["id"]}
    wait_for("its object", lambda: place.site.job(job["id"])["state"] == "running")


@pytest.mark.parametrize("status", [400, 403])
def test_a_token_that_is_refused_now_and_then_fails_no_job(sites, cloud, status):
    place = Place(sites, cloud)
    rule = {"method": "POST", "path": "/oauth/token", "fault": "status", "status": status}
    cloud.fails({**rule, "count": 1000})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(place.account.train, "train", **FOREVER)
        waits = wait_for(
            "its trouble",
            lambda: [
                job
                for job in place.site.get("/v1/jobs?state=submitting").json()["jobs"]
                if "tried again" in (job["error"] or "")
            ],
        )
        assert "token service answers" in waits[0]["error"]
        cloud.fails()
        job = sent.result()
    wait_for("a run", lambda: place.site.job(job)["state"] == "running")
    assert place.site.job(job)["error"] is None and count(cloud) == 1

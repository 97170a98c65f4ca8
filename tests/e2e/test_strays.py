"""Strays: what a cloud has with a label of this site and no job follows. They are made as they come to
be in life: an older database is put back, and with it everything since is forgotten."""

import concurrent.futures
import json
import subprocess
import urllib.parse
import urllib.request

from davit_site import BUILD, DEADLINE, wait_for
from strays import FOREVER, Place, answers, cloud, count, ended  # noqa: F401 cloud is a fixture

OTHER_SITE = "zzzzzzzz"


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

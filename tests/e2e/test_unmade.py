"""Jobs that wait or ended before they began: lists have them, and they can be deleted."""

import pytest

SCRIPT = {"name": "t", "script": {"text": "print(1)"}}


@pytest.fixture
def site(sites):
    site = sites().start()
    pause(site, True)
    return site


def pause(site, paused):
    answer = site.post("/v1/queues/local", {"paused": paused}, over_unix=True)
    assert answer.status == 200, answer


def listed(site):
    answer = site.service("GET", "/pipelines/training/list")
    assert answer.status == 200, answer
    return [row["Id"] for row in answer.json()]


def delete(site, job):
    return site.service("DELETE", f"/pipelines/training/{job}/delete")


def test_one_that_waits_is_listed_and_once_cancelled_deleted(site):
    first = site.made("/pipelines/training/train", SCRIPT)["Id"]
    second = site.made("/pipelines/training/train", SCRIPT)["Id"]
    assert sorted(listed(site)) == sorted([first, second])
    answer = delete(site, first)
    assert answer.status == 409, answer
    assert site.service("POST", f"/pipelines/training/{first}/cancel").status == 200
    assert sorted(listed(site)) == sorted([first, second])
    answer = delete(site, first)
    assert answer.status == 200 and answer.json()["Id"] == first, answer
    site.stop()
    site.start()
    assert listed(site) == [second]
    assert delete(site, first).status == 404
    assert site.service("GET", f"/pipelines/training/{first}/get").status == 404
    pause(site, False)
    assert site.await_job(second)["state"] == "COMPLETED"
    assert listed(site) == [second]


def test_one_that_failed_at_its_start_is_deleted(site):
    folder = site.imports / "gone"
    folder.mkdir()
    body = {"name": "t", "folder": "gone", "entry": "true"}
    job = site.made("/pipelines/training/custom_script", body)["Id"]
    for path in (site.folder / "data" / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()  # nothing else keeps a job that was accepted from starting
    pause(site, False)
    assert site.await_job(job)["state"] == "ERROR"
    assert listed(site) == [job]
    assert delete(site, job).status == 200
    assert listed(site) == []
    assert site.get(f"/v1/jobs/{job}").json()["state"] == "failed"


def test_a_deleted_training_has_neither_log_nor_outputs(site):
    pause(site, False)
    job = site.made("/pipelines/training/train", SCRIPT)["Id"]
    assert site.await_job(job)["state"] == "COMPLETED"
    assert site.get(f"/v1/jobs/{job}/log").text.startswith("1\n")
    assert delete(site, job).status == 200
    for path in ("log", "outputs", "outputs?path=x"):
        assert site.get(f"/v1/jobs/{job}/{path}").status == 404, path

"""Runs over REST: parameters, metrics over time, the best, and side by side."""

import http.client
import json
import os
import socket
import time
import urllib.parse

from davit_site import wait_for

SCRIPT = """
import json, os, pathlib
parameters = json.load(open(os.environ["DAVIT_PARAMETERS"]))
out = open(os.environ["DAVIT_PROGRESS"], "a")
for step in range(1, parameters.get("steps", 3) + 1):
    loss = 1.0 / (step * parameters["lr"])
    print(json.dumps({"step": step, "metrics": {"loss": loss, "accuracy": parameters["lr"]}}), file=out)
print('{"step": 99, "metrics": {"loss": NaN}}', file=out)
out.close()
print("lr", parameters["lr"], "colour", os.environ.get("COLOUR"))
pathlib.Path(os.environ["DAVIT_OUTPUT_DIR"], "model.txt").write_text("m")
"""


def train(site, name, parameters, script=SCRIPT, **members):
    body = {"name": name, "script": {"text": script}, "parameters": parameters, **members}
    row = site.made("/pipelines/training/train", body)
    return json.loads(row["rawPayload"])["job"]


def trained(site, name, parameters, **members):
    job = train(site, name, parameters, **members)
    status = site.await_job(job)
    assert status["state"] == "COMPLETED", status
    return job


def runs(site, **query):
    answer = site.get("/v1/runs?" + urllib.parse.urlencode(query))
    assert answer.status == 200, answer
    return answer.json()


def ids(page):
    return [run["id"] for run in page["runs"]]


def test_the_best_of_three_trainings_is_found(shared):
    jobs = {lr: trained(shared, "best", {"lr": lr}) for lr in (0.5, 2.0, 1)}
    assert ids(runs(shared, name="best")) == [jobs[1], jobs[2.0], jobs[0.5]]
    assert ids(runs(shared, name="best", metric="accuracy")) == [jobs[2.0], jobs[1], jobs[0.5]]
    assert ids(runs(shared, name="best", metric="loss", order="min", limit=1)) == [jobs[2.0]]
    assert ids(runs(shared, name="best", metric="nothing")) == []
    best = runs(shared, name="best", metric="accuracy")["runs"][0]
    assert best["parameters"] == {"lr": 2.0} and best["metrics"]["accuracy"] == 2.0
    assert best["state"] == "succeeded" and best["seconds"] >= 0
    assert len(best["script"]["sha256"]) == 64


def test_the_page_goes_on_where_the_last_ended(shared):
    jobs = [trained(shared, "paged", {"lr": lr}) for lr in (1, 2, 3)]
    for order, expected in (({}, jobs[::-1]), ({"metric": "loss"}, jobs)):
        seen, query = [], {"name": "paged", "limit": 2, **order}
        while True:
            page = runs(shared, **query)
            seen += ids(page)
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert seen == expected


def test_a_run_keeps_its_series_without_its_provider(site):
    job = trained(site, "kept", {"lr": 1, "steps": 2500})
    before = site.get(f"/v1/runs/{job}").json()
    steps = [point["step"] for point in before["series"]]
    assert len(steps) == 1000 and steps[0] == 1 and steps[-1] == 2500
    gaps = [after - before for before, after in zip(steps, steps[1:])]
    assert 1 <= min(gaps) and max(gaps) <= 5, "evenly: twice thinned, by the provider and the daemon"
    site.stop()
    site.providers["local"] = "provider: local\nplugin: local.so\nenabled: false\n"
    site.write_configuration()
    site.start()
    assert site.get(f"/v1/runs/{job}").json() == before
    assert ids(runs(site, metric="loss")) == [job]


def test_a_series_that_is_no_longer_than_is_kept_is_whole(shared):
    job = trained(shared, "whole", {"lr": 1, "steps": 1000})
    series = shared.get(f"/v1/runs/{job}").json()["series"]
    assert [point["step"] for point in series] == list(range(1, 1001))


def test_a_run_under_way_shows_its_metrics(shared, marks):
    gate = marks / "go"
    script = f"""
import os, time
with open(os.environ["DAVIT_PROGRESS"], "a") as out:
    out.write('{{"step": 1, "metrics": {{"loss": 4}}}}\\n')
while not os.path.exists({str(gate)!r}):
    time.sleep(0.02)
"""
    job = train(shared, "open", {"lr": 1}, script=script)

    def shown():
        run = shared.get(f"/v1/runs/{job}").json()
        return run if run["metrics"] and run["series"] else None

    run = wait_for("metrics", shown)
    assert run["state"] == "running" and run["finished"] is None
    assert run["metrics"] == {"loss": 4} and run["series"][0]["values"] == {"loss": 4}
    assert ids(runs(shared, name="open", metric="loss", state="running")) == [job]
    gate.touch()
    assert shared.await_job(job)["state"] == "COMPLETED"


def test_runs_are_compared(shared):
    one = trained(shared, "compared", {"lr": 1, "only": "here"})
    two = trained(shared, "compared", {"lr": 2})
    table = shared.get(f"/v1/runs/compare?ids={one},{two}").json()
    assert table["parameters"] == {"lr": {one: 1, two: 2}, "only": {one: "here"}}
    assert table["metrics"]["accuracy"] == {one: 1, two: 2}
    assert ids(table) == [one, two]


def test_commands_are_no_runs(shared):
    task = shared.execute("python3 -c pass")
    shared.await_status(task)
    assert shared.get(f"/v1/runs/{task}").status == 404
    assert task not in ids(runs(shared, limit=1000))


def test_the_training_of_a_flow_is_a_run(shared):
    answer = shared.service(
        "POST",
        "/pipelines/training",
        {"name": "flowed", "script": {"text": SCRIPT}, "parameters": {"lr": 3}},
    )
    flow = answer.json()["id"]
    assert shared.await_job(flow)["state"] == "COMPLETED"
    run = shared.get(f"/v1/runs/{flow}").json()
    assert run["flow"] == flow and run["id"] != flow and run["metrics"]["accuracy"] == 3
    assert ids(runs(shared, name="flowed")) == [run["id"]]


def test_jobs_are_found_by_name_interface_and_time(shared):
    job = trained(shared, "wanted", {"lr": 1})
    view = shared.job(job)

    def found(**query):
        page = shared.get("/v1/jobs?" + urllib.parse.urlencode(query)).json()
        return [entry["id"] for entry in page["jobs"]]

    assert found(name="wanted") == [job]
    assert found(name="wanted", interface="davit.training") == [job]
    assert found(name="wanted", interface="davit.models") == []
    assert found(name="wanted", since=view["created"]) == [job]
    assert found(name="wanted", since=view["finished"]) == []


# --- again ---


def rerun(site, job, body=None):
    return site.post(f"/v1/jobs/{job}/rerun", body, over_unix=True)


def test_a_training_is_done_again_with_another_rate(shared):
    old = trained(shared, "again", {"lr": 0.5, "steps": 2}, environment={"COLOUR": "blue"})
    answer = rerun(shared, old, {"parameters": {"lr": 4}})
    assert answer.status == 200, answer
    new = answer.json()["id"]
    assert answer.json() == {"id": new, "state": "queued", "rerun_of": old}
    assert shared.await_job(new)["state"] == "COMPLETED"
    assert ids(runs(shared, name="again", metric="accuracy")) == [new, old]
    run = shared.get(f"/v1/runs/{new}").json()
    assert run["parameters"] == {"lr": 4, "steps": 2} and run["rerun_of"] == old
    assert shared.job(new)["rerun_of"] == old and shared.job(old)["rerun_of"] is None
    assert shared.get(f"/v1/jobs/{new}/log").text == "lr 4 colour blue\n"


def test_a_command_and_a_flow_are_done_again(shared):
    task = shared.execute(
        "python3 -c \"import os; print(os.environ['A'], os.environ['B'])\"",
        environment={"A": "old", "B": "SECRET"},
    )
    shared.await_status(task)
    answer = rerun(shared, task, {"environment": {"A": 7}})
    assert answer.status == 200 and "SECRET" not in answer.text, answer
    again = answer.json()["id"]
    assert shared.await_status(again)["task_status"] == "COMPLETED"
    assert shared.task_log(again).endswith("7 SECRET\n")
    refused = rerun(shared, task, {"parameters": {"lr": 1}})
    assert refused.status == 400 and "environment" in refused.json()["error"]["message"]
    body = {"name": "flow", "script": {"text": SCRIPT}, "parameters": {"lr": 3}}
    flow = shared.service("POST", "/pipelines/training", body).json()["id"]
    shared.await_job(flow)
    second = rerun(shared, flow, {"parameters": {"lr": 5}}).json()["id"]
    assert shared.await_job(second)["state"] == "COMPLETED"
    assert shared.get(f"/v1/runs/{second}").json()["parameters"] == {"lr": 5}
    assert shared.job(second)["rerun_of"] == flow


def test_a_custom_script_is_a_run_and_is_done_again(shared):
    body = {"name": "custom", "script": {"text": SCRIPT}, "parameters": {"lr": 2}}
    row = shared.made("/pipelines/training/custom_script", body)
    job = json.loads(row["rawPayload"])["job"]
    assert shared.await_job(job)["state"] == "COMPLETED"
    again = rerun(shared, job, {"parameters": {"lr": 9}}).json()["id"]
    assert shared.await_job(again)["state"] == "COMPLETED"
    best = runs(shared, name="custom", metric="accuracy")["runs"]
    assert [run["id"] for run in best] == [again, job]
    assert best[0]["kind"] == "custom_script" and best[0]["parameters"] == {"lr": 9}


def test_a_run_tells_the_files_of_its_folder_apart(shared):
    folder = shared.imports / "lineage"
    folder.mkdir(exist_ok=True)
    (folder / "fit.py").write_text(
        "import helper, os\nopen(os.environ['DAVIT_OUTPUT_DIR'] + '/m', 'w')\n"
    )
    for what in ({"script": "fit.py"}, {"entry": "python3 fit.py"}):
        jobs = []
        for rate in (1, 2, 2):
            (folder / "helper.py").write_text(f"RATE = {rate}\n")
            body = {"name": "lineage", "folder": "lineage"} | what
            row = shared.made("/pipelines/training/custom_script", body)
            jobs.append(json.loads(row["rawPayload"])["job"])
            assert shared.await_job(jobs[-1])["state"] == "COMPLETED"
        made = shared.get(f"/v1/runs/compare?ids={','.join(jobs)}").json()["runs"]
        assert [run["folder"]["name"] for run in made] == ["lineage"] * 3
        digests = [run["folder"]["sha256"] for run in made]
        assert digests[0] != digests[1] == digests[2] and len(digests[0]) == 64
        assert [(run["script"] or {}).get("name") for run in made] == [what.get("script")] * 3
        source = {"job": made[0]["id"]}
        model = shared.made(
            "/models/register",
            {"name": "lineage", "source": source, "server": {"script": {"text": "0"}}},
        )
        lineage = json.loads(model["rawPayload"])["lineage"]
        assert lineage["folder"] == made[0]["folder"]


def test_a_run_outlives_its_training(shared):
    job = trained(shared, "deleted", {"lr": 1})
    before = shared.get(f"/v1/runs/{job}").json()
    answer = shared.service("DELETE", f"/pipelines/training/{job}/delete")
    assert answer.status == 200, answer
    assert shared.get(f"/v1/runs/{job}").json() == before and len(before["series"]) == 3


def test_a_rerun_is_refused_like_a_new_request_and_over_tcp(shared):
    job = trained(shared, "strict", {"lr": 1})
    assert shared.post(f"/v1/jobs/{job}/rerun", {}).status == 403
    for body, field in (
        ({"parameters": 1}, "/parameters"),
        ({"paramters": {}}, "/paramters"),
        ({"environment": {"A": None}}, "/environment/A"),
    ):
        answer = rerun(shared, job, body)
        assert answer.status == 400 and answer.json()["error"]["field"] == field, answer
    assert rerun(shared, "nobody").status == 404


# --- a log while it is printed ---


class Following:
    """GET …/log?follow=true, read as it comes."""

    def __init__(self, site, job, query="follow=true"):
        self.socket = socket.create_connection(("127.0.0.1", site.port), timeout=60)
        self.socket.sendall(
            f"GET /v1/jobs/{job}/log?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        self.answer = http.client.HTTPResponse(self.socket, method="GET")
        self.answer.begin()
        assert self.answer.status == 200, self.answer.read()

    def line(self):
        return self.answer.readline().decode()

    def rest(self):
        return self.answer.read().decode()

    def close(self):
        self.answer.close()
        self.socket.close()


def gated(site, gates, head="first"):
    """A job that prints a line after each of these files is there."""
    steps = "; ".join(
        f"[x() for x in iter(lambda: None if os.path.exists({str(gate)!r}) else "
        f"(lambda: time.sleep(0.01)), None)]; print({gate.name!r}, flush=True)"
        for gate in gates
    )
    return site.execute(
        f'python3 -c "import os, time; print({head!r}, flush=True); {steps}"',
        input_artifacts="none",
    )


def log_start(following):
    """Passes over the note about the folder that is not there."""
    line = following.line()
    return following.line() if line.startswith("[davit:") else line


def test_a_log_is_followed_until_the_job_ends(shared, marks):
    gates = [marks / "second", marks / "third"]
    job = gated(shared, gates)
    following = Following(shared, job)
    assert log_start(following) == "first\n"
    gates[0].touch()
    assert following.line() == "second\n"
    late = Following(shared, job)
    gates[1].touch()
    assert following.rest() == "third\n"
    whole = late.rest()
    assert whole.endswith("first\nsecond\nthird\n")
    assert shared.status(job)["task_status"] == "COMPLETED"
    assert Following(shared, job).rest() == whole == shared.get(f"/v1/jobs/{job}/log").text
    assert Following(shared, job, f"offset={len(whole) - 6}").rest() == "third\n"
    assert Following(shared, job, f"follow=true&offset={len(whole)}").rest() == ""
    assert shared.get(f"/v1/jobs/{job}/log?offset=x").status == 400


def test_a_log_that_is_cut_is_followed_to_its_end(sites, marks):
    site = sites(settings="  log_bytes: 4096\n  shell: true\n").start()
    gate = marks / "go"
    job = site.execute(
        f"echo begin; while [ ! -e {gate} ]; do sleep 0.02; done; seq 100000; echo end"
    )
    following = Following(site, job)
    assert log_start(following) == "begin\n"
    gate.touch()
    rest = following.rest()
    assert rest.endswith("99999\n100000\nend\n")
    lines = rest.splitlines()
    assert "1" in lines and any("bytes cut here]" in line for line in lines)
    assert lines[-101:-1] == [str(n) for n in range(99901, 100001)]


def test_a_job_that_waits_is_followed_from_its_start_or_to_its_cancel(sites, marks):
    site = sites()
    site.providers["local"] = "provider: local\nplugin: local.so\nmax_running: 1\n"
    site.write_configuration()
    site.start()
    gate, never = marks / "go", marks / "never"
    first = gated(site, [gate])
    waiting, cancelled = gated(site, [], "here"), gated(site, [never])
    assert site.status(waiting)["task_status"] == "WAITING"
    follow_one, follow_other = Following(site, waiting), Following(site, cancelled)
    assert site.post(f"/v1/jobs/{cancelled}/cancel", over_unix=True).json()["cancelled"]
    assert follow_other.rest() == ""
    gate.touch()
    assert follow_one.rest().endswith("here\n")
    site.await_status(first, "COMPLETED")


def threads(site):
    return len(os.listdir(f"/proc/{site.process.pid}/task"))


def connections(site):
    """How many clients it has by TCP; what its workers and jobs have open comes and goes."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    ours = [row for row in rows if row[1].endswith(f":{site.port:04X}")]
    listens, closed = "0A", "0"
    return sum(row[3] != listens and row[9] != closed for row in ours)  # state, inode


def test_many_followers_hold_no_thread_and_leave_with_their_client(sites, marks):
    site = sites(settings="  shell: true\n").start()
    gate = marks / "go"
    job = gated(site, [gate])
    one = Following(site, job)
    assert log_start(one) == "first\n"
    before = threads(site)
    many = [Following(site, job) for _ in range(100)]
    for following in many:
        assert log_start(following) == "first\n"
    assert threads(site) <= before + 16
    other = site.execute("echo quick")
    assert site.await_status(other)["task_status"] == "COMPLETED"
    held = connections(site)
    for following in many[:90]:
        following.close()
    wait_for("the connections to be freed", lambda: connections(site) <= held - 90)
    gate.touch()
    for following in many[90:] + [one]:
        assert following.rest() == "go\n"


def test_the_daemon_ends_at_once_though_a_log_is_followed(sites, marks):
    site = sites(settings="  shell: true\n").start()
    job = gated(site, [marks / "never"])
    following = Following(site, job)
    assert log_start(following) == "first\n"
    begun = time.monotonic()
    assert site.stop() == 0
    assert time.monotonic() - begun < 10
    try:
        assert following.rest() == "the end"
    except (http.client.IncompleteRead, ConnectionError, ValueError):
        pass  # cut off, so that nobody takes it for the whole
    site.start()
    site.post(f"/v1/jobs/{job}/cancel", over_unix=True)


# --- the description of it all ---


def nodes(value):
    yield value
    members = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list)):
        for member in members:
            yield from nodes(member)


def test_the_description_holds_together_and_says_what_is_answered(shared):
    document = shared.get("/swagger.json").json()
    schemas = document["components"]["schemas"]
    for node in nodes(document):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            prefix, name = node["$ref"].rsplit("/", 1)
            assert prefix == "#/components/schemas" and name in schemas, node
        if isinstance(node, dict) and "type" in node and not isinstance(node["type"], dict):
            assert node["type"] in (
                "object", "array", "string", "number", "integer", "boolean"), node
    body = document["paths"]["/api/service/v1/pipelines/training/train"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/local.training.train"}
    assert "parameters" in schemas["local.training.train"]["properties"]
    job = trained(shared, "described", {"lr": 1})
    run = shared.get(f"/v1/runs/{job}").json()
    series = schemas["RunWithSeries"]["allOf"][1]["properties"]
    assert set(run) - set(series) == set(schemas["Run"]["properties"])
    assert set(shared.job(job)) <= set(schemas["Job"]["properties"])

"""Data sets and models as whole objects: versions, tags, export, delete, over REST."""

import concurrent.futures
import hashlib
import json
import urllib.parse

import canary
import pytest
from davit_site import wait_for

TRAIN = """
import json, os
out = os.environ["DAVIT_OUTPUT_DIR"]
os.makedirs(os.path.join(out, "deep"))
rows = open(os.environ["DAVIT_DATASET"]).read() if "DAVIT_DATASET" in os.environ else ""
open(os.path.join(out, "model.txt"), "w").write(rows)
open(os.path.join(out, "deep", "more.bin"), "wb").write(bytes(range(256)))
"""

SERVE = """
import http.server, os, socketserver
text = open(os.path.join(os.environ["DAVIT_MODEL_DIR"], "model.txt"), "rb").read()
class Handler(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "caller"
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(b"ok")
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(text)
class Server(socketserver.ThreadingUnixStreamServer):
    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("caller", 0)
Server(os.environ["DAVIT_SOCKET"], Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def out(shared):
    """The shared site with a folder it may write to."""
    shared.exports = shared.folder / "out"
    shared.exports.mkdir()
    shared.davit += f"export_roots: [{shared.exports}]\n"
    shared.write_configuration()
    shared.stop()
    return shared.start()


def quoted(reference):
    return urllib.parse.quote(reference, safe="")


def raw(row):
    return json.loads(row["rawPayload"])


def dataset(site, name, text="a,b\n1,2\n", **members):
    return raw(site.made("/datasets", {"name": name, "source": {"text": text}} | members))


def look(site, kind, reference):
    answer = site.service("GET", f"/{kind}/{quoted(reference)}")
    assert answer.status == 200, answer
    return raw(answer.json())


def trained(site, name, **members):
    body = {"name": name, "script": {"text": TRAIN}} | members
    job = site.made("/pipelines/training/train", body)["id"]
    status = site.await_job(job)
    assert status["state"] == "COMPLETED", status
    return job


def model(site, name, job, **members):
    body = {"name": name, "source": {"job": job}, "server": {"script": {"text": SERVE}}}
    return raw(site.made("/models/register", body | members))


# --- versions and tags ---


def test_versions_and_tags_of_a_data_set_are_references(shared):
    first = dataset(shared, "cats", "x\n1\n", tags=["prod"])
    second = dataset(shared, "cats", "x\n2\n")
    assert (first["version"], second["version"]) == (1, 2)
    assert second["sha256"] == hashlib.sha256(b"x\n2\n").hexdigest()
    for reference, wanted in (
        ("cats", second),
        ("cats@v1", first),
        ("cats@prod", first),
        ("cats:prod", first),
        (first["id"], first),
    ):
        assert look(shared, "datasets", reference)["id"] == wanted["id"], reference
    answer = shared.service("GET", "/datasets/" + quoted("cats@v3"))
    assert answer.status == 404 and "cats@v3" in answer.json()


def test_a_tag_moves_and_goes(shared):
    first = dataset(shared, "dogs", tags=["prod"])
    second = dataset(shared, "dogs")
    row = shared.made(f"/datasets/{quoted('dogs@v2')}/tags", {"add": ["prod", "new"]})
    assert raw(row)["tags"] == ["prod", "new"] and row["id"] == second["id"]
    assert look(shared, "datasets", first["id"])["tags"] == []
    row = shared.made("/datasets/dogs:prod/tags", {"remove": ["prod"]})
    assert raw(row)["tags"] == ["new"]
    assert shared.service("GET", "/datasets/dogs@prod").status == 404


@pytest.mark.parametrize(
    "body, told",
    [
        ({"add": ["v1"]}, "/add/0"),
        ({"add": ["ok", "a b"]}, "/add/1"),
        ({"add": "x"}, "/add"),
        ({"ad": ["x"]}, "/ad"),
        ({}, "empty"),
        ([], "object"),
    ],
)
def test_tags_that_cannot_be_are_refused_by_name(shared, body, told):
    dataset(shared, "mice")
    answer = shared.service("POST", "/datasets/mice/tags", body)
    assert answer.status == 400 and told in answer.json(), answer


def test_a_training_says_which_bytes_it_ran_on(shared):
    first = dataset(shared, "birds", "x\n1\n")
    dataset(shared, "birds", "x\n2\n")
    job = trained(shared, "fit-birds", dataset="birds@v1")
    used = raw(shared.service("GET", f"/pipelines/training/{job}/get").json())["provider"]["dataset"]
    assert used == {k: first[k] for k in ("id", "name", "version", "sha256")}
    by = look(shared, "datasets", "birds@v1")["used_by"]
    assert by == [{"id": job, "name": "fit-birds", "kind": "train"}]
    assert look(shared, "datasets", "birds")["used_by"] == []


def test_versions_survive_a_crash_and_are_never_given_twice(sites):
    site = sites().start()
    dataset(site, "rows")
    second = dataset(site, "rows", tags=["last"])
    assert site.service("DELETE", "/datasets/" + second["id"]).status == 200
    site.kill()
    site.start()
    assert dataset(site, "rows")["version"] == 3
    assert look(site, "datasets", "rows@v1")["version"] == 1
    assert site.service("GET", "/datasets/rows@last").status == 404


# --- models ---


def test_a_model_is_sealed_and_outlives_its_training(shared):
    data = dataset(shared, "fish", "x\n7\n")
    job = trained(shared, "fit-fish", dataset="fish", parameters={"epochs": 2})
    made = model(shared, "fish", job, aliases=["prod"])
    assert made["version"] == 1 and made["aliases"] == ["prod"]
    # the training's own folder goes; nothing of the model lies there
    for folder in (shared.folder / "data").rglob(job):
        for file in folder.rglob("model.txt"):
            file.unlink()
    whole = look(shared, "models", "fish:prod")
    files = {file["path"]: file for file in whole["files"]}
    assert sorted(files) == ["deep/more.bin", "model.txt"]
    assert files["model.txt"]["sha256"] == data["sha256"]
    listing = "".join(f"{files[p]['sha256']}  {p}\n" for p in sorted(files))
    assert whole["sha256"] == hashlib.sha256(listing.encode()).hexdigest()
    lineage = whole["lineage"]
    assert lineage["training"] == {"id": job, "name": "fit-fish"}
    assert lineage["dataset"]["version"] == 1 and lineage["dataset"]["name"] == "fish"
    assert lineage["script"]["sha256"] == hashlib.sha256(TRAIN.encode()).hexdigest()
    assert lineage["parameters"] == {"epochs": 2}
    endpoint = shared.made("/endpoints/register", {"name": "fish"})["id"]
    shared.made(f"/endpoints/{endpoint}/deploy_model", {"model": "fish:prod"})

    def predicted():
        answer = shared.service("POST", f"/endpoints/{endpoint}/infer?native=true", {})
        return answer if answer.status == 200 else None

    assert wait_for("an answer", predicted).text == "x\n7\n"
    # while it is deployed it stays
    answer = shared.service("DELETE", "/models/fish")
    assert answer.status == 409 and "fish" in answer.json()
    shared.service("POST", f"/endpoints/{endpoint}/undeploy_models", {})
    wait_for("no model", lambda: shared.service("DELETE", "/models/fish").status == 200)
    assert shared.service("GET", "/models/fish").status == 404
    shared.service("DELETE", f"/endpoints/{endpoint}/delete")


def test_an_alias_of_a_model_moves(shared):
    job = trained(shared, "fit-owl")
    first = model(shared, "owl", job, aliases=["prod"])
    second = model(shared, "owl", job)
    row = shared.made("/models/owl@v2/aliases", {"add": ["prod"]})
    assert raw(row)["aliases"] == ["prod"] and row["id"] == second["id"]
    assert look(shared, "models", "owl@v1")["aliases"] == []
    assert look(shared, "models", "owl:prod")["id"] == second["id"]
    assert first["sha256"] == second["sha256"]
    assert shared.service("DELETE", "/models/owl:prod").status == 200
    assert look(shared, "models", "owl")["id"] == first["id"]


# --- delete ---


def test_a_deleted_data_set_is_gone_for_new_jobs_only(shared):
    data = dataset(shared, "ants", "x\n5\n")
    job = trained(shared, "fit-ants", dataset="ants")
    answer = shared.service("DELETE", "/datasets/ants")
    assert answer.status == 200 and answer.json()["id"] == data["id"]
    assert shared.service("DELETE", "/datasets/ants").status == 404
    assert shared.service("GET", "/datasets/" + data["id"]).status == 404
    assert data["id"] not in [r["id"] for r in shared.service("GET", "/datasets/list").json()]
    row = raw(shared.service("GET", f"/pipelines/training/{job}/get").json())
    assert row["provider"]["dataset"]["sha256"] == data["sha256"]
    body = {"name": "t", "script": {"text": TRAIN}, "dataset": "ants"}
    answer = shared.service("POST", "/pipelines/training/train", body)
    assert answer.status == 400 and "/dataset" in answer.json()


# --- export ---


def test_a_data_set_is_exported_once(out):
    data = dataset(out, "exported", "a,b\n1,2\n")
    body = {"destination": {"path": "sets/new"}}
    answer = out.service("POST", "/datasets/exported/export", body)
    assert answer.status == 200, answer
    told = answer.json()
    assert told["id"] == data["id"] and told["uri"] == f"file://{out.exports}/sets/new"
    assert told["files"] == [{"path": "exported-v1.csv", "bytes": 8}]
    assert (out.exports / "sets/new/exported-v1.csv").read_text() == "a,b\n1,2\n"
    answer = out.service("POST", "/datasets/exported/export", body)
    assert answer.status == 409 and "exported-v1.csv" in answer.json()
    uri = {"destination": {"uri": f"file://{out.exports}/by%20uri"}}
    assert out.service("POST", "/datasets/exported/export", uri).status == 200
    assert (out.exports / "by uri" / "exported-v1.csv").exists()


def test_a_model_is_exported_whole_or_not_at_all(out):
    model(out, "whole", trained(out, "fit-whole"))
    taken = out.exports / "taken"
    taken.mkdir()
    (taken / "model.txt").write_text("mine")
    body = {"destination": {"path": str(taken)}}
    answer = out.service("POST", "/models/whole/export", body)
    assert answer.status == 409 and "model.txt" in answer.json()
    assert [p.name for p in taken.rglob("*") if p.is_file()] == ["model.txt"]
    assert (taken / "model.txt").read_text() == "mine"
    told = out.service("POST", "/models/whole/export", {"destination": {"path": "free"}}).json()
    assert [f["path"] for f in told["files"]] == ["deep/more.bin", "model.txt"]
    assert (out.exports / "free/deep/more.bin").read_bytes() == bytes(range(256))


@pytest.mark.parametrize("path", ["../x", "/etc", "/", "link/x", "a/../../x"])
def test_nothing_is_written_outside_the_export_roots(out, path):
    dataset(out, "outside")
    link = out.exports / "link"
    if not link.is_symlink():
        link.symlink_to(out.folder)
    before = sorted(p.name for p in out.folder.iterdir())
    answer = out.service("POST", "/datasets/outside/export", {"destination": {"path": path}})
    assert answer.status in (400, 409), answer
    assert answer.status == 409 or answer.json().startswith("/destination"), answer
    assert sorted(p.name for p in out.folder.iterdir()) == before


def test_bytes_are_answered_as_they_are(out):
    text = "x\n" + "7\n" * 300000
    job = trained(out, "fit-bytes", dataset=dataset(out, "bytes", text)["id"])
    model(out, "bytes", job)
    answer = out.service("POST", "/datasets/bytes/export", {"download": True})
    assert answer.status == 200 and answer.body == text.encode()
    assert answer.headers["Content-Disposition"] == "attachment"
    answer = out.service("POST", "/models/bytes/export", {"download": "deep/more.bin"})
    assert answer.body == bytes(range(256))
    answer = out.service("POST", "/models/bytes/export", {"download": "../x"})
    assert answer.status == 404 and "/download" in answer.json()


@pytest.mark.parametrize(
    "body, told",
    [
        ({}, "empty"),
        ({"download": True, "destination": {"path": "x"}}, ""),
        ({"download": "x"}, "/download"),
        ({"destination": "x"}, "/destination"),
        ({"destination": {}}, "/destination"),
        ({"destination": {"uri": "s3://a/b"}}, "file:///"),
        ({"destination": {"path": "x" * 300}}, "too long"),
        ({"destination": {"path": "a/" * 2500}}, ""),
    ],
)
def test_a_wrong_export_is_refused_by_name(out, body, told):
    dataset(out, "refused")
    answer = out.service("POST", "/datasets/refused/export", body)
    assert answer.status == 400 and told in answer.json(), answer


# --- every way to bring rows in ---

CSV = b"a,b\n1,2\n3,4\n"
JSONL = b'{"a": 1}\n{"a": 2}\n'
BAD_CSV = b'a,b\n1,"2\n3,4\n'
BAD_JSONL = b'{"a": 1}\n{"a": '


def form(parts):
    """A multipart body of (name, file name or None, bytes)."""
    out = b""
    for name, file, content in parts:
        out += b"--limit\r\nContent-Disposition: form-data; name=\"" + name.encode() + b'"'
        if file is not None:
            out += b'; filename="' + file.encode() + b'"'
        out += b"\r\nContent-Type: application/octet-stream\r\n\r\n" + content + b"\r\n"
    return out + b"--limit--\r\n"


def upload(site, name, content, request=None, file="rows", kind="text"):
    body = json.dumps({"name": name} | (request or {})).encode()
    parts = [("file", file, content), ("request", None if kind == "text" else "r.json", body)]
    return site.service(
        "POST",
        "/datasets",
        form(parts),
        headers={"Content-Type": "multipart/form-data; boundary=limit"},
    )


@pytest.mark.parametrize("odd", ["name", "Request", "file"])
def test_a_part_of_a_form_that_nothing_is_made_of_is_refused_by_its_name(out, odd):
    parts = [("file", "odd.csv", b"a,b\n1,2\n"), (odd, None, b"mine")]
    answer = out.service(
        "POST",
        "/datasets",
        form(parts),
        headers={"Content-Type": "multipart/form-data; boundary=limit"},
    )
    assert answer.status == 400 and f"part '{odd}'" in answer.json(), answer


def by_upload(site, name, content):
    return upload(site, name, content)


def by_upload_of_two_files(site, name, content):
    return upload(site, name, content, kind="file")


def create(site, name, source, **members):
    return site.service("POST", "/datasets", {"name": name, "source": source} | members)


def by_path(site, name, content):
    (site.imports / "deep").mkdir(exist_ok=True)
    (site.imports / "deep" / "rows").write_bytes(content)
    return create(site, name, {"path": "deep/rows"})


def by_uri(site, name, content):
    (site.imports / "rows 1").write_bytes(content)
    return create(site, name, {"uri": f"file://{site.imports}/rows%201"})


def by_text(site, name, content):
    return create(site, name, {"text": content.decode()})


def by_blob(site, name, content):
    """Bytes the daemon has already: here the script of a training that never ran."""
    site.service("POST", "/pipelines/training/train",
                 {"name": "holder", "script": {"text": content.decode()}})
    return create(site, name, {"blob": hashlib.sha256(content).hexdigest()})


WAYS = [by_upload, by_upload_of_two_files, by_path, by_uri, by_text, by_blob]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "content, kind, lines", [(CSV, "csv", 3), (JSONL, "jsonl", 2)], ids=["csv", "jsonl"]
)
def test_rows_come_in_whole_by_every_way(out, way, content, kind, lines):
    name = f"{way.__name__}-{kind}"
    answer = way(out, name, content)
    assert answer.status == 200, answer
    made = raw(answer.json())
    assert made["format"] == kind and made["bytes"] == len(content)
    assert made["sha256"] == hashlib.sha256(content).hexdigest()
    assert made["provider"]["lines"] == lines
    assert made.get("rows") == (lines if kind == "jsonl" else None)
    answer = out.service("POST", f"/datasets/{name}/export", {"download": True})
    assert answer.body == content


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "content, told", [(BAD_CSV, "line 2"), (BAD_JSONL, "line 2")], ids=["csv", "jsonl"]
)
def test_malformed_rows_are_refused_by_line_and_leave_nothing(out, way, content, told):
    name = f"bad-{way.__name__}"
    answer = way(out, name, content)
    assert answer.status == 400 and told in answer.json(), answer
    assert out.service("GET", f"/datasets/{name}").status == 404


def test_inline_rows_are_no_csv(out):
    answer = create(out, "as-csv", {"rows": [[1, 2]]}, format="csv")
    assert answer.status == 400 and "/format" in answer.json(), answer
    assert out.service("GET", "/datasets/as-csv").status == 404


def test_many_deletes_of_one_name_at_once_all_succeed(shared):
    made = [dataset(shared, "crowd") for _ in range(16)]
    with concurrent.futures.ThreadPoolExecutor(len(made)) as pool:
        answers = pool.map(lambda d: shared.service("DELETE", f"/datasets/{d['id']}"), made)
    assert [answer.status for answer in answers] == [200] * len(made)


def test_a_file_whose_name_is_no_text_is_no_part_of_a_model(shared):
    script = (
        "import os\n"
        "out = os.fsencode(os.environ['DAVIT_OUTPUT_DIR'])\n"
        "for name in (b'good', b'\\xff'):\n"
        "    open(os.path.join(out, name), 'w').close()\n"
    )
    job = trained(shared, "odd", script={"text": script})
    model(shared, "odd", job)
    assert [f["path"] for f in look(shared, "models", "odd")["files"]] == ["good"]
    items = shared.get(f"/v1/jobs/{job}/outputs").json()["items"]
    assert [f["path"] for f in items] == ["good"]


def test_rows_hide_what_names_secrets(shared):
    secret = canary.keep("hunter2-of-the-rows")
    wishes = {"password": secret, "lr": 0.5}
    job = trained(shared, "quiet", parameters=wishes, environment={"KEY": secret})
    server = {"script": {"text": SERVE}, "environment": {"KEY": secret}}
    model(shared, "quiet", job, server=server)
    for path in (
        f"/pipelines/training/{job}/get",
        "/pipelines/training/list",
        "/models/quiet",
        "/models/list",
    ):
        answer = shared.service("GET", path)
        assert answer.status == 200 and secret not in answer.text, path
    seen = raw(shared.service("GET", f"/pipelines/training/{job}/get").json())
    assert '"lr":0.5' in json.dumps(seen, separators=(",", ":")), seen


def test_inline_rows_are_one_json_value_a_line(out):
    answer = create(out, "inline", {"rows": [[1, 2], {"a": "ü"}]})
    assert answer.status == 200 and raw(answer.json())["rows"] == 2
    answer = out.service("POST", "/datasets/inline/export", {"download": True})
    assert [json.loads(line) for line in answer.text.splitlines()] == [[1, 2], {"a": "ü"}]


@pytest.mark.parametrize(
    "source, told",
    [
        ({"rows": []}, "/source/rows"),
        ({"rows": [1]}, "/source/rows/0"),
        ({"rows": "x"}, "/source/rows"),
        ({"path": "gone.csv"}, "'gone.csv'"),
        ({"uri": "s3://a/b"}, "file:///"),
        ({"uri": "file:rows.csv"}, "file:///"),
        ({"blob": "0" * 64}, "/source"),
        ({"blob": "0"}, "/source/blob"),
        ({"text": "a", "path": "b"}, "/source"),
        ({}, "/source"),
        ("rows.csv", "/source"),
    ],
)
def test_a_source_that_cannot_be_is_refused_by_name(out, source, told):
    answer = create(out, "wrong", source)
    assert answer.status == 400 and told in answer.json(), answer


def test_an_upload_without_its_parts_is_refused_in_words(out):
    head = {"Content-Type": "multipart/form-data; boundary=limit"}
    request = json.dumps({"name": "x"}).encode()
    for body, told in (
        (form([("request", None, request)]), "'file'"),
        (form([("file", "x.csv", CSV), ("request", None, b"{")]), "JSON"),
        (form([("file", "x.csv", CSV), ("request", None, b"[]")]), "'request'"),
        (form([("file", "x.csv", CSV), ("file", "y.csv", CSV)]), "two files"),
        (form([("file", "x.csv", CSV), ("dataset", "y.csv", CSV)]), "two files"),
        (form([("file", "x.csv", CSV), ("request", None, b'{"source": {"text": "1"}}')]), "/source"),
        (b"--limit\r\nContent-Disposition: form-data\r\n\r\nx", ""),
        (b"", ""),
    ):
        answer = out.service("POST", "/datasets", body, headers=head)
        assert answer.status == 400 and told in answer.json(), answer


def test_an_upload_takes_format_and_tags_along(out):
    body = form([("file", "of the file.csv", CSV)])
    head = {"Content-Type": "multipart/form-data; boundary=limit"}
    named = out.service("POST", "/datasets", body, headers=head)
    assert named.status == 200 and named.json()["name"] == "of the file.csv"
    answer = upload(out, "tagged", b"1\n2\n", {"format": "jsonl", "tags": ["first"]})
    assert answer.status == 200, answer
    made = raw(answer.json())
    assert made["rows"] == 2 and made["tags"] == ["first"]
    assert look(out, "datasets", "tagged@first")["id"] == made["id"]


def test_a_large_upload_is_not_kept_in_memory(out):
    row = b"1,2,3,4,5,6,7,8\n"
    content = row * (24 * 1024 * 1024 // len(row))
    answer = upload(out, "large", content)
    assert answer.status == 200, answer
    assert raw(answer.json())["provider"]["lines"] == len(content) // len(row)

"""Idempotency-Key: a request sent again is answered and not done again, whatever happened between
the two: nothing, another body, a restart, kill -9, a cut connection."""

import concurrent.futures
import random
import re
import socket
import subprocess
import sqlite3
import threading

import pytest
from davit_site import BUILD, OKHTTP, ROOT, execute_body, wait_for
from test_surface import CALLS, NOT_OFFERED, SCRIPT, SERVICE, World, value_of

KEY = "Idempotency-Key"


@pytest.fixture(scope="module")
def world(shared):
    return World(shared)


def jobs_of(site):
    """Ids of what was accepted, without the steps of flows."""
    with sqlite3.connect(f"file:{site.folder}/data/davit.db?mode=ro", uri=True) as db:
        return {row[0] for row in db.execute("SELECT id FROM job WHERE parent IS NULL")}


def sent(site, method, path, body, key, **options):
    headers = {**OKHTTP, KEY: key, **options.pop("headers", {})}
    return site.request(method, path, body, headers=headers, **options)


def train(site, key, body=SCRIPT, **options):
    return sent(site, "POST", f"{SERVICE}/pipelines/training/train", body, key, **options)


def creating_routes(site):
    return {
        (method.upper(), path)
        for path, methods in site.get("/swagger.json").json()["paths"].items()
        for method, operation in methods.items()
        if any(p["name"] == KEY for p in operation.get("parameters", []))
    }


CREATING = [
    ("POST", "/execute"),
    ("POST", f"{SERVICE}/datasets"),
    ("POST", f"{SERVICE}/endpoints/register"),
    ("POST", f"{SERVICE}/endpoints/{{endpoint_id}}/deploy_model"),
    ("POST", f"{SERVICE}/endpoints/{{endpoint_id}}/undeploy_models"),
    ("POST", f"{SERVICE}/models/register"),
    ("POST", f"{SERVICE}/pipelines/training"),
    ("POST", f"{SERVICE}/pipelines/training/automl"),
    ("POST", f"{SERVICE}/pipelines/training/custom_script"),
    ("POST", f"{SERVICE}/pipelines/training/train"),
    ("POST", f"{SERVICE}/pipelines/inference"),
    ("POST", f"{SERVICE}/pipelines/inference/"),
    ("POST", "/v1/jobs/{id}/rerun"),
]
ELSEWHERE = [("POST", "/v1/strays/{id}/adopt")]  # test_strays.py: this site has no stray


def test_the_description_names_every_creating_route(world):
    assert creating_routes(world.site) == {*CREATING, *ELSEWHERE}
    paths = world.site.get("/swagger.json").json()["paths"]
    for method, path in CREATING + ELSEWHERE:
        assert "Retry-After" in paths[path][method.lower()]["responses"]["409"]["headers"]


@pytest.mark.parametrize("route", CREATING, ids=lambda route: " ".join(route))
def test_a_creating_route_makes_one_job_per_key(world, route):
    method, path = route
    name, body = CALLS[route]
    body = value_of(body, world)
    asked = re.sub(r"{\w+}", lambda _: value_of(name, world), path)
    over_unix = "/v1/" in path and SERVICE not in path
    before = jobs_of(world.site)

    def ask(body, key="of " + path):
        key = key.replace(" ", ":")
        return sent(world.site, method, asked, body, key, over_unix=over_unix)

    first = ask(body)
    again = ask(body)
    if route in NOT_OFFERED:
        assert first.status == again.status == 501
        assert jobs_of(world.site) == before
        return
    assert first.status == 200, first
    assert (again.status, again.text) == (200, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["Idempotency-Replayed"] is None
    other = ask({**body, "name": "another"})
    assert other.status == 409 and "Idempotency-Key" in other.text, other
    assert other.headers["Retry-After"] is None
    assert len(jobs_of(world.site) - before) == 1


def test_sixteen_at_once_make_one_job(world):
    before = jobs_of(world.site)
    body = {"name": "crowd", "script": {"text": "print(1)"}}
    together = threading.Barrier(16)

    def ask(_):
        together.wait()
        return train(world.site, "crowd", body)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    good = [answer for answer in answers if answer.status == 200]
    assert good and len({answer.text for answer in good}) == 1
    for answer in answers:
        if answer.status != 200:
            assert answer.status == 409 and int(answer.headers["Retry-After"]) >= 1, answer
    assert len(jobs_of(world.site) - before) == 1
    assert train(world.site, "crowd", body).text == good[0].text


def test_a_key_must_be_visible(world):
    before = jobs_of(world.site)
    for key in ("", "a b", "k" * 256):
        answer = train(world.site, key)
        assert answer.status == 400 and KEY in answer.text, answer
    assert jobs_of(world.site) == before


def test_listeners_and_projects_are_callers_of_their_own(world):
    before = jobs_of(world.site)
    assert train(world.site, "mine").status == 200
    assert train(world.site, "mine", over_unix=True).status == 200
    for _ in range(2):
        answer = sent(world.site, "POST", f"{SERVICE}/pipelines/training/train?project=p", SCRIPT, "mine")
        assert answer.status == 200
    assert len(jobs_of(world.site) - before) == 3


def form(boundary, data):
    lines = [
        f"--{boundary}",
        'Content-Disposition: form-data; name="request"',
        "",
        '{"name": "large"}',
        f"--{boundary}",
        'Content-Disposition: form-data; name="file"; filename="rows.csv"',
        "",
        data,
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode()


def upload(site, boundary, data):
    head = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return sent(site, "POST", f"{SERVICE}/datasets", form(boundary, data), "large", headers=head)


def test_an_upload_sent_again_is_known_by_its_parts(world):
    before = jobs_of(world.site)
    data = "a,b\n" + "1234567,7654321\n" * 500_000  # 8 MB: in a file
    first = upload(world.site, "one", data)
    assert first.status == 200, first.text[:300]
    assert upload(world.site, "another", data).text == first.text
    assert upload(world.site, "one", data[:-2] + "2\n").status == 409
    assert len(jobs_of(world.site) - before) == 1


@pytest.fixture
def settled(sites):
    """A site whose configuration names its port: it is part of who a caller is."""
    site = sites().start()
    site.stop()
    return site.start()


def test_a_restart_forgets_nothing(settled):
    site = settled
    first = train(site, "k")
    assert first.status == 200
    site.stop()
    site.start()
    assert train(site, "k").text == first.text
    assert train(site, "k", {**SCRIPT, "name": "x"}).status == 409
    assert len(jobs_of(site)) == 1


def test_killed_between_the_job_and_its_answer(settled):
    site = settled
    ids = {}
    for path, body in (
        ("/execute", execute_body("true")),
        (f"{SERVICE}/pipelines/training/train", SCRIPT),
        (f"{SERVICE}/datasets", {"name": "d", "source": {"rows": [{"a": 1}]}}),
    ):
        ids[path] = (sent(site, "POST", path, body, "k"), body)
        assert ids[path][0].status == 200
    site.kill()
    with sqlite3.connect(site.folder / "data" / "davit.db") as db:  # before the second commit
        assert db.execute("UPDATE claim SET status = 0, answer = NULL").rowcount == 3
    site.start()
    for path, (first, body) in ids.items():
        again = sent(site, "POST", path, body, "k")
        assert again.status == 200, again
        for member in ("task_id", "Id"):
            assert first.json().get(member) == again.json().get(member)
        assert sent(site, "POST", path, body, "k").text == again.text
    assert len(jobs_of(site)) == 3


def test_killed_at_any_moment_a_request_sent_until_it_is_answered_makes_one_job(settled):
    site = settled
    seed = random.SystemRandom().randrange(10**6)
    dice = random.Random(seed)
    answers = {}

    def until_answered(key):
        def one():
            try:
                answer = train(site, key, {"name": key, "script": {"text": "print(1)"}})
            except OSError:
                return None
            assert answer.status in (200, 409, 503), f"seed {seed}: {answer}"
            return answer if answer.status == 200 else None

        answers[key] = wait_for(f"an answer to {key}", one)

    for turn in range(12):
        keys = [f"{turn}-{part}" for part in range(4)]
        clients = [threading.Thread(target=until_answered, args=(key,)) for key in keys]
        for client in clients:
            client.start()
        threading.Event().wait(dice.uniform(0, 0.08))  # where the kill falls; any moment is right
        site.kill()
        site.start()
        for client in clients:
            client.join()
    assert len(answers) == 48
    names = [site.job(job)["name"] for job in jobs_of(site)]
    assert sorted(names) == sorted(answers), f"seed {seed}"
    for key, answer in answers.items():
        again = train(site, key, {"name": key, "script": {"text": "print(1)"}})
        assert again.text == answer.text, f"seed {seed}"


def test_a_client_that_went_away_hears_the_answer_when_it_comes_again(site):
    text = b'{"name": "gone", "script": {"text": "print(1)"}}'
    with socket.create_connection(("127.0.0.1", site.port)) as client:
        client.sendall(
            b"POST /api/service/v1/pipelines/training/train HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nIdempotency-Key: gone\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(text), text)
        )
    wait_for("the job", lambda: len(jobs_of(site)) == 1)

    def answered():
        answer = train(site, "gone", text, headers={"Content-Type": "application/json"})
        return answer if answer.status == 200 else None

    wait_for("the answer", answered)
    assert len(jobs_of(site)) == 1


# --- the command line ---


class Cutting(threading.Thread):
    """Stands between a client and a site: the answers of the first connections are not handed on."""

    def __init__(self, site, cuts):
        super().__init__(daemon=True)
        self.site = site
        self.cuts = cuts
        self.heard = []  # whole requests as far as they came
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.site.port))
        self.heard.append(b"")
        at = len(self.heard) - 1

        def up():
            try:
                while data := client.recv(65536):
                    self.heard[at] += data
                    server.sendall(data)
            except OSError:
                pass  # the other direction has ended

        threading.Thread(target=up, daemon=True).start()
        with client, server:
            while data := server.recv(65536):
                if at < self.cuts:
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)


def davit(port, *words):
    return subprocess.run(
        [str(BUILD / "cli" / "davit"), "--host", f"http://127.0.0.1:{port}", *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
    )


def test_the_command_line_knows_every_creating_route(site):
    source = (ROOT / "cli" / "again.c").read_text(encoding="utf-8")
    table = re.search(r"making\[\] = {(.*?)};", source, re.S)[1]
    known = {
        (SERVICE if service else "") + path
        for service, path in re.findall(r'(SERVICE )?"([^"]+)"', table)
    }
    assert known == {re.sub(r"{\w+}", "*", path) for _, path in creating_routes(site)}


@pytest.mark.parametrize("cuts", [1, 3])
def test_what_the_command_line_sends_again_makes_one_job(site, cuts):
    script = site.folder / "train.py"
    script.write_text("print(1)")
    rows = site.folder / "rows.csv"
    rows.write_text("a,b\n" + "1,2\n" * 100_000)
    for words in (
        ("submit", "true"),
        ("train", str(script), "--name", "one"),
        ("datasets", "create", str(rows)),
    ):
        before = jobs_of(site)
        proxy = Cutting(site, cuts)
        done = davit(proxy.port, *words)
        proxy.listener.close()
        assert done.returncode == 0, (words, done)
        keys = {re.search(rb"Idempotency-Key: (\w+)\r\n", text)[1] for text in proxy.heard[: cuts + 1]}
        assert len(keys) == 1
        assert len(jobs_of(site) - before) == 1, words


def test_what_makes_nothing_is_not_sent_again(site):
    proxy = Cutting(site, 1)
    done = davit(proxy.port, "cancel", "none")
    proxy.listener.close()
    assert done.returncode != 0
    assert len(proxy.heard) == 1 and b"Idempotency-Key" not in proxy.heard[0]

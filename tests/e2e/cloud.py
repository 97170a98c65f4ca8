"""The fake cloud of tests/fakes/cloud for a test, and sites whose provider is testcloud."""

import itertools
import json
import pathlib
import subprocess
import urllib.parse
import urllib.request

import canary
from davit_site import BUILD, DEADLINE

PROGRAM = BUILD / "tests" / "fakes" / "fakecloud"
PROVIDER = BUILD / "tests" / "providers" / "testcloud.so"
SECRET = canary.keep("canary-7d1f-client-secret")
ACCOUNTS = 250


class Cloud:
    """One process; ends when it is closed, or with us."""

    def __init__(self, folder, *flags):
        assert PROGRAM.exists(), f"{PROGRAM} is missing: it needs Go (package golang-go)"
        own = ["--ca-dir", pathlib.Path(folder) / "ca", "--client", f"davit:{SECRET}"]
        self.process = subprocess.Popen(
            [PROGRAM, *own, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        said = json.loads(self.process.stdout.readline())
        self.http, self.https, self.http2 = said.get("http"), said.get("https"), said.get("http2")
        self.admin, self.ca_file = said["admin"], said["ca_file"]
        self.port = urllib.parse.urlsplit(self.https).port
        self.plain_port = urllib.parse.urlsplit(self.http).port

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(DEADLINE)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            self.admin + path, json.dumps(body).encode() if body else None, method=method
        )
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return json.load(answer)

    def fails(self, *rules):
        """The plan of faults from now on; each rule is a fault and the members of its match."""
        made = []
        for rule in rules:
            rule = dict(rule)
            match = {
                key: rule.pop(key)
                for key in ("method", "path", "nth", "every", "probability")
                if key in rule
            }
            made.append({"match": match, **rule})
        self.ask("POST", "/faults", {"rules": made})

    def fired(self):
        return sum(rule["fired"] for rule in self.ask("GET", "/faults")["rules"] or [])

    def objects(self, kind="jobs"):
        return self.ask("GET", "/objects")[kind]

    def requests(self, path, method="", since=0):
        query = urllib.parse.urlencode({"path": path, "method": method, "since": since})
        return self.ask("GET", "/requests?" + query)["requests"]

    def stats(self):
        return self.ask("GET", "/stats")


def site_options(cloud, endpoint=None, net="request_timeout_ms: 1000", sweep_hours=0, pace=1):
    """Options of a Site with testcloud and many accounts at one cloud. Each test takes an account
    of its own, so that a circuit which one of them opened is no matter to the next. Nobody looks
    for strays beside what a test counts."""
    endpoint = endpoint or f"https://localhost:{cloud.port}"
    parts = urllib.parse.urlsplit(endpoint)
    provider = (
        f"provider: testcloud\nplugin: {PROVIDER}\nmax_running: 100\n"
        f"egress: ['{parts.scheme}://{parts.netloc}']\nprivate_networks: [127.0.0.0/8]\n"
        f"settings: {{endpoint: '{endpoint}', client_id: davit, poll_ms: 50}}\n"
    )
    secrets = {**{f"a{n}": SECRET for n in range(ACCOUNTS)}, "wrong": SECRET + "x"}
    accounts = "".join(
        f"  {name}: {{type: TESTCLOUD, client_id: davit, client_secret: {secret}}}\n"
        for name, secret in secrets.items()
    )
    davit = (
        f"connections:\n{accounts}jobs: {{max_running: 100, sweep_hours: {sweep_hours}}}\n"
        f"net: {{ca_file: '{cloud.ca_file}', {net}}}\n"
    )
    return {"providers": {"testcloud": provider}, "davit": davit, "pace": pace}


class Account:
    """One connection of a site, with the calls of the service family."""

    numbers = itertools.count()

    def __init__(self, site, name=None):
        self.site = site
        self.name = name or f"a{next(self.numbers) % ACCOUNTS}"

    def ask(self, method, path, body=None, query="", **options):
        path = f"{path}?adapter_instance={self.name}&project={self.name}{query}"
        return self.site.service(method, path, body, over_unix=True, **options)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def made(self, path, body):
        """Creates something and returns its row."""
        answer = self.ask("POST", path, body)
        assert answer.status in (200, 201), answer
        return answer.json()

    def jobs(self):
        """Its newest jobs, by id."""
        return [job["id"] for job in self.site.get(f"/v1/jobs?project={self.name}").json()["jobs"]]

    def train(self, kind="train", **behaviour):
        """Submits a training; returns its job's id."""
        before = self.jobs()
        body = {"name": "t", "behaviour": behaviour}
        answer = self.ask("POST", f"/pipelines/training/{kind}", body)
        assert answer.status in (200, 201), answer
        made = [job for job in self.jobs() if job not in before]
        assert len(made) == 1, made
        return made[0]

    def deployed(self):
        """An endpoint with a model on it, by its id."""
        at_once = {"behaviour": {"run_ms": 0}}
        model = self.made("/models/register", {"name": "m", **at_once})["Id"]
        endpoint = self.made("/endpoints/register", {"name": "e", **at_once})["Id"]
        body = {"model": model, **at_once}
        answer = self.ask("POST", f"/endpoints/{endpoint}/deploy_model", body)
        assert answer.status == 200, answer
        return endpoint

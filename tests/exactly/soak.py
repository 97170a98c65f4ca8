"""Jobs for a cloud that fails at random and for this machine, while the daemon is killed again and
again: how many are lost, and how many were done twice.

usage: ./test soak [--full] [--seed N] [--mode inline|worker] [PROVIDER.so]
  --full            10,000 jobs, killed every 5 to 15 s; otherwise 400, every 1 to 3 s
  --seed N          other jobs, faults and times (1)
  --mode worker     providers in processes of their own: this build has none
  --describe FILE   what to submit to PROVIDER.so (PROVIDER.exactly.json beside it)
  --protocol WORD   how the cloud is asked: http or https (https)
"""

import collections
import copy
import http.client
import pathlib
import random
import shutil
import sys
import threading
import time
import uuid

sys.dont_write_bytecode = True

import command  # noqa: E402
from cases import execute_body  # noqa: E402
from host import Late, scratch, wait_for  # noqa: E402
from description import fill  # noqa: E402
from lab import Lab  # noqa: E402

SUBMITTERS = 8
WAIT_SECONDS = 300
LOCAL_PART = 0.15  # of all jobs, where they are for this machine too
NONE_PART = 0.02  # those that nothing marks: some of them wait for a person

# Chances of each request, of what changes something and of what does not.
CHANGES = [
    {"fault": "reset_before", "probability": 0.02},
    {"fault": "reset_after", "probability": 0.03},
    {"fault": "status", "status": 500, "probability": 0.02},
    {"fault": "status", "status": 500, "applied": True, "probability": 0.02},
    {"fault": "status", "status": 503, "probability": 0.01},
    {"fault": "status", "status": 429, "retry_after": 0, "probability": 0.02},
    {"fault": "truncate", "probability": 0.02},
    {"fault": "bad_json", "probability": 0.01},
    {"fault": "timeout", "applied": True, "probability": 0.003},
    {"fault": "delay", "ms": 100, "probability": 0.05},
]
READS = [
    {"fault": "reset_after", "probability": 0.02},
    {"fault": "status", "status": 500, "probability": 0.02},
    {"fault": "bad_json", "probability": 0.01},
]


class Size:
    def __init__(self, full):
        self.jobs = 10000 if full else 400
        self.rate = 20.0 if full else 40.0  # jobs a second
        self.kill = (5.0, 15.0) if full else (1.0, 3.0)


class Order:
    """One job, and what was heard of it."""

    def __init__(self, number, case, dice):
        self.number, self.case = number, case
        self.key = str(uuid.UUID(int=dice.getrandbits(128)))
        self.run_ms = dice.choice((0, 1, 50, 500, 2000))
        self.answered = False
        self.job = None

    @property
    def project(self):
        return f"soak-{self.number}"

    def body(self, names):
        """The request's body, named by the number wherever it is seen afterwards."""
        body = copy.deepcopy(fill(self.case["body"], names))
        body["name"] = self.project
        if "run_ms" in body.get("behaviour", {}):
            body["behaviour"]["run_ms"] = self.run_ms
        return body


class Soak:
    def __init__(self, options):
        self.size = Size(options.full)
        self.dice = random.Random(options.seed)
        self.folder = scratch("davit-soak.")
        suites = command.suites_of(options)
        first = next(iter(suites.values()))
        told = copy.deepcopy(first.told)
        self.cases = {"": [c for c in told["cases"] if self.suits(c)], "none": [], "local": []}
        self.cases["none"] = [c for c in told["cases"] if self.is_unmarked(c)]
        if "local" in suites:
            local = suites["local"].told
            told.setdefault("others", {})["local"] = {
                **local["provider"],
                "plugin": local["plugin"],
                "max_running": 16,
            }
            self.cases["local"] = [
                {"name": "local", "class": "name", "provider": "local", "effect": {"made": "lines"}}
            ]
        told["provider"]["max_running"] = 300
        told["provider"].setdefault("settings", {})
        if "poll_ms" in told["provider"]["settings"]:
            told["provider"]["settings"]["poll_ms"] = 300
        self.lab = Lab(told, first.plugin, self.folder, options.seed, options.protocol or "https")
        self.host, self.cloud = self.lab.host, self.lab.cloud
        self.effects = self.host.marks
        self.orders = [Order(n, self.pick(), self.dice) for n in range(self.size.jobs)]
        self.todo = collections.deque(self.orders)
        self.began = time.monotonic()
        self.lock = threading.Lock()
        self.trouble = []
        self.kills = self.fired = 0

    @staticmethod
    def suits(case):
        """What is made, once, and has a name that shows."""
        return (
            "made" in case["effect"]
            and case["class"] not in ("none", "unsettled")
            and "name" in case.get("body", {})
            and not case.get("before")
        )

    @staticmethod
    def is_unmarked(case):
        """A command, whose line shows in the one object that it makes."""
        return case["class"] == "none" and "execute" in case and "made" in case["effect"] and (
            "and" not in case["effect"]
        )

    def pick(self):
        chance = self.dice.random()
        if chance < LOCAL_PART and self.cases["local"]:
            return self.cases["local"][0]
        if chance > 1 - NONE_PART and self.cases["none"]:
            return self.dice.choice(self.cases["none"])
        return self.dice.choice(self.cases[""])

    # --- submitting ---

    def request(self, order):
        provider = order.case.get("provider", self.lab.provider)
        account = f"{provider}-{order.number % 200}"
        query = f"?project={order.project}"
        if self.lab.connected and provider != "local":
            query += f"&adapter_instance={account}"
        headers = {"Idempotency-Key": order.key}
        options = {"provider": provider, "headers": headers}
        if provider == "local":
            path = self.effects / str(order.number)
            body = execute_body(f"echo effect >> {path}", order.project)
            return self.host.request("POST", "/execute" + query, body, **options)
        if "execute" in order.case:
            body = execute_body(f"python train.py {order.project}", order.project)
            return self.host.request("POST", "/execute" + query, body, **options)
        return self.host.request("POST", order.case["post"] + query, order.body({}), **options)

    def submit(self, order):
        """As a client that wants it done once: until it has an answer, with the same key."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            try:
                answer = self.request(order)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            if answer.status in (200, 201, 202):
                order.answered = True
                return
            again = answer.headers.get("Retry-After") is not None or answer.status >= 500
            if not again:
                raise AssertionError(f"{order.case['name']}: {answer}")
            time.sleep(0.1)
        raise Late(f"no answer for {order.project}")

    def submitter(self):
        try:
            while True:
                with self.lock:
                    if not self.todo:
                        return
                    order = self.todo.popleft()
                at = self.began + order.number / self.size.rate
                time.sleep(max(0.0, at - time.monotonic()))  # its time has not come
                self.submit(order)
        except Exception as error:  # noqa: BLE001: told at the end
            self.trouble.append(repr(error))

    # --- the run ---

    def rules(self):
        changes = {case["changes"] for case in self.cases[""] + self.cases["none"]}
        rules = []
        for change in sorted(changes):
            method, path = change.split(" ")
            for fault in CHANGES:
                match = {"method": method, "path": path, "probability": fault["probability"]}
                rest = {key: value for key, value in fault.items() if key != "probability"}
                rules.append({"match": match, **rest})
        for fault in READS:
            match = {"method": "GET", "path": "/v1/*/*", "probability": fault["probability"]}
            rest = {key: value for key, value in fault.items() if key != "probability"}
            rules.append({"match": match, **rest})
        return rules

    def open_jobs(self):
        """How many have not come to their end."""
        open_ = 0
        for state in ("queued", "submitting", "running", "recovering"):
            answer = self.host.request("GET", f"/v1/jobs?state={state}&limit=1")
            open_ += len(answer.json()["jobs"])
        return open_

    def kill_until(self, done):
        while True:
            at = time.monotonic() + self.dice.uniform(*self.size.kill)
            while time.monotonic() < at:
                if done():
                    return
                time.sleep(0.1)
            self.host.kill()
            self.kills += 1
            self.host.start()

    def run(self):
        self.host.start()
        if self.cloud is not None:
            self.cloud.ask("POST", "/settings", self.lab.told.get("cloud", {}))
            self.cloud.ask("POST", "/faults", {"rules": self.rules()})
        threads = [threading.Thread(target=self.submitter, daemon=True) for _ in range(SUBMITTERS)]
        for thread in threads:
            thread.start()
        self.kill_until(lambda: not any(thread.is_alive() for thread in threads))
        if self.cloud is not None:
            rules = self.cloud.ask("GET", "/faults")["rules"]
            self.fired = sum(rule["fired"] for rule in rules)
            self.cloud.ask("POST", "/faults", {"rules": []})
        try:
            wait_for("the end of all jobs", lambda: self.open_jobs() == 0, WAIT_SECONDS, every=0.5)
        except Late as error:
            self.trouble.append(str(error))

    # --- counting ---

    def rows(self):
        """All jobs by their projects."""
        found, after = {}, ""
        while True:
            answer = self.host.request("GET", f"/v1/jobs?limit=1000{after}").json()
            for job in answer["jobs"]:
                found.setdefault(job["project"], []).append(job)
            if not answer.get("next"):
                return found
            after = f"&cursor={answer['next']}"

    def objects(self):
        """How often each name was made, of each kind."""
        made = collections.Counter()
        kinds = {case["effect"]["made"] for case in self.cases[""] + self.cases["none"]}
        for kind in kinds if self.cloud is not None else ():
            for row in self.cloud.all(kind):
                spec = row.get("spec")
                name = spec.rsplit(" ", 1)[1] if isinstance(spec, str) else row.get("displayName")
                made[kind, name] += 1
        for path in self.effects.iterdir():
            made["lines", f"soak-{path.name}"] += len(path.read_text(encoding="utf-8").splitlines())
        return made

    def report(self):
        report = command.Lines("soak")
        rows, made = self.rows(), self.objects()
        states, lost, twice, total = collections.Counter(), [], [], 0
        for order in self.orders:
            jobs = rows.get(order.project, [])
            count = made[order.case["effect"]["made"], order.project]
            total += count
            state = jobs[0]["state"] if len(jobs) == 1 else f"{len(jobs)} jobs"
            states[state] += 1
            parks = state == "needs_decision" and order.case["class"] == "none"
            if order.answered and state != "succeeded" and not parks:
                lost.append(f"{order.project} ({order.case['name']}) is {state}")
            elif state == "succeeded" and count == 0:
                lost.append(f"{order.project} ({order.case['name']}) made nothing")
            if count > 1 or len(jobs) > 1:
                twice.append(f"{order.project} ({order.case['name']}) {count} times")
        for text in (lost + twice + self.trouble)[:20]:
            print("   ", text)
        nothing = sum(order.case["class"] == "none" for order in self.orders)
        report.line("accepted", sum(o.answered for o in self.orders), "jobs", self.size.jobs)
        report.line("remote_objects", total, "objects")
        report.line("doubled", len(twice), "jobs", 0)
        report.line("lost", len(lost), "jobs", 0)
        report.line("parked", states["needs_decision"], "jobs", nothing, most=True)
        report.line("kills", self.kills, "kills")
        report.line("faults", self.fired, "faults")
        report.line("trouble", len(self.trouble), "clients", 0)
        report.line("seconds", round(time.monotonic() - self.began, 1), "s")
        return report.good

    def close(self, good):
        if not good:
            kept = pathlib.Path("/var/tmp") / f"{self.folder.name}.log"
            shutil.copy(self.host.log_path, kept)
            print(f"    the daemon's log: {kept}")
        self.lab.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    options = command.parse("soak", __doc__)
    command.end_in_order()
    soak = Soak(options)
    good = False
    try:
        soak.run()
        good = soak.report()
    finally:
        soak.close(good)
    print(f"{int(good)} passed, {int(not good)} failed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

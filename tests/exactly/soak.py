"""Jobs for a cloud that fails at random and for this machine, some of them cancelled or deleted, while
the daemon is killed again and again: how many are lost, and how many were done twice.

usage: ./test soak [--full] [--seed N] [--mode inline|worker] [PROVIDER.so]
  --full            10,000 jobs, killed every 5 to 15 s; otherwise 400, every 1 to 3 s
  --seed N          other jobs, faults and times (1)
  --mode worker     providers in processes of their own
  --describe FILE   what to submit to PROVIDER.so (PROVIDER.exactly.json beside it)
  --protocol WORD   how the cloud is asked: http or https (https)
"""

import collections
import copy
import http.client
import pathlib
import queue
import random
import shutil
import sys
import threading
import time

sys.dont_write_bytecode = True

import command  # noqa: E402
from effects import text_of  # noqa: E402
from host import Late, scratch, wait_for  # noqa: E402
from lab import Lab  # noqa: E402
from orders import Mix, Order  # noqa: E402

SUBMITTERS = 8
FOLLOWERS = 4
AGAIN_SECONDS = 0.2
WAIT_SECONDS = 120
TIMEOUT_MS = 1000
OPEN = ("queued", "submitting", "running", "recovering")

# Chances of each request, of what changes something and of what does not.
CHANGES = [
    {"fault": "reset_before", "probability": 0.02},
    {"fault": "reset_after", "probability": 0.03},
    {"fault": "status", "status": 500, "probability": 0.02},
    {"fault": "status", "status": 500, "applied": True, "probability": 0.02},
    {"fault": "status", "status": 503, "probability": 0.01},
    {"fault": "status", "status": 429, "retry_after": 0, "probability": 0.02},
    {"fault": "status", "status": 401, "probability": 0.003},
    {"fault": "truncate", "probability": 0.02},
    {"fault": "bad_json", "probability": 0.01},
    {"fault": "wrong_type", "probability": 0.01},
    {"fault": "slow_drip", "ms": 0, "probability": 0.01},
    {"fault": "huge", "bytes": 9000000, "probability": 0.002},
    {"fault": "timeout", "probability": 0.003},
    {"fault": "timeout", "applied": True, "probability": 0.003},
    {"fault": "late", "ms": 20, "probability": 0.003},
    {"fault": "delay", "ms": 100, "probability": 0.05},
]
READS = [
    {"fault": "reset_after", "probability": 0.02},
    {"fault": "status", "status": 500, "probability": 0.02},
    {"fault": "bad_json", "probability": 0.01},
]
TOKENS = [
    {"fault": "reset_after", "probability": 0.02},
    {"fault": "status", "status": 500, "probability": 0.02},
]
CONNECTIONS = [{"fault": "reset_connect", "probability": 0.02}]


class Size:
    def __init__(self, full):
        self.jobs = 10000 if full else 400
        self.rate = 20.0 if full else 40.0  # jobs a second
        self.kill = (5.0, 15.0) if full else (1.0, 3.0)
        self.running = 9 if full else 6  # at once, of each provider: some jobs wait in its queue


class Soak:
    def __init__(self, options):
        self.size = Size(options.full)
        self.dice = random.Random(options.seed)
        suites = command.suites_of(options)
        first = next(iter(suites.values()))
        told = copy.deepcopy(first.told)
        local = suites["local"].told if "local" in suites and first.name != "local" else None
        if local is not None:
            told.setdefault("others", {})["local"] = {
                **local["provider"],
                "plugin": local["plugin"],
                "max_running": self.size.running,
            }
        told["provider"]["max_running"] = self.size.running
        told["provider"].setdefault("settings", {})
        if "poll_ms" in told["provider"]["settings"]:
            told["provider"]["settings"]["poll_ms"] = 300
        try:
            self.mix = Mix(told, local, "tried")
        except ValueError as error:
            print(f"{first.file}: {error}, which a soak needs")
            sys.exit(2)
        self.folder = scratch("davit-soak.")
        protocol = options.protocol or "https"
        self.lab = Lab(told, first.plugin, self.folder, options.seed, protocol, TIMEOUT_MS)
        self.host, self.cloud = self.lab.host, self.lab.cloud
        self.effects = self.host.marks
        self.orders = [Order(n, self.mix, self.dice) for n in range(self.size.jobs)]
        self.todo = collections.deque(self.orders)
        self.later = queue.PriorityQueue()  # when to ask for what follows, and of which order
        self.open = len(self.orders)  # those that are not submitted, or something follows
        self.began = time.monotonic()
        self.lock = threading.Lock()
        self.trouble = []
        self.kills = self.fired = 0

    # --- what clients do ---

    def send(self, method, path, order, body=None, key=None):
        """Asks once; None: there was no answer, or it says that one is to ask again."""
        provider, query = order.sort.provider, f"?project={order.project}"
        if self.lab.connected and provider != "local":
            query += f"&adapter_instance={order.account()}"
        headers = {"Idempotency-Key": key} if key else None
        try:
            answer = self.host.request(
                method, path + query, body, provider=provider, headers=headers
            )
        except (OSError, http.client.HTTPException):
            return None
        if answer.headers.get("Retry-After") is not None or answer.status >= 500:
            return None
        return answer

    def submit(self, order):
        """As a client that wants it done once: until it has an answer, with the same key."""
        folder = self.effects / str(order.number)
        if order.sort.provider == "local":
            folder.mkdir()
            folder.chmod(0o777)
        path, body = order.request({"folder": folder})
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            answer = self.send("POST", path, order, body, order.key)
            if answer is not None and answer.status in (200, 201, 202):
                order.answered = True
                return
            if answer is not None:
                raise AssertionError(f"{order.sort.name}: {answer}")
            time.sleep(0.05)
        raise Late(f"no answer for {order.project}")

    def follow(self, order):
        """Asks for what follows; false: ask again."""
        answer = self.send("GET", "/v1/jobs", order)
        rows = answer.json()["jobs"] if answer is not None and answer.status == 200 else []
        if not rows:
            return False
        job = rows[0]
        if order.sort.then == "delete" and job["state"] in OPEN:
            return False
        if order.sort.then == "delete" and job["state"] != "succeeded":
            return True  # it is counted as lost
        remote = (job["resource"] or "").rpartition("/")[-1]
        path = order.sort.path.format(job=job["id"], remote=remote)
        method = "DELETE" if order.sort.then == "delete" else "POST"
        answer = self.send(method, path, order)
        order.confirmed = answer is not None and answer.status in (200, 202, 404)
        if answer is not None and answer.status not in (200, 202, 404, 409):
            raise AssertionError(f"{order.sort.name}: {answer}")
        return order.confirmed

    def client(self, work):
        try:
            while self.open > 0:
                work()
        except Exception as error:  # noqa: BLE001: told at the end
            self.trouble.append(repr(error))
            self.open = 0

    def done(self):
        with self.lock:
            self.open -= 1

    def submit_next(self):
        with self.lock:
            order = self.todo.popleft() if self.todo else None
        if order is None:
            time.sleep(AGAIN_SECONDS)
            return
        at = self.began + order.number / self.size.rate
        time.sleep(max(0.0, at - time.monotonic()))  # its time has not come
        self.submit(order)
        if order.sort.then is None:
            self.done()
        else:
            order.until = time.monotonic() + WAIT_SECONDS
            self.later.put((time.monotonic() + order.patience, order.number))

    def follow_next(self):
        try:
            at, number = self.later.get(timeout=AGAIN_SECONDS)
        except queue.Empty:
            return
        time.sleep(max(0.0, at - time.monotonic()))
        order = self.orders[number]
        if self.follow(order) or time.monotonic() > order.until:
            self.done()
        else:
            self.later.put((time.monotonic() + AGAIN_SECONDS, number))

    # --- the run ---

    def rules(self):
        """Faults of whatever changes something, of tokens, of connections, and of reads."""
        wheres = [({"path": "/oauth/token"}, TOKENS), ({}, CONNECTIONS)]
        wheres += [({"method": "POST", "path": f"/v1/*{rest}"}, CHANGES) for rest in ("", "/*")]
        wheres += [({"method": "DELETE", "path": "/v1/*/*"}, CHANGES)]
        wheres += [({"method": "GET", "path": f"/v1/*{rest}"}, READS) for rest in ("", "/*")]
        rules = []
        for where, faults in wheres:
            for fault in faults:
                rest = {key: value for key, value in fault.items() if key != "probability"}
                match = {**where, "probability": fault["probability"]}
                rules.append({"match": match, **rest})
        return rules

    def open_jobs(self):
        """How many have not come to their end."""
        open_ = 0
        for state in OPEN:
            for kind in ("", "&kind=remove"):
                answer = self.host.request("GET", f"/v1/jobs?state={state}&limit=1{kind}")
                open_ += len(answer.json()["jobs"])
        return open_

    def so_far(self):
        answered = sum(order.answered for order in self.orders)
        kills = f"{self.kills} kills, {len(self.trouble)} in trouble"
        return f"{answered} of {len(self.orders)} jobs accepted, {self.open} in hand, {kills}"

    def kill_until(self, done):
        progress = command.Progress()
        while True:
            at = time.monotonic() + self.dice.uniform(*self.size.kill)
            while time.monotonic() < at:
                if done():
                    return
                progress.tell(self.so_far)
                time.sleep(0.1)
            self.host.kill()
            self.kills += 1
            self.host.start()

    def run(self):
        self.host.start()
        if self.cloud is not None:
            self.cloud.ask("POST", "/settings", self.lab.told.get("cloud", {}))
            self.cloud.ask("POST", "/faults", {"rules": self.rules()})
        works = [self.submit_next] * SUBMITTERS + [self.follow_next] * FOLLOWERS
        threads = [threading.Thread(target=self.client, args=(w,), daemon=True) for w in works]
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
        """The states of what each order made, by kind and project."""
        made = collections.defaultdict(list)
        kinds = {sort.kind for sort in self.mix.sorts()} - {None}
        if self.cloud is not None:
            self.cloud.ask("POST", "/clock", {"advance_ms": 60000})  # past what lists lag behind
        for kind in kinds if self.cloud is not None else ():
            for row in self.cloud.all(kind):
                spec = row.get("spec")
                name = spec.rsplit(" ", 1)[1] if isinstance(spec, str) else row.get("displayName")
                made[kind, name].append(row["state"])
        for folder in self.effects.iterdir():
            key = None, f"soak-{folder.name}"
            made[key] += text_of(folder / "effects").splitlines()
            pid = text_of(folder / "pid").strip()
            if pid and pathlib.Path("/proc", pid).exists():
                made[key].append("running")
        return made

    def report(self):
        report = command.Lines("soak")
        rows, made = self.rows(), self.objects()
        states, lost, twice, total = collections.Counter(), [], [], 0
        for order in self.orders:
            jobs = rows.get(order.project, [])
            seen = made[order.sort.kind, order.project]
            said = f"{order.project} ({order.sort.name})"
            total += len(seen)
            states[jobs[0]["state"] if jobs else "none"] += 1
            why = order.wrong(jobs, seen)
            if why:
                lost.append(f"{said} {why}")
            if len(seen) > 1 or len(jobs) > 1:
                twice.append(f"{said} has {len(jobs)} jobs and made {len(seen)} things")
        for text in (lost + twice + self.trouble)[:20]:
            print("   ", text)
        doubtful = sum(order.sort.parks() for order in self.orders)
        report.line("accepted", sum(o.answered for o in self.orders), "jobs", self.size.jobs)
        report.line("remote_objects", total, "objects")
        report.line("doubled", len(twice), "jobs", 0)
        report.line("lost", len(lost), "jobs", 0)
        report.line("parked", states["needs_decision"], "jobs", doubtful, most=True)
        for word, then in (("cancelled", "cancel"), ("deleted", "delete")):
            asked = [order for order in self.orders if order.sort.then == then]
            report.line(word, sum(order.confirmed for order in asked), "jobs", len(asked))
        report.line("classes", len({order.sort.way for order in self.orders}), "classes")
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

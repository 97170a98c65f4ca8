"""Jobs for a cloud that fails at random and for this machine, some of them cancelled or deleted, while
the daemon or its workers are killed again and again: how many are lost, and how many were done twice.

usage: ./test soak [--full] [--seed N] [--mode inline|worker] [--kill host|worker|both] [PROVIDER.so]
  --full            10,000 jobs, killed every 5 to 15 s; otherwise 400, every 1 to 3 s
  --seed N          other jobs, faults and times (1)
  --mode inline     providers in the daemon, not in processes of their own
  --kill worker     these are killed, every second; otherwise four times as often. Then it is looked
                    whether the daemon grows with each that it starts
  --kill both       these, and the daemon (host: the daemon alone)
  --describe FILE   what to submit to PROVIDER.so (PROVIDER.exactly.json beside it)
  --protocol WORD   how the cloud is asked: http or https (https)
"""

import collections
import copy
import http.client
import os
import pathlib
import queue
import random
import shutil
import signal
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
FIRST_RESTARTS = 100  # before the growth by more of them is measured
QUIET_RESTARTS = 50  # the last of these, with nothing else to do
CONNECTIONS_MOST = 20  # descriptors that come and go with requests to the cloud, and lanes
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


def is_worker(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == "davit-worker\n"
    except OSError:
        return False


def runs(file):
    """Does the process run that wrote its id into a file? Another may have its id by now."""
    stat = text_of(pathlib.Path("/proc", text_of(file).strip() or "none", "stat"))
    if not stat:
        return False
    ticks = int(stat.rpartition(")")[2].split()[19])  # from the start of the machine
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age <= file.stat().st_mtime + 1


def memory_kib(pid):
    """What a process has for itself."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def least_memory(pid):
    """The least of some looks in a second or two, and of its descriptors: of calls that still run
    some is gone a moment later."""
    looks = []
    for _ in range(15):
        time.sleep(0.1)
        looks.append((memory_kib(pid), len(os.listdir(f"/proc/{pid}/fd"))))
    return tuple(map(min, zip(*looks)))


class Size:
    def __init__(self, full):
        self.jobs = 10000 if full else 400
        self.rate = 20.0 if full else 40.0  # jobs a second
        self.kill = (5.0, 15.0) if full else (1.0, 3.0)
        self.kill_workers = 1.0 if full else 0.25
        self.restarts = 1000 if full else 400  # of workers, while the growth is measured
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
        self.kill = options.kill
        if self.kill != "host" and options.mode != "worker":
            print(f"--kill {self.kill} is for --mode worker")
            sys.exit(2)
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
        self.kills = self.fired = self.worker_kills = 0
        self.growth = None

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
        kills = f"{self.kills + self.worker_kills} kills, {len(self.trouble)} in trouble"
        if self.kill == "worker":
            memory = memory_kib(self.host.process.pid)
            kills += f", {memory} KiB after {self.starts()} starts of workers"
        return f"{answered} of {len(self.orders)} jobs accepted, {self.open} in hand, {kills}"

    def kill_until(self, done):
        progress = command.Progress()
        hosts, workers = self.kill != "worker", self.kill != "host"
        next_host = time.monotonic() + self.dice.uniform(*self.size.kill)
        next_worker = time.monotonic() + self.size.kill_workers
        while not done():
            progress.tell(self.so_far)
            time.sleep(0.05)
            if workers and time.monotonic() >= next_worker:
                self.worker_kills += self.kill_workers()
                next_worker += self.size.kill_workers
            if hosts and time.monotonic() >= next_host:
                left = self.workers()
                self.host.kill()
                self.kills += 1
                wait_for("the end of its workers", lambda: not any(map(is_worker, left)), 5)
                self.host.start()
                next_host = time.monotonic() + self.dice.uniform(*self.size.kill)

    # --- workers ---

    def workers(self):
        """Their process ids."""
        rows = self.host.request("GET", "/v1/providers").json()["providers"]
        pids = [row.get("worker", {}).get("pid") for row in rows]
        return [pid for pid in pids if pid is not None]

    def kill_workers(self):
        """Kills those there are; how many."""
        pids = [pid for pid in self.workers() if is_worker(pid)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)

    def starts(self):
        """How many workers this daemon has started."""
        rows = self.host.request("GET", "/v1/providers").json()["providers"]
        return sum(row.get("worker", {}).get("starts", 0) for row in rows)

    def look(self, provider):
        """A call that changes nothing, which starts the worker where there is none."""
        query = f"?project=p&adapter_instance={provider}-0" if self.lab.connected else "?project=p"
        path = "/api/service/v1/datasets/none-such" + query  # a list may be long by now
        self.host.request("GET", path, provider=provider)

    def restart_until(self, starts):
        """Kills them as fast as they come back; KiB and descriptors of the daemon at rest."""
        end = time.monotonic() + WAIT_SECONDS * 2
        while self.starts() < starts:
            self.worker_kills += self.kill_workers()
            for provider in self.host.providers:
                self.look(provider)
            if time.monotonic() > end:
                raise Late(f"{starts} starts of workers")
        return least_memory(self.host.process.pid), self.starts()

    def measure_growth(self):
        begin = max(FIRST_RESTARTS, self.starts() + QUIET_RESTARTS)
        (memory, files), starts = self.restart_until(begin)
        (memory_then, files_then), starts_then = self.restart_until(starts + self.size.restarts)
        restarts = starts_then - starts
        self.growth = {
            "restarts": restarts,
            "growth": round((memory_then - memory) * 1000 / restarts),
            "files": files_then - files,
        }

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
            if self.kill == "worker":
                self.measure_growth()
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
            if runs(folder / "pid"):
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
        if self.kill != "host":
            report.line("worker_kills", self.worker_kills, "kills")
        if self.growth is not None:
            report.line("worker_restarts", self.growth["restarts"], "restarts")
            growth = self.growth["growth"]
            report.line("worker_restart_growth", growth, "KiB_per_1000_restarts", 1024, most=True)
            report.line("worker_restart_files", self.growth["files"], "descriptors", CONNECTIONS_MOST, most=True)
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


def more(made):
    kinds = ("host", "worker", "both")
    made.add_argument("--kill", choices=kinds, default="host", help=command.argparse.SUPPRESS)


def main():
    options = command.parse("soak", __doc__, more)
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

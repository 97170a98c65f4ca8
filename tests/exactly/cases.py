"""One case of the kill matrix: something is asked of the daemon, which dies at one point while the
cloud does one thing wrong; started again it must have done it once."""

import pathlib
import re
import uuid

from description import FLOW, role_of
from effects import Wrong, cleared, effects_of, seen, seen_at_last
from faults import FAULTS, rule_of
from host import Died, wait_for
from points import ENDS_WORKERS, durable, left_open

ENDS = ("succeeded", "failed", "cancelled", "needs_decision")
SETTLE_SECONDS = 60
FAILED = (500, 502)  # the worker died, and with it what the caller waited for
UNANSWERED = object()


class Case:
    """One run of a row of the description. of: the lab it runs in; fault: a key of FAULTS."""

    def __init__(self, lab, told, fault):
        self.lab, self.host, self.cloud, self.told = lab, lab.host, lab.cloud, told
        self.fault_name, self.fault = fault, FAULTS[fault]
        self.provider = told.get("provider", lab.provider)
        self.account = lab.account(self.provider)
        self.key = str(uuid.UUID(int=lab.dice.getrandbits(128)))
        self.role = role_of(told["slot"])
        self.names = {
            "folder": str(lab.scratch()),
            "site": str(self.host.folder),
            "account": self.account,
            "key": self.key[:13],
        }
        self.texts = lab.told.get("texts", {})
        self.traces = []
        self.answer = None
        self.cut = False  # it was answered that the worker died
        self.row = {}

    # --- requests ---

    def filled(self, value):
        """value with each {name} in its texts replaced by what it stands for."""
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda m: self.word(m[1]), value)
        if isinstance(value, dict):
            return {self.filled(key): self.filled(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.filled(member) for member in value]
        return value

    def word(self, name):
        if name in self.texts:
            return self.filled(self.texts[name])
        return str(self.names.get(name, "{" + name + "}"))

    def query(self):
        query = f"?project={self.account}"
        return query + (f"&adapter_instance={self.account}" if self.lab.connected else "")

    def request(self, step, key=None):
        headers = {"Idempotency-Key": key} if key else None
        options = {"provider": self.provider, "headers": headers}
        if "execute" in step:
            body = execute_body(self.filled(step["execute"]), self.account)
            return self.host.ask("POST", "/execute" + self.query(), body, **options)
        method = "DELETE" if "delete" in step else "POST"
        path = self.filled(step.get("delete") or step["post"]) + self.query()
        return self.host.ask(method, path, self.filled(step.get("body")), **options)

    def ask(self):
        """The request of the case, as often as its caller would send it; Died."""
        itself = self.names_itself()

        def answered():
            answer = self.request(self.told, self.key if itself else None)
            if answer.status in FAILED and self.worker_died():
                self.cut = True
                return None if self.asks_again() else UNANSWERED
            again = answer.headers.get("Retry-After") is not None or answer.status in (503,)
            return None if again and not (itself and self.there()) else answer

        answer = wait_for("an answer", answered, SETTLE_SECONDS, every=0.1)
        self.answer = None if answer is UNANSWERED else answer

    def worker_died(self):
        """Was the worker killed in this life?"""
        return ENDS_WORKERS in self.host.kills.trace()

    def names_itself(self):
        """Does its request take an Idempotency-Key?"""
        return self.role == "submit"

    # --- before it ---

    def step(self, step):
        if isinstance(step, str):
            step = self.lab.told["steps"][step]
        if "clock" in step:
            self.cloud.ask("POST", "/clock", step["clock"])
            return
        if "cloud" in step:
            method, path = self.filled(step["cloud"]).split(" ")
            made = self.cloud.direct(method, path, self.filled(step["body"]))
        else:
            answer = self.request(step)
            assert answer.status in (200, 201), (self.told["name"], step, answer)
            job = wait_for("the job before", lambda: self.host.jobs(self.account))[0]
            until = step.get("until", "succeeded")
            state = wait_for(
                f"the job before, {step['as']},",
                lambda: {self.host.job(job["id"])["state"]} & {until, *ENDS},
            )
            assert state == {until}, (self.told["name"], step, self.host.job(job["id"]))
            wait_for("its file", lambda: self.there_is(step.get("file")))
            self.names[step["as"] + "_job"] = job["id"]
            row = answer.json()
            made = {"id": row.get("Id", job["id"]) if isinstance(row, dict) else job["id"]}
        if "as" in step:
            self.names[step["as"] + "_id"] = made["id"]

    def there_is(self, path):
        return path is None or pathlib.Path(self.filled(path)).exists()

    def rules(self):
        faults = [self.fault, self.fault.get("then")]
        return [rule for fault in faults if fault for rule in self.rules_of(fault)]

    def rules_of(self, fault):
        method, path = self.told["changes"].split(" ")
        wheres = {
            "changes": [{"method": method, "path": path}],
            "connections": [{}],
            "token": [{"path": "/oauth/token"}],
            "looks": [{"method": "GET", "path": "/v1/jobs/*"}],
            "lists": [{"method": "GET", "path": "/v1/jobs"}],
            "reads": [{"method": "GET", "path": "/v1/*"}, {"method": "GET", "path": "/v1/*/*"}],
        }
        where = wheres[fault.get("of", "changes")]
        return [rule_of(fault, match) for match in where]

    def prepare(self):
        self.host.restart()  # with no token, no connection, no circuit of the case before
        if self.cloud is not None:
            self.cloud.ask("POST", "/reset", {"keep_tokens": True})
            settings = {}
            for told in (self.lab.told, self.told, self.fault or {}):
                settings.update(told.get("cloud", {}))
            self.cloud.ask("POST", "/settings", settings)
        for step in self.told.get("before", []):
            self.step(step)
        self.before = {job["id"] for job in self.host.jobs(self.account)}
        if self.fault is not None:
            self.cloud.ask("POST", "/faults", {"rules": self.rules()})

    def fired(self):
        if self.fault is None:
            return 0
        return sum(rule["fired"] for rule in self.cloud.ask("GET", "/faults")["rules"] or [])

    # --- what there is of it ---

    def there(self):
        """The id of the job that the request made, or None."""
        if self.role == "call":
            return None
        if self.role == "cancel":
            return self.names["job_job"]
        more = "&kind=remove" if self.role == "remove" else ""
        more += "&interface=davit.flow" if self.told["slot"] == FLOW else ""
        made = [row["id"] for row in self.host.jobs(self.account, more)]
        made = [job for job in made if job not in self.before]
        if len(made) > 1 and self.role != "remove":
            raise Wrong(f"one request made {len(made)} jobs: {made}")
        return made[0] if made else None

    def intended(self):
        return any(self.accepts(trace) for trace in [*self.traces, self.host.kills.trace()])

    @staticmethod
    def accepts(trace):
        """Was what was asked for written down?"""
        return any(text.startswith("job_add ") or " cancel " in text for text in durable(trace))

    # --- the run ---

    def state(self):
        job = self.there()
        if job is None:
            return None
        self.row = self.host.job(job)
        return self.row["state"]

    def over(self):
        """Is all done that was asked for?"""
        return cleared(self) and (self.role == "call" or self.state() in ENDS)

    def over_at_last(self):
        """The same; a removal that was not written down is asked for again."""
        over = self.over()
        if not over and self.role == "remove" and not self.intended():
            self.ask()
        return over

    def refused(self):
        return bool(self.fault and self.fault.get("refuses")) and self.fired() > 0

    def asks_again(self):
        """Does its caller, who got no answer? What nobody may repeat without looking he does not."""
        if self.role == "call":
            return self.told["class"] != "none" or "again" in self.told
        return not self.intended()

    def life(self, first):
        """Until it died, or all is done; False: it died."""
        try:
            if first or (self.answer is None and self.asks_again()):
                self.ask()
            wait_for(
                f"the end of {self.account}",
                lambda: self.host.died() or self.over_at_last(),
                SETTLE_SECONDS,
            )
            if not first and self.names_itself() and not self.host.died():
                self.ask()  # whoever got no answer asks again
        except Died:
            pass
        died = self.host.died()
        self.traces.append(self.host.kills.trace())
        if died and "dies" not in self.traces[-1]:
            raise Wrong(f"the daemon ended by itself: {self.host.log()[-2000:]}")
        return not died

    def run(self, aims=()):
        """Runs it; it dies at the first of aims, started again at the next one, and so on."""
        self.prepare()
        if not aims and self.role != "submit" and min(seen(self)) > 0:
            raise Wrong("its effect can be seen before it is asked for")
        self.host.kills.arm(aims[0] if aims else None)
        deaths = 0
        while not self.life(first=deaths == 0):
            deaths += 1
            self.host.start(aims[deaths] if deaths < len(aims) else None)
        self.host.kills.arm(None)
        worker_died = any(ENDS_WORKERS in trace for trace in self.traces)
        return self.judge(worker_died or (deaths == len(aims) and deaths > 0))

    # --- the verdict ---

    def unclear(self):
        """Could nobody know whether the change was made?"""
        fault = self.fault or {}
        if fault.get("unclear") and fault.get("of", "changes") == "changes" and self.fired() > 0:
            return True
        return any(left_open(trace) for trace in self.traces[:-1])

    def judge(self, fell):
        counts = seen_at_last(self)
        made, most = min(counts), max(counts)
        state = self.state()
        parks = self.may_park(made)
        result = {
            "fell": fell,
            "state": state,
            "objects": made,
            "duplicates": max(0, most - self.copies()),
            "parked": int(state == "needs_decision"),
            "parks": int(parks),
            "unanswered": int(self.role == "call" and self.answer is None),
            "lost": 0,
            "traces": self.traces,
        }
        spared = parks or self.refused() or result["unanswered"]
        if state == "needs_decision" and not parks:
            result["why"] = f"it was parked, though it could be decided: {self.row.get('error')}"
        elif parks and state != "needs_decision":
            result["why"] = f"it ended as {state}, though nobody can know what became of it"
        elif made == 0 and not spared:
            result["lost"] = 1
            result["why"] = f"nothing came of it {counts} ({state}: {self.row.get('error')})"
        elif state == "failed" and not self.refused() and self.role != "remove":
            result["lost"] = 1
            result["why"] = f"it failed: {self.row.get('error')}"
        elif self.role == "call" and self.answer and self.answer.status not in self.answers():
            result["why"] = f"it was answered by {self.answer}"
        if result["duplicates"]:
            result["why"] = f"it happened {most} times {counts}"
        return result

    def copies(self):
        """How often it may happen."""
        if not (self.fault and self.fault.get("twice") and self.fired() > 0):
            return 1
        return 1 + (self.makes() and self.told["class"] in ("search", "unsettled", "none"))

    def makes(self):
        """Does it make something at a cloud?"""
        return self.role == "submit" and any("made" in one for one in effects_of(self))

    def may_park(self, made):
        way = self.told["class"]
        if not (self.makes() and self.unclear()):
            return False
        if way == "unsettled" and self.fault and self.fault["fault"] == "late":
            return self.row["state"] == "needs_decision"  # it depends on who came first
        return way == "none" or (way == "unsettled" and (made == 0 or self.unlisted()))

    def answers(self):
        """The statuses that it may be answered with."""
        again = self.cut or len(self.traces) > 1
        return self.told.get("again", [200]) if again else [200]

    def unlisted(self):
        return self.told.get("cloud", {}).get("list_delay_ms", 0) > 1000 * SETTLE_SECONDS


def execute_body(command, project):
    """What a backend sends to run a command."""
    return {
        "bucket": "bucket",
        "project_id": project,
        "name": "pipeline",
        "version": "1",
        "credentials": {"endpoint": "http://127.0.0.1:1", "access_key": "a", "secret_key": "s"},
        "input_artifacts": f"{project}/remote/pipeline/1/Input",
        "command": command,
        "storage": "local",
        "environment": {},
    }

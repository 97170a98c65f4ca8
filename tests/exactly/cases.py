"""One case of the kill matrix: something is asked of the daemon, which dies at one point while the
cloud does one thing wrong; started again it must have done it once."""


import pathlib
import re
import uuid

from host import Died, wait_for

ENDS = ("succeeded", "failed", "cancelled", "needs_decision")
SETTLE_SECONDS = 60

# What goes wrong, of which requests, and what it means:
#   of       changes: the request that changes something; token, reads: others
#   unclear  nobody can know whether the change was made
#   refuses  the change was certainly not made, and the job may fail
#   twice    the cloud makes it twice by itself, where nothing names the submission
FAULTS = {
    "none": None,
    "reset_connect": {"fault": "reset_connect", "of": "connections"},
    "reset_before": {"fault": "reset_before", "unclear": True},
    "reset_after": {"fault": "reset_after", "unclear": True},
    "timeout": {"fault": "timeout", "unclear": True},
    "timeout_applied": {"fault": "timeout", "applied": True, "unclear": True},
    "status_500": {"fault": "status", "status": 500, "unclear": True},
    "status_500_applied": {"fault": "status", "status": 500, "applied": True, "unclear": True},
    "status_503": {"fault": "status", "status": 503, "unclear": True},
    "status_429": {"fault": "status", "status": 429, "retry_after": 0},
    "status_401": {"fault": "status", "status": 401},
    "status_403": {"fault": "status", "status": 403, "refuses": True},
    "truncate": {"fault": "truncate", "unclear": True},
    "bad_json": {"fault": "bad_json", "unclear": True},
    "wrong_type": {"fault": "wrong_type", "unclear": True},
    "huge": {"fault": "huge", "bytes": 9000000, "unclear": True},
    "slow_drip": {"fault": "slow_drip", "ms": 0},
    "duplicate": {"fault": "duplicate", "twice": True},
    "delay": {"fault": "delay", "ms": 30},
    "reset_after_often": {"fault": "reset_after", "unclear": True, "count": 6},
    "status_500_often": {"fault": "status", "status": 500, "unclear": True, "count": 6},
    "token_reset": {"fault": "reset_after", "of": "token"},
    "token_500": {"fault": "status", "status": 500, "of": "token"},
    "reads_500": {"fault": "status", "status": 500, "of": "reads", "count": 2},
    "reads_reset": {"fault": "reset_before", "of": "reads", "count": 2},
}

POINTS = (
    "http_before_journal",
    "http_before_send",
    "http_after_send",
    "http_after_answer",
    "before_commit",
    "after_commit",
    "process_before_start",
    "process_after_start",
)
NTH_MOST = 3  # of points that look the same, as those of polls


class Wrong(Exception):
    """The promise was broken, or the daemon did what nobody expects; its text says how."""


# --- points ---


def aim_of(line):
    """What of a line of the trace is the same each time: without ids and addresses."""
    point, _, rest = line.partition(" ")
    words = rest.split(" ")
    if point == "http_after_send":
        return point, words[0]
    if words[0] in ("kv_put", "kv_delete", "job_add", "claim_answer", "claim_sweep"):
        return point, words[0]
    if point.startswith("process_"):
        return point, ""
    if words[0] == "edge" and len(words) > 3:
        return point, " ".join(words[:3])
    return point, " ".join(words[:2])


def aims_of(trace):
    """Each point of a run as DAVIT_KILL wants it, in their order."""
    seen, found = {}, []
    for line in trace:
        point, text = aim_of(line)
        if text == "claim_sweep" or point == "dies":
            continue
        seen[point, text] = nth = seen.get((point, text), 0) + 1
        if nth <= NTH_MOST:
            found.append(f"{point}:{nth}" + (f"@{text}" if text else ""))
    return found


def durable(trace):
    """The writes of a trace that were on disk at its end, in their order."""
    done, under_way = [], []
    for line in trace:
        point, _, text = line.partition(" ")
        if point == "before_commit":
            under_way.append(text)
        elif point == "after_commit" and under_way:
            done += under_way
            under_way = []
    return done


def left_open(trace):
    """Did it die while a change was written down as sent, and its end was not?"""
    open_ = False
    for text in durable(trace):
        words = text.split(" ")
        if words[:2] == ["journal", "sent"]:
            open_ = True
        elif words[0] == "journal" and words[1] in ("unsent", "answered", "unclear"):
            open_ = False
    return open_


# --- a case ---


class Case:
    """One run of a row of the description. of: the lab it runs in; fault: a key of FAULTS."""

    def __init__(self, lab, told, fault):
        self.lab, self.host, self.cloud, self.told = lab, lab.host, lab.cloud, told
        self.fault_name, self.fault = fault, FAULTS[fault]
        self.provider = told.get("provider", lab.provider)
        self.account = lab.account(self.provider)
        self.key = str(uuid.UUID(int=lab.dice.getrandbits(128)))
        self.names = {"folder": str(lab.scratch()), "account": self.account, "key": self.key[:13]}
        self.traces = []
        self.answer = None
        self.row = {}

    # --- requests ---

    def filled(self, value):
        """value with each {name} in its texts replaced by what it stands for."""
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda m: str(self.names.get(m[1], m[0])), value)
        if isinstance(value, dict):
            return {key: self.filled(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.filled(member) for member in value]
        return value

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
        itself = self.told.get("names_itself", True)

        def answered():
            answer = self.request(self.told, self.key if itself else None)
            again = answer.headers.get("Retry-After") is not None or answer.status in (503,)
            return None if again and not (itself and self.there()) else answer

        self.answer = wait_for("an answer", answered, SETTLE_SECONDS, every=0.1)

    # --- before it ---

    def step(self, step):
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
            until = (step["until"],) if "until" in step else ENDS
            wait_for(
                f"the job before, {step['as']},",
                lambda: self.host.job(job["id"])["state"] in until,
            )
            wait_for("its file", lambda: self.there_is(step.get("file")))
            self.names[step["as"] + "_job"] = job["id"]
            row = answer.json()
            made = {"id": row.get("Id", job["id"]) if isinstance(row, dict) else job["id"]}
        if "as" in step:
            self.names[step["as"] + "_id"] = made["id"]

    def there_is(self, path):
        return path is None or pathlib.Path(self.filled(path)).exists()

    def rules(self):
        method, path = self.told["changes"].split(" ")
        wheres = {
            "changes": [{"method": method, "path": path}],
            "connections": [{}],
            "token": [{"path": "/oauth/token"}],
            "reads": [{"method": "GET", "path": "/v1/*"}, {"method": "GET", "path": "/v1/*/*"}],
        }
        fault = {
            key: value
            for key, value in self.fault.items()
            if key not in ("of", "unclear", "refuses", "twice")
        }
        fault.setdefault("count", 1)
        where = wheres[self.fault.get("of", "changes")]
        return [{"match": match, **fault} for match in where]

    def prepare(self):
        self.host.restart()  # with no token, no connection, no circuit of the case before
        if self.cloud is not None:
            self.cloud.ask("POST", "/reset", {"keep_tokens": True})
            settings = {**self.lab.told.get("cloud", {}), **self.told.get("cloud", {})}
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
        effect = self.told["effect"]
        if self.told["slot"] == "cancel":
            return self.names["job_job"]
        more = "&kind=remove" if self.removes() else ""
        made = [row["id"] for row in self.host.jobs(self.account, more)]
        made = [job for job in made if job not in self.before]
        if len(made) > 1 and not self.removes():
            raise Wrong(f"one request made {len(made)} jobs: {made}")
        return made[0] if made else None

    def intended(self):
        return any(self.accepts(trace) for trace in [*self.traces, self.host.kills.trace()])

    @staticmethod
    def accepts(trace):
        """Was what was asked for written down?"""
        return any(
            text.startswith("job_add ") or " cancel " in text
            for text in durable(trace)
        )

    def happened(self):
        """How often its effect can be seen."""
        effect = self.filled(self.told["effect"])
        if "made" in effect:
            return self.count(effect["made"])
        if "deployed" in effect:
            for row in self.cloud.ask("GET", "/objects")["endpoints"]:
                if row["id"] == effect["deployed"]:
                    on = len(row.get("deployedModels") or [])
                    return on if effect["want"] else 1 - on
            raise Wrong("the endpoint is gone")
        if "state" in effect:
            rows = self.cloud.ask("GET", "/objects")[effect["state"]]
            return sum(row["state"] == effect["is"] for row in rows)
        if "gone" in effect:
            rows = self.cloud.ask("GET", "/objects").get(effect["gone"]) or []
            return int(all(row["id"] != self.names["object_id"] for row in rows))
        return self.lab.happened(self, effect)

    def count(self, kind):
        return len(self.cloud.ask("GET", "/objects").get(kind) or [])

    def removes(self):
        """Removals are jobs that lists do not show, and one of them may be asked for again."""
        return self.told["slot"] == "remove"

    # --- the run ---

    def state(self):
        job = self.there()
        if job is None:
            return None
        self.row = self.host.job(job)
        return self.row["state"]

    def over(self):
        """Is all done that was asked for?"""
        return self.state() in ENDS

    def over_at_last(self):
        """The same; a removal that was not written down is asked for again."""
        over = self.over()
        if not over and self.removes() and not self.intended():
            self.ask()
        return over

    def refused(self):
        return bool(self.fault and self.fault.get("refuses")) and self.fired() > 0

    def life(self, first):
        """Until it died, or all is done; False: it died."""
        try:
            if first or (self.answer is None and not self.intended()):
                self.ask()
            wait_for(
                f"the end of {self.account}",
                lambda: self.host.died() or self.over_at_last(),
                SETTLE_SECONDS,
            )
            if not first and self.told.get("names_itself", True) and not self.host.died():
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
        self.host.kills.arm(aims[0] if aims else None)
        deaths = 0
        while not self.life(first=deaths == 0):
            deaths += 1
            self.host.start(aims[deaths] if deaths < len(aims) else None)
        return self.judge(deaths == len(aims) and deaths > 0)

    # --- the verdict ---

    def unclear(self):
        """Could nobody know whether the change was made?"""
        fault = self.fault or {}
        if fault.get("unclear") and fault.get("of", "changes") == "changes" and self.fired() > 0:
            return True
        return any(left_open(trace) for trace in self.traces[:-1])

    def judge(self, fell):
        made = self.happened()
        state = self.state()
        effect = self.told["effect"]
        way = self.told["class"]
        copies = 1
        if "made" in effect and self.fault and self.fault.get("twice") and self.fired() > 0:
            copies += way in ("search", "unsettled", "none")
        parks = "made" in effect and self.unclear() and (
            way == "none" or (way == "unsettled" and (made == 0 or self.unlisted()))
        )
        refused = self.refused()
        others = self.count(effect["and"]) if "and" in effect else 0
        result = {
            "fell": fell,
            "state": state,
            "objects": made,
            "duplicates": max(0, max(made, others) - copies),
            "parked": int(state == "needs_decision"),
            "parks": int(parks),
            "lost": 0,
            "traces": self.traces,
        }
        if state == "needs_decision" and not parks:
            result["why"] = f"it was parked, though it could be decided: {self.row.get('error')}"
        elif parks and state != "needs_decision":
            result["why"] = f"it ended as {state}, though nobody can know what became of it"
        elif made == 0 and not parks and not refused:
            result["lost"] = 1
            result["why"] = f"nothing came of it ({state}: {self.row.get('error')})"
        elif state == "failed" and not refused and not self.removes():
            result["lost"] = 1
            result["why"] = f"it failed: {self.row.get('error')}"
        if result["duplicates"]:
            result["why"] = f"it happened {max(made, others)} times"
        return result

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


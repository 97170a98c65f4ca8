"""What clients of the soak ask for: jobs of all classes, some of them to be cancelled while they run
or deleted when they have ended, and how each must have ended."""

import copy
import dataclasses
import uuid

from cases import execute_body
from description import FLOW, fill, role_of

LOCAL_PART = 0.15  # of all jobs, where they are for this machine too
DOUBTFUL_PART = 0.05  # those that may have to wait for a person
CANCEL_PART = 0.1
DELETE_PART = 0.1
RUN_MS = (0, 1, 50, 500, 2000)
DOUBTFUL = ("none", "unsettled")


@dataclasses.dataclass
class Sort:
    """One way to ask for a job. then: None, or what is asked next."""

    name: str
    way: str  # its class
    provider: str
    asked: dict  # post and body, or execute
    kind: str = None  # what it makes at the cloud; None: it leaves lines, or a process, here
    then: str = None  # cancel or delete
    path: str = None  # of that request
    ends_as: str = None  # an object that was cancelled

    def parks(self):
        return self.way in DOUBTFUL


def made_by(case):
    """The one kind that a case makes at the cloud; None: it is not so simple."""
    effect = case["effect"]
    return effect.get("made") if isinstance(effect, dict) else None


def plain(case, provider):
    """A case that makes something, once, and shows its name; or None."""
    named = "execute" in case or "name" in case.get("body", {})
    simple = named and not case.get("before")
    if role_of(case["slot"]) != "submit" or case["slot"] == FLOW or not simple:
        return None
    if made_by(case) is None and "lines" not in case["effect"]:
        return None
    if "lines" in case["effect"] and "execute" not in case:
        return None
    return Sort(case["name"], case["class"], provider, case, made_by(case))


def cancelled(case, provider):
    """A case that cancels what one request began; or None."""
    before = case.get("before", [])
    if role_of(case["slot"]) != "cancel" or len(before) != 1 or not isinstance(before[0], dict):
        return None
    step, effect = before[0], case["effect"]
    named = "execute" in step or "name" in step.get("body", {})
    if not named or case["class"] in DOUBTFUL or not isinstance(effect, dict):
        return None
    if "dead" in effect and "execute" not in step:
        return None
    kind, ends_as = effect.get("state"), effect.get("is")
    path = "/v1/jobs/{job}/cancel"
    return Sort(case["name"], case["class"], provider, step, kind, "cancel", path, ends_as)


def deleted(case, sorts):
    """The ways to make what a case removes, each followed by that."""
    effect = case["effect"]
    if role_of(case["slot"]) != "remove" or not isinstance(effect, dict) or "gone" not in effect:
        return []
    makers = [sort for sort in sorts if sort.kind == effect["gone"] and not sort.parks()]
    path = case["delete"].replace("{object_id}", "{remote}")
    return [
        dataclasses.replace(sort, name=f"{case['name']} of {sort.name}", then="delete", path=path)
        for sort in makers
    ]


class Mix:
    """All sorts of one or two descriptions, and how often each comes."""

    def __init__(self, told, local, provider):
        cases = told["cases"]
        found = [plain(case, case.get("provider", provider)) for case in cases]
        made = [sort for sort in found if sort is not None]
        self.plain = [sort for sort in made if not sort.parks()]
        self.doubtful = [sort for sort in made if sort.parks()]
        stops = [cancelled(case, case.get("provider", provider)) for case in cases]
        self.cancels = [sort for sort in stops if sort is not None]
        self.deletes = [sort for case in cases for sort in deleted(case, made)]
        cases = local["cases"] if local else []
        self.here = [s for s in (plain(case, "local") for case in cases) if s is not None]
        self.stops_here = [s for s in (cancelled(case, "local") for case in cases) if s is not None]
        if not self.plain:
            raise ValueError("no case makes one object that shows its name")

    def sorts(self):
        return [
            *self.plain,
            *self.doubtful,
            *self.cancels,
            *self.deletes,
            *self.here,
            *self.stops_here,
        ]

    def pick(self, dice):
        chance = dice.random()
        for part, sorts in (
            (LOCAL_PART * (1 - CANCEL_PART), self.here),
            (LOCAL_PART * CANCEL_PART, self.stops_here),
            (DOUBTFUL_PART, self.doubtful),
            (CANCEL_PART, self.cancels),
            (DELETE_PART, self.deletes),
        ):
            if chance < part and sorts:
                return dice.choice(sorts)
            chance -= part
        return dice.choice(self.plain)


class Order:
    """One job, and what was heard of it."""

    def __init__(self, number, mix, dice):
        self.number, self.sort = number, mix.pick(dice)
        self.key = str(uuid.UUID(int=dice.getrandbits(128)))
        self.run_ms = dice.choice(RUN_MS)
        self.patience = dice.uniform(0, 1)  # seconds until what follows
        self.until = 0  # when that is given up
        self.answered = self.confirmed = False

    @property
    def project(self):
        return f"soak-{self.number}"

    def account(self):
        return f"{self.sort.provider}-{self.number % 200}"

    def request(self, names):
        """Path and body, named by the project wherever that is seen afterwards."""
        asked = self.sort.asked
        if "execute" in asked:
            command = fill(asked["execute"], names)
            if self.sort.kind is not None:
                command += f" {self.project}"
            return "/execute", execute_body(command, self.project)
        body = copy.deepcopy(fill(asked["body"], names))
        body["name"] = self.project
        if body.get("behaviour", {}).get("run_ms", -1) >= 0:
            body["behaviour"]["run_ms"] = self.run_ms
        return asked["post"], body

    def wrong(self, jobs, seen):
        """Why it is lost, or None. jobs: of its project; seen: the states of what it made."""
        state = jobs[0]["state"] if jobs else "not there"
        if not self.answered or (state == "needs_decision" and self.sort.parks()):
            return None
        want = "cancelled" if self.sort.then == "cancel" else "succeeded"
        if state != want:
            return f"is {state}"
        if self.sort.then == "delete":
            return "was not deleted" if seen or not self.confirmed else None
        if self.sort.then == "cancel":
            on = [word for word in seen if word != self.sort.ends_as]
            return f"was cancelled, and what it made is {on[0]}" if on else None
        return None if seen else "made nothing"

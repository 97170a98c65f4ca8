"""How often what a case asks for can be seen: at the cloud, on this machine, in the daemon's lists."""

import json
import pathlib

from host import Late, wait_for

ENDING_SECONDS = 3


class Wrong(Exception):
    """The promise was broken, or the daemon did what nobody expects; its text says how."""


def text_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


# --- at the cloud ---


def at_cloud(case, kind):
    return case.cloud.ask("GET", "/objects").get(kind) or []


def made(case, effect):
    return len(at_cloud(case, effect["made"]))


def gone(case, effect):
    rows = at_cloud(case, effect["gone"])
    return int(all(row["id"] != case.names["object_id"] for row in rows))


def state(case, effect):
    return sum(row["state"] == effect["is"] for row in at_cloud(case, effect["state"]))


def deployed(case, effect):
    """Models on one endpoint; without an id on the only one."""
    rows = at_cloud(case, "endpoints")
    rows = [row for row in rows if effect["deployed"] in ("", row["id"])]
    if len(rows) != 1:
        raise Wrong(f"there are {len(rows)} endpoints '{effect['deployed']}'")
    on = len(rows[0].get("deployedModels") or [])
    return on if effect["want"] else 1 - on


# --- on this machine ---


def lines(_, effect):
    return len(text_of(effect["lines"]).splitlines())


def dead(_, effect):
    stat = text_of(pathlib.Path("/proc", text_of(effect["dead"]).strip(), "stat"))
    return int(stat == "" or stat.rpartition(")")[2].split()[0] == "Z")


def folder(_, effect):
    """Are these files in it? Wrong where there are some of them, others, or one that is half."""
    path = pathlib.Path(effect["folder"])
    there = sorted(path.iterdir()) if path.is_dir() else []
    if {one.name: text_of(one) for one in there} not in ({}, effect["files"]):
        raise Wrong(f"in {path} is {[(one.name, text_of(one)[:100]) for one in there]}")
    return int(bool(there))


def remains(effect):
    path = pathlib.Path(effect["left"])
    return sorted(path.parent.glob(path.name))


def left(_, effect):
    return int(not remains(effect))


# --- in the daemon's lists ---


def asked(case, path):
    """A list. Where the worker dies in that it is asked for once more."""

    def answered():
        answer = case.host.ask("GET", path + case.query(), provider=case.provider)
        return answer if answer.status == 200 else None

    return wait_for(f"an answer to {path}", answered).json()


def holds(row, wanted):
    return all(row.get(key) == value for key, value in wanted.items())


def rows(case, effect):
    there = [json.loads(row["rawPayload"]) for row in asked(case, effect["rows"])]
    there = [row for row in there if row.get("name") == effect["name"]]
    count = sum(holds(row, effect.get("holds", {})) for row in there)
    if "member" in effect:
        count = sum(len(row.get(effect["member"], [])) for row in there)
    return count if effect["want"] else max(0, 1 - count)


def names(case, effect):
    count = asked(case, effect["names"]).count(effect["name"])
    return count if effect["want"] else max(0, 1 - count)


SEEN = {
    how.__name__: how
    for how in (made, gone, state, deployed, lines, dead, folder, left, rows, names)
}


def effects_of(case):
    told = case.filled(case.told["effect"])
    return told if isinstance(told, list) else [told]


def seen(case):
    """How often each effect of a case can be seen."""
    counts = []
    for effect in effects_of(case):
        (how,) = [SEEN[word] for word in SEEN if word in effect]
        counts.append(how(case, effect))
    return counts


def seen_at_last(case):
    """The same, once what was told to end has had its time."""
    ends = any("dead" in effect for effect in effects_of(case))
    try:
        wait_for("the end of a process", lambda: not ends or min(seen(case)) > 0, ENDING_SECONDS)
    except Late:
        pass
    return seen(case)


def cleared(case):
    """Is nothing left that goes by itself?"""
    return not any(remains(effect) for effect in effects_of(case) if "left" in effect)

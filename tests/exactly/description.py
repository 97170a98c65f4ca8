"""What there is to try of a provider: its description, held against the manifest in its library."""

import json
import pathlib
import struct

from effects import SEEN
from faults import FAULTS
from host import BUILD

HERE = pathlib.Path(__file__).resolve().parent
GUIDE = "docs/testing.md, 'Another provider', says what stands in it"
SECTION = b".note.davit"
HEAD = struct.Struct("<8sII32s")  # davit_manifest_head
CLASSES = ("token", "name", "search", "unsettled", "none")
REQUESTS = ("post", "delete", "execute")

with open(HERE / "slots.json", encoding="utf-8") as slots:
    ROLES = json.load(slots)["interfaces"]

# The short form: several of the provider's jobs in one request of the host.
FLOW = "flow submit training"
FLOW_STEPS = {
    "training submit train",
    "models submit register",
    "deployment submit register",
    "deployment submit deploy",
}


class Unfit(Exception):
    """What was given cannot be tried; its text says why."""


def fill(value, names):
    """value with each {name} in its texts replaced."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{" + name + "}", str(text))
        return value
    if isinstance(value, dict):
        return {key: fill(member, names) for key, member in value.items()}
    if isinstance(value, list):
        return [fill(member, names) for member in value]
    return value


# --- the manifest ---


def section_of(data, name):
    """The bytes of a section of a shared library; None: it has none of that name."""
    (offset,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", data, offset + size * n) for n in range(count)]
    at = headers[names][4]
    for header in headers:
        if data[at + header[0] :].split(b"\0", 1)[0] == name:
            return data[header[4] : header[4] + header[5]]
    return None


def manifest_of(library):
    """The manifest that a provider's library carries (davit/manifest.h)."""
    try:
        data = library.read_bytes()
    except OSError as error:
        raise Unfit(f"{library} cannot be read: {error.strerror}") from error
    try:
        if data[:5] != b"\x7fELF\x02":
            raise Unfit(f"{library} is no shared library of 64 bits")
        note = section_of(data, SECTION)
        if note is None:
            raise Unfit(f"{library} is no provider: it has no manifest (section .note.davit)")
        length = HEAD.unpack_from(note, 20)[1]  # behind the note's own head and owner
        return json.loads(note[20 + HEAD.size :][:length])
    except (struct.error, IndexError, ValueError) as error:
        raise Unfit(f"the manifest of {library} cannot be read: {error}") from error


def wanted_of(manifest):
    """The class of each "INTERFACE SLOT [KIND]" that the provider has and that changes something."""
    wanted = {}
    for interface, told in manifest.get("interfaces", {}).items():
        for slot in told.get("slots", []):
            role = ROLES.get(interface, {}).get(slot)
            if role is None:
                raise Unfit(f"tests/exactly/slots.json does not know slot '{slot}' of {interface}")
            name = f"{interface.removeprefix('davit.')} {slot}"
            if role in ("submit", "cancel"):
                for kind, its in told.get("kinds", {}).items():
                    wanted[f"{name} {kind}"] = class_of(its)
            elif role in ("remove", "call"):
                wanted[name] = class_of(told.get("mutating", {}).get(slot, {}))
    if FLOW_STEPS <= set(wanted):
        wanted[FLOW] = wanted["training submit train"]
    return wanted


def class_of(told):
    word = told.get("idempotency", "none")
    return "unsettled" if word == "search" and told.get("settle_ms") is None else word


def role_of(slot):
    """What the host does with "INTERFACE SLOT [KIND]"."""
    if slot == FLOW:
        return "submit"
    words = slot.split(" ")
    return ROLES.get(f"davit.{words[0]}", {}).get(words[1] if len(words) > 1 else "")


def suits(fault, case):
    """Is the case to be tried with the fault of that name?"""
    only = class_alone(fault)
    return only is None or (case["class"] == only and role_of(case["slot"]) == "submit")


def class_alone(fault):
    """The class that the fault of that name is for; None: it is for all."""
    return (FAULTS[fault] or {}).get("class")


# --- the description ---


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise Unfit(f"there is no description {path} ({error.strerror}): {GUIDE}") from error
    except ValueError as error:
        raise Unfit(f"{path} is no JSON: {error}") from error


def members(told, wanted, where):
    """Each of wanted, a name and a type, must be in told."""
    if not isinstance(told, dict):
        raise Unfit(f"{where} is no object: {GUIDE}")
    for name, kind in wanted:
        if not isinstance(told.get(name), kind):
            raise Unfit(f"{where} has no member '{name}', or not of its type: {GUIDE}")


class Suite:
    """What there is to try of one provider. Unfit where that is nothing."""

    def __init__(self, name, file, plugin=None):
        self.name, self.file, self.told = name, file, read(file)
        members(self.told, [("provider", dict), ("cases", list)], str(file))
        if plugin is None:
            members(self.told, [("plugin", str)], str(file))
        self.plugin = plugin or self.told["plugin"]
        self.wanted = wanted_of(manifest_of(self.library(self.plugin)))
        self.excused = self.told.get("excused", {})
        self.cases = {}
        for number, case in enumerate(self.told["cases"]):
            self.add(case, f"case {number + 1} of {file}")

    @staticmethod
    def library(plugin):
        path = pathlib.Path(fill(str(plugin), {"build": BUILD}))
        return path if path.is_absolute() else BUILD / "plugins" / "local" / path

    def add(self, case, where):
        members(case, [("name", str)], where)
        where = f"case '{case['name']}' of {self.file}"
        members(case, [("slot", str), ("class", str), ("effect", (dict, list))], where)
        if not any(word in case for word in REQUESTS):
            raise Unfit(f"{where} asks for nothing: {GUIDE}")
        if role_of(case["slot"]) in (None, "reads", "uncalled"):
            raise Unfit(f"{where}: '{case['slot']}' is no slot that changes something: {GUIDE}")
        if case["class"] not in CLASSES:
            raise Unfit(f"{where}: no class '{case['class']}'; there are {', '.join(CLASSES)}")
        if "cloud" in self.told:
            members(case, [("changes", str)], where)
        for effect in case["effect"] if isinstance(case["effect"], list) else [case["effect"]]:
            if sum(word in effect for word in SEEN) != 1:
                raise Unfit(f"{where}: no effect {json.dumps(effect)}: {GUIDE}")
        self.cases[case["name"]] = case

    def faults(self, case=None):
        """Those that its cases are tried with, or that case of them."""
        cases = self.cases.values() if case is None else [case]
        if "cloud" not in self.told:
            return ["none"]
        return [name for name in FAULTS if any(suits(name, one) for one in cases)]

    def slots(self):
        """Those that cases must be for."""
        return set(self.wanted) - set(self.excused)

    def complain(self):
        """What of it does not agree with the manifest, a sentence each."""
        tried = {case["slot"] for case in self.cases.values()}
        for slot in sorted(self.slots() - tried):
            yield (
                f"{self.file}: the provider has '{slot}', which changes something, and no case is"
                " for it: add one, or say in 'excused' why none is needed"
            )
        for slot in sorted((tried | set(self.excused)) - set(self.wanted)):
            yield f"{self.file}: the provider has no '{slot}'; its manifest says what it has"
        for slot in sorted(tried & set(self.excused)):
            yield f"{self.file}: '{slot}' has a case and is excused"
        for case in self.cases.values():
            said = self.wanted.get(case["slot"])
            if "provider" not in case and said not in (None, case["class"]):
                yield (
                    f"{self.file}: case '{case['name']}' is of class {case['class']}, and the"
                    f" manifest says {said} of '{case['slot']}'"
                )

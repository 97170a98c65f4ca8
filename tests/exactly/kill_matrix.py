"""Kills the daemon at every place where a crash may be seen, while the cloud does everything that a
cloud may do wrong, and counts: what was accepted, what there is of it, what there is twice, what
waits for a person, and what is lost.

With workers, as it is by default, they are killed as well as the daemon.

usage: ./test kill-matrix [--full] [--seed N] [--mode inline|worker] [PROVIDER.so]
  --full            every place of every case under every fault, instead of a sample
  --seed N          another sample (1)
  --mode inline     providers in the daemon, not in processes of their own
  --describe FILE   what to submit to PROVIDER.so (PROVIDER.exactly.json beside it)
  --only PATTERN    SUITE/CASE/FAULT[/POINT:NTH@TEXT], each with * and ?; shows every run
  --protocol WORD   how the cloud is asked: http or https (https once in four)
  --jobs N          so many daemons at once (four for each core)
  --trace           with --only: the points that each run passes
"""

import argparse
import collections
import fnmatch
import multiprocessing
import os
import random
import shutil
import sys
import time
import traceback
import zlib

sys.dont_write_bytecode = True

import command  # noqa: E402
from cases import Case  # noqa: E402
from description import class_alone, role_of  # noqa: E402
from effects import Wrong  # noqa: E402
from faults import FAULTS  # noqa: E402
from host import Late, scratch  # noqa: E402
from lab import HURRY_MS, PATIENCE_MS, Lab  # noqa: E402
from points import NTH_MOST, POINTS, WORKER, WORKER_POINTS, aims_of  # noqa: E402

JOBS = 4 * (os.cpu_count() or 2)  # they wait more than they work
SHOWN = 10  # of the runs that go wrong, at once and whole
WAYS = ["http", "https", "http", "http"]  # https costs twice as much, and changes little
SAMPLE_FAULTS = 2  # of each case in a sample, and none
SAMPLE_KILLS = 2  # of each of those
SAMPLE_KILLS_ALONE = 6  # where there are no faults
DEAR_KILLS = 40  # where all are made, of a case that takes long, others under each fault
SECOND_KILLS = 1  # after each of those
SECOND_PART = 1 / 3  # or after so many, where all are made


class Task:
    """A case under a fault: once without a kill, and then killed at what was passed."""

    def __init__(self, suite, case, fault, protocol, aims=None):
        self.suite, self.case, self.fault, self.protocol = suite, case, fault, protocol
        self.aims = aims  # None: all; else so many of them

    def lab(self):
        """What the lab is that it runs in: its suite, and what Lab takes last."""
        hurries = (FAULTS[self.fault] or {}).get("hurry", False)
        return self.suite, self.protocol, HURRY_MS if hurries else PATIENCE_MS

    def name(self, aim=""):
        return f"{self.suite}/{self.case}/{self.fault}" + (f"/{aim}" if aim else "")


# --- in a process of its own ---


class Worker:
    def __init__(self, options, suites, number):
        self.options, self.suites, self.number = options, suites, number
        self.labs = {}

    def lab(self, task):
        key = task.lab()
        if key not in self.labs:
            suite = self.suites[task.suite]
            folder = scratch(f"davit-kill.{self.number}.")
            lab = Lab(suite.told, suite.plugin, folder, self.options.seed, *key[1:])
            self.labs[key] = lab
        return self.labs[key]

    def close(self, key):
        lab = self.labs.pop(key)
        lab.close()
        shutil.rmtree(lab.folder, ignore_errors=True)

    def run(self, task, aim):
        """One run as a result; whatever breaks is one too, and costs the lab."""
        case = None
        try:
            told = self.suites[task.suite].cases[task.case]
            case = Case(self.lab(task), told, task.fault)
            return case.run(aim.split("+") if aim else ())
        except Exception as error:  # noqa: BLE001: told with the command that shows it again
            why = str(error) if isinstance(error, (Wrong, Late)) else traceback.format_exc()
            key = task.lab()
            lost = int(isinstance(error, Late))
            if key in self.labs:
                why += self.rest(self.labs[key], case)
                self.close(key)
            return {"why": why, "lost": lost, "broken": 1, "traces": []}

    @staticmethod
    def rest(lab, case):
        """How the daemon was left, for people."""
        lives = [*(case.traces if case else []), lab.host.kills.trace()]
        said = f"\n    the last answer: {case and case.answer}"
        for number, trace in enumerate(lives):
            said += f"\n    passed in life {number + 1}:" + "".join(
                "\n      " + line for line in trace[-12:]
            )
        try:
            for path in ("/v1/jobs?limit=3", "/v1/queues"):
                said += f"\n    {path}: {lab.host.request('GET', path).body[:3000]!r}"
        except OSError as error:
            said += f"\n    it does not answer: {error!r}"
        return f"{said}\n    its log ends:\n{lab.host.log()[-2000:]}"

    def aims(self, task, traces):
        """Where it is to die, of what it passed in its first life."""
        most = self.suites[task.suite].cases[task.case].get("nth", NTH_MOST)
        workers = self.options.mode == "worker"
        aims = aims_of(traces[0], most, workers) if traces else []
        pattern = self.options.aim
        if pattern:
            return [aim for aim in aims if fnmatch.fnmatchcase(aim, pattern)] or [pattern]
        return aims if task.aims is None else sample(aims, task.aims, self.dice(task.name()))

    def again(self, task, aim, traces):
        """And where in its second one."""
        dice = self.dice(task.name(aim))
        if len(traces) < 2 or self.options.aim:
            return []
        if self.options.full and not self.options.pattern and dice.random() > SECOND_PART:
            return []
        aims = sample(aims_of(traces[1]), SECOND_KILLS, dice)
        return [f"{aim}+{second}" for second in aims]

    def dice(self, text):
        return random.Random(zlib.crc32(f"{self.options.seed} {text}".encode()))

    def work(self, task, tell):
        """All runs of a task; tell() gets each, and None behind the last."""
        result = self.run(task, "")
        tell(task, "", result)
        for aim in self.aims(task, result["traces"]):
            result = self.run(task, aim)
            tell(task, aim, result)
            for both in self.again(task, aim, result["traces"]):
                tell(task, both, self.run(task, both))
        tell(task, "", None)


def sample(aims, count, dice):
    """Of each point one before any has two."""
    by_point = collections.defaultdict(list)
    for aim in dice.sample(aims, len(aims)):
        by_point[aim.split(":")[0]].append(aim)
    points = dice.sample(sorted(by_point), len(by_point))
    turns = [by_point[point][n : n + 1] for n in range(len(aims)) for point in points]
    return [aim for turn in turns for aim in turn][:count]


def work(options, suites, number, tasks, results):
    command.end_in_order()
    worker = Worker(options, suites, number)
    try:
        for task in iter(tasks.get, None):
            worker.work(task, lambda *told: results.put(told))
    finally:
        for key in list(worker.labs):
            worker.close(key)
        results.put(None)


# --- what to do ---


def protocols(options, suite):
    if "cloud" not in suite.told:
        return ["http"]
    return [options.protocol] if options.protocol else WAYS


def kills_of(case, fault, whole, many):
    """At how many points a case is killed under a fault, of many or of none; None: all of them."""
    dear = case.get("dear", False)
    if whole:
        return DEAR_KILLS if dear and fault != "none" else None
    return SAMPLE_KILLS if many or dear else SAMPLE_KILLS_ALONE


def tasks_of(options, suites):
    """All of them, or a sample in which every case and every fault is."""
    dice = random.Random(options.seed)
    tasks = []
    for suite in suites.values():
        faults = [fault for fault in suite.faults() if class_alone(fault) is None]
        turn = dice.sample(faults, len(faults))
        for number, case in enumerate(suite.cases):
            some = [turn[(number * SAMPLE_FAULTS + n) % len(turn)] for n in range(SAMPLE_FAULTS)]
            whole = options.full or options.pattern
            every = suite.faults(suite.cases[case])
            own = [fault for fault in every if class_alone(fault) is not None]
            for at, fault in enumerate(every if whole else sorted({*some, *own, "none"})):
                ways = protocols(options, suite)
                way = ways[(number + at) % len(ways)]
                few = kills_of(suite.cases[case], fault, whole, len(faults) > 1)
                tasks.append(Task(suite.name, case, fault, way, few))
    if options.pattern:
        tasks = [task for task in tasks if fnmatch.fnmatchcase(task.name(), options.pattern)]
    dice.shuffle(tasks)
    return tasks


class Report(command.Lines):
    def __init__(self, options, suites):
        super().__init__("kill_matrix")
        self.options, self.suites = options, suites
        self.sums = collections.Counter()
        self.covered = collections.defaultdict(set)
        self.bad = []
        self.verbose = bool(options.pattern)

    def replay(self, task, aim):
        options = self.options
        command = f"./test kill-matrix --seed {options.seed} --protocol {task.protocol}"
        if options.mode != "worker":
            command += f" --mode {options.mode}"
        if options.provider:
            command += f" --describe {options.describe} {options.provider}"
        return f"{command} --only '{task.name(aim)}'"

    def so_far(self, tasks):
        wrong = f", {len(self.bad)} wrong" if self.bad else ""
        return f"{self.sums['tasks']} of {tasks} cases, {self.sums['runs']} runs{wrong}"

    def take(self, task, aim, result):
        if result is None:
            self.sums["tasks"] += 1
            return
        told = self.suites[task.suite].cases[task.case]
        self.sums["runs"] += 1
        self.sums["accepted"] += "broken" not in result
        for name in ("lost", "duplicates", "parked", "parks", "broken", "fell", "unanswered"):
            self.sums[name] += result.get(name, 0)
        made = role_of(told["slot"]) == "submit"
        self.sums["objects" if made else "changes"] += result.get("objects", 0)
        if aim and result.get("fell"):
            self.covered["class"].add(told["class"])
            self.covered["slot"].add(f"{task.suite} {told['slot']}")
            self.covered["point"] |= {one.split(":")[0] for one in aim.split("+")}
            self.covered["fault"].add(task.fault)
        if aim and "fell" in result and not result["fell"]:
            self.sums["missed"] += 1
        if "why" in result:
            self.bad.append(f"{task.name(aim)}: {result['why']}\n    {self.replay(task, aim)}")
            if len(self.bad) <= SHOWN:
                print(self.bad[-1], flush=True)
        if self.verbose:
            shown = {key: value for key, value in result.items() if key not in ("traces", "why")}
            print(task.name(aim), shown, flush=True)
            for trace in result["traces"] if self.options.trace else ():
                print("\n".join("    " + line for line in trace), "\n")

    def wanted(self):
        """What a sample must have been killed in."""
        cases = [(suite, case) for suite in self.suites.values() for case in suite.cases.values()]
        faults = {fault for suite in self.suites.values() for fault in suite.faults()}
        return {
            "class": {case["class"] for _, case in cases},
            "slot": {
                f"{suite.name} {slot}" for suite in self.suites.values() for slot in suite.slots()
            },
            "fault": faults,
            "point": {point for point in self.points() if self.passed(point.split("=")[-1])},
        }

    def points(self):
        of_workers = [WORKER + point for point in (*POINTS, *WORKER_POINTS)]
        return [*POINTS, *(of_workers if self.options.mode == "worker" else ())]

    def passed(self, point):
        """Does any case pass it?"""
        if point.startswith("http_"):
            return any("cloud" in suite.told for suite in self.suites.values())
        if point.startswith("process_"):
            return "local" in self.suites
        exports = any(slot.endswith(" export") for s in self.suites.values() for slot in s.slots())
        return exports or not point.startswith("file")

    def end(self, seconds):
        self.good = not self.bad
        sums = self.sums
        self.line("accepted", sums["accepted"], "jobs", sums["runs"])
        self.line("remote_objects", sums["objects"], "objects")
        self.line("remote_changes", sums["changes"], "changes")
        self.line("duplicates", sums["duplicates"], "objects", 0)
        self.line("parked", sums["parked"], "jobs", sums["parks"])
        self.line("lost", sums["lost"], "jobs", 0)
        self.line("unanswered", sums["unanswered"], "calls")
        self.line("broken", sums["broken"], "runs", 0)
        self.line("kills", sums["fell"], "kills")
        self.line("missed", sums["missed"], "kills")
        if not self.options.pattern:
            for what, wanted in self.wanted().items():
                self.line(f"{what}_covered", len(wanted & self.covered[what]), what, len(wanted))
                for name in sorted(wanted - self.covered[what]):
                    print(f"    not covered: {what} {name}")
        self.line("seconds", round(seconds, 1), "s")
        for bad in self.bad[SHOWN:]:  # in short
            lines = bad.split("\n")
            print(lines[0], lines[-1], sep="\n")
        passed = sums["runs"] - len(self.bad)
        print(f"{passed} passed, {len(self.bad)} failed")
        return self.good


def fits(suites):
    """Is there a case for each slot that changes something? Says what is not as it should be."""
    fit = True
    for suite in suites.values():
        for sentence in suite.complain():
            print(sentence)
            fit = False
        for slot, reason in sorted(suite.excused.items()):
            print(f"    no case for {suite.name} {slot}: {reason}")
    return fit


def options_of():
    def more(made):
        made.add_argument("--only", help=argparse.SUPPRESS)
        made.add_argument("--trace", action="store_true", help=argparse.SUPPRESS)
        made.add_argument("--jobs", type=int, default=JOBS, help=argparse.SUPPRESS)

    options = command.parse("kill-matrix", __doc__, more)
    parts = (options.only or "").split("/", 3)
    options.pattern = "/".join((parts + ["*", "*"])[:3]) if options.only else ""
    options.aim = parts[3] if len(parts) > 3 else ""
    return options


def main():
    options = options_of()
    suites = command.suites_of(options)
    if not options.pattern and not fits(suites):
        return 2
    command.end_in_order()
    began = time.monotonic()
    todo = tasks_of(options, suites)
    report = Report(options, suites)
    tasks, results = multiprocessing.Queue(), multiprocessing.Queue()
    tasks.cancel_join_thread()  # what nobody took may be left
    count = max(1, min(options.jobs, len(todo)))
    for task in todo + [None] * count:
        tasks.put(task)
    workers = [
        multiprocessing.Process(target=work, args=(options, suites, n, tasks, results))
        for n in range(count)
    ]
    for worker in workers:
        worker.start()
    progress = command.Progress()
    try:
        while count > 0:
            told = results.get()
            if told is None:
                count -= 1
            else:
                report.take(*told)
            progress.tell(lambda: report.so_far(len(todo)))
    except (KeyboardInterrupt, SystemExit):
        report.bad.append("it was ended before its end\n    ")
        for worker in workers:
            worker.terminate()
    for worker in workers:
        worker.join()
    return 0 if report.end(time.monotonic() - began) else 1


if __name__ == "__main__":
    sys.exit(main())

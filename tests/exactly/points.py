"""Where the daemon is killed, and what its trace says was on disk by then."""

POINTS = (
    "http_before_journal",
    "http_before_send",
    "http_after_send",
    "http_after_answer",
    "before_commit",
    "after_commit",
    "process_before_start",
    "process_after_start",
    "file_before_write",
    "files_after_write",
)
WORKER_POINTS = (  # where nothing is written or sent: only a worker dies there
    "worker_before_call",
    "worker_after_call",
    "worker_before_service",
    "worker_after_service",
)
WORKER = "worker="  # before a point: not the daemon dies there, but its workers
ENDS_WORKERS = "ends workers"  # in a trace
NTH_MOST = 3  # of points that look the same, as those of polls, where a case does not say it


def aim_of(line):
    """What of a line of the trace is the same each time: without ids and addresses."""
    point, _, rest = line.partition(" ")
    words = rest.split(" ")
    if point == "http_after_send":
        return point, words[0]
    if words[0] in ("kv_put", "kv_delete", "job_add", "claim_answer", "claim_sweep"):
        return point, words[0]
    if point.startswith(("process_", "file")):
        return point, ""
    if words[0] == "edge" and len(words) > 3:
        return point, " ".join(words[:3])
    return point, " ".join(words[:2])


def aims_of(trace, most=NTH_MOST, workers=False):
    """Each point of a run as DAVIT_KILL wants it, in their order; workers: with those for workers."""
    seen, found = {}, []
    for line in trace:
        point, text = aim_of(line)
        if text == "claim_sweep" or point in ("dies", "ends"):
            continue
        of_worker = point in WORKER_POINTS
        if of_worker and not workers:
            continue
        seen[point, text] = nth = seen.get((point, text), 0) + 1
        if nth > (1 if of_worker else most):
            continue
        aim = f"{point}:{nth}" + (f"@{text}" if text else "")
        if not of_worker:
            found.append(aim)
        if workers:
            found.append(WORKER + aim)
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

"""What a fake cloud does wrong, and what that means for the request it does it to."""

# What goes wrong, of which requests, and what it means:
#   of       changes: the request that changes something; token, reads, lists, looks (how a job stands):
#            others
#   unclear  nobody can know whether the change was made
#   refuses  the change was certainly not made, and the job may fail
#   hurry    answers do not come, so that the daemon is not to wait for them long
#   twice    the cloud makes it twice by itself, where nothing names the submission
#   class    only submissions of that class are tried with it, each of them in a sample, too
#   cloud    how the cloud is set
#   then     what else goes wrong with it
FAULTS = {
    "none": None,
    "reset_connect": {"fault": "reset_connect", "of": "connections"},
    "reset_before": {"fault": "reset_before", "unclear": True},
    "reset_after": {"fault": "reset_after", "unclear": True},
    "timeout": {"fault": "timeout", "unclear": True, "hurry": True},
    "timeout_applied": {"fault": "timeout", "applied": True, "unclear": True, "hurry": True},
    "status_500": {"fault": "status", "status": 500, "unclear": True},
    "status_500_applied": {"fault": "status", "status": 500, "applied": True, "unclear": True},
    "status_503": {"fault": "status", "status": 503, "unclear": True},
    "status_429": {"fault": "status", "status": 429, "retry_after": 0},
    "status_401": {"fault": "status", "status": 401},
    "status_403": {"fault": "status", "status": 403, "refuses": True},
    "late": {"fault": "late", "ms": 20, "unclear": True, "hurry": True},
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
    "token_403": {"fault": "status", "status": 403, "of": "token"},
    "token_400_often": {"fault": "status", "status": 400, "of": "token", "count": 3},
    "looks_404": {"fault": "status", "status": 404, "of": "looks", "count": 3},
    "looks_400": {"fault": "status", "status": 400, "of": "looks", "count": 3},
    "reads_500": {"fault": "status", "status": 500, "of": "reads", "count": 2},
    "reads_reset": {"fault": "reset_before", "of": "reads", "count": 2},
    "old_list": {
        "fault": "reset_after",
        "unclear": True,
        "class": "search",
        "cloud": {"list_delay_ms": 390},  # settle_ms is 400
        "then": {"fault": "delay_after", "ms": 600, "of": "lists"},
    },
}


def rule_of(fault, match):
    """The rule of the fake cloud for a row of FAULTS."""
    ours = ("of", "unclear", "refuses", "twice", "hurry", "class", "cloud", "then")
    rule = {key: value for key, value in fault.items() if key not in ours}
    return {"match": match, "count": 1, **rule}

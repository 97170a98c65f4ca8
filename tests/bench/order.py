"""How well jobs kept the order in which they were queued."""

import bisect


def out_of_turn(starts):
    """Of jobs that were queued in this order and started at these times: the most that one job
    overtook, and the most that overtook one. Jobs of the same millisecond are in order.

    With some slots a job may rightly overtake all that were taken up with it and took longer to
    start. One that was taken up and then took long is overtaken by all that the other slots start
    meanwhile."""
    early = late = 0
    before = []  # the times of those queued before, sorted
    for start in starts:
        early = max(early, len(before) - bisect.bisect_right(before, start))
        bisect.insort(before, start)
    after = []
    for start in reversed(starts):
        late = max(late, bisect.bisect_left(after, start))
        bisect.insort(after, start)
    return early, late

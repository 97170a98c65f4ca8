/*
 * rate - a token bucket that gives out times: who comes first gets the earlier one, and nobody who
 * comes later is let past. Pure; its owner guards it. Times are clock_mono_ms().
 */
#ifndef HOST_NET_RATE_H
#define HOST_NET_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_PER_SECOND_MIN 0.001
#define RATE_PER_SECOND_MAX 1e6

struct rate {
	int64_t interval_ns; /* between two; 0: no limit */
	int64_t burst_ns;    /* how far back the time of the next one may lie */
	int64_t next_ns;     /* when the bucket is full again */
};

/* per_second ≤ 0: no limit. Else it is held within the bounds above; burst: how many may go at
 * once, at least 1; 0: as many as go in a second, at least one. */
void rate_init(struct rate *r, double per_second, unsigned burst);

/* Takes the next free time, *ret_at_ms ≥ now_ms. False, and nothing is taken, where that is after
 * last_ms; *ret_at_ms then says when it would have been. */
bool rate_take(struct rate *r, int64_t now_ms, int64_t last_ms, int64_t *ret_at_ms);

/* Gives a time back that was not used. It is free for another only if nobody took a later one. */
void rate_give_back(struct rate *r, int64_t at_ms);

/* Is it as if it had never been used? */
bool rate_rests(const struct rate *r, int64_t now_ms);

#endif

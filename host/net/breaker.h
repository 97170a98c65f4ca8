/*
 * breaker - a circuit breaker. Closed: all may go. Open, after BREAKER_FAILURES of the last
 * BREAKER_OUTCOMES failed: none, for a time. Then half-open: one may try; its success closes the
 * circuit, its failure opens it for twice as long, up to BREAKER_OPEN_MOST_MS. Pure; its owner
 * guards it. Times are clock_mono_ms().
 */
#ifndef HOST_NET_BREAKER_H
#define HOST_NET_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_OUTCOMES     20    /* the last so many count, */
#define BREAKER_FAILURES     10    /* and so many failures open it */
#define BREAKER_FORGET_MS    60000 /* after this long without an outcome they are forgotten */
#define BREAKER_OPEN_MS      5000
#define BREAKER_OPEN_MOST_MS 60000

enum breaker_outcome {
	BREAKER_SUCCESS,
	BREAKER_FAILURE,
	BREAKER_NEITHER /* cancelled, or never sent: says nothing of the other side */
};

enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_HALF_OPEN
};

/* All zeros: closed. */
struct breaker {
	enum breaker_state state;
	uint32_t outcomes; /* the last ones, the newest in the lowest bit; 1: a failure */
	uint32_t round;    /* how often the state changed; outcomes of an earlier one are void */
	bool trying;       /* half-open, and one is on its way */
	int64_t last_ms;   /* of the last outcome */
	int64_t until_ms;  /* open */
	int64_t open_ms;   /* how long it was opened last */
};

/* True: go, and tell breaker_leave() with *ret_round. False: *ret_at_ms is when to ask again. */
bool breaker_enter(struct breaker *b, int64_t now_ms, uint32_t *ret_round, int64_t *ret_at_ms);

/* Would breaker_enter() say yes? */
bool breaker_would_enter(const struct breaker *b, int64_t now_ms, int64_t *ret_at_ms);

/* How it ended. Returns the new state if this changed it, else -1. */
int breaker_leave(struct breaker *b, uint32_t round, enum breaker_outcome outcome, int64_t now_ms);

/* May it be forgotten: is it closed without a failure, or was it opened long ago? */
bool breaker_rests(const struct breaker *b, int64_t now_ms);

#endif

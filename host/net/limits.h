/*
 * limits - rate and circuit breaker for each host, connection and operation of one instance.
 *
 * The keys are in a table of fixed size. A key is forgotten only when that changes nothing: its
 * bucket is full, its circuit closed without a failure, nobody holds it. Where all are in use the
 * new ones share one key per rule, so that inventing names never widens a limit. [any thread; the
 * lock is never held while anybody waits]
 */
#ifndef HOST_NET_LIMITS_H
#define HOST_NET_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/breaker.h"

struct fail;
struct limits;
struct limits_key;

#define LIMITS_KEYS      1024 /* of one instance */
#define LIMITS_RULES_MAX 64
#define LIMITS_OTHERS    "*" /* the rule of operations that have none of their own */

/* A member of the manifest's rate_limits. */
struct limits_rule {
	const char *operation; /* copied */
	double per_second;
	unsigned burst; /* 0: see rate_init() */
};

/* One attempt that passes the limits. */
struct limits_pass {
	struct limits_key *key; /* NULL: not taken, or given back */
	int64_t at_ms;          /* when it may go, clock_mono_ms() */
	uint32_t round;
	bool started;
};

/* keys: 0 for LIMITS_KEYS. NULL: out of memory, or too many rules. */
struct limits *limits_create(
	const struct limits_rule *rules, size_t count, size_t keys, struct fail *f);

/* Nobody holds a pass of it any more. NULL is fine. */
void limits_destroy(struct limits *l);

/*
 * Before each attempt: *ret says when it may go. host as a text of the caller's (with its port),
 * connection "" for none, operation as the request names it. The caller then waits on a condition
 * of its own until ret->at_ms, often not at all, and calls limits_start(). FAIL_BUSY with
 * retry_after_ms where the circuit is open, or no time is free before deadline_ms.
 */
bool limits_reserve(struct limits *l, const char *host, const char *connection,
	const char *operation, int64_t deadline_ms, struct limits_pass *ret, struct fail *f);

/* It goes now. FAIL_BUSY where the circuit opened meanwhile; limits_end() is due all the same. */
bool limits_start(struct limits *l, struct limits_pass *p, struct fail *f);

/* How it ended; also for a pass that was not started (its time is given back). */
void limits_end(struct limits *l, struct limits_pass *p, enum breaker_outcome outcome);

/* How many keys are in the table; for tests. */
size_t limits_count(struct limits *l);

#endif

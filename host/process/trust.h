/*
 * trust - how many connections to one server may be kept, by what was seen of it: as many as it
 * held at once, and more on trial. A trial fails when a request is left unread while a kept
 * connection is idle; then there is none for a while, each time twice as long.
 * [the caller guards it; no system calls]
 */
#ifndef HOST_PROCESS_TRUST_H
#define HOST_PROCESS_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRUST_DOUBT_FIRST_MS 1000
#define TRUST_DOUBT_MAX_MS   64000

struct trust {
	size_t seen;        /* connections that it held at once */
	int64_t doubted_ms; /* until then no more than that are kept; clock_mono_ms() */
	int64_t doubt_ms;   /* how long the next time */
};

void trust_init(struct trust *t);

/* It has answered, and holds so many. */
void trust_saw(struct trust *t, size_t held);

/* May so many stay open, of which it has not read from all? waiting: one is unread for long. */
bool trust_allows(const struct trust *t, size_t open, bool waiting, int64_t now);

/* It left a request unread and holds but so many, where no idle one is left. */
void trust_failed(struct trust *t, size_t held, int64_t now);

#endif

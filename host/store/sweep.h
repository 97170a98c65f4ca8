/*
 * sweep - deletes sealed blobs that nobody refers to any more. Referred to is what stands, as 64
 * hexadecimal digits, in any value that a provider keeps or in any text of an open job: there
 * may be more of that than there are references, never less. [any thread; one at a time]
 */
#ifndef HOST_STORE_SWEEP_H
#define HOST_STORE_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blobs;
struct fail;
struct store;

#define SWEEP_AGE_MS INT64_C(3600000) /* a reference is on its way no longer, calls aside */

struct sweep_result {
	size_t deleted;
	size_t kept;
	uint64_t bytes; /* of what was deleted */
};

/* Deletes what is unreferenced and was sealed, or opened by its digest, more than age_ms ago.
 * false: something could not be read; what was deleted by then was unreferenced. */
bool sweep_blobs(struct store *s, struct blobs *b, int64_t age_ms, struct sweep_result *ret_result,
	struct fail *f);

/*
 * A thread that sweeps some time after something was deleted, and once a day; until then it
 * sleeps. Blobs must have the age of the longest call of a provider, call_ms, and SWEEP_AGE_MS:
 * what a call was given or has made may be referred to when it ends, not before.
 */
struct sweeper;
struct sweeper *sweeper_start(struct store *s, struct blobs *b, int64_t call_ms, struct fail *f);
void sweeper_stop(struct sweeper *w); /* after the sweep under way, if any; NULL is fine */

/* Something was deleted that may have been the last to refer to a blob. NULL is fine. */
void sweeper_wish(struct sweeper *w);

#endif

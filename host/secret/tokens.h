/*
 * tokens - access tokens that many calls share: fetched by one of them however many ask, and
 * fetched anew by one while the old one still serves the others.
 *
 * A token is due once less than a fifth of its life is left, or TOKENS_DUE_MS; it is served no more
 * in the last tenth, or TOKENS_MARGIN_MS, so that it does not end on its way. Where fetching a due
 * one failed, it is tried again after TOKENS_PAUSE_MS at the earliest, as long as the old one
 * lives. Where there is none, a failure is that of all who waited for it, and of those who ask
 * within TOKENS_FAILED_MS: a service that is down is not asked by each of them in turn. [any
 * thread]
 */
#ifndef HOST_SECRET_TOKENS_H
#define HOST_SECRET_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/thread.h"

#define TOKENS_DUE_MS    300000
#define TOKENS_MARGIN_MS 10000
#define TOKENS_PAUSE_MS  30000
#define TOKENS_FAILED_MS 1000
#define TOKENS_TEXT_MAX  400
#define TOKENS_MAX       4096 /* kept at once; of more the one that was unused longest goes */

struct tokens;

struct tokens *tokens_open(void);    /* NULL: out of memory */
void tokens_close(struct tokens *t); /* nobody asks any more; NULL is fine */

/* How the one who asks waits: on wake, with lock, until deadline (clock_mono_ms()) or until
 * stopped(ctx), called with lock held, is true. Who makes that true signals wake. */
struct tokens_wait {
	struct mutex *lock;
	struct cond *wake;
	int64_t deadline;
	bool (*stopped)(void *ctx); /* lock is held */
	bool (*gone)(void *ctx);    /* nobody wants it any more: asked now and then. Or NULL */
	void *ctx;
};

/* Why a fetch failed, in the words of who fetched. */
struct tokens_failure {
	int32_t code; /* theirs, not 0 */
	char text[TOKENS_TEXT_MAX];
};

enum tokens_answer {
	TOKENS_LIVE,    /* *ret_value: a copy; the caller gives it to crypto_cleanse() and free() */
	TOKENS_FETCH,   /* holder must fetch one: tokens_put() or tokens_leave() follows */
	TOKENS_FAILED,  /* *ret_failure says why */
	TOKENS_STOPPED, /* it need not wait any more */
	TOKENS_NO_MEMORY
};

/* holder: who asks, not 0. One that must fetch and asks again gets the old token while it lives. */
enum tokens_answer tokens_get(struct tokens *t, const char *key, uint64_t holder,
	const struct tokens_wait *wait, char **ret_value, size_t *ret_n,
	struct tokens_failure *ret_failure);

/* The token for all. expires_ms: clock_now_ms(). False: out of memory. */
bool tokens_put(struct tokens *t, const char *key, uint64_t holder, const char *value, size_t n,
	int64_t expires_ms);

/* Nobody gets this value any more. */
void tokens_drop(struct tokens *t, const char *key, const char *value, size_t n);

/* holder ended: where it was to fetch a token and has not, the failure is everybody's, or, NULL (it
 * was stopped, say), the next one is asked. */
void tokens_leave(struct tokens *t, uint64_t holder, const struct tokens_failure *failure);

#endif

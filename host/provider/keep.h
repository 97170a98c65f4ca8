/* keep - secrets that outlive their call: sealed, of one instance and connection. [the thread of
 * the call] */
#ifndef HOST_PROVIDER_KEEP_H
#define HOST_PROVIDER_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEEP_BYTES_MAX ((size_t)64 * 1024)

struct call;
struct fail;
struct provider;

/* Durable when it returns. expires_ms: wall clock; 0: never. FAIL_INVALID: the call has details of
 * a connection that is not the site's, or the value is too long. */
bool keep_put(struct call *c, const char *name, const void *bytes, size_t n, int64_t expires_ms,
	struct fail *f);

/* What was put last under that name; the caller gives it to crypto_cleanse() and free().
 * FAIL_NOT_FOUND: nothing, or its time is over. */
bool keep_get(struct call *c, const char *name, char **ret_value, size_t *ret_n, struct fail *f);

/* Hides all that is kept for a provider, in calls before this daemon too. [any thread] */
void keep_learn(struct provider *p);

#endif

/*
 * fail - why something did not work, told once and carried up to the caller.
 *
 * The caller owns the struct (usually on its stack), so reporting an error never
 * allocates. The lowest function that knows sets it; each level that can add the name of
 * the thing it was working on wraps it. Only the REST layer turns it into a status line,
 * and only the code decides which. [any thread; a struct fail belongs to one thread]
 */
#ifndef HOST_BASE_FAIL_H
#define HOST_BASE_FAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum fail_code {
	FAIL_NONE,
	FAIL_INVALID,       /* 400: the caller can mend it */
	FAIL_AUTH,          /* 401: credentials missing or refused */
	FAIL_FORBIDDEN,     /* 403: this listener or site does not allow it */
	FAIL_NOT_FOUND,     /* 404 */
	FAIL_METHOD,        /* 405 */
	FAIL_CONFLICT,      /* 409 */
	FAIL_TOO_LARGE,     /* 413 */
	FAIL_MEDIA_TYPE,    /* 415 */
	FAIL_UNPROCESSABLE, /* 422: well-formed, wrong types or empty values */
	FAIL_BUSY,          /* 429: a limit of ours is reached; retry_after_ms says when */
	FAIL_INTERNAL,      /* 500: a bug or a broken machine: details go to the log only */
	FAIL_UNSUPPORTED,   /* 501: the provider or its cloud does not offer it */
	FAIL_UPSTREAM,      /* 502: the provider's other side said no */
	FAIL_UNAVAILABLE,   /* 503: worth trying again later */
	FAIL_DEADLINE,      /* 504: time ran out */
	FAIL_CODE_COUNT
};

struct fail {
	enum fail_code code;
	int64_t retry_after_ms; /* with FAIL_BUSY and FAIL_UNAVAILABLE; 0: not said */
	char field[128];        /* JSON pointer of the member at fault, or "" */
	char text[512];         /* outermost context first: "add job: open store: disk full" */
};

/* Sets *f (all members) and returns false, so that a function may end with it. Bytes that
 * are not UTF-8 become '?'; a text that is cut ends in "...". f may be NULL. */
bool fail_set(struct fail *f, enum fail_code code, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* As fail_set, and names the member at fault by its JSON pointer. */
bool fail_at(struct fail *f, enum fail_code code, const char *pointer, const char *fmt, ...)
	ATTR_PRINTF(4, 5);

/* As fail_set for an errno value: the code that fits it, and "<fmt>: <what the system says>".
 * ENOENT: FAIL_NOT_FOUND; EEXIST: FAIL_CONFLICT; no room, files or processes left:
 * FAIL_UNAVAILABLE; else FAIL_INTERNAL. */
bool fail_errno(struct fail *f, int err, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* Puts "<fmt>: " before the text that is there; the code stays. Returns false. */
bool fail_wrap(struct fail *f, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* The stable word for a code ("not_found"), and its HTTP status. */
const char *fail_word(enum fail_code code);
int fail_status(enum fail_code code);

#endif

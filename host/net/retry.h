/*
 * retry - is a request sent once more, and when? By the sort of its failure, in one table that
 * docs/provider-guide.md shows. Pure: the time and the random number are the caller's.
 * [any thread]
 */
#ifndef HOST_NET_RETRY_H
#define HOST_NET_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* How an attempt ended. */
enum retry_class {
	RETRY_ANSWERED,    /* any status not named below: the provider reads it */
	RETRY_UNSENT,      /* certainly no byte of the request left */
	RETRY_UNDONE,      /* the other side says that it did not touch it */
	RETRY_BROKEN,      /* the connection ended, or the answer was cut or no HTTP */
	RETRY_LATE,        /* the attempt's time was up; also 408 */
	RETRY_THROTTLED,   /* 429, or 503 with Retry-After */
	RETRY_UNAVAILABLE, /* 502, 503, 504 */
	RETRY_ERROR,       /* 500 */
	RETRY_REFUSED,     /* host, address or certificate are not allowed, or the proxy says no */
	RETRY_CLASS_COUNT
};

enum retry_when {
	RETRY_NEVER,
	RETRY_REPEATABLE, /* without DAVIT_HTTP_MUTATES, or with DAVIT_HTTP_IDEMPOTENT */
	RETRY_ALWAYS
};

struct retry_rule {
	const char *word; /* of the class, in documents and the log */
	int64_t first_ms; /* the first pause is anything from 0 to this, */
	int64_t most_ms;  /* each later one up to factor times that of the one before, */
	unsigned factor;  /* but none longer than most_ms */
	enum retry_when when;
	unsigned attempts; /* all together, the first one included */
	bool trips;        /* counts as a failure for the circuit breaker */
};

/* A longer pause that the other side asks for is cut to this. */
#define RETRY_AFTER_MAX_MS ((int64_t)24 * 3600 * 1000)

const struct retry_rule *retry_rule(enum retry_class c);

/* has_retry_after: the answer has a Retry-After that could be read. */
enum retry_class retry_class_of_status(int status, bool has_retry_after);

/* Milliseconds from now_ms (wall clock) that the value of a Retry-After header asks for: seconds,
 * or a date; 0 for one in the past, at most RETRY_AFTER_MAX_MS. -1: it is neither. */
int64_t retry_after_ms(const char *value, int64_t now_ms);

struct retry_attempt {
	enum retry_class how;
	unsigned made;          /* attempts so far, this one included */
	unsigned most;          /* attempts the request allows; 0: what the table says */
	bool repeatable;        /* see RETRY_REPEATABLE */
	int64_t retry_after_ms; /* what the other side asked for; -1: nothing */
	int64_t now_ms;         /* clock_mono_ms() */
	int64_t deadline_ms;    /* of all attempts together */
};

/*
 * True: send again at *ret_at_ms (clock_mono_ms()), which is before the deadline. The pause is a
 * random part of what the table says (full jitter); a pause the other side asked for comes before
 * it. Where that reaches the deadline the answer is false: nobody is asked sooner than it wants.
 * random: evenly spread over all 64 bits.
 */
bool retry_next(const struct retry_attempt *a, uint64_t random, int64_t *ret_at_ms);

#endif

/*
 * redact_set - patterns, and the longest of them at a place of a text, in a time that does not
 * depend on how alike they are: they stand in order, and each knows the longest other one it begins
 * with, so that a look is one search among them. A set of bits, hashed from the first bytes, says
 * no almost everywhere. Internal to redact. [guarded by whoever has it]
 */
#ifndef HOST_SECRET_REDACT_SET_H
#define HOST_SECRET_REDACT_SET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct redact_pattern {
	struct redact_pattern *next;   /* of its maker, before it is in a set */
	struct redact_pattern *parent; /* the longest other one that it begins with */
	uint64_t owner;                /* who took the last reference */
	atomic_ullong used;            /* when it was met last */
	size_t refs;
	size_t n;
	char p[];
};

struct redact_row {
	struct redact_pattern **at; /* in the order of their bytes */
	size_t count, room;
};

struct redact_set {
	uint64_t mask; /* of the bytes that are hashed */
	size_t window; /* how many these are, 1 to 8; no pattern is shorter */
	unsigned shift;
	uint64_t *bits;
	struct redact_row *rows; /* by the first byte, as far as row_mask says */
	size_t row_mask;
	size_t count; /* of patterns */
	size_t bytes; /* of memory for them */
};

/* window: 1 to 8; row_log: 0 to 8. False: out of memory. */
bool redact_set_init(struct redact_set *s, size_t window, unsigned bits_log, unsigned row_log);
void redact_set_finish(struct redact_set *s);

struct redact_pattern *redact_pattern_new(const char *p, size_t n); /* NULL: out of memory */
void redact_pattern_free(struct redact_pattern *p);                 /* overwrites it */

/* The pattern of those bytes that is in the set from now on: p, or an equal one (then p was freed).
 * NULL: out of memory, p was freed. References are the caller's to count. */
struct redact_pattern *redact_set_add(struct redact_set *s, struct redact_pattern *p);

/* Takes out and frees those without references. */
void redact_set_sweep(struct redact_set *s);

/* The longest pattern that text begins with; NULL: none. *ret_begins: its n bytes are the
 * beginning of a longer one. */
struct redact_pattern *redact_set_longest(
	const struct redact_set *s, const char *text, size_t n, bool *ret_begins);

/* May a pattern begin with these bytes? */
static inline bool redact_set_maybe(const struct redact_set *s, uint64_t window)
{
	uint64_t at = ((window & s->mask) * UINT64_C(0x9e3779b97f4a7c15)) >> s->shift;

	return (s->bits[at / 64] >> at % 64 & 1) != 0;
}

/* The first 8 of n bytes, zeros behind the last one. */
static inline uint64_t redact_window(const char *p, size_t n)
{
	uint64_t window = 0;

	if (n >= sizeof(window))
		memcpy(&window, p, sizeof(window));
	else
		memcpy(&window, p, n);
	return window;
}

#endif

/* redact_parts - what the files of redact share. */
#ifndef HOST_SECRET_REDACT_PARTS_H
#define HOST_SECRET_REDACT_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct redact_pattern;
struct redact_set;

/* Calls each(form, n, ctx) for every form of a value, none longer than REDACT_PATTERN_MOST, maybe
 * several times for one. */
void redact_forms(const char *value, size_t n, void (*each)(const char *form, size_t n, void *ctx),
	void *ctx);

/* The forms as a list by next; *ret_count: how many. False: out of memory, some are lacking. */
bool redact_patterns(
	const char *value, size_t n, struct redact_pattern **ret_first, size_t *ret_count);

/* Calls each with what is named like a secret in v. */
void redact_named(const json_t *v, void (*each)(void *ctx, const void *bytes, size_t n), void *ctx);

/* The patterns of the registry, to be looked at until redact_shared_end(); NULL: there are none,
 * and nothing is to be ended. */
const struct redact_set *redact_shared_begin(void);
void redact_shared_end(void);

/* A pattern of it was met. [between the two] */
void redact_shared_met(struct redact_pattern *p);

/* The same of the scope in use; what is done between the two logs nothing. */
const struct redact_set *redact_scope_begin(void);
void redact_scope_end(void);

#endif

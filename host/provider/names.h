/* names - the name a submission gets at the other side, within the limits a manifest gives.
 * [any thread] */
#ifndef HOST_PROVIDER_NAMES_H
#define HOST_PROVIDER_NAMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct fail;

#define NAMES_SIZE 32 /* the longest name and its NUL fit */

struct name_limits {
	size_t max;
	bool any[128];   /* characters a name may have */
	bool first[128]; /* … and begin with */
};

/* No limits but the longest name we make; then narrowed by each kind of job. */
void names_any(struct name_limits *limits);

/*
 * Narrows *limits by the "name_limits" of a kind: {"max","alphabet","first"}, each 63,
 * "a-z0-9-" and "a-z" where absent, as is the whole where object is NULL.
 */
bool names_narrow(struct name_limits *limits, const json_t *object, struct fail *f);

/* Can they hold a whole submission id? A shorter part of it would not be unique. */
bool names_hold(const struct name_limits *limits, struct fail *f);

/* The name of a submission (24 bytes of [0-9a-z]); limits hold it. */
void names_derive(
	const struct name_limits *limits, const char *submission, char *name, size_t size);

#endif

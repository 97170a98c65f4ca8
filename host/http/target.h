/*
 * target - the address of a request as it stands in the request line, taken apart: the path,
 * percent-decoded once, and the query's keys and values. Pure. [any thread]
 *
 * An escape that is not one ("%zz", "%4") stays as it is: the clients send ids with lone
 * percent signs. NUL bytes are refused, for everything behind us takes C strings; what is not
 * UTF-8 too, for it ends up in JSON.
 */
#ifndef HOST_HTTP_TARGET_H
#define HOST_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "http/pairs.h"

#define TARGET_QUERY_MAX 512 /* keys */

struct fail;

struct target {
	char *path; /* begins with one slash, but for "*" */
	struct pair *query;
	size_t query_count;
	char *text; /* what path and query point into */
};

/* FAIL_INVALID for a NUL byte, bytes that are not UTF-8, too many keys. On failure path is what
 * was there before the NUL byte, for finding out what the client was after, or NULL. The caller
 * calls target_finish in any case. */
bool target_parse(struct target *t, const char *raw, size_t n, struct fail *f);
void target_finish(struct target *t); /* of a zeroed target too */

#endif

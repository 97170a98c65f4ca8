/*
 * job_query - what the lists of jobs and runs are filtered by, read from the query. [any thread]
 */
#ifndef HOST_API_JOB_QUERY_H
#define HOST_API_JOB_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/id.h"
#include "store/store.h"

struct exchange;
struct fail;

struct job_query {
	struct job_filter filter; /* borrows texts of the exchange, and since below */
	char since[ID_SIZE];
};

/* The value of a query key; NULL where it is absent or empty. */
const char *job_query_text(const struct exchange *x, const char *key);

/* A whole number of a query key within bounds; otherwise where it is absent. FAIL_INVALID. */
bool job_query_number(const struct exchange *x, const char *key, size_t least, size_t most,
	size_t otherwise, size_t *ret_value, struct fail *f);

/*
 * state, provider, interface, kind, project, name, since, limit. Not the cursor, which means
 * something else in each order. FAIL_INVALID with the key as pointer.
 */
bool job_query_read(const struct exchange *x, struct job_query *ret_query, struct fail *f);

#endif

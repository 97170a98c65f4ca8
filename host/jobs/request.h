/*
 * request - what a slot is asked for a job: what the caller sent, and what the host and the calls
 * before this one add to it. Pure, but for the names of the site. [any thread]
 */
#ifndef HOST_JOBS_REQUEST_H
#define HOST_JOBS_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

struct job;
struct provider;
struct tracker_options;

/* {connection, submission_id, derived_name, label, kind, spec, id?, ref?, checkpoint?}; of an
 * errand {connection, id}. New; NULL: out of memory, its connection is gone, or what is
 * stored is no request. */
json_t *request_of(
	const struct tracker_options *o, const struct job *job, const struct provider *p);

/* What somebody decided that the submission made: find is to look at that. *ret_adopts: there is
 * such a decision. False: out of memory. */
bool request_adopted(json_t *request, const struct job *job, bool *ret_adopts);

#endif

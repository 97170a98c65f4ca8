/*
 * holder - which job has the object that its provider calls so. Two accounts may call two objects
 * the same: what counts is the job of the account that is asked about.
 */
#ifndef HOST_JOBS_HOLDER_H
#define HOST_JOBS_HOLDER_H

#include <stdbool.h>

struct fail;
struct job;
struct job_remote;
struct tracker_options;

/*
 * The job of remote in the account that connection (NULL or "": none) leads to now: the newest that
 * has not ended, or else the newest. FAIL_NOT_FOUND: none. Of remote its connection, before and
 * open_first do not count. *ret_job: job_finish(). [any thread]
 */
bool holder_find(const struct tracker_options *o, const struct job_remote *remote,
	const char *connection, struct job *ret_job, struct fail *f);

#endif

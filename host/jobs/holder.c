/* holder - see holder.h. */
#include "jobs/holder.h"

#include <string.h>

#include "base/fail.h"
#include "jobs/account.h"
#include "jobs/job.h"
#include "jobs/tracker.h"
#include "store/store.h"

#define LOOKS_MAX 256 /* jobs of one object, as the deployments of an endpoint */

static bool is_open(const struct job *job)
{
	return (JOB_BIT(job->state) & JOB_OPEN) != 0;
}

/* Keeps job, which is taken over, where it is the first of that account or the first open one. */
static void consider(
	const struct tracker_options *o, const char *connection, struct job *job, struct job *found)
{
	bool better = found->provider == NULL || is_open(job);

	if (better && account_same(o, job, connection)) {
		job_finish(found);
		*found = *job;
	} else {
		job_finish(job);
	}
}

bool holder_find(const struct tracker_options *o, const struct job_remote *remote,
	const char *connection, struct job *ret_job, struct fail *f)
{
	struct job_remote at = *remote;
	struct job found = {0}, job;
	char last[ID_SIZE];
	struct fail why = {0};

	at.connection = NULL;
	at.before = NULL;
	at.open_first = false;
	for (unsigned i = 0; i < LOOKS_MAX && (found.provider == NULL || !is_open(&found)); i++) {
		if (!store_job_by_remote(o->store, &at, &job, &why))
			break;
		memcpy(last, job.id, sizeof(last));
		at.before = last;
		consider(o, connection, &job, &found);
	}
	if (why.code != FAIL_NONE && why.code != FAIL_NOT_FOUND) {
		job_finish(&found);
		*f = why;
		return false;
	}
	if (found.provider == NULL)
		return fail_set(f, FAIL_NOT_FOUND, "there is no job of '%.200s'", remote->name);
	*ret_job = found;
	return true;
}

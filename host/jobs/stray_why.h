/*
 * stray_why - is an object with a label of this site a stray, and why: judged by the jobs there
 * are. While a job is being submitted, found, adopted or decided about, what carries its label is
 * none: it may be what that job is about to follow. [any thread]
 */
#ifndef HOST_JOBS_STRAY_WHY_H
#define HOST_JOBS_STRAY_WHY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "jobs/stray_set.h"

struct fail;
struct tracker_options;

#define STRAY_TEXT_SIZE 128

/*
 * Of o the store, the providers and the configuration count. Fills in why, job and job_state of a
 * stray whose other members are there; STRAY_NOT: a job follows that object, or may yet. items: the
 * list it stood in, or NULL where it is known that it is the second one of a job that runs. False
 * with *f: the store.
 */
bool stray_judge(
	const struct tracker_options *o, struct stray *stray, const json_t *items, struct fail *f);

/*
 * The id of the job that is to adopt it: that of the job that was lost; else one that is the same
 * whoever adopts it, so that of several at once one does. FAIL_CONFLICT: it was in vain too often.
 */
bool stray_adopter(const struct tracker_options *o, const struct stray *stray, char ret_id[ID_SIZE],
	struct fail *f);

/* "no_job", "job_ended", "second"; of STRAY_NOT "". */
const char *stray_why_word(enum stray_why why);

/* The same in a sentence. */
const char *stray_why_text(const struct stray *stray, char text[STRAY_TEXT_SIZE]);

#endif

/* errand - see errand.h: which jobs are errands, and what the end of one means. Pure. */
#include "jobs/errand.h"

#include <davit/abi.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"

bool errand_is_kind(const char *kind)
{
	return kind != NULL &&
	       (strcmp(kind, ERRAND_REMOVE) == 0 || strcmp(kind, ERRAND_CANCEL) == 0);
}

enum {
	REFUSALS_MAX = 6,
	GONE_TRIES = 4
};

/* --- what the end of its slot means --- */

/* One wrong word does not end what was begun. */
static enum errand_verdict refused(const struct errand_past *past)
{
	return past->tried && past->refusals < REFUSALS_MAX ? ERRAND_AGAIN : ERRAND_REFUSED;
}

bool errand_is_gone(int32_t code, bool said, const struct errand_past *past)
{
	if (code == DAVIT_OK)
		return past->unclear || past->missed;
	return said && code == DAVIT_NOT_FOUND;
}

static enum errand_verdict missing(const struct errand_past *past)
{
	return past->gone + 1 < GONE_TRIES ? ERRAND_UNCLEAR : ERRAND_DONE;
}

static enum errand_verdict verdict_of(int32_t code, const struct errand_past *past)
{
	switch (code) {
	case DAVIT_OK:
		return errand_is_gone(code, true, past) ? missing(past) : ERRAND_DONE;
	case DAVIT_RETRY:
	case DAVIT_THROTTLED:
		return ERRAND_AGAIN;
	case DAVIT_AUTH:
	case DAVIT_QUOTA: /* whoever was told that it goes on shall not be let down by these */
		return past->failed || past->tried ? ERRAND_AGAIN : ERRAND_REFUSED;
	case DAVIT_NOT_FOUND:
		if (past->unmade)
			return ERRAND_DONE;
		return past->tried ? missing(past) : ERRAND_REFUSED;
	case DAVIT_INVALID:
		return past->unmade ? ERRAND_DONE : refused(past);
	case DAVIT_CONFLICT: /* it may be going on: "is being deleted" */
		return refused(past);
	case DAVIT_UNSUPPORTED:
	case DAVIT_PERMANENT:
		return ERRAND_REFUSED;
	default:
		return ERRAND_UNCLEAR;
	}
}

/* The code is the host's, or nobody's, and no word on the object: who was told that it goes on is
 * not let down by it, and that something is not there or in use nobody is told. */
static enum errand_verdict verdict_unsaid(int32_t code, const struct errand_past *past)
{
	switch (code) {
	case DAVIT_NOT_FOUND:
	case DAVIT_CONFLICT:
		return ERRAND_AGAIN;
	case DAVIT_INVALID:
	case DAVIT_UNSUPPORTED:
	case DAVIT_PERMANENT:
		return past->failed || past->tried ? ERRAND_AGAIN : ERRAND_REFUSED;
	default:
		return verdict_of(code, past);
	}
}

/* No slot can say for certain what became of a change that was not answered. */
enum errand_verdict errand_verdict(int32_t code, bool said, const struct errand_past *past)
{
	enum errand_verdict verdict = said ? verdict_of(code, past) : verdict_unsaid(code, past);

	return verdict != ERRAND_DONE && past->unclear ? ERRAND_UNCLEAR : verdict;
}

/* --- a job that made no object, and is hidden by its removal --- */

/* What was last answered of job, or {}. New; NULL: out of memory. */
static json_t *result_of(const struct job *job)
{
	struct fail f;
	json_t *result =
		job->result != NULL ? json_parse(job->result, strlen(job->result), &f) : NULL;

	if (json_is_object(result))
		return result;
	json_decref(result);
	return json_object();
}

bool errand_has_removed(const struct job *job)
{
	json_t *result = job->remote_name == NULL ? result_of(job) : NULL;
	bool removed = json_is_true(json_object_get(result, "removed"));

	json_decref(result);
	return removed;
}

char *errand_mark_removed(const struct job *job)
{
	json_t *result = result_of(job);
	char *text = NULL;

	if (result != NULL && json_object_set_new(result, "removed", json_true()) == 0)
		text = json_compact(result, NULL);
	json_decref(result);
	return text;
}

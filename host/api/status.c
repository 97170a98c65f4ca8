/*
 * status - GET /status/{id}: one job by our id, or by what its provider calls it. Such names
 * may hold slashes, raw or encoded.
 */
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "base/fail.h"
#include "base/id.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/job.h"
#include "store/store.h"

/* By name at each configured provider; a job of one that is not loaded counts too. */
static bool find_by_name(
	const struct app *app, const char *name, struct job *ret_job, struct fail *f)
{
	for (size_t i = 0; i < app->config->provider_count; i++) {
		const char *provider = app->config->providers[i].id;

		if (store_job_by_remote(app->store, provider, name, ret_job, f))
			return true;
		if (f->code != FAIL_NOT_FOUND)
			return false;
	}
	return fail_set(f, FAIL_NOT_FOUND, "there is no job '%s'", name);
}

static bool find(const struct app *app, const char *id, struct job *ret_job, struct fail *f)
{
	if (id_valid(id)) {
		if (store_job(app->store, id, ret_job, f))
			return true;
		if (f->code != FAIL_NOT_FOUND)
			return false;
	}
	return find_by_name(app, id, ret_job, f);
}

static json_t *view(const struct job *job)
{
	return json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:o, s:o, s:o, s:s?}", "id", job->id, "state",
		job_state_short(job->state), "resource", job->remote_name, "provider",
		job->provider, "submitted", answer_time(job->created_ms), "started",
		answer_time(job->started_ms), "finished", answer_time(job->finished_ms), "progress",
		answer_stored(job->progress), "error", job->error);
}

static void work(struct app *app, struct exchange *x)
{
	struct job job = {0};
	struct fail f = {0};

	if (find(app, exchange_arg(x), &job, &f))
		exchange_reply_json(x, 200, view(&job));
	else
		answer_fail(x, &f);
	job_finish(&job);
}

void status_get(struct app *app, struct exchange *x)
{
	answer_later(app, x, work);
}

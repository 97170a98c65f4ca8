/*
 * status - GET /status/{id}: one job by our id, or by what its provider calls it. Such names
 * may hold slashes, raw or encoded. What the provider said of a job that runs may be FRESH_MS
 * old; where it is older the provider is asked first, for at most ASK_MS.
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
#include "jobs/tracker.h"
#include "store/store.h"

#define FRESH_MS 5000
#define ASK_MS   4000

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

/* With an age in seconds where the state is older than it should be; null: nobody knows. */
static json_t *aged_view(const struct job *job, int64_t age_ms)
{
	json_t *status = view(job);
	json_t *age = age_ms < 0 ? json_null() : json_real((double)age_ms / 1000.0);

	if (age_ms >= 0 && age_ms <= FRESH_MS)
		json_decref(age);
	else
		(void)json_object_set_new(status, "age", age);
	return status;
}

static void refreshed(const struct job *job, int64_t age_ms, void *ctx)
{
	struct exchange *x = ctx;
	struct fail f;

	if (job != NULL) {
		exchange_reply_json(x, 200, aged_view(job, age_ms));
		return;
	}
	(void)fail_set(&f, FAIL_INTERNAL, "the job cannot be read");
	answer_fail(x, &f);
}

static void work(struct app *app, struct exchange *x)
{
	struct job job = {0};
	struct fail f = {0};

	if (!find(app, exchange_arg(x), &job, &f))
		answer_fail(x, &f);
	else if (JOB_BIT(job.state) & JOB_TERMINAL)
		exchange_reply_json(x, 200, view(&job));
	else
		tracker_refresh(app->tracker, job.id, FRESH_MS, ASK_MS, refreshed, x);
	job_finish(&job);
}

void status_get(struct app *app, struct exchange *x)
{
	answer_later(app, x, work);
}

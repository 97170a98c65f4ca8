/*
 * status - GET /status/{id}: one job by our id, or by what its provider calls it. Such names
 * may hold slashes, raw or encoded. What the provider said of a job that runs may be FRESH_MS
 * old; where it is older the provider is asked first, for at most ASK_MS.
 */
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "api/job_why.h"
#include "base/fail.h"
#include "base/id.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/job.h"
#include "jobs/queues.h"
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

		if (store_job_by_remote(app->store,
			    &(struct job_remote){.provider = provider, .name = name}, ret_job, f))
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

/* The members after those that say why. */
static bool put_rest(json_t *view, const struct job *job)
{
	json_t *rest = json_pack("{s:s?, s:s, s:o, s:o, s:o, s:o}", "resource", job->remote_name,
		"provider", job->provider, "submitted", answer_time(job->created_ms), "started",
		answer_time(job->started_ms), "finished", answer_time(job->finished_ms), "progress",
		answer_stored(job->progress));
	bool put = rest != NULL && json_object_update(view, rest) == 0;

	json_decref(rest);
	return put;
}

static json_t *view(const struct app *app, const struct job *job)
{
	json_t *status =
		json_pack("{s:s, s:s}", "id", job->id, "state", job_state_short(job->state));
	struct queue_wait wait;
	bool waits = job_why_waits(app->tracker, job, &wait);

	if (status != NULL && job_why_put(status, job, waits ? &wait : NULL) &&
		put_rest(status, job))
		return status;
	json_decref(status);
	return NULL;
}

/* With an age in seconds where the state is older than it should be; null: nobody knows. */
static json_t *aged_view(const struct app *app, const struct job *job, int64_t age_ms)
{
	json_t *status = view(app, job);
	json_t *age = age_ms < 0 ? json_null() : json_real((double)age_ms / 1000.0);

	if (age_ms >= 0 && age_ms <= FRESH_MS)
		json_decref(age);
	else
		(void)json_object_set_new(status, "age", age);
	return status;
}

struct asking {
	struct app *app;
	struct exchange *x;
};

static void refreshed(const struct job *job, int64_t age_ms, void *ctx)
{
	struct asking *a = ctx;
	struct fail f;

	if (job != NULL) {
		exchange_reply_json(a->x, 200, aged_view(a->app, job, age_ms));
	} else {
		(void)fail_set(&f, FAIL_INTERNAL, "the job cannot be read");
		answer_fail(a->x, &f);
	}
	free(a);
}

static void ask(struct app *app, struct exchange *x, const char *id)
{
	struct asking *a = malloc(sizeof(*a));

	if (a == NULL) {
		answer_memory(x);
		return;
	}
	*a = (struct asking){.app = app, .x = x};
	tracker_refresh(app->tracker, id, FRESH_MS, ASK_MS, refreshed, a);
}

static void work(struct app *app, struct exchange *x)
{
	struct job job = {0};
	struct fail f = {0};

	if (!find(app, exchange_arg(x), &job, &f))
		answer_fail(x, &f);
	else if (JOB_BIT(job.state) & JOB_TERMINAL)
		exchange_reply_json(x, 200, view(app, &job));
	else
		ask(app, x, job.id);
	job_finish(&job);
}

void status_get(struct app *app, struct exchange *x)
{
	answer_later(app, x, work);
}

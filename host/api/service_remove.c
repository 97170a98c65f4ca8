/*
 * service_remove - deletion of a provider's object. One that is a job of ours and has not ended is
 * kept: its process may be over before we heard of it, and we would then ask in vain how it ended.
 */
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/job_view.h"
#include "api/operations.h"
#include "api/service.h"
#include "base/fail.h"
#include "base/id.h"
#include "base/json.h"
#include "http/exchange.h"
#include "jobs/job.h"
#include "provider/provider.h"
#include "store/store.h"
#include "store/sweep.h"

static bool same_place(const struct service *s, const struct job *job)
{
	return strcmp(s->target.id, job->provider) == 0 &&
	       strcmp(s->op->interface, job->interface) == 0;
}

/* Where it is a job: has that ended? */
static bool check_ended(const struct service *s, const char *id, struct fail *f)
{
	struct job job = {0};
	bool open;

	if (!id_valid(id))
		return true;
	if (!store_job(s->app->store, id, &job, f))
		return f->code == FAIL_NOT_FOUND;
	open = same_place(s, &job) && (JOB_BIT(job.state) & JOB_OPEN) != 0;
	job_finish(&job);
	return !open ||
	       fail_set(f, FAIL_CONFLICT,
		       "job %s has not ended yet: cancel it, and delete it once it has ended", id);
}

/* --- what made no object --- */

static bool note_removed(struct service *s, const struct job *job, struct fail *f)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);
	char *text = job_view_mark_removed(job);
	bool ok;

	if (op == NULL || text == NULL) {
		store_op_free(op);
		free(text);
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	}
	op->edge.from = JOB_TERMINAL;
	op->edge.to = JOB_STATE_COUNT;
	op->edge.epoch = -1;
	op->edge.set = JOB_SET_RESULT;
	memcpy(op->edge.values.id, job->id, sizeof(job->id));
	op->edge.values.result = text;
	ok = store_run(s->app->store, op, f);
	store_op_free(op);
	return ok;
}

static void hide(struct service *s)
{
	struct job job = {0};
	struct fail f = {0};

	if (service_find_job(s, &job, &f) && note_removed(s, &job, &f)) {
		sweeper_wish(s->app->sweeper);
		service_answer(s, job_view_neutral(&job));
	} else {
		service_fail(s, &f);
	}
	job_finish(&job);
}

/* It may have begun to make something before it failed; most have not. */
static void removed_unmade(struct call_result *result, void *ctx)
{
	struct service *s = ctx;

	if (result->code == DAVIT_OK || result->code == DAVIT_NOT_FOUND ||
		result->code == DAVIT_INVALID)
		service_later(s, hide);
	else
		service_fail(s, &result->fail);
}

bool service_remove_unmade(struct service *s)
{
	struct job job = {0};
	struct fail f = {0};
	bool unmade;

	if (strcmp(s->op->slot, "remove") != 0 || s->target.provider == NULL ||
		!service_has_jobs(s) || !service_find_job(s, &job, &f))
		return false;
	unmade = job.remote_name == NULL && (JOB_BIT(job.state) & JOB_TERMINAL) != 0;
	if (unmade) {
		s->object = strdup(job.id);
		service_call(s, "remove",
			s->object != NULL ? service_request(s, json_object()) : NULL,
			removed_unmade);
	}
	job_finish(&job);
	return unmade;
}

/* --- what was made --- */

static void removed(struct call_result *result, void *ctx)
{
	struct service *s = ctx;

	answer_point_into_body(&result->fail);
	if (result->code != DAVIT_OK) {
		service_fail(s, &result->fail);
		return;
	}
	sweeper_wish(s->app->sweeper);
	if (json_is_object(result->reply))
		service_answer(s, json_incref(result->reply));
	else
		service_answer(s, json_pack("{s:s}", "id", s->object));
}

/* id: of the object, as far as it may be a job. */
static void remove_ended(struct service *s, const char *id)
{
	struct fail f = {0};

	if (check_ended(s, id, &f))
		service_call(s, "remove", service_request(s, json_object()), removed);
	else
		service_fail(s, &f);
}

/* What was found is deleted, whatever gets that name meanwhile. */
static void found(struct call_result *result, void *ctx)
{
	struct service *s = ctx;
	char *object;

	if (result->code != DAVIT_OK) {
		service_fail(s, &result->fail);
		return;
	}
	object = strdup(json_text_or(result->reply, "id", s->object));
	if (object == NULL) {
		service_memory(s);
		return;
	}
	free(s->object);
	s->object = object;
	remove_ended(s, object);
}

void service_remove(struct service *s)
{
	const char *id = exchange_arg(s->x);
	struct fail f = {0};

	if (id_valid(id) || !provider_offers(s->target.provider, s->op->interface, "get", NULL, &f))
		remove_ended(s, id);
	else
		service_call(s, "get", service_request(s, json_object()), found);
}

/*
 * service_remove - deletion of a provider's object, and the cancel of one that is no job of ours:
 * errands (jobs/errand.h), so that what was begun is brought to its end whatever comes between. The
 * caller waits for the end, or until the next attempt is too far off.
 *
 * What is a job of ours and has not ended is kept: its process may be over before we heard of it,
 * and we would then ask in vain how it ended.
 */
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>
#include <davit/provider.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/connection.h"
#include "api/job_view.h"
#include "api/operations.h"
#include "api/service.h"
#include "base/fail.h"
#include "base/id.h"
#include "base/json.h"
#include "base/pace.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/errand.h"
#include "jobs/job.h"
#include "provider/provider.h"
#include "store/store.h"
#include "store/sweep.h"

#define PATIENCE_MS 10000 /* an attempt later than this is not waited for */

/* --- the errand --- */

/* What is answered once it is done: the object as its slot said it was, or else s->body. */
static json_t *done_of(const struct service *s, const struct job *job)
{
	json_t *said = answer_stored(job->result);

	if (json_is_object(said))
		return said;
	json_decref(said);
	return json_incref(s->body);
}

static void answer_open(struct service *s, const struct job *job)
{
	bool removes = strcmp(job->kind, ERRAND_REMOVE) == 0;
	struct fail f = {0};

	(void)fail_set(&f, FAIL_DEADLINE,
		"'%.200s' is not %s yet: the provider has not confirmed it, and job %s goes on "
		"until it does",
		job->name, removes ? "deleted" : "stopped", job->id);
	service_fail(s, &f);
}

static void settled(const struct job *job, void *ctx)
{
	struct service *s = ctx;

	if (job == NULL) {
		service_fail_text(s, 503, "nothing was done: it could not be noted; try again");
	} else if (job->state == JOB_SUCCEEDED) {
		sweeper_wish(s->app->sweeper);
		service_answer(s, done_of(s, job));
	} else if (job->state == JOB_FAILED) {
		service_fail_text(s, job_view_failure_status(job), job->error);
	} else if (job->state == JOB_CANCELLED) {
		service_fail_text(s, 409, "an operator ended the job that was at it");
	} else {
		answer_open(s, job);
	}
}

static void intended(const char *id, const struct fail *f, void *ctx)
{
	struct service *s = ctx;

	if (f != NULL)
		service_fail(s, f);
	else
		tracker_watch_errand(s->app->tracker, id, PACE(PATIENCE_MS),
			s->app->config->call_timeout_seconds * 1000, settled, s);
}

void service_errand(struct service *s, const char *kind, const char *parent, json_t *otherwise)
{
	const struct errand_order order = {
		.provider = s->target.id,
		.interface = s->op->interface,
		.kind = kind,
		.object = s->object,
		.connection = connection_name(s->target.connection),
		.project = answer_project(s->x),
		.parent = parent,
	};

	if (s->object == NULL || otherwise == NULL) {
		json_decref(otherwise);
		service_memory(s);
		return;
	}
	s->body = otherwise;
	tracker_errand(s->app->tracker, &order, intended, s);
}

/* --- what made no object --- */

bool service_remove_unmade(struct service *s)
{
	struct job job = {0};
	struct fail f = {0};
	bool unmade;

	if (strcmp(s->op->slot, "remove") != 0 || s->target.provider == NULL ||
		!service_has_jobs(s) || !service_find_job(s, &job, &f))
		return false;
	/* It may have begun to make something before it failed; most have not. */
	unmade = job.remote_name == NULL && (JOB_BIT(job.state) & JOB_TERMINAL) != 0;
	if (unmade) {
		s->object = strdup(job.id);
		if (service_take_place(s, &job, &f))
			service_errand(s, ERRAND_REMOVE, job.id, job_view_neutral(&job));
		else
			service_fail(s, &f);
	}
	job_finish(&job);
	return unmade;
}

/* --- what was made --- */

static bool same_place(const struct service *s, const struct job *job)
{
	return strcmp(s->target.id, job->provider) == 0 &&
	       strcmp(s->op->interface, job->interface) == 0 && !errand_is_kind(job->kind) &&
	       !errand_has_removed(job);
}

static bool has_ended(const struct job *job, struct fail *f)
{
	return (JOB_BIT(job->state) & JOB_OPEN) == 0 ||
	       fail_set(f, FAIL_CONFLICT,
		       "job %s has not ended yet: cancel it, and delete it once it has ended",
		       job->id);
}

/* It is the one that made the object, unless another one was before, and it is deleted where that
 * was done. */
static bool take_parent(
	struct service *s, const struct job *job, char parent[ID_SIZE], struct fail *f)
{
	if (parent[0] != '\0')
		return true;
	memcpy(parent, job->id, ID_SIZE);
	return service_take_place(s, job, f);
}

/* The job that made the object, where it was one of ours, and false where that has not ended. */
static bool check_ended(struct service *s, const char *id, char ret_parent[ID_SIZE], struct fail *f)
{
	struct job job = {0};
	struct fail why = {0};
	bool ended = true;

	ret_parent[0] = '\0';
	if (id_valid(id) && !store_job(s->app->store, id, &job, &why) &&
		why.code != FAIL_NOT_FOUND) {
		*f = why;
		return false;
	}
	if (job.provider != NULL && same_place(s, &job)) {
		ended = take_parent(s, &job, ret_parent, f) && has_ended(&job, f);
	}
	job_finish(&job);
	return ended;
}

/* Are its objects jobs themselves? Of others, such as a data set that is still read in, the other
 * side decides whether they can be deleted already. */
static bool are_jobs(const struct service *s)
{
	return strcmp(s->op->interface, DAVIT_TRAINING) == 0 ||
	       strcmp(s->op->interface, DAVIT_INFERENCE) == 0;
}

/* The same of the job that its provider calls by that name; NULL: of the one the caller means. */
static bool check_object(struct service *s, const char *name, char parent[ID_SIZE], struct fail *f)
{
	struct job job = {0};
	bool found = name == NULL ? service_find_job(s, &job, f)
	                          : service_find_by_object(s, name, &job, f);
	bool good = found ? !are_jobs(s) || has_ended(&job, f) : f->code == FAIL_NOT_FOUND;

	good = good && (!found || take_parent(s, &job, parent, f));
	job_finish(&job);
	return good;
}

/* id: of the object, as far as it may be a job; resource: what else its provider calls it, or
 * NULL. Whoever follows it, by whichever of its names: it is not deleted under him. */
static void remove_ended(struct service *s, const char *id, const char *resource)
{
	char parent[ID_SIZE];
	struct fail f = {0};

	if (!check_ended(s, id, parent, &f) || !check_object(s, NULL, parent, &f) ||
		!check_object(s, id, parent, &f) ||
		(resource != NULL && !check_object(s, resource, parent, &f))) {
		service_fail(s, &f);
		return;
	}
	service_errand(s, ERRAND_REMOVE, parent[0] != '\0' ? parent : NULL,
		json_pack("{s:s}", "id", s->object));
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
	remove_ended(s, object, json_text_or(result->reply, "resource", NULL));
}

void service_remove(struct service *s)
{
	const char *id = exchange_arg(s->x);
	char parent[ID_SIZE] = "";
	struct fail f = {0};

	if (!check_object(s, NULL, parent, &f)) { /* before it is looked at */
		service_fail(s, &f);
		return;
	}
	if (id_valid(id) || !provider_offers(s->target.provider, s->op->interface, "get", NULL, &f))
		remove_ended(s, id, NULL);
	else
		service_call(s, "get", service_request(s, json_object()), found);
}

/* service_find - the job of ours, or the object of the provider, that an id in the path means. */
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/job_view.h"
#include "api/operations.h"
#include "api/service.h"
#include "base/fail.h"
#include "base/id.h"
#include "http/exchange.h"
#include "jobs/errand.h"
#include "jobs/flow.h"
#include "jobs/job.h"
#include "store/store.h"

/* A short form stands for its training where that is looked at, and can be cancelled as one. */
static bool is_form(const struct service *s, const struct job *job)
{
	return strcmp(job->interface, FLOW_INTERFACE) == 0 &&
	       strcmp(s->op->interface, flow_steps[FLOW_TRAIN].interface) == 0 &&
	       (strcmp(s->op->slot, "get") == 0 || strcmp(s->op->slot, "cancel") == 0);
}

static bool same_place(const struct service *s, const struct job *job)
{
	return (s->target.id == NULL || strcmp(s->target.id, job->provider) == 0) &&
	       (strcmp(s->op->interface, job->interface) == 0 || is_form(s, job));
}

/* Takes job over as the result where it belongs to this operation. */
static bool take_job(const struct service *s, struct job *job, struct job *ret_job, struct fail *f)
{
	if (!same_place(s, job) || errand_is_kind(job->kind) || errand_has_removed(job)) {
		job_finish(job);
		return fail_set(f, FAIL_NOT_FOUND, "there is no job '%s'", exchange_arg(s->x));
	}
	*ret_job = *job;
	return true;
}

/* Is the id in the path one of ours? FAIL_NOT_FOUND where it is not. */
static bool find_by_id(const struct service *s, struct job *ret_job, struct fail *f)
{
	const char *id = exchange_arg(s->x);
	struct job job = {0};

	if (!id_valid(id))
		return fail_set(f, FAIL_NOT_FOUND, "there is no job '%s'", id);
	return store_job(s->app->store, id, &job, f) && take_job(s, &job, ret_job, f);
}

bool service_find_by_object(
	const struct service *s, const char *object, struct job *ret_job, struct fail *f)
{
	const struct job_remote remote = {.provider = s->target.id,
		.name = object,
		.interface = s->op->interface,
		.open_first = true};
	struct job job = {0};

	return store_job_by_remote(s->app->store, &remote, &job, f) &&
	       take_job(s, &job, ret_job, f);
}

bool service_find_job(const struct service *s, struct job *ret_job, struct fail *f)
{
	if (find_by_id(s, ret_job, f))
		return true;
	return f->code == FAIL_NOT_FOUND && s->target.id != NULL &&
	       service_find_by_object(s, exchange_arg(s->x), ret_job, f);
}

bool service_find_object(struct service *s, struct fail *f)
{
	const char *id = exchange_arg(s->x);
	struct job job = {0};
	struct fail missing = {0};
	bool ours = find_by_id(s, &job, &missing);

	if (!ours && missing.code != FAIL_NOT_FOUND) {
		*f = missing;
		return false;
	}
	if (ours && job.remote_name == NULL && job.error == NULL)
		(void)fail_set(f, FAIL_CONFLICT, "job %s has not made its object yet", id);
	else if (ours && job.remote_name == NULL)
		(void)fail_set(f, FAIL_CONFLICT, "job %s made no object: %s", id, job.error);
	else
		s->object = ours ? job_view_object(&job) : strdup(id);
	if (s->object == NULL && (!ours || job.remote_name != NULL))
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	job_finish(&job);
	return s->object != NULL;
}

/* service_find - the job of ours, or the object of the provider, that an id in the path means. */
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/job_view.h"
#include "api/operations.h"
#include "api/service.h"
#include "base/fail.h"
#include "base/id.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/account.h"
#include "jobs/errand.h"
#include "jobs/flow.h"
#include "jobs/holder.h"
#include "jobs/job.h"
#include "jobs/tracker.h"
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

/* The connection that s names and that says whose account it is, or NULL. */
static const char *named_connection(const struct service *s)
{
	return connection_counts(&s->target) ? connection_name(s->target.connection) : NULL;
}

bool service_same_connection(const struct service *s, const struct job *job, struct fail *f)
{
	const char *own = job->connection != NULL ? job->connection : "";
	const char *named = named_connection(s);

	if (named == NULL || strcmp(named, own) == 0)
		return true;
	if (own[0] == '\0')
		return fail_set(f, FAIL_CONFLICT,
			"job %s was accepted without a connection: connection '%.200s' has "
			"nothing to do with it",
			job->id, named);
	return fail_set(f, FAIL_CONFLICT,
		"job %s is one of connection '%.200s': name that one, not '%.200s'", job->id, own,
		named);
}

bool service_take_place(struct service *s, const struct job *job, struct fail *f)
{
	const char *own = job->connection != NULL ? job->connection : "";
	const struct config_connection *c =
		own[0] != '\0' ? config_connection_find(s->app->config, own) : NULL;
	bool needless = own[0] != '\0' && c == NULL && !connection_counts(&s->target);

	if (!service_same_connection(s, job, f) ||
		(!needless && !job_view_is_there(s->app, job, f)))
		return false;
	s->target.connection = c;
	return true;
}

/* That changes nothing, wherever it is done. */
static bool only_looks(const struct service *s)
{
	return strcmp(s->op->slot, "get") == 0 || s->op->shape == OPERATION_PREDICT;
}

static struct tracker_options sight_of(const struct service *s)
{
	return (struct tracker_options){
		.store = s->app->store, .providers = s->app->providers, .config = s->app->config};
}

/* Where job went to another account than its connection leads to now, one that went there is meant,
 * if there is one. */
static void prefer_near(const struct service *s, const struct job_remote *remote, struct job *job)
{
	const struct tracker_options o = sight_of(s);
	struct job near = {0};
	struct fail f = {0};

	if (account_same(&o, job, job->connection) ||
		!holder_find(&o, remote, job->connection, &near, &f))
		return;
	job_finish(job);
	*job = near;
}

/* Does a job follow that object in the same account by another connection? Or it cannot be told. */
static bool is_of_another(const struct service *s, const struct job_remote *remote,
	const char *connection, struct fail *f)
{
	const struct tracker_options o = sight_of(s);
	struct job job = {0};
	bool other;

	if (!holder_find(&o, remote, connection, &job, f))
		return f->code != FAIL_NOT_FOUND;
	other = (JOB_BIT(job.state) & JOB_OPEN) != 0 && !errand_is_kind(job.kind) &&
	        !service_same_connection(s, &job, f);
	job_finish(&job);
	return other;
}

bool service_find_by_object(
	const struct service *s, const char *object, struct job *ret_job, struct fail *f)
{
	const char *connection = named_connection(s);
	const struct job_remote remote = {.provider = s->target.id,
		.name = object,
		.interface = s->op->interface,
		.open_first = true,
		.connection = connection};
	struct job job = {0};

	if (store_job_by_remote(s->app->store, &remote, &job, f)) {
		prefer_near(s, &remote, &job);
		return take_job(s, &job, ret_job, f);
	}
	return f->code == FAIL_NOT_FOUND && connection != NULL &&
	       !is_of_another(s, &remote, connection, f) &&
	       fail_set(f, FAIL_NOT_FOUND, "there is no job '%s'", exchange_arg(s->x));
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
	else if (!ours || only_looks(s) || service_take_place(s, &job, f))
		s->object = ours ? job_view_object(&job) : strdup(id);
	if (s->object == NULL && f->code == FAIL_NONE)
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	job_finish(&job);
	return s->object != NULL;
}

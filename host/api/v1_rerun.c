/*
 * v1_rerun - POST /v1/jobs/{id}/rerun: a job done again with other parameters or variables. The
 * new job is checked as if it had been sent whole; what the old one was given and nobody may
 * see, such as credentials, is taken over unseen.
 */
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>
#include <davit/provider.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/form_validate.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/training_form.h"
#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/errand.h"
#include "jobs/flow.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "store/store.h"

static const char schema_text[] =
	"{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
	" \"parameters\": {\"type\": \"object\"}, \"environment\": {\"type\": \"object\"}}}";

/* What the body may change. */
static const char *const changed[] = {"parameters", "environment"};

struct rerun {
	struct app *app;
	struct exchange *x;
	struct provider *provider;
	struct job job;  /* the old one */
	json_t *request; /* of the new one */
};

static void rerun_free(struct rerun *r)
{
	job_finish(&r->job);
	json_decref(r->request);
	free(r);
}

static void end_with(struct rerun *r, const struct fail *f)
{
	answer_fail(r->x, f);
	rerun_free(r);
}

static bool is_flow(const struct job *job)
{
	return strcmp(job->interface, FLOW_INTERFACE) == 0;
}

/* --- the new job --- */

static void answer_accepted(struct exchange *x, const char *id, const char *rerun_of)
{
	exchange_reply_json(x, 200,
		json_pack("{s:s, s:s, s:s}", "id", id, "state", job_state_word(JOB_QUEUED),
			"rerun_of", rerun_of));
}

static void accepted(const char *id, const struct fail *f, void *ctx)
{
	struct rerun *r = ctx;

	if (f != NULL) {
		end_with(r, f);
		return;
	}
	answer_accepted(r->x, id, r->job.id);
	rerun_free(r);
}

static void submit(struct rerun *r)
{
	const struct job_order order = {
		.provider = r->job.provider,
		.interface = r->job.interface,
		.kind = r->job.kind,
		.name = r->job.name,
		.project = r->job.project,
		.connection = r->job.connection,
		.rerun_of = r->job.id,
		.request = r->request,
		.claim = idempotency_claim(r->x),
	};

	tracker_submit(r->app->tracker, &order, accepted, r);
}

/* --- checks --- */

static const struct fail no_memory = {
	.code = FAIL_UNAVAILABLE, .text = "the job cannot be done again: out of memory"};

static void validated(struct call_result *result, void *ctx)
{
	struct rerun *r = ctx;
	json_t *definite;
	bool taken;

	answer_point_into_body(&result->fail);
	if (result->code != DAVIT_OK) {
		end_with(r, &result->fail);
		return;
	}
	definite = answer_definite(result);
	taken = definite == NULL || json_object_set(r->request, "spec", definite) == 0;
	json_decref(definite);
	if (taken)
		submit(r);
	else
		end_with(r, &no_memory);
}

static void form_looked_at(const struct fail *f, void *ctx)
{
	struct rerun *r = ctx;

	if (f == NULL)
		submit(r);
	else
		end_with(r, f);
}

/* The provider's own look at it, where it has one. */
static void validate(struct rerun *r)
{
	struct fail f = {0};
	json_t *connection = config_connection_details_of(r->app->config, r->job.connection, &f);
	struct call_spec spec = {
		.provider = r->provider,
		.interface = r->job.interface,
		.slot = "validate",
		.connection = r->job.connection,
		.body_fd = -1,
		.done = validated,
		.ctx = r,
	};

	if (connection == NULL) {
		end_with(r, &f);
		return;
	}
	if (is_flow(&r->job)) {
		form_validate(r->provider, r->job.connection, connection,
			json_object_get(r->request, "spec"), form_looked_at, r);
		return;
	}
	if (!provider_offers(r->provider, spec.interface, "validate", NULL, &f)) {
		json_decref(connection);
		submit(r);
		return;
	}
	f = no_memory;
	spec.request = json_pack("{s:o, s:s, s:O}", "connection", connection, "kind", r->job.kind,
		"spec", json_object_get(r->request, "spec"));
	if (spec.request == NULL || !call_start(&spec, NULL, &f))
		end_with(r, &f);
}

/* Has the schema no room for that member at all? Then a hint says more than "unknown". */
static bool takes(const json_t *schema, const char *member, const struct job *job, struct fail *f)
{
	const json_t *properties = json_object_get(schema, "properties");
	char pointer[32];

	if (!json_is_false(json_object_get(schema, "additionalProperties")) ||
		json_object_get(properties, member) != NULL)
		return true;
	(void)snprintf(pointer, sizeof(pointer), "/%s", member);
	return fail_at(f, FAIL_INVALID, pointer, "a job of kind '%s' has no %s%s", job->kind,
		member,
		json_object_get(properties, "environment") != NULL
			? "; give it variables with 'environment'"
			: "");
}

static bool check(struct rerun *r, const json_t *body, struct fail *f)
{
	const struct job *job = &r->job;
	const json_t *spec = json_object_get(r->request, "spec");
	const json_t *schema;

	if (is_flow(job))
		return training_form_check(spec, f) && training_form_may(r->provider, spec, f);
	if (!provider_offers(r->provider, job->interface, "submit", job->kind, f))
		return false;
	schema = provider_request_schema(r->provider, job->interface, "submit", job->kind);
	if (schema == NULL)
		return true;
	for (size_t i = 0; i < COUNT(changed); i++) {
		if (json_object_get(body, changed[i]) != NULL && !takes(schema, changed[i], job, f))
			return false;
	}
	return schema_check(schema, spec, f);
}

/* --- the request --- */

/* Puts what body has over what spec has, member by member. */
static bool merge(json_t *spec, const json_t *body)
{
	for (size_t i = 0; i < COUNT(changed); i++) {
		json_t *given = json_object_get(body, changed[i]);
		json_t *old = json_object_get(spec, changed[i]);

		if (given == NULL)
			continue;
		if (!json_is_object(old)) {
			old = json_object();
			if (json_object_set_new(spec, changed[i], old) != 0)
				return false;
		}
		if (json_object_update(old, given) != 0)
			return false;
	}
	return true;
}

static bool can_be_done_again(const struct job *job, struct fail *f)
{
	return is_flow(job) ||
	       (!errand_is_kind(job->kind) &&
		       (strcmp(job->interface, DAVIT_TRAINING) == 0 ||
			       strcmp(job->interface, DAVIT_INFERENCE) == 0)) ||
	       fail_set(f, FAIL_INVALID,
		       "job '%s' is a '%s' of %s: trainings, commands, batch predictions and the "
		       "short form can be done again",
		       job->id, job->kind, job->interface);
}

static bool find(struct rerun *r, const char *id, struct fail *f)
{
	if (!store_job(r->app->store, id, &r->job, f)) {
		if (f->code == FAIL_NOT_FOUND)
			(void)fail_set(f, FAIL_NOT_FOUND, "there is no job '%.100s'", id);
		return false;
	}
	if (!can_be_done_again(&r->job, f))
		return false;
	r->provider = providers_find(r->app->providers, r->job.provider);
	return r->provider != NULL ||
	       fail_set(f, FAIL_NOT_FOUND,
		       "provider '%s' of this job is not loaded; loaded are: %s", r->job.provider,
		       providers_names(r->app->providers));
}

/* r->request, checked. */
static bool prepare(struct rerun *r, const json_t *body, struct fail *f)
{
	json_t *spec;

	r->request = json_parse(r->job.request, strlen(r->job.request), f);
	spec = json_object_get(r->request, "spec");
	if (json_bool_or(r->request, "adopted", false))
		return fail_set(f, FAIL_CONFLICT,
			"job %s was a stray: what it was asked to do is not known", r->job.id);
	if (!json_is_object(spec))
		return fail_set(
			f, FAIL_INTERNAL, "the request of job %s cannot be read back", r->job.id);
	return (merge(spec, body) || fail_set(f, FAIL_UNAVAILABLE, "out of memory")) &&
	       check(r, body, f);
}

static void begin(struct app *app, struct exchange *x)
{
	struct rerun *r = calloc(1, sizeof(*r));
	struct fail f = {0};
	json_t *body = NULL;

	if (r == NULL) {
		answer_memory(x);
		return;
	}
	r->app = app;
	r->x = x;
	if (find(r, exchange_arg(x), &f))
		body = answer_body(x, schema_text, &f);
	if (body != NULL && prepare(r, body, &f))
		validate(r);
	else
		end_with(r, &f);
	json_decref(body);
}

static void rerun_first(struct app *app, struct exchange *x)
{
	answer_later(app, x, begin);
}

static void rerun_again(struct app *app, struct exchange *x, const char *job)
{
	(void)app;
	answer_accepted(x, job, exchange_arg(x));
}

void v1_jobs_rerun(struct app *app, struct exchange *x)
{
	idempotency_serve(app, x, rerun_first, rerun_again);
}

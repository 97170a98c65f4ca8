/*
 * service_job - operations that become durable jobs, and their cancel.
 *
 * A body is checked against the manifest's schema, then by the provider's validate slot, and
 * only then accepted, with what it names as that slot found it. Unless the job has to queue, the
 * answer waits a while for what the provider makes of it, so that a caller of these
 * synchronous-looking routes gets the new object and not only our promise.
 */
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/idempotency.h"
#include "api/job_view.h"
#include "api/operations.h"
#include "api/service.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/errand.h"
#include "jobs/queues.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "store/store.h"

#define FIRST_ANSWER_MS 10000
#define CANCEL_WAIT_MS  2000

/* Not yet with the provider, or nobody knows yet whether it is. */
#define UNDER_WAY (JOB_BIT(JOB_QUEUED) | JOB_BIT(JOB_SUBMITTING) | JOB_BIT(JOB_RECOVERING))

/* --- submit --- */

static void begun(const struct job *job, void *ctx)
{
	struct service *s = ctx;

	if (job == NULL)
		service_fail_text(s, 500, "the job was accepted, but cannot be read");
	else if (job->state == JOB_FAILED)
		service_fail_text(s, job_view_failure_status(job),
			job->error != NULL ? job->error : "the job failed");
	else if (job->state == JOB_CANCELLED)
		service_fail_text(s, 409, "the job was cancelled before it began");
	else
		service_answer(s, job_view_neutral(job));
}

void service_await(struct service *s, const char *job)
{
	tracker_watch(s->app->tracker, job, ~UNDER_WAY,
		tracker_may_start(s->app->tracker, job) ? FIRST_ANSWER_MS : 0, begun, s);
}

static void accepted(const char *id, const struct fail *f, void *ctx)
{
	struct service *s = ctx;

	if (f != NULL)
		service_fail(s, f);
	else
		service_await(s, id);
}

static const char *name_of(const json_t *body)
{
	return json_text_or(body, "name", json_text_or(body, "displayName", NULL));
}

static void submit(struct service *s)
{
	const struct config_connection *c = s->target.connection;
	const struct job_order order = {
		.provider = s->target.id,
		.interface = s->op->interface,
		.kind = s->op->kind,
		.name = name_of(s->body),
		.project = answer_project(s->x),
		.connection = c != NULL ? c->name : NULL,
		.request = s->request,
		.claim = idempotency_claim(s->x),
	};

	tracker_submit(s->app->tracker, &order, accepted, s);
}

static void submit_order(struct service *s)
{
	s->request = json_pack("{s:O, s:s*}", "spec", s->body, "id", s->object);
	if (s->request == NULL)
		service_memory(s);
	else
		submit(s);
}

/* --- checks --- */

static void validated(struct call_result *result, void *ctx)
{
	struct service *s = ctx;
	json_t *definite;

	answer_point_into_body(&result->fail);
	if (result->code != DAVIT_OK) {
		service_fail(s, &result->fail);
		return;
	}
	definite = answer_definite(result);
	if (definite != NULL) {
		json_decref(s->body);
		s->body = definite;
	}
	submit_order(s);
}

static void validate(struct service *s)
{
	struct fail f = {0};

	if (!provider_offers(s->target.provider, s->op->interface, "validate", NULL, &f)) {
		submit_order(s);
		return;
	}
	service_call(s, "validate",
		service_request(s, json_pack("{s:s, s:O}", "kind", s->op->kind, "spec", s->body)),
		validated);
}

/* The body, owned: JSON, or where the route takes files a form with one. */
static json_t *read_body(struct service *s, struct fail *f)
{
	const json_t *body;

	if ((exchange_route(s->x)->flags & ROUTE_UPLOAD) && answer_is_multipart(s->x))
		return answer_upload(s->app, s->x, "source", f);
	body = exchange_body_json(s->x, f);
	if (body == NULL)
		return NULL;
	if (!json_is_object(body)) {
		(void)fail_set(f, FAIL_INVALID, "the body must be a JSON object");
		return NULL;
	}
	return json_deep_copy(body);
}

static bool check_body(const struct service *s, struct fail *f)
{
	const json_t *schema = provider_request_schema(
		s->target.provider, s->op->interface, s->op->slot, s->op->kind);

	return schema == NULL || schema_check(schema, s->body, f);
}

void service_submit(struct service *s)
{
	struct fail f = {0};

	s->body = read_body(s, &f);
	if (s->body == NULL && f.code == FAIL_NONE)
		service_memory(s);
	else if (s->body == NULL || !check_body(s, &f) ||
		 (exchange_arg(s->x)[0] != '\0' && !service_find_object(s, &f)))
		service_fail(s, &f);
	else
		validate(s);
}

/* --- cancel --- */

static void settled(const struct job *job, void *ctx)
{
	struct service *s = ctx;

	if (job == NULL)
		service_fail_text(s, 500, "the cancel was noted, but the job cannot be read");
	else
		service_answer(s, job_view_neutral(job));
}

/* A cancel under way: the id is ours, however the caller named the job. */
struct cancelling {
	struct service *s;
	char id[ID_SIZE];
};

static void noted(bool changed, const struct fail *f, void *ctx)
{
	struct cancelling *c = ctx;
	struct service *s = c->s;

	(void)changed; /* a job that had ended answers as it is */
	if (f != NULL)
		service_fail(s, f);
	else
		tracker_watch(s->app->tracker, c->id, JOB_TERMINAL, CANCEL_WAIT_MS, settled, s);
	free(c);
}

static void cancel_job(struct service *s, const struct job *job)
{
	struct cancelling *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		service_memory(s);
		return;
	}
	c->s = s;
	memcpy(c->id, job->id, sizeof(c->id));
	tracker_cancel(s->app->tracker, c->id, noted, c);
}

/* A job that is not ours: made at the provider by other means. */
/* The provider knows the object: it is told to stop it. */
static void found_foreign(struct call_result *result, void *ctx)
{
	struct service *s = ctx;

	if (result->code != DAVIT_OK)
		service_fail(s, &result->fail);
	else
		service_errand(s, ERRAND_CANCEL, NULL,
			json_pack(
				"{s:s, s:n, s:s}", "id", s->object, "name", "state", "CANCELLING"));
}

/* Can the provider be asked about an object that is no job of ours? */
static bool foreign_possible(const struct service *s, struct fail *f)
{
	const struct provider *p = s->target.provider;
	struct fail slot = {0};

	if (!connection_loaded(s->app, &s->target, f) ||
		!provider_offers(p, s->op->interface, "submit", NULL, f))
		return false;
	if (provider_offers(p, s->op->interface, "get", NULL, &slot) &&
		provider_offers(p, s->op->interface, s->op->slot, NULL, &slot))
		return true;
	return fail_set(f, FAIL_NOT_FOUND, "there is no job '%s'", exchange_arg(s->x));
}

/* Looked for first: a cancel of what is not there must not answer as if it had happened. */
static void cancel_foreign(struct service *s)
{
	struct fail f = {0};

	if (!foreign_possible(s, &f)) {
		service_fail(s, &f);
		return;
	}
	s->object = strdup(exchange_arg(s->x));
	service_call(s, "get", s->object != NULL ? service_request(s, json_object()) : NULL,
		found_foreign);
}

void service_cancel(struct service *s)
{
	struct job job = {0};
	struct fail f = {0};

	if (service_find_job(s, &job, &f) && service_same_connection(s, &job, &f))
		cancel_job(s, &job);
	else if (f.code == FAIL_NOT_FOUND)
		cancel_foreign(s);
	else
		service_fail(s, &f);
	job_finish(&job);
}

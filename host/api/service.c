/*
 * service - the operations of providers below /api/service/v1: who serves a request, lists,
 * and single objects. See service.h.
 */
#include "api/service.h"

#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/envelope.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/job_view.h"
#include "api/operations.h"
#include "api/redact.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/schema.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/job.h"
#include "provider/provider.h"
#include "store/store.h"
#include "store/sweep.h"

void service_free(struct service *s)
{
	if (s == NULL)
		return;
	json_decref(s->request);
	json_decref(s->body);
	free(s->object);
	free(s);
}

/* --- ends --- */

void service_fail(struct service *s, const struct fail *f)
{
	answer_fail(s->x, f);
	service_free(s);
}

void service_fail_text(struct service *s, int status, const char *text)
{
	exchange_fail_text(s->x, status, text);
	service_free(s);
}

void service_memory(struct service *s)
{
	answer_memory(s->x);
	service_free(s);
}

static const json_t *envelopes_of(const struct service *s)
{
	if (s->target.provider == NULL)
		return NULL;
	return json_object_get(provider_manifest(s->target.provider), "envelopes");
}

static struct envelope_context context_of(const struct service *s)
{
	const char *adapter = exchange_query(s->x, "adapter_instance");
	const struct config_connection *c = s->target.connection;

	return (struct envelope_context){
		.operation = s->op->name,
		.adapter_instance = adapter,
		.project = exchange_query(s->x, "project"),
		.adapter_id = c != NULL ? c->name : adapter,
		.now_ms = clock_now_ms(),
	};
}

json_t *service_row(const struct service *s, const json_t *neutral)
{
	const struct envelope_context context = context_of(s);
	json_t *seen = neutral != NULL ? redact(neutral) : NULL;
	json_t *row = seen != NULL ? envelope_row(envelopes_of(s), seen, &context) : NULL;

	json_decref(seen);
	return row;
}

json_t *service_rows(const struct service *s, const json_t *items)
{
	const struct envelope_context context = context_of(s);
	json_t *seen = items != NULL ? redact(items) : NULL;
	json_t *rows = seen != NULL ? envelope_rows(envelopes_of(s), seen, &context) : NULL;

	json_decref(seen);
	return rows;
}

void service_answer_row(struct service *s, json_t *row)
{
	exchange_reply_json(
		s->x, s->op->success_status, envelope_wrap(envelopes_of(s), s->op->name, row));
	service_free(s);
}

void service_answer(struct service *s, json_t *neutral)
{
	json_t *row = service_row(s, neutral);

	json_decref(neutral);
	service_answer_row(s, row);
}

/* --- calls --- */

json_t *service_request(const struct service *s, json_t *more)
{
	json_t *request = json_object();
	bool ok = more != NULL && request != NULL;

	ok = ok && json_object_set_new(request, "connection",
			   config_connection_details(s->target.connection)) == 0;
	if (s->object != NULL)
		ok = ok && json_object_set_new(request, "id", json_string(s->object)) == 0;
	ok = ok && json_object_update(request, more) == 0;
	json_decref(more);
	if (!ok) {
		json_decref(request);
		return NULL;
	}
	return request;
}

void service_call(struct service *s, const char *slot, json_t *request,
	void (*done)(struct call_result *result, void *ctx))
{
	const struct call_spec spec = {
		.provider = s->target.provider,
		.interface = s->op->interface,
		.slot = slot,
		.request = request,
		.connection = connection_name(s->target.connection),
		.wait_ms = CALL_WAIT_MS,
		.body_fd = -1,
		.done = done,
		.ctx = s,
	};
	struct fail f = {0};

	if (request == NULL)
		service_memory(s);
	else if (!call_start(&spec, NULL, &f))
		service_fail(s, &f);
}

/* --- objects --- */

static void got(struct call_result *result, void *ctx)
{
	struct service *s = ctx;

	answer_point_into_body(&result->fail);
	if (result->code != DAVIT_OK)
		service_fail(s, &result->fail);
	else if (json_is_object(result->reply))
		service_answer(s, json_incref(result->reply));
	else
		service_answer(s, json_pack("{s:s}", "id", s->object));
}

json_t *service_spec(const struct service *s, struct fail *f)
{
	static const char *const taking[] = {"export", "tag"};
	const json_t *schema, *body;
	size_t i = 0;

	while (i < COUNT(taking) && strcmp(taking[i], s->op->slot) != 0)
		i++;
	if (i == COUNT(taking))
		return json_object();
	body = exchange_body_json(s->x, f);
	schema = body == NULL ? NULL
	                      : provider_request_schema(
					s->target.provider, s->op->interface, s->op->slot, NULL);
	if (body == NULL || (schema != NULL && !schema_check(schema, body, f)))
		return NULL;
	return json_pack("{s:o}", "spec", json_deep_copy(body));
}

/* The job as the store has it, where nobody else can say more. */
static bool answer_from_store(struct service *s)
{
	struct job job = {0};
	struct fail f = {0};
	bool unmade;

	if (strcmp(s->op->slot, "get") != 0 || !service_find_job(s, &job, &f))
		return false;
	unmade = s->target.provider == NULL || job.remote_name == NULL;
	if (unmade)
		service_answer(s, job_view_neutral(&job));
	job_finish(&job);
	return unmade;
}

static void object(struct service *s)
{
	struct fail f = {0};
	json_t *more;

	if (answer_from_store(s) || service_remove_unmade(s))
		return;
	if (!connection_loaded(s->app, &s->target, &f) || !service_find_object(s, &f)) {
		service_fail(s, &f);
		return;
	}
	if (strcmp(s->op->slot, "remove") == 0) {
		service_remove(s);
		return;
	}
	more = service_spec(s, &f);
	if (more == NULL && f.code == FAIL_NONE)
		service_memory(s);
	else if (more == NULL)
		service_fail(s, &f);
	else
		service_call(s, s->op->slot, service_request(s, more), got);
}

/* --- dispatch --- */

static void run_work(void *arg)
{
	struct service *s = arg;

	s->work(s);
}

void service_later(struct service *s, void (*work)(struct service *s))
{
	struct fail f = {0};

	s->work = work;
	if (!pool_add(s->app->pool, run_work, s, &f))
		service_fail(s, &f);
}

static void object_later(struct service *s)
{
	service_later(s, object);
}

static void list_later(struct service *s)
{
	service_later(s, service_list);
}

static void export_later(struct service *s)
{
	service_later(s, service_export);
}

static void job_later(struct service *s)
{
	service_later(s, service_submit);
}

static void cancel_later(struct service *s)
{
	service_later(s, service_cancel);
}

static const struct {
	void (*serve)(struct service *s);
	bool without_provider; /* the store may know the answer */
	bool without_connection;
} shapes[] = {
	[OPERATION_LIST] = {list_later, false, false},
	[OPERATION_OBJECT] = {object_later, true, false},
	[OPERATION_EXPORT] = {export_later, false, false},
	[OPERATION_JOB] = {job_later, false, false},
	[OPERATION_CANCEL] = {cancel_later, true, false},
	[OPERATION_PREDICT] = {service_predict, false, false},
	[OPERATION_FUNCTION] = {service_function, false, true},
};

/* May the request go on? Else it is answered. */
static bool admitted(const struct service *s)
{
	struct provider *p = s->target.provider;
	const char *missing;
	struct fail f = {0};

	if (p == NULL && shapes[s->op->shape].without_provider)
		return true;
	if (!connection_loaded(s->app, &s->target, &f)) {
		answer_fail(s->x, &f);
		return false;
	}
	missing = shapes[s->op->shape].without_connection ? NULL
	                                                  : connection_missing(&s->target, s->x);
	if (missing != NULL) {
		exchange_fail_text(s->x, 400, missing);
		return false;
	}
	if (s->op->shape == OPERATION_CANCEL ||
		provider_offers(p, s->op->interface, s->op->slot, s->op->kind, &f))
		return true;
	answer_fail(s->x, &f);
	return false;
}

/* NULL: answered. */
static struct service *service_new(struct app *app, struct exchange *x)
{
	struct service *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		answer_memory(x);
		return NULL;
	}
	s->app = app;
	s->x = x;
	s->op = exchange_route(x)->slot;
	s->target = connection_target(app, x);
	return s;
}

void service_handle(struct app *app, struct exchange *x)
{
	struct service *s = service_new(app, x);

	if (s == NULL)
		return;
	if (admitted(s))
		shapes[s->op->shape].serve(s);
	else
		service_free(s);
}

/* The store knows the job, whoever is loaded now. */
static void create_again(struct app *app, struct exchange *x, const char *job)
{
	struct service *s = service_new(app, x);

	if (s != NULL)
		service_await(s, job);
}

void service_create(struct app *app, struct exchange *x)
{
	idempotency_serve(app, x, service_handle, create_again);
}

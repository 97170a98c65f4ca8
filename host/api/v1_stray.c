/*
 * v1_stray - what becomes of one stray. Adopted, it gets the job that was lost: of the same
 * submission, which find then looks at; where that is there, one of its own. Deleted, it is looked
 * at once more, as it may be long since it was seen: whatever has its name by now may be somebody
 * else's.
 */
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/connection.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/job_view.h"
#include "api/stray_view.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/errand.h"
#include "jobs/job.h"
#include "jobs/stray_why.h"
#include "jobs/strays.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "store/store.h"
#include "store/sweep.h"

#define LOOK_MS 10000 /* for the provider to find what is adopted, or to delete it */

static const char schema_text[] =
	"{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
	" \"kind\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 64}}}";

/* One request about one stray. */
struct care {
	struct app *app;
	struct exchange *x;
	struct provider *provider;
	struct stray stray;
	json_t *body;
	json_t *connection; /* its details */
	char job[ID_SIZE];
};

static void care_free(struct care *c)
{
	stray_finish(&c->stray);
	json_decref(c->body);
	json_decref(c->connection);
	free(c);
}

static void care_fail(struct care *c, const struct fail *f)
{
	answer_fail(c->x, f);
	care_free(c);
}

/* --- both --- */

/* By what it is judged. */
static struct tracker_options sight_of(const struct app *app)
{
	return (struct tracker_options){
		.store = app->store, .providers = app->providers, .config = app->config};
}

/* Is it still one? */
static bool is_stray(struct care *c, struct fail *f)
{
	const struct tracker_options o = sight_of(c->app);

	if (!stray_judge(&o, &c->stray, NULL, f))
		return false;
	return c->stray.why != STRAY_NOT ||
	       fail_set(f, FAIL_CONFLICT, "'%.100s' is no stray any more: it is job %s that has it",
		       c->stray.object, c->stray.job);
}

static bool find_provider(struct care *c, struct fail *f)
{
	c->provider = providers_find(c->app->providers, c->stray.provider);
	if (c->provider == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "provider '%s' of this stray is not loaded",
			c->stray.provider);
	c->connection = config_connection_details_of(c->app->config, c->stray.connection, f);
	return c->connection != NULL;
}

/* What deletes it. */
static struct errand_order removal_of(const struct care *c)
{
	const char *connection = c->stray.connection;

	return (struct errand_order){
		.provider = c->stray.provider,
		.interface = c->stray.interface,
		.kind = ERRAND_REMOVE,
		.object = c->stray.object,
		.connection = connection[0] != '\0' ? connection : NULL,
	};
}

static bool is_kept(const struct care *c, struct fail *f)
{
	const struct errand_order removal = removal_of(c);

	return !tracker_errand_under_way(c->app->tracker, &removal) ||
	       fail_set(f, FAIL_CONFLICT, "'%.100s' is being deleted", c->stray.object);
}

/* NULL: answered. */
static struct care *care_new(struct app *app, struct exchange *x)
{
	struct care *c = calloc(1, sizeof(*c));
	struct fail f = {0};

	if (c == NULL) {
		answer_memory(x);
		return NULL;
	}
	c->app = app;
	c->x = x;
	if (strays_find(app->strays, exchange_arg(x), &c->stray, &f) && find_provider(c, &f) &&
		is_stray(c, &f))
		return c;
	care_fail(c, &f);
	return NULL;
}

/* --- adopt --- */

static void looked_at(const struct job *job, void *ctx)
{
	struct care *c = ctx;

	exchange_reply_json(c->x, 200,
		json_pack("{s:s, s:s?, s:s?}", "id", c->job, "state",
			job != NULL ? job_state_word(job->state) : NULL, "error",
			job != NULL ? job->error : NULL));
	care_free(c);
}

static void await_job(struct care *c)
{
	tracker_watch(c->app->tracker, c->job, (JOB_OPEN | JOB_TERMINAL) & ~JOB_BIT(JOB_RECOVERING),
		LOOK_MS, looked_at, c);
}

static void adopted(const char *id, const struct fail *f, void *ctx)
{
	struct care *c = ctx;

	if (f != NULL) {
		care_fail(c, f);
		return;
	}
	(void)snprintf(c->job, sizeof(c->job), "%s", id);
	strays_gone(c->app->strays, &c->stray);
	await_job(c);
}

/* The kinds of job the interface has, as "train, automl"; the first alone where there is one. */
static const char *kinds_of(const struct care *c, struct buf *names, size_t *ret_count)
{
	const json_t *entry = provider_entry(c->provider, c->stray.interface, "submit", NULL);
	const char *kind;
	json_t *v;

	*ret_count = 0;
	json_object_foreach(json_object_get(entry, "kinds"), kind, v)
	{
		buf_printf(names, "%s%s", (*ret_count)++ > 0 ? ", " : "", kind);
	}
	return names->failed || names->p == NULL ? "" : names->p;
}

/* Which kind of job made it: as the caller says, or its provider, or as there is only one. */
static bool kind_of(const struct care *c, char kind[64], struct fail *f)
{
	const char *said = json_text_or(c->body, "kind", c->stray.kind);
	struct buf names;
	size_t count;
	const char *all;

	buf_init(&names, 4096);
	all = kinds_of(c, &names, &count);
	(void)snprintf(kind, 64, "%s", said[0] == '\0' && count == 1 ? all : said);
	if (kind[0] == '\0')
		(void)fail_at(f, FAIL_INVALID, "/kind",
			"must say which kind of job made '%.100s', as provider '%s' does not: %s",
			c->stray.object, c->stray.provider, all);
	else
		(void)provider_offers(c->provider, c->stray.interface, "submit", kind, f);
	buf_finish(&names);
	return f->code == FAIL_NONE;
}

/* marked: whose label it carries, where the job has another submission. */
static void adopt(struct care *c, const char *kind, const char *id)
{
	json_t *request = json_pack("{s:b, s:s*, s:{s:s}}", "adopted", 1, "marked",
		c->stray.why != STRAY_LOST ? c->stray.submission : NULL, "spec", "name",
		c->stray.name);
	const struct job_order order = {
		.provider = c->stray.provider,
		.interface = c->stray.interface,
		.kind = kind,
		.name = c->stray.name,
		.project = answer_project(c->x),
		.connection = c->stray.connection[0] != '\0' ? c->stray.connection : NULL,
		.id = id,
		.request = request,
		.claim = idempotency_claim(c->x),
		.adopt = c->stray.object,
	};
	static const struct fail no_memory = {
		.code = FAIL_UNAVAILABLE, .text = "adopt a stray: out of memory"};

	if (request != NULL)
		tracker_submit(c->app->tracker, &order, adopted, c);
	else
		care_fail(c, &no_memory);
	json_decref(request);
}

static void adopt_first(struct app *app, struct exchange *x)
{
	struct care *c = care_new(app, x);
	struct fail f = {0};
	const struct tracker_options o = sight_of(app);
	char kind[64], id[ID_SIZE];

	if (c == NULL)
		return;
	c->body = answer_body(x, schema_text, &f);
	if (c->body != NULL && provider_offers(c->provider, c->stray.interface, "find", NULL, &f) &&
		kind_of(c, kind, &f) && is_kept(c, &f) && stray_adopter(&o, &c->stray, id, &f))
		adopt(c, kind, id);
	else
		care_fail(c, &f);
}

static void adopt_again(struct app *app, struct exchange *x, const char *job)
{
	struct care *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		answer_memory(x);
		return;
	}
	*c = (struct care){.app = app, .x = x};
	(void)snprintf(c->job, sizeof(c->job), "%s", job);
	await_job(c);
}

static void adopt_later(struct app *app, struct exchange *x)
{
	answer_later(app, x, adopt_first);
}

void v1_strays_adopt(struct app *app, struct exchange *x)
{
	idempotency_serve(app, x, adopt_later, adopt_again);
}

/* --- delete --- */

static void call(
	struct care *c, const char *slot, void (*done)(struct call_result *result, void *ctx))
{
	const struct call_spec spec = {
		.provider = c->provider,
		.interface = c->stray.interface,
		.slot = slot,
		/* A copy, not shared: the call ends on another thread. */
		.request = json_pack("{s:o, s:s}", "connection", json_deep_copy(c->connection),
			"id", c->stray.object),
		.connection = c->stray.connection[0] != '\0' ? c->stray.connection : NULL,
		.wait_ms = CALL_WAIT_MS,
		.body_fd = -1,
		.done = done,
		.ctx = c,
	};
	struct fail f = {.code = FAIL_UNAVAILABLE, .text = "delete a stray: out of memory"};

	if (spec.request == NULL || !call_start(&spec, NULL, &f))
		care_fail(c, &f);
}

static void deleted(struct care *c)
{
	strays_gone(c->app->strays, &c->stray);
	sweeper_wish(c->app->sweeper);
	exchange_reply_json(c->x, 200,
		json_pack("{s:s, s:b, s:o}", "id", c->stray.id, "deleted", 1, "stray",
			stray_view(c->app, &c->stray)));
	care_free(c);
}

static void answer_open(struct care *c, const struct job *job)
{
	exchange_reply_json(c->x, 202,
		json_pack("{s:s, s:b, s:s, s:o}", "id", c->stray.id, "deleted", 0, "job", job->id,
			"stray", stray_view(c->app, &c->stray)));
	care_free(c);
}

static void settled(const struct job *job, void *ctx)
{
	struct care *c = ctx;
	int status = job != NULL && job->state == JOB_FAILED ? job_view_failure_status(job) : 0;

	if (job != NULL && (job->state == JOB_SUCCEEDED || status == 404)) {
		deleted(c);
	} else if (job != NULL && status == 0 && (JOB_BIT(job->state) & JOB_OPEN) != 0) {
		answer_open(c, job);
	} else if (job != NULL && job->state == JOB_CANCELLED) {
		exchange_fail_text(c->x, 409, "an operator ended the job that was at it");
		care_free(c);
	} else {
		exchange_fail_text(c->x, status != 0 ? status : 503,
			status != 0 ? job->error : "nothing was done: try again");
		care_free(c);
	}
}

static void intended(const char *id, const struct fail *f, void *ctx)
{
	struct care *c = ctx;

	if (f != NULL)
		care_fail(c, f);
	else
		tracker_watch_errand(c->app->tracker, id, LOOK_MS,
			c->app->config->call_timeout_seconds * 1000, settled, c);
}

static void remove_now(struct care *c)
{
	const struct errand_order order = removal_of(c);

	tracker_errand(c->app->tracker, &order, intended, c);
}

static bool same_label(const struct care *c, const json_t *object)
{
	char submission[ID_SIZE];

	return stray_label(store_site(c->app->store), json_text_or(object, "label", NULL),
		       submission) &&
	       strcmp(submission, c->stray.submission) == 0;
}

static void got(struct call_result *result, void *ctx)
{
	struct care *c = ctx;
	struct fail f = {0};

	if (result->code == DAVIT_NOT_FOUND) {
		deleted(c);
	} else if (result->code != DAVIT_OK) {
		care_fail(c, &result->fail);
	} else if (!same_label(c, result->reply)) {
		(void)fail_set(&f, FAIL_CONFLICT,
			"what is called '%.100s' now is not what was seen: it has another label",
			c->stray.object);
		care_fail(c, &f);
	} else if (!is_stray(c, &f)) { /* adopted meanwhile */
		care_fail(c, &f);
	} else {
		remove_now(c);
	}
}

static void delete_first(struct app *app, struct exchange *x)
{
	struct care *c = care_new(app, x);
	struct fail f = {0};

	if (c == NULL)
		return;
	if (!provider_offers(c->provider, c->stray.interface, "remove", NULL, &f))
		care_fail(c, &f);
	else if (provider_offers(c->provider, c->stray.interface, "get", NULL, &f))
		call(c, "get", got);
	else
		remove_now(c);
}

void v1_strays_delete(struct app *app, struct exchange *x)
{
	answer_later(app, x, delete_first);
}

/*
 * deployment - the jobs of endpoints: "register" makes one, "deploy" starts a model's server
 * beside the one that answers and lets it take over once it is healthy, "undeploy" takes the
 * model off. How far a deploy has come stands in the endpoint's record under its submission.
 */
#include "local.h"

#include <string.h>

#include "child.h"
#include "endpoints.h"
#include "objects.h"
#include "servers.h"

enum {
	POLL_MS = 100,
	RESTARTS_MAX = 3,
	DEPLOY_SECONDS = 120
};

static const char WHO[] = "the model's server";

/* Who asked: the same in submit, find and later in the ref. */
static const char *submission_of(const struct local_call *c)
{
	return davit_sdk_text_at(c->sdk.request, "/ref/submission",
		davit_sdk_text_at(c->sdk.request, "/submission_id", ""));
}

/* The endpoint asked for. In submit and find the request's "id" names it. */
static const char *endpoint_of(struct local_call *c)
{
	const char *id = davit_sdk_text_at(c->sdk.request, "/ref/id", NULL);

	return id != NULL ? id : davit_sdk_need_text(&c->sdk, c->sdk.request, "/id");
}

static int32_t reply(
	struct local_call *c, const struct endpoint *e, int32_t state, const char *error)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	endpoints_put(c, &w, &e->record);
	davit_sdk_open_object(&w, "ref");
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_text(&w, "id", e->record.id);
	davit_sdk_put_text(&w, "submission", submission_of(c));
	davit_sdk_close_object(&w);
	if (state == DAVIT_STATE_FAILED)
		davit_sdk_put_text(&w, "error", error);
	davit_sdk_close_object(&w);
	return davit_sdk_reply_state(&c->sdk, state, POLL_MS, &w);
}

/* As reply(), with the record as it now is. */
static int32_t reply_now(
	struct local_call *c, const char *endpoint_id, int32_t state, const char *error)
{
	struct endpoint e;

	if (!endpoint_need(c, endpoint_id, &e))
		return c->sdk.code;
	return reply(c, &e, state, error);
}

/* --- register --- */

static int32_t register_validate(struct local_call *c)
{
	(void)davit_sdk_need_text(&c->sdk, c->sdk.request, "/spec/name");
	return c->sdk.code;
}

static int32_t register_found(struct local_call *c)
{
	const char *id = davit_sdk_text_at(c->sdk.request, "/ref/id", submission_of(c));

	return objects_reply_made(c, RECORD_ENDPOINT, id, endpoints_put);
}

static int32_t register_submit(struct local_call *c)
{
	const char *id = davit_sdk_need_text(&c->sdk, c->sdk.request, "/submission_id");
	struct davit_sdk_writer w;
	struct record record;

	if (c->sdk.code == DAVIT_OK && !records_find(c, RECORD_ENDPOINT, id, &record)) {
		records_open(c, &w, id);
		(void)records_put(c, RECORD_ENDPOINT, id, &w);
	}
	return c->sdk.code == DAVIT_OK ? register_found(c) : c->sdk.code;
}

static int32_t nothing_to_cancel(struct local_call *c)
{
	return c->sdk.code;
}

/* --- deploy --- */

static int32_t deploy_validate(struct local_call *c)
{
	const char *model = davit_sdk_need_text(&c->sdk, c->sdk.request, "/spec/model");
	struct record record;
	struct endpoint e;

	if (c->sdk.code == DAVIT_OK && endpoint_need(c, endpoint_of(c), &e))
		(void)records_need(c, RECORD_MODEL, model, DAVIT_INVALID, "/spec/model", &record);
	return c->sdk.code;
}

/* What a deploy wants written. */
struct deploy_order {
	const char *submission;
	const char *model; /* its id */
};

static bool known(const struct endpoint *e, const char *submission)
{
	return deployment_is_of(&e->pending, submission) ||
	       deployment_is_of(&e->deployed, submission) ||
	       deployment_is_of(&e->ended, submission);
}

/* Begins a generation. One that was still on its way gives way to it. */
static bool begin_deploy(struct local_call *c, struct endpoint *e, void *ctx)
{
	const struct deploy_order *order = ctx;

	if (known(e, order->submission))
		return false;
	servers_retire(c, e, &e->pending);
	servers_retire(c, e, &e->ended);
	e->ended = (struct deployment){0};
	e->pending = (struct deployment){
		.generation = ++e->generation,
		.model = order->model,
		.submission = order->submission,
		.since_ms = c->sdk.host->core->now_ms(c->sdk.call),
	};
	return c->sdk.code == DAVIT_OK;
}

/* Why a deploy ends before it was healthy. */
struct deploy_end {
	const char *submission;
	int32_t state;
	const char *error;
};

static bool end_deploy(struct local_call *c, struct endpoint *e, void *ctx)
{
	const struct deploy_end *end = ctx;

	if (!deployment_is_of(&e->pending, end->submission))
		return false;
	servers_retire(c, e, &e->ended);
	e->ended = e->pending;
	e->ended.state = end->state;
	e->ended.error = end->error;
	e->pending = (struct deployment){0};
	return c->sdk.code == DAVIT_OK;
}

static bool switch_over(struct local_call *c, struct endpoint *e, void *ctx)
{
	const char *const *submission = ctx;

	if (!deployment_is_of(&e->pending, *submission))
		return false;
	servers_retire(c, e, &e->deployed);
	e->deployed = e->pending;
	e->pending = (struct deployment){0};
	return c->sdk.code == DAVIT_OK;
}

/* A server that cannot be started will not be asked for: the record must not wait for it. */
static void give_up(struct local_call *caller, const char *endpoint_id, const char *submission)
{
	struct deploy_end end = {
		submission, DAVIT_STATE_FAILED, "the model's server could not be started"};
	struct local_call c;

	if (caller->sdk.code != DAVIT_RETRY && local_again(&c, caller) == DAVIT_OK)
		(void)endpoint_update(&c, endpoint_id, end_deploy, &end, NULL);
}

static int32_t deploy_submit(struct local_call *c)
{
	const char *model = davit_sdk_need_text(&c->sdk, c->sdk.request, "/spec/model");
	struct deploy_order order = {.submission = submission_of(c)};
	struct record record;
	struct endpoint e;

	if (c->sdk.code != DAVIT_OK || !endpoint_need(c, endpoint_of(c), &e) ||
		!records_need(c, RECORD_MODEL, model, DAVIT_INVALID, "/spec/model", &record))
		return c->sdk.code;
	order.model = record.id;
	if (!endpoint_update(c, e.record.id, begin_deploy, &order, &e))
		return c->sdk.code;
	servers_sweep(c);
	if (deployment_is_of(&e.pending, order.submission) &&
		servers_start(c, &e, &e.pending) != DAVIT_OK) {
		give_up(c, e.record.id, order.submission);
		return c->sdk.code;
	}
	return reply_now(c, e.record.id, DAVIT_STATE_RUNNING, NULL);
}

static int32_t deploy_fail(struct local_call *c, const struct endpoint *e, const char *why)
{
	struct deploy_end end = {e->pending.submission, DAVIT_STATE_FAILED, why};
	const char *process = endpoint_process(c, e, &e->pending);

	if (!endpoint_update(c, e->record.id, end_deploy, &end, NULL) ||
		child_stop(c, process) != DAVIT_OK)
		return c->sdk.code;
	return reply_now(c, e->record.id, DAVIT_STATE_FAILED, why);
}

static int32_t deploy_done(struct local_call *c, const struct endpoint *e)
{
	const char *submission = e->pending.submission;

	if (!endpoint_update(c, e->record.id, switch_over, &submission, NULL))
		return c->sdk.code;
	servers_sweep(c);
	return reply_now(c, e->record.id, DAVIT_STATE_SUCCEEDED, NULL);
}

/* Looks after a server that has not answered for its health yet. */
static int32_t deploy_watch(struct local_call *c, const struct endpoint *e)
{
	const char *process = endpoint_process(c, e, &e->pending);
	int64_t seconds = davit_sdk_int_at(c->settings, "/deploy_seconds", DEPLOY_SECONDS);
	int64_t waited = c->sdk.host->core->now_ms(c->sdk.call) - e->pending.since_ms;
	struct child child;

	if (!child_inspect(c, process, &child))
		return c->sdk.code;
	if (!child.known && servers_start(c, e, &e->pending) != DAVIT_OK)
		return c->sdk.code;
	if (child.ended)
		return deploy_fail(c, e, child_reason(c, process, &child, WHO));
	if (child.restarts >= RESTARTS_MAX)
		return deploy_fail(c, e,
			local_text(c, "%s ended %d times before it was healthy%s", WHO,
				(int)child.restarts, child_last_words(c, process)));
	if (child.known && servers_healthy(c, process))
		return deploy_done(c, e);
	if (waited > seconds * 1000)
		return deploy_fail(c, e,
			local_text(c, "%s did not answer GET /health with 200 within %lld s%s", WHO,
				(long long)seconds, child_last_words(c, process)));
	return reply(c, e, DAVIT_STATE_RUNNING, NULL);
}

static int32_t deploy_poll(struct local_call *c)
{
	const char *submission = submission_of(c);
	struct endpoint e;

	if (!endpoint_need(c, endpoint_of(c), &e))
		return c->sdk.code;
	if (deployment_is_of(&e.pending, submission))
		return deploy_watch(c, &e);
	if (deployment_is_of(&e.deployed, submission))
		return reply(c, &e, DAVIT_STATE_SUCCEEDED, NULL);
	if (deployment_is_of(&e.ended, submission))
		return reply(c, &e, e.ended.state, e.ended.error);
	return reply(c, &e, DAVIT_STATE_CANCELLED, NULL); /* a later one took its place */
}

static int32_t deploy_find(struct local_call *c)
{
	struct endpoint e;
	struct child child = {.known = true};

	if (!endpoint_need(c, endpoint_of(c), &e))
		return c->sdk.code;
	if (!known(&e, submission_of(c)) ||
		(deployment_is_of(&e.pending, submission_of(c)) &&
			child_inspect(c, endpoint_process(c, &e, &e.pending), &child) &&
			!child.known))
		return davit_sdk_fail(&c->sdk, DAVIT_NOT_FOUND, "that deployment was not started");
	return deploy_poll(c);
}

static int32_t deploy_cancel(struct local_call *c)
{
	const char *submission = submission_of(c);
	struct deploy_end end = {submission, DAVIT_STATE_CANCELLED, ""};
	struct endpoint e;

	if (!endpoint_update(c, endpoint_of(c), end_deploy, &end, &e) ||
		!deployment_is_of(&e.ended, submission))
		return c->sdk.code;
	return child_stop(c, endpoint_process(c, &e, &e.ended));
}

/* --- undeploy --- */

/* Is the model that the caller names, if he names one, on the endpoint? */
static bool names_it(struct local_call *c, const struct endpoint *e)
{
	const char *model = davit_sdk_text_at(c->sdk.request, "/spec/model", NULL);
	const struct deployment *d = e->deployed.generation != 0 ? &e->deployed : &e->pending;
	struct record record;

	if (d->generation == 0) {
		(void)davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
			"no model is deployed on endpoint '%s'", e->record.name);
		return false;
	}
	if (model == NULL || strcmp(model, d->model) == 0)
		return true;
	if (records_find(c, RECORD_MODEL, model, &record) && strcmp(record.id, d->model) == 0)
		return true;
	if (c->sdk.code == DAVIT_OK)
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_CONFLICT, "/spec/model",
			"model '%s' is not deployed on endpoint '%s'", model, e->record.name);
	return false;
}

static int32_t undeploy_validate(struct local_call *c)
{
	struct endpoint e;

	(void)endpoint_need(c, endpoint_of(c), &e);
	return c->sdk.code;
}

static bool take_off(struct local_call *c, struct endpoint *e, void *ctx)
{
	const char *const *submission = ctx;
	struct deploy_end end = {e->pending.submission, DAVIT_STATE_CANCELLED, ""};

	if (deployment_is_of(&e->undeployed, *submission) || !names_it(c, e))
		return false;
	servers_retire(c, e, &e->deployed);
	e->undeployed = e->deployed.generation != 0 ? e->deployed : e->pending;
	e->undeployed.submission = *submission;
	e->deployed = (struct deployment){0};
	if (e->pending.generation != 0)
		(void)end_deploy(c, e, &end);
	return c->sdk.code == DAVIT_OK;
}

static int32_t undeploy_poll(struct local_call *c)
{
	struct endpoint e;
	struct child child = {0};

	servers_sweep(c);
	if (!endpoint_need(c, endpoint_of(c), &e))
		return c->sdk.code;
	if (deployment_is_of(&e.undeployed, submission_of(c)) &&
		!child_inspect(c, endpoint_process(c, &e, &e.undeployed), &child))
		return c->sdk.code;
	return reply(c, &e,
		child.known && !child.ended ? DAVIT_STATE_RUNNING : DAVIT_STATE_SUCCEEDED, NULL);
}

static int32_t undeploy_submit(struct local_call *c)
{
	const char *submission = submission_of(c);
	struct endpoint e;

	if (!endpoint_need(c, endpoint_of(c), &e) ||
		!endpoint_update(c, e.record.id, take_off, &submission, &e) ||
		child_stop(c, endpoint_process(c, &e, &e.undeployed)) != DAVIT_OK ||
		(e.ended.generation != 0 &&
			child_stop(c, endpoint_process(c, &e, &e.ended)) != DAVIT_OK))
		return c->sdk.code;
	return undeploy_poll(c);
}

static int32_t undeploy_find(struct local_call *c)
{
	struct endpoint e;

	if (!endpoint_need(c, endpoint_of(c), &e))
		return c->sdk.code;
	if (!deployment_is_of(&e.undeployed, submission_of(c)))
		return davit_sdk_fail(&c->sdk, DAVIT_NOT_FOUND, "nothing was taken off");
	return undeploy_poll(c);
}

/* --- the slots --- */

enum step {
	STEP_VALIDATE,
	STEP_SUBMIT,
	STEP_FIND,
	STEP_POLL,
	STEP_CANCEL,
	STEP_COUNT
};

static const struct {
	const char *kind;
	int32_t (*steps[STEP_COUNT])(struct local_call *c);
} kinds[] = {
	{"register", {register_validate, register_submit, register_found, register_found,
			     nothing_to_cancel}},
	{"deploy", {deploy_validate, deploy_submit, deploy_find, deploy_poll, deploy_cancel}},
	{"undeploy", {undeploy_validate, undeploy_submit, undeploy_find, undeploy_poll,
			     nothing_to_cancel}},
};

static int32_t run(enum step step, davit_instance inst, davit_call call, davit_buf request)
{
	struct local_call c;
	const char *kind;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	kind = davit_sdk_need_text(&c.sdk, c.sdk.request, "/kind");
	for (size_t i = 0; i < LOCAL_COUNT(kinds); i++) {
		if (strcmp(kinds[i].kind, kind) == 0)
			return kinds[i].steps[step](&c);
	}
	return davit_sdk_fail(
		&c.sdk, DAVIT_UNSUPPORTED, "there is no deployment job of kind '%s'", kind);
}

LOCAL_SLOT(deployment_validate)
{
	return run(STEP_VALIDATE, inst, call, request);
}

LOCAL_SLOT(deployment_submit)
{
	return run(STEP_SUBMIT, inst, call, request);
}

LOCAL_SLOT(deployment_find)
{
	return run(STEP_FIND, inst, call, request);
}

LOCAL_SLOT(deployment_poll)
{
	return run(STEP_POLL, inst, call, request);
}

LOCAL_SLOT(deployment_cancel)
{
	return run(STEP_CANCEL, inst, call, request);
}

/* The log of the server this deploy started; of the endpoint's server where no job is named. */
LOCAL_SLOT(deployment_logs)
{
	struct local_call c;
	struct endpoint e;
	const struct deployment *d;

	if (local_begin(&c, inst, call, request) != DAVIT_OK ||
		!endpoint_need(&c, endpoint_of(&c), &e))
		return c.sdk.code;
	d = &e.deployed;
	if (deployment_is_of(&e.pending, submission_of(&c)) || d->generation == 0)
		d = &e.pending;
	if (deployment_is_of(&e.ended, submission_of(&c)) || d->generation == 0)
		d = &e.ended;
	return child_reply_log(&c, endpoint_process(&c, &e, d));
}

/*
 * deploy - the job that puts a model on an endpoint: it starts the model's server beside the one
 * that answers, and lets it take over once it is healthy. How far it has come stands in the
 * endpoint's record under its submission.
 */
#include "deployment.h"

#include "child.h"
#include "servers.h"

enum {
	RESTARTS_MAX = 3,
	DEPLOY_SECONDS = 120
};

static const char WHO[] = "the model's server";

/* As deployment_reply(), with the record as it now is. */
static int32_t reply_now(
	struct local_call *c, const char *endpoint_id, int32_t state, const char *error)
{
	struct endpoint e;

	if (!endpoint_need(c, endpoint_id, &e))
		return c->sdk.code;
	return deployment_reply(c, &e, state, error);
}

int32_t deploy_validate(struct local_call *c)
{
	const char *model = davit_sdk_need_text(&c->sdk, c->sdk.request, "/spec/model");
	struct record record;
	struct endpoint e;

	if (c->sdk.code == DAVIT_OK && endpoint_need(c, deployment_endpoint(c), &e))
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

bool deployment_end(struct local_call *c, struct endpoint *e, void *ctx)
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
		(void)endpoint_update(&c, endpoint_id, deployment_end, &end, NULL);
}

int32_t deploy_submit(struct local_call *c)
{
	const char *model = davit_sdk_need_text(&c->sdk, c->sdk.request, "/spec/model");
	struct deploy_order order = {.submission = deployment_submission(c)};
	struct record record;
	struct endpoint e;

	if (c->sdk.code != DAVIT_OK || !endpoint_need(c, deployment_endpoint(c), &e) ||
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

	if (!endpoint_update(c, e->record.id, deployment_end, &end, NULL) ||
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
	struct child_why why;
	struct child child;

	if (!child_inspect(c, process, &child))
		return c->sdk.code;
	if (!child.known && servers_start(c, e, &e->pending) != DAVIT_OK)
		return c->sdk.code;
	if (child.ended) {
		child_explain(c, process, &child, &why);
		return deploy_fail(c, e, local_text(c, "%s ended: %s", WHO, why.text));
	}
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
	return deployment_reply(c, e, DAVIT_STATE_RUNNING, NULL);
}

int32_t deploy_poll(struct local_call *c)
{
	const char *submission = deployment_submission(c);
	struct endpoint e;

	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	if (deployment_is_of(&e.pending, submission))
		return deploy_watch(c, &e);
	if (deployment_is_of(&e.deployed, submission))
		return deployment_reply(c, &e, DAVIT_STATE_SUCCEEDED, NULL);
	if (deployment_is_of(&e.ended, submission))
		return deployment_reply(c, &e, e.ended.state, e.ended.error);
	return deployment_reply(
		c, &e, DAVIT_STATE_CANCELLED, NULL); /* a later one took its place */
}

int32_t deploy_find(struct local_call *c)
{
	struct endpoint e;
	struct child child = {.known = true};

	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	if (!known(&e, deployment_submission(c)) ||
		(deployment_is_of(&e.pending, deployment_submission(c)) &&
			child_inspect(c, endpoint_process(c, &e, &e.pending), &child) &&
			!child.known))
		return davit_sdk_fail(&c->sdk, DAVIT_NOT_FOUND, "that deployment was not started");
	return deploy_poll(c);
}

int32_t deploy_cancel(struct local_call *c)
{
	const char *submission = deployment_submission(c);
	struct deploy_end end = {submission, DAVIT_STATE_CANCELLED, ""};
	struct endpoint e;

	if (!endpoint_update(c, deployment_endpoint(c), deployment_end, &end, &e) ||
		!deployment_is_of(&e.ended, submission))
		return c->sdk.code;
	return child_stop(c, endpoint_process(c, &e, &e.ended));
}

/*
 * deploy - the job that changes what answers at an endpoint. Putting a model on it and going
 * back to one that was stopped start the model's server beside those that answer, and let it
 * join or replace them once it is healthy; other shares, and going back to a model that still
 * runs, are one write of the record. How far a job has come stands there under its submission.
 */
#include "deployment.h"

#include <string.h>

#include "child.h"
#include "lineup.h"

enum {
	RESTARTS_MAX = 3,
	DEPLOY_SECONDS = 120
};

static const char WHO[] = "the model's server";

/* --- what is asked for --- */

enum wish {
	WISH_MODEL,   /* put a model on the endpoint */
	WISH_TRAFFIC, /* other shares for the two that answer */
	WISH_RETURN,  /* what was deployed before */
	WISH_COUNT
};

/* What a deploy wants written. */
struct order {
	enum wish wish;
	const char *submission;
	int64_t percent;   /* that the model is to get */
	const char *model; /* its id */
	const char *name;
	int64_t version;
};

static const char one_of[] = "a deploy takes either \"model\" (and \"traffic\" for it), or "
			     "\"traffic\" of two models, or \"rollback\": true";

static bool read_wish(struct local_call *c, const struct davit_sdk_json *spec, enum wish *ret)
{
	const struct davit_sdk_json *traffic = davit_sdk_member(spec, "traffic");
	bool model = davit_sdk_member(spec, "model") != NULL;
	bool shares = traffic != NULL && traffic->kind == DAVIT_SDK_OBJECT;
	bool back = davit_sdk_bool_at(spec, "/rollback", false);

	if (model + shares + back != 1 || (back && traffic != NULL)) {
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec", "%s", one_of);
		return false;
	}
	*ret = model ? WISH_MODEL : shares ? WISH_TRAFFIC : WISH_RETURN;
	return true;
}

static bool read_model(
	struct local_call *c, const char *reference, const char *pointer, struct order *order)
{
	struct record record;

	if (!records_need(c, RECORD_MODEL, reference, DAVIT_INVALID, pointer, &record))
		return false;
	order->model = record.id;
	order->name = record.name;
	order->version = record.number;
	return true;
}

/* Two models and what each gets: the first one's share says it all. */
static bool read_traffic(
	struct local_call *c, const struct davit_sdk_json *traffic, struct order *order)
{
	const struct davit_sdk_json *first = traffic->first;
	const struct davit_sdk_json *second = first != NULL ? first->next : NULL;
	struct order other = {0};

	if (second == NULL || second->next != NULL || first->integer < 0 || second->integer < 0 ||
		first->integer + second->integer != 100) {
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/traffic",
			"traffic must give two models whole percents with the sum 100");
		return false;
	}
	if (!read_model(c, first->name.p, "/spec/traffic", order) ||
		!read_model(c, second->name.p, "/spec/traffic", &other))
		return false;
	order->percent = first->integer;
	if (strcmp(order->model, other.model) == 0)
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/traffic",
			"'%s' and '%s' are the same model", first->name.p, second->name.p);
	return c->sdk.code == DAVIT_OK;
}

static bool read_order(struct local_call *c, struct order *ret_order)
{
	const struct davit_sdk_json *spec = davit_sdk_need_object(&c->sdk, c->sdk.request, "/spec");

	*ret_order = (struct order){.submission = deployment_submission(c), .percent = 100};
	if (c->sdk.code != DAVIT_OK || !read_wish(c, spec, &ret_order->wish))
		return false;
	if (ret_order->wish == WISH_TRAFFIC)
		return read_traffic(c, davit_sdk_member(spec, "traffic"), ret_order);
	ret_order->percent = davit_sdk_int_at(spec, "/traffic", 100);
	return ret_order->wish == WISH_RETURN ||
	       read_model(
		       c, davit_sdk_need_text(&c->sdk, spec, "/model"), "/spec/model", ret_order);
}

int32_t deploy_validate(struct local_call *c)
{
	struct order order;
	struct endpoint e;

	if (endpoint_need(c, deployment_endpoint(c), &e))
		(void)read_order(c, &order);
	return c->sdk.code;
}

/* --- submit --- */

static bool known(const struct endpoint *e, const char *submission)
{
	return deployment_is_of(&e->pending, submission) || endpoint_outcome(e, submission) != NULL;
}

/* A new generation. One that was still on its way gives way to it. */
static bool begin(struct local_call *c, struct endpoint *e, const struct order *order)
{
	lineup_give_up(c, e, DAVIT_STATE_CANCELLED, "");
	servers_retire(c, e, &e->ended, SERVERS_STOP);
	e->ended = (struct deployment){0};
	e->pending = (struct deployment){
		.generation = ++e->generation,
		.model = order->model,
		.name = order->name,
		.version = order->version,
		.percent = order->percent,
		.submission = order->submission,
		.since_ms = c->sdk.host->core->now_ms(c->sdk.call),
	};
	return c->sdk.code == DAVIT_OK;
}

static bool begin_model(struct local_call *c, struct endpoint *e, const struct order *order)
{
	if (order->percent >= 100)
		return begin(c, e, order);
	if (e->deployed.generation == 0)
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_CONFLICT, "/spec/traffic",
			"no model is deployed on endpoint '%s' that could keep the rest of the "
			"traffic",
			e->record.name);
	else if (strcmp(e->deployed.model, order->model) == 0)
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_CONFLICT, "/spec/model",
			"that model is deployed on endpoint '%s' already; change its share with "
			"\"traffic\", or deploy it without",
			e->record.name);
	return c->sdk.code == DAVIT_OK && begin(c, e, order);
}

static bool begin_traffic(struct local_call *c, struct endpoint *e, const struct order *order)
{
	if (!lineup_share(c, e, order->model, order->percent))
		return false;
	endpoint_done(e, order->submission, DAVIT_STATE_SUCCEEDED, 0);
	return true;
}

static bool begin_return(struct local_call *c, struct endpoint *e, const struct order *given)
{
	struct order order = *given;
	struct record record;

	if (e->pending.generation != 0)
		return davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
			       "a deploy is under way on endpoint '%s'; cancel it or wait for its "
			       "end",
			       e->record.name) == DAVIT_OK;
	if (e->previous.generation == 0)
		return davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
			       "endpoint '%s' has nothing to go back to",
			       e->record.name) == DAVIT_OK;
	if (lineup_can_return(e)) {
		lineup_return(c, e);
		endpoint_done(e, order.submission, DAVIT_STATE_SUCCEEDED, 0);
		return c->sdk.code == DAVIT_OK;
	}
	order.model = e->previous.model;
	order.name = e->previous.name;
	order.version = e->previous.version;
	order.percent = e->previous.percent;
	return records_need(c, RECORD_MODEL, order.model, DAVIT_CONFLICT, "", &record) &&
	       begin(c, e, &order);
}

static bool begin_order(struct local_call *c, struct endpoint *e, void *ctx)
{
	static bool (*const begins[WISH_COUNT])(
		struct local_call * c, struct endpoint * e, const struct order *order) = {
		[WISH_MODEL] = begin_model,
		[WISH_TRAFFIC] = begin_traffic,
		[WISH_RETURN] = begin_return,
	};
	const struct order *order = ctx;

	return !known(e, order->submission) && begins[order->wish](c, e, order);
}

/* Why a deploy ends before it was healthy. */
struct end {
	const char *submission;
	int32_t state;
	const char *error;
};

static bool end_pending(struct local_call *c, struct endpoint *e, void *ctx)
{
	const struct end *end = ctx;

	if (!deployment_is_of(&e->pending, end->submission))
		return false;
	lineup_give_up(c, e, end->state, end->error);
	return c->sdk.code == DAVIT_OK;
}

static bool switch_over(struct local_call *c, struct endpoint *e, void *ctx)
{
	const char *const *submission = ctx;

	if (!deployment_is_of(&e->pending, *submission))
		return false;
	lineup_switch(c, e);
	return c->sdk.code == DAVIT_OK;
}

/* A server that cannot be started will not be asked for: the record must not wait for it. */
static void give_up(struct local_call *caller, const char *endpoint_id, const char *submission)
{
	struct end end = {
		submission, DAVIT_STATE_FAILED, "the model's server could not be started"};
	struct local_call c;

	if (caller->sdk.code != DAVIT_RETRY && local_again(&c, caller) == DAVIT_OK)
		(void)endpoint_update(&c, endpoint_id, end_pending, &end, NULL);
}

int32_t deploy_submit(struct local_call *c)
{
	struct order order;
	struct endpoint e;

	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	/* A repeated one may name what is no longer there. */
	if (!known(&e, deployment_submission(c)) &&
		(!read_order(c, &order) ||
			!endpoint_update(c, e.record.id, begin_order, &order, &e)))
		return c->sdk.code;
	servers_sweep(c, NULL, NULL);
	if (deployment_is_of(&e.pending, deployment_submission(c)) &&
		servers_start(c, &e, &e.pending) != DAVIT_OK) {
		give_up(c, e.record.id, deployment_submission(c));
		return c->sdk.code;
	}
	return deploy_poll(c);
}

/* --- poll --- */

static int32_t deploy_fail(struct local_call *c, const struct endpoint *e, const char *why)
{
	struct end end = {e->pending.submission, DAVIT_STATE_FAILED, why};
	const char *process = endpoint_process(c, e, &e->pending);

	if (!endpoint_update(c, e->record.id, end_pending, &end, NULL) ||
		child_stop(c, process) != DAVIT_OK)
		return c->sdk.code;
	return deployment_reply_now(c, e->record.id, DAVIT_STATE_FAILED, why);
}

/* It answers; the job ends when what it replaced has answered its last request. */
static int32_t deploy_settle(struct local_call *c, const char *endpoint_id)
{
	struct servers_left left;

	servers_sweep(c, endpoint_id, &left);
	if (left.draining > 0)
		return deployment_reply_now(
			c, endpoint_id, DAVIT_STATE_RUNNING, deployment_draining(c, &left));
	return deployment_reply_now(c, endpoint_id, DAVIT_STATE_SUCCEEDED, NULL);
}

static int32_t deploy_done(struct local_call *c, const struct endpoint *e)
{
	const char *submission = e->pending.submission;

	if (!endpoint_update(c, e->record.id, switch_over, &submission, NULL))
		return c->sdk.code;
	return deploy_settle(c, e->record.id);
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

/* One that gave way to a later deploy before it was started may have been started all the
 * same, and nobody else would know of its server. */
static void deploy_clear(struct local_call *c, const struct endpoint *e, int64_t generation)
{
	const struct deployment d = {.generation = generation};
	struct child child;

	if (generation == 0 || endpoint_holds(e, generation) ||
		!child_inspect(c, endpoint_process(c, e, &d), &child) || !child.known)
		return;
	servers_retire(c, e, &d, SERVERS_STOP);
	servers_sweep(c, NULL, NULL);
}

int32_t deploy_poll(struct local_call *c)
{
	const char *submission = deployment_submission(c);
	const struct outcome *outcome;
	struct endpoint e;

	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	if (deployment_is_of(&e.pending, submission))
		return deploy_watch(c, &e);
	outcome = endpoint_outcome(&e, submission);
	if (outcome != NULL && outcome->state == DAVIT_STATE_SUCCEEDED)
		return deploy_settle(c, e.record.id);
	if (deployment_is_of(&e.ended, submission))
		return deployment_reply(c, &e, e.ended.state, e.ended.error);
	if (outcome != NULL)
		deploy_clear(c, &e, outcome->generation);
	if (outcome != NULL && outcome->state == DAVIT_STATE_FAILED)
		return deployment_reply(c, &e, DAVIT_STATE_FAILED,
			"the model's server did not get healthy; a later deploy cleared it away");
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
	struct end end = {submission, DAVIT_STATE_CANCELLED, ""};
	struct endpoint e;

	if (!endpoint_update(c, deployment_endpoint(c), end_pending, &end, &e) ||
		!deployment_is_of(&e.ended, submission))
		return c->sdk.code;
	return child_stop(c, endpoint_process(c, &e, &e.ended));
}

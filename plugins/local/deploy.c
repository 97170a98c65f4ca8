/*
 * deploy - the job that changes what answers at an endpoint. Putting a model on it and going
 * back to one that was stopped start the model's server beside those that answer, and let it
 * join or replace them once it is healthy; other shares, and going back to a model that still
 * runs, are one write of the record. How far a job has come stands there under its submission.
 *
 * This file is what is asked for, and its beginning; deploy_watch.c goes on from there.
 */
#include "deployment.h"

#include <string.h>

#include "definite.h"
#include "environments.h"
#include "lineup.h"

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
	const char *other; /* of the model that gets the rest, where two are named */
	const char *name;
	int64_t version;
	const char *packages;    /* of the model: a digest, or NULL */
	const char *environment; /* that its server is to run with, or NULL */
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
	order->packages = davit_sdk_text_at(record.value, "/server/requirements_sha256", NULL);
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
	order->other = other.model;
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

/* The models by their ids: what a version or an alias names may be another one by then. */
static bool put_definite(
	struct local_call *c, struct davit_sdk_writer *w, const struct order *order)
{
	const struct davit_sdk_json *traffic = davit_sdk_at(c->sdk.request, "/spec/traffic");
	struct record record;

	if (order->wish == WISH_MODEL)
		davit_sdk_put_text(w, "model", order->model);
	if (order->wish != WISH_TRAFFIC) {
		davit_sdk_put_json(w, "traffic", traffic);
		return true;
	}
	davit_sdk_open_object(w, "traffic");
	for (const struct davit_sdk_json *v = traffic->first; v != NULL; v = v->next) {
		if (!records_need(
			    c, RECORD_MODEL, v->name.p, DAVIT_INVALID, "/spec/traffic", &record))
			return false;
		davit_sdk_put_json(w, record.id, v);
	}
	davit_sdk_close_object(w);
	return true;
}

int32_t deploy_validate(struct local_call *c)
{
	static const char *const without[] = {"model", "traffic"};
	struct davit_sdk_writer w;
	struct order order;
	struct endpoint e;

	if (!endpoint_need(c, deployment_endpoint(c), &e) || !read_order(c, &order))
		return c->sdk.code;
	definite_open(c, &w, without, LOCAL_COUNT(without));
	return put_definite(c, &w, &order) ? definite_reply(c, &w) : c->sdk.code;
}

/* --- submit --- */

bool deploy_known(const struct endpoint *e, const char *submission)
{
	return deployment_is_of(&e->pending, submission) || endpoint_outcome(e, submission) != NULL;
}

/* A new generation. One that was still on its way gives way to it. */
static bool begin(struct local_call *c, struct endpoint *e, const struct order *order)
{
	lineup_give_up(c, e, DAVIT_STATE_CANCELLED, "", NULL);
	servers_retire(c, e, &e->ended, SERVERS_STOP);
	e->ended = (struct deployment){0};
	e->pending = (struct deployment){
		.generation = ++e->generation,
		.model = order->model,
		.name = order->name,
		.version = order->version,
		.percent = order->percent,
		.environment = order->environment,
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
	if (!lineup_share(c, e, order->model, order->other, order->percent))
		return false;
	endpoint_done(e, order->submission, DAVIT_STATE_SUCCEEDED, 0);
	return true;
}

static bool need_previous(struct local_call *c, const struct endpoint *e)
{
	const struct deployment *to = &e->previous;
	struct record record;

	if (!records_get(c, RECORD_MODEL, to->model, &record) && c->sdk.code == DAVIT_OK)
		(void)davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
			"endpoint '%s' cannot go back to model '%s' version %lld: it was deleted",
			e->record.name, to->name, (long long)to->version);
	return c->sdk.code == DAVIT_OK;
}

static bool begin_return(struct local_call *c, struct endpoint *e, const struct order *given)
{
	struct order order = *given;

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
	order.environment = e->previous.environment;
	return need_previous(c, e) && begin(c, e, &order);
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

	return !deploy_known(e, order->submission) && begins[order->wish](c, e, order);
}

/* A server that cannot be started will not be asked for: the record must not wait for it. */
static void give_up(struct local_call *caller, const char *endpoint_id, const char *submission)
{
	const struct deploy_end end = {.submission = submission,
		.state = DAVIT_STATE_FAILED,
		.error = "the model's server could not be started"};
	struct local_call c;

	if (caller->sdk.code != DAVIT_RETRY && local_again(&c, caller) == DAVIT_OK)
		(void)deploy_give_up(&c, endpoint_id, &end, NULL);
}

/* The server, or the build of the environment it waits for. Again is fine. */
static int32_t start(struct local_call *c, const struct endpoint *e)
{
	const struct environment_user user = {e->pending.submission, e->pending.name};
	struct environment environment;

	if (e->pending.environment == NULL)
		return servers_start(c, e, &e->pending);
	(void)environment_want(c, e->pending.environment, &user, &environment);
	return c->sdk.code;
}

static bool begin_now(struct local_call *c, const struct endpoint *found, struct endpoint *ret)
{
	struct order order;

	return read_order(c, &order) &&
	       environment_choose_again(c, order.packages, &order.environment) &&
	       endpoint_update(c, found->record.id, begin_order, &order, ret);
}

int32_t deploy_submit(struct local_call *c)
{
	struct endpoint e;

	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	/* A repeated one may name what is no longer there. */
	if (!deploy_known(&e, deployment_submission(c)) && !begin_now(c, &e, &e))
		return c->sdk.code;
	servers_sweep(c, NULL, NULL);
	if (deployment_is_of(&e.pending, deployment_submission(c)) && start(c, &e) != DAVIT_OK) {
		give_up(c, e.record.id, deployment_submission(c));
		return c->sdk.code;
	}
	return deploy_poll(c);
}

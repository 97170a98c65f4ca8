/*
 * deploy_watch - a deploy from its submit to its end; see deploy.c. A pending deployment goes
 *
 *	environment not ready -> (begins now) -> server started -> healthy -> lineup_switch()
 *
 * and what stands before the server's start is repeated after a crash: an environment that is
 * asked for twice is built once.
 */
#include "deployment.h"

#include <string.h>

#include "child.h"
#include "environments.h"
#include "lineup.h"
#include "server_log.h"

enum {
	RESTARTS_MAX = 3,
	DEPLOY_SECONDS = 120
};

static const char WHO[] = "the model's server";

/* Each state has a text, so that nobody is shown for ever that packages are being installed. */
static const char STARTING[] = "the model's server is starting";

/* --- changes of the record --- */

static bool end_pending(struct local_call *c, struct endpoint *e, void *ctx)
{
	const struct deploy_end *end = ctx;

	if (!deployment_is_of(&e->pending, end->submission))
		return false;
	lineup_give_up(c, e, end->state, end->error, end->reason);
	return c->sdk.code == DAVIT_OK;
}

bool deploy_give_up(struct local_call *c, const char *endpoint_id, const struct deploy_end *end,
	struct endpoint *ret_endpoint)
{
	struct deploy_end copy = *end;

	return endpoint_update(c, endpoint_id, end_pending, &copy, ret_endpoint);
}

static bool switch_over(struct local_call *c, struct endpoint *e, void *ctx)
{
	const char *const *submission = ctx;

	if (!deployment_is_of(&e->pending, *submission))
		return false;
	lineup_switch(c, e);
	return c->sdk.code == DAVIT_OK;
}

/* The time a server has to get healthy begins when its environment is ready. */
static bool begin_now(struct local_call *c, struct endpoint *e, void *ctx)
{
	const char *const *submission = ctx;

	if (!deployment_is_of(&e->pending, *submission))
		return false;
	e->pending.since_ms = c->sdk.host->core->now_ms(c->sdk.call);
	return true;
}

/* --- its ends --- */

static int32_t deploy_fail(struct local_call *c, const struct endpoint *e, const char *why,
	const struct davit_sdk_json *reason)
{
	const struct deploy_end end = {e->pending.submission, DAVIT_STATE_FAILED, why, reason};
	const char *process = endpoint_process(c, e, &e->pending);

	if (!deploy_give_up(c, e->record.id, &end, NULL) || child_stop(c, process) != DAVIT_OK)
		return c->sdk.code;
	return deployment_reply_now(c, e->record.id, DAVIT_STATE_FAILED, why);
}

/* Its log is that of the build, whose process is others' too and may go or be started anew. */
static int32_t packages_failed(
	struct local_call *c, const struct endpoint *e, const struct environment *environment)
{
	if (server_log_keep(c, e->pending.submission,
		    environment_process(c, e->pending.environment)) != DAVIT_OK)
		return c->sdk.code;
	return deploy_fail(
		c, e, environment->text, davit_sdk_parse(&c->sdk.mem, environment->reason, NULL));
}

/* It answers; the job ends when what it replaced has answered its last request. */
static int32_t deploy_settle(struct local_call *c, const char *endpoint_id)
{
	struct servers_left left;

	servers_sweep(c, endpoint_id, &left);
	if (left.draining > 0)
		return deployment_reply_now(
			c, endpoint_id, DAVIT_STATE_RUNNING, deployment_draining(c, &left));
	environments_sweep(c);
	return deployment_reply_now(c, endpoint_id, DAVIT_STATE_SUCCEEDED, "done");
}

static int32_t deploy_done(struct local_call *c, const struct endpoint *e)
{
	const char *submission = e->pending.submission;

	if (!endpoint_update(c, e->record.id, switch_over, &submission, NULL))
		return c->sdk.code;
	return deploy_settle(c, e->record.id);
}

/* --- before it is healthy --- */

/* A deploy that somebody else ended while its server was started had nothing to stop. */
static int32_t stop_if_ended(struct local_call *c, const struct endpoint *e)
{
	struct record record;
	struct endpoint now;

	if (records_get(c, RECORD_ENDPOINT, e->record.id, &record)) {
		endpoint_parse(&record, &now);
		if (endpoint_holds(&now, e->pending.generation) &&
			now.ended.generation != e->pending.generation)
			return c->sdk.code;
	}
	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	servers_retire(c, e, &e->pending, SERVERS_STOP);
	return child_stop(c, endpoint_process(c, e, &e->pending));
}

/* What is wrong is in what was asked for, and will be: the record must not wait for it. */
static void give_up_for_good(struct local_call *caller, const struct endpoint *e)
{
	const struct deploy_end end = {.submission = e->pending.submission,
		.state = DAVIT_STATE_FAILED,
		.error = "the model's server could not be started"};
	int32_t code = caller->sdk.code;
	struct local_call c;

	if ((code == DAVIT_INVALID || code == DAVIT_NOT_FOUND || code == DAVIT_CONFLICT) &&
		local_again(&c, caller) == DAVIT_OK)
		(void)deploy_give_up(&c, e->record.id, &end, NULL);
}

/* Its environment is ready, or it needs none. */
static int32_t deploy_start(struct local_call *c, const struct endpoint *found)
{
	struct endpoint e = *found;
	const char *submission = found->pending.submission;

	if (e.pending.environment != NULL &&
		(environment_leave(c, e.pending.environment, submission, false) != DAVIT_OK ||
			!endpoint_update(c, e.record.id, begin_now, &submission, &e)))
		return c->sdk.code;
	if (!deployment_is_of(&e.pending, submission))
		return deploy_poll(c);
	if (servers_start(c, &e, &e.pending) != DAVIT_OK) {
		give_up_for_good(c, &e);
		return c->sdk.code;
	}
	if (stop_if_ended(c, &e) != DAVIT_OK)
		return c->sdk.code;
	return deployment_reply(c, &e, DAVIT_STATE_RUNNING, STARTING);
}

/* Nothing of its server was started yet. */
static int32_t deploy_prepare(struct local_call *c, const struct endpoint *e)
{
	struct environment environment;

	if (e->pending.environment == NULL)
		return deploy_start(c, e);
	if (!environment_ask(c, e->pending.environment, &environment))
		return c->sdk.code;
	if (environment.state == ENVIRONMENT_PENDING)
		return deployment_reply(c, e, DAVIT_STATE_PENDING, environment.text);
	if (environment.state == ENVIRONMENT_FAILED)
		return packages_failed(c, e, &environment);
	return deploy_start(c, e);
}

/* Its server will not get healthy: how it last ended, and its last lines, are looked at before it
 * is stopped. */
static int32_t server_failed(
	struct local_call *c, const struct endpoint *e, const char *what, const struct child *child)
{
	const char *process = endpoint_process(c, e, &e->pending);
	bool known = child->ended || child->exit_code >= 0 || child->signal > 0 ||
	             child->error[0] != '\0';
	struct davit_sdk_writer w;
	struct child_why why;

	child_explain(c, process, child, &why);
	davit_sdk_write_begin(&w, &c->sdk.mem);
	child_put_reason(&w, NULL, child, &why);
	what = known ? local_text(c, "%s %s: %s", WHO, what, why.text)
	             : local_text(c, "%s %s%s", WHO, what, child_last_words(c, process));
	return deploy_fail(c, e, what, davit_sdk_parse(&c->sdk.mem, davit_sdk_write_end(&w), NULL));
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
	if (!child.known)
		return deploy_prepare(c, e);
	if (child.ended)
		return server_failed(c, e, "ended", &child);
	if (child.restarts >= RESTARTS_MAX)
		return server_failed(c, e,
			local_text(c, "ended %d times before it was healthy", (int)child.restarts),
			&child);
	if (servers_healthy(c, process))
		return deploy_done(c, e);
	if (waited > seconds * 1000)
		return server_failed(c, e,
			local_text(c, "did not answer GET /health with 200 within %lld s",
				(long long)seconds),
			&child);
	return deployment_reply(c, e, DAVIT_STATE_RUNNING, STARTING);
}

/* --- the steps --- */

/* One that gave way to a later deploy before it was started may have been started all the
 * same, and nobody else would know of its server. */
static void deploy_clear(struct local_call *c, const struct endpoint *e, int64_t generation)
{
	const struct deployment d = {
		.generation = generation, .submission = deployment_submission(c)};
	struct child child;

	if (generation == 0 || endpoint_holds(e, generation) ||
		!child_inspect(c, endpoint_process(c, e, &d), &child) || !child.known)
		return;
	servers_retire(c, e, &d, SERVERS_STOP);
	servers_sweep(c, NULL, NULL);
}

/* It was given up. Who did that may have been cut off before its server was told to stop. */
static int32_t deploy_over(struct local_call *c, const struct endpoint *e)
{
	const char *process = endpoint_process(c, e, &e->ended);
	struct child child;

	if (e->ended.generation != 0 && child_inspect(c, process, &child) && child.known &&
		!child.ended)
		(void)child_stop(c, process);
	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	return deployment_reply(c, e, e->ended.state, e->ended.error);
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
		return deploy_over(c, &e);
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
	if (!deploy_known(&e, deployment_submission(c)) ||
		(deployment_is_of(&e.pending, deployment_submission(c)) &&
			child_inspect(c, endpoint_process(c, &e, &e.pending), &child) &&
			!child.known))
		return davit_sdk_fail(&c->sdk, DAVIT_NOT_FOUND, "that deployment was not started");
	return deploy_poll(c);
}

int32_t deploy_cancel(struct local_call *c)
{
	const char *submission = deployment_submission(c);
	const struct deploy_end end = {
		.submission = submission, .state = DAVIT_STATE_CANCELLED, .error = ""};
	struct endpoint e;

	if (!deploy_give_up(c, deployment_endpoint(c), &end, &e) ||
		!deployment_is_of(&e.ended, submission))
		return c->sdk.code;
	return child_stop(c, endpoint_process(c, &e, &e.ended));
}

/*
 * deployment - the slots of endpoints' jobs, and the kinds that are done at once: "register" makes
 * an endpoint, "undeploy" takes models off. "deploy" is in deploy.c.
 */
#include "deployment.h"

#include <string.h>

#include "child.h"
#include "endpoints.h"
#include "environments.h"
#include "lineup.h"
#include "objects.h"
#include "server_log.h"

enum {
	POLL_MS = 100,
	WAIT_MS = 300 /* while packages are installed */
};

const char *deployment_submission(const struct local_call *c)
{
	return davit_sdk_text_at(c->sdk.request, "/ref/submission",
		davit_sdk_text_at(c->sdk.request, "/submission_id", ""));
}

const char *deployment_endpoint(struct local_call *c)
{
	const char *id = davit_sdk_text_at(c->sdk.request, "/ref/id", NULL);

	return id != NULL ? id : davit_sdk_need_text(&c->sdk, c->sdk.request, "/id");
}

static void put_text(struct davit_sdk_writer *w, int32_t state, const char *text,
	const struct davit_sdk_json *reason)
{
	if (state == DAVIT_STATE_FAILED) {
		davit_sdk_put_text(w, "error", text);
		davit_sdk_put_json(w, "reason", reason);
	} else if (text != NULL) {
		davit_sdk_open_object(w, "progress");
		davit_sdk_put_text(w, "text", text);
		davit_sdk_close_object(w);
	}
}

int32_t deployment_reply(
	struct local_call *c, const struct endpoint *e, int32_t state, const char *text)
{
	bool ended = deployment_is_of(&e->ended, deployment_submission(c));
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	endpoints_put(c, &w, &e->record);
	davit_sdk_open_object(&w, "ref");
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_text(&w, "id", e->record.id);
	davit_sdk_put_text(&w, "submission", deployment_submission(c));
	davit_sdk_close_object(&w);
	put_text(&w, state, text, ended ? e->ended.reason : NULL);
	davit_sdk_close_object(&w);
	return davit_sdk_reply_state(
		&c->sdk, state, state == DAVIT_STATE_PENDING ? WAIT_MS : POLL_MS, &w);
}

int32_t deployment_reply_now(
	struct local_call *c, const char *endpoint_id, int32_t state, const char *text)
{
	struct endpoint e;

	if (!endpoint_need(c, endpoint_id, &e))
		return c->sdk.code;
	return deployment_reply(c, &e, state, text);
}

const char *deployment_draining(struct local_call *c, const struct servers_left *left)
{
	if (left->requests == 0)
		return "the server that answers no more is about to be stopped";
	return local_text(c, "the server that answers no more has %lld request%s left",
		(long long)left->requests, left->requests == 1 ? "" : "s");
}

/* --- register --- */

static int32_t register_validate(struct local_call *c)
{
	(void)davit_sdk_need_text(&c->sdk, c->sdk.request, "/spec/name");
	return c->sdk.code;
}

static int32_t register_found(struct local_call *c)
{
	return objects_reply_made(c, RECORD_ENDPOINT, objects_id(c), endpoints_put);
}

static int32_t register_submit(struct local_call *c)
{
	const char *id = davit_sdk_need_text(&c->sdk, c->sdk.request, "/submission_id");
	struct davit_sdk_writer w;
	struct record record;

	if (c->sdk.code == DAVIT_OK && !records_get(c, RECORD_ENDPOINT, id, &record)) {
		records_open(c, &w, id);
		(void)records_put(c, RECORD_ENDPOINT, id, &w);
	}
	return c->sdk.code == DAVIT_OK ? register_found(c) : c->sdk.code;
}

static int32_t nothing_to_cancel(struct local_call *c)
{
	return c->sdk.code;
}

/* --- undeploy --- */

static int32_t undeploy_validate(struct local_call *c)
{
	struct endpoint e;

	(void)endpoint_need(c, deployment_endpoint(c), &e);
	return c->sdk.code;
}

/* The id of the model that the caller names; what names no model stays as it is. NULL: he
 * names none. */
static const char *model_named(struct local_call *c)
{
	const char *model = davit_sdk_text_at(c->sdk.request, "/spec/model", NULL);
	struct record record;

	return model != NULL && records_find(c, RECORD_MODEL, model, &record) ? record.id : model;
}

struct undeploy {
	const char *submission;
	const char *model; /* its id; NULL: all */
};

static bool take_off(struct local_call *c, struct endpoint *e, void *ctx)
{
	const struct undeploy *undeploy = ctx;

	if (endpoint_outcome(e, undeploy->submission) != NULL)
		return false;
	if (!lineup_take_off(c, e, undeploy->model)) {
		if (undeploy->model == NULL)
			(void)davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
				"no model is deployed on endpoint '%s'", e->record.name);
		else
			(void)davit_sdk_fail_at(&c->sdk, DAVIT_CONFLICT, "/spec/model",
				"model '%s' is not deployed on endpoint '%s'",
				davit_sdk_text_at(c->sdk.request, "/spec/model", ""),
				e->record.name);
		return false;
	}
	endpoint_done(e, undeploy->submission, DAVIT_STATE_SUCCEEDED, 0);
	return c->sdk.code == DAVIT_OK;
}

/* Done when nothing that was taken off runs any more. */
static int32_t undeploy_poll(struct local_call *c)
{
	struct servers_left left;
	struct endpoint e;

	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	servers_sweep(c, e.record.id, &left);
	if (left.draining > 0)
		return deployment_reply(c, &e, DAVIT_STATE_RUNNING, deployment_draining(c, &left));
	if (left.stopping == 0)
		environments_sweep(c);
	return deployment_reply(
		c, &e, left.stopping > 0 ? DAVIT_STATE_RUNNING : DAVIT_STATE_SUCCEEDED, NULL);
}

static int32_t undeploy_submit(struct local_call *c)
{
	struct undeploy undeploy = {deployment_submission(c), model_named(c)};
	struct endpoint e;

	if (c->sdk.code != DAVIT_OK || !endpoint_need(c, deployment_endpoint(c), &e) ||
		!endpoint_update(c, e.record.id, take_off, &undeploy, NULL))
		return c->sdk.code;
	return undeploy_poll(c);
}

static int32_t undeploy_find(struct local_call *c)
{
	struct endpoint e;

	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	if (endpoint_outcome(&e, deployment_submission(c)) == NULL)
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

/* The process whose log is a deployment's: its server, or before that is started the build of the
 * environment it waits for. */
static const char *log_of(
	struct local_call *c, const struct endpoint *e, const struct deployment *d)
{
	const char *process = endpoint_process(c, e, d);
	struct child child;

	if (d->environment == NULL || !child_inspect(c, process, &child) || child.known)
		return process;
	return environment_process(c, d->environment);
}

/* Where in the record the server stands that this submission started, or started again; NULL:
 * nowhere. */
static const struct deployment *place_of(const struct endpoint *e, const char *submission)
{
	const struct deployment *const places[] = {
		&e->pending, &e->deployed, &e->beside, &e->ended};

	for (size_t i = 0; i < LOCAL_COUNT(places); i++) {
		if (deployment_is_of(places[i], submission))
			return places[i];
	}
	return NULL;
}

/* The server a deploy started: while it stands in the record or is being cleared away its process
 * has the log, then what was kept of it. Never the log of another's server. */
static int32_t reply_own_log(struct local_call *c, const char *submission)
{
	const struct deployment *d = NULL;
	const char *process = NULL;
	struct endpoint e = {0};
	struct record record;

	if (records_get(c, RECORD_ENDPOINT, deployment_endpoint(c), &record)) {
		endpoint_parse(&record, &e);
		d = place_of(&e, submission);
	}
	if (d == &e.ended && server_log_kept(c, submission))
		d = NULL; /* of packages that could not be installed */
	if (d != NULL)
		process = log_of(c, &e, d);
	else if (c->sdk.code == DAVIT_OK && !server_log_kept(c, submission))
		process = servers_retired(c, submission);
	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	return process != NULL ? child_reply_log(c, process) : server_log_reply(c, submission);
}

/* The log of the endpoint's server, where no job is named. */
static int32_t reply_endpoint_log(struct local_call *c)
{
	const struct deployment *d;
	struct endpoint e;

	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	d = &e.deployed;
	if (d->generation == 0)
		d = e.pending.generation != 0 ? &e.pending : &e.ended;
	return child_reply_log(c, log_of(c, &e, d));
}

LOCAL_SLOT(deployment_logs)
{
	struct local_call c;
	const char *submission;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	submission = deployment_submission(&c);
	return submission[0] != '\0' ? reply_own_log(&c, submission) : reply_endpoint_log(&c);
}

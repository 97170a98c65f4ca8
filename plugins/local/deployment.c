/*
 * deployment - the slots of endpoints' jobs, and the kinds that are done at once: "register" makes
 * an endpoint, "undeploy" takes its model off. "deploy" is in deploy.c.
 */
#include "deployment.h"

#include <string.h>

#include "child.h"
#include "endpoints.h"
#include "objects.h"
#include "servers.h"

enum {
	POLL_MS = 100
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

int32_t deployment_reply(
	struct local_call *c, const struct endpoint *e, int32_t state, const char *error)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	endpoints_put(c, &w, &e->record);
	davit_sdk_open_object(&w, "ref");
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_text(&w, "id", e->record.id);
	davit_sdk_put_text(&w, "submission", deployment_submission(c));
	davit_sdk_close_object(&w);
	if (state == DAVIT_STATE_FAILED)
		davit_sdk_put_text(&w, "error", error);
	davit_sdk_close_object(&w);
	return davit_sdk_reply_state(&c->sdk, state, POLL_MS, &w);
}

/* --- register --- */

static int32_t register_validate(struct local_call *c)
{
	(void)davit_sdk_need_text(&c->sdk, c->sdk.request, "/spec/name");
	return c->sdk.code;
}

static int32_t register_found(struct local_call *c)
{
	const char *id = davit_sdk_text_at(c->sdk.request, "/ref/id", deployment_submission(c));

	return objects_reply_made(c, RECORD_ENDPOINT, id, endpoints_put);
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

	(void)endpoint_need(c, deployment_endpoint(c), &e);
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
		(void)deployment_end(c, e, &end);
	return c->sdk.code == DAVIT_OK;
}

static int32_t undeploy_poll(struct local_call *c)
{
	struct endpoint e;
	struct child child = {0};

	servers_sweep(c);
	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	if (deployment_is_of(&e.undeployed, deployment_submission(c)) &&
		!child_inspect(c, endpoint_process(c, &e, &e.undeployed), &child))
		return c->sdk.code;
	return deployment_reply(c, &e,
		child.known && !child.ended ? DAVIT_STATE_RUNNING : DAVIT_STATE_SUCCEEDED, NULL);
}

static int32_t undeploy_submit(struct local_call *c)
{
	const char *submission = deployment_submission(c);
	struct endpoint e;

	if (!endpoint_need(c, deployment_endpoint(c), &e) ||
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

	if (!endpoint_need(c, deployment_endpoint(c), &e))
		return c->sdk.code;
	if (!deployment_is_of(&e.undeployed, deployment_submission(c)))
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
		!endpoint_need(&c, deployment_endpoint(&c), &e))
		return c.sdk.code;
	d = &e.deployed;
	if (deployment_is_of(&e.pending, deployment_submission(&c)) || d->generation == 0)
		d = &e.pending;
	if (deployment_is_of(&e.ended, deployment_submission(&c)) || d->generation == 0)
		d = &e.ended;
	return child_reply_log(&c, endpoint_process(&c, &e, d));
}

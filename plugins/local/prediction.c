/* prediction - a request to a deployed model, passed to its server and back unread. */
#include "child.h"
#include "servers.h"

#define PREDICT_PATH "/predict"

enum {
	RETRY_AFTER_MS = 500
};

/* Nobody listens yet, or nobody is there: a server that is gone is started again. */
static int32_t not_ready(struct local_call *c, const struct endpoint *e)
{
	struct davit_sdk_writer detail;

	servers_revive(c, e->record.id);
	davit_sdk_write_begin(&detail, &c->sdk.mem);
	davit_sdk_open_object(&detail, NULL);
	davit_sdk_put_int(&detail, "retry_after_ms", RETRY_AFTER_MS);
	davit_sdk_close_object(&detail);
	return davit_sdk_fail_with(&c->sdk, DAVIT_RETRY, &detail,
		"the model's server of endpoint '%s' is starting; try again", e->record.name);
}

static davit_buf request_of(struct local_call *c)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "method", "POST");
	davit_sdk_put_text(&w, "path", PREDICT_PATH);
	davit_sdk_put_text(&w, "content_type",
		davit_sdk_text_at(c->sdk.request, "/content_type", "application/json"));
	davit_sdk_put_text(&w, "accept", davit_sdk_text_at(c->sdk.request, "/accept", NULL));
	davit_sdk_close_object(&w);
	return davit_sdk_write_end(&w);
}

static int32_t ask(struct local_call *c, const struct endpoint *e)
{
	davit_blob body = (davit_blob)davit_sdk_need_int(&c->sdk, c->sdk.request, "/body");
	davit_blob answer = 0;
	davit_buf head;
	const struct davit_sdk_json *v;
	int32_t code;

	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	code = c->sdk.host->process->request(c->sdk.call,
		davit_sdk_buf(endpoint_process(c, e, &e->deployed)), request_of(c), body, &head,
		&answer);
	if (code == DAVIT_RETRY || code == DAVIT_NOT_FOUND)
		return not_ready(c, e);
	if (local_check(c, code) != DAVIT_OK)
		return c->sdk.code;
	v = davit_sdk_parse(&c->sdk.mem, head, NULL);
	return davit_sdk_reply_blob(&c->sdk,
		davit_sdk_text_at(v, "/content_type", "application/octet-stream"),
		(int32_t)davit_sdk_int_at(v, "/status", 200), answer);
}

LOCAL_SLOT(prediction_infer)
{
	struct local_call c;
	struct endpoint e;

	if (local_begin(&c, inst, call, request) != DAVIT_OK ||
		!endpoint_need(&c, davit_sdk_need_text(&c.sdk, c.sdk.request, "/id"), &e))
		return c.sdk.code;
	if (e.deployed.generation == 0)
		return davit_sdk_fail(&c.sdk, DAVIT_CONFLICT,
			"no model is deployed on endpoint '%s'", e.record.name);
	return ask(&c, &e);
}

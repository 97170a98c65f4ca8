/*
 * prediction - a request to a deployed model, passed to its server and back unread.
 *
 * Of two models one is drawn by their shares. Where nobody listens at its server, the other one
 * is asked: such a request has not reached any model. One that was cut off is not sent again,
 * as it may have been what ended the server.
 */
#include <string.h>

#include "child.h"
#include "servers.h"

enum {
	RETRY_AFTER_MS = 500,
	TRIES = 3,
	STATUS_NOT_FOUND = 404,
	STATUS_NO_METHOD = 405,
	STATUS_NOT_IMPLEMENTED = 501
};

/* One request on its way. */
struct question {
	const char *path;
	davit_buf request;
	davit_blob body;
	int32_t status; /* of the answer, as is all below */
	const char *content_type;
	const struct deployment *by;
	davit_blob answer;
};

static davit_buf request_of(struct local_call *c, const char *path)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "method", "POST");
	davit_sdk_put_text(&w, "path", path);
	davit_sdk_put_text(&w, "content_type",
		davit_sdk_text_at(c->sdk.request, "/content_type", "application/json"));
	davit_sdk_put_text(&w, "accept", davit_sdk_text_at(c->sdk.request, "/accept", NULL));
	davit_sdk_close_object(&w);
	return davit_sdk_write_end(&w);
}

/* The two of them in the order they are to be asked; the second may be none. */
static void draw(struct local_call *c, const struct endpoint *e, const struct deployment *order[2])
{
	bool beside = false;
	uint32_t number = 0;

	if (e->beside.generation != 0 &&
		c->sdk.host->core->random(c->sdk.call, &number, sizeof(number)) == DAVIT_OK)
		beside = number % 100 >= (uint32_t)e->deployed.percent;
	order[0] = beside ? &e->beside : &e->deployed;
	order[1] = beside ? &e->deployed : &e->beside;
}

/* false: nobody listens there, or the call failed. */
static bool put_to(struct local_call *c, struct question *q, const struct endpoint *e,
	const struct deployment *d)
{
	const struct davit_sdk_json *v;
	davit_buf head;
	int32_t code;

	if (d->generation == 0)
		return false;
	code = c->sdk.host->process->request(c->sdk.call, davit_sdk_buf(endpoint_process(c, e, d)),
		q->request, q->body, &head, &q->answer);
	if (code == DAVIT_RETRY || code == DAVIT_NOT_FOUND || local_check(c, code) != DAVIT_OK)
		return false;
	v = davit_sdk_parse(&c->sdk.mem, head, NULL);
	q->status = (int32_t)davit_sdk_int_at(v, "/status", 200);
	q->content_type = davit_sdk_text_at(v, "/content_type", "");
	q->by = d;
	return true;
}

/* Nobody listens: what is gone is being started again. */
static void not_ready(struct local_call *c, const struct endpoint *e)
{
	struct davit_sdk_writer detail;

	davit_sdk_write_begin(&detail, &c->sdk.mem);
	davit_sdk_open_object(&detail, NULL);
	davit_sdk_put_int(&detail, "retry_after_ms", RETRY_AFTER_MS);
	davit_sdk_close_object(&detail);
	(void)davit_sdk_fail_with(&c->sdk, DAVIT_RETRY, &detail,
		"the model's server of endpoint '%s' is starting; try again", e->record.name);
}

/* "NAME@vN" of the model that answered. */
static const char *which(struct local_call *c, const struct deployment *d)
{
	if (d->version == 0)
		return d->name[0] != '\0' ? d->name : d->model;
	return local_text(c, "%s@v%lld", d->name, (long long)d->version);
}

static int32_t reply(struct local_call *c, const struct question *q)
{
	struct davit_sdk_writer head;
	davit_buf text;

	davit_sdk_write_begin(&head, &c->sdk.mem);
	davit_sdk_open_object(&head, NULL);
	davit_sdk_put_text(&head, "content_type",
		q->content_type[0] != '\0' ? q->content_type : "application/octet-stream");
	davit_sdk_put_int(&head, "status", q->status);
	davit_sdk_put_text(&head, "model", which(c, q->by));
	davit_sdk_close_object(&head);
	text = davit_sdk_write_end(&head);
	if (text.p == NULL)
		return davit_sdk_fail(&c->sdk, DAVIT_INTERNAL, "no memory left for this call");
	return local_check(c, c->sdk.host->core->reply_blob(c->sdk.call, text, q->answer));
}

/* Asks until somebody answers; false: the call failed. What was drawn may have been replaced
 * meanwhile: then the record says who answers now. */
static bool ask(struct local_call *c, struct question *q, const char *id, struct endpoint *e)
{
	const struct deployment *order[2];
	int64_t generation = 0;

	for (int i = 0; i < TRIES; i++) {
		if (!endpoint_need(c, id, e))
			return false;
		if (e->deployed.generation == 0) {
			(void)davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
				"no model is deployed on endpoint '%s'", e->record.name);
			return false;
		}
		if (e->deployed.generation + e->beside.generation == generation)
			break;
		generation = e->deployed.generation + e->beside.generation;
		draw(c, e, order);
		if (put_to(c, q, e, order[0]))
			return true;
		if (c->sdk.code == DAVIT_OK)
			servers_revive(c, e->record.id);
		if (c->sdk.code == DAVIT_OK && put_to(c, q, e, order[1]))
			return true;
		if (c->sdk.code != DAVIT_OK)
			return false;
	}
	not_ready(c, e);
	return false;
}

static bool pass_on(struct local_call *c, struct question *q, struct endpoint *e)
{
	const char *id = davit_sdk_need_text(&c->sdk, c->sdk.request, "/id");

	q->body = (davit_blob)davit_sdk_need_int(&c->sdk, c->sdk.request, "/body");
	q->request = request_of(c, q->path);
	return c->sdk.code == DAVIT_OK && ask(c, q, id, e);
}

LOCAL_SLOT(prediction_infer)
{
	struct question q = {.path = "/predict"};
	struct local_call c;
	struct endpoint e;

	if (local_begin(&c, inst, call, request) != DAVIT_OK || !pass_on(&c, &q, &e))
		return c.sdk.code;
	return reply(&c, &q);
}

LOCAL_SLOT(prediction_explain)
{
	struct question q = {.path = "/explain"};
	struct local_call c;
	struct endpoint e;

	if (local_begin(&c, inst, call, request) != DAVIT_OK || !pass_on(&c, &q, &e))
		return c.sdk.code;
	if (q.status == STATUS_NOT_FOUND || q.status == STATUS_NO_METHOD ||
		q.status == STATUS_NOT_IMPLEMENTED)
		return davit_sdk_fail(&c.sdk, DAVIT_UNSUPPORTED,
			"the server of model '%s' does not explain: it answered POST /explain "
			"with status %d",
			which(&c, q.by), (int)q.status);
	return reply(&c, &q);
}

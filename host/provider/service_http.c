/* davit.host.http/1: requests to other machines, made of JSON and handles. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/killpoint.h"
#include "net/net.h"
#include "provider/call.h"
#include "provider/http_answer.h"
#include "provider/http_exchange.h"
#include "provider/http_request.h"
#include "provider/services.h"

/* It went on: what was in the way of an earlier request is no reason any more. */
static void take_back(struct call *c)
{
	if (!c->told_http)
		return;
	c->told_http = false;
	c->fail_code = DAVIT_OK;
	free(c->fail);
	c->fail = NULL;
}

/* Hands request, answer and bytes to a blob. */
static int32_t give_body(struct http_exchange *x, davit_blob *ret_body)
{
	struct call_blob b = {.kind = CALL_BLOB_ANSWER, .fd = -1};

	b.answer = http_answer_new(x->c, x->request, x->result.answer, x->bytes, x->n);
	x->request = NULL;
	x->result.answer = NULL;
	x->bytes = NULL;
	return b.answer != NULL ? service_give_blob(x->c, &b, ret_body) : http_no_memory(x->c);
}

static int32_t give(
	struct http_exchange *x, davit_buf *ret_head, davit_blob *ret_body, struct fail *f)
{
	int32_t code;

	take_back(x->c);
	if (!http_exchange_keep(x, f))
		return http_refuse(x->c, DAVIT_INTERNAL, f);
	code = service_give_json(x->c, http_exchange_head(x), ret_head);
	return code == DAVIT_OK && ret_body != NULL ? give_body(x, ret_body) : code;
}

static int32_t read_request(
	struct http_exchange *x, davit_buf text, uint32_t flags, davit_blob body, struct fail *f)
{
	json_t *v = service_parse(text, SERVICE_JSON_MAX, f);

	if (v == NULL) {
		(void)fail_wrap(f, "it is no JSON");
		return http_refuse_request(x->c, f);
	}
	x->request = http_request_new(x->c, v, flags, body, f);
	return x->request != NULL ? DAVIT_OK : http_refuse_request(x->c, f);
}

/* Not on the stack of a thread that may wait for long, and thousands with it. */
struct work {
	struct http_exchange x;
	struct net_caller caller;
	struct fail f;
};

/* The answer that an attempt before this one got. */
static int32_t give_again(struct http_exchange *x, davit_buf *ret_head, davit_blob *ret_body)
{
	struct call_blob b = {.kind = CALL_BLOB_MEMORY, .fd = -1};
	davit_buf body;
	json_t *head = http_journal_head(&x->mutation, &body);
	int32_t code;

	take_back(x->c);
	b.bytes = body.n > 0 ? body.p : ""; /* the journal of the call outlives its blobs */
	b.n = body.n;
	code = service_give_json(x->c, head, ret_head);
	return code == DAVIT_OK && ret_body != NULL ? service_give_blob(x->c, &b, ret_body) : code;
}

static int32_t send_noted(struct http_exchange *x)
{
	KILLPOINT("http_before_journal", "%s %s", x->request->net.method, x->request->operation);
	return call_journal_send(x->c, &x->mutation, 1);
}

static int32_t perform(struct work *w, struct net *n, davit_buf *ret_head, davit_blob *ret_body)
{
	struct http_exchange *x = &w->x;
	int32_t code;

	if (ret_body == NULL)
		x->request->net.stream = false;
	code = http_journal_plan(x->c, x->request, &x->mutation);
	if (code == DAVIT_OK && x->mutation.before != NULL)
		return give_again(x, ret_head, ret_body);
	if (code == DAVIT_OK && x->mutation.op != NULL)
		code = send_noted(x);
	if (code != DAVIT_OK)
		return code;
	w->caller = http_caller(x->c);
	net_perform(n, &w->caller, &x->request->net, &x->result, &w->f);
	http_journal_ended(x->c, &x->mutation, x->request, &x->result, &w->f);
	code = http_exchange_code(x);
	return code == DAVIT_OK ? give(x, ret_head, ret_body, &w->f)
	                        : http_refuse(x->c, code, &w->f);
}

static int32_t DAVIT_CALL http_perform(davit_call call, uint32_t flags, davit_buf request,
	davit_blob body, davit_buf *ret_head, davit_blob *ret_body)
{
	struct call *c = call_current(call);
	struct net *n = c != NULL && ret_head != NULL ? http_net(c) : NULL;
	struct work *w;
	int32_t code;

	if (n == NULL)
		return c != NULL && ret_head != NULL ? DAVIT_UNSUPPORTED : DAVIT_INVALID;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return http_no_memory(c);
	w->x.c = c;
	code = read_request(&w->x, request, flags, body, &w->f);
	if (code == DAVIT_OK)
		code = perform(w, n, ret_head, ret_body);
	http_exchange_finish(&w->x);
	free(w);
	return code;
}

const davit_host_http_1 service_http = {
	.size = sizeof(davit_host_http_1),
	.perform = http_perform,
	.perform_many = http_perform_many,
};

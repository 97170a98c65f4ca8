/* Several requests to other machines at once. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "net/net.h"
#include "provider/call.h"
#include "provider/http_answer.h"
#include "provider/http_exchange.h"
#include "provider/http_request.h"
#include "provider/services.h"
#include "secret/redact.h"

#define MANY_MAX        CALL_JOURNAL_AT_ONCE
#define MANY_ANSWER_MAX ((size_t)1024 * 1024) /* bytes of each: they become one text */

struct batch {
	struct call *c;
	size_t count;
	struct http_exchange xs[MANY_MAX];
	struct mutation mutations[MANY_MAX]; /* of those */
	size_t sent;                         /* how many are sent, and which */
	size_t places[MANY_MAX];
	struct net_request requests[MANY_MAX];
	struct net_result results[MANY_MAX];
	struct fail fails[MANY_MAX];
};

static int32_t read_one(struct batch *b, size_t i, const json_t *v, uint32_t flags)
{
	struct http_exchange *x = &b->xs[i];
	struct fail f = {0};

	x->c = b->c;
	x->request = http_request_new(b->c, json_incref((json_t *)v), flags, 0, &f);
	if (x->request == NULL) {
		return http_refuse_request(b->c, &f);
	}
	x->request->net.answer_max = MANY_ANSWER_MAX;
	x->request->net.stream = false;
	b->count = i + 1;
	return DAVIT_OK;
}

static int32_t read_all(struct batch *b, const json_t *list, uint32_t flags)
{
	int32_t code = DAVIT_OK;
	const json_t *v;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > MANY_MAX)
		return service_refuse(
			b->c, DAVIT_INVALID, "the requests must be a list of at most %d", MANY_MAX);
	json_array_foreach(list, i, v)
	{
		code = code == DAVIT_OK ? read_one(b, i, v, flags) : code;
	}
	return code;
}

static json_t *describe_failure(int32_t code, const struct fail *f)
{
	char text[sizeof(f->text)];

	memcpy(text, f->text, sizeof(text));
	(void)redact_text(text, strlen(text), false);
	return json_pack("{s:i, s:s}", "code", (int)code, "error", text);
}

static json_t *describe_answer(json_t *head, const char *body, size_t n)
{
	if (head == NULL || json_object_set_new(head, "code", json_integer(DAVIT_OK)) != 0 ||
		json_object_set_new(head, "body", json_text_any(body, n)) != 0) {
		json_decref(head);
		return NULL;
	}
	return head;
}

static json_t *describe(struct http_exchange *x, const struct fail *why)
{
	int32_t code = http_exchange_code(x);
	struct fail f = {0};
	const char *body;
	size_t n;

	if (code != DAVIT_OK)
		return describe_failure(code, why);
	if (!http_exchange_keep(x, &f))
		return describe_failure(DAVIT_INTERNAL, &f);
	body = x->bytes;
	n = x->n;
	if (body == NULL)
		body = net_answer_bytes(x->result.answer, &n);
	return describe_answer(http_exchange_head(x), body, n);
}

static json_t *describe_again(const struct mutation *m)
{
	davit_buf body;
	json_t *head = http_journal_head(m, &body);

	return describe_answer(head, body.p, body.n);
}

/* Those that are not answered by an attempt before this one are sent; all of them, or none. */
static int32_t plan_all(struct batch *b)
{
	int32_t code = DAVIT_OK;

	for (size_t i = 0; i < b->count && code == DAVIT_OK; i++) {
		code = http_journal_plan(b->c, b->xs[i].request, &b->mutations[i]);
		if (b->mutations[i].before != NULL)
			continue;
		b->places[b->sent] = i;
		b->requests[b->sent++] = b->xs[i].request->net;
	}
	return code == DAVIT_OK ? call_journal_send(b->c, b->mutations, b->count) : code;
}

static void perform_all(struct batch *b, struct net *n)
{
	struct net_caller caller = http_caller(b->c);

	net_perform_many(n, &caller, b->requests, b->sent, b->results, b->fails);
	for (size_t i = 0; i < b->sent; i++) {
		struct http_exchange *x = &b->xs[b->places[i]];

		x->result = b->results[i];
		http_journal_ended(
			b->c, &b->mutations[b->places[i]], x->request, &x->result, &b->fails[i]);
	}
}

static int32_t give_all(struct batch *b, davit_buf *ret_json)
{
	json_t *list = json_array();
	size_t sent = 0;

	for (size_t i = 0; list != NULL && i < b->count; i++) {
		json_t *one = b->mutations[i].before != NULL
		                      ? describe_again(&b->mutations[i])
		                      : describe(&b->xs[i], &b->fails[sent++]);

		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return service_give_json(b->c, list, ret_json);
}

static void batch_free(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		call_journal_drop(&b->mutations[i]);
		http_exchange_finish(&b->xs[i]);
	}
	free(b);
}

int32_t DAVIT_CALL http_perform_many(
	davit_call call, uint32_t flags, davit_buf requests, davit_buf *ret_json)
{
	struct call *c = call_current(call);
	struct net *n = c != NULL && ret_json != NULL ? http_net(c) : NULL;
	struct fail f = {0};
	struct batch *b;
	json_t *list;
	int32_t code;

	if (n == NULL)
		return c != NULL && ret_json != NULL ? DAVIT_UNSUPPORTED : DAVIT_INVALID;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return http_no_memory(c);
	b->c = c;
	list = service_parse(requests, SERVICE_JSON_MAX, &f);
	code = list != NULL ? read_all(b, list, flags) : http_refuse_request(c, &f);
	json_decref(list);
	if (code == DAVIT_OK)
		code = plan_all(b);
	if (code == DAVIT_OK) {
		perform_all(b, n);
		code = call_stopped(c) == DAVIT_CANCELLED ? DAVIT_CANCELLED : give_all(b, ret_json);
	}
	batch_free(b);
	return code;
}

/* davit.host.http/1: requests to other machines, made of JSON and handles. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/killpoint.h"
#include "net/net.h"
#include "provider/call.h"
#include "provider/http_answer.h"
#include "provider/http_journal.h"
#include "provider/http_request.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "secret/redact.h"

#define MANY_MAX        64
#define MANY_ANSWER_MAX ((size_t)1024 * 1024) /* bytes of each: they become one text */

/* Why, as the user may read it: the host knows best, unless the provider gave a reason before. */
static int32_t refuse(struct call *c, int32_t code, const struct fail *f)
{
	if (c->fail_code != DAVIT_OK && !c->told_http)
		return code;
	c->fail_code = code;
	call_keep_reason(&c->fail, f);
	c->told_http = true;
	return code;
}

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

/* The pointer is one of the provider's own request, not of the caller's. */
static int32_t refuse_request(struct call *c, struct fail *f)
{
	if (f->field[0] != '\0')
		(void)fail_wrap(f, "%s", f->field);
	f->field[0] = '\0';
	(void)fail_wrap(f, "a request to another machine");
	return refuse(c, DAVIT_INVALID, f);
}

static int32_t out_of_memory(struct call *c)
{
	return service_refuse(c, DAVIT_INTERNAL, "out of memory");
}

static struct net *net_of(struct call *c)
{
	struct net *n = c->provider->all->host.net;

	if (n == NULL)
		(void)service_refuse(c, DAVIT_UNSUPPORTED, "this host has no way to the network");
	return n;
}

/* --- one --- */

struct exchange_of { /* one request and what came of it */
	struct call *c;
	struct http_request *request;
	struct mutation mutation; /* of one that is alone */
	struct net_result result;
	json_t *kept;
	char *bytes; /* of the body where texts were kept; else NULL */
	size_t n;
};

/* What changes nothing may be asked again by whoever has more time. */
static int32_t code_of(const struct exchange_of *x)
{
	static const int32_t codes[] = {
		[NET_ANSWERED] = DAVIT_OK,
		[NET_UNSENT] = DAVIT_RETRY,
		[NET_UNCLEAR] = DAVIT_INTERNAL,
		[NET_LATE] = DAVIT_DEADLINE,
		[NET_THROTTLED] = DAVIT_THROTTLED,
		[NET_REFUSED] = DAVIT_PERMANENT,
		[NET_CANCELLED] = DAVIT_CANCELLED,
		[NET_INVALID] = DAVIT_INVALID,
	};

	if (x->result.end == NET_UNCLEAR && !x->request->net.mutates)
		return DAVIT_RETRY;
	return codes[x->result.end];
}

static json_t *head_of(const struct exchange_of *x)
{
	json_t *head = json_pack("{s:i, s:o*, s:i}", "status", net_answer_status(x->result.answer),
		"headers", http_answer_headers(net_answer_head(x->result.answer)), "attempts",
		(int)x->result.attempts);

	if (head != NULL && x->result.unclear)
		(void)json_object_set_new(head, "unclear", json_true());
	if (head != NULL && x->kept != NULL)
		(void)json_object_set(head, "kept", x->kept);
	return head;
}

/* Makes secrets of what the request names. */
static bool keep(struct exchange_of *x, struct fail *f)
{
	const char *body;
	size_t n;

	if (x->request->keep == NULL)
		return true;
	body = net_answer_bytes(x->result.answer, &n);
	return http_answer_keep(&x->c->secrets, x->request->keep,
		net_answer_status(x->result.answer), body, n, &x->kept, &x->bytes, &x->n, f);
}

static void finish(struct exchange_of *x)
{
	call_journal_drop(&x->mutation);
	net_answer_close(x->result.answer);
	http_request_free(x->request);
	json_decref(x->kept);
	free(x->bytes);
}

/* Hands request, answer and bytes to a blob. */
static int32_t give_body(struct exchange_of *x, davit_blob *ret_body)
{
	struct call_blob b = {.kind = CALL_BLOB_ANSWER, .fd = -1};

	b.answer = http_answer_new(x->c, x->request, x->result.answer, x->bytes, x->n);
	x->request = NULL;
	x->result.answer = NULL;
	x->bytes = NULL;
	return b.answer != NULL ? service_give_blob(x->c, &b, ret_body) : out_of_memory(x->c);
}

static int32_t give(
	struct exchange_of *x, davit_buf *ret_head, davit_blob *ret_body, struct fail *f)
{
	int32_t code;

	take_back(x->c);
	if (!keep(x, f))
		return refuse(x->c, DAVIT_INTERNAL, f);
	code = service_give_json(x->c, head_of(x), ret_head);
	return code == DAVIT_OK && ret_body != NULL ? give_body(x, ret_body) : code;
}

static int32_t read_request(
	struct exchange_of *x, davit_buf text, uint32_t flags, davit_blob body, struct fail *f)
{
	json_t *v = service_parse(text, SERVICE_JSON_MAX, f);

	if (v == NULL) {
		(void)fail_wrap(f, "it is no JSON");
		return refuse_request(x->c, f);
	}
	x->request = http_request_new(x->c, v, flags, body, f);
	return x->request != NULL ? DAVIT_OK : refuse_request(x->c, f);
}

/* Not on the stack of a thread that may wait for long, and thousands with it. */
struct work {
	struct exchange_of x;
	struct net_caller caller;
	struct fail f;
};

/* The answer that an attempt before this one got. */
static int32_t give_again(struct exchange_of *x, davit_buf *ret_head, davit_blob *ret_body)
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

static int32_t send_noted(struct exchange_of *x)
{
	KILLPOINT("http_before_journal", "%s %s", x->request->net.method, x->request->operation);
	return call_journal_send(x->c, &x->mutation, 1);
}

static int32_t perform(struct work *w, struct net *n, davit_buf *ret_head, davit_blob *ret_body)
{
	struct exchange_of *x = &w->x;
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
	code = code_of(x);
	return code == DAVIT_OK ? give(x, ret_head, ret_body, &w->f) : refuse(x->c, code, &w->f);
}

static int32_t DAVIT_CALL http_perform(davit_call call, uint32_t flags, davit_buf request,
	davit_blob body, davit_buf *ret_head, davit_blob *ret_body)
{
	struct call *c = call_current(call);
	struct net *n = c != NULL && ret_head != NULL ? net_of(c) : NULL;
	struct work *w;
	int32_t code;

	if (n == NULL)
		return c != NULL && ret_head != NULL ? DAVIT_UNSUPPORTED : DAVIT_INVALID;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return out_of_memory(c);
	w->x.c = c;
	code = read_request(&w->x, request, flags, body, &w->f);
	if (code == DAVIT_OK)
		code = perform(w, n, ret_head, ret_body);
	finish(&w->x);
	free(w);
	return code;
}

/* --- several --- */

struct batch {
	struct call *c;
	size_t count;
	struct exchange_of xs[MANY_MAX];
	struct mutation mutations[MANY_MAX]; /* of those */
	size_t sent;                         /* how many are sent, and which */
	size_t places[MANY_MAX];
	struct net_request requests[MANY_MAX];
	struct net_result results[MANY_MAX];
	struct fail fails[MANY_MAX];
};

static int32_t read_one(struct batch *b, size_t i, const json_t *v, uint32_t flags)
{
	struct exchange_of *x = &b->xs[i];
	struct fail f = {0};

	x->c = b->c;
	x->request = http_request_new(b->c, json_incref((json_t *)v), flags, 0, &f);
	if (x->request == NULL) {
		return refuse_request(b->c, &f);
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

static json_t *describe(struct exchange_of *x, const struct fail *why)
{
	int32_t code = code_of(x);
	struct fail f = {0};
	const char *body;
	size_t n;

	if (code != DAVIT_OK)
		return describe_failure(code, why);
	if (!keep(x, &f))
		return describe_failure(DAVIT_INTERNAL, &f);
	body = x->bytes;
	n = x->n;
	if (body == NULL)
		body = net_answer_bytes(x->result.answer, &n);
	return describe_answer(head_of(x), body, n);
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
		struct exchange_of *x = &b->xs[b->places[i]];

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
		finish(&b->xs[i]);
	}
	free(b);
}

static int32_t DAVIT_CALL http_perform_many(
	davit_call call, uint32_t flags, davit_buf requests, davit_buf *ret_json)
{
	struct call *c = call_current(call);
	struct net *n = c != NULL && ret_json != NULL ? net_of(c) : NULL;
	struct fail f = {0};
	struct batch *b;
	json_t *list;
	int32_t code;

	if (n == NULL)
		return c != NULL && ret_json != NULL ? DAVIT_UNSUPPORTED : DAVIT_INVALID;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return out_of_memory(c);
	b->c = c;
	list = service_parse(requests, SERVICE_JSON_MAX, &f);
	code = list != NULL ? read_all(b, list, flags) : refuse_request(c, &f);
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

const davit_host_http_1 service_http = {
	.size = sizeof(davit_host_http_1),
	.perform = http_perform,
	.perform_many = http_perform_many,
};

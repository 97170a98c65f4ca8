/* http_exchange - see http_exchange.h. */
#include "provider/http_exchange.h"

#include <stdlib.h>

#include "base/fail.h"
#include "provider/call.h"
#include "provider/http_answer.h"
#include "provider/http_request.h"
#include "provider/internal.h"
#include "provider/services.h"

/* Why, as the user may read it: the host knows best, unless the provider gave a reason before. */
int32_t http_refuse(struct call *c, int32_t code, const struct fail *f)
{
	if (c->fail_code != DAVIT_OK && !c->told_http)
		return code;
	c->fail_code = code;
	call_keep_reason(&c->fail, f);
	c->told_http = true;
	return code;
}

/* The pointer is one of the provider's own request, not of the caller's. */
int32_t http_refuse_request(struct call *c, struct fail *f)
{
	if (f->field[0] != '\0')
		(void)fail_wrap(f, "%s", f->field);
	f->field[0] = '\0';
	(void)fail_wrap(f, "a request to another machine");
	return http_refuse(c, DAVIT_INVALID, f);
}

int32_t http_no_memory(struct call *c)
{
	return service_refuse(c, DAVIT_INTERNAL, "out of memory");
}

struct net *http_net(struct call *c)
{
	struct net *n = c->provider->all->host.net;

	if (n == NULL)
		(void)service_refuse(c, DAVIT_UNSUPPORTED, "this host has no way to the network");
	return n;
}

/* What changes nothing may be asked again by whoever has more time. */
int32_t http_exchange_code(const struct http_exchange *x)
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

json_t *http_exchange_head(const struct http_exchange *x)
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

bool http_exchange_keep(struct http_exchange *x, struct fail *f)
{
	const char *body;
	size_t n;

	if (x->request->keep == NULL)
		return true;
	body = net_answer_bytes(x->result.answer, &n);
	return http_answer_keep(&x->c->secrets, x->request->keep,
		net_answer_status(x->result.answer), body, n, &x->kept, &x->bytes, &x->n, f);
}

void http_exchange_finish(struct http_exchange *x)
{
	call_journal_drop(&x->mutation);
	net_answer_close(x->result.answer);
	http_request_free(x->request);
	json_decref(x->kept);
	free(x->bytes);
}

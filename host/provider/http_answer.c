/* Answers of other machines: nothing in them is trusted. */
#include "provider/http_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "net/net.h"
#include "provider/call.h"
#include "provider/codes.h"
#include "provider/http_request.h"
#include "secret/crypto.h"
#include "secret/member.h"

struct http_answer {
	struct call *call;
	struct http_request *request;
	struct net_answer *net;
	char *bytes; /* NULL: net's */
	size_t n;
};

/* --- the head --- */

static bool add_header(json_t *headers, const char *name, const char *value)
{
	const json_t *before = json_object_get(headers, name);
	json_t *text;

	if (before == NULL)
		return json_object_set_new(headers, name, json_text_any(value, strlen(value))) == 0;
	text = json_sprintf("%s, %s", json_string_value(before), value);
	return text == NULL || /* it is not UTF-8 */
	       json_object_set_new(headers, name, text) == 0;
}

/* Letters, digits and marks of ASCII; what calls itself otherwise is left out. */
static bool is_name(const char *name)
{
	for (const char *c = name; *c != '\0'; c++) {
		if (*c <= ' ' || *c >= 0x7f)
			return false;
	}
	return true;
}

json_t *http_answer_headers(const struct head *h)
{
	json_t *headers = json_object();
	const char *name, *value;
	size_t at = 0;

	while (headers != NULL && head_next(h, &at, &name, &value)) {
		if (is_name(name) && !add_header(headers, name, value)) {
			json_decref(headers);
			return NULL;
		}
	}
	return headers;
}

/* --- texts that become secrets --- */

/* jansson has no function for it, and frees the text as it is. */
static void cleanse_text(const json_t *text)
{
	crypto_cleanse((void *)json_string_value(text), json_string_length(text));
}

static bool keep_one(struct call_secrets *secrets, const json_t *text, const char *word,
	json_t *kept, struct fail *f)
{
	davit_secret handle;

	if (json_string_length(text) == 0)
		return true;
	handle = call_secrets_add(secrets, json_string_value(text), json_string_length(text));
	if (handle == 0)
		return fail_set(f, FAIL_TOO_LARGE, "this call has too many secrets");
	return json_object_set_new(kept, word, json_integer((json_int_t)handle)) == 0 ||
	       fail_set(f, FAIL_INTERNAL, "out of memory");
}

static bool hide_one(json_t *text, struct fail *f)
{
	if (!json_is_string(text))
		return true;
	cleanse_text(text);
	return json_string_set(text, "***") == 0 || fail_set(f, FAIL_INTERNAL, "out of memory");
}

/* All are taken before any is hidden: two words may name one text. */
static bool keep_all(
	struct call_secrets *secrets, const json_t *keep, json_t *all, json_t *kept, struct fail *f)
{
	const char *word;
	const json_t *pointer;

	json_object_foreach((json_t *)keep, word, pointer)
	{
		if (!keep_one(secrets, json_at(all, json_string_value(pointer)), word, kept, f))
			return false;
	}
	json_object_foreach((json_t *)keep, word, pointer)
	{
		if (!hide_one(json_at(all, json_string_value(pointer)), f))
			return false;
	}
	return true;
}

/* --- the same of an answer that is any text --- */

#define KEPT_MAX HTTP_KEEP_MAX

struct span {
	size_t from, to;
};

/* What stands behind after and before before; false: nothing. */
static bool find_span(const json_t *marks, const char *body, size_t n, struct span *ret_span)
{
	const json_t *after = json_object_get(marks, "after");
	const json_t *before = json_object_get(marks, "before");
	const char *from = body, *to = body + n;

	if (json_string_length(after) > 0) {
		from = memmem(body, n, json_string_value(after), json_string_length(after));
		if (from == NULL)
			return false;
		from += json_string_length(after);
	}
	if (json_string_length(before) > 0)
		to = memmem(from, (size_t)(body + n - from), json_string_value(before),
			json_string_length(before));
	if (to == NULL || to == from)
		return false;
	*ret_span = (struct span){(size_t)(from - body), (size_t)(to - body)};
	return true;
}

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* The body with "***" in place of what is kept; two words may name the same. */
static char *without_spans(
	struct span *spans, size_t count, const char *body, size_t n, size_t *ret_n)
{
	struct buf out;
	size_t at = 0;

	qsort(spans, count, sizeof(*spans), compare_spans);
	buf_init(&out, n + 3 * count + 1);
	for (size_t i = 0; i < count; i++) {
		if (spans[i].from >= at) {
			buf_add(&out, body + at, spans[i].from - at);
			buf_text(&out, "***");
		}
		if (spans[i].to > at)
			at = spans[i].to;
	}
	buf_add(&out, body + at, n - at);
	return buf_take(&out, ret_n);
}

static bool keep_span(struct call_secrets *secrets, const char *word, const char *text, size_t n,
	json_t *kept, struct fail *f)
{
	davit_secret handle = call_secrets_add(secrets, text, n);

	if (handle == 0)
		return fail_set(f, FAIL_TOO_LARGE, "this call has too many secrets");
	return json_object_set_new(kept, word, json_integer((json_int_t)handle)) == 0 ||
	       fail_set(f, FAIL_INTERNAL, "out of memory");
}

/* *ret_body NULL: nothing of it was found. */
static bool keep_spans(struct call_secrets *secrets, const json_t *keep, const char *body, size_t n,
	json_t *kept, char **ret_body, size_t *ret_n, struct fail *f)
{
	struct span spans[KEPT_MAX];
	size_t count = 0;
	const char *word;
	const json_t *marks;

	*ret_body = NULL;
	json_object_foreach((json_t *)keep, word, marks)
	{
		if (count == KEPT_MAX || !find_span(marks, body, n, &spans[count]))
			continue;
		if (!keep_span(secrets, word, body + spans[count].from,
			    spans[count].to - spans[count].from, kept, f))
			return false;
		count++;
	}
	if (count == 0)
		return true;
	*ret_body = without_spans(spans, count, body, n, ret_n);
	return *ret_body != NULL || fail_set(f, FAIL_INTERNAL, "out of memory");
}

static bool is_text_of(const json_t *keep)
{
	return json_is_object(json_object_iter_value(json_object_iter((json_t *)keep)));
}

static bool is_success(int status)
{
	return status >= 200 && status < 300;
}

/* What cannot be read cannot be hidden in parts. */
static char *unread(int status, const char *body, size_t n, size_t *ret_n)
{
	char *copy;

	if (is_success(status))
		n = 0;
	copy = malloc(n + 1);
	if (copy != NULL && n > 0)
		memcpy(copy, body, n);
	*ret_n = n;
	return copy;
}

/* By pointers into JSON; *ret_body NULL: it is none. */
static bool keep_texts(struct call_secrets *secrets, const json_t *keep, const char *body, size_t n,
	json_t *kept, char **ret_body, size_t *ret_n, struct fail *f)
{
	json_t *all = member_parse(body, n);
	bool ok = true;

	*ret_body = NULL;
	if (all != NULL) {
		ok = keep_all(secrets, keep, all, kept, f);
		*ret_body = ok ? json_compact(all, ret_n) : NULL;
		ok = *ret_body != NULL || (ok && fail_set(f, FAIL_INTERNAL, "out of memory"));
	}
	member_free(all);
	return ok;
}

bool http_answer_keep(struct call_secrets *secrets, const json_t *keep, int status,
	const char *body, size_t n, json_t **ret_kept, char **ret_body, size_t *ret_n,
	struct fail *f)
{
	json_t *kept = json_object();
	char *shown = NULL;
	bool ok = kept != NULL || fail_set(f, FAIL_INTERNAL, "out of memory");

	if (ok && !is_text_of(keep))
		ok = keep_texts(secrets, keep, body, n, kept, &shown, ret_n, f);
	else if (ok && is_success(status) && n > 0)
		ok = keep_spans(secrets, keep, body, n, kept, &shown, ret_n, f);
	if (ok && shown == NULL) {
		shown = unread(status, body, n, ret_n);
		ok = shown != NULL || fail_set(f, FAIL_INTERNAL, "out of memory");
	}
	if (!ok) {
		json_decref(kept);
		return false;
	}
	*ret_kept = kept;
	*ret_body = shown;
	return true;
}

/* --- behind a blob --- */

struct http_answer *http_answer_new(
	struct call *c, struct http_request *request, struct net_answer *net, char *bytes, size_t n)
{
	struct http_answer *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		net_answer_close(net);
		http_request_free(request);
		free(bytes);
		return NULL;
	}
	*a = (struct http_answer){c, request, net, bytes, n};
	return a;
}

bool http_answer_bytes(const struct http_answer *a, const char **ret_bytes, size_t *ret_n)
{
	if (net_answer_is_stream(a->net))
		return false;
	if (a->bytes != NULL) {
		*ret_bytes = a->bytes;
		*ret_n = a->n;
	} else {
		*ret_bytes = net_answer_bytes(a->net, ret_n);
	}
	return true;
}

int32_t http_answer_read(struct http_answer *a, uint64_t *position, uint64_t offset, void *bytes,
	size_t cap, size_t *ret_n, struct fail *f)
{
	struct net_caller caller = http_caller(a->call);
	int32_t stopped;

	if (offset != *position) {
		(void)fail_set(f, FAIL_INVALID, "a stream is read once and in order");
		return DAVIT_INVALID;
	}
	if (net_answer_read(a->net, &caller, bytes, cap, ret_n, f)) {
		*position += *ret_n;
		return DAVIT_OK;
	}
	stopped = call_stopped(a->call);
	return stopped != DAVIT_OK ? stopped : codes_of_fail(f->code);
}

bool http_answer_whole(const struct http_answer *a, size_t max)
{
	const char *bytes;
	size_t n;

	if (http_answer_bytes(a, &bytes, &n))
		return n <= max;
	return net_answer_whole(a->net, max);
}

void http_answer_close(struct http_answer *a)
{
	if (a == NULL)
		return;
	net_answer_close(a->net); /* it may still send the request */
	http_request_free(a->request);
	free(a->bytes);
	free(a);
}

/* --- waiting --- */

/* As call_stopped() finds out, but for how often it asks. */
static bool reader_gone(void *ctx)
{
	struct call *c = ctx;

	if (c->sink->gone(c->sink->ctx))
		c->answer.reader_gone = true;
	return c->answer.reader_gone;
}

struct net_caller http_caller(struct call *c)
{
	return (struct net_caller){
		.lock = &c->lock,
		.wake = &c->wake,
		.cancelled = &c->cancelled,
		.gone = c->sink != NULL && c->sink->gone != NULL ? reader_gone : NULL,
		.ctx = c,
		.deadline_ms = c->deadline,
	};
}

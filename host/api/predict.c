/*
 * predict - bytes to a deployed model and its answer back.
 *
 * Clients of the platform get the model's JSON inside a JSON string. Whoever asks for it
 * (Prefer: davit-native-json, or native=true) gets the model's own bytes as they come; so does
 * who accepts server-sent events, where the model answers with them. A client that goes away
 * ends the request at the model.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/operations.h"
#include "api/service.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "http/exchange.h"
#include "provider/provider.h"

#define ANSWER_MAX ((size_t)64 << 20) /* of an answer that becomes a JSON string */
#define ERROR_MAX  2000               /* bytes shown of a model's error */
#define MODEL_MAX  ((size_t)2048)     /* bytes of the header that names the model */

struct prediction {
	struct service *s;
	struct call_sink sink;
	struct buf answer;
	int status;
	bool native;    /* the caller asked for the model's bytes */
	bool events;    /* the caller takes server-sent events */
	bool streaming; /* the answer has begun */
	char *type;     /* of an answer in one piece that is given as it is; else NULL */
};

static void prediction_free(struct prediction *p)
{
	if (p == NULL)
		return;
	buf_finish(&p->answer);
	free(p->type);
	service_free(p->s);
	free(p);
}

/* --- while the model answers --- */

/* A name may hold any character; a header line may not. */
static void take_model(void *ctx, const char *model)
{
	static const char digits[] = "0123456789ABCDEF";
	struct prediction *p = ctx;
	struct buf text;

	buf_init(&text, MODEL_MAX);
	for (const unsigned char *c = (const unsigned char *)model; *c != '\0'; c++) {
		const char escaped[] = {'%', digits[*c >> 4], digits[*c & 15]};

		if (*c > ' ' && *c < 0x7f && *c != '%')
			buf_add(&text, c, 1);
		else
			buf_add(&text, escaped, sizeof(escaped));
	}
	if (!text.failed && text.n > 0)
		exchange_set_header(p->s->x, "Davit-Model", text.p);
	buf_finish(&text);
}

static bool is_events(const char *content_type)
{
	static const char type[] = "text/event-stream";
	size_t n = sizeof(type) - 1;

	return strncasecmp(content_type, type, n) == 0 && strchr(" \t;", content_type[n]) != NULL;
}

/* Does the caller get the model's own bytes? */
static bool as_it_is(const struct prediction *p, const char *content_type)
{
	return p->status < 400 && (p->native || (p->events && is_events(content_type)));
}

static bool take_head(void *ctx, int status, const char *content_type)
{
	struct prediction *p = ctx;

	p->status = status;
	if (as_it_is(p, content_type)) {
		p->streaming = true;
		exchange_stream_begin(p->s->x, status, content_type);
	}
	return true;
}

static bool reader_gone(void *ctx)
{
	struct prediction *p = ctx;

	return exchange_gone(p->s->x);
}

static bool take_bytes(void *ctx, const void *bytes, size_t n)
{
	struct prediction *p = ctx;

	if (p->streaming)
		return exchange_stream_bytes(p->s->x, bytes, n);
	buf_add(&p->answer, bytes, n);
	return !p->answer.failed;
}

static bool take_whole(void *ctx, int status, const char *content_type, const void *bytes, size_t n)
{
	struct prediction *p = ctx;

	p->status = status;
	buf_add(&p->answer, bytes, n);
	if (as_it_is(p, content_type)) {
		p->type = strdup(content_type);
		p->answer.failed |= p->type == NULL;
	}
	return true;
}

/* --- the end --- */

static void answer_error(struct prediction *p)
{
	size_t n = p->answer.n < ERROR_MAX ? p->answer.n : ERROR_MAX;
	json_t *text = n > 0 ? json_text_any(p->answer.p, n) : NULL;
	char none[64];

	(void)snprintf(none, sizeof(none), "the model answered with status %d", p->status);
	exchange_fail_text(p->s->x, p->status, text != NULL ? json_string_value(text) : none);
	json_decref(text);
}

/* An answer given as JSON and not as bytes. */
static void answer_reply(struct prediction *p, const json_t *reply)
{
	char *text;
	size_t n;

	if (p->native) {
		exchange_reply_json(p->s->x, 200, json_deep_copy(reply));
		return;
	}
	text = json_compact(reply, &n);
	exchange_reply_json(p->s->x, 200, text != NULL ? json_stringn(text, n) : NULL);
	free(text);
}

/* Its bytes in one piece, with their length. */
static void answer_whole(struct prediction *p)
{
	size_t n = 0;
	char *bytes = buf_take(&p->answer, &n);

	exchange_reply_text(p->s->x, p->status, p->type, bytes, n);
}

static void predicted(struct call_result *result, void *ctx)
{
	struct prediction *p = ctx;
	const char *bytes = p->answer.p != NULL ? p->answer.p : "";

	if (p->streaming)
		exchange_stream_end(p->s->x, result->code == DAVIT_OK);
	else if (p->answer.failed)
		exchange_fail_text(p->s->x, 502,
			"the model's answer is too long for a JSON string; ask with native=true");
	else if (result->code != DAVIT_OK)
		answer_fail(p->s->x, &result->fail);
	else if (p->type != NULL)
		answer_whole(p);
	else if (p->status >= 400)
		answer_error(p);
	else if (result->reply != NULL)
		answer_reply(p, result->reply);
	else
		exchange_reply_json(p->s->x, 200, json_text_any(bytes, p->answer.n));
	prediction_free(p);
}

/* --- the question --- */

/* Is the word one of a list with commas? */
static bool lists_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (list != NULL && *list != '\0') {
		list += strspn(list, " \t,");
		if (strncasecmp(list, word, n) == 0 && strchr(" \t,;", list[n]) != NULL)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static bool wants_native(const struct exchange *x)
{
	const char *native = exchange_query(x, "native");

	return (native != NULL && strcasecmp(native, "true") == 0) ||
	       lists_word(exchange_header(x, "Prefer"), "davit-native-json");
}

static const char *header_or(const struct exchange *x, const char *name, const char *otherwise)
{
	const char *value = exchange_header(x, name);

	return value != NULL ? value : otherwise;
}

static struct prediction *prediction_new(struct service *s)
{
	struct prediction *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->s = s;
	p->status = 200;
	p->native = wants_native(s->x);
	p->events = lists_word(exchange_header(s->x, "Accept"), "text/event-stream");
	p->sink = (struct call_sink){.head = take_head,
		.bytes = take_bytes,
		.ctx = p,
		.model = take_model,
		.gone = reader_gone,
		.whole = take_whole};
	buf_init(&p->answer, ANSWER_MAX);
	return p;
}

static bool ask(struct prediction *p, struct fail *f)
{
	struct service *s = p->s;
	struct call_spec spec = {
		.provider = s->target.provider,
		.interface = s->op->interface,
		.slot = s->op->slot,
		.connection = connection_name(s->target.connection),
		.wait_ms = CALL_WAIT_MS,
		.sink = &p->sink,
		.done = predicted,
		.ctx = p,
	};

	spec.request = service_request(
		s, json_pack("{s:s, s:s, s:b}", "content_type",
			   header_or(s->x, "Content-Type", "application/json"), "accept",
			   header_or(s->x, "Accept", "*/*"), "native", (int)p->native));
	if (spec.request == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	/* What is in memory stays there until the exchange is answered, by done at the earliest. */
	spec.body = exchange_body_memory(s->x);
	spec.body_bytes = (size_t)exchange_body_bytes(s->x);
	spec.body_fd = spec.body == NULL ? exchange_body_fd(s->x) : -1;
	if (spec.body == NULL && spec.body_fd < 0) {
		json_decref(spec.request);
		return fail_set(f, FAIL_INTERNAL, "the body cannot be read");
	}
	return call_start(&spec, NULL, f);
}

void service_predict(struct service *s)
{
	struct prediction *p;
	struct fail f = {0};

	if (!service_find_object(s, &f)) {
		service_fail(s, &f);
		return;
	}
	p = prediction_new(s);
	if (p == NULL) {
		service_memory(s);
		return;
	}
	if (!ask(p, &f)) {
		answer_fail(s->x, &f);
		prediction_free(p);
	}
}

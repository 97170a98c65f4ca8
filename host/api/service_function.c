/*
 * service_function - POST function/execute: code that a caller sends, run while it waits. The
 * names of the members are those its clients send.
 */
#include <stdlib.h>

#include <davit/abi.h>

#include "api/operations.h"
#include "api/service.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "http/exchange.h"
#include "provider/provider.h"

/* clang-format off */
static const char schema_text[] =
	"{\"type\": \"object\", \"required\": [\"Script\"], \"additionalProperties\": false,"
	" \"properties\": {"
	"  \"Script\": {\"type\": \"string\", \"minLength\": 1},"
	"  \"Imports\": {\"$ref\": \"#/$defs/keys\"},"
	"  \"Requirements\": {\"$ref\": \"#/$defs/keys\"},"
	"  \"ConnectionDetails\": {},"
	"  \"Body\": {}},"
	" \"$defs\": {\"keys\": {\"type\": [\"array\", \"null\"],"
	"  \"items\": {\"type\": \"object\", \"required\": [\"key\"],"
	"   \"additionalProperties\": false,"
	"   \"properties\": {\"key\": {\"type\": \"string\"}}}}}}";
/* clang-format on */

static bool check_body(const json_t *body, struct fail *f)
{
	json_t *schema = json_parse(schema_text, sizeof(schema_text) - 1, f);
	bool good = schema != NULL && schema_check(schema, body, f);

	json_decref(schema);
	return good;
}

/* The texts of [{"key": text}]; absent: none. NULL: out of memory. */
static json_t *keys_of(const json_t *body, const char *member)
{
	const json_t *written = json_object_get(body, member);
	json_t *keys = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach(written, i, item)
	{
		if (json_array_append(keys, json_object_get(item, "key")) == 0)
			continue;
		json_decref(keys);
		return NULL;
	}
	return keys;
}

/* The slot's request from the names clients send. */
static json_t *function_request(const struct service *s, const json_t *body, struct fail *f)
{
	json_t *more;

	if (!check_body(body, f))
		return NULL;
	more = json_pack("{s:o, s:o, s:O, s:O*, s:O*}", "imports", keys_of(body, "Imports"),
		"requirements", keys_of(body, "Requirements"), "script",
		json_object_get(body, "Script"), "connection_details",
		json_object_get(body, "ConnectionDetails"), "body", json_object_get(body, "Body"));
	more = service_request(s, more);
	if (more == NULL)
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	return more;
}

/* What a function gave, as a text: one as it is, anything else as JSON. NULL: out of memory. */
static json_t *output_text(const json_t *reply)
{
	json_t *output = json_object_get(reply, "output");
	json_t *content;
	char *text;
	size_t n;

	if (output == NULL || json_is_string(output))
		return output == NULL ? json_string("") : json_incref(output);
	text = json_compact(output, &n);
	content = text != NULL ? json_stringn(text, n) : NULL;
	free(text);
	return content;
}

/* A function under way. A caller that goes away ends it. */
struct execution {
	struct service *s;
	struct call_sink sink;
};

static bool caller_gone(void *ctx)
{
	const struct execution *e = ctx;

	return exchange_gone(e->s->x);
}

static void executed(struct call_result *result, void *ctx)
{
	struct execution *e = ctx;
	struct service *s = e->s;

	free(e);
	if (result->code != DAVIT_OK) {
		service_fail(s, &result->fail);
		return;
	}
	exchange_reply_json(
		s->x, 200, json_pack("{s:{s:o}}", "logs", "content", output_text(result->reply)));
	service_free(s);
}

/* Takes request over; owns s. */
static void execute(struct service *s, json_t *request)
{
	struct execution *e = malloc(sizeof(*e));
	struct call_spec spec = {
		.provider = s->target.provider,
		.interface = s->op->interface,
		.slot = s->op->slot,
		.request = request,
		.connection = connection_name(s->target.connection),
		.function_lane = true,
		.body_fd = -1,
		.done = executed,
		.ctx = e,
	};
	struct fail f = {0};

	if (e == NULL) {
		json_decref(request);
		service_memory(s);
		return;
	}
	*e = (struct execution){.s = s, .sink = {.ctx = e, .gone = caller_gone}};
	spec.sink = &e->sink;
	if (!call_start(&spec, NULL, &f)) {
		free(e);
		service_fail(s, &f);
	}
}

static void run_function(struct service *s)
{
	struct fail f = {0};
	const json_t *body = exchange_body_json(s->x, &f);
	json_t *request = body != NULL ? function_request(s, body, &f) : NULL;

	if (request == NULL)
		service_fail(s, &f);
	else
		execute(s, request);
}

/* A body may be large, and parsing it is no work for a front thread. */
void service_function(struct service *s)
{
	service_later(s, run_function);
}

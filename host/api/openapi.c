/*
 * openapi - GET /swagger.json: the route table as an OpenAPI 3.0 document. What the daemon's own
 * bodies and answers look like stands in openapi_facts.json; the bodies of providers are those of
 * their manifests.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/openapi.h"
#include "api/openapi_facts.h"
#include "api/openapi_schema.h"
#include "api/operations.h"
#include "base/attr.h"
#include "base/json.h"
#include "http/exchange.h"

static const struct {
	const char *schema; /* its name in the document */
	const char *text;   /* for people */
} forms[] = {
	[ERROR_TEXT] = {"ErrorText", "Failed: a JSON string says why."},
	[ERROR_SHORT] = {"ErrorShort", "Failed: \"error\" says why."},
	[ERROR_OBJECT] = {"ErrorObject",
		"Failed: \"error\" is an object with a code and a message."},
};

static json_t *schemas(void)
{
	return json_pack("{s:{s:s}, s:{s:s, s:{s:{s:s}}}, s:{s:s, s:{s:{s:s, s:{s:{s:s}, s:{s:s},"
			 " s:{s:s}}}}}}",
		"ErrorText", "type", "string", "ErrorShort", "type", "object", "properties",
		"error", "type", "string", "ErrorObject", "type", "object", "properties", "error",
		"type", "object", "properties", "code", "type", "string", "message", "type",
		"string", "request_id", "type", "string");
}

/* The hole of a pattern: "{id}" gives "id". false: it has none. */
static bool hole_of(const char *pattern, char *name, size_t size)
{
	const char *open = strchr(pattern, '{');
	const char *close = open != NULL ? strchr(open, '}') : NULL;

	if (close == NULL)
		return false;
	(void)snprintf(name, size, "%.*s", (int)(close - open - 1), open + 1);
	return true;
}

static json_t *parameter(const char *name, const char *in, bool required)
{
	return json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", in, "required",
		(int)required, "schema", "type", "string");
}

static json_t *key_parameter(void)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:{s:s, s:i, s:i, s:s}}", "name", IDEMPOTENCY_HEADER,
		"in", "header", "required", 0, "description",
		"Sent again with the same key, a request is answered and not done again.", "schema",
		"type", "string", "minLength", 1, "maxLength", IDEMPOTENCY_KEY_MAX, "pattern",
		"^[!-~]+$");
}

/* What a document is made from. */
struct source {
	const struct app *app; /* NULL: no providers */
	const struct route *routes;
	const json_t *operations; /* of openapi_facts.json */
	json_t *schemas;          /* of the document */
};

static const json_t *fact_of(const struct source *s, const struct route *route, const char *what)
{
	return json_object_get(json_object_get(s->operations, route->operation), what);
}

static json_t *parameters(const struct source *s, const struct route *route)
{
	static const char *const of_services[] = {"adapter_instance", "project", "isInstance"};
	const json_t *queries = fact_of(s, route, "query");
	const json_t *query;
	json_t *list = json_array();
	char name[64];
	size_t k;

	if (hole_of(route->pattern, name, sizeof(name)))
		(void)json_array_append_new(list, parameter(name, "path", true));
	if (route->flags & ROUTE_CREATES)
		(void)json_array_append_new(list, key_parameter());
	for (size_t i = 0; route->form == ERROR_TEXT && i < COUNT(of_services); i++)
		(void)json_array_append_new(list, parameter(of_services[i], "query", false));
	json_array_foreach(queries, k, query)(void)
		json_array_append_new(list, parameter(json_string_value(query), "query", false));
	return list;
}

/* A reference to a schema of the host's own; NULL: the operation has none of that sort. */
static json_t *own_schema(const struct source *s, const struct route *route, const char *what)
{
	const char *name = json_string_value(fact_of(s, route, what));
	char path[128];

	if (name == NULL)
		return NULL;
	(void)snprintf(path, sizeof(path), "#/components/schemas/%s", name);
	return json_pack("{s:s}", "$ref", path);
}

static bool takes_body(const struct route *route)
{
	return strcmp(route->method, "POST") == 0 || strcmp(route->operation, "venvs_delete") == 0;
}

static json_t *request_body(const struct source *s, const struct route *route)
{
	bool needed = !(route->flags & ROUTE_ANY_BODY);
	json_t *own = own_schema(s, route, "body");
	json_t *content = json_pack("{s:{s:o}}", "application/json", "schema",
		own != NULL ? own : openapi_body(s->app, route->slot, s->schemas));

	if (route->flags & ROUTE_UPLOAD)
		(void)json_object_set_new(content, "multipart/form-data",
			json_pack("{s:{s:s, s:{s:{s:s, s:s}, s:{s:s}}}}", "schema", "type",
				"object", "properties", "file", "type", "string", "format",
				"binary", "request", "type", "string"));
	return json_pack("{s:b, s:o}", "required", (int)needed, "content", content);
}

/* What a key can meet; NULL: the route takes none. */
static json_t *key_conflict(const struct route *route, const char *schema)
{
	if ((route->flags & ROUTE_CREATES) == 0)
		return NULL;
	return json_pack("{s:s, s:{s:{s:s, s:{s:s}}}, s:{s:{s:{s:s}}}}", "description",
		"In conflict with what is there; or the Idempotency-Key came with another request; "
		"or, with Retry-After, the request of that key is being worked on.",
		"headers", "Retry-After", "description", "Seconds.", "schema", "type", "integer",
		"content", "application/json", "schema", "$ref", schema);
}

static json_t *answers(const struct source *s, const struct route *route)
{
	int status = route->slot != NULL ? route->slot->success_status : 200;
	char reference[64], good[8];
	json_t *own, *content = NULL;

	(void)snprintf(
		reference, sizeof(reference), "#/components/schemas/%s", forms[route->form].schema);
	(void)snprintf(good, sizeof(good), "%d", status);
	own = own_schema(s, route, "answer");
	if (own != NULL)
		content = json_pack("{s:{s:o}}", "application/json", "schema", own);
	return json_pack("{s:{s:s, s:o*}, s:o*, s:{s:s, s:{s:{s:{s:s}}}}}", good, "description",
		"Done.", "content", content, "409", key_conflict(route, reference), "default",
		"description", forms[route->form].text, "content", "application/json", "schema",
		"$ref", reference);
}

/* Unique: the second spelling of an operation is operation_2. */
static void operation_id(const struct route *routes, size_t at, char *id, size_t size)
{
	size_t earlier = 0;

	for (size_t i = 0; i < at; i++)
		earlier += strcmp(routes[i].operation, routes[at].operation) == 0;
	if (earlier == 0)
		(void)snprintf(id, size, "%s", routes[at].operation);
	else
		(void)snprintf(id, size, "%s_%zu", routes[at].operation, earlier + 1);
}

static json_t *operation(const struct source *s, size_t at)
{
	const struct route *route = &s->routes[at];
	json_t *body = takes_body(route) ? request_body(s, route) : NULL;
	char id[128];

	operation_id(s->routes, at, id, sizeof(id));
	return json_pack("{s:s, s:s, s:s, s:o, s:o*, s:o}", "operationId", id, "summary",
		route->summary, "x-operation", route->operation, "parameters", parameters(s, route),
		"requestBody", body, "responses", answers(s, route));
}

static bool put_route(const struct source *s, json_t *paths, size_t at)
{
	const struct route *route = &s->routes[at];
	json_t *path = json_object_get(paths, route->pattern);
	char method[16];
	size_t n = 0;

	for (; n < sizeof(method) - 1 && route->method[n] != '\0'; n++)
		method[n] = (char)tolower((unsigned char)route->method[n]);
	method[n] = '\0';
	if (path == NULL) {
		path = json_object();
		if (json_object_set_new(paths, route->pattern, path) != 0)
			return false;
	}
	return json_object_set_new(path, method, operation(s, at)) == 0;
}

static json_t *document(json_t *paths, json_t *all)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o}}", "openapi", "3.0.3", "info",
		"title", "davitd", "version", DAVIT_VERSION, "description",
		"Runs machine learning on any cloud.", "paths", paths, "components", "schemas",
		all);
}

json_t *openapi_document(const struct app *app, const struct route *routes, size_t count)
{
	json_t *facts = json_parse((const char *)openapi_facts_text, openapi_facts_size, NULL);
	struct source s = {.app = app,
		.routes = routes,
		.operations = json_object_get(facts, "operations"),
		.schemas = schemas()};
	json_t *paths = json_object();
	bool ok = json_object_update(s.schemas, json_object_get(facts, "schemas")) == 0;

	for (size_t i = 0; ok && i < count; i++)
		ok = put_route(&s, paths, i);
	json_decref(facts);
	if (ok)
		return document(paths, s.schemas);
	json_decref(paths);
	json_decref(s.schemas);
	return NULL;
}

static void answer(struct app *app, struct exchange *x)
{
	exchange_reply_json(x, 200, openapi_document(app, api_routes, api_route_count));
}

void openapi_get(struct app *app, struct exchange *x)
{
	answer_later(app, x, answer);
}

/*
 * openapi - GET /swagger.json: the route table as an OpenAPI 3.0 document. Nothing here knows
 * a single route.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/handlers.h"
#include "api/openapi.h"
#include "api/operations.h"
#include "base/attr.h"
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

static void put_queries(json_t *list, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, parameter(names[i], "query", false));
}

static json_t *parameters(const struct route *route)
{
	static const char *const of_services[] = {"adapter_instance", "project", "isInstance"};
	static const char *const of_lists[] = {
		"state", "provider", "project", "kind", "limit", "cursor"};
	static const char *const of_queues[] = {"provider", "project", "after"};
	json_t *list = json_array();
	char name[64];

	if (hole_of(route->pattern, name, sizeof(name)))
		(void)json_array_append_new(list, parameter(name, "path", true));
	for (size_t i = 0; route->form == ERROR_TEXT && i < COUNT(of_services); i++)
		(void)json_array_append_new(list, parameter(of_services[i], "query", false));
	if (strcmp(route->operation, "v1_jobs_list") == 0)
		put_queries(list, of_lists, COUNT(of_lists));
	if (strcmp(route->operation, "v1_queues_list") == 0)
		put_queries(list, of_queues, COUNT(of_queues));
	return list;
}

static bool takes_body(const struct route *route)
{
	return strcmp(route->method, "POST") == 0 || strcmp(route->operation, "venvs_delete") == 0;
}

static json_t *request_body(const struct route *route)
{
	bool needed = !(route->flags & ROUTE_ANY_BODY);
	json_t *content = json_pack("{s:{s:{}}}", "application/json", "schema");

	if (route->flags & ROUTE_UPLOAD)
		(void)json_object_set_new(content, "multipart/form-data",
			json_pack("{s:{s:s, s:{s:{s:s, s:s}, s:{s:s}}}}", "schema", "type",
				"object", "properties", "file", "type", "string", "format",
				"binary", "request", "type", "string"));
	return json_pack("{s:b, s:o}", "required", (int)needed, "content", content);
}

static json_t *answers(const struct route *route)
{
	int status = route->slot != NULL ? route->slot->success_status : 200;
	char reference[64], good[8];

	(void)snprintf(
		reference, sizeof(reference), "#/components/schemas/%s", forms[route->form].schema);
	(void)snprintf(good, sizeof(good), "%d", status);
	return json_pack("{s:{s:s}, s:{s:s, s:{s:{s:{s:s}}}}}", good, "description", "Done.",
		"default", "description", forms[route->form].text, "content", "application/json",
		"schema", "$ref", reference);
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

static json_t *operation(const struct route *routes, size_t at)
{
	const struct route *route = &routes[at];
	json_t *body = takes_body(route) ? request_body(route) : NULL;
	char id[128];

	operation_id(routes, at, id, sizeof(id));
	return json_pack("{s:s, s:s, s:s, s:o, s:o*, s:o}", "operationId", id, "summary",
		route->summary, "x-operation", route->operation, "parameters", parameters(route),
		"requestBody", body, "responses", answers(route));
}

static bool put_route(json_t *paths, const struct route *routes, size_t at)
{
	json_t *path = json_object_get(paths, routes[at].pattern);
	char method[16];
	size_t n = 0;

	for (; n < sizeof(method) - 1 && routes[at].method[n] != '\0'; n++)
		method[n] = (char)tolower((unsigned char)routes[at].method[n]);
	method[n] = '\0';
	if (path == NULL) {
		path = json_object();
		if (json_object_set_new(paths, routes[at].pattern, path) != 0)
			return false;
	}
	return json_object_set_new(path, method, operation(routes, at)) == 0;
}

json_t *openapi_document(const struct route *routes, size_t count)
{
	json_t *paths = json_object();

	for (size_t i = 0; i < count; i++) {
		if (!put_route(paths, routes, i)) {
			json_decref(paths);
			return NULL;
		}
	}
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o}}", "openapi", "3.0.3", "info",
		"title", "davitd", "version", DAVIT_VERSION, "description",
		"Runs machine learning on any cloud.", "paths", paths, "components", "schemas",
		schemas());
}

void openapi_get(struct app *app, struct exchange *x)
{
	(void)app;
	exchange_reply_json(x, 200, openapi_document(api_routes, api_route_count));
}

/* openapi_schema - see openapi_schema.h. */
#include "api/openapi_schema.h"

#include <stdio.h>
#include <string.h>

#include "api/app.h"
#include "api/operations.h"
#include "base/json.h"
#include "config/config.h"
#include "provider/provider.h"

/* "type": ["string", "object"] as "anyOf"; null is a word of its own. */
static int put_types(json_t *out, const json_t *types)
{
	json_t *any = json_array();
	const json_t *type;
	size_t i;
	int failed = 0;

	json_array_foreach(types, i, type)
	{
		if (strcmp(json_string_value(type), "null") == 0)
			failed |= json_object_set_new(out, "nullable", json_true());
		else
			failed |= json_array_append_new(
				any, json_pack("{s:O}", "type", (json_t *)type));
	}
	return failed | json_object_set_new(out, "anyOf", any);
}

/* The members of an object of schemas, as "properties". */
static json_t *each(const json_t *schemas) // NOLINT(misc-no-recursion): as deep as the schema
{
	json_t *out = json_object();
	const char *name;
	json_t *schema;

	json_object_foreach((json_t *)schemas, name, schema)
	{
		if (json_object_set_new(out, name, openapi_schema(schema)) != 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static int put_member(
	json_t *out, const char *key, const json_t *value) // NOLINT(misc-no-recursion)
{
	if (strcmp(key, "type") == 0 && json_is_array(value))
		return put_types(out, value);
	if (strcmp(key, "const") == 0)
		return json_object_set_new(out, "enum", json_pack("[O]", (json_t *)value));
	if (strcmp(key, "properties") == 0)
		return json_object_set_new(out, key, each(value));
	if (json_is_object(value) &&
		(strcmp(key, "items") == 0 || strcmp(key, "additionalProperties") == 0))
		return json_object_set_new(out, key, openapi_schema(value));
	return json_object_set_new(out, key, json_deep_copy(value));
}

json_t *openapi_schema(const json_t *schema) // NOLINT(misc-no-recursion): as deep as the schema
{
	json_t *out = json_object();
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)schema, key, value)
	{
		if (put_member(out, key, value) != 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

/* "training" of "davit.training" */
static const char *short_name(const char *interface)
{
	const char *dot = strchr(interface, '.');

	return dot != NULL ? dot + 1 : interface;
}

/* A reference to the provider's schema, which is put into schemas; NULL: it has none. */
static json_t *reference(const struct provider *p, const struct operation *op, json_t *schemas)
{
	const json_t *schema = provider_request_schema(p, op->interface, op->slot, op->kind);
	char name[192];
	char path[256];

	if (schema == NULL)
		return NULL;
	(void)snprintf(name, sizeof(name), "%.60s.%.60s.%.60s", provider_id(p),
		short_name(op->interface), op->kind != NULL ? op->kind : op->slot);
	(void)snprintf(path, sizeof(path), "#/components/schemas/%s", name);
	if (json_object_get(schemas, name) == NULL &&
		json_object_set_new(schemas, name, openapi_schema(schema)) != 0)
		return NULL;
	return json_pack("{s:s}", "$ref", path);
}

json_t *openapi_body(const struct app *app, const struct operation *op, json_t *schemas)
{
	json_t *any = json_array();
	json_t *body;

	for (size_t i = 0; app != NULL && op != NULL && i < app->config->provider_count; i++) {
		const struct provider *p =
			providers_find(app->providers, app->config->providers[i].id);
		json_t *one = p != NULL ? reference(p, op, schemas) : NULL;

		if (one != NULL && json_array_append_new(any, one) != 0) {
			json_decref(any);
			return NULL;
		}
	}
	if (json_array_size(any) == 0)
		body = json_object();
	else if (json_array_size(any) == 1)
		body = json_incref(json_array_get(any, 0));
	else
		body = json_pack("{s:O}", "anyOf", any);
	json_decref(any);
	return body;
}

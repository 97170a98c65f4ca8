/* The document about the surface: is it one, and does it say what providers take? */
#include "unit/cmocka.h"

#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/openapi.h"
#include "api/openapi_facts.h"
#include "api/openapi_schema.h"
#include "base/attr.h"
#include "base/json.h"
#include "unit/api/fakes.h"

static json_t *parse(const char *text)
{
	json_t *v = json_parse(text, strlen(text), NULL);

	assert_non_null(v);
	return v;
}

static void the_words_of_a_manifest_become_those_of_openapi(void **state)
{
	static const char *const rows[][2] = {
		{"{\"type\":\"string\",\"minLength\":1}", "{\"type\":\"string\",\"minLength\":1}"},
		{"{\"type\":[\"object\",\"string\"],\"minLength\":1}",
			"{\"anyOf\":[{\"type\":\"object\"},{\"type\":\"string\"}],\"minLength\":1}"},
		{"{\"type\":[\"string\",\"null\"]}",
			"{\"nullable\":true,\"anyOf\":[{\"type\":\"string\"}]}"},
		{"{\"const\":3}", "{\"enum\":[3]}"},
		{"{\"properties\":{\"type\":{\"type\":[\"number\"]},\"const\":{\"const\":1}}}",
			"{\"properties\":{\"type\":{\"anyOf\":[{\"type\":\"number\"}]},\"const\":{"
			"\"enum\":[1]}}}"},
		{"{\"items\":{\"const\":1},\"additionalProperties\":false}",
			"{\"items\":{\"enum\":[1]},\"additionalProperties\":false}"},
		{"{\"default\":{\"const\":1}}", "{\"default\":{\"const\":1}}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *schema = parse(rows[i][0]);
		json_t *expected = parse(rows[i][1]);
		json_t *got = openapi_schema(schema);

		if (!json_equal(got, expected))
			fail_msg("%s becomes %s", rows[i][0], json_compact(got, NULL));
		json_decref(got);
		json_decref(expected);
		json_decref(schema);
	}
}

/* Every reference leads somewhere, and no word is used that OpenAPI 3.0 does not have. */
static void walk(const json_t *document, const json_t *value) // NOLINT(misc-no-recursion)
{
	const char *key;
	json_t *member;
	size_t i;

	json_array_foreach(value, i, member) walk(document, member);
	json_object_foreach((json_t *)value, key, member)
	{
		const char *reference = strcmp(key, "$ref") == 0 ? json_string_value(member) : NULL;

		if (reference != NULL && json_at(document, reference + 1) == NULL)
			fail_msg("nothing is at %s", reference);
		if (strcmp(key, "type") == 0 && json_is_array(member))
			fail_msg("a list of types");
		walk(document, member);
	}
}

static void the_bodies_of_operations_are_those_of_their_providers(void **state)
{
	json_t *document;
	const json_t *body;

	(void)state;
	fake_provider.schema = "{\"type\":\"object\",\"properties\":{\"script\":{\"type\":["
			       "\"object\",\"string\"]}}}";
	document = openapi_document(fake_app(), api_routes, api_route_count);
	walk(document, document);
	body = json_at(document, "/paths/~1api~1service~1v1~1pipelines~1training~1train/post/"
				 "requestBody/content/application~1json/schema/$ref");
	assert_string_equal(json_string_value(body), "#/components/schemas/local.training.train");
	assert_int_equal(
		json_array_size(json_at(document,
			"/components/schemas/local.training.train/properties/script/anyOf")),
		2);
	json_decref(document);
}

static void what_is_known_of_operations_is_known_of_routes(void **state)
{
	json_t *facts = json_parse((const char *)openapi_facts_text, openapi_facts_size, NULL);
	json_t *document = openapi_document(NULL, api_routes, api_route_count);
	const char *name;
	json_t *fact;

	(void)state;
	assert_non_null(facts);
	json_object_foreach(json_object_get(facts, "operations"), name, fact)
	{
		bool found = false;

		for (size_t i = 0; i < api_route_count; i++)
			found |= strcmp(api_routes[i].operation, name) == 0;
		if (!found)
			fail_msg("no route has the operation %s", name);
	}
	walk(document, document);
	assert_non_null(json_at(document, "/paths/~1v1~1runs/get/responses/200/content"));
	json_decref(document);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_of_a_manifest_become_those_of_openapi),
		cmocka_unit_test_setup_teardown(
			the_bodies_of_operations_are_those_of_their_providers, fake_open,
			fake_close),
		cmocka_unit_test(what_is_known_of_operations_is_known_of_routes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

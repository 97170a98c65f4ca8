/* Tests of schema: each keyword both ways, the words of complaints, and bounds. */
#include "base/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "unit/cmocka.h"

static json_t *parse(const char *text)
{
	struct fail f = {0};
	json_t *v = json_parse(text, strlen(text), &f);

	if (v == NULL)
		fail_msg("%s: %s", text, f.text);
	return v;
}

static void values_that_satisfy_pass(void **state)
{
	static const struct {
		const char *schema, *value;
	} rows[] = {
		{"true", "1"},
		{"{}", "null"},
		{"{\"type\":\"object\"}", "{}"},
		{"{\"type\":\"number\"}", "1"},
		{"{\"type\":\"number\"}", "1.5"},
		{"{\"type\":\"integer\"}", "-1"},
		{"{\"type\":\"boolean\"}", "false"},
		{"{\"type\":[\"string\",\"null\"]}", "null"},
		{"{\"type\":[\"string\",\"null\"]}", "\"\""},
		{"{\"enum\":[1,\"a\",null]}", "\"a\""},
		{"{\"enum\":[1]}", "1.0"},
		{"{\"const\":{\"a\":[1]}}", "{\"a\":[1]}"},
		{"{\"minimum\":1,\"maximum\":1}", "1"},
		{"{\"minimum\":9007199254740993}", "9007199254740993"},
		{"{\"exclusiveMinimum\":1,\"exclusiveMaximum\":2}", "1.5"},
		{"{\"minimum\":5}", "\"not a number\""},
		{"{\"minLength\":2,\"maxLength\":2}", "\"\xc3\xa4\xf0\x9f\x9a\xa2\""},
		{"{\"minItems\":1,\"maxItems\":1}", "[0]"},
		{"{\"minProperties\":1,\"maxProperties\":1}", "{\"a\":0}"},
		{"{\"required\":[\"a\"]}", "{\"a\":null}"},
		{"{\"required\":[\"a\"]}", "[]"},
		{"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":\"x\",\"b\":1}"},
		{"{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{\"a\":1}"},
		{"{\"properties\":{\"a\":true},\"additionalProperties\":{\"type\":\"null\"}}",
			"{\"a\":1,\"b\":null}"},
		{"{\"items\":{\"type\":\"integer\"}}", "[1,2,3]"},
		{"{\"anyOf\":[{\"type\":\"null\"},{\"minimum\":3}]}", "4"},
		{"{\"oneOf\":[{\"type\":\"null\"},{\"minimum\":3}]}", "4"},
		{"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2"},
		{"{\"not\":{\"type\":\"null\"}}", "2"},
		{"{\"$defs\":{\"n\":{\"type\":\"null\"}},\"items\":{\"$ref\":\"#/$defs/n\"}}",
			"[null]"},
		{"{\"$defs\":{\"t\":{\"items\":{\"$ref\":\"#/$defs/t\"}}},\"$ref\":\"#/$defs/t\"}",
			"[[[]],[]]"},
		{"{\"title\":\"t\",\"description\":\"d\",\"default\":1,\"examples\":[1],\"$id\":\"i\","
		 "\"$schema\":\"s\",\"$comment\":\"c\",\"x-note\":{\"a\":1}}",
			"2"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *schema = parse(rows[i].schema), *value = parse(rows[i].value);
		struct fail f = {0};

		if (!schema_valid(schema, &f) || !schema_check(schema, value, &f))
			fail_msg("%s, %s: %s", rows[i].schema, rows[i].value, f.text);
		json_decref(schema);
		json_decref(value);
	}
}

static void complaints_name_the_member_and_what_is_expected(void **state)
{
	static const struct {
		const char *schema, *value, *field, *text;
	} rows[] = {
		{"false", "1", "", "is not allowed here"},
		{"{\"type\":\"object\"}", "[]", "", "must be an object"},
		{"{\"type\":\"integer\"}", "1.0", "", "must be an integer"},
		{"{\"type\":\"number\"}", "\"1\"", "", "must be a number"},
		{"{\"type\":\"boolean\"}", "0", "", "must be true or false"},
		{"{\"type\":[\"string\",\"array\",\"null\"]}", "1", "",
			"must be a text or a list or null"},
		{"{\"enum\":[\"a\",1]}", "2", "", "must be one of \"a\", 1"},
		{"{\"enum\":[\"train\",\"batch\"]}", "\"trian\"", "",
			"must be one of \"train\", \"batch\"; did you mean \"train\"?"},
		{"{\"const\":{\"a\":0.9}}", "1", "", "must be {\"a\":0.9}"},
		{"{\"minimum\":1}", "0", "", "must be at least 1"},
		{"{\"minimum\":9007199254740993}", "9007199254740992", "",
			"must be at least 9007199254740993"},
		{"{\"maximum\":1.5}", "2", "", "must be at most 1.5"},
		{"{\"exclusiveMinimum\":1}", "1", "", "must be more than 1"},
		{"{\"exclusiveMaximum\":1}", "1.0", "", "must be less than 1"},
		{"{\"minLength\":1}", "\"\"", "", "must not be empty"},
		{"{\"minLength\":3}", "\"\xc3\xa4\xc3\xa4\"", "",
			"must have at least 3 characters"},
		{"{\"maxLength\":1}", "\"ab\"", "", "must have at most 1 characters"},
		{"{\"minItems\":1}", "[]", "", "must not be empty"},
		{"{\"maxItems\":1}", "[1,2]", "", "must have at most 1 items"},
		{"{\"minProperties\":2}", "{}", "", "must have at least 2 members"},
		{"{\"maxProperties\":0}", "{\"a\":1}", "", "must have at most 0 members"},
		{"{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", "/b", "'b' is missing"},
		{"{\"properties\":{\"a\":{\"items\":{\"type\":\"string\"}}}}", "{\"a\":[\"x\",5]}",
			"/a/1", "must be a text"},
		{"{\"properties\":{\"a/b~\":{\"type\":\"null\"}}}", "{\"a/b~\":1}", "/a~1b~0",
			"must be null"},
		{"{\"properties\":{\"dataset\":true},\"additionalProperties\":false}",
			"{\"datset\":1}", "/datset",
			"unknown member 'datset', did you mean 'dataset'?"},
		{"{\"properties\":{\"dataset\":true},\"additionalProperties\":false}", "{\"x\":1}",
			"/x", "unknown member 'x'"},
		{"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"k\":1}", "/k",
			"must be null"},
		{"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"object\"}]}", "1", "",
			"has none of the 2 forms allowed here; for the first: must be null"},
		{"{\"anyOf\":[{\"type\":\"null\"},{\"required\":[\"uri\"]}]}", "{}", "/uri",
			"'uri' is missing"},
		{"{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "3", "",
			"has more than one of the forms allowed here, and must have exactly one"},
		{"{\"oneOf\":[{\"minimum\":1}]}", "0", "", "must be at least 1"},
		{"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "4", "", "must be at most 3"},
		{"{\"not\":{\"type\":\"null\"}}", "null", "",
			"has a form that is not allowed here"},
		{"{\"$defs\":{\"n\":{\"type\":\"null\"}},\"items\":{\"$ref\":\"#/$defs/n\"}}",
			"[null,1]", "/1", "must be null"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *schema = parse(rows[i].schema), *value = parse(rows[i].value);
		struct fail f = {0};

		if (!schema_valid(schema, &f) || schema_check(schema, value, &f))
			fail_msg("%s, %s: %s", rows[i].schema, rows[i].value, f.text);
		assert_int_equal(f.code, FAIL_INVALID);
		assert_string_equal(f.text, rows[i].text);
		assert_string_equal(f.field, rows[i].field);
		assert_false(schema_check(schema, value, NULL));
		json_decref(schema);
		json_decref(value);
	}
}

static void schemas_outside_the_subset_are_refused(void **state)
{
	static const struct {
		const char *schema, *field, *text;
	} rows[] = {
		{"1", "", "schema: must be a schema"},
		{"{\"pattern\":\"a\"}", "", "schema: unknown keyword 'pattern'"},
		{"{\"requierd\":[]}", "", "unknown keyword 'requierd', did you mean 'required'?"},
		{"{\"type\":\"text\"}", "/type", "schema/type: must be the name of a type"},
		{"{\"type\":[]}", "/type", "must be the name"},
		{"{\"type\":[\"null\",1]}", "/type", "must be names of types"},
		{"{\"properties\":[]}", "/properties", "must be an object of schemas"},
		{"{\"properties\":{\"a\":{\"items\":{\"format\":\"x\"}}}}", "/properties/a/items",
			"unknown keyword 'format'"},
		{"{\"items\":[{}]}", "/items", "must be a schema"},
		{"{\"anyOf\":[]}", "/anyOf", "must be a list of schemas"},
		{"{\"anyOf\":[{},{\"iff\":1}]}", "/anyOf/1", "unknown keyword 'iff'"},
		{"{\"required\":\"a\"}", "/required", "must be a list of texts"},
		{"{\"required\":[1]}", "/required", "must be a list of texts"},
		{"{\"enum\":[]}", "/enum", "must be a list of values"},
		{"{\"minimum\":\"1\"}", "/minimum", "must be a number"},
		{"{\"minLength\":-1}", "/minLength", "must be a count"},
		{"{\"minLength\":1.0}", "/minLength", "must be a count"},
		{"{\"$ref\":\"#/$defs/x\"}", "/$ref", "of a schema that is there"},
		{"{\"$ref\":\"http://x\"}", "/$ref", "of a schema that is there"},
		{"{\"$defs\":{\"a\":{}},\"$ref\":\"#/$defs/a/b\"}", "/$ref", "of a schema"},
		{"{\"additionalProperties\":1}", "/additionalProperties", "must be a schema"},
		{"{\"not\":null}", "/not", "must be a schema"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *schema = parse(rows[i].schema);
		struct fail f = {0};

		if (schema_valid(schema, &f))
			fail_msg("%s is valid", rows[i].schema);
		assert_int_equal(f.code, FAIL_INVALID);
		assert_string_equal(f.field, rows[i].field);
		if (strstr(f.text, rows[i].text) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", f.text, rows[i].text);
		json_decref(schema);
	}
}

static void a_schema_that_refers_to_itself_ends_in_a_sentence(void **state)
{
	static const char *const schemas[] = {
		"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\"}},\"$ref\":\"#/$defs/a\"}",
		"{\"$defs\":{\"a\":{\"not\":{\"$ref\":\"#/$defs/a\"}}},\"$ref\":\"#/$defs/a\"}",
		/* parentheses: one text, not two */
		("{\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":\"#/$defs/a\"}]}},"
		 "\"$ref\":\"#/$defs/a\"}"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(schemas); i++) {
		json_t *schema = parse(schemas[i]), *value = parse("1");
		struct fail f = {0};

		assert_true(schema_valid(schema, &f));
		assert_false(schema_check(schema, value, &f));
		assert_non_null(strstr(f.text, "too deep or too large"));
		json_decref(schema);
		json_decref(value);
	}
}

static void a_deep_schema_is_refused(void **state)
{
	json_t *schema = json_object();
	struct fail f = {0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		json_t *outer = json_object();

		json_object_set_new(outer, "items", schema);
		schema = outer;
	}
	assert_false(schema_valid(schema, &f));
	assert_int_equal(f.code, FAIL_INVALID);
	json_decref(schema);
}

static void a_long_pointer_is_cut_not_overrun(void **state)
{
	char key[400], text[1000];
	json_t *schema = parse("{\"additionalProperties\":{\"type\":\"null\"}}"), *value;
	struct fail f = {0};

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	snprintf(text, sizeof(text), "{\"%s\":1}", key);
	value = parse(text);
	assert_false(schema_check(schema, value, &f));
	assert_string_equal(f.text, "must be null");
	json_decref(schema);
	json_decref(value);
}

static void a_schema_nobody_validated_does_no_harm(void **state)
{
	static const char *const schemas[] = {"{\"type\":1}", "{\"type\":[1]}", "{\"type\":\"?\"}",
		"{\"enum\":1}", "{\"minimum\":\"a\"}", "{\"minLength\":null}", "{\"required\":[1]}",
		"{\"properties\":[]}", "{\"properties\":{\"a\":1}}", "{\"items\":1}",
		"{\"$ref\":1}", "{\"anyOf\":1}", "{\"oneOf\":[1]}", "{\"not\":1}",
		"{\"additionalProperties\":[]}", "[]", "1"};
	json_t *value = parse("{\"a\":[1,\"x\",{}]}");

	(void)state;
	for (size_t i = 0; i < COUNT(schemas); i++) {
		json_t *schema = parse(schemas[i]);
		struct fail f = {0};

		assert_false(schema_valid(schema, &f));
		/* Either answer is fine; a failure must have its words. */
		if (!schema_check(schema, value, &f))
			assert_true(strlen(f.text) > 0 && f.code == FAIL_INVALID);
		json_decref(schema);
	}
	json_decref(value);
}

static void the_nearest_word_is_found_where_one_is_near(void **state)
{
	static const char *const words[] = {
		"data_dir", "runtime_dir", "store", "log", "http", "jobs", "default_provider"};
	static const struct {
		const char *text, *nearest;
	} rows[] = {
		{"datadir", "data_dir"},
		{"DATA_DIR", "data_dir"},
		{"data_drir", "data_dir"},
		{"stroe", "store"},
		{"sotre", "store"},
		{"job", "jobs"},
		{"lag", "log"},
		{"htpt", "http"},
		{"default_provder", "default_provider"},
		{"defaultprovidr", "default_provider"},
		{"x", NULL},
		{"", NULL},
		{"listeners", NULL},
		{"ab", NULL},
	};
	char longer[200];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *nearest = schema_nearest(rows[i].text, words, COUNT(words));

		if ((nearest == NULL) != (rows[i].nearest == NULL))
			fail_msg("%s: %s", rows[i].text, nearest);
		if (nearest != NULL)
			assert_string_equal(nearest, rows[i].nearest);
	}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_null(schema_nearest(longer, words, COUNT(words)));
	assert_null(schema_nearest("log", NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_that_satisfy_pass),
		cmocka_unit_test(complaints_name_the_member_and_what_is_expected),
		cmocka_unit_test(schemas_outside_the_subset_are_refused),
		cmocka_unit_test(a_schema_that_refers_to_itself_ends_in_a_sentence),
		cmocka_unit_test(a_deep_schema_is_refused),
		cmocka_unit_test(a_long_pointer_is_cut_not_overrun),
		cmocka_unit_test(a_schema_nobody_validated_does_no_harm),
		cmocka_unit_test(the_nearest_word_is_found_where_one_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

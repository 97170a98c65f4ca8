/* Tests of json: what is refused and where, pointers, structs by table, texts that come back. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/cmocka.h"

static json_t *parse(const char *text)
{
	struct fail f = {0};
	json_t *v = json_parse(text, strlen(text), &f);

	if (v == NULL)
		fail_msg("%s: %s", text, f.text);
	return v;
}

static void any_single_value_is_parsed(void **state)
{
	static const char *const texts[] = {"{}", "[]", "1", "-1.5e3", "\"x\"", "true", "null",
		" \n{\"a\":[1,2]} ", "\"\\\"[[[[\"", "[\"\\\\\",\"]\"]"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		json_decref(parse(texts[i]));
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"", "empty"},
		{"{", "line 1, column 1"},
		{"{\"a\":1,\n \"a\":2}", "line 2, column 4: duplicate object key"},
		{"[1] x", "line 1, column 5: end of file expected"},
		{"[1,]", "line 1"},
		{"{'a':1}", "line 1"},
		{"\"\\u0000\"", "\\u0000"},
		{"\"\xff\"", "unable to decode byte 0xff"},
		{"99999999999999999999", "too big integer"},
		{"]", "line 1"},
		{"nul", "line 1"},
		{"NaN", "line 1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};

		if (json_parse(rows[i].text, strlen(rows[i].text), &f) != NULL)
			fail_msg("%s was parsed", rows[i].text);
		assert_int_equal(f.code, FAIL_INVALID);
		if (strstr(f.text, rows[i].said) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", f.text, rows[i].said);
	}
}

static void nul_bytes_are_refused(void **state)
{
	(void)state;
	assert_null(json_parse("[1]\0", 4, NULL));
	assert_null(json_parse("[\0]", 3, NULL));
	assert_null(json_parse("\"a\0b\"", 5, NULL));
}

static void nested(char *text, size_t depth, const char *open, const char *close)
{
	text[0] = '\0';
	for (size_t i = 0; i < depth; i++)
		strcat(text, open); /* NOLINT: the sizes are constant */
	strcat(text, "1");
	for (size_t i = 0; i < depth; i++)
		strcat(text, close);
}

static void depth_is_limited_and_its_place_told(void **state)
{
	char text[1000];
	struct fail f = {0};

	(void)state;
	nested(text, JSON_DEPTH_MAX, "[", "]");
	json_decref(parse(text));
	nested(text, JSON_DEPTH_MAX, "{\"a\":", "}");
	json_decref(parse(text));
	nested(text, JSON_DEPTH_MAX + 1, "[", "]");
	assert_null(json_parse(text, strlen(text), &f));
	assert_string_equal(f.text, "line 1, column 65: more than 64 levels of JSON");
	nested(text, JSON_DEPTH_MAX + 1, "[\n", "]");
	assert_null(json_parse(text, strlen(text), &f));
	assert_string_equal(f.text, "line 65, column 1: more than 64 levels of JSON");
	assert_int_equal(f.code, FAIL_INVALID);
}

static void width_and_brackets_in_texts_are_no_depth(void **state)
{
	char text[2000] = "[\"";

	(void)state;
	memset(text + 2, '[', 500);
	memcpy(text + 502, "\",\"\\\"[", 6);
	memset(text + 508, '{', 500);
	memcpy(text + 1008, "\"", 2);
	for (int i = 0; i < 200; i++)
		memcpy(text + 1009 + 3 * (size_t)i, ",[]", 4);
	memcpy(text + 1609, "]", 2);
	json_decref(parse(text));
}

static void pointers_lead_to_values(void **state)
{
	static const struct {
		const char *pointer, *compact;
	} rows[] = {
		{"/a", "{\"b\":[10,{\"c\":\"x\"}]}"},
		{"/a/b/0", "10"},
		{"/a/b/1/c", "\"x\""},
		{"/a~1b", "1"},
		{"/m~0n", "2"},
		{"/~01", "3"},
		{"/", "4"},
		{"/none", NULL},
		{"/a/b/2", NULL},
		{"/a/b/-", NULL},
		{"/a/b/01", NULL},
		{"/a/b/0x", NULL},
		{"/a/b/-1", NULL},
		{"/a/b/+0", NULL},
		{"/a/b/", NULL},
		{"/a/b/99999999999999999999999", NULL},
		{"/a/b/0/z", NULL},
		{"a", NULL},
	};
	json_t *v = parse("{\"a\":{\"b\":[10,{\"c\":\"x\"}]},\"a/b\":1,\"m~n\":2,\"~1\":3,\"\":4}");

	(void)state;
	assert_ptr_equal(json_at(v, ""), v);
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *at = json_at(v, rows[i].pointer);
		char *text = at != NULL ? json_compact(at, NULL) : NULL;

		if ((text == NULL) != (rows[i].compact == NULL))
			fail_msg("%s", rows[i].pointer);
		if (text != NULL)
			assert_string_equal(text, rows[i].compact);
		free(text);
	}
	json_decref(v);
}

static void members_of_another_type_are_as_absent(void **state)
{
	json_t *v = parse("{\"t\":\"x\",\"i\":5,\"b\":true,\"r\":1.5,\"n\":null}");

	(void)state;
	assert_string_equal(json_text_or(v, "t", "?"), "x");
	assert_string_equal(json_text_or(v, "i", "?"), "?");
	assert_null(json_text_or(v, "none", NULL));
	assert_int_equal(json_int_or(v, "i", -1), 5);
	assert_int_equal(json_int_or(v, "r", -1), -1);
	assert_int_equal(json_int_or(v, "t", -1), -1);
	assert_true(json_bool_or(v, "b", false));
	assert_true(json_bool_or(v, "i", true));
	assert_false(json_bool_or(NULL, "b", false));
	json_decref(v);
}

static void any_bytes_become_a_text(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} rows[] = {
		{"", 0, ""},
		{"a\xc3\xa4", 3, "a\xc3\xa4"},
		{"a\xff\x80z", 4, "a\xef\xbf\xbd\xef\xbf\xbdz"},
		{"\xc3", 1, "\xef\xbf\xbd"},
		{"a\0b", 3,
			"a\xef\xbf\xbd"
			"b"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *v = json_text_any(rows[i].bytes, rows[i].n);

		assert_string_equal(json_string_value(v), rows[i].text);
		assert_int_equal(json_string_length(v), strlen(rows[i].text));
		json_decref(v);
	}
}

static void compact_text_reads_back_the_same(void **state)
{
	static const char *const texts[] = {
		"{\"z\":1,\"a\":2,\"m\":[]}",
		"[0.9,0.1,1.0,-0.0,1e300,1.7976931348623157e308,5e-324,0.30000000000000004]",
		"[9223372036854775807,-9223372036854775808,0]",
		"[true,false,null,\"\",{},[[]]]",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001F/\xc3\xa4\xf0\x9f\x9a\xa2\x7f\"",
		"{\"\\n\":{\"\\\"\":0}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		json_t *v = parse(texts[i]);
		size_t n = 0;
		char *text = json_compact(v, &n);
		json_t *back = parse(text);

		assert_int_equal(n, strlen(text));
		assert_true(json_equal(v, back));
		json_decref(back);
		json_decref(v);
		free(text);
	}
}

static void compact_text_is_what_people_expect(void **state)
{
	static const char *const texts[] = {
		"{\"z\":0.9,\"a\":[0.1,1.0,2.5,1e+300]}",
		"[\"\xc3\xa4\",\"\\n\\u0001\\\"\"]",
		"0.30000000000000004",
		"-7",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		json_t *v = parse(texts[i]);
		char *text = json_compact(v, NULL);

		assert_string_equal(text, texts[i]);
		json_decref(v);
		free(text);
	}
}

struct row {
	const char *name;
	int64_t count;
	bool on;
	json_t *extra;
	const char *secret; /* in, never out */
};

static const struct json_field fields[] = {
	JSON_FIELD_TEXT(struct row, name, JSON_IN | JSON_OUT | JSON_NEED),
	JSON_FIELD_INT(struct row, count, JSON_IN | JSON_OUT),
	JSON_FIELD_BOOL(struct row, on, JSON_IN | JSON_OUT),
	JSON_FIELD_JSON(struct row, extra, JSON_IN | JSON_OUT),
	JSON_FIELD_TEXT(struct row, secret, JSON_IN),
};

static void a_struct_is_read_by_its_table(void **state)
{
	json_t *v =
		parse("{\"name\":\"n\",\"count\":5000000000,\"on\":true,\"extra\":[1],\"x\":0}");
	struct row r = {.secret = "kept"};

	(void)state;
	assert_true(json_read(v, fields, COUNT(fields), &r, NULL));
	assert_string_equal(r.name, "n");
	assert_int_equal(r.count, 5000000000);
	assert_true(r.on);
	assert_ptr_equal(r.extra, json_object_get(v, "extra"));
	assert_string_equal(r.secret, "kept");
	json_decref(v);
}

static void absent_and_null_members_keep_their_defaults(void **state)
{
	json_t *v = parse("{\"name\":\"n\",\"count\":null,\"on\":null}");
	struct row r = {.count = 7, .on = true};

	(void)state;
	assert_true(json_read(v, fields, COUNT(fields), &r, NULL));
	assert_int_equal(r.count, 7);
	assert_true(r.on);
	json_decref(v);
}

static void the_member_at_fault_is_named(void **state)
{
	static const struct {
		const char *text, *field, *said;
	} rows[] = {
		{"{}", "/name", "'name' is missing"},
		{"{\"name\":null}", "/name", "'name' is missing"},
		{"{\"name\":1}", "/name", "'name' must be a text"},
		{"{\"name\":\"n\",\"count\":\"1\"}", "/count", "'count' must be an integer"},
		{"{\"name\":\"n\",\"count\":1.5}", "/count", "'count' must be an integer"},
		{"{\"name\":\"n\",\"on\":0}", "/on", "'on' must be true or false"},
		{"[]", "", "must be an object"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *v = parse(rows[i].text);
		struct row r = {0};
		struct fail f = {0};

		assert_false(json_read(v, fields, COUNT(fields), &r, &f));
		assert_int_equal(f.code, FAIL_INVALID);
		assert_string_equal(f.field, rows[i].field);
		assert_string_equal(f.text, rows[i].said);
		json_decref(v);
	}
}

static void a_struct_is_written_by_its_table(void **state)
{
	json_t *extra = parse("{\"k\":0}");
	struct row full = {"n", 5000000000, true, extra, "hidden"}, bare = {0};
	json_t *a = json_write(fields, COUNT(fields), &full);
	json_t *b = json_write(fields, COUNT(fields), &bare);
	char *a_text = json_compact(a, NULL), *b_text = json_compact(b, NULL);

	(void)state;
	assert_string_equal(
		a_text, "{\"name\":\"n\",\"count\":5000000000,\"on\":true,\"extra\":{\"k\":0}}");
	assert_string_equal(b_text, "{\"count\":0,\"on\":false}");
	free(a_text);
	free(b_text);
	json_decref(a);
	json_decref(b);
	json_decref(extra);
}

static void a_struct_with_bytes_that_are_no_text_is_not_written(void **state)
{
	struct row r = {.name = "\xff"};

	(void)state;
	assert_null(json_write(fields, COUNT(fields), &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_single_value_is_parsed),
		cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(depth_is_limited_and_its_place_told),
		cmocka_unit_test(width_and_brackets_in_texts_are_no_depth),
		cmocka_unit_test(pointers_lead_to_values),
		cmocka_unit_test(members_of_another_type_are_as_absent),
		cmocka_unit_test(any_bytes_become_a_text),
		cmocka_unit_test(compact_text_reads_back_the_same),
		cmocka_unit_test(compact_text_is_what_people_expect),
		cmocka_unit_test(a_struct_is_read_by_its_table),
		cmocka_unit_test(absent_and_null_members_keep_their_defaults),
		cmocka_unit_test(the_member_at_fault_is_named),
		cmocka_unit_test(a_struct_is_written_by_its_table),
		cmocka_unit_test(a_struct_with_bytes_that_are_no_text_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

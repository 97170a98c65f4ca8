/* Tests of ytree: lines, refusals, and the core schema of YAML 1.2. */
#include "config/ytree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "unit/cmocka.h"

static struct ytree *parse(const char *text)
{
	struct fail f = {0};
	struct ytree *t = ytree_parse("t.yaml", text, strlen(text), &f);

	if (t == NULL)
		fail_msg("%s: %s", text, f.text);
	return t;
}

static void everything_knows_its_line(void **state)
{
	struct ytree *t = parse("# first\na: 1\nb:\n  - x\n  - \"y\"\nc:\n  d: |\n    text\n");
	const struct ytree *b, *d;

	(void)state;
	assert_int_equal(t->kind, YTREE_MAP);
	assert_int_equal(t->count, 3);
	assert_int_equal(ytree_member(t, "a")->line, 2);
	b = ytree_member(t, "b");
	assert_int_equal(b->key_line, 3);
	assert_int_equal(b->line, 4);
	assert_int_equal(b->count, 2);
	assert_int_equal(b->first->next->line, 5);
	assert_true(b->first->plain);
	assert_false(b->first->next->plain);
	assert_null(ytree_member(t, "d"));
	d = ytree_member(ytree_member(t, "c"), "d");
	assert_int_equal(d->line, 7);
	ytree_free(t);
}

static void an_empty_text_is_an_empty_map(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# only this\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct ytree *t = parse(texts[i]);

		assert_int_equal(t->kind, YTREE_MAP);
		assert_int_equal(t->count, 0);
		ytree_free(t);
	}
	ytree_free(NULL);
}

static void what_may_surprise_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"a: 1\nb: 2\na: 3\n", "t.yaml:3: 'a' stands here twice, first in line 1"},
		{"x: {y: 1,\n \"y\": 2}\n", "t.yaml:2: 'y' stands here twice, first in line 1"},
		{"a: &x 1\n", "t.yaml:1: anchors and aliases"},
		{"a: &x [1]\n", "t.yaml:1: anchors and aliases"},
		{"a: &x {b: 1}\n", "t.yaml:1: anchors and aliases"},
		{"&x a: 1\n", "t.yaml:1: anchors and aliases"},
		{"\n\na: *x\n", "t.yaml:3: anchors and aliases"},
		{"a: !!str 5\n", "t.yaml:1: tags"},
		{"a: !thing {b: 1}\n", "t.yaml:1: tags"},
		{"a: 1\n---\nb: 2\n", "t.yaml:2: a second document"},
		{"[a]: 1\n", "t.yaml:1: a key must be a text"},
		{"? {a: 1}\n: 2\n", "t.yaml:1: a key must be a text"},
		{"a: \"x\\0y\"\n", "t.yaml:1: a text has a NUL byte"},
		{"a: [1, 2\nb: 3\n", "not YAML: "},
		{"a: b: c\n", "t.yaml:1: not YAML: mapping values are not allowed in this context"},
		{"a:\n\t- b\n", "t.yaml:2: not YAML: "},
		{"a: \"unclosed\n", "not YAML: "},
		{"a: \xff\n", "not YAML: "},
		{"a: \x01\n", "not YAML: "},
		{"%YAML 9.9\n---\na: 1\n", "not YAML: "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};

		if (ytree_parse("t.yaml", rows[i].text, strlen(rows[i].text), &f) != NULL)
			fail_msg("%s was parsed", rows[i].text);
		assert_int_equal(f.code, FAIL_INVALID);
		assert_int_equal(strncmp(f.text, "t.yaml:", 7), 0);
		if (strstr(f.text, rows[i].said) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", f.text, rows[i].said);
	}
}

static void repeat(char *text, size_t size, const char *part, size_t times)
{
	size_t n = strlen(part);

	assert_true(n * times < size);
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * n, part, n + 1);
}

static void depth_and_number_of_values_are_limited(void **state)
{
	static char text[200000];
	struct fail f = {0};
	struct ytree *t;

	(void)state;
	repeat(text, sizeof(text), "[", 31);
	strcat(text, "1"); /* NOLINT: there is room */
	repeat(text + 32, sizeof(text) - 32, "]", 31);
	t = parse(text);
	ytree_free(t);
	repeat(text, sizeof(text), "[", 32);
	strcat(text, "1"); /* NOLINT: there is room */
	repeat(text + 33, sizeof(text) - 33, "]", 32);
	assert_null(ytree_parse("t.yaml", text, strlen(text), &f));
	assert_non_null(strstr(f.text, "t.yaml:1: more than 32 levels"));
	repeat(text, sizeof(text), "[", 100000);
	assert_null(ytree_parse("t.yaml", text, strlen(text), &f));
	repeat(text, sizeof(text), "{a: ", 1000);
	assert_null(ytree_parse("t.yaml", text, strlen(text), &f));
	assert_non_null(strstr(f.text, "levels"));
	repeat(text, sizeof(text), "- 1\n", YTREE_NODES_MAX - 1);
	t = parse(text);
	ytree_free(t);
	repeat(text, sizeof(text), "- 1\n", YTREE_NODES_MAX);
	assert_null(ytree_parse("t.yaml", text, strlen(text), &f));
	assert_non_null(strstr(f.text, "t.yaml:20000: more than 20000 values"));
}

static void plain_texts_mean_what_the_core_schema_says(void **state)
{
	static const struct {
		const char *yaml, *json;
	} rows[] = {
		{"null", "null"},
		{"~", "null"},
		{"Null", "null"},
		{"true", "true"},
		{"FALSE", "false"},
		{"True", "true"},
		{"yes", "\"yes\""},
		{"no", "\"no\""},
		{"on", "\"on\""},
		{"nULL", "\"nULL\""},
		{"tRUE", "\"tRUE\""},
		{"0", "0"},
		{"-7", "-7"},
		{"+7", "7"},
		{"007", "7"},
		{"0x1F", "31"},
		{"0o17", "15"},
		{"1_000", "\"1_000\""},
		{"12:30:00", "\"12:30:00\""},
		{"9223372036854775807", "9223372036854775807"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"1.5", "1.5"},
		{"-1e3", "-1000.0"},
		{".5", "0.5"},
		{"5.", "5.0"},
		{"+.5E-1", "0.05"},
		{"1e", "\"1e\""},
		{".", "\".\""},
		{"+", "\"+\""},
		{"1.2.3", "\"1.2.3\""},
		{"0x", "\"0x\""},
		{"0o8", "\"0o8\""},
		{"-0x1", "\"-0x1\""},
		{"e5", "\"e5\""},
		{"2025-11-21", "\"2025-11-21\""},
		{"\"true\"", "\"true\""},
		{"'5'", "\"5\""},
		{"\"\"", "\"\""},
		{"{a: [1, x, null], b: {}}", "{\"a\":[1,\"x\",null],\"b\":{}}"},
		{"\"\\u00e4\"", "\"\xc3\xa4\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char yaml[100], *json;
		struct ytree *t;
		json_t *v;

		snprintf(yaml, sizeof(yaml), "k: %s\n", rows[i].yaml);
		t = parse(yaml);
		v = ytree_json("t.yaml", t->first, NULL);
		assert_non_null(v);
		json = json_compact(v, NULL);
		if (strcmp(json, rows[i].json) != 0)
			fail_msg("%s became %s, not %s", rows[i].yaml, json, rows[i].json);
		free(json);
		json_decref(v);
		ytree_free(t);
	}
}

static void numbers_json_lacks_are_refused_with_their_line(void **state)
{
	static const char *const texts[] = {"9223372036854775808", "-9223372036854775809",
		"0xFFFFFFFFFFFFFFFFF", "1e999", ".inf", "-.Inf", ".nan", "[1, .NaN]",
		"{a: {b: 1e999}}"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		char yaml[100];
		struct ytree *t;
		struct fail f = {0};

		snprintf(yaml, sizeof(yaml), "\nk: %s\n", texts[i]);
		t = parse(yaml);
		if (ytree_json("t.yaml", t->first, &f) != NULL)
			fail_msg("%s", texts[i]);
		assert_int_equal(f.code, FAIL_INVALID);
		assert_non_null(strstr(f.text, "t.yaml:2: the number "));
		ytree_free(t);
	}
}

static void nothing_written_is_null(void **state)
{
	struct ytree *t = parse("a:\nb: ~\nc: null\nd: \"\"\ne: 'null'\nf: []\n");

	(void)state;
	assert_true(ytree_is_null(ytree_member(t, "a")));
	assert_true(ytree_is_null(ytree_member(t, "b")));
	assert_true(ytree_is_null(ytree_member(t, "c")));
	assert_false(ytree_is_null(ytree_member(t, "d")));
	assert_false(ytree_is_null(ytree_member(t, "e")));
	assert_false(ytree_is_null(ytree_member(t, "f")));
	ytree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_knows_its_line),
		cmocka_unit_test(an_empty_text_is_an_empty_map),
		cmocka_unit_test(what_may_surprise_is_refused_with_its_line),
		cmocka_unit_test(depth_and_number_of_values_are_limited),
		cmocka_unit_test(plain_texts_mean_what_the_core_schema_says),
		cmocka_unit_test(numbers_json_lacks_are_refused_with_their_line),
		cmocka_unit_test(nothing_written_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

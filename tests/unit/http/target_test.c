/* Tests of target: addresses as clients really send them. */
#include "http/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/cmocka.h"

static void paths_are_decoded_once_and_lone_percent_signs_stay(void **state)
{
	static const struct {
		const char *raw, *path;
	} rows[] = {
		{"/execute", "/execute"},
		{"//execute", "/execute"},
		{"///a//b/", "/a//b/"},
		{"/%2F/execute", "/execute"},
		{"/a%20b+c", "/a b+c"},
		{"/%7Bendpoint_id%7D/infer", "/{endpoint_id}/infer"},
		{"/%257B", "/%7B"},
		{"/100%", "/100%"},
		{"/%4", "/%4"},
		{"/%zz%2", "/%zz%2"},
		{"/%c3%A9", "/\xc3\xa9"},
		{"/a?b", "/a"},
		{"/a#b?c", "/a"},
		{"http://host:80/a", "/a"},
		{"http://host", "/"},
		{"http://host?x=1", "/"},
		{"http://", "/"},
		{"", "/"},
		{"?x", "/"},
		{"*", "*"},
		{"/go?to=http://x/y", "/go"},
		{"/http://x/y", "/http://x/y"},
	};
	struct target t;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(target_parse(&t, rows[i].raw, strlen(rows[i].raw), NULL));
		assert_string_equal(t.path, rows[i].path);
		target_finish(&t);
	}
}

static void query_keys_may_lack_a_value_or_come_twice(void **state)
{
	static const struct {
		const char *raw, *key, *value; /* NULL: not there */
	} rows[] = {
		{"/?isInstance", "isInstance", ""},
		{"/?isInstance&a=1", "isInstance", ""},
		{"/?isInstance=", "isInstance", ""},
		{"/?a=1&a=2", "a", "1"},
		{"/?a&a=2", "a", ""},
		{"/?project=my+own%2Bproject", "project", "my own+project"},
		{"/?a+b=1", "a b", "1"},
		{"/?id=x%25y", "id", "x%y"},
		{"/?id=a=b", "id", "a=b"},
		{"/?id=100%&b=2", "id", "100%"},
		{"/?&&b=2&", "b", "2"},
		{"/?", "a", NULL},
		{"/?A=1", "a", NULL},
		{"/", "a", NULL},
		{"/?=x", "", "x"},
		{"/?a=1?b=2", "a", "1?b=2"},
		{"/?a=1#b", "a", "1"},
	};
	struct target t;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *value;

		assert_true(target_parse(&t, rows[i].raw, strlen(rows[i].raw), NULL));
		value = pairs_find(t.query, t.query_count, rows[i].key);
		assert_int_equal(value == NULL, rows[i].value == NULL);
		if (value != NULL)
			assert_string_equal(value, rows[i].value);
		target_finish(&t);
	}
}

static void nul_bytes_and_endless_queries_are_refused(void **state)
{
	static const char *const rows[] = {"/a%00b", "/?a%00", "/?a=%00", "/?a=1&b=%00c"};
	char raw[2 * TARGET_QUERY_MAX + 8] = "/?";
	struct fail f = {0};
	struct target t;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(target_parse(&t, rows[i], strlen(rows[i]), &f));
		assert_int_equal(f.code, FAIL_INVALID);
		assert_non_null(strstr(f.text, "NUL byte"));
		target_finish(&t);
	}
	assert_false(target_parse(&t, "/a\0b", 4, &f));
	target_finish(&t);
	memset(raw + 2, '&', TARGET_QUERY_MAX);
	raw[2 + TARGET_QUERY_MAX] = '\0';
	assert_false(target_parse(&t, raw, strlen(raw), &f));
	assert_int_equal(f.code, FAIL_INVALID);
	target_finish(&t);
	raw[1 + TARGET_QUERY_MAX] = '\0';
	assert_true(target_parse(&t, raw, strlen(raw), &f));
	target_finish(&t);
}

static void what_is_not_utf8_is_refused(void **state)
{
	static const struct {
		const char *raw, *path, *part;
	} rows[] = {
		{"/a/%ff", "/a/\xff", "path"},
		{"//a/\xff?b", "/a/\xff", "path"},
		{"/a/%c3", "/a/\xc3", "path"},
		{"/%c0%af", "/\xc0\xaf", "path"},
		{"/%ed%a0%80", "/\xed\xa0\x80", "path"},
		{"/a?project=%ff", "/a", "query"},
		{"/a?%ff=1", "/a", "query"},
		{"/a?%ff", "/a", "query"},
		{"/a?b=1&c=x%c3&d", "/a", "query"},
		{"/a?b=%c3&%a9=1", "/a", "query"},
	};
	struct target t;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};

		assert_false(target_parse(&t, rows[i].raw, strlen(rows[i].raw), &f));
		assert_int_equal(f.code, FAIL_INVALID);
		assert_non_null(strstr(f.text, "is not UTF-8"));
		assert_non_null(strstr(f.text, rows[i].part));
		assert_string_equal(t.path, rows[i].path);
		target_finish(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_decoded_once_and_lone_percent_signs_stay),
		cmocka_unit_test(query_keys_may_lack_a_value_or_come_twice),
		cmocka_unit_test(what_is_not_utf8_is_refused),
		cmocka_unit_test(nul_bytes_and_endless_queries_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

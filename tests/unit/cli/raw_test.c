/* Tests of raw: JSON as it is written. */
#include "raw.h"

#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "unit/cmocka.h"

/* The parts of an array or an object, each after its key, with '|' between. */
static const char *parts(const char *text)
{
	static struct buf out;
	struct raw key, part;
	size_t at = 0;

	buf_finish(&out);
	buf_init(&out, 1000);
	assert_true(raw_check(text, strlen(text), NULL));
	while (raw_next(raw_value(text, strlen(text)), &at, &key, &part)) {
		buf_add(&out, key.p != NULL ? key.p : "", key.n);
		raw_put(&out, part);
		buf_text(&out, "|");
	}
	buf_add(&out, "", 0);
	return out.p;
}

static void values_are_found_as_they_are_written(void **state)
{
	(void)state;
	assert_string_equal(parts(" [1.50, -0 ,\t1E5\n]"), "1.50|-0|1E5|");
	assert_string_equal(parts("[18446744073709551616,9223372036854775808]"),
		"18446744073709551616|9223372036854775808|");
	assert_string_equal(
		parts("[[ 1, [2] ], {\"a\": [ ]}, null, true]"), "[1,[2]]|{\"a\":[]}|null|true|");
	assert_string_equal(
		parts("[\"a, ]\", \"\\\"]\", \"\\\\\"]"), "\"a, ]\"|\"\\\"]\"|\"\\\\\"|");
	assert_string_equal(parts("{\"a b\" : 1, \"}\":{ \"x\" :2}}"), "\"a b\"1|\"}\"{\"x\":2}|");
	assert_string_equal(parts("[]"), "");
	assert_string_equal(parts("{ }"), "");
	assert_string_equal(parts("7"), "");
}

static void keys_are_known_however_they_are_escaped(void **state)
{
	(void)state;
	assert_true(raw_is_key((struct raw){"\"a\\u00fc\"", 9}, "aü"));
	assert_false(raw_is_key((struct raw){"\"ab\"", 4}, "a"));
}

static void what_is_no_json_is_refused(void **state)
{
	static const char *const bad[] = {"", "[1", "[1,]", "{\"a\":1,\"a\":2}", "NaN",
		"[Infinity]", "1 2", "'a'", "[1e999]", "\"\xff\""};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct fail f = {0};

		assert_false(raw_check(bad[i], strlen(bad[i]), &f));
		assert_int_equal(f.code, FAIL_INVALID);
		assert_non_null(strstr(f.text, "JSON"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_as_they_are_written),
		cmocka_unit_test(keys_are_known_however_they_are_escaped),
		cmocka_unit_test(what_is_no_json_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

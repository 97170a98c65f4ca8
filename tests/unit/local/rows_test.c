/* The rows of a data set: their format, their count, and what is refused. */
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

static int32_t make(struct mock *m, int n, const char *format, const char *text, size_t size)
{
	mock_write(m->paths, "rows", text, size);
	return kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(n), NULL,
		json_pack("{s:s, s:{s:s}, s:s*}", "name", "x", "source", "path", "rows", "format",
			format));
}

static const struct {
	const char *text;
	const char *given;  /* the format, or NULL */
	const char *format; /* NULL: refused */
	int64_t lines;
	const char *why;
} rows[] = {
	{"a,b\n1,2\n", NULL, "csv", 2, NULL},
	{"a,b\r\n1,2", NULL, "csv", 2, NULL},
	{"", NULL, "csv", 0, NULL},
	{"\n \n", NULL, "csv", 0, NULL},
	{"\"a\nb\",\"c\"\"d\",\"\"\n", NULL, "csv", 2, NULL},
	{"5\" pipe,x\n6,\"y\"\n", NULL, "csv", 2, NULL},
	{"a\n1\n\"2,3\n4", NULL, NULL, 0, "line 3 of the data opens a quoted field"},
	{"a\n\"1\"\"", NULL, NULL, 0, "line 2 of the data opens a quoted field"},
	{"{\"a\":1}\n\n[2]\n", NULL, "jsonl", 2, NULL},
	{"  [1]", NULL, "jsonl", 1, NULL},
	{"1\n2\n", "jsonl", "jsonl", 2, NULL},
	{"{\"a\":1}\n{\"a\":", NULL, NULL, 0, "line 2 of the data is no JSON value: byte"},
	{"{\"a\":1}\nno json\n[2]\n", NULL, "jsonl", 3, NULL}, /* for the job */
	{"[NaN]\n[-Infinity]", NULL, "jsonl", 2, NULL},
	{"{\n\"a\": 1\n}\n", NULL, NULL, 0, "line 1 of the data is no JSON value"},
	{"{\"a\":1} {\"b\":2}\n", NULL, NULL, 0, "line 1 of the data is no JSON value"},
	{"a,b\n", "jsonl", NULL, 0, "line 1 of the data is no JSON value"},
	{"[1]\n\xff", NULL, NULL, 0, "line 2"},
	{"{broken", "csv", "csv", 1, NULL},
};

static void rows_are_counted_or_refused_by_their_line(void **state)
{
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		int32_t code = make(m, (int)i, rows[i].given, rows[i].text, strlen(rows[i].text));

		if (rows[i].format == NULL) {
			if (code != DAVIT_INVALID || strstr(m->fail_text, rows[i].why) == NULL)
				fail_msg("row %zu: %d %s", i, (int)code, m->fail_text);
			assert_string_equal(m->fail_pointer, "/spec/source");
			continue;
		}
		if (code != DAVIT_OK)
			fail_msg("row %zu: %s", i, m->fail_text);
		assert_string_equal(kit_text(m->reply, "/format"), rows[i].format);
		assert_int_equal(kit_int(m->reply, "/provider/lines"), rows[i].lines);
	}
}

static void a_nul_byte_is_in_no_text(void **state)
{
	struct mock *m = *state;

	assert_int_equal(make(m, 1, NULL, "a\nb\0c\n", 6), DAVIT_INVALID);
	assert_non_null(strstr(m->fail_text, "line 2"));
	assert_int_equal(make(m, 1, NULL, "[1]\n\0", 5), DAVIT_INVALID);
}

static void a_refused_data_set_takes_no_version(void **state)
{
	struct mock *m = *state;

	assert_int_equal(make(m, 1, "jsonl", "no", 2), DAVIT_INVALID);
	assert_int_equal(json_object_size(m->kv), 0);
	assert_int_equal(make(m, 2, "jsonl", "1", 1), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/version"), 1);
}

static void a_line_that_is_too_long_to_look_at_is_believed(void **state)
{
	static char line[300 * 1024];
	struct mock *m = *state;

	memset(line, 'x', sizeof(line));
	line[0] = '[';
	line[sizeof(line) - 4] = '\n';
	memcpy(line + sizeof(line) - 3, "[1]", 3);
	assert_int_equal(make(m, 1, NULL, line, sizeof(line)), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/rows"), 2);
	memcpy(line + sizeof(line) - 3, "[1 ", 3);
	assert_int_equal(make(m, 2, NULL, line, sizeof(line)), DAVIT_INVALID);
}

static void sealed_bytes_are_looked_at_too(void **state)
{
	struct mock *m = *state;
	char digest[65];

	assert_int_equal(make(m, 1, NULL, "a,b\n1,2\n", 8), DAVIT_OK);
	(void)strcpy(digest, kit_text(m->reply, "/sha256"));
	assert_int_equal(
		kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(2), NULL,
			json_pack("{s:s, s:{s:s}}", "name", "x", "source", "blob", digest)),
		DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/provider/lines"), 2);
	assert_int_equal(kit_int(m->reply, "/bytes"), 8);
	assert_int_equal(kit_job(m, DAVIT_DATASETS, "submit", "create", kit_id(3), NULL,
				 json_pack("{s:s, s:{s:s}, s:s}", "name", "x", "source", "blob",
					 digest, "format", "jsonl")),
		DAVIT_INVALID);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(rows_are_counted_or_refused_by_their_line),
		TEST(a_nul_byte_is_in_no_text),
		TEST(a_refused_data_set_takes_no_version),
		TEST(a_line_that_is_too_long_to_look_at_is_believed),
		TEST(sealed_bytes_are_looked_at_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

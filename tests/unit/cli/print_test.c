/* Tests of print: tables and values for people. */
#include "print.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/clock.h"
#include "table.h"
#include "unit/cmocka.h"

static char *printed;
static size_t printed_size;

static FILE *begin(void)
{
	free(printed);
	printed = NULL;
	return open_memstream(&printed, &printed_size);
}

static void columns_are_as_wide_as_what_they_hold(void **state)
{
	static const char *const heads[] = {"NAME", ">N", "NOTE"};
	FILE *out = begin();
	struct table t;

	(void)state;
	table_init(&t, heads, COUNT(heads));
	table_cell(&t, "größer");
	table_cellf(&t, "%d", 7);
	table_cell(&t, NULL);
	table_cell(&t, "b");
	table_cell(&t, "1234");
	table_cell(&t, "last");
	assert_int_equal(table_rows(&t), 2);
	table_print(&t, out, "none");
	(void)fclose(out);
	assert_string_equal(printed, "NAME       N  NOTE\n"
				     "größer     7  -\n"
				     "b       1234  last\n");
}

static void wide_characters_have_two_columns(void **state)
{
	static const char *const heads[] = {"NAME", "N"};
	char line[] = "数字数字abc";
	char tiny[] = "abcd";
	FILE *out = begin();
	struct table t;

	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_int_equal(print_width("数字"), 4);
	assert_int_equal(print_width("e\u0301"), 1);
	table_init(&t, heads, COUNT(heads));
	table_cell(&t, "数字x");
	table_cell(&t, "1");
	table_print(&t, out, NULL);
	(void)fclose(out);
	assert_string_equal(printed, "NAME   N\n数字x  1\n");
	print_cut(line, 11);
	assert_string_equal(line, "数字数字abc");
	print_cut(line, 10);
	assert_string_equal(line, "数字数...");
	print_cut(tiny, 2);
	assert_string_equal(tiny, "..");
	(void)setlocale(LC_CTYPE, "C");
}

static void one_long_text_does_not_pad_all_rows(void **state)
{
	static const char *const heads[] = {"NAME", "N", "NOTE"};
	char name[100], line[400];
	FILE *out = begin();
	struct table t;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	table_init(&t, heads, COUNT(heads));
	table_cell(&t, name);
	table_cell(&t, "1");
	table_cell(&t, name);
	table_print(&t, out, NULL);
	print_pair(out, name, "value");
	(void)fclose(out);
	(void)snprintf(line, sizeof(line), "NAME%*s  N  NOTE\n", 76, "");
	assert_memory_equal(printed, line, strlen(line));
	(void)snprintf(line, sizeof(line), "\n%.77s...  1  %s\n%.77s... value\n", name, name, name);
	assert_string_equal(strchr(printed, '\n'), line);
}

static void what_is_cut_stays_text(void **state)
{
	char text[PRINT_SIZE], many[400] = "a";

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(many, "é"); // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
	assert_int_equal(strlen(print_fit(many, text)), 1 + 2 * 29 + 3);
	assert_string_equal(text + 1 + 2 * 28, "é...");
	assert_int_equal(strlen(print_head(many, text)), 1 + 1 + 2 * 29 + 3);
	assert_memory_equal(text, ">aé", 4);
	assert_string_equal(print_fit("short", text), "short");
}

static void a_table_without_rows_says_so(void **state)
{
	static const char *const heads[] = {"A"};
	FILE *out = begin();
	struct table t;

	(void)state;
	table_init(&t, heads, 1);
	table_print(&t, out, "no jobs");
	(void)fclose(out);
	assert_string_equal(printed, "no jobs\n");
}

static void nothing_that_is_shown_steers_the_terminal(void **state)
{
	FILE *out = begin();
	char line[] = "a\x1b[31m\xc2\x9b"
		      "b\n\xff"
		      "c";

	(void)state;
	print_pair(out, "k", "x\x1b]0;title\x07y\nz");
	print_pair(out, "k\n\x1b", "v");
	print_line(out, "%s\n", "\x1b");
	print_lines(out, "> ", "one\x1b[2J\ntwo\ttab\n");
	print_tame(line);
	(void)fclose(out);
	assert_string_equal(printed,
		"k            x?]0;title?y z\nk ?          v\n? \n> one?[2J\n> two\ttab\n");
	assert_string_equal(line, "a?[31m?b ?c");
}

static void times_are_short_and_local(void **state)
{
	char text[PRINT_SIZE];
	int64_t now_ms = 0;

	(void)state;
	assert_int_equal(setenv("TZ", "UTC-2", 1), 0); /* two hours east */
	tzset();
	assert_true(clock_parse_rfc3339("2026-11-21T12:00:00Z", &now_ms));
	assert_string_equal(print_time("2026-11-21T10:00:01.5Z", now_ms, text), "12:00:01");
	assert_string_equal(print_time("2026-03-01T10:00:00Z", now_ms, text), "Mar 01 12:00");
	assert_string_equal(print_time("2025-12-31T23:00:00Z", now_ms, text), "Jan 01 01:00");
	assert_string_equal(print_time("2025-12-31T10:00:00Z", now_ms, text), "2025-12-31");
	assert_string_equal(print_time("soon", now_ms, text), "-");
	assert_string_equal(print_time(NULL, now_ms, text), "-");
}

static void sizes_and_durations_have_their_units(void **state)
{
	char text[PRINT_SIZE];

	(void)state;
	assert_string_equal(print_bytes(1023, text), "1023 B");
	assert_string_equal(print_bytes(1536, text), "1.5 KiB");
	assert_string_equal(print_bytes(INT64_C(5) << 30, text), "5.0 GiB");
	assert_string_equal(print_duration(420, text), "0.42 s");
	assert_string_equal(print_duration(59999, text), "59 s");
	assert_string_equal(print_duration(192000, text), "3m 12s");
	assert_string_equal(print_duration(7500000, text), "2h 05m");
	assert_string_equal(print_duration(INT64_C(90000000), text), "1d 01h");
	assert_string_equal(print_duration(-1, text), "-");
}

static void values_of_json_are_shown_plainly(void **state)
{
	char text[PRINT_SIZE];
	json_t *v = json_pack("[f, i, b, s, n, {s:i}]", 0.95123456789, 7, 1, "word", "a", 1);
	json_t *longer = json_stringn("0123456789012345678901234567890123456789"
				      "01234567890123456789012345678901234567890123456789",
		90);

	(void)state;
	assert_string_equal(print_value(json_array_get(v, 0), text), "0.951235");
	assert_string_equal(print_value(json_array_get(v, 1), text), "7");
	assert_string_equal(print_value(json_array_get(v, 2), text), "true");
	assert_string_equal(print_value(json_array_get(v, 3), text), "word");
	assert_string_equal(print_value(json_array_get(v, 4), text), "-");
	assert_string_equal(print_value(json_array_get(v, 5), text), "{\"a\":1}");
	assert_string_equal(print_value(NULL, text), "-");
	assert_int_equal(strlen(print_value(longer, text)), PRINT_SIZE - 1);
	json_decref(v);
	json_decref(longer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_what_they_hold),
		cmocka_unit_test(wide_characters_have_two_columns),
		cmocka_unit_test(one_long_text_does_not_pad_all_rows),
		cmocka_unit_test(what_is_cut_stays_text),
		cmocka_unit_test(a_table_without_rows_says_so),
		cmocka_unit_test(nothing_that_is_shown_steers_the_terminal),
		cmocka_unit_test(times_are_short_and_local),
		cmocka_unit_test(sizes_and_durations_have_their_units),
		cmocka_unit_test(values_of_json_are_shown_plainly),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(printed);
	return failed;
}

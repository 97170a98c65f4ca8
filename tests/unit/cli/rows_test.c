/* Tests of rows: CSV and JSON Lines as instances. */
#include "rows.h"

#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/cmocka.h"

struct input {
	const char *text;
	struct rows_options options;
};

/* All rows of a text, one per line, or the failure's text after "! ". */
static const char *read_text(enum rows_format format, struct input in)
{
	static struct buf out;
	struct fail f = {0};
	struct rows *rows;
	int ends[2];
	int got = 0;

	in.options.format = format;
	buf_finish(&out);
	buf_init(&out, (size_t)1 << 20);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], in.text, strlen(in.text)), (ssize_t)strlen(in.text));
	assert_int_equal(close(ends[1]), 0);
	rows = rows_open(ends[0], &in.options, &f);
	while (rows != NULL && (got = rows_next(rows, &out, &f)) == 1)
		buf_text(&out, "\n");
	if (rows == NULL || got < 0)
		buf_printf(&out, "! %s", f.text);
	rows_close(rows);
	buf_add(&out, "", 0);
	return out.p;
}

#define CSV(...)   read_text(ROWS_CSV, (struct input){.text = __VA_ARGS__})
#define JSONL(...) read_text(ROWS_JSONL, (struct input){.text = __VA_ARGS__})
#define EXCLUDE(...)                                                                               \
	.options.exclude = (const char *const[]){__VA_ARGS__},                                     \
	.options.exclude_count = COUNT(((const char *const[]){__VA_ARGS__}))

static void numbers_stay_as_they_are_written(void **state)
{
	(void)state;
	assert_string_equal(CSV("1,-2.50,3e5,0\n"), "[1,-2.50,3e5,0]\n");
	assert_string_equal(CSV(" 7 ,x y\n", .options.header = ROWS_HEADER_NO), "[7,\"x y\"]\n");
}

static void numbers_are_told_however_they_are_written(void **state)
{
	(void)state;
	assert_string_equal(CSV("1,.5,5.,-.5,1.e5,+5,007,-0012.50,00\n"),
		"[1,0.5,5.0,-0.5,1.0e5,5,7,-12.50,0]\n");
	assert_string_equal(CSV("9223372036854775808,184467440737095516150,1e308\n"),
		"[9223372036854775808,184467440737095516150,1e308]\n");
	assert_string_equal(CSV("  1.50,\t2 \n .5,+3\n"), "[1.50,2]\n[0.5,3]\n");
}

static void what_is_no_number_is_a_text_or_null(void **state)
{
	(void)state;
	assert_string_equal(CSV("1,nan,1e,-,.,e5,0x1,1 2,1e999,1_000,--1\n"),
		"[1,\"nan\",\"1e\",\"-\",\".\",\"e5\",\"0x1\",\"1 2\",\"1e999\",\"1_000\","
		"\"--1\"]\n");
	assert_string_equal(CSV("1,,\"\",2\n"), "[1,null,null,2]\n");
}

static void blanks_around_cells_and_names_are_none_of_them(void **state)
{
	(void)state;
	assert_string_equal(CSV("a, b ,c\n1, x y ,3\n", EXCLUDE("b"), .options.objects = true),
		"{\"a\":1,\"c\":3}\n");
	assert_string_equal(CSV("a,b\n1, x y \n"), "[1,\"x y\"]\n");
}

static void quotes_commas_and_breaks_are_those_of_rfc_4180(void **state)
{
	(void)state;
	assert_string_equal(CSV("1,\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n2,c,d,e\r\n"),
		"[1,\"a,b\",\"say \\\"hi\\\"\",\"two\\u000d\\u000alines\"]\n[2,\"c\",\"d\",\"e\"]\n");
	assert_string_equal(CSV("1,\"open\n"), "! line 1: a quoted cell does not end");
}

static void a_header_is_told_by_having_no_number(void **state)
{
	(void)state;
	assert_string_equal(CSV("a,b\n1,2\n"), "[1,2]\n");
	assert_string_equal(CSV("a,2\n1,2\n"), "[\"a\",2]\n[1,2]\n");
	assert_string_equal(CSV("1,2\n3,4\n", .options.header = ROWS_HEADER_YES), "[3,4]\n");
	assert_string_equal(CSV("a,b\n", .options.header = ROWS_HEADER_NO), "[\"a\",\"b\"]\n");
	assert_string_equal(CSV(",a,b\n0,1,2\n", EXCLUDE("0")), "[1,2]\n");
	assert_string_equal(CSV(",\n1,2\n"), "[null,null]\n[1,2]\n");
}

static void a_mark_of_utf_8_is_no_part_of_the_first_row(void **state)
{
	(void)state;
	assert_string_equal(CSV("\xef\xbb\xbflabel,b\n1,2\n", EXCLUDE("label")), "[2]\n");
	assert_string_equal(CSV("\xef\xbb\xbf\"la,bel\",b\n1,2\n", EXCLUDE("la,bel")), "[2]\n");
	assert_string_equal(CSV("\xef\xbb\xbf"
				"1,2\n"),
		"[1,2]\n");
	assert_string_equal(CSV("\xef\xbb\xbf"), "");
	assert_string_equal(CSV("\xef\xbb"), "! the name of column 1 is not UTF-8");
	assert_string_equal(JSONL("\xef\xbb\xbf[1]\n"), "[1]\n");
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* Reads rows of a pipe as they come; each is ready once its end is there. */
static void read_as_they_come(enum rows_format format, const char *const *parts)
{
	struct rows_options options = {.format = format};
	struct fail f = {0};
	struct rows *rows;
	struct buf out;
	int ends[2];

	buf_init(&out, 1000);
	assert_int_equal(pipe(ends), 0);
	put(ends[1], parts[0]);
	rows = rows_open(ends[0], &options, &f);
	assert_non_null(rows);
	assert_true(rows_ready(rows));
	assert_int_equal(rows_next(rows, &out, &f), 1);
	for (size_t i = 1; i < 4; i++) {
		assert_false(rows_ready(rows));
		put(ends[1], parts[i]);
	}
	assert_true(rows_ready(rows));
	assert_true(rows_ready(rows));
	assert_int_equal(rows_next(rows, &out, &f), 1);
	assert_int_equal(close(ends[1]), 0);
	assert_true(rows_ready(rows));
	assert_int_equal(rows_next(rows, &out, &f), 0);
	assert_string_equal(out.p, parts[4]);
	rows_close(rows);
	buf_finish(&out);
}

static void half_a_row_is_not_ready(void **state)
{
	(void)state;
	read_as_they_come(ROWS_CSV,
		(const char *const[]){"1,2\n", "3", ",\"a\n", "b\"\n", "[1,2][3,\"a\\u000ab\"]"});
	read_as_they_come(ROWS_JSONL, (const char *const[]){"[1]\n", "\n[", "2", "]\n", "[1][2]"});
}

static void a_wait_for_rows_can_be_ended(void **state)
{
	volatile sig_atomic_t stop = 1;
	struct rows_options options = {.stop = &stop};
	struct fail f = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_null(rows_open(ends[0], &options, &f));
	assert_int_equal(f.code, FAIL_DEADLINE);
	assert_int_equal(close(ends[1]), 0);
}

static void columns_are_left_out_by_name_or_number(void **state)
{
	(void)state;
	assert_string_equal(CSV("label,x,y\n1,2,3\n", EXCLUDE("label")), "[2,3]\n");
	assert_string_equal(CSV("1,2,3\n", EXCLUDE("0", "2")), "[2]\n");
	assert_string_equal(CSV("a,b\n1,2\n", EXCLUDE("c")), "! there is no column 'c' among 2");
	assert_string_equal(CSV("1,2\n", EXCLUDE("2")),
		"! there is no column '2' among 2; the rows have no header");
}

static void rows_become_objects_by_the_header(void **state)
{
	(void)state;
	assert_string_equal(CSV("x,y\n1,b\n", .options.objects = true), "{\"x\":1,\"y\":\"b\"}\n");
	assert_string_equal(CSV("1,2\n", .options.objects = true),
		"! rows as objects need a header line with the names of the columns");
}

static void rows_of_another_length_name_their_line(void **state)
{
	(void)state;
	assert_string_equal(
		CSV("a,b\n1,2\n\n3\n"), "[1,2]\n! line 4: 1 cells where the first row has 2");
	assert_string_equal(CSV("1,\"a\nb\"\n2\n"),
		"[1,\"a\\u000ab\"]\n! line 3: 1 cells where the first row has 2");
}

static void the_last_line_needs_no_break(void **state)
{
	(void)state;
	assert_string_equal(CSV("1,2\n3,4"), "[1,2]\n[3,4]\n");
	assert_string_equal(CSV("1,2\n3,"), "[1,2]\n[3,null]\n");
	assert_string_equal(CSV(""), "");
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	(void)state;
	assert_string_equal(CSV("1,\xff\n"), "! line 1: a cell is not UTF-8");
}

static void lines_of_json_pass_as_they_are(void **state)
{
	(void)state;
	assert_string_equal(
		JSONL("{\"a\": 1.50}\n\n[1, 2]\r\n\"x\"\n7"), "{\"a\":1.50}\n[1,2]\n\"x\"\n7\n");
	assert_string_equal(
		JSONL("{\"a\":1,\"b\":2}\n[5,6]\n", EXCLUDE("a")), "{\"b\":2}\n[5,6]\n");
	assert_string_equal(JSONL("[5,6,7]\n", EXCLUDE("0", "1")), "[7]\n");
	assert_string_equal(JSONL("[ 5 , [6, {\"a\": \"] ,\"}] , 7 ]\n", EXCLUDE("0")),
		"[[6,{\"a\":\"] ,\"}],7]\n");
	assert_string_equal(JSONL("{\"\\u00fc\": 1, \"b\": 18446744073709551616}\n", EXCLUDE("ü")),
		"{\"b\":18446744073709551616}\n");
	assert_string_equal(JSONL("[]\n{ }\n", EXCLUDE("0")), "[]\n{}\n");
	assert_non_null(strstr(JSONL("1\n{\n"), "! line 2: "));
}

static void formats_are_told_by_the_ending(void **state)
{
	(void)state;
	assert_int_equal(rows_format_of("a.jsonl"), ROWS_JSONL);
	assert_int_equal(rows_format_of("a.json"), ROWS_JSONL);
	assert_int_equal(rows_format_of("json"), ROWS_CSV);
	assert_int_equal(rows_format_of("-"), ROWS_CSV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_stay_as_they_are_written),
		cmocka_unit_test(numbers_are_told_however_they_are_written),
		cmocka_unit_test(what_is_no_number_is_a_text_or_null),
		cmocka_unit_test(blanks_around_cells_and_names_are_none_of_them),
		cmocka_unit_test(quotes_commas_and_breaks_are_those_of_rfc_4180),
		cmocka_unit_test(a_header_is_told_by_having_no_number),
		cmocka_unit_test(a_mark_of_utf_8_is_no_part_of_the_first_row),
		cmocka_unit_test(half_a_row_is_not_ready),
		cmocka_unit_test(a_wait_for_rows_can_be_ended),
		cmocka_unit_test(columns_are_left_out_by_name_or_number),
		cmocka_unit_test(rows_become_objects_by_the_header),
		cmocka_unit_test(rows_of_another_length_name_their_line),
		cmocka_unit_test(the_last_line_needs_no_break),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(lines_of_json_pass_as_they_are),
		cmocka_unit_test(formats_are_told_by_the_ending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

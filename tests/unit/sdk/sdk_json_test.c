/* The SDK's JSON reader and writer, on a buffer alone. */
#include <davit/sdk.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM     (64 * 1024)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char room[ROOM];

static struct davit_sdk_mem fresh(void)
{
	struct davit_sdk_mem mem;

	memset(room, 0x5A, sizeof(room));
	davit_sdk_mem_buffer(&mem, room, sizeof(room));
	return mem;
}

/* The text read and written again; NULL if it was refused, or mem has no room for it. */
static const char *again(struct davit_sdk_mem *mem, davit_buf text)
{
	const struct davit_sdk_json *v = davit_sdk_parse(mem, text, NULL);
	struct davit_sdk_writer w;

	if (v == NULL)
		return NULL;
	davit_sdk_write_begin(&w, mem);
	davit_sdk_put_json(&w, NULL, v);
	davit_buf out = davit_sdk_write_end(&w);
	return out.p != NULL ? davit_sdk_format(mem, "%.*s", (int)out.n, out.p) : NULL;
}

static void valid_texts_are_read_and_written_back(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{"null", "null"},
		{" \t\r\n true ", "true"},
		{"false", "false"},
		{"0", "0"},
		{"-0", "0"},
		{"-17", "-17"},
		{"9223372036854775807", "9223372036854775807"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775808", "9223372036854775808"},
		{"-9223372036854775809", "-9223372036854775809"},
		{"123456789012345678901234567890", "123456789012345678901234567890"},
		{"0.10", "0.10"},
		{"1e3", "1e3"},
		{"-1.5E-7", "-1.5E-7"},
		{"1e-999", "1e-999"},
		{"\"\"", "\"\""},
		{"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"a\\\"\\\\/\\b\\f\\n\\r\\t\""},
		{"\"\\u0001\\u001F\\u007f\"", "\"\\u0001\\u001f\x7F\""},
		{"\"\\u0041\\u00e9\\u20AC\"", "\"A\xC3\xA9\xE2\x82\xAC\""},
		{"\"\\ud83d\\uDE00\"", "\"\xF0\x9F\x98\x80\""},
		{"\"\\uDBFF\\uDFFF\"", "\"\xF4\x8F\xBF\xBF\""},
		{"\"\xC2\x80\xE0\xA0\x80\xED\x9F\xBF\xF0\x90\x80\x80\"",
			"\"\xC2\x80\xE0\xA0\x80\xED\x9F\xBF\xF0\x90\x80\x80\""},
		{"[]", "[]"},
		{"{}", "{}"},
		{"[ 1 , [ 2 , { } ] ]", "[1,[2,{}]]"},
		{"{ \"b\" : 1, \"a\" : [ null ] , \"\" : \"x\" }",
			"{\"b\":1,\"a\":[null],\"\":\"x\"}"},
		{"{\"a\\u002fb\\\"\":{}}", "{\"a/b\\\"\":{}}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct davit_sdk_mem mem = fresh();
		const char *out = again(&mem, davit_sdk_buf(rows[i].text));

		assert_non_null(out);
		assert_string_equal(out, rows[i].expected);
	}
}

static void invalid_texts_are_refused_at_their_byte(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
	} rows[] = {
		{"", 0},
		{"  ", 2},
		{"nul", 0},
		{"True", 0},
		{"nullx", 4},
		{"1 2", 2},
		{"01", 0},
		{"-", 0},
		{"+1", 0},
		{".5", 0},
		{"1.", 0},
		{"1.e3", 0},
		{"1e", 0},
		{"1e+", 0},
		{"1e999", 0},
		{"-1e999", 0},
		{"0x10", 1},
		{"NaN", 0},
		{"Infinity", 0},
		{"\"", 1},
		{"\"abc", 4},
		{"\"abc\\", 5},
		{"\"abc\\\"", 6},
		{"\"\\x41\"", 2},
		{"\"\\u12\"", 3},
		{"\"\\u12g4\"", 3},
		{"\"\\u\"", 3},
		{"\"\\u0000\"", 7},
		{"\"\\ud800\"", 7},
		{"\"\\ud800x\"", 7},
		{"\"\\ud800\\n\"", 7},
		{"\"\\ud800\\u0041\"", 13},
		{"\"\\ud800\\ud800\"", 13},
		{"\"\\udc00\"", 7},
		{"\"a\nb\"", 2},
		{"\"a\tb\"", 2},
		{"\"\x80\"", 1},
		{"\"\xC0\x80\"", 1},
		{"\"\xC1\xBF\"", 1},
		{"\"\xC3\"", 1},
		{"\"\xE0\x9F\xBF\"", 1},
		{"\"\xED\xA0\x80\"", 1},
		{"\"\xE2\x82\"", 1},
		{"\"\xF0\x8F\xBF\xBF\"", 1},
		{"\"\xF4\x90\x80\x80\"", 1},
		{"\"\xF5\x80\x80\x80\"", 1},
		{"\"\xFF\"", 1},
		{"\xEF\xBB\xBF{}", 0},
		{"[", 1},
		{"[1", 2},
		{"[1,", 3},
		{"[1,]", 3},
		{"[,1]", 1},
		{"[1 2]", 3},
		{"[1}", 2},
		{"]", 0},
		{"{", 1},
		{"{1:2}", 1},
		{"{\"a\"}", 4},
		{"{\"a\":}", 5},
		{"{\"a\":1,}", 7},
		{"{\"a\":1 \"b\":2}", 7},
		{"{\"a\":1]", 6},
		{"{'a':1}", 1},
		{"[1]]", 3},
		{"// no\n1", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct davit_sdk_mem mem = fresh();
		struct davit_sdk_error error = {NULL, SIZE_MAX};

		const struct davit_sdk_json *v =
			davit_sdk_parse(&mem, davit_sdk_buf(rows[i].text), &error);
		if (v != NULL || error.offset != rows[i].offset)
			fail_msg("%s: offset %zu, not %zu (%s)", rows[i].text, error.offset,
				rows[i].offset, error.reason != NULL ? error.reason : "taken");
		assert_true(strlen(error.reason) > 8);
	}
}

static void a_nul_byte_ends_nothing(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {{"1\0", 2}, {"\"a\0b\"", 5}, {"\0", 1}, {"{\"a\0\":1}", 8}, {"[\0]", 3}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct davit_sdk_mem mem = fresh();
		davit_buf text = {rows[i].bytes, rows[i].n};

		assert_null(davit_sdk_parse(&mem, text, NULL));
	}
	struct davit_sdk_mem mem = fresh();
	davit_buf none = {NULL, 0};
	assert_null(davit_sdk_parse(&mem, none, NULL));
}

static void bytes_behind_the_text_are_not_read(void **state)
{
	static const char *const texts[] = {
		"true", "12", "1.5", "\"ab\"", "\"\\u0041\"", "[1]", "{\"a\":1}", "1e5"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		for (size_t n = 0; n <= strlen(texts[i]); n++) {
			struct davit_sdk_mem mem = fresh();
			char *exact = malloc(n > 0 ? n : 1); /* a sanitizer sees the byte after */

			assert_non_null(exact);
			memcpy(exact, texts[i], n);
			davit_buf text = {exact, n};
			const struct davit_sdk_json *v = davit_sdk_parse(&mem, text, NULL);
			if (n == strlen(texts[i]))
				assert_non_null(v);
			free(exact);
		}
	}
}

static void kinds_of_numbers_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		int32_t kind;
		int64_t integer;
		double number;
	} rows[] = {
		{"42", DAVIT_SDK_INTEGER, 42, 42.0},
		{"-9223372036854775808", DAVIT_SDK_INTEGER, INT64_MIN, -9223372036854775808.0},
		{"9223372036854775807", DAVIT_SDK_INTEGER, INT64_MAX, 9223372036854775807.0},
		{"9223372036854775808", DAVIT_SDK_REAL, 0, 9223372036854775808.0},
		{"18446744073709551616", DAVIT_SDK_REAL, 0, 18446744073709551616.0},
		{"1.0", DAVIT_SDK_REAL, 0, 1.0},
		{"1e2", DAVIT_SDK_REAL, 0, 100.0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct davit_sdk_mem mem = fresh();
		const struct davit_sdk_json *v =
			davit_sdk_parse(&mem, davit_sdk_buf(rows[i].text), NULL);

		assert_non_null(v);
		assert_int_equal(v->kind, rows[i].kind);
		assert_true(v->integer == rows[i].integer);
		assert_memory_equal(&v->number, &rows[i].number, sizeof(double));
		assert_true(davit_sdk_int_at(v, "", -1) ==
			    (rows[i].kind == DAVIT_SDK_INTEGER ? rows[i].integer : -1));
	}
}

static void levels_are_counted(void **state)
{
	char text[2 * DAVIT_SDK_DEPTH_MAX + 8];

	(void)state;
	for (size_t depth = DAVIT_SDK_DEPTH_MAX - 1; depth <= DAVIT_SDK_DEPTH_MAX + 1; depth++) {
		struct davit_sdk_mem mem = fresh();
		davit_buf all = {text, 2 * depth};
		davit_buf unclosed = {text, depth};

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		const char *out = again(&mem, all);
		if (depth <= DAVIT_SDK_DEPTH_MAX)
			assert_memory_equal(out, text, 2 * depth);
		else
			assert_null(out);
		assert_null(davit_sdk_parse(&mem, unclosed, NULL));
	}
}

static void any_room_reads_wholly_or_refuses(void **state)
{
	static const char text[] = "{\"name\":\"\\u00e9t\\u00e9\",\"list\":[1,2.5,{\"x\":null}],"
				   "\"long\":\"0123456789012345678901234567890123456789\"}";
	static const char expected[] =
		"{\"name\":\"\xC3\xA9t\xC3\xA9\",\"list\":[1,2.5,{\"x\":null}],"
		"\"long\":\"0123456789012345678901234567890123456789\"}";
	size_t refused = 0, whole = 0;

	(void)state;
	for (size_t n = 0; n < 2048; n++) {
		char *exact = malloc(n > 0 ? n : 1);
		struct davit_sdk_mem mem;
		struct davit_sdk_error error = {NULL, 0};

		assert_non_null(exact);
		davit_sdk_mem_buffer(&mem, exact, n);
		const struct davit_sdk_json *v = davit_sdk_parse(&mem, davit_sdk_buf(text), &error);
		const char *out = v != NULL ? again(&mem, davit_sdk_buf(text)) : NULL;
		if (v == NULL)
			assert_string_equal(
				error.reason, "the text is larger than the memory for it");
		if (out != NULL)
			assert_string_equal(out, expected);
		refused += v == NULL;
		whole += out != NULL;
		free(exact);
		if (out != NULL)
			break;
	}
	assert_true(refused > 100 && whole == 1);
}

static void allocations_are_zeroed_aligned_and_bounded(void **state)
{
	struct davit_sdk_mem mem;
	char *p;
	size_t total = 0;

	(void)state;
	memset(room, 0x5A, sizeof(room));
	davit_sdk_mem_buffer(&mem, room + 1, 1000);
	while ((p = davit_sdk_alloc(&mem, 24)) != NULL) {
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < 24; i++)
			assert_int_equal(p[i], 0);
		assert_true(p > room && p + 24 <= room + 1001);
		total += 24;
	}
	assert_true(total > 600);
	assert_null(davit_sdk_alloc(&mem, SIZE_MAX));
	davit_sdk_mem_buffer(&mem, NULL, 1000);
	assert_null(davit_sdk_alloc(&mem, 1));
}

static void pointers_find_and_name_values(void **state)
{
	static const struct {
		const char *pointer;
		const char *expected; /* NULL: there is none */
	} rows[] = {
		{"", "{"},
		{"/a", "[1,{\"b\":\"here\"}]"},
		{"/a/0", "1"},
		{"/a/1/b", "\"here\""},
		{"/a/2", NULL},
		{"/a/01", NULL},
		{"/a/-", NULL},
		{"/a/-1", NULL},
		{"/a/", NULL},
		{"/a/99999999999999999999", NULL},
		{"/a/1/b/c", NULL},
		{"/m~0n", "8"},
		{"/a~1b", "9"},
		{"/m~n", "8"},
		{"/", "0"},
		{"//", NULL},
		{"/a/1/", NULL},
		{"a", NULL},
		{"/twice", "1"},
		{"/nosuch", NULL},
	};
	static const char text[] = "{\"a\":[1,{\"b\":\"here\"}],\"m~n\":8,\"a/b\":9,\"\":0,"
				   "\"twice\":1,\"twice\":2}";
	static const char *const named[] = {"", "/a", "/a/0", "/a/1/b", "/m~0n", "/a~1b", "/"};
	struct davit_sdk_mem mem = fresh();
	const struct davit_sdk_json *v = davit_sdk_parse(&mem, davit_sdk_buf(text), NULL);

	(void)state;
	assert_non_null(v);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct davit_sdk_json *found = davit_sdk_at(v, rows[i].pointer);
		struct davit_sdk_writer w;

		if (rows[i].expected == NULL) {
			assert_null(found);
			continue;
		}
		davit_sdk_write_begin(&w, &mem);
		davit_sdk_put_json(&w, NULL, found);
		davit_buf out = davit_sdk_write_end(&w);
		assert_non_null(out.p);
		assert_memory_equal(out.p, rows[i].expected, strlen(rows[i].expected));
	}
	for (size_t i = 0; i < COUNT(named); i++)
		assert_string_equal(
			davit_sdk_pointer_of(&mem, davit_sdk_at(v, named[i])), named[i]);
}

static void lookups_give_the_other_value_for_what_is_absent_or_of_another_kind(void **state)
{
	struct davit_sdk_mem mem = fresh();
	const struct davit_sdk_json *v = davit_sdk_parse(
		&mem, davit_sdk_buf("{\"t\":\"x\",\"i\":3,\"r\":0.5,\"b\":true,\"n\":null}"), NULL);

	(void)state;
	assert_string_equal(davit_sdk_text_at(v, "/t", "no"), "x");
	assert_string_equal(davit_sdk_text_at(v, "/i", "no"), "no");
	assert_null(davit_sdk_text_at(v, "/n", NULL));
	assert_true(davit_sdk_int_at(v, "/i", 7) == 3);
	assert_true(davit_sdk_int_at(v, "/r", 7) == 7);
	assert_true(davit_sdk_number_at(v, "/i", 7) > 2.9);
	assert_true(davit_sdk_number_at(v, "/r", 7) < 0.6);
	assert_true(davit_sdk_number_at(v, "/t", 7) > 6.9);
	assert_true(davit_sdk_bool_at(v, "/b", false));
	assert_true(davit_sdk_bool_at(v, "/i", true));
	assert_false(davit_sdk_bool_at(NULL, "/b", false));
	assert_null(davit_sdk_member(NULL, "t"));
	assert_null(davit_sdk_member(davit_sdk_member(v, "t"), "t"));
	assert_null(davit_sdk_item(v, 0));
	assert_int_equal(v->count, 5);
}

static void characters_are_measured_and_others_have_no_length(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		size_t length;
	} rows[] = {
		{"a", 1, 1},
		{"", 1, 1}, /* NUL is a character */
		{"a", 0, 0},
		{"\xc3\xbc", 2, 2},
		{"\xe2\x82\xac", 3, 3},
		{"\xf0\x9f\x98\x80", 4, 4},
		{"\xe2\x82\xac", 2, 0},     /* cut */
		{"\xc0\x80", 2, 0},         /* overlong */
		{"\xe0\x80\x80", 3, 0},     /* overlong */
		{"\xed\xa0\x80", 3, 0},     /* a surrogate */
		{"\xf4\x90\x80\x80", 4, 0}, /* past the last */
		{"\x80", 1, 0},
		{"\xff", 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (davit_sdk_utf8(rows[i].text, rows[i].n) != rows[i].length)
			fail_msg("row %zu", i);
	}
}

static void writing_escapes_and_mends_what_is_not_utf8(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{"", "\"\""},
		{"\"\\/\b\f\n\r\t\x01\x1F\x7F", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\""},
		{"\xC3\xA9\xF0\x9F\x98\x80", "\"\xC3\xA9\xF0\x9F\x98\x80\""},
		{"a\xFFz", "\"a\xEF\xBF\xBDz\""},
		{"\xC3", "\"\xEF\xBF\xBD\""},
		{"\xE2\x82z", "\"\xEF\xBF\xBD\xEF\xBF\xBDz\""},
		{NULL, "null"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct davit_sdk_mem mem = fresh();
		struct davit_sdk_writer w;

		davit_sdk_write_begin(&w, &mem);
		davit_sdk_put_text(&w, NULL, rows[i].text);
		davit_buf out = davit_sdk_write_end(&w);
		assert_int_equal(out.n, strlen(rows[i].expected));
		assert_memory_equal(out.p, rows[i].expected, out.n);
	}
	struct davit_sdk_mem mem = fresh();
	struct davit_sdk_writer w;
	davit_buf nul = {"a\0b", 3};
	davit_sdk_write_begin(&w, &mem);
	davit_sdk_put_bytes(&w, NULL, nul);
	assert_memory_equal(davit_sdk_write_end(&w).p, "\"a\\u0000b\"", 10);
}

static void reals_are_written_short_and_read_back_the_same(void **state)
{
	static const struct {
		double value;
		const char *expected;
	} rows[] = {{0, "0.0"}, {1, "1.0"}, {0.1, "0.1"}, {-2.5, "-2.5"}, {1e300, "1e+300"},
		{1.0 / 3, "0.3333333333333333"}, {123456789.0, "123456789.0"},
		{5e-324, "4.94065645841247e-324"},
		{1.7976931348623157e308, "1.7976931348623157e+308"}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct davit_sdk_mem mem = fresh();
		struct davit_sdk_writer w;

		davit_sdk_write_begin(&w, &mem);
		davit_sdk_put_number(&w, NULL, rows[i].value);
		davit_buf out = davit_sdk_write_end(&w);
		assert_string_equal(
			davit_sdk_format(&mem, "%.*s", (int)out.n, out.p), rows[i].expected);
		const struct davit_sdk_json *v = davit_sdk_parse(&mem, out, NULL);
		assert_non_null(v);
		assert_memory_equal(&v->number, &rows[i].value, sizeof(double));
	}
}

/* What a misuse does; each must leave the writer failed. */
static void two_tops(struct davit_sdk_writer *w)
{
	davit_sdk_put_int(w, NULL, 1);
	davit_sdk_put_int(w, NULL, 2);
}
static void named_top(struct davit_sdk_writer *w)
{
	davit_sdk_put_int(w, "a", 1);
}
static void nameless_member(struct davit_sdk_writer *w)
{
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_int(w, NULL, 1);
	davit_sdk_close_object(w);
}
static void named_item(struct davit_sdk_writer *w)
{
	davit_sdk_open_array(w, NULL);
	davit_sdk_put_int(w, "a", 1);
	davit_sdk_close_array(w);
}
static void crossed_close(struct davit_sdk_writer *w)
{
	davit_sdk_open_array(w, NULL);
	davit_sdk_close_object(w);
}
static void close_too_many(struct davit_sdk_writer *w)
{
	davit_sdk_open_array(w, NULL);
	davit_sdk_close_array(w);
	davit_sdk_close_array(w);
}
static void left_open(struct davit_sdk_writer *w)
{
	davit_sdk_open_array(w, NULL);
}
static void nothing_written(struct davit_sdk_writer *w)
{
	(void)w;
}
static void not_a_number(struct davit_sdk_writer *w)
{
	double zero = 0;

	davit_sdk_put_number(w, NULL, zero / zero);
}
static void infinite(struct davit_sdk_writer *w)
{
	double zero = 0;

	davit_sdk_put_number(w, NULL, -1 / zero);
}
static void too_deep(struct davit_sdk_writer *w)
{
	for (int i = 0; i <= DAVIT_SDK_DEPTH_MAX; i++)
		davit_sdk_open_array(w, NULL);
	for (int i = 0; i <= DAVIT_SDK_DEPTH_MAX; i++)
		davit_sdk_close_array(w);
}

static void what_would_not_be_json_is_not_written(void **state)
{
	static void (*const misuses[])(struct davit_sdk_writer *) = {two_tops, named_top,
		nameless_member, named_item, crossed_close, close_too_many, left_open,
		nothing_written, not_a_number, infinite, too_deep};

	(void)state;
	for (size_t i = 0; i < COUNT(misuses); i++) {
		struct davit_sdk_mem mem = fresh();
		struct davit_sdk_writer w;

		davit_sdk_write_begin(&w, &mem);
		misuses[i](&w);
		davit_buf out = davit_sdk_write_end(&w);
		if (out.p != NULL)
			fail_msg("misuse %zu wrote %.*s", i, (int)out.n, out.p);
	}
}

static void a_writer_that_failed_stays_failed(void **state)
{
	struct davit_sdk_mem mem;
	struct davit_sdk_writer w;

	(void)state;
	davit_sdk_mem_buffer(&mem, room, 200);
	davit_sdk_write_begin(&w, &mem);
	davit_sdk_open_array(&w, NULL);
	for (int i = 0; i < 100; i++)
		davit_sdk_put_text(&w, NULL, "0123456789");
	assert_true(w.failed);
	davit_sdk_close_array(&w);
	assert_null(davit_sdk_write_end(&w).p);
}

static void members_that_are_absent_are_left_out(void **state)
{
	struct davit_sdk_mem mem = fresh();
	struct davit_sdk_writer w;
	davit_buf none = {NULL, 0};

	(void)state;
	davit_sdk_write_begin(&w, &mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "a", NULL);
	davit_sdk_put_json(&w, "b", NULL);
	davit_sdk_put_raw(&w, "c", none);
	davit_sdk_put_null(&w, "d");
	davit_sdk_open_array(&w, "e");
	davit_sdk_put_text(&w, NULL, NULL);
	davit_sdk_put_raw(&w, NULL, davit_sdk_buf("{\"x\":1}"));
	davit_sdk_put_bool(&w, NULL, false);
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	davit_buf out = davit_sdk_write_end(&w);
	assert_string_equal(davit_sdk_format(&mem, "%.*s", (int)out.n, out.p),
		"{\"d\":null,\"e\":[null,{\"x\":1},false]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_texts_are_read_and_written_back),
		cmocka_unit_test(invalid_texts_are_refused_at_their_byte),
		cmocka_unit_test(a_nul_byte_ends_nothing),
		cmocka_unit_test(bytes_behind_the_text_are_not_read),
		cmocka_unit_test(kinds_of_numbers_are_told_apart),
		cmocka_unit_test(levels_are_counted),
		cmocka_unit_test(any_room_reads_wholly_or_refuses),
		cmocka_unit_test(allocations_are_zeroed_aligned_and_bounded),
		cmocka_unit_test(pointers_find_and_name_values),
		cmocka_unit_test(
			lookups_give_the_other_value_for_what_is_absent_or_of_another_kind),
		cmocka_unit_test(characters_are_measured_and_others_have_no_length),
		cmocka_unit_test(writing_escapes_and_mends_what_is_not_utf8),
		cmocka_unit_test(reals_are_written_short_and_read_back_the_same),
		cmocka_unit_test(what_would_not_be_json_is_not_written),
		cmocka_unit_test(a_writer_that_failed_stays_failed),
		cmocka_unit_test(members_that_are_absent_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

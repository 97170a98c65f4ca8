/* Tests of fail and utf8: one clean text, whatever goes in. */
#include "base/fail.h"
#include "base/veil.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "unit/cmocka.h"

static void a_failure_has_code_and_text_and_nothing_old(void **state)
{
	struct fail f = {.code = FAIL_BUSY, .retry_after_ms = 5, .field = "/old", .text = "old"};

	(void)state;
	assert_false(fail_set(&f, FAIL_NOT_FOUND, "no job %d", 7));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_string_equal(f.text, "no job 7");
	assert_string_equal(f.field, "");
	assert_int_equal(f.retry_after_ms, 0);
}

static void the_member_at_fault_is_named(void **state)
{
	struct fail f;

	(void)state;
	assert_false(fail_at(&f, FAIL_UNPROCESSABLE, "/a/0", "must be %s", "a text"));
	assert_string_equal(f.field, "/a/0");
	assert_string_equal(f.text, "must be a text");
}

static void each_level_puts_its_context_before_the_text(void **state)
{
	struct fail f;

	(void)state;
	fail_at(&f, FAIL_UNAVAILABLE, "/x", "disk full");
	f.retry_after_ms = 9;
	assert_false(fail_wrap(&f, "open %s", "store"));
	assert_false(fail_wrap(&f, "add job"));
	assert_string_equal(f.text, "add job: open store: disk full");
	assert_int_equal(f.code, FAIL_UNAVAILABLE);
	assert_int_equal(f.retry_after_ms, 9);
	assert_string_equal(f.field, "/x");
}

static void the_old_text_may_be_part_of_the_new_one(void **state)
{
	struct fail f;

	(void)state;
	fail_set(&f, FAIL_INVALID, "inner");
	fail_set(&f, FAIL_CONFLICT, "<%s>", f.text);
	assert_string_equal(f.text, "<inner>");
}

static void the_systems_words_follow_ours(void **state)
{
	static const struct {
		int err;
		enum fail_code code;
		const char *text;
	} rows[] = {
		{ENOENT, FAIL_NOT_FOUND, "open x: No such file or directory"},
		{EEXIST, FAIL_CONFLICT, "open x: File exists"},
		{ENOSPC, FAIL_UNAVAILABLE, "open x: No space left on device"},
		{EROFS, FAIL_INTERNAL, "open x: Read-only file system"},
		{99999, FAIL_INTERNAL, "open x: error 99999"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f;

		assert_false(fail_errno(&f, rows[i].err, "open %s", "x"));
		assert_int_equal(f.code, rows[i].code);
		assert_string_equal(f.text, rows[i].text);
	}
}

/* All bytes of text are whole characters. */
static bool is_clean(const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t n = utf8_length(text, left);

		if (n == 0)
			return false;
		text += n;
		left -= n;
	}
	return true;
}

static void a_long_text_is_cut_between_characters(void **state)
{
	char text[2000];

	(void)state;
	/* The cut falls on each byte of a character of each length in turn. */
	for (size_t lead = 0; lead < 8; lead++) {
		struct fail f;

		memset(text, 'a', lead);
		for (size_t i = lead; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, i % 3 == 0 ? "\xf0\x9f\x9a\xa2" : "\xc3\xa4\xc3\xb6", 5);
		fail_at(&f, FAIL_INVALID, text, "%s", text);
		assert_true(is_clean(f.text));
		assert_true(is_clean(f.field));
		assert_null(strchr(f.text, '?'));
		assert_true(strlen(f.text) >= sizeof(f.text) - 5);
		assert_string_equal(f.text + strlen(f.text) - 3, "...");
		assert_string_equal(f.field + strlen(f.field) - 3, "...");
	}
}

static size_t hide(char *text, size_t n, bool cut)
{
	static const char secret[] = "swordfish";

	for (size_t k = sizeof(secret) - 1; cut && k > 0; k--) {
		if (n >= k && memcmp(text + n - k, secret, k) == 0) {
			text[n - k] = '\0';
			return n - k;
		}
	}
	return n;
}

/* Whoever hides secrets later would not find half of one. */
static void a_cut_leaves_no_part_of_a_secret(void **state)
{
	struct fail f;
	char text[sizeof(f.text)];

	(void)state;
	veil_set(hide);
	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 6, "sword", 6);
	(void)fail_set(&f, FAIL_INTERNAL, "%sfish and more", text);
	veil_set(NULL);
	assert_null(strstr(f.text, "sw"));
	assert_string_equal(f.text + strlen(f.text) - 4, "x...");
}

static void a_text_that_just_fits_is_not_cut(void **state)
{
	struct fail f;
	char text[sizeof(f.text)];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fail_set(&f, FAIL_INVALID, "%s", text);
	assert_string_equal(f.text, text);
	fail_wrap(&f, "y");
	assert_int_equal(strncmp(f.text, "y: xxx", 6), 0);
	assert_string_equal(f.text + sizeof(text) - 5, "x...");
}

static void bytes_that_are_no_text_become_question_marks(void **state)
{
	struct fail f;

	(void)state;
	fail_set(&f, FAIL_INVALID, "a\xff\xc3(\xc3\xa4");
	assert_string_equal(f.text, "a?\?(\xc3\xa4");
	fail_wrap(&f, "\x80");
	assert_string_equal(f.text, "?: a?\?(\xc3\xa4");
}

static void nobody_needs_to_listen(void **state)
{
	(void)state;
	assert_false(fail_set(NULL, FAIL_INVALID, "x"));
	assert_false(fail_at(NULL, FAIL_INVALID, "/x", "x"));
	assert_false(fail_wrap(NULL, "x"));
	assert_false(fail_errno(NULL, ENOENT, "x"));
}

static void each_code_has_a_word_and_a_status(void **state)
{
	(void)state;
	for (int i = FAIL_INVALID; i < FAIL_CODE_COUNT; i++) {
		assert_true(strlen(fail_word((enum fail_code)i)) > 3);
		assert_in_range(fail_status((enum fail_code)i), 400, 504);
		for (int j = FAIL_NONE; j < i; j++)
			assert_string_not_equal(
				fail_word((enum fail_code)i), fail_word((enum fail_code)j));
	}
	assert_string_equal(fail_word(FAIL_NOT_FOUND), "not_found");
	assert_int_equal(fail_status(FAIL_BUSY), 429);
	assert_int_equal(fail_status(FAIL_CODE_COUNT), 500);
}

static void only_well_formed_characters_have_a_length(void **state)
{
	static const struct {
		const char *bytes;
		size_t n, length;
	} rows[] = {
		{"", 0, 0},
		{"a", 1, 1},
		{"\0", 1, 1},
		{"\xc2\x80", 2, 2},
		{"\xe0\xa0\x80", 3, 3},
		{"\xef\xbf\xbf", 3, 3},
		{"\xf4\x8f\xbf\xbf", 4, 4},
		{"\x80", 1, 0}, /* a tail alone */
		{"\xc2", 1, 0}, /* cut */
		{"\xe0\xa0", 2, 0},
		{"\xf0\x9f\x9a", 3, 0},
		{"\xc0\xaf", 2, 0}, /* overlong */
		{"\xe0\x9f\xbf", 3, 0},
		{"\xf0\x8f\xbf\xbf", 4, 0},
		{"\xed\xa0\x80", 3, 0},     /* a surrogate */
		{"\xf4\x90\x80\x80", 4, 0}, /* past the last */
		{"\xf5\x80\x80\x80", 4, 0},
		{"\xc3(", 2, 0},
		{"\xe1\x80(", 3, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(utf8_length(rows[i].bytes, rows[i].n), rows[i].length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_has_code_and_text_and_nothing_old),
		cmocka_unit_test(the_member_at_fault_is_named),
		cmocka_unit_test(each_level_puts_its_context_before_the_text),
		cmocka_unit_test(the_old_text_may_be_part_of_the_new_one),
		cmocka_unit_test(the_systems_words_follow_ours),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(a_cut_leaves_no_part_of_a_secret),
		cmocka_unit_test(a_text_that_just_fits_is_not_cut),
		cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
		cmocka_unit_test(nobody_needs_to_listen),
		cmocka_unit_test(each_code_has_a_word_and_a_status),
		cmocka_unit_test(only_well_formed_characters_have_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

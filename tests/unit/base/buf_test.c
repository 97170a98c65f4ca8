/* Tests of buf: a ceiling that holds, and a failure that sticks. */
#include "base/buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unit/cmocka.h"

static void bytes_are_appended_and_end_in_nul(void **state)
{
	struct buf b;
	size_t n = 0;
	char *p;

	(void)state;
	buf_init(&b, 100);
	buf_add(&b, "a\0b", 3);
	buf_text(&b, "cd");
	buf_printf(&b, "-%d-%s", 7, "x");
	p = buf_take(&b, &n);
	assert_non_null(p);
	assert_int_equal(n, 9);
	assert_memory_equal(p, "a\0bcd-7-x\0", 10);
	free(p);
}

static void an_empty_buffer_is_an_empty_text(void **state)
{
	struct buf b;
	size_t n = 5;
	char *p;

	(void)state;
	buf_init(&b, 0);
	p = buf_take(&b, &n);
	assert_non_null(p);
	assert_string_equal(p, "");
	assert_int_equal(n, 0);
	free(p);
}

static void what_fits_exactly_is_taken(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_text(&b, "12345");
	buf_printf(&b, "%s", "67890");
	assert_false(b.failed);
	assert_string_equal(b.p, "1234567890");
	buf_finish(&b);
}

static void past_the_ceiling_it_takes_nothing_more(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_text(&b, "1234567");
	buf_text(&b, "890a");
	assert_true(b.failed);
	buf_text(&b, "8");
	buf_printf(&b, "%d", 8);
	assert_string_equal(b.p, "1234567");
	assert_null(buf_take(&b, NULL));
	assert_null(b.p);
}

static void a_cleared_or_taken_buffer_works_again(void **state)
{
	struct buf b;
	char *p;

	(void)state;
	buf_init(&b, 4);
	buf_text(&b, "12345");
	buf_clear(&b);
	assert_false(b.failed);
	buf_text(&b, "1234");
	p = buf_take(&b, NULL);
	assert_string_equal(p, "1234");
	free(p);
	buf_text(&b, "abcd");
	assert_string_equal(b.p, "abcd");
	buf_text(&b, "e");
	assert_true(b.failed); /* the ceiling is still there */
	buf_finish(&b);
	buf_finish(&b);
}

static void it_grows_far_by_small_steps(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	for (int i = 0; i < 100000; i++)
		buf_add(&b, "abc", 3);
	assert_false(b.failed);
	assert_int_equal(b.n, 300000);
	assert_int_equal(strlen(b.p), 300000);
	buf_finish(&b);
}

static void memory_that_is_not_there_is_a_failure(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	buf_text(&b, "x");
	buf_add(&b, "", SIZE_MAX / 4 + 1); /* refused before a byte is read */
	assert_true(b.failed);
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_appended_and_end_in_nul),
		cmocka_unit_test(an_empty_buffer_is_an_empty_text),
		cmocka_unit_test(what_fits_exactly_is_taken),
		cmocka_unit_test(past_the_ceiling_it_takes_nothing_more),
		cmocka_unit_test(a_cleared_or_taken_buffer_works_again),
		cmocka_unit_test(it_grows_far_by_small_steps),
		cmocka_unit_test(memory_that_is_not_there_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

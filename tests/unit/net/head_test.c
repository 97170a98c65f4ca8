/* The head of an answer, as machines of others write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/head.h"

static bool add(struct head *h, const char *line)
{
	return head_line(h, line, strlen(line));
}

static void names_are_lower_case_and_values_without_blanks_around(void **state)
{
	struct head h;
	(void)state;

	head_init(&h);
	assert_true(add(&h, "HTTP/1.1 200 OK\r\n"));
	assert_true(add(&h, "Content-TYPE:  text/plain \t\r\n"));
	assert_true(add(&h, "Empty:\r\n"));
	assert_false(h.complete);
	assert_true(add(&h, "\r\n"));
	assert_true(h.complete);
	assert_int_equal(h.status, 200);
	assert_string_equal(head_get(&h, "content-type"), "text/plain");
	assert_string_equal(head_get(&h, "empty"), "");
	assert_null(head_get(&h, "Content-Type"));
	head_finish(&h);
}

static void headers_before_the_answer_itself_are_forgotten(void **state)
{
	struct head h;
	(void)state;

	head_init(&h);
	add(&h, "HTTP/1.1 103 Early Hints\r\n");
	add(&h, "Link: early\r\n");
	add(&h, "\r\n");
	assert_false(h.complete);
	add(&h, "HTTP/2 404 \r\n");
	add(&h, "a: b\r\n");
	add(&h, "\r\n");
	assert_true(h.complete);
	assert_int_equal(h.status, 404);
	assert_null(head_get(&h, "link"));
	head_finish(&h);
}

static void trailers_are_passed_over(void **state)
{
	struct head h;
	(void)state;

	head_init(&h);
	add(&h, "HTTP/1.1 200 OK\r\n");
	add(&h, "\r\n");
	assert_true(add(&h, "Late: yes\r\n"));
	assert_null(head_get(&h, "late"));
	head_finish(&h);
}

static void a_header_that_comes_twice_is_there_twice_in_order(void **state)
{
	const char *name, *value;
	struct head h;
	size_t at = 0;
	(void)state;

	head_init(&h);
	add(&h, "HTTP/1.1 200 OK\r\n");
	add(&h, "A: 1\r\n");
	add(&h, "a: 2\r\n");
	assert_true(head_next(&h, &at, &name, &value));
	assert_string_equal(value, "1");
	assert_true(head_next(&h, &at, &name, &value));
	assert_string_equal(name, "a");
	assert_string_equal(value, "2");
	assert_false(head_next(&h, &at, &name, &value));
	head_finish(&h);
}

static void bytes_that_end_texts_are_kept_out(void **state)
{
	static const char value[] = "A: x\0y\r\n", name[] = "A\0B: x\r\n";
	struct head h;
	(void)state;

	head_init(&h);
	add(&h, "HTTP/1.1 200 OK\r\n");
	assert_true(head_line(&h, name, sizeof(name) - 1));
	assert_null(head_get(&h, "a"));
	assert_true(head_line(&h, value, sizeof(value) - 1));
	assert_string_equal(head_get(&h, "a"), "x y");
	assert_true(add(&h, "no colon\r\n"));
	assert_true(add(&h, ": no name\r\n"));
	head_finish(&h);
}

static void a_head_without_end_is_too_long(void **state)
{
	struct head h;
	bool fits = true;
	size_t lines = 0;
	(void)state;

	head_init(&h);
	add(&h, "HTTP/1.1 200 OK\r\n");
	while (fits && lines < 100000) {
		fits = add(&h, "X-Again: and again\r\n");
		lines++;
	}
	assert_false(fits);
	assert_int_equal(lines, HEAD_LINES_MAX + 1);
	head_finish(&h);
}

static void a_status_that_is_none_is_zero(void **state)
{
	static const char *const lines[] = {"HTTP/1.1\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 20"};
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		struct head h;

		head_init(&h);
		assert_true(add(&h, lines[i]));
		assert_int_equal(h.status, 0);
		add(&h, "\r\n");
		assert_false(h.complete);
		head_finish(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_lower_case_and_values_without_blanks_around),
		cmocka_unit_test(headers_before_the_answer_itself_are_forgotten),
		cmocka_unit_test(trailers_are_passed_over),
		cmocka_unit_test(a_header_that_comes_twice_is_there_twice_in_order),
		cmocka_unit_test(bytes_that_end_texts_are_kept_out),
		cmocka_unit_test(a_head_without_end_is_too_long),
		cmocka_unit_test(a_status_that_is_none_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

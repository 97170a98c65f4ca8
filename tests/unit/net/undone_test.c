/* What the log of libcurl says of requests that were not touched; tls_test asks a real one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/undone.h"

static bool said(const char *const *lines)
{
	struct undone u = {0};

	for (size_t i = 0; lines[i] != NULL; i++)
		undone_hear(&u, lines[i], strlen(lines[i]));
	return u.said;
}

#define SAID(...) said((const char *const[]){__VA_ARGS__, NULL})

static void only_what_was_not_touched_is_undone(void **state)
{
	(void)state;
	assert_true(SAID("REFUSED_STREAM, retrying a fresh connect\n"));
	assert_true(SAID("Using Stream ID: 3 (easy handle 0x1)",
		"recveived GOAWAY, error=0, last_stream=1\n"));
	assert_true(SAID("Using Stream ID: 2147483647 (easy handle 0x1)",
		"received GOAWAY, error=11, last_stream=2147483645\n"));
	assert_false(SAID("Using Stream ID: 3", "received GOAWAY, error=0, last_stream=3"));
	assert_false(
		SAID("Using Stream ID: 3", "received GOAWAY, error=0, last_stream=2147483647"));
	assert_false(SAID("received GOAWAY, error=0, last_stream=0", "Using Stream ID: 3"));
	assert_false(SAID("Using Stream ID: 3", "received GOAWAY"));
	assert_false(SAID("Connection died, retrying a fresh connect (retry count: 1)"));
}

static void what_the_other_side_writes_is_no_word_of_libcurl(void **state)
{
	char long_line[4096];

	(void)state;
	assert_false(SAID("http2 error: value: [REFUSED_STREAM]"));
	assert_false(SAID("Using Stream ID: 3",
		"http2 error: name: [received GOAWAY, error=0, last_stream=1]"));
	memset(long_line, 'a', sizeof(long_line) - 1);
	long_line[sizeof(long_line) - 1] = '\0';
	assert_false(SAID("Using Stream ID: 3", long_line, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_was_not_touched_is_undone),
		cmocka_unit_test(what_the_other_side_writes_is_no_word_of_libcurl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which connections the loop takes for those of one short request. */
#include "http/loop.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"

#define GET "GET / HTTP/1.1\r\n"

static void a_whole_head_that_ends_its_connection_is_brief(void **state)
{
	static const struct {
		const char *bytes;
		bool brief;
	} rows[] = {
		{GET "Connection: close\r\n\r\n", true},
		{GET "Host: a\r\nconnection:CLOSE\r\n\r\n", true},
		{GET "Connection:\t close\r\nHost: a\r\n\r\n", true},
		{GET "Connection: close\r\nContent-Length: 2\r\n\r\n{}", true},
		{GET "\r\n", false},
		{GET "Connection: keep-alive\r\n\r\n", false},
		{GET "Connection: close, TE\r\n\r\n", false},
		{GET "X-Connection: close\r\n\r\n", false},
		{GET "X: Connection: close\r\n\r\n", false},
		{GET "Connection: close\r\nX: 1\r\n", false},
		{GET "Connection: close\r\n", false},
		{GET "\r\nConnection: close\r\n\r\n", false},
		{"\r\n\r\n", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(loop_head_is_brief(rows[i].bytes, strlen(rows[i].bytes), false),
			rows[i].brief);
}

static void a_head_of_many_lines_is_not_brief(void **state)
{
	char bytes[4096] = GET "Connection: close\r\n";
	size_t n = strlen(bytes);

	(void)state;
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(bytes + n, sizeof(bytes) - n, "a:\r\n");
	n += (size_t)snprintf(bytes + n, sizeof(bytes) - n, "\r\n");
	assert_false(loop_head_is_brief(bytes, n, true));
}

static void a_whole_plain_request_is_brief_where_it_may_be_parked(void **state)
{
	static const struct {
		const char *bytes;
		bool brief;
	} rows[] = {
		{GET "\r\n", true},
		{GET "Connection: Keep-Alive\r\n\r\n", true},
		{GET "Connection: close\r\n\r\n", true},
		{"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", true},
		{"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{", false},
		{"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}G", false},
		{"POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}", false},
		{"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", false},
		{GET "\r\nG", false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
		{GET "Connection: keep-alive, TE\r\n\r\n", false},
		{GET "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", false},
		{GET "Transfer-Encoding: chunked\r\n\r\n", false},
		{GET "Expect: 100-continue\r\n\r\n", false},
		{GET "X: 1\r\n folded\r\n\r\n", false},
		{GET "Host: a\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(loop_head_is_brief(rows[i].bytes, strlen(rows[i].bytes), true),
			rows[i].brief);
}

/* Each takes of the pool. */
static void a_head_of_many_values_is_not_brief(void **state)
{
	char bytes[4096], values[201];

	(void)state;
	for (int cookies = 0; cookies < 2; cookies++) {
		memset(values, cookies ? ';' : '&', sizeof(values) - 1);
		values[sizeof(values) - 1] = '\0';
		snprintf(bytes, sizeof(bytes),
			"GET /?%s HTTP/1.1\r\nCookie: %s\r\nConnection: close\r\n\r\n",
			cookies ? "" : values, cookies ? values : "");
		assert_false(loop_head_is_brief(bytes, strlen(bytes), true));
		assert_false(loop_head_is_brief(bytes, strlen(bytes), false));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_head_that_ends_its_connection_is_brief),
		cmocka_unit_test(a_head_of_many_lines_is_not_brief),
		cmocka_unit_test(a_whole_plain_request_is_brief_where_it_may_be_parked),
		cmocka_unit_test(a_head_of_many_values_is_not_brief),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

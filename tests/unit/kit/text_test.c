/* Dates, clocks, lengths: what the kit can tell without a host. */
#include <davit/sdk.h>
#include <string.h>

#include "base/attr.h"
#include "kit/chunked.h"
#include "kit/http_date.h"
#include "kit/sigv4.h"
#include "unit/cmocka.h"

static void dates_of_http_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777000)},
		{"Fri, 24 May 2013 00:00:00 GMT", INT64_C(1369353600000)},
		{"Thu, 29 Feb 2024 23:59:60 GMT", INT64_C(1709251200000)},
		{"Sun, 06 Nov 1994 08:49:37 CET", -1},
		{"Sunday, 06-Nov-94 08:49:37 GMT", -1},
		{"Sun, 06 Xov 1994 08:49:37 GMT", -1},
		{"Sun, 06 anF 1994 08:49:37 GMT", -1},
		{"Sun, 00 Nov 1994 08:49:37 GMT", -1},
		{"Sun, 06 Nov 1994 24:49:37 GMT", -1},
		{"Sun, 06 Nov 1994 08-49-37 GMT", -1},
		{"Sun, 06 Nov 1994 -8:49:37 GMT", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(http_date_ms(rows[i].text), rows[i].ms);
}

static void chunked_lengths_are_those_that_are_sent(void **state)
{
	char line[CHUNKED_LINE_MAX];
	char signature[SIGV4_HEX];

	(void)state;
	assert_int_equal(chunked_length(66560, 65536, 0, true), 66824);
	assert_int_equal(chunked_length(0, 65536, 0, false), strlen("0\r\n\r\n"));
	assert_int_equal(chunked_length(16, 16, strlen("a:b\r\n"), false),
		strlen("10\r\n0123456789abcdef\r\n0\r\na:b\r\n\r\n"));
	assert_int_equal(chunked_length(17, 16, 0, false),
		strlen("10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\n\r\n"));
	assert_int_equal(chunked_length(1, 0, 0, false), 0);
	assert_int_equal(chunked_length(UINT64_MAX, 1, 0, false), 0);
	memset(signature, 'a', sizeof(signature) - 1);
	signature[sizeof(signature) - 1] = '\0';
	assert_int_equal(chunked_line(line, 65536, NULL), 7);
	assert_string_equal(line, "10000\r\n");
	assert_int_equal(chunked_line(line, UINT64_MAX, signature), 16 + 81 + 2);
}

/* --- texts with secrets in them --- */

static void a_text_becomes_a_value_with_its_secrets_in_place(void **state)
{
	static char room[8192];
	struct davit_sdk_mem mem;
	struct davit_sdk_writer w;
	struct parts inner, whole;

	(void)state;
	davit_sdk_mem_buffer(&mem, room, sizeof(room));
	parts_begin(&inner, &mem);
	parts_text(&inner, "a=");
	parts_secret(&inner, 7, true);
	parts_text(&inner, "&b");
	parts_begin(&whole, &mem);
	parts_secret(&whole, 5, false);
	parts_byte(&whole, ' ');
	parts_add(&whole, &inner);
	parts_percent(&whole, davit_sdk_buf("/ \xc3\xa4~"), "/");
	davit_sdk_write_begin(&w, &mem);
	parts_put(&w, NULL, &whole);
	assert_string_equal(davit_sdk_write_end(&w).p,
		"[{\"secret\":5},\" a=\",{\"form\":[{\"secret\":7}]},\"&b/%20%C3%A4~\"]");
	parts_clear(&whole);
	parts_hex(&whole, (davit_buf){"\x00\xfe", 2});
	davit_sdk_write_begin(&w, &mem);
	parts_put(&w, NULL, &whole);
	assert_string_equal(davit_sdk_write_end(&w).p, "\"00fe\"");
}

static void what_does_not_fit_fails_for_good(void **state)
{
	char room[600];
	struct davit_sdk_mem mem;
	struct davit_sdk_writer w;
	struct parts t;

	(void)state;
	davit_sdk_mem_buffer(&mem, room, sizeof(room));
	parts_begin(&t, &mem);
	for (int i = 0; i < 1000; i++)
		parts_text(&t, "text");
	assert_true(t.failed);
	davit_sdk_write_begin(&w, &mem);
	parts_put(&w, NULL, &t);
	assert_true(w.failed);
	parts_clear(&t);
	for (int i = 0; i <= PARTS_SECRETS_MAX; i++)
		parts_secret(&t, 1, false);
	assert_true(t.failed);
}

/* --- clocks --- */

static int64_t now_ms;

static int64_t DAVIT_CALL say_now(davit_call call)
{
	(void)call;
	return now_ms;
}

#define HERE INT64_C(784111777000) /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* What is learnt from an answer with that head, when our clock is ahead by so much. */
static bool learns(
	const char *head, const char *word, int64_t ahead_ms, int64_t took_ms, int64_t *ret_offset)
{
	static const davit_host_core_1 core = {.size = sizeof(core), .now_ms = say_now};
	const struct davit_sdk_services services = {.core = &core};
	struct davit_sdk sdk = {.host = &services};
	struct davit_sdk_answer answer = {.status = 403};
	static char room[4096];
	struct sigv4 s = {.sdk = &sdk, .offset_ms = *ret_offset};
	bool learnt;

	davit_sdk_mem_buffer(&sdk.mem, room, sizeof(room));
	answer.head = davit_sdk_parse(&sdk.mem, davit_sdk_buf(head), NULL);
	assert_non_null(answer.head);
	now_ms = HERE + ahead_ms;
	learnt = sigv4_learn_clock(&s, &answer, word, 0, now_ms - took_ms);
	*ret_offset = s.offset_ms;
	return learnt;
}

#define DATED "{\"headers\":{\"date\":\"Sun, 06 Nov 1994 08:49:37 GMT\"}}"

static void a_wrong_clock_is_learnt_from_the_answer(void **state)
{
	int64_t offset = 0;

	(void)state;
	assert_true(learns(DATED, "RequestTimeTooSkewed", 600000, 0, &offset));
	assert_int_equal(offset, -600000);
	assert_false(learns(DATED, "RequestTimeTooSkewed", 600000, 0, &offset)); /* known */
	assert_true(learns(DATED, "SignatureDoesNotMatch", -86400000, 0, &offset));
	assert_int_equal(offset, 86400000);
	offset = 0;
	assert_false(learns(DATED, "AccessDenied", 239000, 0, &offset)); /* clocks agree */
	assert_false(learns(DATED, "NoSuchKey", 600000, 0, &offset));
	assert_false(learns(DATED, "RequestExpired", 600000, 16 * 60000, &offset)); /* came late */
	assert_false(learns("{\"headers\":{}}", "RequestExpired", 600000, 0, &offset));
	assert_false(
		learns("{\"headers\":{\"age\":\"5\",\"date\":\"Sun, 06 Nov 1994 08:49:37 GMT\"}}",
			"RequestExpired", 600000, 0, &offset));
	assert_int_equal(offset, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_of_http_are_read),
		cmocka_unit_test(chunked_lengths_are_those_that_are_sent),
		cmocka_unit_test(a_text_becomes_a_value_with_its_secrets_in_place),
		cmocka_unit_test(what_does_not_fit_fails_for_good),
		cmocka_unit_test(a_wrong_clock_is_learnt_from_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

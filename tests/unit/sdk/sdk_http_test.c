/* The SDK's requests to another side, against a host that answers what a test says. */
#include <davit/sdk.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/sdk/mock_host.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct fixture {
	struct mock mock; /* first: the handle of a call is its address */
	struct davit_sdk_services services;
	struct davit_sdk sdk;
	struct davit_sdk_writer w;
	struct davit_sdk_answer answer;
	int32_t code;     /* what perform() returns, */
	const char *head; /* and writes */
	char request[256];
	uint32_t flags;
};

static int32_t DAVIT_CALL perform(davit_call call, uint32_t flags, davit_buf request,
	davit_blob body, davit_buf *ret_head, davit_blob *ret_body)
{
	struct fixture *f =
		(struct fixture *)(uintptr_t)call; /* NOLINT(performance-no-int-to-ptr) */

	(void)body;
	assert_true(request.n < sizeof(f->request));
	memcpy(f->request, request.p, request.n);
	f->flags = flags;
	*ret_head = davit_sdk_buf(f->head);
	*ret_body = f->mock.blob_bytes != NULL ? 1 : 0;
	return f->code;
}

static const davit_host_http_1 http = {.size = sizeof(http), .perform = perform};

static const void *DAVIT_CALL query(const char *id, uint32_t major)
{
	return strcmp(id, DAVIT_HOST_HTTP) == 0 ? &http : mock_query(id, major);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	mock_init(&f->mock);
	*state = f;
	return davit_sdk_find_services(&f->services, query) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	mock_finish(&f->mock);
	free(f);
	return 0;
}

/* One call with one request {"n":1}. */
static int32_t ask(struct fixture *f, uint32_t flags, int32_t code, const char *head)
{
	f->code = code;
	f->head = head;
	(void)davit_sdk_begin(&f->sdk, &f->services, mock_call(&f->mock), davit_sdk_buf("{}"));
	davit_sdk_write_begin(&f->w, &f->sdk.mem);
	davit_sdk_open_object(&f->w, NULL);
	davit_sdk_put_int(&f->w, "n", 1);
	davit_sdk_close_object(&f->w);
	return davit_sdk_http(&f->sdk, flags, &f->w, 0, &f->answer);
}

static void any_status_is_an_answer(void **state)
{
	struct fixture *f = *state;
	const char *head = "{\"status\":503,\"headers\":{\"retry-after\":\"2\"}}";

	assert_int_equal(ask(f, DAVIT_HTTP_MUTATES, DAVIT_OK, head), DAVIT_OK);
	assert_string_equal(f->request, "{\"n\":1}");
	assert_int_equal(f->flags, DAVIT_HTTP_MUTATES);
	assert_int_equal(f->answer.status, 503);
	assert_string_equal(davit_sdk_http_header(&f->answer, "retry-after"), "2");
	assert_string_equal(davit_sdk_http_header(&f->answer, "etag"), "");
}

static void without_an_answer_the_call_fails_in_the_hosts_words(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, DAVIT_HTTP_MUTATES, DAVIT_INTERNAL, ""), DAVIT_INTERNAL);
	assert_int_equal(ask(f, 0, DAVIT_PERMANENT, ""), DAVIT_PERMANENT);
	assert_int_equal(f->mock.fails, 0); /* the host has said why */
	assert_int_equal(f->answer.status, 0);
	assert_string_equal(davit_sdk_http_header(&f->answer, "etag"), "");
	assert_null(davit_sdk_http_json(&f->sdk, &f->answer, 100));
}

static void a_status_has_a_class_and_an_error_after_a_change_is_unclear(void **state)
{
	static const struct {
		int64_t status;
		int32_t reads, changes, apart; /* apart: 99 where it says nothing */
	} rows[] = {
		{200, DAVIT_OK, DAVIT_OK, DAVIT_OK},
		{204, DAVIT_OK, DAVIT_OK, DAVIT_OK},
		{302, DAVIT_PERMANENT, DAVIT_PERMANENT, 99},
		{400, DAVIT_INVALID, DAVIT_INVALID, 99},
		{401, DAVIT_AUTH, DAVIT_AUTH, DAVIT_AUTH},
		{403, DAVIT_AUTH, DAVIT_AUTH, DAVIT_AUTH},
		{404, DAVIT_NOT_FOUND, DAVIT_NOT_FOUND, 99},
		{408, DAVIT_RETRY, DAVIT_DEADLINE, DAVIT_RETRY},
		{409, DAVIT_CONFLICT, DAVIT_CONFLICT, 99},
		{429, DAVIT_THROTTLED, DAVIT_THROTTLED, DAVIT_THROTTLED},
		{500, DAVIT_RETRY, DAVIT_DEADLINE, DAVIT_RETRY},
		{501, DAVIT_UNSUPPORTED, DAVIT_UNSUPPORTED, 99},
		{503, DAVIT_RETRY, DAVIT_DEADLINE, DAVIT_RETRY},
	};
	struct davit_sdk_answer answer = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		answer.status = rows[i].status;
		answer.flags = 0;
		assert_int_equal(davit_sdk_http_class(&answer), rows[i].reads);
		assert_int_equal(davit_sdk_http_class_apart(&answer, 99), rows[i].apart);
		answer.flags = DAVIT_HTTP_MUTATES | DAVIT_HTTP_IDEMPOTENT;
		assert_int_equal(davit_sdk_http_class(&answer), rows[i].changes);
	}
}

static void a_body_is_json_or_null(void **state)
{
	struct fixture *f = *state;

	f->mock.blob_bytes = "{\"id\":\"x\"}";
	f->mock.blob_n = strlen(f->mock.blob_bytes);
	(void)ask(f, 0, DAVIT_OK, "{\"status\":200}");
	const struct davit_sdk_json *v = davit_sdk_http_json(&f->sdk, &f->answer, 100);
	assert_string_equal(davit_sdk_text_at(v, "/id", ""), "x");
	f->mock.blob_n--;
	(void)ask(f, 0, DAVIT_OK, "{\"status\":200}");
	assert_null(davit_sdk_http_json(&f->sdk, &f->answer, 100));
	assert_int_equal(f->sdk.code, DAVIT_OK);
}

static void a_body_that_is_too_large_is_no_fault_of_the_user(void **state)
{
	struct fixture *f = *state;

	f->mock.blob_bytes = "{\"id\":\"x\"}";
	f->mock.blob_n = strlen(f->mock.blob_bytes);
	(void)ask(f, DAVIT_HTTP_MUTATES, DAVIT_OK, "{\"status\":200}");
	assert_null(davit_sdk_http_json(&f->sdk, &f->answer, 5));
	assert_int_equal(f->sdk.code, DAVIT_DEADLINE);
	(void)ask(f, 0, DAVIT_OK, "{\"status\":200}");
	assert_null(davit_sdk_http_json(&f->sdk, &f->answer, 5));
	assert_int_equal(f->sdk.code, DAVIT_RETRY);
}

static void a_failure_carries_what_the_other_side_said(void **state)
{
	struct fixture *f = *state;

	(void)ask(f, 0, DAVIT_OK, "{\"status\":429,\"headers\":{\"retry-after\":\"7\"}}");
	assert_int_equal(davit_sdk_http_fail(&f->sdk, &f->answer, DAVIT_THROTTLED, "SLOW", NULL,
				 "list jobs: %s", "slower"),
		DAVIT_THROTTLED);
	assert_string_equal(f->mock.fail_text, "list jobs: slower");
	assert_string_equal(f->mock.fail_detail,
		"{\"status\":429,\"provider_code\":\"SLOW\",\"retry_after_ms\":7000}");
	(void)ask(f, 0, DAVIT_OK, "{\"status\":429,\"headers\":{\"retry-after\":\"soon\"}}");
	(void)davit_sdk_http_fail(&f->sdk, &f->answer, DAVIT_THROTTLED, NULL, "r1", "no");
	assert_string_equal(f->mock.fail_detail, "{\"status\":429,\"request_id\":\"r1\"}");
}

static void times_are_read_as_rfc_3339_writes_them(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T00:00:00.001Z", 1},
		{"2000-02-29T12:00:00Z", 951825600000},
		{"2026-11-21T16:30:00.5Z", 1795278600500},
		{"2026-11-21t16:30:00.123456789z", 1795278600123},
		{"2026-11-21T17:30:00+01:00", 1795278600000},
		{"2026-11-21 11:00:00-05:30", 1795278600000},
		{"2026-11-21T16:30:00", -1},
		{"2026-11-21T16:30:00Zz", -1},
		{"2026-13-21T16:30:00Z", -1},
		{"2026-11-21", -1},
		{"now", -1},
		{"", -1},
		{NULL, -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(davit_sdk_time_ms(rows[i].text), rows[i].ms);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* The first of two attempts may have made it; the second one's answer tells nothing of that. */
static void after_an_unclear_attempt_no_refusal_is_certain(void **state)
{
	struct fixture *f = *state;

	(void)ask(f, DAVIT_HTTP_MUTATES, DAVIT_OK, "{\"status\":409,\"unclear\":true}");
	assert_int_equal(davit_sdk_http_class(&f->answer), DAVIT_DEADLINE);
	f->answer.status = 201;
	assert_int_equal(davit_sdk_http_class(&f->answer), DAVIT_OK);
	f->answer.status = 404;
	assert_int_equal(
		davit_sdk_http_fail(&f->sdk, &f->answer, DAVIT_NOT_FOUND, NULL, NULL, "no"),
		DAVIT_DEADLINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(any_status_is_an_answer),
		CASE(without_an_answer_the_call_fails_in_the_hosts_words),
		CASE(a_status_has_a_class_and_an_error_after_a_change_is_unclear),
		CASE(after_an_unclear_attempt_no_refusal_is_certain),
		CASE(a_body_is_json_or_null),
		CASE(a_body_that_is_too_large_is_no_fault_of_the_user),
		CASE(a_failure_carries_what_the_other_side_said),
		CASE(times_are_read_as_rfc_3339_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

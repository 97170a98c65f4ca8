/* The SDK's steps between a slot and the host, against a host that keeps what it is told. */
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
	struct mock mock;
	struct davit_sdk_services services;
	struct davit_sdk sdk;
	struct davit_sdk_writer w;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	mock_init(&f->mock);
	*state = f;
	return davit_sdk_find_services(&f->services, mock_query) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	mock_finish(&f->mock);
	free(f);
	return 0;
}

static int32_t begin(struct fixture *f, const char *request)
{
	return davit_sdk_begin(&f->sdk, &f->services, mock_call(&f->mock), davit_sdk_buf(request));
}

/* An object {"n":n} in f->w. */
static const struct davit_sdk_writer *object(struct fixture *f, int64_t n)
{
	davit_sdk_write_begin(&f->w, &f->sdk.mem);
	davit_sdk_open_object(&f->w, NULL);
	davit_sdk_put_int(&f->w, "n", n);
	davit_sdk_close_object(&f->w);
	return &f->w;
}

static const davit_host_core_1 short_core = {.size = sizeof(short_core) - 8};
static const davit_host_kv_1 short_kv = {.size = sizeof(short_kv) - 8};
static const struct {
	davit_host_core_1 core;
	uint64_t added[3];
} long_core = {.core = {.size = sizeof(long_core)}};

static const void *DAVIT_CALL short_core_query(const char *id, uint32_t major)
{
	return strcmp(id, DAVIT_HOST_CORE) == 0 ? &short_core : mock_query(id, major);
}

static const void *DAVIT_CALL short_kv_query(const char *id, uint32_t major)
{
	if (strcmp(id, DAVIT_HOST_CORE) == 0)
		return &long_core;
	return strcmp(id, DAVIT_HOST_KV) == 0 && major == 1 ? &short_kv : NULL;
}

static void a_table_that_is_too_short_counts_as_missing_and_a_longer_one_is_taken(void **state)
{
	struct davit_sdk_services services;

	(void)state;
	assert_true(davit_sdk_find_services(&services, mock_query));
	assert_ptr_equal(services.core, &mock_core);
	assert_ptr_equal(services.kv, &mock_kv);
	assert_ptr_equal(services.blob, &mock_blob);
	assert_null(services.job);
	assert_null(services.process);
	assert_false(davit_sdk_find_services(&services, short_core_query));
	assert_true(davit_sdk_find_services(&services, short_kv_query));
	assert_null(services.kv);
}

static void a_request_that_is_no_object_fails_the_call(void **state)
{
	static const char *const requests[] = {"", "{", "[]", "1", "{} x"};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(requests); i++) {
		f->mock.fails = 0;
		assert_int_equal(begin(f, requests[i]), DAVIT_INVALID);
		assert_int_equal(f->mock.fails, 1);
		assert_non_null(f->sdk.request);
		assert_string_equal(davit_sdk_need_text(&f->sdk, f->sdk.request, "/x"), "");
		assert_int_equal(f->mock.fails, 1);
		assert_int_equal(davit_sdk_reply(&f->sdk, object(f, 1)), DAVIT_INVALID);
		assert_int_equal(f->mock.replies, 0);
	}
}

static void a_member_at_fault_is_named_by_its_pointer(void **state)
{
	static const char request[] =
		"{\"spec\":{\"list\":[{\"a/b\":1}],\"nil\":null},\"t\":\"x\"}";
	static const struct {
		const char *from;
		const char *pointer;
		const char *detail;
		const char *text;
	} rows[] = {
		{"", "/id", "{\"pointer\":\"/id\"}", "/id is missing: it is a text"},
		{"", "/spec/nil", "{\"pointer\":\"/spec/nil\"}",
			"/spec/nil is missing: it is a text"},
		{"/spec/list/0", "/a~1b", "{\"pointer\":\"/spec/list/0/a~1b\"}",
			"/spec/list/0/a~1b must be a text"},
		{"/spec", "", "{\"pointer\":\"/spec\"}", "/spec must be a text"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(begin(f, request), DAVIT_OK);
		const struct davit_sdk_json *v = davit_sdk_at(f->sdk.request, rows[i].from);
		assert_string_equal(davit_sdk_need_text(&f->sdk, v, rows[i].pointer), "");
		assert_int_equal(f->sdk.code, DAVIT_INVALID);
		assert_string_equal(f->mock.fail_detail, rows[i].detail);
		assert_string_equal(f->mock.fail_text, rows[i].text);
	}
}

static void members_come_by_kind_and_optional_ones_may_be_absent(void **state)
{
	struct fixture *f = *state;

	begin(f,
		"{\"t\":\"x\",\"i\":3,\"r\":0.5,\"b\":true,\"o\":{\"k\":1},\"a\":[1,2],\"n\":null}");
	struct davit_sdk *sdk = &f->sdk;
	const struct davit_sdk_json *v = sdk->request;
	assert_string_equal(davit_sdk_need_text(sdk, v, "/t"), "x");
	assert_true(davit_sdk_need_int(sdk, v, "/i") == 3);
	assert_true(davit_sdk_need_number(sdk, v, "/i") > 2.9);
	assert_true(davit_sdk_need_number(sdk, v, "/r") < 0.6);
	assert_true(davit_sdk_need_bool(sdk, v, "/b"));
	assert_int_equal(davit_sdk_need_object(sdk, v, "/o")->count, 1);
	assert_int_equal(davit_sdk_need_array(sdk, v, "/a")->count, 2);
	assert_string_equal(davit_sdk_or_text(sdk, v, "/n", "else"), "else");
	assert_string_equal(davit_sdk_or_text(sdk, v, "/t", "else"), "x");
	assert_true(davit_sdk_or_int(sdk, v, "/none", 9) == 9);
	assert_true(davit_sdk_or_int(sdk, v, "/i", 9) == 3);
	assert_true(davit_sdk_or_bool(sdk, v, "/none", true));
	assert_int_equal(sdk->code, DAVIT_OK);
	assert_true(davit_sdk_or_int(sdk, v, "/r", 9) == 9);
	assert_int_equal(sdk->code, DAVIT_INVALID);
	assert_string_equal(f->mock.fail_text, "/r must be an integer");
	assert_int_equal(davit_sdk_need_array(sdk, v, "/a")->count, 0);
}

static void the_first_failure_counts(void **state)
{
	struct fixture *f = *state;

	begin(f, "{}");
	assert_int_equal(
		davit_sdk_fail(&f->sdk, DAVIT_CONFLICT, "%s %d", "first", 1), DAVIT_CONFLICT);
	assert_int_equal(davit_sdk_fail(&f->sdk, DAVIT_QUOTA, "second"), DAVIT_CONFLICT);
	assert_int_equal(davit_sdk_check(&f->sdk, DAVIT_QUOTA, "third"), DAVIT_CONFLICT);
	assert_int_equal(davit_sdk_reply(&f->sdk, object(f, 1)), DAVIT_CONFLICT);
	assert_int_equal(f->mock.fails, 1);
	assert_int_equal(f->mock.replies, 0);
	assert_string_equal(f->mock.fail_text, "first 1");
	begin(f, "{}");
	assert_int_equal(
		davit_sdk_fail(&f->sdk, DAVIT_OK, "a failure is never OK"), DAVIT_INTERNAL);
	begin(f, "{}");
	assert_int_equal(davit_sdk_fail_with(&f->sdk, DAVIT_THROTTLED, object(f, 5), "slow"),
		DAVIT_THROTTLED);
	assert_string_equal(f->mock.fail_detail, "{\"n\":5}");
	begin(f, "{}");
	assert_int_equal(
		davit_sdk_check(&f->sdk, DAVIT_NOT_FOUND, "open the key"), DAVIT_NOT_FOUND);
	assert_string_equal(f->mock.fail_text, "open the key: the host did not find it");
	assert_string_equal(f->mock.fail_detail, "{\"host\":true}");
}

static void a_sentence_that_is_cut_stays_text(void **state)
{
	static const char *const fills[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	struct fixture *f = *state;
	char text[1600];

	for (size_t shift = 0; shift < 8; shift++) {
		for (size_t i = 0; i < COUNT(fills); i++) {
			size_t size = strlen(fills[i]), n = shift;

			memset(text, '.', shift);
			for (; n + size < sizeof(text); n += size)
				memcpy(text + n, fills[i], size);
			text[n] = '\0';
			begin(f, "{}");
			davit_sdk_fail(&f->sdk, DAVIT_INVALID, "%s", text);
			size_t kept = strlen(f->mock.fail_text);
			assert_true(kept <= 1023 && kept > 1023 - size);
			assert_int_equal((kept - shift) % size, 0);
			assert_memory_equal(f->mock.fail_text, text, kept);
		}
	}
	davit_sdk_log(&f->sdk, DAVIT_LOG_INFO, "job %s", "a1");
	assert_string_equal(f->mock.log, "job a1");
}

static void answers_reach_the_host(void **state)
{
	struct fixture *f = *state;

	begin(f, "{}");
	assert_int_equal(davit_sdk_reply(&f->sdk, object(f, 7)), DAVIT_OK);
	assert_string_equal(f->mock.reply, "{\"n\":7}");
	assert_int_equal(
		davit_sdk_reply_state(&f->sdk, DAVIT_STATE_FAILED, 250, object(f, 8)), DAVIT_OK);
	assert_int_equal(f->mock.state, DAVIT_STATE_FAILED);
	assert_int_equal(f->mock.next_poll_ms, 250);
	assert_int_equal(
		davit_sdk_reply_bytes(&f->sdk, "text/csv", 0, davit_sdk_buf("a,b")), DAVIT_OK);
	assert_string_equal(f->mock.head, "{\"content_type\":\"text/csv\"}");
	assert_string_equal(f->mock.reply, "a,b");
	assert_int_equal(davit_sdk_reply_blob(&f->sdk, "text/plain", 206, 77), DAVIT_OK);
	assert_string_equal(f->mock.head, "{\"content_type\":\"text/plain\",\"status\":206}");
	assert_int_equal(f->mock.blob, 77);
	f->mock.answer_code = DAVIT_CONFLICT;
	assert_int_equal(davit_sdk_reply(&f->sdk, object(f, 9)), DAVIT_CONFLICT);
	assert_int_equal(f->sdk.code, DAVIT_CONFLICT);
}

static void an_answer_that_is_no_json_is_an_internal_error(void **state)
{
	struct fixture *f = *state;

	begin(f, "{}");
	davit_sdk_write_begin(&f->w, &f->sdk.mem);
	davit_sdk_open_object(&f->w, NULL);
	assert_int_equal(davit_sdk_reply(&f->sdk, &f->w), DAVIT_INTERNAL);
	assert_int_equal(f->mock.replies, 0);
	assert_int_equal(f->mock.fails, 1);
}

static void an_arena_that_ends_fails_the_call_and_breaks_nothing(void **state)
{
	static const char request[] = "{\"a\":\"0123456789\",\"b\":[1,2,3,4,5,6,7,8]}";
	struct fixture *f = *state;
	size_t failed = 0, replied = 0;

	for (size_t room = 0; room < 6000; room += 16) {
		f->mock.arena_left = room;
		f->mock.fails = f->mock.replies = 0;
		begin(f, request);
		davit_sdk_need_text(&f->sdk, f->sdk.request, "/a");
		davit_sdk_write_begin(&f->w, &f->sdk.mem);
		davit_sdk_put_json(&f->w, NULL, f->sdk.request);
		int32_t code = davit_sdk_reply(&f->sdk, &f->w);
		assert_int_equal(f->mock.replies, code == DAVIT_OK ? 1 : 0);
		assert_int_equal(f->mock.fails, code == DAVIT_OK ? 0 : 1);
		failed += code != DAVIT_OK;
		replied += code == DAVIT_OK;
		mock_finish(&f->mock);
	}
	assert_true(failed > 10 && replied > 10);
	assert_string_equal(f->mock.reply, request);
}

static void values_are_kept_and_read_by_key(void **state)
{
	struct fixture *f = *state;
	int64_t version = -1;

	begin(f, "{}");
	assert_null(davit_sdk_kv_get(&f->sdk, "k", &version));
	assert_int_equal(f->sdk.code, DAVIT_OK);
	assert_int_equal(version, -1);
	assert_int_equal(davit_sdk_kv_put(&f->sdk, "k", object(f, 4)), DAVIT_OK);
	const struct davit_sdk_json *v = davit_sdk_kv_get(&f->sdk, "k", &version);
	assert_true(davit_sdk_int_at(v, "/n", 0) == 4);
	assert_int_equal(version, 1);
	assert_false(davit_sdk_kv_cas(&f->sdk, "k", object(f, 5), 9));
	assert_int_equal(f->sdk.code, DAVIT_OK);
	assert_true(davit_sdk_kv_cas(&f->sdk, "k", object(f, 5), 1));
	assert_int_equal(davit_sdk_kv_del(&f->sdk, "k"), DAVIT_OK);
	assert_null(davit_sdk_kv_get(&f->sdk, "k", NULL));
	f->mock.kv_code = DAVIT_RETRY;
	assert_null(davit_sdk_kv_get(&f->sdk, "k", NULL));
	assert_int_equal(f->sdk.code, DAVIT_RETRY);
	assert_int_equal(f->mock.fails, 0); /* the host knows why */
}

static void a_scan_sees_every_key_of_all_pages(void **state)
{
	static const char *const keys[] = {"a/1", "a/2", "a/3", "a/4", "a/5", "b/1"};
	struct fixture *f = *state;

	begin(f, "{}");
	for (size_t i = 0; i < COUNT(keys); i++)
		davit_sdk_kv_put(&f->sdk, keys[i], object(f, (int64_t)i));
	for (uint32_t page = 1; page <= 6; page++) {
		struct davit_sdk_kv_scan scan = {.prefix = "a/"};
		int64_t i = 0;

		f->mock.page = page;
		while (davit_sdk_kv_next(&f->sdk, &scan)) {
			assert_string_equal(scan.key, keys[i]);
			assert_true(davit_sdk_int_at(scan.value, "/n", -1) == i);
			i++;
		}
		assert_int_equal(i, 5);
		assert_false(davit_sdk_kv_next(&f->sdk, &scan));
	}
	struct davit_sdk_kv_scan none = {.prefix = "z/"};
	assert_false(davit_sdk_kv_next(&f->sdk, &none));
	assert_int_equal(f->sdk.code, DAVIT_OK);
}

static void a_blob_is_read_whole_or_not_at_all(void **state)
{
	static char bytes[20000];
	struct fixture *f = *state;

	memset(bytes, 'b', sizeof(bytes));
	f->mock.blob_bytes = bytes;
	for (size_t i = 0; i <= 16; i++) {
		size_t n = i / 2 * 2500;

		f->mock.blob_n = n;
		f->mock.blob_stream = i % 2 == 1;
		begin(f, "{}");
		davit_buf all = davit_sdk_read_blob(&f->sdk, 1, n);
		assert_non_null(all.p);
		assert_int_equal(all.n, n);
		assert_memory_equal(all.p, bytes, n);
		assert_int_equal(all.p[n], '\0');
		if (n == 0)
			continue;
		assert_null(davit_sdk_read_blob(&f->sdk, 1, n - 1).p);
		assert_int_equal(f->sdk.code, DAVIT_INVALID);
	}
	begin(f, "{}");
	assert_null(davit_sdk_read_blob(&f->sdk, 2, 10).p);
	assert_int_equal(f->sdk.code, DAVIT_INVALID);
}

static void a_service_this_host_lacks_is_unsupported(void **state)
{
	struct fixture *f = *state;

	f->services.kv = NULL;
	f->services.blob = NULL;
	begin(f, "{}");
	assert_null(davit_sdk_kv_get(&f->sdk, "k", NULL));
	assert_int_equal(f->sdk.code, DAVIT_UNSUPPORTED);
	assert_string_equal(f->mock.fail_text, "this host has no service davit.host.kv/1");
	begin(f, "{}");
	assert_null(davit_sdk_read_blob(&f->sdk, 1, 10).p);
	assert_string_equal(f->mock.fail_text, "this host has no service davit.host.blob/1");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_table_that_is_too_short_counts_as_missing_and_a_longer_one_is_taken),
		CASE(a_request_that_is_no_object_fails_the_call),
		CASE(a_member_at_fault_is_named_by_its_pointer),
		CASE(members_come_by_kind_and_optional_ones_may_be_absent),
		CASE(the_first_failure_counts),
		CASE(a_sentence_that_is_cut_stays_text),
		CASE(answers_reach_the_host),
		CASE(an_answer_that_is_no_json_is_an_internal_error),
		CASE(an_arena_that_ends_fails_the_call_and_breaks_nothing),
		CASE(values_are_kept_and_read_by_key),
		CASE(a_scan_sees_every_key_of_all_pages),
		CASE(a_blob_is_read_whole_or_not_at_all),
		CASE(a_service_this_host_lacks_is_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

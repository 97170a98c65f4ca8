/* Logs in pieces: from where, to where, and of providers that know no offset. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <string.h>

#include "api/log_piece.h"
#include "base/attr.h"
#include "base/json.h"
#include "unit/api/fakes.h"

#define PATH   "/v1/jobs/000000000000000000000001/log"
#define PLACED "text/plain; charset=utf-8; offset="

static const char *job_request = "{}";

static void add_job(const char *ref, enum job_state job_state)
{
	struct job job = {.state = job_state,
		.created_ms = 1,
		.started_ms = 1,
		.finished_ms = JOB_BIT(job_state) & JOB_TERMINAL ? 2 : 0,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("train"),
		.name = LITERAL("n"),
		.project = LITERAL(""),
		.connection = LITERAL(""),
		.request = LITERAL(job_request),
		.remote_ref = LITERAL(ref),
		.remote_name = LITERAL(ref)};

	(void)snprintf(job.id, sizeof(job.id), "%024u", 1u);
	memcpy(job.submission, job.id, sizeof(job.submission));
	fake_job(&job);
}

static void expect(const char *key, const char *value, int status, const char *text)
{
	struct exchange *x = fake_request("GET", PATH, NULL);

	fake_query(x, key, value);
	fake_serve(x);
	assert_int_equal(fake_status(x), status);
	if (text != NULL)
		assert_string_equal(fake_text(x), text);
	assert_false(fake_cut(x));
	fake_free(x);
}

static void an_ended_job_is_followed_to_the_end_of_its_log(void **state)
{
	static const char *const types[] = {"text/plain", PLACED "0"};

	(void)state;
	add_job("{}", JOB_SUCCEEDED);
	fake_provider.stream = "hello\n";
	for (size_t i = 0; i < COUNT(types); i++) {
		fake_provider.stream_type = types[i];
		expect("follow", "true", 200, "hello\n");
		expect("offset", "2", 200, "llo\n");
		expect("offset", "6", 200, "");
		expect("offset", "600", 200, "");
		assert_int_equal(/* before the 600, as a secret may reach into these */
			json_integer_value(json_object_get(fake_provider.request, "offset")), 344);
	}
	expect("follow", "false", 200, "hello\n");
	assert_null(json_object_get(fake_provider.request, "offset"));
}

static void a_secret_is_hidden_wherever_a_log_is_read_from(void **state)
{
	static const char *const types[] = {"text/plain", PLACED "0"};

	(void)state;
	job_request = "{\"spec\":{\"password\":\"hunter2!\"}}";
	add_job("{}", JOB_SUCCEEDED);
	fake_provider.stream = "a hunter2! b hunter";
	for (size_t i = 0; i < COUNT(types); i++) {
		fake_provider.stream_type = types[i];
		expect("follow", "true", 200, "a ******** b hunter");
		expect("follow", "false", 200, "a ******** b hunter");
		expect("offset", "5", 200, "***** b hunter");
	}
	job_request = "{}";
}

static void what_may_be_the_beginning_of_a_secret_waits_for_the_rest(void **state)
{
	(void)state;
	job_request = "{\"spec\":{\"password\":\"hunter2!\"}}";
	add_job("{}", JOB_RUNNING);
	fake_provider.stream = "a hunter";
	fake_provider.stream_type = PLACED "0";
	expect("offset", "0", 200, "a ");
	fake_provider.stream = "a hunter2";
	expect("offset", "2", 200, "");
	fake_provider.stream = "a hunter2! b";
	expect("offset", "2", 200, "******** b");
	job_request = "{}";
}

static void what_is_cut_is_told(void **state)
{
	(void)state;
	add_job("{}", JOB_FAILED);
	fake_provider.stream = "hello\n";
	fake_provider.stream_type = PLACED "10";
	expect("follow", "true", 200, "\n[davit: 10 bytes cut here]\nhello\n");
}

static void what_is_there_by_now_is_answered_of_a_job_that_runs(void **state)
{
	(void)state;
	add_job("{}", JOB_RUNNING);
	fake_provider.stream = "hello\n";
	fake_provider.stream_type = PLACED "0";
	expect("offset", "0", 200, "hello\n");
}

static void a_job_that_never_began_has_an_empty_log(void **state)
{
	(void)state;
	add_job(NULL, JOB_CANCELLED);
	expect("follow", "true", 200, "");
	assert_int_equal(fake_provider.calls, 0);
}

static void a_job_without_a_log_says_why(void **state)
{
	(void)state;
	add_job("{}", JOB_SUCCEEDED);
	fake_provider.refused = FAIL_UNSUPPORTED;
	expect("follow", "true", 501, NULL);
	fake_provider.loaded = false;
	expect("follow", "true", 503, NULL);
	expect("offset", "-1", 400, NULL);
	expect("offset", "99999999999999999999", 400, NULL);
}

static void a_piece_begins_where_its_head_says(void **state)
{
	static const struct {
		const char *type;
		uint64_t offset, cut, skip;
		bool placed;
	} rows[] = {
		{"text/plain; charset=utf-8; offset=7", 5, 2, 0, true},
		{"text/plain; offset=5", 5, 0, 0, true},
		{"text/plain; offset=3", 5, 0, 2, true},
		{"text/plain; offset=", 5, 0, 5, false},
		{"text/plain; offset=x", 5, 0, 5, false},
		{"text/plain", 5, 0, 5, false},
		{NULL, 0, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct log_piece p = {.offset = rows[i].offset};

		log_piece_head(&p, rows[i].type);
		assert_int_equal(p.cut, rows[i].cut);
		assert_int_equal(p.skip, rows[i].skip);
		assert_int_equal(p.placed, rows[i].placed);
		assert_int_equal(p.offset, rows[i].offset + rows[i].cut);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_ended_job_is_followed_to_the_end_of_its_log),
		TEST(a_secret_is_hidden_wherever_a_log_is_read_from),
		TEST(what_may_be_the_beginning_of_a_secret_waits_for_the_rest),
		TEST(what_is_cut_is_told),
		TEST(what_is_there_by_now_is_answered_of_a_job_that_runs),
		TEST(a_job_that_never_began_has_an_empty_log),
		TEST(a_job_without_a_log_says_why),
		cmocka_unit_test(a_piece_begins_where_its_head_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

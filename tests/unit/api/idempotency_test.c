/* Requests that name themselves: answered again, not done again. */
#include "unit/cmocka.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/operations.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/config.h"
#include "unit/api/fakes.h"

#define TRAIN "/api/service/v1/pipelines/training/train"

static const char body[] = "{\"name\":\"n\"}";
static const char other[] = "{\"name\":\"m\"}";

static int set_up(void **state)
{
	int rc = fake_open(state);

	fake_provider.everything = true;
	fake_tracker.state = JOB_RUNNING;
	fake_tracker.remote_name = "there";
	return rc;
}

static struct exchange *keyed(const char *path, const char *text, const char *key)
{
	struct exchange *x = fake_request("POST", path, text);

	fake_header(x, IDEMPOTENCY_HEADER, key);
	return x;
}

/* Serves a request with a key; its answer must have that status. The text is the caller's. */
static char *ask(const char *path, const char *text, const char *key, int status)
{
	struct exchange *x = keyed(path, text, key);
	char *said;

	fake_serve(x);
	said = strdup(fake_text(x));
	assert_non_null(said);
	if (fake_status(x) != status)
		fail_msg("%s answers %d %s", path, fake_status(x), said);
	fake_free(x);
	return said;
}

static void expect(const char *path, const char *text, const char *key, int status, unsigned jobs)
{
	free(ask(path, text, key, status));
	assert_int_equal(fake_tracker.submits, jobs);
}

static void sql(const char *text)
{
	char path[PATH_MAX];
	sqlite3 *db = NULL;

	(void)snprintf(path, sizeof(path), "%s/davit.db", fake_folder());
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void what_is_sent_again_gets_the_same_answer_and_makes_no_job(void **state)
{
	char *first = ask(TRAIN, body, "k", 200);
	struct exchange *x = keyed(TRAIN, body, "k");

	(void)state;
	fake_tracker.state = JOB_SUCCEEDED; /* what has become of it is no matter */
	fake_serve(x);
	assert_string_equal(fake_text(x), first);
	assert_int_equal(fake_status(x), 200);
	assert_non_null(strstr(fake_headers(x), "Idempotency-Replayed: true"));
	assert_int_equal(fake_tracker.submits, 1);
	fake_free(x);
	free(first);
}

static void another_request_with_the_key_is_refused(void **state)
{
	struct exchange *x;

	(void)state;
	expect(TRAIN, body, "k", 200, 1);
	x = keyed(TRAIN, other, "k");
	fake_serve(x);
	assert_int_equal(fake_status(x), 409);
	assert_null(strstr(fake_headers(x), "Retry-After"));
	assert_int_equal(fake_tracker.submits, 1);
	fake_free(x);
	expect(TRAIN, other, "l", 200, 2);
}

static void while_the_first_is_at_work_the_second_is_told_to_come_again(void **state)
{
	struct exchange *x = keyed(TRAIN, body, "k");
	struct exchange *y = keyed(TRAIN, body, "k");
	struct exchange *z = keyed(TRAIN, other, "k");

	(void)state;
	fake_tracker.held = true;
	fake_begin(x);
	fake_await_watcher();
	fake_serve(y);
	fake_serve(z);
	assert_int_equal(fake_status(y), 409);
	assert_non_null(strstr(fake_headers(y), "Retry-After: "));
	assert_int_equal(fake_status(z), 409);
	assert_null(strstr(fake_headers(z), "Retry-After"));
	fake_release();
	fake_await(x);
	assert_int_equal(fake_status(x), 200);
	expect(TRAIN, body, "k", 200, 1);
	fake_free(x);
	fake_free(y);
	fake_free(z);
}

static void an_answer_that_was_lost_is_made_anew_of_the_same_job(void **state)
{
	static const char *const paths[] = {
		"/execute", TRAIN, "/api/service/v1/pipelines/training"};
	static const char *const bodies[] = {
		"{\"bucket\":\"b\",\"project_id\":\"p\",\"name\":\"n\",\"version\":\"1\","
		"\"credentials\":{\"endpoint\":\"e\",\"access_key\":\"a\",\"secret_key\":\"s\"},"
		"\"input_artifacts\":\"i\",\"command\":\"true\",\"storage\":\"local\"}",
		body,
		"{\"name\":\"watched\",\"script\":{\"path\":\"p\"},\"dataset\":\"d\","
		"\"server\":{\"script\":{\"path\":\"s\"}}}",
	};

	(void)state;
	fake_provider.entry = "{\"supports\":{\"storage\":[\"local\"]}}";
	for (unsigned i = 0; i < COUNT(paths); i++) {
		char *first = ask(paths[i], bodies[i], "k", 200);
		char *second, *third;

		sql("UPDATE claim SET status = 0, answer = NULL");
		second = ask(paths[i], bodies[i], "k", 200);
		assert_string_equal(first, second);
		assert_int_equal(fake_tracker.submits, i + 1);
		fake_tracker.state = JOB_SUCCEEDED;
		third = ask(paths[i], bodies[i], "k", 200); /* it is kept now */
		assert_string_equal(first, third);
		fake_tracker.state = JOB_RUNNING;
		free(first);
		free(second);
		free(third);
	}
}

static void what_made_no_job_may_be_tried_again(void **state)
{
	(void)state;
	expect(TRAIN, "[]", "k", 400, 0);
	fake_tracker.refused = FAIL_BUSY;
	expect(TRAIN, body, "k", 429, 1);
	fake_tracker.refused = FAIL_NONE;
	expect(TRAIN, other, "k", 200, 2);
}

static void a_failure_of_the_other_side_is_asked_for_again(void **state)
{
	char *said;

	(void)state;
	fake_tracker.state = JOB_FAILED;
	fake_tracker.remote_name = NULL;
	fake_tracker.error = "the other side is away";
	free(ask(TRAIN, body, "k", 500));
	fake_tracker.error = "still away";
	said = ask(TRAIN, body, "k", 500);
	assert_string_equal(said, "\"still away\"");
	assert_int_equal(fake_tracker.submits, 1);
	free(said);
}

static void a_key_belongs_to_a_caller_and_an_operation(void **state)
{
	struct exchange *x = keyed(TRAIN, body, "k");

	(void)state;
	expect(TRAIN, body, "k", 200, 1);
	fake_query(x, "project", "p");
	fake_serve(x);
	assert_int_equal(fake_tracker.submits, 2);
	fake_free(x);
	expect("/api/service/v1/pipelines/training/custom_script", body, "k", 200, 3);
	fake_config()->listeners[0].port = 81;
	expect(TRAIN, body, "k", 200, 4);
	expect("/api/service/v1/endpoints/a/deploy_model", body, "k", 200, 5);
	expect("/api/service/v1/endpoints/b/deploy_model", body, "k", 409, 5);
	expect("/api/service/v1/pipelines/inference", body, "k", 200, 6);
	expect("/api/service/v1/pipelines/inference/", body, "k", 200, 6);
}

static void a_key_is_forgotten_after_a_day(void **state)
{
	(void)state;
	expect(TRAIN, body, "k", 200, 1);
	clock_advance(IDEMPOTENCY_MS - 1);
	expect(TRAIN, body, "k", 200, 1);
	expect(TRAIN, other, "k", 409, 1);
	clock_advance(1);
	expect(TRAIN, other, "k", 200, 2);
	expect(TRAIN, other, "k", 200, 2);
}

static void a_key_is_visible_and_of_some_length(void **state)
{
	char longest[IDEMPOTENCY_KEY_MAX + 2];

	(void)state;
	memset(longest, '~', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	expect(TRAIN, body, "", 400, 0);
	expect(TRAIN, body, "a b", 400, 0);
	expect(TRAIN, body, "\xc3\xa9", 400, 0);
	expect(TRAIN, body, "\x7f", 400, 0);
	longest[IDEMPOTENCY_KEY_MAX] = '\0';
	expect(TRAIN, body, longest, 200, 1);
	expect(TRAIN, body, "!", 200, 2);
}

static void every_route_that_makes_a_job_takes_a_key(void **state)
{
	size_t creating = 0;

	(void)state;
	for (size_t i = 0; i < api_route_count; i++) {
		const struct route *r = &api_routes[i];
		bool job = r->slot != NULL && r->slot->shape == OPERATION_JOB;
		bool creates = (r->flags & ROUTE_CREATES) != 0;

		if ((job && !creates) || (r->handle == service_create) != job)
			fail_msg("%s %s", r->method, r->pattern);
		creating += creates;
	}
	assert_int_equal(creating, 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fake_close)
		TEST(what_is_sent_again_gets_the_same_answer_and_makes_no_job),
		TEST(another_request_with_the_key_is_refused),
		TEST(while_the_first_is_at_work_the_second_is_told_to_come_again),
		TEST(an_answer_that_was_lost_is_made_anew_of_the_same_job),
		TEST(what_made_no_job_may_be_tried_again),
		TEST(a_failure_of_the_other_side_is_asked_for_again),
		TEST(a_key_belongs_to_a_caller_and_an_operation),
		TEST(a_key_is_forgotten_after_a_day),
		TEST(a_key_is_visible_and_of_some_length),
		TEST(every_route_that_makes_a_job_takes_a_key),
	};
	int failed;

	clock_virtual_start(1000000, 1000);
	failed = cmocka_run_group_tests_name("api/idempotency", tests, NULL, NULL);
	clock_virtual_stop();
	return failed;
}

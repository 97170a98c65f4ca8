/* /v1/queues, and what a job's views say first: why it failed, why it waits. */
#include "unit/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "jobs/flow.h"
#include "unit/api/fakes.h"

#define JOB "01hzzzzzzzzzzzzzzzzzzzzz"
#define T0  1795248000000 /* 2026-11-21 08:00:00 UTC */

static const struct queue_view queues[] = {
	{.provider = LITERAL("local"), .capacity = 4, .running = 4, .waiting = 3},
	{.provider = LITERAL("local"),
		.project = LITERAL("a"),
		.paused = true,
		.priority = -5,
		.running = 4,
		.waiting = 3,
		.more = false},
	{.provider = LITERAL("other"), .paused = true, .priority = 7, .more = true},
	{.provider = LITERAL("other"), .project = LITERAL("b")},
};

static void queues_are_shown_by_provider_and_project(void **state)
{
	(void)state;
	fake_tracker.queues = queues;
	fake_tracker.queue_count = COUNT(queues);
	fake_expect("GET", "/v1/queues", NULL, 200,
		"{\"queues\":[{\"provider\":\"local\",\"paused\":false,\"priority\":0,\"capacity\":4,"
		"\"running\":4,\"waiting\":3,\"projects\":[{\"project\":\"a\",\"paused\":true,"
		"\"priority\":-5,\"running\":4,\"waiting\":3}]},{\"provider\":\"other\",\"paused\":"
		"true,\"priority\":7,\"capacity\":0,\"running\":0,\"waiting\":0,\"projects\":[{"
		"\"project\":\"b\",\"paused\":false,\"priority\":0,\"running\":0,\"waiting\":0}],"
		"\"next\":\"b\"}]}");
	assert_string_equal(fake_tracker.filter, "- - -");
}

static void a_list_of_queues_is_narrowed_by_its_query(void **state)
{
	struct exchange *x = fake_request("GET", "/v1/queues", NULL);

	(void)state;
	fake_tracker.queues = queues;
	fake_tracker.queue_count = 2;
	fake_query(x, "provider", "local");
	fake_query(x, "after", "Z");
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_tracker.filter, "local - Z");
	fake_free(x);
}

static void a_queue_is_set_and_answered(void **state)
{
	(void)state;
	fake_tracker.queues = queues;
	fake_tracker.queue_count = 1;
	fake_expect("POST", "/v1/queues/local", "{\"paused\":true}", 200,
		"{\"provider\":\"local\",\"paused\":false,\"priority\":0,\"capacity\":4,\"running\":4,"
		"\"waiting\":3,\"projects\":[]}");
	assert_string_equal(fake_tracker.queue, "local");
	assert_true(fake_tracker.change.set_paused && fake_tracker.change.paused);
	assert_false(fake_tracker.change.set_priority);
}

static void a_project_is_set_at_a_provider(void **state)
{
	struct exchange *x = fake_request("POST", "/v1/queues/local",
		"{\"project\":\"a b\",\"paused\":false,\"priority\":-100}");

	(void)state;
	fake_tracker.queues = queues;
	fake_tracker.queue_count = 2;
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_tracker.queue, "local a b");
	assert_string_equal(fake_tracker.filter, "local a b -");
	assert_true(fake_tracker.change.set_paused && !fake_tracker.change.paused);
	assert_int_equal(fake_tracker.change.priority, -100);
	fake_free(x);
}

static void a_wrong_change_is_named(void **state)
{
	static const char *const rows[][2] = {
		{"{}", "nothing to change"},
		{"{\"project\":\"a\"}", "nothing to change"},
		{"{\"pause\":true}", "did you mean 'paused'"},
		{"{\"paused\":1}", "/paused"},
		{"{\"priority\":101}", "/priority"},
		{"{\"priority\":-101}", "/priority"},
		{"{\"priority\":1.5}", "/priority"},
		{"{\"priority\":1,\"project\":7}", "/project"},
		{"[]", ""},
		{"{", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct exchange *x = fake_request("POST", "/v1/queues/local", rows[i][0]);

		fake_serve(x);
		assert_int_equal(fake_status(x), 400);
		assert_non_null(strstr(fake_text(x), rows[i][1]));
		assert_string_equal(fake_tracker.queue, "");
		fake_free(x);
	}
}

static void add_job(enum job_state job_state, const char *interface, const char *result)
{
	struct job job = {.id = JOB,
		.submission = JOB,
		.state = job_state,
		.created_ms = T0,
		.started_ms = T0,
		.finished_ms = JOB_BIT(job_state) & JOB_TERMINAL ? T0 : 0,
		.provider = LITERAL("local"),
		.interface = LITERAL(interface),
		.kind = LITERAL("train"),
		.name = LITERAL("n"),
		.project = LITERAL("p"),
		.connection = LITERAL(""),
		.request = LITERAL("{}"),
		.result = LITERAL(result),
		.error = LITERAL(job_state == JOB_FAILED ? "exit code 3" : NULL)};

	fake_job(&job);
}

static void expect_begins(const char *path, const char *text)
{
	struct exchange *x = fake_request("GET", path, NULL);

	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	if (strncmp(fake_text(x), text, strlen(text)) != 0)
		fail_msg("%s answers %s\n  and does not begin with %s", path, fake_text(x), text);
	fake_free(x);
}

static void why_a_job_failed_comes_first(void **state)
{
	(void)state;
	add_job(JOB_FAILED, "davit.training",
		"{\"reason\":{\"exit_code\":3,\"lines\":[\"oh\"],\"token\":\"SECRET\"}}");
	expect_begins("/v1/jobs/" JOB,
		"{\"id\":\"" JOB "\",\"state\":\"failed\",\"error\":\"exit code 3\",\"reason\":{"
		"\"exit_code\":3,\"lines\":[\"oh\"],\"token\":\"***\"},\"status\":\"ERROR\"");
	expect_begins("/status/" JOB,
		"{\"id\":\"" JOB "\",\"state\":\"ERROR\",\"error\":\"exit code 3\",\"reason\":{"
		"\"exit_code\":3,\"lines\":[\"oh\"],\"token\":\"***\"},\"resource\":null");
}

static void a_failure_without_a_reason_has_none(void **state)
{
	(void)state;
	add_job(JOB_FAILED, "davit.training", "{\"reason\":null}");
	expect_begins("/status/" JOB,
		"{\"id\":\"" JOB "\",\"state\":\"ERROR\",\"error\":\"exit code 3\",\"resource\"");
}

static const struct queue_wait paused = {.because = WAIT_PAUSED,
	.text = "it is paused",
	.position = 2,
	.ahead = 5,
	.running = 3,
	.capacity = 4};

#define WAITING                                                                                     \
	"\"waiting\":{\"because\":\"paused\",\"text\":\"it is paused\",\"position\":2,\"ahead\":5," \
	"\"running\":3,\"capacity\":4},"

static void why_a_job_waits_comes_first(void **state)
{
	(void)state;
	add_job(JOB_QUEUED, "davit.training", NULL);
	fake_tracker.wait = &paused;
	expect_begins("/v1/jobs/" JOB,
		"{\"id\":\"" JOB "\",\"state\":\"queued\",\"error\":null," WAITING "\"status\"");
	assert_string_equal(fake_tracker.waiting, JOB);
	expect_begins("/status/" JOB,
		"{\"id\":\"" JOB "\",\"state\":\"SUBMITTED\",\"error\":null," WAITING
		"\"resource\"");
}

static void a_flow_waits_where_its_training_waits(void **state)
{
	char step[ID_SIZE];

	(void)state;
	add_job(JOB_RUNNING, FLOW_INTERFACE, NULL);
	fake_tracker.wait = &paused;
	expect_begins("/v1/jobs/" JOB,
		"{\"id\":\"" JOB "\",\"state\":\"running\",\"error\":null," WAITING);
	flow_step_id(JOB, FLOW_TRAIN, step);
	assert_string_equal(fake_tracker.waiting, step);
}

static void a_job_that_runs_does_not_wait(void **state)
{
	(void)state;
	add_job(JOB_RUNNING, "davit.training", "{\"reason\":{\"x\":1}}");
	fake_tracker.wait = &paused;
	expect_begins("/status/" JOB,
		"{\"id\":\"" JOB "\",\"state\":\"RUNNING\",\"error\":null,\"resource\"");
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SITE(queues_are_shown_by_provider_and_project),
		ON_SITE(a_list_of_queues_is_narrowed_by_its_query),
		ON_SITE(a_queue_is_set_and_answered),
		ON_SITE(a_project_is_set_at_a_provider),
		ON_SITE(a_wrong_change_is_named),
		ON_SITE(why_a_job_failed_comes_first),
		ON_SITE(a_failure_without_a_reason_has_none),
		ON_SITE(why_a_job_waits_comes_first),
		ON_SITE(a_flow_waits_where_its_training_waits),
		ON_SITE(a_job_that_runs_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

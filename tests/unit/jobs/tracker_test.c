/* The tracker: from acceptance to the end, and what waits for capacity. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <string.h>

#include "base/clock.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

static void an_accepted_job_is_submitted_once_polled_and_ended(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	struct job job;

	await_state(x, t.id, JOB_RUNNING);
	await_calls("poll", 2);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, "{\"metrics\":{\"a\":1}}");
	await_state(x, t.id, JOB_SUCCEEDED);
	job = job_of(x, t.id);
	assert_int_equal(fake_objects(), 1);
	assert_int_equal(fake_calls("submit"), 1);
	assert_true(job.started_ms > 0 && job.finished_ms >= job.started_ms);
	assert_string_equal(job.remote_name, t.id);
	assert_non_null(strstr(job.result, "metrics"));
	job_finish(&job);
}

static char *series_of(struct fixture *x, const char *id)
{
	char *text = NULL;
	struct fail f;

	assert_true(store_job_series(x->store, id, &text, &f));
	return text;
}

static void a_run_ends_with_its_metrics_over_time(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct job job;
	char *series;

	fake_metrics("{\"series\":[{\"step\":1,\"values\":{\"a\":1}},7,{\"values\":{\"a\":2}}]}");
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	fake_end(t.id, DAVIT_STATE_FAILED, "{\"metrics\":{\"a\":2},\"error\":\"late\"}");
	await_state(x, t.id, JOB_FAILED);
	job = job_of(x, t.id);
	series = series_of(x, t.id);
	assert_string_equal(series, "[{\"step\":1,\"values\":{\"a\":1}},{\"values\":{\"a\":2}}]");
	assert_string_equal(job.metrics, "{\"a\":2}");
	assert_null(strstr(job.result, "series"));
	assert_int_equal(fake_calls("metrics"), 1);
	free(series);
	job_finish(&job);
}

static void a_run_ends_also_where_its_metrics_cannot_be_had(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_metrics("{}");
	fake_fault("metrics", DAVIT_INTERNAL, 1, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
	assert_null(series_of(x, t.id));
}

static void metrics_cut_off_by_the_end_of_the_daemon_are_asked_for_again(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	char *series;

	fake_metrics("{\"series\":[]}");
	fake_fault("metrics", DAVIT_CANCELLED, 2, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
	series = series_of(x, t.id);
	assert_string_equal(series, "[]");
	assert_int_equal(fake_calls("metrics"), 3);
	free(series);
}

/* The call for the metrics begins before that of the submission has returned its handle. */
static void the_end_of_the_daemon_cancels_the_call_for_metrics(void **state)
{
	struct fixture *x = *state;

	fake_instant(true);
	fake_metrics("{\"series\":[]}");
	fake_hold("metrics");
	(void)train(x);
	while (!fake_held())
		let_time_pass();
	stop(x);
	assert_true(fake_was_cancelled());
	fake_hold(NULL);
	start(x);
}

static void a_failure_keeps_the_providers_reason(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	struct job job;

	await_state(x, t.id, JOB_RUNNING);
	fake_end(t.id, DAVIT_STATE_FAILED, "{\"error\":\"out of paper\"}");
	await_state(x, t.id, JOB_FAILED);
	job = job_of(x, t.id);
	assert_string_equal(job.error, "out of paper");
	job_finish(&job);
}

static void a_refused_submission_fails_with_both_times(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct job_status status;
	struct job job;

	fake_fault("submit", DAVIT_INVALID, 1, false);
	t = train(x);
	await_state(x, t.id, JOB_FAILED);
	job = job_of(x, t.id);
	assert_string_equal(job.result, "{\"failure\":\"upstream\"}");
	job_finish(&job);
	status = status_of(x, t.id);
	assert_int_equal(status.started_ms, status.finished_ms);
	assert_true(status.finished_ms > 0);
}

static void jobs_wait_for_capacity_and_start_in_order(void **state)
{
	struct fixture *x = *state;
	struct ticket a = train(x);
	struct ticket b = train(x);
	struct ticket c = train(x);
	struct ticket d = train(x);

	await_state(x, a.id, JOB_RUNNING);
	await_state(x, b.id, JOB_RUNNING);
	await_calls("poll", 6);
	assert_int_equal(status_of(x, c.id).state, JOB_QUEUED);
	assert_int_equal(status_of(x, d.id).state, JOB_QUEUED);
	fake_end(b.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, c.id, JOB_RUNNING);
	assert_int_equal(status_of(x, d.id).state, JOB_QUEUED);
}

static void providers_share_the_capacity_in_the_order_of_coming(void **state)
{
	struct fixture *x = *state;
	const struct config_provider two[] = {
		{.id = (char *)"p", .enabled = true, .max_running = 8, .max_calls = 8},
		{.id = (char *)"q", .enabled = true, .max_running = 8, .max_calls = 8},
	};
	struct ticket first;
	struct ticket other;
	struct ticket last;

	stop(x);
	x->config.providers = (struct config_provider *)two;
	x->config.provider_count = 2;
	x->config.max_running = 1;
	start(x);
	first = train_at(x, "q");
	await_state(x, first.id, JOB_RUNNING);
	clock_advance(5);
	other = train_at(x, "p");
	clock_advance(5);
	last = train_at(x, "q");
	fake_end(first.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, other.id, JOB_RUNNING);
	assert_int_equal(status_of(x, last.id).state, JOB_QUEUED);
	fake_end(other.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, last.id, JOB_RUNNING);
	stop(x);
	x->config.providers = &x->provider;
	x->config.provider_count = 1;
	start(x);
}

static void a_short_job_does_not_wait_behind_training(void **state)
{
	struct fixture *x = *state;
	struct ticket a = train(x);
	struct ticket b = train(x);
	struct ticket model;

	await_state(x, a.id, JOB_RUNNING);
	await_state(x, b.id, JOB_RUNNING);
	model = order(x, "davit.models", 0);
	await_state(x, model.id, JOB_RUNNING);
}

static void a_full_queue_refuses_and_says_when_to_come_back(void **state)
{
	struct fixture *x = *state;

	x->config.max_queued = 1;
	(void)train(x);
	assert_int_equal(order(x, "davit.training", 0).refused, FAIL_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_accepted_job_is_submitted_once_polled_and_ended),
		TEST(a_run_ends_with_its_metrics_over_time),
		TEST(a_run_ends_also_where_its_metrics_cannot_be_had),
		TEST(metrics_cut_off_by_the_end_of_the_daemon_are_asked_for_again),
		TEST(the_end_of_the_daemon_cancels_the_call_for_metrics),
		TEST(a_failure_keeps_the_providers_reason),
		TEST(a_refused_submission_fails_with_both_times),
		TEST(jobs_wait_for_capacity_and_start_in_order),
		TEST(providers_share_the_capacity_in_the_order_of_coming),
		TEST(a_short_job_does_not_wait_behind_training),
		TEST(a_full_queue_refuses_and_says_when_to_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

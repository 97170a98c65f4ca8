/* The tracker: cancels and deadlines. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

/* --- cancel --- */

static void a_waiting_job_is_cancelled_at_once_with_both_times(void **state)
{
	struct fixture *x = *state;
	struct job_status status;
	struct ticket c;

	stop(x);
	x->provider.max_running = 0;
	start(x);
	c = train(x);
	assert_true(cancel(x, c.id));
	status = status_of(x, c.id);
	assert_int_equal(status.state, JOB_CANCELLED);
	assert_true(status.finished_ms > 0);
	assert_int_equal(status.started_ms, status.finished_ms);
	assert_int_equal(fake_objects(), 0);
}

static void a_running_job_is_cancelled_by_its_provider(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	assert_true(cancel(x, t.id));
	await_state(x, t.id, JOB_CANCELLED);
	assert_int_equal(fake_calls("cancel"), 1);
}

static void a_cancel_is_repeated_until_it_is_obeyed(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	fake_obeys_cancel(false);
	await_state(x, t.id, JOB_RUNNING);
	assert_true(cancel(x, t.id));
	await_calls("cancel", 3);
	assert_int_equal(status_of(x, t.id).state, JOB_RUNNING);
	fake_obeys_cancel(true);
	await_state(x, t.id, JOB_CANCELLED);
}

static void what_refuses_its_cancel_is_looked_at(void **state)
{
	static const int32_t codes[] = {DAVIT_CONFLICT, DAVIT_AUTH, DAVIT_RETRY};

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct ticket t;

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		t = train(*state);
		await_state(*state, t.id, JOB_RUNNING);
		fake_fault("cancel", codes[i], 1000000, false);
		assert_true(cancel(*state, t.id));
		await_calls("cancel", 3);
		fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
		await_state(*state, t.id, JOB_SUCCEEDED);
	}
}

static void what_refuses_its_cancel_is_asked_less_and_less(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	fake_fault("cancel", DAVIT_CONFLICT, 1000000, false);
	assert_true(cancel(x, t.id));
	await_calls("cancel", 1);
	for (int64_t until = clock_mono_ms() + 120000; clock_mono_ms() < until;)
		let_time_pass();
	assert_in_range(fake_calls("cancel"), 4, 12);
	assert_true(fake_calls("poll") > fake_calls("cancel"));
}

static void a_cancel_survives_a_restart(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	fake_obeys_cancel(false);
	await_state(x, t.id, JOB_RUNNING);
	assert_true(cancel(x, t.id));
	restart(x);
	fake_obeys_cancel(true);
	await_state(x, t.id, JOB_CANCELLED);
}

static void the_cancel_of_what_is_gone_ends_cancelled(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	struct job job;

	await_state(x, t.id, JOB_RUNNING);
	fake_fault("cancel", DAVIT_NOT_FOUND, 1000, false);
	fake_fault("poll", DAVIT_NOT_FOUND, 1000, false);
	assert_true(cancel(x, t.id));
	await_state(x, t.id, JOB_CANCELLED);
	job = job_of(x, t.id);
	assert_non_null(strstr(job.result, "\"failure\""));
	assert_true(job.finished_ms - job.cancel_ms >= 10000);
	job_finish(&job);
}

/* A request that came too early, or to a server that lags behind the others. */
static void what_is_not_there_now_and_then_is_cancelled_all_the_same(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	struct job job;

	await_state(x, t.id, JOB_RUNNING);
	fake_fault("cancel", DAVIT_NOT_FOUND, 1, false);
	fake_fault("poll", DAVIT_NOT_FOUND, 4, false);
	assert_true(cancel(x, t.id));
	await_state(x, t.id, JOB_CANCELLED);
	assert_true(fake_calls("cancel") >= 2);
	job = job_of(x, t.id);
	assert_null(strstr(job.result, "\"failure\"")); /* its object has ended */
	job_finish(&job);
}

static void an_ended_job_keeps_its_state(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
	assert_false(cancel(x, t.id));
	assert_int_equal(status_of(x, t.id).state, JOB_SUCCEEDED);
}

static void an_unknown_job_cannot_be_cancelled(void **state)
{
	struct fixture *x = *state;
	struct cancelled c = {0};

	tracker_cancel(x->tracker, "nosuchjob", cancel_done, &c);
	await_flag(&c.done);
	assert_int_equal(c.code, FAIL_NOT_FOUND);
}

static void shutdown_cancels_nothing(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	restart(x);
	await_calls("poll", fake_calls("poll") + 1);
	assert_int_equal(fake_calls("cancel"), 0);
	assert_int_equal(fake_calls("submit"), 1);
}

/* --- deadlines --- */

static void a_job_past_its_deadline_is_stopped_and_failed(void **state)
{
	struct fixture *x = *state;
	struct ticket t = order(x, "davit.training", 60000);
	struct job job;

	await_state(x, t.id, JOB_FAILED);
	job = job_of(x, t.id);
	assert_non_null(strstr(job.error, "deadline"));
	assert_true(job.finished_ms - job.created_ms >= 60000);
	assert_int_equal(fake_calls("cancel"), 1);
	job_finish(&job);
}

static void a_deadline_that_cannot_be_written_cancels_nothing(void **state)
{
	struct fixture *x = *state;
	struct ticket t = order(x, "davit.training", 5000);
	unsigned before;

	await_state(x, t.id, JOB_RUNNING);
	disk_fails(true);
	before = disk_writes();
	for (int64_t until = clock_mono_ms() + 60000; clock_mono_ms() < until;)
		let_time_pass();
	assert_in_range(disk_writes() - before, 1, 100);
	assert_int_equal(fake_calls("cancel"), 0);
	disk_fails(false);
	await_state(x, t.id, JOB_FAILED);
	assert_true(fake_calls("cancel") > 0);
}

static void a_deadline_passes_for_a_waiting_job_too(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	stop(x);
	x->provider.max_running = 0;
	start(x);
	t = order(x, "davit.training", 60000);
	await_state(x, t.id, JOB_FAILED);
	assert_int_equal(fake_objects(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_waiting_job_is_cancelled_at_once_with_both_times),
		TEST(a_running_job_is_cancelled_by_its_provider),
		TEST(a_cancel_is_repeated_until_it_is_obeyed),
		TEST(what_refuses_its_cancel_is_looked_at),
		TEST(what_refuses_its_cancel_is_asked_less_and_less),
		TEST(a_cancel_survives_a_restart),
		TEST(the_cancel_of_what_is_gone_ends_cancelled),
		TEST(what_is_not_there_now_and_then_is_cancelled_all_the_same),
		TEST(an_ended_job_keeps_its_state),
		TEST(an_unknown_job_cannot_be_cancelled),
		TEST(shutdown_cancels_nothing),
		TEST(a_job_past_its_deadline_is_stopped_and_failed),
		TEST(a_deadline_that_cannot_be_written_cancels_nothing),
		TEST(a_deadline_passes_for_a_waiting_job_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

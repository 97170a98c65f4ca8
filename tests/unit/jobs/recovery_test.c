/* The tracker: submissions nobody is sure of, and providers that are not there. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

static void an_unclear_submission_is_found_not_repeated(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_objects(), 1);
	assert_int_equal(fake_calls("submit"), 1);
	assert_int_equal(fake_calls("find"), 1);
}

static void what_was_certainly_not_created_is_submitted_again_with_the_same_id(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_fault("submit", DAVIT_INTERNAL, 1, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), 2);
	assert_string_equal(fake_last_submitted(), t.id);
}

static void what_cannot_be_found_out_waits_for_a_person(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_idempotency("none");
	fake_lacks("find");
	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	t = train(x);
	await_state(x, t.id, JOB_NEEDS_DECISION);
	assert_int_equal(fake_calls("submit"), 1);
}

static void a_name_taken_only_once_needs_no_find(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_lacks("find");
	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), 2);
	assert_int_equal(fake_objects(), 1);
}

static void await_trouble(struct fixture *x, const char *id, const char *part)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct job job = job_of(x, id);
		bool seen = part != NULL ? job.error != NULL && strstr(job.error, part) != NULL
		                         : job.error == NULL;

		assert_false(JOB_BIT(job.state) & JOB_TERMINAL);
		job_finish(&job);
		if (seen)
			return;
		let_time_pass();
	}
	fail_msg("its error does not become %s", part != NULL ? part : "none");
}

static void a_submission_that_did_nothing_is_tried_again(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_fault("submit", DAVIT_RETRY, 3, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), 4);
	assert_int_equal(fake_calls("find"), 0);
	assert_int_equal(fake_objects(), 1);
}

static void a_submission_that_is_not_let_in_waits_for_ten_minutes_and_says_why(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct job job;

	fake_fault("submit", DAVIT_AUTH, 6, false);
	t = train(x);
	await_trouble(x, t.id, "tried again: a fault, as ordered");
	await_state(x, t.id, JOB_RUNNING);
	await_trouble(x, t.id, NULL);
	fake_fault("submit", DAVIT_AUTH, 1000, false);
	t = train(x);
	await_state(x, t.id, JOB_FAILED);
	job = job_of(x, t.id);
	assert_string_equal(job.error, "a fault, as ordered");
	assert_true(job.finished_ms - job.created_ms >= 600000);
	job_finish(&job);
}

static void a_submission_that_goes_wrong_and_does_nothing_says_why(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct job job;

	fake_fault("submit", DAVIT_INTERNAL, 1000, false);
	t = train(x);
	await_trouble(x, t.id, "tried again: a fault, as ordered");
	assert_true(cancel(x, t.id));
	await_state(x, t.id, JOB_CANCELLED);
	job = job_of(x, t.id);
	assert_null(job.error);
	job_finish(&job);
}

static void failing_polls_end_nothing(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	static const int32_t codes[] = {DAVIT_INTERNAL, DAVIT_AUTH, DAVIT_INVALID, DAVIT_CONFLICT,
		DAVIT_UNSUPPORTED, DAVIT_PERMANENT};

	await_state(x, t.id, JOB_RUNNING);
	for (size_t i = 0; i < COUNT(codes); i++) {
		unsigned before = fake_calls("poll");

		fake_fault("poll", codes[i], 2, false);
		await_calls("poll", before + 3);
		assert_int_equal(status_of(x, t.id).state, JOB_RUNNING);
	}
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
}

static void await_error(struct fixture *x, const char *id, const char *part)
{
	await_trouble(x, id, part);
	assert_int_equal(status_of(x, id).state, JOB_RUNNING);
}

static void a_job_that_cannot_be_asked_says_why(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	fake_fault("poll", DAVIT_PERMANENT, 5, false);
	await_error(x, t.id, "asked again: a fault, as ordered");
	await_error(x, t.id, NULL);
	fake_fault("poll", DAVIT_AUTH, 5, false);
	await_error(x, t.id, "asked again: a fault, as ordered");
	restart(x);
	await_error(x, t.id, NULL);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
}

static void what_cannot_be_asked_is_cancelled_for_as_long_as_it_takes(void **state)
{
	static const int32_t codes[] = {DAVIT_PERMANENT, DAVIT_INVALID, DAVIT_UNSUPPORTED};

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct ticket t;
		struct fixture *x;

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		x = *state;
		t = order(x, "davit.training", 60000);
		await_state(x, t.id, JOB_RUNNING);
		fake_fault("poll", codes[i], 12, false);
		fake_fault("cancel", DAVIT_INVALID, 6, false);
		await_error(x, t.id, "asked again: a fault, as ordered");
		await_state(x, t.id, JOB_FAILED); /* by its deadline, and as cancelled */
		assert_true(fake_calls("cancel") > 6);
		assert_true(fake_calls("poll") > 12);
	}
}

/* A request that came too early, or to a server that lags behind the others. */
static void what_a_few_polls_do_not_find_has_not_failed(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	struct job job;

	await_state(x, t.id, JOB_RUNNING);
	fake_fault("poll", DAVIT_NOT_FOUND, 5, false);
	await_error(x, t.id, "asked again: a fault, as ordered");
	await_error(x, t.id, NULL);
	fake_fault("poll", DAVIT_NOT_FOUND, 5, false); /* counted anew */
	await_error(x, t.id, "asked again: a fault, as ordered");
	await_error(x, t.id, NULL);
	fake_fault("poll", DAVIT_NOT_FOUND, 6, false);
	await_state(x, t.id, JOB_FAILED);
	job = job_of(x, t.id);
	assert_string_equal(job.error, "a fault, as ordered");
	job_finish(&job);
}

/* Puts a job into the store as a crash would have left it. */
static void left_behind(struct fixture *x, const char *id, enum job_state state)
{
	struct store_op *op = store_op_new(STORE_JOB_ADD, true);
	struct fail f;

	assert_non_null(op);
	(void)snprintf(op->job.id, sizeof(op->job.id), "%s", id);
	(void)snprintf(op->job.submission, sizeof(op->job.submission), "%s", id);
	op->job.state = state;
	op->job.epoch = 1;
	op->job.created_ms = clock_now_ms();
	op->job.provider = strdup("p");
	op->job.interface = strdup("davit.training");
	op->job.kind = strdup("train");
	op->job.request = strdup("{\"spec\":{}}");
	assert_true(store_run(x->store, op, &f));
	store_op_free(op);
}

static void a_start_finds_out_what_the_last_one_submitted(void **state)
{
	struct fixture *x = *state;
	const char *id = "0123456789abcdefghjkmnpq";

	left_behind(x, id, JOB_SUBMITTING);
	fake_fault("find", DAVIT_RETRY, 2, false);
	restart(x);
	await_state(x, id, JOB_RUNNING);
	assert_true(tracker_recovered(x->tracker));
	assert_int_equal(fake_calls("find"), 3);
	assert_int_equal(fake_objects(), 1);
}

static void the_start_is_not_over_before_what_was_submitted_was_asked_for(void **state)
{
	struct fixture *x = *state;

	left_behind(x, "0123456789abcdefghjkmnpq", JOB_SUBMITTING);
	fake_hold("find");
	restart(x);
	for (int i = 0; i < ROUNDS && !fake_held(); i++)
		let_time_pass();
	assert_false(tracker_recovered(x->tracker));
	fake_hold(NULL);
	fake_release("{\"ref\":{\"v\":1},\"id\":\"o\"}");
	await_state(x, "0123456789abcdefghjkmnpq", JOB_RUNNING);
	assert_true(tracker_recovered(x->tracker));
}

static void nobody_waits_for_a_cloud_that_is_away_or_lets_nobody_in(void **state)
{
	static const int32_t codes[] = {DAVIT_AUTH, DAVIT_RETRY, DAVIT_THROTTLED, DAVIT_INTERNAL};
	const char *id = "0123456789abcdefghjkmnpq";

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct fixture *x;

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		x = *state;
		left_behind(x, id, JOB_RECOVERING);
		fake_fault("find", codes[i], 1000000, false);
		restart(x);
		for (int n = 0; n < ROUNDS && !tracker_recovered(x->tracker); n++)
			let_time_pass();
		assert_true(tracker_recovered(x->tracker));
		assert_true(fake_calls("find") > 0);
		assert_int_equal(status_of(x, id).state, JOB_RECOVERING);
	}
}

static void what_was_orphaned_takes_its_places_again(void **state)
{
	struct fixture *x = *state;
	struct ticket a = train(x), b = train(x), c;

	await_state(x, a.id, JOB_RUNNING);
	await_state(x, b.id, JOB_RUNNING);
	for (int i = 0; i < 2; i++) {
		fake_absent(i == 0);
		restart(x);
		await_state(x, a.id, i == 0 ? JOB_ORPHANED : JOB_RUNNING);
		await_state(x, b.id, i == 0 ? JOB_ORPHANED : JOB_RUNNING);
	}
	c = train(x);
	for (int i = 0; i < 200; i++)
		let_time_pass();
	assert_int_equal(status_of(x, c.id).state, JOB_QUEUED);
	fake_end(a.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, c.id, JOB_RUNNING);
}

static void what_a_list_may_still_miss_is_not_submitted_again(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_settles(60000);
	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	fake_fault("find", DAVIT_NOT_FOUND, 1, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), 1);
	assert_int_equal(fake_calls("find"), 2);
}

/* The list was read when it might still miss it, however late its answer came. */
static void a_list_is_as_old_as_the_question_for_it(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_settles(60000);
	fake_slow("find", 90000);
	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	fake_fault("find", DAVIT_NOT_FOUND, 1, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), 1);
	assert_int_equal(fake_calls("find"), 2);
}

static void what_a_list_still_misses_in_the_end_is_submitted_again(void **state)
{
	struct fixture *x = *state;
	int64_t began = clock_mono_ms();
	struct ticket t;

	fake_settles(60000);
	fake_trace((struct call_trace){.unclear = 1}); /* something left, and made nothing */
	fake_fault("submit", DAVIT_INTERNAL, 1, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), 2);
	assert_true(fake_calls("find") >= 2);
	assert_true(clock_mono_ms() - began >= 60000);
}

static void after_a_start_lists_get_their_time_too_and_nobody_waits_for_them(void **state)
{
	struct fixture *x = *state;
	const char *id = "0123456789abcdefghjkmnpq";
	int64_t began;

	fake_settles(60000);
	left_behind(x, id, JOB_SUBMITTING);
	began = clock_mono_ms();
	restart(x);
	await_calls("find", 1);
	for (int round = 0; round < ROUNDS && !tracker_recovered(x->tracker); round++)
		let_time_pass();
	assert_true(clock_mono_ms() - began < 60000);
	await_state(x, id, JOB_RUNNING);
	assert_true(clock_mono_ms() - began >= 60000);
	assert_int_equal(fake_objects(), 1);
}

static void jobs_of_an_absent_provider_wait_and_go_on_when_it_is_back(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	fake_absent(true);
	restart(x);
	await_state(x, t.id, JOB_ORPHANED);
	fake_absent(false);
	restart(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_objects(), 1);
	assert_int_equal(fake_calls("submit"), 1);
}

/* What its submission made is known; looking for it could find nothing, or the need of a person. */
static void what_ran_when_its_provider_went_away_is_not_looked_for(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_idempotency("none");
	fake_lacks("find");
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	fake_absent(true);
	restart(x);
	await_state(x, t.id, JOB_ORPHANED);
	fake_absent(false);
	restart(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), 1);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
}

static void a_job_that_waits_for_an_absent_provider_can_be_cancelled(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	stop(x);
	x->provider.max_running = 0;
	start(x);
	t = train(x);
	fake_absent(true);
	stop(x);
	x->provider.max_running = 2;
	start(x);
	clock_advance(10000);
	assert_int_equal(status_of(x, t.id).state, JOB_QUEUED);
	assert_true(cancel(x, t.id));
	assert_int_equal(status_of(x, t.id).state, JOB_CANCELLED);
}

static void a_deadline_ends_a_job_that_waits_for_an_absent_provider(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_absent(true);
	restart(x);
	t = order(x, "davit.training", 60000);
	await_state(x, t.id, JOB_FAILED);
	assert_int_equal(fake_objects(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unclear_submission_is_found_not_repeated),
		TEST(what_was_certainly_not_created_is_submitted_again_with_the_same_id),
		TEST(what_cannot_be_found_out_waits_for_a_person),
		TEST(a_name_taken_only_once_needs_no_find),
		TEST(a_submission_that_did_nothing_is_tried_again),
		TEST(a_submission_that_is_not_let_in_waits_for_ten_minutes_and_says_why),
		TEST(a_submission_that_goes_wrong_and_does_nothing_says_why),
		TEST(failing_polls_end_nothing),
		TEST(a_job_that_cannot_be_asked_says_why),
		TEST(what_cannot_be_asked_is_cancelled_for_as_long_as_it_takes),
		TEST(what_a_few_polls_do_not_find_has_not_failed),
		TEST(a_start_finds_out_what_the_last_one_submitted),
		TEST(the_start_is_not_over_before_what_was_submitted_was_asked_for),
		TEST(nobody_waits_for_a_cloud_that_is_away_or_lets_nobody_in),
		TEST(what_was_orphaned_takes_its_places_again),
		TEST(what_a_list_may_still_miss_is_not_submitted_again),
		TEST(a_list_is_as_old_as_the_question_for_it),
		TEST(what_a_list_still_misses_in_the_end_is_submitted_again),
		TEST(after_a_start_lists_get_their_time_too_and_nobody_waits_for_them),
		TEST(jobs_of_an_absent_provider_wait_and_go_on_when_it_is_back),
		TEST(what_ran_when_its_provider_went_away_is_not_looked_for),
		TEST(a_job_that_waits_for_an_absent_provider_can_be_cancelled),
		TEST(a_deadline_ends_a_job_that_waits_for_an_absent_provider),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

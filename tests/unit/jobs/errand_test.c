/* The tracker: deletes, done until they are confirmed. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "jobs/errand.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

/* --- verdicts --- */

static enum errand_verdict first(int32_t code)
{
	return errand_verdict(code, true, &(struct errand_past){0});
}

static void a_first_attempt_is_confirmed_refused_or_made_again(void **state)
{
	(void)state;
	assert_int_equal(first(DAVIT_OK), ERRAND_DONE);
	assert_int_equal(first(DAVIT_RETRY), ERRAND_AGAIN);
	assert_int_equal(first(DAVIT_THROTTLED), ERRAND_AGAIN);
	assert_int_equal(first(DAVIT_AUTH), ERRAND_REFUSED);
	assert_int_equal(first(DAVIT_QUOTA), ERRAND_REFUSED);
	assert_int_equal(first(DAVIT_INVALID), ERRAND_REFUSED);
	assert_int_equal(first(DAVIT_NOT_FOUND), ERRAND_REFUSED);
	assert_int_equal(first(DAVIT_CONFLICT), ERRAND_REFUSED);
	assert_int_equal(first(DAVIT_UNSUPPORTED), ERRAND_REFUSED);
	assert_int_equal(first(DAVIT_PERMANENT), ERRAND_REFUSED);
	assert_int_equal(first(DAVIT_CANCELLED), ERRAND_UNCLEAR);
	assert_int_equal(first(DAVIT_DEADLINE), ERRAND_UNCLEAR);
	assert_int_equal(first(DAVIT_INTERNAL), ERRAND_UNCLEAR);
	assert_int_equal(first(4711), ERRAND_UNCLEAR);
}

static void what_is_gone_after_an_unclear_attempt_was_removed_by_it(void **state)
{
	(void)state;
	for (unsigned gone = 0; gone < 3; gone++)
		assert_int_equal(errand_verdict(DAVIT_NOT_FOUND, true,
					 &(struct errand_past){.tried = true, .gone = gone}),
			ERRAND_UNCLEAR);
	assert_int_equal(errand_verdict(DAVIT_NOT_FOUND, true,
				 &(struct errand_past){.tried = true, .gone = 3}),
		ERRAND_DONE);
	assert_int_equal(
		errand_verdict(DAVIT_NOT_FOUND, true, &(struct errand_past){.failed = true}),
		ERRAND_REFUSED);
}

static void a_confirmation_of_a_change_that_was_not_made_is_asked_for_again(void **state)
{
	static const struct errand_past missed = {.missed = true}, unclear = {.unclear = true},
					told = {.missed = true, .gone = 3};

	(void)state;
	assert_int_equal(errand_verdict(DAVIT_OK, true, &missed), ERRAND_UNCLEAR);
	assert_int_equal(errand_verdict(DAVIT_OK, true, &unclear), ERRAND_UNCLEAR);
	assert_int_equal(errand_verdict(DAVIT_OK, true, &told), ERRAND_DONE);
	assert_true(errand_is_gone(DAVIT_OK, true, &missed));
	assert_true(errand_is_gone(DAVIT_NOT_FOUND, true, &(struct errand_past){0}));
	assert_false(errand_is_gone(DAVIT_NOT_FOUND, false, &(struct errand_past){0}));
	assert_false(errand_is_gone(DAVIT_OK, true, &(struct errand_past){.tried = true}));
}

static void credentials_that_end_later_end_no_errand(void **state)
{
	(void)state;
	assert_int_equal(errand_verdict(DAVIT_AUTH, true, &(struct errand_past){.failed = true}),
		ERRAND_AGAIN);
	assert_int_equal(errand_verdict(DAVIT_QUOTA, true, &(struct errand_past){.tried = true}),
		ERRAND_AGAIN);
}

static void what_may_be_going_on_is_asked_for_again_a_few_times(void **state)
{
	(void)state;
	assert_int_equal(errand_verdict(DAVIT_CONFLICT, true, &(struct errand_past){.tried = true}),
		ERRAND_AGAIN);
	assert_int_equal(errand_verdict(DAVIT_INVALID, true, &(struct errand_past){.tried = true}),
		ERRAND_AGAIN);
	assert_int_equal(errand_verdict(DAVIT_CONFLICT, true,
				 &(struct errand_past){.tried = true, .refusals = 6}),
		ERRAND_REFUSED);
	assert_int_equal(
		errand_verdict(DAVIT_CONFLICT, true, &(struct errand_past){.failed = true}),
		ERRAND_REFUSED);
}

static void of_a_job_without_an_object_nothing_need_be_there(void **state)
{
	const struct errand_past past = {.unmade = true};

	(void)state;
	assert_int_equal(errand_verdict(DAVIT_NOT_FOUND, true, &past), ERRAND_DONE);
	assert_int_equal(errand_verdict(DAVIT_INVALID, true, &past), ERRAND_DONE);
	assert_int_equal(errand_verdict(DAVIT_CONFLICT, true, &past), ERRAND_REFUSED);
}

static void what_the_host_made_up_is_no_word_on_the_object(void **state)
{
	static const struct {
		int32_t code;
		enum errand_verdict at_first;
		enum errand_verdict later;
	} rows[] = {
		{DAVIT_OK, ERRAND_DONE, ERRAND_DONE},
		{DAVIT_RETRY, ERRAND_AGAIN, ERRAND_AGAIN},
		{DAVIT_AUTH, ERRAND_REFUSED, ERRAND_AGAIN},
		{DAVIT_INVALID, ERRAND_REFUSED, ERRAND_AGAIN},
		{DAVIT_NOT_FOUND, ERRAND_AGAIN, ERRAND_AGAIN},
		{DAVIT_CONFLICT, ERRAND_AGAIN, ERRAND_AGAIN},
		{DAVIT_UNSUPPORTED, ERRAND_REFUSED, ERRAND_AGAIN},
		{DAVIT_PERMANENT, ERRAND_REFUSED, ERRAND_AGAIN},
		{DAVIT_INTERNAL, ERRAND_UNCLEAR, ERRAND_UNCLEAR},
	};
	static const struct errand_past at_first, tried = {.tried = true, .refusals = 6},
						  failed = {.failed = true},
						  unmade = {.unmade = true};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int32_t code = rows[i].code;

		assert_int_equal(errand_verdict(code, false, &at_first), rows[i].at_first);
		assert_int_equal(errand_verdict(code, false, &unmade), rows[i].at_first);
		assert_int_equal(errand_verdict(code, false, &tried), rows[i].later);
		assert_int_equal(errand_verdict(code, false, &failed), rows[i].later);
	}
}

/* --- at the tracker --- */

static void ask(struct fixture *x, const char *object, const char *parent, struct ticket *ticket)
{
	const struct errand_order o = {.provider = "p",
		.interface = "davit.training",
		.kind = ERRAND_REMOVE,
		.object = object,
		.parent = parent};

	*ticket = (struct ticket){0};
	tracker_errand(x->tracker, &o, accepted, ticket);
}

static struct ticket removal(struct fixture *x, const char *object)
{
	struct ticket ticket;

	ask(x, object, NULL, &ticket);
	await_flag(&ticket.done);
	assert_int_equal(ticket.refused, FAIL_NONE);
	return ticket;
}

/* A training that has ended; its object is called like its job. */
static struct ticket ended(struct fixture *x)
{
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
	return t;
}

static void expect_error(struct fixture *x, const char *id, const char *words)
{
	struct job job = job_of(x, id);

	assert_non_null(job.error);
	assert_non_null(strstr(job.error, words));
	job_finish(&job);
}

static void a_delete_answers_the_object_as_it_was(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r = removal(x, t.id);
	struct job job;

	await_state(x, r.id, JOB_SUCCEEDED);
	job = job_of(x, r.id);
	assert_string_equal(job.kind, "remove");
	assert_string_equal(job.name, t.id);
	assert_non_null(strstr(job.result, "\"SUCCEEDED\""));
	assert_null(job.remote_name);
	assert_int_equal(job.attempts, 1);
	assert_int_equal(fake_calls("remove"), 1);
	job_finish(&job);
}

static void a_delete_under_way_is_not_refused(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r;

	fake_fault("remove", DAVIT_INTERNAL, 1, false);
	r = removal(x, t.id);
	await_calls("remove", 1);
	fake_fault("remove", DAVIT_CONFLICT, 2, false);
	await_state(x, r.id, JOB_SUCCEEDED);
	fake_fault("remove", DAVIT_INTERNAL, 1, false);
	t = ended(x);
	r = removal(x, t.id);
	await_calls("remove", 5);
	fake_fault("remove", DAVIT_CONFLICT, 100, false);
	await_state(x, r.id, JOB_FAILED);
}

static void a_delete_is_repeated_until_it_is_confirmed(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r;
	struct job job;

	fake_fault("remove", DAVIT_RETRY, 3, false);
	r = removal(x, t.id);
	await_calls("remove", 2);
	expect_error(x, r.id, "as ordered");
	await_state(x, r.id, JOB_SUCCEEDED);
	assert_int_equal(fake_calls("remove"), 4);
	job = job_of(x, r.id);
	assert_null(job.error);
	assert_int_equal(job.attempts, 4);
	job_finish(&job);
}

static void nothing_found_some_times_after_an_unclear_attempt_is_success(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r;

	fake_fault("remove", DAVIT_DEADLINE, 1, true);
	r = removal(x, t.id);
	await_state(x, r.id, JOB_SUCCEEDED);
	assert_int_equal(fake_calls("remove"), 5);
}

static void some_wrong_words_do_not_make_an_object_deleted(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r;
	struct job job;

	fake_fault("remove", DAVIT_INTERNAL, 1, false);
	r = removal(x, t.id);
	await_calls("remove", 1);
	fake_fault("remove", DAVIT_NOT_FOUND, 3, false);
	await_state(x, r.id, JOB_SUCCEEDED);
	assert_int_equal(fake_calls("remove"), 5);
	job = job_of(x, r.id);
	assert_non_null(strstr(job.result, "\"SUCCEEDED\"")); /* which only a real answer has */
	job_finish(&job);
}

/* Who asks while the last one is being taken off hears of its end. */
static struct ticket next_removal(struct fixture *x, const char *id, const struct ticket *last)
{
	struct ticket r;

	do
		r = removal(x, id);
	while (strcmp(r.id, last->id) == 0);
	return r;
}

static void a_refusal_ends_the_delete_and_is_not_repeated(void **state)
{
	static const int32_t codes[] = {DAVIT_CONFLICT, DAVIT_INVALID, DAVIT_PERMANENT};
	struct fixture *x = *state;
	struct ticket t = ended(x), r = {0};

	for (unsigned i = 0; i < 3; i++) {
		fake_fault("remove", codes[i], 1, false);
		r = next_removal(x, t.id, &r);
		await_state(x, r.id, JOB_FAILED);
		expect_error(x, r.id, "as ordered");
		assert_int_equal(fake_calls("remove"), i + 1);
	}
	await_state(
		x, next_removal(x, t.id, &r).id, JOB_SUCCEEDED); /* and may be asked for again */
}

static void a_delete_goes_on_where_its_provider_said_nothing(void **state)
{
	static const int32_t codes[] = {DAVIT_NOT_FOUND, DAVIT_CONFLICT};
	struct fixture *x = *state;

	for (unsigned i = 0; i < COUNT(codes); i++) {
		struct ticket t = ended(x);

		fake_mute(true);
		fake_fault("remove", codes[i], 8, false);
		await_state(x, removal(x, t.id).id, JOB_SUCCEEDED);
		assert_int_equal(fake_calls("remove"), 9 * (i + 1));
		fake_mute(false);
	}
}

static void what_is_not_there_is_refused(void **state)
{
	struct fixture *x = *state;
	struct ticket r = removal(x, "nothing");

	await_state(x, r.id, JOB_FAILED);
	expect_error(x, r.id, "no such object");
}

static void a_delete_asked_twice_is_one(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket first_one, second;

	fake_fault("remove", DAVIT_RETRY, 2, false);
	ask(x, t.id, NULL, &first_one);
	ask(x, t.id, NULL, &second); /* be the first one on disk or not */
	await_flag(&first_one.done);
	await_flag(&second.done);
	assert_string_equal(first_one.id, second.id);
	await_state(x, first_one.id, JOB_SUCCEEDED);
	assert_int_equal(fake_calls("remove"), 3);
}

static void a_delete_survives_a_restart(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r, again;

	fake_fault("remove", DAVIT_RETRY, 1, false);
	r = removal(x, t.id);
	await_calls("remove", 1);
	restart(x);
	assert_true(tracker_recovered(x->tracker)); /* nobody waits with the start for it */
	again = removal(x, t.id);
	assert_string_equal(again.id, r.id);
	await_state(x, r.id, JOB_SUCCEEDED);
}

static void a_stop_in_the_middle_of_a_delete_only_puts_it_off(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r;

	fake_hold("remove");
	r = removal(x, t.id);
	while (!fake_held())
		let_time_pass();
	stop(x);
	assert_true(fake_was_cancelled());
	fake_hold(NULL);
	start(x);
	await_state(x, r.id, JOB_SUCCEEDED);
}

static void a_delete_waits_for_its_provider(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r;

	fake_fault("remove", DAVIT_RETRY, 1, false);
	r = removal(x, t.id);
	await_calls("remove", 1);
	stop(x);
	fake_absent(true);
	start(x);
	await_state(x, r.id, JOB_ORPHANED);
	restart(x);
	assert_int_equal(status_of(x, r.id).state, JOB_ORPHANED);
	stop(x);
	fake_absent(false);
	start(x);
	await_state(x, r.id, JOB_SUCCEEDED);
	assert_int_equal(fake_calls("remove"), 2);
}

static void a_delete_can_be_given_up(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r;

	fake_fault("remove", DAVIT_RETRY, 1000, false);
	r = removal(x, t.id);
	await_calls("remove", 3);
	assert_true(cancel(x, r.id));
	await_state(x, r.id, JOB_CANCELLED);
}

static void a_delete_has_no_deadline_and_takes_no_place(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r;
	struct job job;

	stop(x);
	x->provider.max_running = 0;
	x->config.job_timeout_seconds = 1;
	x->config.max_queued = 1;
	start(x);
	assert_int_equal(order(x, "davit.training", 0).refused, FAIL_NONE);
	r = removal(x, t.id);
	await_state(x, r.id, JOB_SUCCEEDED);
	job = job_of(x, r.id);
	assert_int_equal(job.deadline_ms, 0);
	job_finish(&job);
}

static void too_many_deletes_are_refused(void **state)
{
	struct fixture *x = *state;
	struct ticket r;

	stop(x);
	x->config.max_queued = 1;
	x->config.max_queued_per_project = 1;
	start(x);
	fake_fault("remove", DAVIT_RETRY, 1000, false);
	(void)removal(x, "one");
	ask(x, "two", NULL, &r);
	await_flag(&r.done);
	assert_int_equal(r.refused, FAIL_BUSY);
	assert_int_equal(order(x, "davit.training", 0).refused, FAIL_NONE);
}

static void the_delete_of_a_job_without_an_object_hides_it(void **state)
{
	struct fixture *x = *state;
	struct ticket t, r;
	struct job job;

	fake_fault("submit", DAVIT_INVALID, 1, false);
	t = train(x);
	await_state(x, t.id, JOB_FAILED);
	ask(x, t.id, t.id, &r);
	await_flag(&r.done);
	await_state(x, r.id, JOB_SUCCEEDED);
	job = job_of(x, t.id);
	assert_true(errand_has_removed(&job));
	assert_non_null(strstr(job.result, "\"failure\""));
	job_finish(&job);
}

/* --- lists --- */

static bool count(const struct job *job, void *ctx)
{
	(void)job;
	++*(unsigned *)ctx;
	return true;
}

static unsigned listed(struct fixture *x, const char *kind)
{
	const struct job_filter filter = {.kind = kind};
	unsigned n = 0;
	struct fail f;

	assert_true(store_jobs(x->store, &filter, count, &n, &f));
	return n;
}

static void a_list_has_deletes_where_they_are_asked_for(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);

	await_state(x, removal(x, t.id).id, JOB_SUCCEEDED);
	assert_int_equal(listed(x, NULL), 1);
	assert_int_equal(listed(x, ERRAND_REMOVE), 1);
}

/* --- who waits --- */

struct seen {
	enum job_state state;
	bool known;
	int64_t at_mono;
	atomic_bool done;
};

static void saw(const struct job *job, void *ctx)
{
	struct seen *seen = ctx;

	seen->known = job != NULL;
	seen->state = job != NULL ? job->state : JOB_STATE_COUNT;
	seen->at_mono = clock_mono_ms();
	seen->done = true;
}

static void who_waits_hears_of_the_end(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct seen seen = {0};

	fake_fault("remove", DAVIT_RETRY, 2, false);
	tracker_watch_errand(x->tracker, removal(x, t.id).id, 600000, 600000, saw, &seen);
	await_flag(&seen.done);
	assert_int_equal(seen.state, JOB_SUCCEEDED);
}

static void who_waits_is_not_kept_until_an_attempt_that_is_too_far_off(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct seen seen = {0};
	int64_t before = clock_mono_ms();

	fake_fault("remove", DAVIT_RETRY, 1000, false);
	tracker_watch_errand(x->tracker, removal(x, t.id).id, 10000, 3600000, saw, &seen);
	await_flag(&seen.done);
	assert_int_equal(seen.state, JOB_SUBMITTING);
	assert_in_range(seen.at_mono - before, 1000, 12000);
}

static void who_comes_later_is_not_kept_either(void **state)
{
	struct fixture *x = *state;
	struct ticket t = ended(x);
	struct ticket r;
	struct seen seen = {0};

	fake_fault("remove", DAVIT_RETRY, 1000, false);
	r = removal(x, t.id);
	await_calls("remove", 9); /* the next one is more than a minute off */
	tracker_watch_errand(x->tracker, r.id, 10000, 3600000, saw, &seen);
	for (int i = 0; i < 20 && !seen.done; i++)
		let_time_pass();
	assert_true(seen.done);
	assert_int_equal(seen.state, JOB_SUBMITTING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_attempt_is_confirmed_refused_or_made_again),
		cmocka_unit_test(what_is_gone_after_an_unclear_attempt_was_removed_by_it),
		cmocka_unit_test(a_confirmation_of_a_change_that_was_not_made_is_asked_for_again),
		cmocka_unit_test(credentials_that_end_later_end_no_errand),
		cmocka_unit_test(of_a_job_without_an_object_nothing_need_be_there),
		cmocka_unit_test(what_the_host_made_up_is_no_word_on_the_object),
		cmocka_unit_test(what_may_be_going_on_is_asked_for_again_a_few_times),
		TEST(a_delete_under_way_is_not_refused),
		TEST(a_delete_answers_the_object_as_it_was),
		TEST(a_delete_is_repeated_until_it_is_confirmed),
		TEST(nothing_found_some_times_after_an_unclear_attempt_is_success),
		TEST(some_wrong_words_do_not_make_an_object_deleted),
		TEST(a_refusal_ends_the_delete_and_is_not_repeated),
		TEST(a_delete_goes_on_where_its_provider_said_nothing),
		TEST(what_is_not_there_is_refused),
		TEST(a_delete_asked_twice_is_one),
		TEST(a_delete_survives_a_restart),
		TEST(a_stop_in_the_middle_of_a_delete_only_puts_it_off),
		TEST(a_delete_waits_for_its_provider),
		TEST(a_delete_can_be_given_up),
		TEST(a_delete_has_no_deadline_and_takes_no_place),
		TEST(too_many_deletes_are_refused),
		TEST(the_delete_of_a_job_without_an_object_hides_it),
		TEST(a_list_has_deletes_where_they_are_asked_for),
		TEST(who_waits_hears_of_the_end),
		TEST(who_waits_is_not_kept_until_an_attempt_that_is_too_far_off),
		TEST(who_comes_later_is_not_kept_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

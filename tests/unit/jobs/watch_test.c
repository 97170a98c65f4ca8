/* The tracker: who waits for a job hears of it. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <poll.h>

#include "base/clock.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

struct watched {
	enum job_state state;
	atomic_bool done;
};

static void watched(const struct job *job, void *ctx)
{
	struct watched *w = ctx;

	w->state = job == NULL ? JOB_STATE_COUNT : job->state;
	w->done = true;
}

static void a_watcher_hears_of_the_state_it_waits_for(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	struct watched w = {0};

	await_state(x, t.id, JOB_RUNNING);
	tracker_watch(x->tracker, t.id, JOB_TERMINAL, 3600000, watched, &w);
	assert_false(w.done);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_flag(&w.done);
	assert_int_equal(w.state, JOB_SUCCEEDED);
}

static void a_watcher_hears_when_its_time_is_up(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	struct watched w = {0};

	await_state(x, t.id, JOB_RUNNING);
	tracker_watch(x->tracker, t.id, JOB_TERMINAL, 500, watched, &w);
	await_flag(&w.done);
	assert_int_equal(w.state, JOB_RUNNING);
}

static void a_watcher_of_nothing_is_told_so(void **state)
{
	struct fixture *x = *state;
	struct watched w = {0};

	tracker_watch(x->tracker, "nosuchjob", JOB_TERMINAL, 500, watched, &w);
	assert_true(w.done);
	assert_int_equal(w.state, JOB_STATE_COUNT);
}

struct refreshed {
	int64_t age_ms;
	enum job_state state;
	atomic_bool done;
};

static void refreshed(const struct job *job, int64_t age_ms, void *ctx)
{
	struct refreshed *r = ctx;

	r->age_ms = age_ms;
	r->state = job == NULL ? JOB_STATE_COUNT : job->state;
	r->done = true;
}

static void a_state_that_is_old_is_asked_for_first(void **state)
{
	struct fixture *x = *state;
	struct refreshed r = {0};
	struct ticket t;

	fake_slow_polls(true);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	clock_advance(10000);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	tracker_refresh(x->tracker, t.id, 5000, 3600000, refreshed, &r);
	await_flag(&r.done);
	assert_int_equal(r.state, JOB_SUCCEEDED);
	assert_int_equal(r.age_ms, 0);
}

static void a_state_that_is_fresh_is_answered_at_once(void **state)
{
	struct fixture *x = *state;
	struct refreshed r = {0};
	struct ticket t;

	fake_slow_polls(true);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	tracker_refresh(x->tracker, t.id, 3600000, 3600000, refreshed, &r);
	assert_true(r.done);
	assert_int_equal(r.state, JOB_RUNNING);
	assert_int_equal(fake_calls("poll"), 0);
}

static void a_provider_that_does_not_answer_leaves_the_age(void **state)
{
	struct fixture *x = *state;
	struct refreshed r = {0};
	struct ticket t;

	fake_slow_polls(true);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	clock_advance(10000);
	fake_fault("poll", DAVIT_RETRY, 1000000, false);
	tracker_refresh(x->tracker, t.id, 5000, 1000, refreshed, &r);
	await_flag(&r.done);
	assert_int_equal(r.state, JOB_RUNNING);
	assert_true(r.age_ms >= 10000);
}

static void a_nudge_makes_the_next_poll_come_now(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	unsigned before;

	await_state(x, t.id, JOB_RUNNING);
	before = fake_calls("poll");
	for (int i = 0; i < ROUNDS && fake_calls("poll") == before; i++) {
		tracker_nudge(x->tracker, t.id);
		(void)poll(NULL, 0, 1);
	}
	assert_true(fake_calls("poll") > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_watcher_hears_of_the_state_it_waits_for),
		TEST(a_watcher_hears_when_its_time_is_up),
		TEST(a_watcher_of_nothing_is_told_so),
		TEST(a_state_that_is_old_is_asked_for_first),
		TEST(a_state_that_is_fresh_is_answered_at_once),
		TEST(a_provider_that_does_not_answer_leaves_the_age),
		TEST(a_nudge_makes_the_next_poll_come_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tracker: it says why a job waits, and what goes before it. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <string.h>

#include "jobs/flow.h"
#include "jobs/queues.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

static struct queue_wait wait_of(struct fixture *x, const struct ticket *t)
{
	struct queue_wait w;

	assert_true(tracker_waiting(x->tracker, t->id, &w));
	return w;
}

static void set_paused(struct fixture *x, const char *project, bool paused)
{
	const struct queue_change change = {.set_paused = true, .paused = paused};
	struct fail f = {0};

	assert_true(tracker_set_queue(x->tracker, "p", project, &change, &f));
}

static void a_job_that_waits_knows_its_place(void **state)
{
	struct fixture *x = *state;
	struct ticket a = train_for(x, "a");
	struct ticket b = train_for(x, "a");
	struct ticket c, d;
	struct queue_wait w;

	await_state(x, a.id, JOB_RUNNING);
	await_state(x, b.id, JOB_RUNNING);
	c = train_for(x, "a");
	d = train_for(x, "a");
	w = wait_of(x, &c);
	assert_string_equal(queue_because_word(w.because), "capacity");
	assert_int_equal(w.position, 1);
	assert_int_equal(w.ahead, 0);
	assert_int_equal(w.running, 2);
	assert_int_equal(w.capacity, 2);
	w = wait_of(x, &d);
	assert_int_equal(w.position, 2);
	assert_int_equal(w.ahead, 1);
	assert_string_equal(
		w.text, "2 of 2 places of provider 'p' are taken, and 1 job starts before it");
	assert_true(cancel(x, c.id));
	assert_int_equal(wait_of(x, &d).position, 1);
}

static void jobs_that_do_not_wait_are_not_said_to(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	struct ticket model;
	struct queue_wait w;

	await_state(x, t.id, JOB_RUNNING);
	assert_false(tracker_waiting(x->tracker, t.id, &w));
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
	assert_false(tracker_waiting(x->tracker, t.id, &w));
	assert_false(tracker_waiting(x->tracker, "nosuchjob", &w));
	set_paused(x, NULL, true);
	model = order(x, "davit.models", 0);
	assert_false(tracker_waiting(x->tracker, model.id, &w));
}

static void fair_share_is_a_reason(void **state)
{
	struct fixture *x = *state;
	struct ticket a = train_for(x, "a");
	struct ticket b = train_for(x, "a");
	struct ticket mine, theirs;
	struct queue_wait w;

	await_state(x, a.id, JOB_RUNNING);
	await_state(x, b.id, JOB_RUNNING);
	mine = train_for(x, "a");
	theirs = train_for(x, "b");
	w = wait_of(x, &mine);
	assert_string_equal(queue_because_word(w.because), "fair_share");
	assert_int_equal(w.position, 1);
	assert_int_equal(w.ahead, 1);
	w = wait_of(x, &theirs);
	assert_string_equal(queue_because_word(w.because), "capacity");
	assert_int_equal(w.ahead, 0);
}

/* What ahead says is how many start before it, if nothing of what starts ends. */
static void ahead_counts_what_starts_before(void **state)
{
	static const char *const projects[] = {"a", "a", "a", "b", "a", "b", "c", "c", "b", "a"};
	struct fixture *x = *state;
	struct ticket t[10];
	int64_t ahead[10];
	bool seen[10] = {false};

	set_paused(x, NULL, true);
	for (size_t i = 0; i < 10; i++)
		t[i] = train_for(x, projects[i]);
	for (size_t i = 0; i < 10; i++) {
		ahead[i] = wait_of(x, &t[i]).ahead;
		assert_in_range(ahead[i], 0, 9);
		assert_false(seen[ahead[i]]);
		seen[ahead[i]] = true;
	}
	for (int64_t places = 1; places <= 4; places++) {
		stop(x);
		x->provider.max_running = places;
		start(x);
		if (places == 1)
			set_paused(x, NULL, false);
		for (size_t i = 0; i < 10; i++) {
			if (ahead[i] < places)
				await_state(x, t[i].id, JOB_RUNNING);
		}
		for (size_t i = 0; i < 10; i++) {
			if (ahead[i] >= places)
				assert_int_equal(status_of(x, t[i].id).state, JOB_QUEUED);
		}
	}
}

static void a_pause_is_a_reason_and_says_whose(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct queue_wait w;

	set_paused(x, "a", true);
	t = train_for(x, "a");
	w = wait_of(x, &t);
	assert_string_equal(queue_because_word(w.because), "paused");
	assert_non_null(strstr(w.text, "project 'a' is paused"));
	set_paused(x, NULL, true);
	w = wait_of(x, &t);
	assert_non_null(strstr(w.text, "the queue of provider 'p' is paused"));
}

static void limits_of_zero_and_of_the_site_are_named(void **state)
{
	struct fixture *x = *state;
	struct ticket first, t;
	struct queue_wait w;

	stop(x);
	x->provider.max_running = 0;
	start(x);
	t = train(x);
	assert_string_equal(
		wait_of(x, &t).text, "provider 'p' accepts jobs and starts none: max_running is 0");
	assert_true(cancel(x, t.id));
	stop(x);
	x->provider.max_running = 2;
	x->config.max_running = 1;
	start(x);
	first = train(x);
	await_state(x, first.id, JOB_RUNNING);
	t = train(x);
	w = wait_of(x, &t);
	assert_int_equal(w.capacity, 1);
	assert_int_equal(w.running, 1);
	assert_non_null(strstr(w.text, "of this site"));
}

static void an_absent_provider_is_a_reason(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct queue_wait w;

	fake_absent(true);
	restart(x);
	t = train(x);
	w = wait_of(x, &t);
	assert_string_equal(queue_because_word(w.because), "provider");
	assert_non_null(strstr(w.text, "'p' is not loaded"));
}

static void a_free_place_is_known(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	assert_true(tracker_may_start(x->tracker, t.id));
	set_paused(x, NULL, true);
	t = train(x);
	assert_false(tracker_may_start(x->tracker, t.id));
	set_paused(x, NULL, false);
	await_state(x, t.id, JOB_RUNNING);
	t = train(x);
	assert_false(tracker_may_start(x->tracker, t.id));
	assert_false(tracker_may_start(x->tracker, "nosuchjob"));
}

static struct ticket flow(struct fixture *x)
{
	json_t *request = json_pack("{s:{s:s}}", "spec", "name", "n");
	const struct job_order o = {.provider = "p",
		.interface = FLOW_INTERFACE,
		.kind = FLOW_TRAINING,
		.name = "n",
		.request = request,
		.timeout_ms = -1};
	struct ticket ticket = {0};

	assert_non_null(request);
	tracker_submit(x->tracker, &o, accepted, &ticket);
	await_flag(&ticket.done);
	json_decref(request);
	return ticket;
}

static void a_flow_may_start_where_its_training_may(void **state)
{
	struct fixture *x = *state;
	struct ticket first = flow(x);
	struct ticket t;

	assert_true(tracker_may_start(x->tracker, first.id));
	await_state(x, first.id, JOB_RUNNING);
	set_paused(x, NULL, true);
	t = flow(x);
	assert_false(tracker_may_start(x->tracker, t.id));
	set_paused(x, NULL, false);
	await_state(x, t.id, JOB_RUNNING);
	t = flow(x);
	assert_false(tracker_may_start(x->tracker, t.id)); /* both places are taken */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_that_waits_knows_its_place),
		TEST(jobs_that_do_not_wait_are_not_said_to),
		TEST(fair_share_is_a_reason),
		TEST(ahead_counts_what_starts_before),
		TEST(a_pause_is_a_reason_and_says_whose),
		TEST(limits_of_zero_and_of_the_site_are_named),
		TEST(an_absent_provider_is_a_reason),
		TEST(a_free_place_is_known),
		TEST(a_flow_may_start_where_its_training_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tracker: queues an operator pauses and orders, and their limits. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "jobs/queues.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

static void set_queue(struct fixture *x, const char *project, struct queue_change change)
{
	struct fail f = {0};

	if (!tracker_set_queue(x->tracker, "p", project, &change, &f))
		fail_msg("%s", f.text);
}

static void set_paused(struct fixture *x, const char *project, bool paused)
{
	set_queue(x, project, (struct queue_change){.set_paused = true, .paused = paused});
}

static void set_priority(struct fixture *x, const char *project, int64_t priority)
{
	set_queue(x, project, (struct queue_change){.set_priority = true, .priority = priority});
}

static void one_at_a_time(struct fixture *x)
{
	stop(x);
	x->provider.max_running = 1;
	start(x);
}

static void let_much_time_pass(void)
{
	for (int i = 0; i < 50; i++)
		let_time_pass();
}

static void end(const struct ticket *t)
{
	fake_end(t->id, DAVIT_STATE_SUCCEEDED, NULL);
}

static void a_long_queue_does_not_hold_up_another_projects_first_job(void **state)
{
	struct fixture *x = *state;
	struct ticket many[20];
	struct ticket other;

	one_at_a_time(x);
	for (size_t i = 0; i < 20; i++)
		many[i] = train_for(x, "many");
	other = train_for(x, "other");
	await_state(x, many[0].id, JOB_RUNNING);
	end(&many[0]);
	await_state(x, other.id, JOB_RUNNING);
	assert_int_equal(status_of(x, many[1].id).state, JOB_QUEUED);
}

static void a_queue_keeps_its_order_over_a_restart(void **state)
{
	struct fixture *x = *state;
	struct ticket t[6];

	stop(x);
	x->provider.max_running = 0;
	start(x);
	for (size_t i = 0; i < 6; i++)
		t[i] = train_for(x, "a");
	stop(x);
	x->provider.max_running = 1;
	start(x);
	for (size_t i = 0; i < 6; i++) {
		await_state(x, t[i].id, JOB_RUNNING);
		for (size_t k = i + 1; k < 6; k++)
			assert_int_equal(status_of(x, t[k].id).state, JOB_QUEUED);
		end(&t[i]);
	}
}

static void no_places_means_that_jobs_are_only_accepted(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	stop(x);
	x->config.max_running = 0;
	start(x);
	t = train(x);
	let_much_time_pass();
	assert_int_equal(status_of(x, t.id).state, JOB_QUEUED);
	assert_int_equal(fake_objects(), 0);
}

static void a_pause_holds_what_waits_and_leaves_what_runs(void **state)
{
	struct fixture *x = *state;
	struct ticket running = train_for(x, "a");
	struct ticket waiting;

	await_state(x, running.id, JOB_RUNNING);
	set_paused(x, NULL, true);
	waiting = train_for(x, "a");
	let_much_time_pass();
	assert_int_equal(status_of(x, waiting.id).state, JOB_QUEUED);
	assert_int_equal(status_of(x, running.id).state, JOB_RUNNING);
	end(&running);
	await_state(x, running.id, JOB_SUCCEEDED);
	let_much_time_pass();
	assert_int_equal(status_of(x, waiting.id).state, JOB_QUEUED);
	set_paused(x, NULL, false);
	await_state(x, waiting.id, JOB_RUNNING);
}

static void a_paused_project_leaves_the_others_alone(void **state)
{
	struct fixture *x = *state;
	struct ticket held;
	struct ticket other;

	set_paused(x, "a", true);
	held = train_for(x, "a");
	other = train_for(x, "b");
	await_state(x, other.id, JOB_RUNNING);
	assert_int_equal(status_of(x, held.id).state, JOB_QUEUED);
	set_paused(x, "a", false);
	await_state(x, held.id, JOB_RUNNING);
}

static void what_takes_no_capacity_goes_on_while_all_is_paused(void **state)
{
	struct fixture *x = *state;
	struct ticket waiting;
	struct ticket model;
	struct ticket deployed;

	set_paused(x, NULL, true);
	waiting = train(x);
	model = order(x, "davit.models", 0);
	deployed = order(x, "davit.deployment", 0);
	await_state(x, model.id, JOB_RUNNING);
	await_state(x, deployed.id, JOB_RUNNING);
	assert_true(cancel(x, deployed.id));
	await_state(x, deployed.id, JOB_CANCELLED);
	assert_true(cancel(x, waiting.id));
	assert_int_equal(status_of(x, waiting.id).state, JOB_CANCELLED);
}

static void a_pause_and_a_priority_survive_a_restart(void **state)
{
	struct fixture *x = *state;
	struct ticket held;
	struct ticket low;
	struct ticket high;

	one_at_a_time(x);
	set_paused(x, NULL, true);
	set_paused(x, "held", true);
	set_priority(x, "high/er", 3);
	restart(x);
	held = train_for(x, "held");
	low = train_for(x, "low");
	high = train_for(x, "high/er");
	restart(x);
	let_much_time_pass();
	assert_int_equal(fake_objects(), 0);
	set_paused(x, NULL, false);
	await_state(x, high.id, JOB_RUNNING);
	end(&high);
	await_state(x, low.id, JOB_RUNNING);
	end(&low);
	let_much_time_pass();
	assert_int_equal(status_of(x, held.id).state, JOB_QUEUED);
	set_paused(x, "held", false);
	await_state(x, held.id, JOB_RUNNING);
}

static void setting_one_thing_leaves_the_other(void **state)
{
	struct fixture *x = *state;
	const struct queue_filter filter = {.project = "a"};
	struct queue_list list;
	struct fail f;

	set_paused(x, "a", true);
	set_priority(x, "a", -100);
	restart(x);
	assert_true(tracker_queues(x->tracker, &filter, &list, &f));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.rows[0].provider, "p");
	assert_null(list.rows[0].project);
	assert_int_equal(list.rows[0].capacity, 2);
	assert_string_equal(list.rows[1].project, "a");
	assert_true(list.rows[1].paused);
	assert_int_equal(list.rows[1].priority, -100);
	queue_list_finish(&list);
}

static void settings_that_are_taken_back_are_forgotten(void **state)
{
	struct fixture *x = *state;
	const struct queue_filter filter = {0};
	struct queue_list list;
	struct fail f;

	set_priority(x, "a", 5);
	set_paused(x, NULL, true);
	set_priority(x, "a", 0);
	set_paused(x, NULL, false);
	for (int i = 0; i < 2; i++) {
		assert_true(tracker_queues(x->tracker, &filter, &list, &f));
		assert_int_equal(list.count, 1);
		assert_false(list.rows[0].paused);
		queue_list_finish(&list);
		restart(x);
	}
}

static void an_unknown_provider_has_no_queue(void **state)
{
	struct fixture *x = *state;
	const struct queue_change pause = {.set_paused = true, .paused = true};
	const struct queue_filter filter = {.provider = "nobody"};
	struct queue_list list;
	struct fail f = {0};

	assert_false(tracker_set_queue(x->tracker, "nobody", NULL, &pause, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(tracker_queues(x->tracker, &filter, &list, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
}

static void a_list_of_queues_is_bounded_and_goes_on_after_a_name(void **state)
{
	struct fixture *x = *state;
	struct queue_filter filter = {.provider = "p"};
	struct queue_list list;
	struct fail f;

	for (int i = 0; i < QUEUE_PROJECTS_SHOWN + 2; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "p%05d", i);
		set_priority(x, name, 1);
	}
	assert_true(tracker_queues(x->tracker, &filter, &list, &f));
	assert_int_equal(list.count, 1 + QUEUE_PROJECTS_SHOWN);
	assert_true(list.rows[0].more);
	assert_string_equal(list.rows[QUEUE_PROJECTS_SHOWN].project, "p00999");
	queue_list_finish(&list);
	filter.after = "p00999";
	assert_true(tracker_queues(x->tracker, &filter, &list, &f));
	assert_int_equal(list.count, 3);
	assert_false(list.rows[0].more);
	assert_string_equal(list.rows[1].project, "p01000");
	queue_list_finish(&list);
}

static void a_project_cannot_fill_the_queue(void **state)
{
	struct fixture *x = *state;
	struct ticket refused;
	struct ticket first;

	x->config.max_queued_per_project = 3;
	set_paused(x, NULL, true);
	first = train(x);
	(void)train(x);
	(void)train(x);
	refused = order(x, "davit.training", 0);
	assert_int_equal(refused.refused, FAIL_BUSY);
	(void)train_for(x, "another");
	assert_true(cancel(x, first.id));
	(void)train(x);
}

static void a_flow_that_was_let_in_gets_its_steps_in_too(void **state)
{
	struct fixture *x = *state;
	json_t *request = json_pack("{s:{s:s,s:s}}", "spec", "name", "n", "dataset", "digits");
	const struct job_order flow = {.provider = "p",
		.interface = "davit.flow",
		.kind = "training",
		.name = "n",
		.request = request,
		.timeout_ms = -1};
	struct ticket t = {0};

	x->config.max_queued_per_project = 1;
	x->config.max_queued = 1;
	tracker_submit(x->tracker, &flow, accepted, &t);
	await_flag(&t.done);
	json_decref(request);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(order(x, "davit.training", 0).refused, FAIL_BUSY);
}

static void a_name_of_a_project_has_a_limit(void **state)
{
	struct fixture *x = *state;
	char name[TRACKER_PROJECT_MAX + 2];
	json_t *request = json_pack("{s:{}}", "spec");
	const struct job_order o = {.provider = "p",
		.interface = "davit.training",
		.kind = "train",
		.project = name,
		.request = request};
	struct ticket t = {0};

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	tracker_submit(x->tracker, &o, accepted, &t);
	await_flag(&t.done);
	assert_int_equal(t.refused, FAIL_INVALID);
	json_decref(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_long_queue_does_not_hold_up_another_projects_first_job),
		TEST(a_queue_keeps_its_order_over_a_restart),
		TEST(no_places_means_that_jobs_are_only_accepted),
		TEST(a_pause_holds_what_waits_and_leaves_what_runs),
		TEST(a_paused_project_leaves_the_others_alone),
		TEST(what_takes_no_capacity_goes_on_while_all_is_paused),
		TEST(a_pause_and_a_priority_survive_a_restart),
		TEST(setting_one_thing_leaves_the_other),
		TEST(settings_that_are_taken_back_are_forgotten),
		TEST(an_unknown_provider_has_no_queue),
		TEST(a_list_of_queues_is_bounded_and_goes_on_after_a_name),
		TEST(a_project_cannot_fill_the_queue),
		TEST(a_flow_that_was_let_in_gets_its_steps_in_too),
		TEST(a_name_of_a_project_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tracker: flows, whose steps are jobs of their own. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <string.h>

#include "jobs/flow.h"
#include "jobs/queues.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

static struct ticket flow(struct fixture *x, const char *spec)
{
	json_t *request = json_pack("{s:o}", "spec", json_loads(spec, 0, NULL));
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

static void a_flow_runs_all_its_steps(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct job job;

	fake_instant(true);
	t = flow(x, "{\"name\":\"n\",\"dataset\":{\"path\":\"d\"},\"deploy_when\":true}");
	await_state(x, t.id, JOB_SUCCEEDED);
	assert_int_equal(fake_objects(), FLOW_STEP_COUNT);
	job = job_of(x, t.id);
	assert_non_null(strstr(job.progress, "deployed as endpoint"));
	assert_non_null(job.remote_name);
	assert_true(job.started_ms > 0);
	job_finish(&job);
}

static void a_flow_counts_as_running_once_its_training_is_known(void **state)
{
	struct fixture *x = *state;
	struct ticket t = flow(x, "{\"name\":\"n\",\"dataset\":\"digits\"}");
	struct job job;

	await_state(x, t.id, JOB_RUNNING);
	job = job_of(x, t.id);
	assert_string_equal(job.remote_name, fake_last_submitted());
	job_finish(&job);
	fake_end(fake_last_submitted(), DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
}

static void a_flow_ends_as_its_step_ends(void **state)
{
	struct fixture *x = *state;
	struct ticket t = flow(x, "{\"name\":\"n\",\"dataset\":\"digits\"}");
	struct job job;

	await_state(x, t.id, JOB_RUNNING);
	fake_end(fake_last_submitted(), DAVIT_STATE_FAILED, "{\"error\":\"no luck\"}");
	await_state(x, t.id, JOB_FAILED);
	job = job_of(x, t.id);
	assert_string_equal(job.error, "training: no luck");
	job_finish(&job);
}

static void a_cancelled_flow_cancels_the_step_that_runs(void **state)
{
	struct fixture *x = *state;
	struct ticket t = flow(x, "{\"name\":\"n\",\"dataset\":\"digits\",\"deploy_when\":true}");

	await_state(x, t.id, JOB_RUNNING);
	assert_true(cancel(x, t.id));
	await_state(x, t.id, JOB_CANCELLED);
	assert_int_equal(fake_objects(), 1);
	assert_int_equal(fake_calls("cancel"), 1);
}

static void a_flow_goes_on_after_a_restart_without_doing_a_step_twice(void **state)
{
	struct fixture *x = *state;
	struct ticket t = flow(x, "{\"name\":\"n\",\"dataset\":\"digits\",\"deploy_when\":true}");

	await_state(x, t.id, JOB_RUNNING);
	restart(x);
	fake_instant(true);
	fake_end(fake_last_submitted(), DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
	assert_int_equal(fake_objects(), FLOW_STEP_COUNT - 1);
	assert_int_equal(fake_calls("submit"), FLOW_STEP_COUNT - 1);
}

static void a_flow_that_waits_does_not_keep_a_start_from_being_over(void **state)
{
	struct fixture *x = *state;
	const struct queue_change change = {.set_paused = true, .paused = true};
	struct queue_wait wait;
	struct fail f = {0};
	struct ticket t;
	char step[ID_SIZE];

	assert_true(tracker_set_queue(x->tracker, "p", NULL, &change, &f));
	t = flow(x, "{\"name\":\"n\",\"dataset\":\"digits\"}");
	flow_step_id(t.id, FLOW_TRAIN, step);
	for (int i = 0; i < 1000 && !tracker_waiting(x->tracker, step, &wait); i++)
		let_time_pass();
	assert_true(tracker_waiting(x->tracker, step, &wait));
	restart(x);
	assert_true(tracker_recovered(x->tracker));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flow_runs_all_its_steps),
		TEST(a_flow_counts_as_running_once_its_training_is_known),
		TEST(a_flow_ends_as_its_step_ends),
		TEST(a_cancelled_flow_cancels_the_step_that_runs),
		TEST(a_flow_goes_on_after_a_restart_without_doing_a_step_twice),
		TEST(a_flow_that_waits_does_not_keep_a_start_from_being_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

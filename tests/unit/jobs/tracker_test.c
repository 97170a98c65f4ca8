/* The tracker over a real store, a cloud in memory and a clock the tests drive. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "jobs/flow.h"
#include "jobs/tracker.h"
#include "platform/fs.h"
#include "store/store.h"
#include "unit/jobs/fake_provider.h"

enum {
	ROUNDS = 20000, /* of one real millisecond: how long a test waits for an event at most */
	STEP_MS = 50    /* virtual time per round */
};

struct fixture {
	char dir[64];
	char target[128];
	struct config_provider provider;
	struct config config;
	struct store *store;
	struct tracker *tracker;
};

static void start(struct fixture *x)
{
	struct fail f = {0};
	int anything = 0;
	struct tracker_options options = {
		.config = &x->config, .providers = (struct providers *)&anything};

	x->store = store_open(x->target, &f);
	assert_non_null(x->store);
	options.store = x->store;
	x->tracker = tracker_start(&options, &f);
	assert_non_null(x->tracker);
}

static void stop(struct fixture *x)
{
	tracker_stop(x->tracker);
	store_close(x->store);
}

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	(void)snprintf(x->dir, sizeof(x->dir), "/tmp/davit-tracker.XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	(void)snprintf(x->target, sizeof(x->target), "sqlite:%s/davit.db", x->dir);
	x->provider = (struct config_provider){
		.id = (char *)"p", .enabled = true, .max_running = 2, .max_calls = 8};
	x->config = (struct config){.max_running = 8,
		.max_queued = 100,
		.providers = &x->provider,
		.provider_count = 1};
	log_set_level(LOG_ERROR);
	fake_reset();
	clock_virtual_start(1700000000000, 1000000);
	start(x);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;
	struct fail f;

	stop(x);
	clock_virtual_stop();
	(void)fs_remove_tree(x->dir, &f);
	free(x);
	return 0;
}

static void restart(struct fixture *x)
{
	stop(x);
	start(x);
}

/* --- orders --- */

struct ticket {
	char id[ID_SIZE];
	enum fail_code refused;
	atomic_bool done;
};

static void accepted(const char *id, const struct fail *f, void *ctx)
{
	struct ticket *ticket = ctx;

	if (f != NULL)
		ticket->refused = f->code;
	else
		(void)snprintf(ticket->id, sizeof(ticket->id), "%s", id);
	ticket->done = true;
}

/* Lets time pass until *done, failing the test when it never comes. */
static void await_flag(const atomic_bool *done)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (*done)
			return;
		clock_advance(STEP_MS);
		(void)poll(NULL, 0, 1);
	}
	fail_msg("nobody answered");
}

static struct ticket order_at(
	struct fixture *x, const char *provider, const char *interface, int64_t timeout_ms)
{
	json_t *request = json_pack("{s:{}}", "spec");
	const struct job_order o = {.provider = provider,
		.interface = interface,
		.kind = "train",
		.name = "n",
		.request = request,
		.timeout_ms = timeout_ms};
	struct ticket ticket = {0};

	tracker_submit(x->tracker, &o, accepted, &ticket);
	await_flag(&ticket.done);
	json_decref(request);
	return ticket;
}

static struct ticket order(struct fixture *x, const char *interface, int64_t timeout_ms)
{
	return order_at(x, "p", interface, timeout_ms);
}

static struct ticket train_at(struct fixture *x, const char *provider)
{
	return order_at(x, provider, "davit.training", 0);
}

static struct ticket train(struct fixture *x)
{
	struct ticket ticket = order(x, "davit.training", 0);

	assert_int_equal(ticket.refused, FAIL_NONE);
	return ticket;
}

static struct job_status status_of(struct fixture *x, const char *id)
{
	struct job_status status;
	struct fail f;

	assert_true(store_job_status(x->store, id, &status, &f));
	return status;
}

static void await_state(struct fixture *x, const char *id, enum job_state want)
{
	enum job_state state = JOB_STATE_COUNT;

	for (int i = 0; i < ROUNDS; i++) {
		state = status_of(x, id).state;
		if (state == want)
			return;
		clock_advance(STEP_MS);
		(void)poll(NULL, 0, 1);
	}
	fail_msg("job stays %s, never %s", job_state_word(state), job_state_word(want));
}

static void await_calls(const char *slot, unsigned want)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (fake_calls(slot) >= want)
			return;
		clock_advance(STEP_MS);
		(void)poll(NULL, 0, 1);
	}
	fail_msg("%s is not called", slot);
}

struct cancelled {
	bool changed;
	enum fail_code code;
	atomic_bool done;
};

static void cancel_done(bool changed, const struct fail *f, void *ctx)
{
	struct cancelled *c = ctx;

	c->changed = changed;
	c->code = f == NULL ? FAIL_NONE : f->code;
	c->done = true;
}

static bool cancel(struct fixture *x, const char *id)
{
	struct cancelled c = {0};

	tracker_cancel(x->tracker, id, cancel_done, &c);
	await_flag(&c.done);
	assert_int_equal(c.code, FAIL_NONE);
	return c.changed;
}

static struct job job_of(struct fixture *x, const char *id)
{
	struct job job = {0};
	struct fail f;

	assert_true(store_job(x->store, id, &job, &f));
	return job;
}

/* --- the straight way --- */

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

/* --- cancel --- */

static void a_waiting_job_is_cancelled_at_once_with_both_times(void **state)
{
	struct fixture *x = *state;
	struct job_status status;
	struct ticket c;

	x->provider.max_running = 0;
	restart(x);
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

static void a_deadline_passes_for_a_waiting_job_too(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	x->provider.max_running = 0;
	restart(x);
	t = order(x, "davit.training", 60000);
	await_state(x, t.id, JOB_FAILED);
	assert_int_equal(fake_objects(), 0);
}

/* --- what nobody can be sure of --- */

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

static void failing_polls_end_nothing(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	fake_fault("poll", DAVIT_INTERNAL, 5, false);
	await_calls("poll", 6);
	assert_int_equal(status_of(x, t.id).state, JOB_RUNNING);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
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
	assert_false(tracker_recovered(x->tracker));
	await_state(x, id, JOB_RUNNING);
	assert_true(tracker_recovered(x->tracker));
	assert_int_equal(fake_calls("find"), 3);
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

static void a_job_that_waits_for_an_absent_provider_can_be_cancelled(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	x->provider.max_running = 0;
	restart(x);
	t = train(x);
	fake_absent(true);
	x->provider.max_running = 2;
	restart(x);
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

/* --- watching --- */

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

/* --- flows --- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_accepted_job_is_submitted_once_polled_and_ended),
		TEST(a_run_ends_with_its_metrics_over_time),
		TEST(a_run_ends_also_where_its_metrics_cannot_be_had),
		TEST(metrics_cut_off_by_the_end_of_the_daemon_are_asked_for_again),
		TEST(a_failure_keeps_the_providers_reason),
		TEST(a_refused_submission_fails_with_both_times),
		TEST(jobs_wait_for_capacity_and_start_in_order),
		TEST(providers_share_the_capacity_in_the_order_of_coming),
		TEST(a_short_job_does_not_wait_behind_training),
		TEST(a_full_queue_refuses_and_says_when_to_come_back),
		TEST(a_waiting_job_is_cancelled_at_once_with_both_times),
		TEST(a_running_job_is_cancelled_by_its_provider),
		TEST(a_cancel_is_repeated_until_it_is_obeyed),
		TEST(a_cancel_survives_a_restart),
		TEST(an_ended_job_keeps_its_state),
		TEST(an_unknown_job_cannot_be_cancelled),
		TEST(shutdown_cancels_nothing),
		TEST(a_job_past_its_deadline_is_stopped_and_failed),
		TEST(a_deadline_passes_for_a_waiting_job_too),
		TEST(an_unclear_submission_is_found_not_repeated),
		TEST(what_was_certainly_not_created_is_submitted_again_with_the_same_id),
		TEST(what_cannot_be_found_out_waits_for_a_person),
		TEST(a_name_taken_only_once_needs_no_find),
		TEST(a_submission_that_did_nothing_is_tried_again),
		TEST(failing_polls_end_nothing),
		TEST(a_start_finds_out_what_the_last_one_submitted),
		TEST(jobs_of_an_absent_provider_wait_and_go_on_when_it_is_back),
		TEST(a_job_that_waits_for_an_absent_provider_can_be_cancelled),
		TEST(a_deadline_ends_a_job_that_waits_for_an_absent_provider),
		TEST(a_watcher_hears_of_the_state_it_waits_for),
		TEST(a_watcher_hears_when_its_time_is_up),
		TEST(a_watcher_of_nothing_is_told_so),
		TEST(a_state_that_is_old_is_asked_for_first),
		TEST(a_state_that_is_fresh_is_answered_at_once),
		TEST(a_provider_that_does_not_answer_leaves_the_age),
		TEST(a_nudge_makes_the_next_poll_come_now),
		TEST(a_flow_runs_all_its_steps),
		TEST(a_flow_counts_as_running_once_its_training_is_known),
		TEST(a_flow_ends_as_its_step_ends),
		TEST(a_cancelled_flow_cancels_the_step_that_runs),
		TEST(a_flow_goes_on_after_a_restart_without_doing_a_step_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tracker: what the journal of a submission says decides what comes next. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "jobs/entry.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

static const char left[] = "0123456789abcdefghjkmnpq";

/* --- what a crash left behind --- */

static void run_op(struct fixture *x, struct store_op *op)
{
	struct fail f = {0};

	assert_non_null(op);
	if (!store_run(x->store, op, &f))
		fail_msg("%s", f.text);
	assert_true(op->kind == STORE_JOB_ADD || op->changed);
	store_op_free(op);
}

static void move(struct fixture *x, const char *id, enum job_state to, unsigned set)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);

	assert_non_null(op);
	(void)snprintf(op->edge.values.id, sizeof(op->edge.values.id), "%s", id);
	op->edge.from = JOB_OPEN;
	op->edge.to = to;
	op->edge.set = set;
	run_op(x, op);
}

/* A job whose submission was begun. */
static void left_submitting(struct fixture *x)
{
	struct store_op *op = store_op_new(STORE_JOB_ADD, true);

	assert_non_null(op);
	(void)snprintf(op->job.id, sizeof(op->job.id), "%s", left);
	(void)snprintf(op->job.submission, sizeof(op->job.submission), "%s", left);
	op->job.created_ms = clock_now_ms();
	op->job.provider = strdup("p");
	op->job.interface = strdup("davit.training");
	op->job.kind = strdup("train");
	op->job.request = strdup("{\"spec\":{}}");
	run_op(x, op);
	move(x, left, JOB_SUBMITTING, JOB_SET_EPOCH);
}

static void left_row(
	struct fixture *x, enum journal_kind kind, int64_t k, int64_t status, const char *detail)
{
	struct store_op *op = store_op_new(STORE_JOURNAL, true);

	assert_non_null(op);
	(void)snprintf(op->journal.job, sizeof(op->journal.job), "%s", left);
	op->journal.kind = kind;
	op->journal.k = k;
	op->journal.status = status;
	op->journal.detail = detail != NULL ? strdup(detail) : NULL;
	run_op(x, op);
}

static void left_sent(struct fixture *x, int64_t k)
{
	left_row(x, JOURNAL_SENT, k, 0,
		"{\"operation\":\"create\",\"target\":\"https://cloud/jobs\"}");
}

static void left_done(struct fixture *x, int64_t k)
{
	left_sent(x, k);
	left_row(x, JOURNAL_ANSWERED, k, 201, "{\"kept\":true}");
}

/* After a restart: how often each slot was called until the job runs. */
static void runs_after(struct fixture *x, unsigned submits, unsigned finds, bool went_on)
{
	restart(x);
	await_state(x, left, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), submits);
	assert_int_equal(fake_calls("find"), finds);
	assert_int_equal(fake_went_on(), went_on);
}

static void what_never_left_needs_no_find(void **state)
{
	left_submitting(*state);
	fake_lacks("find");
	fake_idempotency("none");
	runs_after(*state, 1, 0, false);
}

static void what_was_unsent_or_refused_needs_none_either(void **state)
{
	left_submitting(*state);
	left_sent(*state, 1);
	left_row(*state, JOURNAL_UNSENT, 1, 0, NULL);
	left_sent(*state, 1);
	left_row(*state, JOURNAL_ANSWERED, 1, 429, NULL);
	runs_after(*state, 1, 0, false);
}

static void what_was_answered_goes_on(void **state)
{
	left_submitting(*state);
	left_done(*state, 1);
	left_sent(*state, 2);
	left_row(*state, JOURNAL_UNSENT, 2, 0, NULL);
	fake_idempotency("none");
	runs_after(*state, 1, 0, true);
}

static void what_may_have_left_is_found_out(void **state)
{
	static const struct {
		enum journal_kind kind;
		int64_t status;
		const char *detail;
	} ends[] = {
		{JOURNAL_NONE, 0, NULL},
		{JOURNAL_UNCLEAR, 0, NULL},
		{JOURNAL_UNCLEAR, 500, NULL},
		{JOURNAL_ANSWERED, 302, NULL},
		{JOURNAL_ANSWERED, 201, "{\"kept\":false}"},
	};

	for (size_t i = 0; i < COUNT(ends); i++) {
		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		left_submitting(*state);
		left_done(*state, 1);
		left_sent(*state, 2);
		if (ends[i].kind != JOURNAL_NONE)
			left_row(*state, ends[i].kind, 2, ends[i].status, ends[i].detail);
		fake_fault("find", DAVIT_RETRY, 1, true);
		runs_after(*state, 0, 2, false);
	}
}

static void a_checkpoint_stands_for_an_answer_that_is_not_kept(void **state)
{
	left_submitting(*state);
	left_sent(*state, 1);
	left_row(*state, JOURNAL_ANSWERED, 1, 200, "{\"kept\":false}");
	move(*state, left, JOB_SUBMITTING, JOB_SET_CHECKPOINT);
	runs_after(*state, 1, 0, true);
}

/* What was missing is submitted anew: what came before counts no more. */
static void a_new_attempt_owes_nothing_to_the_one_before(void **state)
{
	left_submitting(*state);
	left_sent(*state, 1);
	move(*state, left, JOB_RECOVERING, 0);
	move(*state, left, JOB_SUBMITTING, JOB_SET_EPOCH);
	runs_after(*state, 1, 0, false);
}

static void what_waited_for_its_provider_is_not_asked_for_in_vain(void **state)
{
	struct fixture *x = *state;

	left_submitting(x);
	fake_absent(true);
	restart(x);
	await_state(x, left, JOB_ORPHANED);
	fake_absent(false);
	runs_after(x, 1, 0, false);
}

static void intend_cancel(struct fixture *x)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);

	assert_non_null(op);
	(void)snprintf(op->edge.values.id, sizeof(op->edge.values.id), "%s", left);
	op->edge.from = JOB_OPEN;
	op->edge.set = JOB_SET_CANCEL;
	op->edge.values.cancel_ms = clock_now_ms();
	run_op(x, op);
}

static void a_cancel_ends_what_never_left(void **state)
{
	struct fixture *x = *state;

	left_submitting(x);
	intend_cancel(x);
	restart(x);
	await_state(x, left, JOB_CANCELLED);
	assert_int_equal(fake_objects(), 0);
	assert_int_equal(fake_calls("cancel"), 0);
}

static void a_cancel_follows_what_is_done(void **state)
{
	struct fixture *x = *state;

	left_submitting(x);
	left_done(x, 1);
	intend_cancel(x);
	restart(x);
	await_state(x, left, JOB_CANCELLED);
	assert_true(fake_went_on());
	assert_int_equal(fake_calls("cancel"), 1);
}

static int64_t cancelled_after(struct fixture *x)
{
	int64_t from = clock_mono_ms();

	left_submitting(x);
	left_sent(x, 1);
	intend_cancel(x);
	restart(x);
	await_state(x, left, JOB_CANCELLED);
	return clock_mono_ms() - from;
}

/* find misses it at first, as a request does that is still on its way. */
static void a_cancel_waits_for_what_may_be_on_its_way(void **state)
{
	fake_idempotency("search");
	fake_settles(600000); /* long, however busy the machine is */
	fake_fault("find", DAVIT_NOT_FOUND, 3, true);
	assert_true(cancelled_after(*state) < 600000);
	assert_int_equal(fake_calls("find"), 4);
	assert_int_equal(fake_calls("cancel"), 1);
}

static void a_cancel_does_not_wait_for_ever_for_what_never_comes(void **state)
{
	assert_true(cancelled_after(*state) >= 15000);
	assert_int_equal(fake_objects(), 0);
	assert_true(fake_calls("find") >= 4);
	assert_true(tracker_recovered(((struct fixture *)*state)->tracker));
}

static void a_cancel_waits_longer_where_the_lists_are_late(void **state)
{
	fake_idempotency("search");
	fake_settles(40000);
	assert_true(cancelled_after(*state) >= 40000);
}

/* --- a slot cannot say better than the journal --- */

static void no_verdict_hides_what_is_unclear(void **state)
{
	static const int32_t codes[] = {DAVIT_RETRY, DAVIT_THROTTLED, DAVIT_AUTH, DAVIT_QUOTA,
		DAVIT_INVALID, DAVIT_NOT_FOUND, DAVIT_CONFLICT, DAVIT_UNSUPPORTED, DAVIT_CANCELLED,
		DAVIT_DEADLINE, DAVIT_INTERNAL, DAVIT_PERMANENT};

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct ticket t;

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		fake_fault("submit", codes[i], 1, true);
		t = train(*state);
		await_state(*state, t.id, JOB_RUNNING);
		assert_int_equal(fake_calls("submit"), 1);
		assert_int_equal(fake_calls("find"), 1);
		assert_int_equal(fake_objects(), 1);
	}
}

static void what_did_nothing_is_tried_again_whatever_its_class(void **state)
{
	static const int32_t codes[] = {DAVIT_CANCELLED, DAVIT_DEADLINE, DAVIT_INTERNAL};
	struct fixture *x = *state;
	struct ticket t;

	fake_idempotency("none");
	fake_lacks("find");
	fake_hold(NULL);
	for (size_t i = 0; i < COUNT(codes); i++) {
		fake_fault("submit", codes[i], 2, false);
		t = train(x);
		await_state(x, t.id, JOB_RUNNING);
		assert_int_equal(fake_calls("submit"), 3 * (i + 1));
		fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
		await_state(x, t.id, JOB_SUCCEEDED);
	}
}

static void what_was_cut_off_goes_on_with_what_is_done(void **state)
{
	static const struct {
		int32_t code;
		bool cut_off;
	} ends[] = {{DAVIT_RETRY, false}, {DAVIT_THROTTLED, false}, {DAVIT_CANCELLED, true},
		{DAVIT_DEADLINE, true}, {DAVIT_INTERNAL, true}};

	for (size_t i = 0; i < COUNT(ends); i++) {
		struct ticket t;

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		fake_fault("submit", ends[i].code, 1, true);
		fake_trace((struct call_trace){.done = 1, .cut_off = ends[i].cut_off});
		t = train(*state);
		await_state(*state, t.id, JOB_RUNNING);
		assert_int_equal(fake_calls("submit"), 2);
		assert_true(fake_went_on());
		assert_int_equal(fake_calls("find"), 0);
	}
}

/* A provider may say DEADLINE where it cannot read an answer: it could as little again. */
static void what_a_provider_cannot_read_is_found_out(void **state)
{
	static const int32_t codes[] = {DAVIT_INTERNAL, DAVIT_DEADLINE};

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct ticket t;

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		fake_fault("submit", codes[i], 1, true);
		fake_trace((struct call_trace){.done = 1});
		t = train(*state);
		await_state(*state, t.id, JOB_RUNNING);
		assert_int_equal(fake_calls("find"), 1);
		assert_int_equal(fake_calls("submit"), 1);
	}
}

static void an_attempt_that_does_something_else_is_found_out(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_fault("submit", DAVIT_RETRY, 1, true);
	fake_trace((struct call_trace){.done = 1, .diverged = true});
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("find"), 1);
}

static void what_fails_before_it_comes_to_what_is_done_loses_nothing(void **state)
{
	struct fixture *x = *state;

	left_submitting(x);
	left_done(x, 1);
	fake_fault("submit", DAVIT_AUTH, 1, true);
	fake_trace((struct call_trace){.left = true});
	restart(x);
	await_state(x, left, JOB_RUNNING);
	assert_int_equal(fake_calls("find"), 1);
	assert_int_equal(fake_objects(), 1);
}

static void what_fails_behind_what_is_done_has_failed(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_fault("submit", DAVIT_INVALID, 1, false);
	fake_trace((struct call_trace){.done = 1, .refused = true});
	t = train(x);
	await_state(x, t.id, JOB_FAILED);
	assert_int_equal(fake_calls("find"), 0);
}

/* It was made, and its own look at it came too early. */
static void what_fails_though_nothing_was_refused_is_found_out(void **state)
{
	static const int32_t codes[] = {
		DAVIT_NOT_FOUND, DAVIT_INVALID, DAVIT_CONFLICT, DAVIT_PERMANENT};

	for (size_t i = 0; i < COUNT(codes); i++) {
		struct ticket t;

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		fake_fault("submit", codes[i], 1, true);
		fake_trace((struct call_trace){.done = 1});
		t = train(*state);
		await_state(*state, t.id, JOB_RUNNING);
		assert_int_equal(fake_calls("find"), 1);
		assert_int_equal(fake_calls("submit"), 1);
	}
}

static void what_fails_again_and_again_and_is_not_there_has_failed(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct job job;

	fake_fault("submit", DAVIT_INVALID, 1000, false);
	fake_trace((struct call_trace){.done = 1});
	t = train(x);
	await_state(x, t.id, JOB_FAILED);
	assert_int_equal(fake_calls("submit"), 3);
	assert_int_equal(fake_calls("find"), 3);
	job = job_of(x, t.id);
	assert_string_equal(job.error, "a fault, as ordered");
	job_finish(&job);
}

/* NOT_FOUND of a submit is no word on an object. */
static void a_cancel_ends_nothing_that_submit_did_not_find(void **state)
{
	struct fixture *x = *state;

	left_submitting(x);
	left_done(x, 1);
	intend_cancel(x);
	fake_fault("submit", DAVIT_NOT_FOUND, 1, true);
	fake_trace((struct call_trace){.done = 1, .refused = true});
	restart(x);
	await_state(x, left, JOB_FAILED);
}

/* --- where memory or the disk fails --- */

static struct {
	atomic_int edges_until_none; /* there is no memory for that one; 0: there is */
	atomic_int edges_until_lost; /* that one is not written */
	atomic_int entries_until_none;
} wants;

static bool is_hit(atomic_int *until)
{
	return *until > 0 && --*until == 0;
}

struct store_op *__real_store_op_new(enum store_kind kind, bool durable);
struct store_op *__wrap_store_op_new(enum store_kind kind, bool durable);
void __real_store_submit(struct store *s, struct store_op *op);
void __wrap_store_submit(struct store *s, struct store_op *op);
struct open_job *__real_entry_new(struct entries *es, const struct job *job);
struct open_job *__wrap_entry_new(struct entries *es, const struct job *job);

struct store_op *__wrap_store_op_new(enum store_kind kind, bool durable)
{
	bool none = kind == STORE_JOB_EDGE && is_hit(&wants.edges_until_none);

	return none ? NULL : __real_store_op_new(kind, durable);
}

void __wrap_store_submit(struct store *s, struct store_op *op)
{
	if (op->kind != STORE_JOB_EDGE || !is_hit(&wants.edges_until_lost)) {
		__real_store_submit(s, op);
		return;
	}
	op->ok = op->changed = false;
	(void)fail_set(&op->fail, FAIL_UNAVAILABLE, "the disk is full");
	op->done(op);
}

struct open_job *__wrap_entry_new(struct entries *es, const struct job *job)
{
	return is_hit(&wants.entries_until_none) ? NULL : __real_entry_new(es, job);
}

static void what_was_made_is_not_made_again_for_want_of_memory(void **state)
{
	struct fixture *x = *state;

	left_submitting(x);
	fake_hold("submit");
	restart(x);
	for (int i = 0; i < ROUNDS && !fake_held(); i++)
		let_time_pass();
	left_done(x, 1);
	fake_hold(NULL);
	wants.edges_until_none = 1;
	fake_release("{\"ref\":{\"v\":1}}");
	await_state(x, left, JOB_RUNNING);
	assert_int_equal(wants.edges_until_none, 0);
	assert_int_equal(fake_calls("submit"), 1); /* beside the one that was held */
	assert_true(fake_went_on());
}

/* Its edges after the restart: to recovering, and to running. */
static void comes_back(struct fixture *x, atomic_int *want)
{
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	fake_absent(true);
	restart(x);
	await_state(x, t.id, JOB_ORPHANED);
	fake_absent(false);
	*want = 2;
	restart(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(*want, 0);
	assert_int_equal(fake_calls("find"), 0);
	assert_int_equal(fake_calls("submit"), 1);
}

static void what_ran_is_not_looked_for_though_its_edge_was_lost(void **state)
{
	comes_back(*state, &wants.edges_until_lost);
}

static void what_ran_is_not_looked_for_for_want_of_memory(void **state)
{
	comes_back(*state, &wants.edges_until_none);
}

static void a_start_without_memory_for_a_job_fails(void **state)
{
	struct fixture *x = *state;
	struct tracker_options options = {.config = &x->config, .providers = (void *)x};
	struct tracker *other;
	struct fail f = {0};

	left_submitting(x);
	stop(x);
	x->store = store_open(x->target, &f);
	assert_non_null(x->store);
	options.store = x->store;
	wants.entries_until_none = 1;
	other = tracker_start(&options, &f);
	assert_null(other);
	assert_non_null(strstr(f.text, "out of memory"));
	store_close(x->store);
	start(x);
}

/* --- what nobody can find out --- */

static void expect_question(struct fixture *x, const char *id, const char *part)
{
	struct job job;

	await_state(x, id, JOB_NEEDS_DECISION);
	job = job_of(x, id);
	assert_non_null(job.error);
	if (strstr(job.error, part) == NULL || strstr(job.error, "davit decide") == NULL)
		fail_msg("%s", job.error);
	job_finish(&job);
}

static void a_list_that_says_not_when_it_is_complete_proves_nothing(void **state)
{
	struct fixture *x = *state;

	fake_idempotency("search");
	fake_settles(-1);
	left_submitting(x);
	left_sent(x, 1);
	restart(x);
	expect_question(
		x, left, "mutation 1 of its submission (create, sent to https://cloud/jobs");
	assert_int_equal(fake_objects(), 0);
}

static void of_class_none_nothing_is_proved(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_idempotency("none");
	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	fake_fault("find", DAVIT_NOT_FOUND, 1, false);
	t = train(x);
	expect_question(x, t.id, "it is not known");
	assert_int_equal(fake_calls("submit"), 1);
}

static void a_find_that_cannot_work_loses_no_job(void **state)
{
	static const int32_t codes[] = {DAVIT_PERMANENT, DAVIT_INVALID, DAVIT_CONFLICT};
	struct fixture *x = *state;

	for (unsigned i = 0; i < COUNT(codes); i++) {
		struct ticket t;

		fake_fault("submit", DAVIT_DEADLINE, 1, true);
		fake_fault("find", codes[i], 1000, false);
		t = train(x);
		expect_question(x, t.id, "a fault, as ordered");
		assert_int_equal(fake_calls("find"), 8 * (i + 1));
		assert_true(cancel(x, t.id));
		fake_fault("find", DAVIT_OK, 0, false);
	}
}

static void a_find_that_works_later_asks_nobody(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	fake_fault("find", DAVIT_INVALID, 7, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("find"), 8);
	assert_int_equal(fake_calls("submit"), 1);
}

static void a_find_that_cannot_work_is_forgotten_when_it_could(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	fake_fault("find", DAVIT_INVALID, 7, false);
	t = train(x);
	await_calls("find", 7);
	fake_fault("find", DAVIT_RETRY, 1, false);
	await_calls("find", 8);
	fake_fault("find", DAVIT_INVALID, 7, false);
	await_state(x, t.id, JOB_RUNNING);
}

/* The daemon has its answers: what is still asked for is one job's business. */
static void nobody_waits_with_the_start_for_a_find_that_cannot_work(void **state)
{
	struct fixture *x = *state;

	left_submitting(x);
	left_sent(x, 1);
	fake_fault("find", DAVIT_PERMANENT, 1000, false);
	restart(x);
	await_calls("find", 2);
	assert_true(tracker_recovered(x->tracker));
	assert_int_equal(status_of(x, left).state, JOB_RECOVERING);
}

/* --- what comes back too late --- */

static void a_slot_that_lost_its_lease_changes_nothing(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct job job;

	fake_hold("submit");
	t = train(x);
	for (int i = 0; i < ROUNDS && !fake_held(); i++)
		let_time_pass();
	move(x, t.id, JOB_RECOVERING, 0); /* another one has it now */
	move(x, t.id, JOB_SUBMITTING, JOB_SET_EPOCH);
	fake_hold(NULL);
	fake_fault("submit", DAVIT_RETRY, 1, false);
	fake_release("{\"ref\":{\"v\":1},\"id\":\"stale\"}");
	await_state(x, t.id, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), 2); /* the refused one, and the one that counts */
	job = job_of(x, t.id);
	assert_int_equal(job.epoch, 2);
	assert_string_equal(job.remote_name, t.id);
	job_finish(&job);
}

/* No edge of it is refused, as there is none: the row is read before the slot is called. */
static void a_slot_that_is_to_be_called_again_looks_whose_job_it_is(void **state)
{
	struct fixture *x = *state;
	struct ticket t;
	struct job job;

	fake_fault("submit", DAVIT_RETRY, 1, false);
	t = train(x);
	await_calls("submit", 1);
	move(x, t.id, JOB_RECOVERING, 0);
	move(x, t.id, JOB_SUBMITTING, JOB_SET_EPOCH);
	await_state(x, t.id, JOB_RUNNING);
	job = job_of(x, t.id);
	assert_int_equal(job.epoch, 2);
	job_finish(&job);
}

/* --- what is told of calls --- */

struct told {
	char text[2048];
};

static bool tell(const struct store_journal *row, void *ctx)
{
	struct told *told = ctx;
	size_t n = strlen(told->text);

	n += (size_t)snprintf(
		told->text + n, sizeof(told->text) - n, "%s", journal_word(row->kind));
	if (row->kind == JOURNAL_CALL)
		n += (size_t)snprintf(
			told->text + n, sizeof(told->text) - n, " *%d", (int)row->times);
	for (const char *p = row->detail; p != NULL; p = NULL) { /* without the time */
		const char *time = strstr(p, ",\"first_ms\"");

		n += (size_t)snprintf(told->text + n, sizeof(told->text) - n, " %.*s%s",
			time != NULL ? (int)(time - p) : (int)strlen(p), p,
			time != NULL ? "}" : "");
	}
	(void)snprintf(told->text + n, sizeof(told->text) - n, "\n");
	return true;
}

static void expect_told(struct fixture *x, const char *id, const char *part)
{
	struct told told;

	for (int i = 0; i < ROUNDS; i++) {
		told.text[0] = '\0';
		assert_true(store_journal(x->store, id, 0, 0, tell, &told, NULL));
		if (strstr(told.text, part) != NULL)
			return;
		let_time_pass();
	}
	fail_msg("'%s' is not in %s", part, told.text);
}

static void calls_are_told_with_what_they_led_to(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_calls("poll", 5);
	fake_end(t.id, DAVIT_STATE_SUCCEEDED, NULL);
	await_state(x, t.id, JOB_SUCCEEDED);
	expect_told(x, t.id,
		"call *1 {\"slot\":\"submit\",\"code\":\"ok\"}\n"
		"edge {\"from\":\"submitting\",\"to\":\"running\"}\n"
		"call *");
}

static void a_cancel_is_told_of_before_it_leaves(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_calls("poll", 3);
	fake_hold("cancel");
	assert_true(cancel(x, t.id));
	while (!fake_held())
		let_time_pass();
	expect_told(
		x, t.id, "{\"slot\":\"poll\",\"code\":\"ok\"}\ncall *0 {\"slot\":\"cancel\"}\n");
	fake_hold(NULL);
	restart(x);
	await_state(x, t.id, JOB_CANCELLED);
	expect_told(x, t.id,
		"call *0 {\"slot\":\"cancel\"}\n"
		"call *1 {\"slot\":\"cancel\",\"code\":\"ok\"}\n");
}

/* What is sent is no row's to decide: the intent is on disk. */
static void a_cancel_that_cannot_be_told_of_is_sent_all_the_same(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);

	await_state(x, t.id, JOB_RUNNING);
	fake_fault("cancel", DAVIT_RETRY, 1, false);
	assert_true(cancel(x, t.id));
	await_calls("cancel", 1);
	disk_fails(true);
	await_calls("cancel", 2);
	disk_fails(false);
	await_state(x, t.id, JOB_CANCELLED);
}

/* Calls of poll that are in the journal. */
static bool add_polls(const struct store_journal *row, void *ctx)
{
	if (row->kind == JOURNAL_CALL && strstr(row->detail, "\"poll\"") != NULL)
		*(unsigned *)ctx += (unsigned)row->times;
	return true;
}

static unsigned polls_told(struct fixture *x, const char *id)
{
	unsigned n = 0;

	assert_true(store_journal(x->store, id, 0, 0, add_polls, &n, NULL));
	return n;
}

static void await_polls_told(struct fixture *x, const char *id, unsigned want)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (polls_told(x, id) >= want)
			return;
		let_time_pass();
	}
	fail_msg("%u polls are told", polls_told(x, id));
}

static unsigned calls_told(struct fixture *x, const char *id)
{
	struct told told = {""};
	unsigned rows = 0;

	assert_true(store_journal(x->store, id, 0, 0, tell, &told, NULL));
	for (const char *p = told.text; (p = strstr(p, "call *")) != NULL; p++)
		rows++;
	return rows;
}

static void a_kill_loses_few_of_the_calls_that_were_counted(void **state)
{
	struct fixture *x = *state;
	struct ticket t = train(x);
	unsigned rows = 0;

	await_calls("poll", 350); /* one a second: by their number */
	await_polls_told(x, t.id, 300);
	assert_in_range(fake_calls("poll"), 350, 450);
	fake_slow_polls(true); /* each hour: by their age */
	for (int i = 0; i < 3; i++) {
		clock_advance(3600000);
		await_calls("poll", fake_calls("poll") + 1);
	}
	await_polls_told(x, t.id, fake_calls("poll") - 2);
	restart(x); /* begins a row of its own */
	for (int i = 0; i < 3; i++) {
		clock_advance(3600000);
		await_calls("poll", fake_calls("poll") + 1);
	}
	for (int i = 0; i < ROUNDS && rows < 3; i++) {
		let_time_pass();
		rows = calls_told(x, t.id);
	}
	clock_advance(3600000);
	await_calls("poll", fake_calls("poll") + 2);
	assert_int_equal(calls_told(x, t.id), 3); /* of submit, and of polls of each daemon */
}

static void failures_are_told_once_and_counted(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_fault("submit", DAVIT_RETRY, 4, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	expect_told(x, t.id,
		"call *4 {\"slot\":\"submit\",\"code\":\"retry\",\"why\":\"a fault, as ordered\"}\n"
		"call *1 {\"slot\":\"submit\",\"code\":\"ok\"}\n");
}

static void finds_are_told_by_what_they_found(void **state)
{
	struct fixture *x = *state;
	struct ticket t;

	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	fake_fault("find", DAVIT_NOT_FOUND, 1, false);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	expect_told(x, t.id, "missing {\"why\":\"a fault, as ordered\"}\nedge");
	fake_fault("submit", DAVIT_DEADLINE, 1, true);
	t = train(x);
	await_state(x, t.id, JOB_RUNNING);
	expect_told(x, t.id, "found {\"ref\":{\"v\":1}}\nedge");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_never_left_needs_no_find),
		TEST(what_was_unsent_or_refused_needs_none_either),
		TEST(what_was_answered_goes_on),
		TEST(what_may_have_left_is_found_out),
		TEST(a_checkpoint_stands_for_an_answer_that_is_not_kept),
		TEST(a_new_attempt_owes_nothing_to_the_one_before),
		TEST(what_waited_for_its_provider_is_not_asked_for_in_vain),
		TEST(a_cancel_ends_what_never_left),
		TEST(a_cancel_follows_what_is_done),
		TEST(a_cancel_waits_for_what_may_be_on_its_way),
		TEST(a_cancel_does_not_wait_for_ever_for_what_never_comes),
		TEST(a_cancel_waits_longer_where_the_lists_are_late),
		TEST(no_verdict_hides_what_is_unclear),
		TEST(what_did_nothing_is_tried_again_whatever_its_class),
		TEST(what_was_cut_off_goes_on_with_what_is_done),
		TEST(what_a_provider_cannot_read_is_found_out),
		TEST(an_attempt_that_does_something_else_is_found_out),
		TEST(what_fails_before_it_comes_to_what_is_done_loses_nothing),
		TEST(what_fails_behind_what_is_done_has_failed),
		TEST(what_fails_though_nothing_was_refused_is_found_out),
		TEST(what_fails_again_and_again_and_is_not_there_has_failed),
		TEST(a_cancel_ends_nothing_that_submit_did_not_find),
		TEST(what_was_made_is_not_made_again_for_want_of_memory),
		TEST(what_ran_is_not_looked_for_though_its_edge_was_lost),
		TEST(what_ran_is_not_looked_for_for_want_of_memory),
		TEST(a_start_without_memory_for_a_job_fails),
		TEST(a_list_that_says_not_when_it_is_complete_proves_nothing),
		TEST(of_class_none_nothing_is_proved),
		TEST(a_find_that_cannot_work_loses_no_job),
		TEST(a_find_that_works_later_asks_nobody),
		TEST(a_find_that_cannot_work_is_forgotten_when_it_could),
		TEST(nobody_waits_with_the_start_for_a_find_that_cannot_work),
		TEST(a_slot_that_lost_its_lease_changes_nothing),
		TEST(a_slot_that_is_to_be_called_again_looks_whose_job_it_is),
		TEST(calls_are_told_with_what_they_led_to),
		TEST(a_cancel_is_told_of_before_it_leaves),
		TEST(a_cancel_that_cannot_be_told_of_is_sent_all_the_same),
		TEST(a_kill_loses_few_of_the_calls_that_were_counted),
		TEST(failures_are_told_once_and_counted),
		TEST(finds_are_told_by_what_they_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

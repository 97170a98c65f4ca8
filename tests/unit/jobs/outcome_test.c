/* What the end of a slot means for its job, row by row. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "jobs/outcome.h"
#include "provider/provider.h"
#include "secret/redact.h"
#include "store/store.h"

static const struct row {
	const char *name;
	enum job_action action;
	int32_t code;
	bool has_state;
	const char *idempotency;
	enum verdict verdict;
} rows[] = {
	{"submit ok", ACTION_SUBMIT, DAVIT_OK, true, "name", VERDICT_STATE},
	{"submit ok without a state is unclear", ACTION_SUBMIT, DAVIT_OK, false, "name",
		VERDICT_RECOVER},
	{"submit refused as invalid", ACTION_SUBMIT, DAVIT_INVALID, false, "name", VERDICT_FAILED},
	{"submit that did nothing", ACTION_SUBMIT, DAVIT_RETRY, false, "none", VERDICT_RETRY},
	{"submit throttled", ACTION_SUBMIT, DAVIT_THROTTLED, false, "none", VERDICT_RETRY},
	{"submit past its deadline is unclear", ACTION_SUBMIT, DAVIT_DEADLINE, false, "token",
		VERDICT_RECOVER},
	{"submit with a bug is unclear", ACTION_SUBMIT, DAVIT_INTERNAL, false, "name",
		VERDICT_RECOVER},
	{"submit with a code we do not know is unclear", ACTION_SUBMIT, 99, false, "name",
		VERDICT_RECOVER},
	{"submit of a full account", ACTION_SUBMIT, DAVIT_QUOTA, false, "name", VERDICT_FAILED},
	{"find says running", ACTION_FIND, DAVIT_OK, true, "none", VERDICT_STATE},
	{"find says nothing was created", ACTION_FIND, DAVIT_NOT_FOUND, false, "none",
		VERDICT_RESUBMIT},
	{"find fails", ACTION_FIND, DAVIT_INTERNAL, false, "name", VERDICT_RETRY},
	{"no find, but the name is taken once", ACTION_FIND, DAVIT_UNSUPPORTED, false, "name",
		VERDICT_RESUBMIT},
	{"no find, but a token", ACTION_FIND, DAVIT_UNSUPPORTED, false, "token", VERDICT_RESUBMIT},
	{"no find and only a search", ACTION_FIND, DAVIT_UNSUPPORTED, false, "search",
		VERDICT_DECIDE},
	{"no find and nothing else", ACTION_FIND, DAVIT_UNSUPPORTED, false, "none", VERDICT_DECIDE},
	{"poll ok", ACTION_POLL, DAVIT_OK, true, "name", VERDICT_STATE},
	{"poll without a state", ACTION_POLL, DAVIT_OK, false, "name", VERDICT_RETRY},
	{"poll refused for credentials", ACTION_POLL, DAVIT_AUTH, false, "name", VERDICT_RETRY},
	{"poll of what is gone", ACTION_POLL, DAVIT_NOT_FOUND, false, "name", VERDICT_FAILED},
	{"poll refused as invalid", ACTION_POLL, DAVIT_INVALID, false, "name", VERDICT_RETRY},
	{"poll is not supported", ACTION_POLL, DAVIT_UNSUPPORTED, false, "name", VERDICT_RETRY},
	{"poll fails for good", ACTION_POLL, DAVIT_PERMANENT, false, "name", VERDICT_RETRY},
	{"poll fails", ACTION_POLL, DAVIT_INTERNAL, false, "name", VERDICT_RETRY},
	{"cancel goes out", ACTION_CANCEL, DAVIT_OK, false, "name", VERDICT_ASKED},
	{"cancel of what is gone", ACTION_CANCEL, DAVIT_NOT_FOUND, false, "name", VERDICT_ASKED},
	{"cancel fails", ACTION_CANCEL, DAVIT_INTERNAL, false, "name", VERDICT_RETRY},
	{"no cancel: the end is awaited", ACTION_CANCEL, DAVIT_UNSUPPORTED, false, "name",
		VERDICT_ASKED},
};

/* The code is that of a service, or nobody's. */
static const struct row unsaid[] = {
	{"a service did not find something for poll", ACTION_POLL, DAVIT_NOT_FOUND, false, "name",
		VERDICT_RETRY},
	{"a service did not find something for find", ACTION_FIND, DAVIT_NOT_FOUND, false, "name",
		VERDICT_RETRY},
	{"a service is missing for find", ACTION_FIND, DAVIT_UNSUPPORTED, false, "name",
		VERDICT_RETRY},
	{"find may not go there", ACTION_FIND, DAVIT_PERMANENT, false, "name", VERDICT_RETRY},
	{"find was asked wrongly by a service", ACTION_FIND, DAVIT_INVALID, false, "name",
		VERDICT_RETRY},
	{"find meets a conflict of a service", ACTION_FIND, DAVIT_CONFLICT, false, "name",
		VERDICT_RETRY},
	{"submit lacks something of a service", ACTION_SUBMIT, DAVIT_AUTH, false, "name",
		VERDICT_FAILED},
};

static void verdict(void **state)
{
	const struct row *row = *state;
	const struct call_result result = {
		.code = row->code, .has_state = row->has_state, .said = true};

	assert_int_equal(outcome_verdict(row->action, &result, row->idempotency), row->verdict);
}

static void verdict_unsaid(void **state)
{
	const struct row *row = *state;
	const struct call_result result = {.code = row->code};

	assert_int_equal(outcome_verdict(row->action, &result, row->idempotency), row->verdict);
}

static void what_says_nothing_of_the_object_fails_no_submit_that_made_something(void **state)
{
	static const struct {
		int32_t code;
		bool said;
		bool refused;
		unsigned done;
		enum verdict verdict;
	} of[] = {
		{DAVIT_AUTH, true, false, 0, VERDICT_FAILED},
		{DAVIT_AUTH, true, false, 1, VERDICT_RETRY},
		{DAVIT_QUOTA, true, false, 1, VERDICT_RETRY},
		{DAVIT_PERMANENT, true, false, 1, VERDICT_RECOVER},
		{DAVIT_PERMANENT, true, true, 1, VERDICT_FAILED},
		{DAVIT_NOT_FOUND, true, false, 1, VERDICT_RECOVER},
		{DAVIT_CONFLICT, true, false, 1, VERDICT_RECOVER},
		{DAVIT_INVALID, true, true, 1, VERDICT_FAILED},
		{DAVIT_PERMANENT, false, false, 1, VERDICT_RETRY},
		{DAVIT_NOT_FOUND, false, false, 1, VERDICT_RETRY},
		{DAVIT_NOT_FOUND, false, false, 0, VERDICT_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(of); i++) {
		const struct call_result result = {.code = of[i].code,
			.said = of[i].said,
			.trace = {.done = of[i].done, .refused = of[i].refused}};
		enum verdict verdict = outcome_verdict(ACTION_SUBMIT, &result, "name");

		assert_int_equal(outcome_submitted(verdict, &result), of[i].verdict);
	}
}

/* "It exists" is what a change says that was made already, and whose it is was not seen. */
static void what_may_be_ours_is_looked_at_before_the_submit_has_failed(void **state)
{
	struct call_result result = {
		.code = DAVIT_AUTH, .said = true, .trace = {.refused = true, .conflict = true}};

	(void)state;
	assert_int_equal(outcome_submitted(VERDICT_FAILED, &result), VERDICT_RETRY);
	result.code = DAVIT_CONFLICT; /* it was seen, and is another's */
	assert_int_equal(outcome_submitted(VERDICT_FAILED, &result), VERDICT_FAILED);
	result.code = DAVIT_AUTH;
	result.trace.conflict = false; /* the change itself was not let in */
	assert_int_equal(outcome_submitted(VERDICT_FAILED, &result), VERDICT_FAILED);
}

/* A provider goes on behind its checkpoint, and what is refused there is refused for good. */
static void what_a_checkpoint_covers_was_made_and_need_not_be_asked_for_again(void **state)
{
	struct call_result result = {
		.code = DAVIT_PERMANENT, .said = true, .trace = {.covered = true, .refused = true}};

	(void)state;
	assert_int_equal(outcome_submitted(VERDICT_FAILED, &result), VERDICT_FAILED);
	result.trace.refused = false;
	assert_int_equal(outcome_submitted(VERDICT_FAILED, &result), VERDICT_RECOVER);
	result.code = DAVIT_AUTH;
	assert_int_equal(outcome_submitted(VERDICT_FAILED, &result), VERDICT_RETRY);
	assert_int_equal(outcome_submitted(VERDICT_RECOVER, &result), VERDICT_RETRY);
}

static void what_is_gone_is_not_seen_for_some_time(void **state)
{
	(void)state;
	assert_int_equal(outcome_gone(VERDICT_FAILED, 0, INT64_MAX), VERDICT_RETRY);
	assert_int_equal(outcome_gone(VERDICT_FAILED, 4, 60000), VERDICT_RETRY);
	assert_int_equal(outcome_gone(VERDICT_FAILED, 100, 9999), VERDICT_RETRY);
	assert_int_equal(outcome_gone(VERDICT_FAILED, 5, 10000), VERDICT_FAILED);
	assert_int_equal(outcome_gone(VERDICT_STATE, 0, 0), VERDICT_STATE);
}

static void who_is_not_let_in_before_anything_was_done_has_not_failed_yet(void **state)
{
	struct call_result result = {.code = DAVIT_AUTH, .said = true};
	static const struct call_trace touched[] = {{.done = 1}, {.unclear = 1}, {.refused = true},
		{.left = true}, {.covered = true}, {.diverged = true}};

	(void)state;
	assert_int_equal(outcome_barred(VERDICT_FAILED, &result, 0), VERDICT_RETRY);
	assert_int_equal(outcome_barred(VERDICT_FAILED, &result, 599999), VERDICT_RETRY);
	assert_int_equal(outcome_barred(VERDICT_FAILED, &result, 600000), VERDICT_FAILED);
	assert_int_equal(outcome_barred(VERDICT_RECOVER, &result, 0), VERDICT_RECOVER);
	for (size_t i = 0; i < COUNT(touched); i++) {
		result.trace = touched[i];
		assert_int_equal(outcome_barred(VERDICT_FAILED, &result, 0), VERDICT_FAILED);
	}
	result = (struct call_result){.code = DAVIT_QUOTA, .said = true};
	assert_int_equal(outcome_barred(VERDICT_FAILED, &result, 0), VERDICT_FAILED);
}

static struct store_op *edge(int32_t state, const char *reply, bool overdue)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);
	struct call_result result = {
		.has_state = true, .state = state, .reply = json_loads(reply, 0, NULL)};

	assert_non_null(op);
	assert_non_null(result.reply);
	op->edge.to = JOB_STATE_COUNT;
	assert_true(outcome_edge(op, &result, overdue));
	json_decref(result.reply);
	return op;
}

static void what_submit_answers_is_kept(void **state)
{
	struct store_op *op = edge(DAVIT_STATE_RUNNING,
		"{\"ref\":{\"v\":1},\"id\":\"x\",\"handle\":\"42\",\"started_ms\":7}", false);

	(void)state;
	assert_int_equal(op->edge.to, JOB_RUNNING);
	assert_string_equal(op->edge.values.remote_ref, "{\"v\":1}");
	assert_string_equal(op->edge.values.remote_name, "x");
	assert_string_equal(op->edge.values.handle, "42");
	assert_int_equal(op->edge.values.started_ms, 7);
	assert_false(op->edge.set & JOB_SET_FINISHED);
	store_op_free(op);
}

static void no_secret_is_kept_but_in_what_names_the_object(void **state)
{
	struct store_op *op;

	(void)state;
	redact_learn(REDACT_SECRET, "hunter-2-hunter", 15);
	op = edge(DAVIT_STATE_FAILED,
		"{\"ref\":{\"v\":\"hunter-2-hunter\"},\"id\":\"hunter-2-hunter\","
		"\"progress\":{\"text\":\"as hunter-2-hunter\"},\"error\":\"no hunter-2-hunter\","
		"\"raw\":[{\"m\":\"hunter-2-hunter!\"}]}",
		false);
	assert_true(outcome_hide(op));
	assert_string_equal(op->edge.values.remote_ref, "{\"v\":\"hunter-2-hunter\"}");
	assert_string_equal(op->edge.values.remote_name, "hunter-2-hunter");
	assert_string_equal(op->edge.values.progress, "{\"text\":\"as ***\"}");
	assert_string_equal(op->edge.values.error, "no ***");
	assert_string_equal(op->edge.values.result,
		"{\"id\":\"hunter-2-hunter\",\"progress\":{\"text\":\"as ***\"},"
		"\"error\":\"no ***\",\"raw\":[{\"m\":\"***!\"}]}");
	store_op_free(op);
	redact_forget();
}

static void the_resource_name_wins_over_the_id(void **state)
{
	struct store_op *op =
		edge(DAVIT_STATE_RUNNING, "{\"id\":\"x\",\"resource\":\"projects/p/x\"}", false);

	(void)state;
	assert_string_equal(op->edge.values.remote_name, "projects/p/x");
	store_op_free(op);
}

static void an_end_has_its_time(void **state)
{
	struct store_op *op =
		edge(DAVIT_STATE_SUCCEEDED, "{\"started_ms\":5,\"finished_ms\":9}", false);

	(void)state;
	assert_int_equal(op->edge.to, JOB_SUCCEEDED);
	assert_true(op->edge.set & JOB_SET_FINISHED);
	assert_int_equal(op->edge.values.finished_ms, 9);
	store_op_free(op);
}

static void an_end_before_its_start_is_not_believed(void **state)
{
	struct store_op *op =
		edge(DAVIT_STATE_SUCCEEDED, "{\"started_ms\":9,\"finished_ms\":5}", false);

	(void)state;
	assert_true(op->edge.values.finished_ms > 9);
	store_op_free(op);
}

static void a_failure_always_has_a_reason(void **state)
{
	struct store_op *op = edge(DAVIT_STATE_FAILED, "{}", false);

	(void)state;
	assert_true(strlen(op->edge.values.error) > 0);
	store_op_free(op);
}

static void what_its_deadline_stopped_has_failed(void **state)
{
	struct store_op *op = edge(DAVIT_STATE_CANCELLED, "{}", true);

	(void)state;
	assert_int_equal(op->edge.to, JOB_FAILED);
	assert_non_null(strstr(op->edge.values.error, "deadline"));
	store_op_free(op);
}

static void a_state_we_do_not_know_is_running(void **state)
{
	struct store_op *op = edge(77, "{}", false);

	(void)state;
	assert_int_equal(op->edge.to, JOB_RUNNING);
	store_op_free(op);
}

int main(void)
{
	static const struct CMUnitTest edges[] = {
		cmocka_unit_test(
			what_says_nothing_of_the_object_fails_no_submit_that_made_something),
		cmocka_unit_test(what_may_be_ours_is_looked_at_before_the_submit_has_failed),
		cmocka_unit_test(what_a_checkpoint_covers_was_made_and_need_not_be_asked_for_again),
		cmocka_unit_test(what_is_gone_is_not_seen_for_some_time),
		cmocka_unit_test(who_is_not_let_in_before_anything_was_done_has_not_failed_yet),
		cmocka_unit_test(what_submit_answers_is_kept),
		cmocka_unit_test(no_secret_is_kept_but_in_what_names_the_object),
		cmocka_unit_test(the_resource_name_wins_over_the_id),
		cmocka_unit_test(an_end_has_its_time),
		cmocka_unit_test(an_end_before_its_start_is_not_believed),
		cmocka_unit_test(a_failure_always_has_a_reason),
		cmocka_unit_test(what_its_deadline_stopped_has_failed),
		cmocka_unit_test(a_state_we_do_not_know_is_running),
	};
	struct CMUnitTest tests[COUNT(rows) + COUNT(unsaid)];
	int failed;

	for (size_t i = 0; i < COUNT(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
			.test_func = verdict,
			.initial_state = (void *)&rows[i]};
	for (size_t i = 0; i < COUNT(unsaid); i++)
		tests[COUNT(rows) + i] = (struct CMUnitTest){.name = unsaid[i].name,
			.test_func = verdict_unsaid,
			.initial_state = (void *)&unsaid[i]};
	failed = cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("edge", edges, NULL, NULL);
}

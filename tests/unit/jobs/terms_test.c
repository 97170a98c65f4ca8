/* Terms: a submission is looked for, judged and repeated as it was sent, whatever another plugin
 * file says of its kind. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

static const char left[] = "0123456789abcdefghjkmnpq";
static const char derived[] = "davit-0123456789abcdefghjkmnpq"; /* as the provider of now has it */

#define SENT_AS(class, settle_ms)                                                                  \
	"{\"name\":\"as-it-was\",\"class\":\"" class "\",\"settle_ms\":" settle_ms "}"

/* --- what a crash left behind --- */

static void run_op(struct fixture *x, struct store_op *op)
{
	struct fail f = {0};

	if (!store_run(x->store, op, &f))
		fail_msg("%s", f.text);
	store_op_free(op);
}

static void left_row(struct fixture *x, enum journal_kind kind, int64_t status, const char *detail)
{
	struct store_op *op = store_op_new(STORE_JOURNAL, true);

	assert_non_null(op);
	(void)snprintf(op->journal.job, sizeof(op->journal.job), "%s", left);
	op->journal.kind = kind;
	op->journal.k = 1;
	op->journal.status = status;
	op->journal.detail = strdup(detail);
	run_op(x, op);
}

/* A job whose submission was begun on these terms. */
static void left_begun(struct fixture *x, const char *terms)
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
	op->job.terms = terms != NULL ? strdup(terms) : NULL;
	run_op(x, op);
	op = store_op_new(STORE_JOB_EDGE, true);
	assert_non_null(op);
	(void)snprintf(op->edge.values.id, sizeof(op->edge.values.id), "%s", left);
	op->edge.from = JOB_OPEN;
	op->edge.to = JOB_SUBMITTING;
	op->edge.set = JOB_SET_EPOCH;
	run_op(x, op);
}

static void left_sent(struct fixture *x, const char *terms)
{
	left_begun(x, terms);
	left_row(
		x, JOURNAL_SENT, 0, "{\"operation\":\"create\",\"target\":\"https://cloud/jobs\"}");
}

static void runs_on_terms(struct fixture *x, const char *want)
{
	struct job job;

	restart(x);
	await_state(x, left, JOB_RUNNING);
	job = job_of(x, left);
	assert_non_null(job.terms);
	assert_string_equal(job.terms, want);
	job_finish(&job);
}

static void asks_somebody(struct fixture *x, const char *word)
{
	struct job job;

	await_state(x, left, JOB_NEEDS_DECISION);
	job = job_of(x, left);
	assert_non_null(job.error);
	assert_non_null(strstr(job.error, word));
	job_finish(&job);
}

/* --- names --- */

static void what_was_sent_is_found_and_repeated_by_its_name(void **state)
{
	left_sent(*state, SENT_AS("name", "0"));
	runs_on_terms(*state, SENT_AS("name", "0"));
	assert_int_equal(fake_calls("submit"), 1);
	assert_string_equal(fake_name("find"), "as-it-was");
	assert_string_equal(fake_name("submit"), "as-it-was");
}

static void what_never_left_gets_the_name_of_now(void **state)
{
	struct job job;

	left_begun(*state, SENT_AS("token", "9"));
	restart(*state);
	await_state(*state, left, JOB_RUNNING);
	assert_string_equal(fake_name("submit"), derived);
	job = job_of(*state, left);
	assert_string_equal(job.terms,
		"{\"name\":\"davit-0123456789abcdefghjkmnpq\",\"class\":\"name\",\"settle_ms\":0}");
	job_finish(&job);
}

static void what_has_no_terms_gets_them_with_its_next_attempt(void **state)
{
	left_sent(*state, NULL);
	runs_on_terms(*state,
		"{\"name\":\"davit-0123456789abcdefghjkmnpq\",\"class\":\"name\",\"settle_ms\":0}");
	assert_string_equal(fake_name("find"), derived);
	assert_string_equal(fake_name("submit"), derived);
}

static void a_job_is_accepted_with_its_terms(void **state)
{
	struct ticket t;
	struct job job;

	fake_idempotency("search");
	fake_settles(1500);
	t = train(*state);
	job = job_of(*state, t.id);
	assert_non_null(job.terms);
	assert_non_null(strstr(job.terms, "\"class\":\"search\",\"settle_ms\":1500}"));
	job_finish(&job);
}

/* --- classes --- */

static void of_a_class_that_has_changed_nothing_is_proved(void **state)
{
	static const struct {
		const char *terms, *now;
	} changes[] = {
		{SENT_AS("none", "-1"), "token"},
		{SENT_AS("search", "-1"), "name"},
		{SENT_AS("search", "0"), "token"},
		{SENT_AS("token", "0"), "name"},
		{SENT_AS("name", "0"), "none"},
		{SENT_AS("token", "0"), "search"},
	};

	for (size_t i = 0; i < COUNT(changes); i++) {
		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		left_sent(*state, changes[i].terms);
		fake_idempotency(changes[i].now);
		restart(*state);
		asks_somebody(*state, "idempotency class");
		assert_int_equal(fake_objects(), 0);
	}
}

static void the_class_of_an_attempt_is_that_which_sends_it(void **state)
{
	left_begun(*state, SENT_AS("token", "0"));
	fake_idempotency("none");
	fake_fault("submit", DAVIT_RETRY, 1, false);
	fake_trace((struct call_trace){.unclear = true});
	restart(*state);
	asks_somebody(*state, "not known");
	assert_int_equal(fake_calls("submit"), 1);
}

/* One half was sent by either plugin file. */
static void what_goes_on_with_another_class_has_none(void **state)
{
	left_sent(*state, SENT_AS("token", "0"));
	left_row(*state, JOURNAL_ANSWERED, 201, "{\"kept\":true}");
	fake_fault("submit", DAVIT_RETRY, 1, false);
	fake_trace((struct call_trace){.unclear = true});
	restart(*state);
	asks_somebody(*state, "not known");
	assert_true(fake_went_on());
}

static void the_longer_settle_delay_counts(void **state)
{
	int64_t from;

	left_sent(*state, SENT_AS("search", "60000"));
	fake_idempotency("search");
	from = clock_mono_ms();
	restart(*state);
	await_state(*state, left, JOB_RUNNING);
	assert_true(clock_mono_ms() - from >= 60000);
}

static void without_either_settle_delay_nothing_is_proved(void **state)
{
	for (int i = 0; i < 2; i++) {
		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		left_sent(*state, i == 0 ? SENT_AS("search", "-1") : SENT_AS("search", "0"));
		fake_idempotency("search");
		fake_settles(i == 0 ? 0 : -1);
		restart(*state);
		asks_somebody(*state, "not known");
	}
}

/* --- writing them down --- */

static void nothing_is_sent_on_terms_that_cannot_be_kept(void **state)
{
	struct fixture *x = *state;

	left_begun(x, SENT_AS("token", "0"));
	stop(x);
	disk_fails(true);
	start(x);
	for (unsigned tries = disk_writes() + 3; disk_writes() < tries;)
		let_time_pass();
	assert_int_equal(fake_calls("submit"), 0);
	disk_fails(false);
	await_state(x, left, JOB_RUNNING);
	assert_int_equal(fake_calls("submit"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_sent_is_found_and_repeated_by_its_name),
		TEST(what_never_left_gets_the_name_of_now),
		TEST(what_has_no_terms_gets_them_with_its_next_attempt),
		TEST(a_job_is_accepted_with_its_terms),
		TEST(of_a_class_that_has_changed_nothing_is_proved),
		TEST(the_class_of_an_attempt_is_that_which_sends_it),
		TEST(what_goes_on_with_another_class_has_none),
		TEST(the_longer_settle_delay_counts),
		TEST(without_either_settle_delay_nothing_is_proved),
		TEST(nothing_is_sent_on_terms_that_cannot_be_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

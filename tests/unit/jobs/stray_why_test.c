/* Which objects with a label of ours are strays, by the jobs there are. */
#include "jobs/stray_why.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "unit/jobs/fake_provider.h"
#include "unit/jobs/tracker_kit.h"

#define ONE   "000000000000000000000001"
#define OTHER "000000000000000000000002"

/* Digests of {"url": "https://here"}, and of something else. */
#define HERE      "{\"settings/url\":\"7ac510322f67f2a4\"}"
#define ELSEWHERE "{\"settings/url\":\"0123456789abcdef\"}"

/* A job as it stands; made with an id, it has that submission. */
struct made {
	const char *id;
	enum job_state state;
	const char *remote; /* or NULL */
	const char *ref;
	const char *result;
};

static char *copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

/* account: where it went; NULL: not known. */
static void add_job_of(
	struct fixture *x, const char *submission, const struct made *made, const char *account)
{
	struct store_op *op = store_op_new(STORE_JOB_ADD, true);
	struct fail f = {0};

	assert_non_null(op);
	(void)snprintf(op->job.id, sizeof(op->job.id), "%s", made->id);
	(void)snprintf(op->job.submission, sizeof(op->job.submission), "%s", submission);
	op->job.state = made->state;
	op->job.created_ms = 1;
	op->job.finished_ms = (JOB_BIT(made->state) & JOB_TERMINAL) != 0 ? 2 : 0;
	op->job.provider = strdup("p");
	op->job.interface = strdup("davit.training");
	op->job.kind = strdup("train");
	op->job.request = strdup("{\"spec\":{}}");
	op->job.remote_name = copy(made->remote);
	op->job.epoch = account != NULL;
	op->job.account = copy(account);
	op->job.remote_ref = copy(made->ref);
	op->job.result = copy(made->result);
	if (!store_run(x->store, op, &f))
		fail_msg("%s", f.text);
	store_op_free(op);
}

static void add_job(struct fixture *x, const char *submission, const struct made *made)
{
	add_job_of(x, submission, made, NULL);
}

static struct stray object(const char *name)
{
	return (struct stray){.submission = ONE,
		.provider = "p",
		.connection = "",
		.interface = "davit.training",
		.kind = "train",
		.object = name,
		.name = name,
		.state = "RUNNING"};
}

static bool judge(struct fixture *x, struct stray *stray, const json_t *items, struct fail *f)
{
	const struct tracker_options o = {
		.store = x->store, .providers = (struct providers *)x, .config = &x->config};

	return stray_judge(&o, stray, items, f);
}

static bool adopter_of(
	struct fixture *x, const struct stray *stray, char id[ID_SIZE], struct fail *f)
{
	const struct tracker_options o = {
		.store = x->store, .providers = (struct providers *)x, .config = &x->config};

	return stray_adopter(&o, stray, id, f);
}

/* Of the object "o", which stands in a list with "first" or alone. */
static enum stray_why why_in(struct fixture *x, const char *list)
{
	json_t *items = list != NULL ? json_loads(list, 0, NULL) : NULL;
	struct stray stray = object("o");
	struct fail f = {0};

	assert_true(judge(x, &stray, items, &f));
	json_decref(items);
	return stray.why;
}

static const char twins[] = "[{\"id\":\"o\"},7,{\"id\":\"first\"}]";
static const char alone[] = "[{\"id\":\"o\"},{\"name\":\"first\"}]";

static void what_no_job_has_submitted_was_lost(void **state)
{
	struct stray stray = object("o");
	char id[ID_SIZE], text[STRAY_TEXT_SIZE];
	struct fail f = {0};

	assert_int_equal(why_in(*state, twins), STRAY_LOST);
	stray.why = STRAY_LOST;
	assert_true(adopter_of(*state, &stray, id, &f));
	assert_string_equal(id, ONE);
	assert_string_equal(stray_why_word(stray.why), "no_job");
	assert_string_equal(stray_why_text(&stray, text), "no job here has its submission");
}

static void the_object_of_a_job_is_no_stray(void **state)
{
	static const struct made all[] = {
		{ONE, JOB_QUEUED, NULL, NULL, NULL},
		{ONE, JOB_SUBMITTING, NULL, NULL, NULL},
		{ONE, JOB_SUBMITTING, "first", NULL, NULL}, /* what it makes may be another one */
		{ONE, JOB_RECOVERING, NULL, NULL, NULL},
		{ONE, JOB_RECOVERING, "first", NULL, NULL},
		{ONE, JOB_NEEDS_DECISION, NULL, NULL, NULL},
		{ONE, JOB_ORPHANED, "first", NULL, NULL},
		{ONE, JOB_RUNNING, "o", NULL, NULL},
		{ONE, JOB_RUNNING, "first", "{\"v\":1,\"id\":\"o\"}", NULL},
		{ONE, JOB_RUNNING, "first", NULL, "{\"id\":\"o\",\"resource\":\"first\"}"},
		{ONE, JOB_RUNNING, "first", NULL, "{\"id\":\"first\",\"resource\":\"o\"}"},
		{ONE, JOB_RUNNING, NULL, NULL, NULL}, /* nobody says what it follows */
		{ONE, JOB_RUNNING, NULL, "{\"v\":1,\"x\":\"y\"}", NULL},
		{ONE, JOB_SUCCEEDED, "o", NULL, NULL},
		{ONE, JOB_SUCCEEDED, NULL, NULL, NULL},
		{ONE, JOB_FAILED, "o", NULL, "{\"failure\":\"internal\"}"},
		{ONE, JOB_FAILED, NULL, "{\"v\":1,\"n\":7}", "no JSON"},
		{ONE, JOB_CANCELLED, "o", NULL, NULL},
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		add_job(*state, ONE, &all[i]);
		if (why_in(*state, twins) != STRAY_NOT)
			fail_msg("row %zu: %s", i, job_state_word(all[i].state));
	}
}

static void what_a_job_does_not_follow_that_knows_its_own_is_one(void **state)
{
	static const struct made all[] = {
		{ONE, JOB_RUNNING, "first", "{\"v\":1,\"id\":\"first\"}", "{\"id\":\"first\"}"},
		{ONE, JOB_RUNNING, NULL, NULL, "{\"id\":\"first\"}"},
		{ONE, JOB_SUCCEEDED, "first", NULL, NULL},
		{ONE, JOB_CANCELLED, "first", NULL, NULL},
		{OTHER, JOB_FAILED, "first", NULL, "{\"failure\":\"internal\"}"},
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		struct stray stray = object("o");
		char text[STRAY_TEXT_SIZE];
		struct fail f = {0};

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		add_job(*state, ONE, &all[i]);
		if (why_in(*state, twins) != STRAY_SECOND)
			fail_msg("row %zu: %s", i, job_state_word(all[i].state));
		assert_true(judge(*state, &stray, NULL, &f));
		assert_string_equal(stray.job, all[i].id);
		assert_non_null(strstr(stray_why_text(&stray, text), "follows another object"));
	}
}

/* Its provider may still call it by the name of the request that makes it. */
static void of_a_job_that_runs_both_must_be_seen(void **state)
{
	static const struct made runs = {ONE, JOB_RUNNING, "first", NULL, NULL};

	add_job(*state, ONE, &runs);
	assert_int_equal(why_in(*state, alone), STRAY_NOT);
	assert_int_equal(why_in(*state, twins), STRAY_SECOND);
	assert_int_equal(why_in(*state, NULL), STRAY_SECOND); /* as it was seen before */
}

static void what_a_job_never_knew_of_is_one_when_it_has_ended(void **state)
{
	static const struct made all[] = {
		{ONE, JOB_CANCELLED, NULL, NULL, NULL},
		{ONE, JOB_FAILED, NULL, NULL, "{\"failure\":\"conflict\"}"},
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		struct stray stray = object("o");
		char text[STRAY_TEXT_SIZE];
		struct fail f = {0};

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		add_job(*state, ONE, &all[i]);
		assert_true(judge(*state, &stray, NULL, &f));
		assert_int_equal(stray.why, STRAY_ENDED);
		assert_string_equal(stray.job, ONE);
		assert_non_null(strstr(stray_why_text(&stray, text), job_state_word(all[i].state)));
	}
}

/* The provider answered for some time that there was nothing, say, and there is. */
static void what_runs_on_after_its_job_ended_without_it_is_one(void **state)
{
	static const struct made all[] = {
		{ONE, JOB_FAILED, "o", NULL, "{\"failure\":\"not_found\"}"},
		{ONE, JOB_CANCELLED, "o", NULL, "{\"failure\":\"not_found\"}"},
		{ONE, JOB_FAILED, "first", "{\"v\":1,\"id\":\"o\"}", "{\"failure\":\"not_found\"}"},
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		struct stray stray = object("o");
		struct made adopter = all[i];
		char id[ID_SIZE], next[ID_SIZE];
		struct fixture *x;
		struct fail f = {0};

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		x = *state;
		add_job(x, ONE, &all[i]);
		stray.seen_ms = 1; /* it ended since */
		assert_true(judge(x, &stray, NULL, &f));
		assert_int_equal(stray.why, STRAY_NOT);
		stray.seen_ms = 3;
		stray.state = "FAILED";
		assert_true(judge(x, &stray, NULL, &f));
		assert_int_equal(stray.why, STRAY_NOT);
		stray.state = "PENDING";
		assert_true(judge(x, &stray, NULL, &f));
		assert_int_equal(stray.why, STRAY_ENDED);
		assert_string_equal(stray.job, ONE);
		assert_true(adopter_of(x, &stray, id, &f));
		adopter.id = id; /* and the same befalls who adopts it */
		add_job(x, id, &adopter);
		assert_true(judge(x, &stray, NULL, &f));
		assert_int_equal(stray.why, STRAY_ENDED);
		assert_true(adopter_of(x, &stray, next, &f));
		assert_string_not_equal(id, next);
	}
}

static void what_may_be_a_part_is_one_only_where_nothing_was_known(void **state)
{
	static const struct made follows = {ONE, JOB_CANCELLED, "first", NULL, NULL};
	static const struct made knows_nothing = {OTHER, JOB_CANCELLED, NULL, NULL, NULL};
	struct fixture *x = *state;
	struct stray part = object("part");
	struct fail f = {0};

	part.interface = "davit.models";
	add_job(x, ONE, &follows);
	assert_true(judge(x, &part, NULL, &f));
	assert_int_equal(part.why, STRAY_NOT);
	add_job(x, OTHER, &knows_nothing);
	memcpy(part.submission, OTHER, ID_SIZE);
	assert_true(judge(x, &part, NULL, &f));
	assert_int_equal(part.why, STRAY_ENDED);
}

/* --- adopted --- */

static void expect_adopter(struct fixture *x, const char *object_name, char id[ID_SIZE])
{
	struct stray stray = object(object_name);
	struct fail f = {0};

	assert_true(judge(x, &stray, NULL, &f));
	assert_int_equal(stray.why, STRAY_ENDED);
	assert_true(adopter_of(x, &stray, id, &f));
	assert_true(id_valid(id));
}

static void who_adopts_it_is_the_same_whoever_asks(void **state)
{
	static const struct made ended = {ONE, JOB_CANCELLED, NULL, NULL, NULL};
	char id[ID_SIZE], again[ID_SIZE], of_other[ID_SIZE];
	struct made adopter = {.state = JOB_RECOVERING};
	struct fixture *x = *state;
	struct stray stray = object("o");
	struct fail f = {0};

	add_job(x, ONE, &ended);
	expect_adopter(x, "o", id);
	expect_adopter(x, "o", again);
	expect_adopter(x, "p", of_other);
	assert_string_equal(id, again);
	assert_string_not_equal(id, of_other);
	assert_string_not_equal(id, ONE);
	adopter.id = id;
	add_job(x, id, &adopter);
	assert_true(judge(x, &stray, NULL, &f));
	assert_int_equal(stray.why, STRAY_NOT);
	assert_string_equal(stray.job, id);
	stray.why = STRAY_ENDED; /* as it was seen before */
	assert_false(adopter_of(x, &stray, again, &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	assert_non_null(strstr(f.text, id));
}

static void one_that_was_adopted_in_vain_can_be_adopted_again(void **state)
{
	static const struct made ended = {ONE, JOB_CANCELLED, NULL, NULL, NULL};
	char id[ID_SIZE], before[ID_SIZE] = ONE;
	struct fixture *x = *state;
	struct stray stray = object("o");
	struct fail f = {0};

	add_job(x, ONE, &ended);
	for (int i = 0; i < 16; i++) {
		struct made in_vain = {id, JOB_FAILED, NULL, NULL, NULL};

		expect_adopter(x, "o", id);
		assert_string_not_equal(id, before);
		memcpy(before, id, ID_SIZE);
		add_job(x, id, &in_vain);
	}
	assert_true(judge(x, &stray, NULL, &f));
	assert_int_equal(stray.why, STRAY_ENDED); /* shown all the same */
	assert_false(adopter_of(x, &stray, id, &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
}

static void what_another_job_follows_is_none(void **state)
{
	static const struct made ended = {ONE, JOB_CANCELLED, NULL, NULL, NULL};
	static const struct made runs = {OTHER, JOB_RUNNING, "o", NULL, NULL};

	add_job(*state, ONE, &ended);
	assert_int_equal(why_in(*state, twins), STRAY_ENDED);
	add_job(*state, OTHER, &runs);
	assert_int_equal(why_in(*state, twins), STRAY_NOT);
}

/* An object of that name in another account is another one. */
static void what_a_job_of_another_account_follows_is_one_all_the_same(void **state)
{
	static const struct made lost = {ONE, JOB_CANCELLED, NULL, NULL, NULL};
	static const struct {
		struct made made;
		const char *account;
		enum stray_why why;
	} rows[] = {
		{{OTHER, JOB_RUNNING, "o", NULL, NULL}, NULL, STRAY_NOT},
		{{OTHER, JOB_RUNNING, "o", NULL, NULL}, HERE, STRAY_NOT},
		{{OTHER, JOB_SUCCEEDED, "o", NULL, NULL}, HERE, STRAY_NOT},
		{{OTHER, JOB_RUNNING, "o", NULL, NULL}, ELSEWHERE, STRAY_ENDED},
	};
	static const struct made newer = {"000000000000000000000003", JOB_RUNNING, "o", NULL, NULL};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture *x;

		if (i > 0) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		x = *state;
		x->provider.settings = json_loads("{\"url\": \"https://here\"}", 0, NULL);
		add_job(x, ONE, &lost);
		add_job_of(x, OTHER, &rows[i].made, rows[i].account);
		add_job_of(x, newer.id, &newer, ELSEWHERE);
		if (why_in(x, alone) != rows[i].why)
			fail_msg("row %zu", i);
		json_decref(x->provider.settings);
		x->provider.settings = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_no_job_has_submitted_was_lost),
		TEST(the_object_of_a_job_is_no_stray),
		TEST(what_a_job_does_not_follow_that_knows_its_own_is_one),
		TEST(of_a_job_that_runs_both_must_be_seen),
		TEST(what_a_job_never_knew_of_is_one_when_it_has_ended),
		TEST(what_runs_on_after_its_job_ended_without_it_is_one),
		TEST(what_may_be_a_part_is_one_only_where_nothing_was_known),
		TEST(who_adopts_it_is_the_same_whoever_asks),
		TEST(one_that_was_adopted_in_vain_can_be_adopted_again),
		TEST(what_another_job_follows_is_none),
		TEST(what_a_job_of_another_account_follows_is_one_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

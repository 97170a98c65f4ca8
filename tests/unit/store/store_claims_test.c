/* store_claims_test - claims: written with their job or not at all, answered, ended, limited. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "store/sqlite.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

#define NOW INT64_C(1000)
#define END INT64_C(2000)

static void open_again(struct kit_room *r)
{
	store_close(r->store);
	r->store = kit_open(r->folder);
}

static void name_of(unsigned n, uint8_t name[STORE_CLAIM_BYTES])
{
	memset(name, 0, STORE_CLAIM_BYTES); /* bytes of 0 are a name, too */
	memcpy(name + 4, &n, sizeof(n));
}

/* The nth claim, with a job. */
static enum fail_code add(struct kit_room *r, unsigned n, unsigned job, int64_t made_ms)
{
	struct store_op *op = kit_add(job);

	name_of(n, op->claim.name);
	memset(op->claim.body, 7, sizeof(op->claim.body));
	op->claim.made_ms = made_ms;
	op->claim.until_ms = made_ms + END - NOW;
	return kit_run(r->store, op, NULL);
}

static enum fail_code answer(
	struct kit_room *r, unsigned n, const char *text, size_t bytes, bool *changed)
{
	struct store_op *op = store_op_new(STORE_CLAIM_ANSWER, true);

	assert_non_null(op);
	name_of(n, op->claimed.claim.name);
	op->claimed.status = 201;
	op->claimed.answer = calloc(1, bytes + 1);
	assert_non_null(op->claimed.answer);
	memset(op->claimed.answer, 'x', bytes);
	memcpy(op->claimed.answer, text, strlen(text));
	return kit_run(r->store, op, changed);
}

static bool sweep(struct kit_room *r, int64_t now_ms)
{
	struct store_op *op = store_op_new(STORE_CLAIM_SWEEP, false);
	bool changed = false;

	assert_non_null(op);
	op->claimed.claim.made_ms = now_ms;
	assert_int_equal(kit_run(r->store, op, &changed), FAIL_NONE);
	return changed;
}

static enum fail_code look(
	struct kit_room *r, unsigned n, int64_t now_ms, struct store_claimed *ret)
{
	uint8_t name[STORE_CLAIM_BYTES];
	struct fail f = {0};

	name_of(n, name);
	memset(ret, 0, sizeof(*ret));
	return store_claim(r->store, name, now_ms, ret, &f) ? FAIL_NONE : f.code;
}

static bool there(struct kit_room *r, unsigned n, int64_t now_ms)
{
	struct store_claimed claimed;
	enum fail_code code = look(r, n, now_ms, &claimed);

	free(claimed.answer);
	return code == FAIL_NONE;
}

static bool job_there(struct kit_room *r, unsigned n)
{
	char id[ID_SIZE];
	struct job_status status;

	return store_job_status(r->store, kit_id(id, n), &status, NULL);
}

static int64_t number(struct kit_room *r, const char *text)
{
	char path[PATH_MAX];
	struct conn c;
	int64_t value = -1;

	assert_true(conn_open(&c, kit_join(path, r->folder, "davit.db"), NULL));
	assert_true(conn_pragma_int(&c, text, &value, NULL));
	conn_close(&c);
	return value;
}

static void run_sql(struct kit_room *r, const char *text)
{
	char path[PATH_MAX];
	struct conn c;

	assert_true(conn_open(&c, kit_join(path, r->folder, "davit.db"), NULL));
	assert_true(conn_exec(&c, text, NULL));
	conn_close(&c);
}

static void a_claim_and_its_answer_survive_a_restart(void **state)
{
	struct kit_room *r = *state;
	struct store_claimed claimed;
	char id[ID_SIZE];
	bool changed = false;

	assert_int_equal(add(r, 1, 5, NOW), FAIL_NONE);
	open_again(r);
	assert_int_equal(look(r, 1, NOW, &claimed), FAIL_NONE);
	assert_string_equal(claimed.job, kit_id(id, 5));
	assert_int_equal(claimed.status, 0);
	assert_null(claimed.answer);
	assert_int_equal(answer(r, 1, "{\"a\":1}", 7, &changed), FAIL_NONE);
	assert_true(changed);
	open_again(r);
	assert_int_equal(look(r, 1, NOW, &claimed), FAIL_NONE);
	assert_int_equal(claimed.status, 201);
	assert_string_equal(claimed.answer, "{\"a\":1}");
	assert_int_equal(claimed.claim.body[31], 7);
	free(claimed.answer);
}

static void answers_are_sealed_and_cannot_change_places(void **state)
{
	struct kit_room *r = *state;

	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(add(r, i, i, NOW), FAIL_NONE);
		assert_int_equal(answer(r, i, "plain", 5, NULL), FAIL_NONE);
	}
	assert_int_equal(
		number(r,
			"SELECT count(*) FROM claim WHERE instr(answer, CAST('plain' AS BLOB)) > 0"),
		0);
	run_sql(r, "UPDATE claim SET answer = (SELECT max(answer) FROM claim)");
	assert_int_equal(there(r, 1, NOW) + there(r, 2, NOW), 1);
}

static void a_job_and_its_claim_are_written_together_or_not_at_all(void **state)
{
	struct kit_room *r = *state;

	assert_int_equal(add(r, 1, 1, NOW), FAIL_NONE);
	assert_int_equal(add(r, 1, 2, NOW), FAIL_CONFLICT); /* the claim is there */
	assert_false(job_there(r, 2));
	assert_int_equal(add(r, 2, 1, NOW), FAIL_CONFLICT); /* the job is there */
	assert_false(there(r, 2, NOW));
	assert_int_equal(number(r, "SELECT claims FROM claim_use"), 1);
}

static void a_job_without_a_claim_leaves_none(void **state)
{
	struct kit_room *r = *state;
	bool changed = true;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	assert_int_equal(number(r, "SELECT count(*) FROM claim"), 0);
	assert_int_equal(answer(r, 1, "x", 1, &changed), FAIL_NONE);
	assert_false(changed);
}

static void a_claim_that_ended_is_not_found_and_can_be_made_again(void **state)
{
	struct kit_room *r = *state;

	assert_int_equal(add(r, 1, 1, NOW), FAIL_NONE);
	assert_true(there(r, 1, END - 1));
	assert_false(there(r, 1, END));
	assert_int_equal(add(r, 1, 2, END - 1), FAIL_CONFLICT);
	assert_int_equal(add(r, 1, 2, END), FAIL_NONE);
	assert_true(there(r, 1, END));
}

static void old_claims_go_with_new_ones_and_with_sweeps(void **state)
{
	struct kit_room *r = *state;

	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(add(r, i, i, NOW), FAIL_NONE);
		assert_int_equal(answer(r, i, "xyz", 3, NULL), FAIL_NONE);
	}
	assert_int_equal(number(r, "SELECT bytes FROM claim_use"), 40 * (3 + 33));
	assert_int_equal(add(r, 100, 100, END), FAIL_NONE);
	assert_int_equal(number(r, "SELECT claims FROM claim_use"), 40 - 16 + 1);
	assert_int_equal(number(r, "SELECT count(*) FROM claim"), 40 - 16 + 1);
	assert_true(sweep(r, END));
	assert_false(sweep(r, END));
	assert_int_equal(number(r, "SELECT claims FROM claim_use"), 1);
	assert_true(there(r, 100, END));
	assert_true(sweep(r, 2 * END));
	assert_int_equal(number(r, "SELECT claims + bytes FROM claim_use"), 0);
}

static void claims_and_answers_have_a_limit(void **state)
{
	struct kit_room *r = *state;
	struct store_claimed claimed;

	assert_int_equal(add(r, 1, 1, NOW), FAIL_NONE);
	assert_int_equal(answer(r, 1, "x", STORE_CLAIM_ANSWER_MAX + 1, NULL), FAIL_TOO_LARGE);
	assert_int_equal(look(r, 1, NOW, &claimed), FAIL_NONE);
	assert_int_equal(claimed.status, 0);
	run_sql(r, "UPDATE claim_use SET bytes = 268435456 - 9 - 33");
	assert_int_equal(answer(r, 1, "x", 10, NULL), FAIL_TOO_LARGE);
	assert_int_equal(answer(r, 1, "x", 9, NULL), FAIL_NONE);
	run_sql(r, "UPDATE claim_use SET claims = 100000");
	assert_int_equal(add(r, 2, 2, NOW), FAIL_BUSY);
	assert_false(job_there(r, 2));
	assert_int_equal(add(r, 2, 2, END), FAIL_NONE); /* one that ended made room */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_set_up, kit_tear_down)
		TEST(a_claim_and_its_answer_survive_a_restart),
		TEST(answers_are_sealed_and_cannot_change_places),
		TEST(a_job_and_its_claim_are_written_together_or_not_at_all),
		TEST(a_job_without_a_claim_leaves_none),
		TEST(a_claim_that_ended_is_not_found_and_can_be_made_again),
		TEST(old_claims_go_with_new_ones_and_with_sweeps),
		TEST(claims_and_answers_have_a_limit),
	};

	return cmocka_run_group_tests_name("store/claims", tests, NULL, NULL);
}

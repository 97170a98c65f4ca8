/* Which calls are run once more when their worker died, and what they remember then. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "provider/internal.h"
#include "unit/cmocka.h"
#include "unit/provider/kit.h"

/* A request of that slot whose worker has just died. */
static struct call *cut_off(struct kit *k, const struct table_slot *slot)
{
	struct fail f = {0};
	struct call *c = call_new(k->p, DAVIT_DATASETS, slot->name, 10000, &f);

	assert_non_null(c);
	c->slot = slot;
	c->lane = CALL_LANE_REQUEST;
	c->cut = true;
	c->fail_code = DAVIT_CONFLICT;
	c->said = true;
	call_violation(c, "it died");
	return c;
}

static void what_changes_nothing_is_run_again_and_nothing_else(void **state)
{
	const struct table_interface *t = &table_interfaces[table_index(DAVIT_DATASETS)];

	for (size_t i = 0; i < t->slot_count; i++) {
		struct call *c = cut_off(*state, &t->slots[i]);
		const char *changes[] = {"submit", "cancel", "remove", "export", "tag"};
		bool reads = true;

		for (size_t n = 0; n < sizeof(changes) / sizeof(*changes); n++)
			reads = reads && strcmp(changes[n], t->slots[i].name) != 0;
		assert_int_equal(call_restart(c), reads);
		call_free(c);
	}
}

static const struct table_slot *get_slot(void)
{
	return table_slot(&table_interfaces[table_index(DAVIT_DATASETS)], "get");
}

static void a_call_that_is_run_again_remembers_nothing(void **state)
{
	struct call *c = cut_off(*state, get_slot());
	struct call_blob b = {.kind = CALL_BLOB_MEMORY, .fd = -1, .bytes = "x", .n = 1};

	assert_true(call_blobs_none(&c->blobs));
	assert_int_not_equal(call_blobs_add(&c->blobs, &b), 0);
	assert_false(call_blobs_none(&c->blobs));
	c->answer.kind = ANSWER_JSON;
	c->answer.json = json_object();
	assert_true(call_restart(c));
	assert_true(call_blobs_none(&c->blobs));
	assert_int_equal(c->answer.kind, ANSWER_NONE);
	assert_null(c->answer.json);
	assert_false(c->cut || c->said);
	assert_null(c->violation);
	assert_int_equal(c->fail_code, DAVIT_OK);
	call_free(c);
}

static void what_was_told_already_is_not_told_twice(void **state)
{
	struct call *c = cut_off(*state, get_slot());

	c->answer.kind = ANSWER_CHUNKS;
	assert_false(call_restart(c));
	c->answer.kind = ANSWER_NONE;
	c->lane = CALL_LANE_JOB; /* a job is asked again by itself */
	assert_false(call_restart(c));
	c->lane = CALL_LANE_REQUEST;
	c->deadline = clock_mono_ms();
	assert_false(call_restart(c));
	call_free(c);
}

static void keep(struct fail **place, const char *text)
{
	struct fail f = {.retry_after_ms = 5000};

	(void)fail_set(&f, FAIL_INTERNAL, "%s", text);
	call_keep_reason(place, &f);
}

/* A call that was cut off for that reason, whose provider had said before what nobody knows to be
 * whole: that it failed, by the same code as the host says; or by a service; or its answer. */
static struct call *cut_with(struct kit *k, unsigned words, const char *why)
{
	struct fail f = {0};
	struct call *c = call_new(k->p, DAVIT_DATASETS, "get", 10000, &f);

	assert_non_null(c);
	c->slot = get_slot();
	c->cut = true;
	keep(&c->cut_reason, why);
	if (words == 0) {
		c->said = true;
		c->fail_code = DAVIT_INTERNAL;
		keep(&c->fail, "its own words");
	} else if (words == 1) {
		c->service_code = DAVIT_INTERNAL;
		c->service_ends = DAVIT_NOT_FOUND;
		keep(&c->service_fail, "its own words");
	} else if (words == 2) {
		call_violation(c, "its own words");
	} else {
		c->answer.kind = ANSWER_STATE;
		c->answer.json = json_object();
	}
	return c;
}

static void what_was_said_before_the_worker_died_counts_for_nothing(void **state)
{
	static const char why[] = "the worker was killed";

	for (unsigned words = 0; words < 4; words++) {
		struct call *c = cut_with(*state, words, why);
		struct call_result r = {0};

		call_conclude(c, DAVIT_INTERNAL, &r);
		assert_int_equal(r.code, DAVIT_INTERNAL);
		assert_string_equal(r.fail.text, why);
		assert_int_equal(r.retry_after_ms, 0);
		assert_false(r.said || r.has_state);
		assert_null(r.reply);
		call_result_finish(&r);
		call_free(c);
	}
}

/* Lets w die while c, a running call, is in it; how c is stopped by that. */
static int32_t hang_up(struct kit *k, struct call *c, const struct worker *w,
	const struct worker *dead, bool cancel)
{
	struct fail f = {0};
	int32_t code;

	assert_int_equal(call_table_add(&k->ps->calls, c, 0, &f), CALL_ENTERED);
	call_runs_in(c, w);
	call_table_hang_up(&k->ps->calls, dead);
	code = call_stopped(c);
	if (cancel)
		call_cancel(k->ps, c->handle);
	call_runs_in(c, NULL);
	call_table_remove(&k->ps->calls, c);
	return code;
}

static void the_death_of_its_worker_stops_a_call_until_it_is_out_of_it(void **state)
{
	static const char workers[2];
	const struct worker *one = (const void *)&workers[0], *other = (const void *)&workers[1];
	struct call *c = cut_off(*state, get_slot());

	assert_int_equal(hang_up(*state, c, one, other, false), DAVIT_OK);
	assert_int_equal(hang_up(*state, c, one, one, false), DAVIT_CANCELLED);
	assert_int_equal(call_stopped(c), DAVIT_OK);
	assert_true(call_restart(c));
	assert_int_equal(hang_up(*state, c, one, one, true), DAVIT_CANCELLED);
	assert_int_equal(call_stopped(c), DAVIT_CANCELLED); /* by who asked for it */
	assert_false(call_restart(c));
	call_free(c);
}

static int open_kit(void **state)
{
	static struct kit k;

	kit_open(&k, false);
	*state = &k;
	return 0;
}

static int close_kit(void **state)
{
	kit_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_changes_nothing_is_run_again_and_nothing_else),
		cmocka_unit_test(a_call_that_is_run_again_remembers_nothing),
		cmocka_unit_test(what_was_told_already_is_not_told_twice),
		cmocka_unit_test(what_was_said_before_the_worker_died_counts_for_nothing),
		cmocka_unit_test(the_death_of_its_worker_stops_a_call_until_it_is_out_of_it),
	};

	return cmocka_run_group_tests(tests, open_kit, close_kit);
}

/* How many connections may be kept, by what was seen of their server. */
#include "process/trust.h"
#include "unit/cmocka.h"

static struct trust fresh(void)
{
	struct trust t;

	trust_init(&t);
	return t;
}

static void as_many_are_kept_as_it_was_seen_to_hold(void **state)
{
	struct trust t = fresh();

	(void)state;
	trust_saw(&t, 3);
	trust_saw(&t, 2);
	assert_true(trust_allows(&t, 3, true, 0));
	assert_false(trust_allows(&t, 4, true, 0));
}

static void more_are_kept_on_trial_while_nobody_waits(void **state)
{
	struct trust t = fresh();

	(void)state;
	assert_true(trust_allows(&t, 8, false, 0));
	assert_false(trust_allows(&t, 8, true, 0));
}

static void each_failed_trial_keeps_the_next_away_twice_as_long(void **state)
{
	struct trust t = fresh();
	int64_t now = 0, pause = TRUST_DOUBT_FIRST_MS;

	(void)state;
	trust_saw(&t, 1);
	for (int i = 0; i < 10; i++) {
		trust_failed(&t, 1, now);
		assert_false(trust_allows(&t, 2, false, now + pause - 1));
		assert_true(trust_allows(&t, 1, false, now + pause - 1));
		now += pause;
		assert_true(trust_allows(&t, 2, false, now));
		pause = pause * 2 < TRUST_DOUBT_MAX_MS ? pause * 2 : TRUST_DOUBT_MAX_MS;
	}
}

static void a_trial_that_went_well_makes_the_next_pause_short_again(void **state)
{
	struct trust t = fresh();

	(void)state;
	trust_failed(&t, 1, 0);
	trust_failed(&t, 1, 0);
	trust_saw(&t, 4);
	trust_failed(&t, 4, 0);
	assert_true(trust_allows(&t, 5, false, TRUST_DOUBT_FIRST_MS));
}

static void what_it_does_not_hold_any_more_is_not_counted_on(void **state)
{
	struct trust t = fresh();

	(void)state;
	trust_saw(&t, 4);
	trust_failed(&t, 2, 0);
	assert_true(trust_allows(&t, 2, true, 0));
	assert_false(trust_allows(&t, 3, false, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_are_kept_as_it_was_seen_to_hold),
		cmocka_unit_test(more_are_kept_on_trial_while_nobody_waits),
		cmocka_unit_test(each_failed_trial_keeps_the_next_away_twice_as_long),
		cmocka_unit_test(a_trial_that_went_well_makes_the_next_pause_short_again),
		cmocka_unit_test(what_it_does_not_hold_any_more_is_not_counted_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

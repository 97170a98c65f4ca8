/* The circuit breaker, on the virtual clock. */
#include "net/breaker.h"

#include "base/clock.h"
#include "unit/cmocka.h"

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

static bool enter(struct breaker *b, uint32_t *ret_round)
{
	int64_t at;
	bool may = breaker_enter(b, clock_mono_ms(), ret_round, &at);

	assert_true(may ? at == clock_mono_ms() : at > clock_mono_ms());
	return may;
}

static int leave(struct breaker *b, uint32_t round, enum breaker_outcome outcome)
{
	return breaker_leave(b, round, outcome, clock_mono_ms());
}

/* One that goes and ends at once. */
static int go(struct breaker *b, enum breaker_outcome outcome)
{
	uint32_t round;

	assert_true(enter(b, &round));
	return leave(b, round, outcome);
}

static void open_it(struct breaker *b)
{
	while (go(b, BREAKER_FAILURE) != BREAKER_OPEN)
		continue;
}

static void start(struct breaker *b)
{
	clock_virtual_start(0, 1000000);
	*b = (struct breaker){0};
}

static void it_opens_after_enough_failures_of_the_last_outcomes(void **state)
{
	struct breaker b;
	uint32_t round;

	(void)state;
	start(&b);
	for (int i = 1; i < BREAKER_FAILURES; i++)
		assert_int_equal(go(&b, BREAKER_FAILURE), -1);
	assert_int_equal(go(&b, BREAKER_FAILURE), BREAKER_OPEN);
	assert_false(enter(&b, &round));
	clock_advance(BREAKER_OPEN_MS - 1);
	assert_false(enter(&b, &round));
	clock_advance(1);
	assert_true(enter(&b, &round));
	clock_virtual_stop();
}

static void failures_that_are_too_few_of_the_last_do_not_open_it(void **state)
{
	struct breaker b;

	(void)state;
	start(&b);
	for (int i = 0; i < 10000; i++) /* nine of each twenty */
		assert_int_equal(
			go(&b, i % BREAKER_OUTCOMES < BREAKER_FAILURES - 1 ? BREAKER_FAILURE
									   : BREAKER_SUCCESS),
			-1);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(go(&b, BREAKER_NEITHER), -1);
	clock_virtual_stop();
}

static void failures_of_long_ago_are_forgotten(void **state)
{
	struct breaker b;

	(void)state;
	start(&b);
	for (int i = 1; i < BREAKER_FAILURES; i++)
		assert_int_equal(go(&b, BREAKER_FAILURE), -1);
	assert_false(breaker_rests(&b, clock_mono_ms()));
	clock_advance(BREAKER_FORGET_MS);
	assert_true(breaker_rests(&b, clock_mono_ms()));
	for (int i = 1; i < BREAKER_FAILURES; i++)
		assert_int_equal(go(&b, BREAKER_FAILURE), -1);
	assert_int_equal(go(&b, BREAKER_FAILURE), BREAKER_OPEN);
	clock_virtual_stop();
}

static void half_open_lets_one_through_at_a_time(void **state)
{
	struct breaker b;
	uint32_t first, other;

	(void)state;
	start(&b);
	open_it(&b);
	clock_advance(BREAKER_OPEN_MS);
	assert_true(enter(&b, &first));
	for (int i = 0; i < 100; i++) {
		assert_false(enter(&b, &other));
		clock_advance(1000);
	}
	assert_int_equal(leave(&b, first, BREAKER_NEITHER), -1); /* it was cancelled */
	assert_true(enter(&b, &first));                          /* so another one tries */
	assert_false(enter(&b, &other));
	assert_int_equal(leave(&b, first, BREAKER_SUCCESS), BREAKER_CLOSED);
	for (int i = 0; i < 100; i++)
		assert_true(enter(&b, &other));
	assert_int_equal(b.state, BREAKER_CLOSED);
	clock_virtual_stop();
}

static void each_failed_try_opens_it_for_longer_up_to_a_limit(void **state)
{
	struct breaker b;
	uint32_t round;
	int64_t open = BREAKER_OPEN_MS;

	(void)state;
	start(&b);
	open_it(&b);
	for (int i = 0; i < 8; i++) {
		clock_advance(open - 1);
		assert_false(enter(&b, &round));
		clock_advance(1);
		assert_int_equal(go(&b, BREAKER_FAILURE), BREAKER_OPEN);
		open = open * 2 < BREAKER_OPEN_MOST_MS ? open * 2 : BREAKER_OPEN_MOST_MS;
	}
	clock_advance(open);
	assert_int_equal(go(&b, BREAKER_SUCCESS), BREAKER_CLOSED);
	open_it(&b);
	clock_advance(BREAKER_OPEN_MS); /* short again after it was closed */
	assert_true(enter(&b, &round));
	clock_virtual_stop();
}

static void outcomes_of_an_earlier_round_say_nothing(void **state)
{
	struct breaker b;
	uint32_t late[40], round;

	(void)state;
	start(&b);
	for (int i = 0; i < 40; i++)
		assert_true(enter(&b, &late[i]));
	for (int i = 0; i < BREAKER_FAILURES; i++)
		(void)leave(&b, late[i], BREAKER_FAILURE);
	assert_int_equal(b.state, BREAKER_OPEN);
	assert_int_equal(leave(&b, late[10], BREAKER_SUCCESS), -1);
	assert_int_equal(leave(&b, late[11], BREAKER_FAILURE), -1);
	clock_advance(BREAKER_OPEN_MS);
	assert_true(enter(&b, &round));
	assert_int_equal(leave(&b, late[12], BREAKER_SUCCESS), -1); /* not the one that tries */
	assert_int_equal(leave(&b, late[13], BREAKER_FAILURE), -1);
	assert_int_equal(b.state, BREAKER_HALF_OPEN);
	assert_int_equal(leave(&b, round, BREAKER_SUCCESS), BREAKER_CLOSED);
	for (int i = 14; i < 40; i++)
		assert_int_equal(leave(&b, late[i], BREAKER_FAILURE), -1);
	clock_virtual_stop();
}

/* Whatever happens: open lets nobody through before its time, half-open one at most, and the other
 * side that is well again is found within the longest pause. */
static void it_holds_for_any_history(void **state)
{
	uint64_t seed = 17;

	(void)state;
	for (int game = 0; game < 300; game++) {
		struct breaker b;
		uint32_t flying[64];
		size_t n = 0;

		start(&b);
		for (int i = 0; i < 500; i++) {
			enum breaker_state before = b.state;
			bool trying = b.trying;
			int64_t until = b.until_ms;
			uint32_t round = 0;

			clock_advance((int64_t)(next_random(&seed) % 3000));
			if (n > 0 && next_random(&seed) % 2 == 0) {
				enum breaker_outcome how =
					(enum breaker_outcome)(next_random(&seed) % 3);

				n--;
				(void)leave(&b, flying[n], how);
			} else if (n < 64 && enter(&b, &round)) {
				flying[n++] = round;
				assert_true(before != BREAKER_OPEN || clock_mono_ms() >= until);
				assert_true(before != BREAKER_HALF_OPEN || !trying);
			}
		}
		while (n > 0)
			(void)leave(&b, flying[--n], BREAKER_NEITHER);
		clock_advance(BREAKER_OPEN_MOST_MS);
		(void)go(&b, BREAKER_SUCCESS);
		assert_int_equal(b.state, BREAKER_CLOSED);
		clock_virtual_stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_opens_after_enough_failures_of_the_last_outcomes),
		cmocka_unit_test(failures_that_are_too_few_of_the_last_do_not_open_it),
		cmocka_unit_test(failures_of_long_ago_are_forgotten),
		cmocka_unit_test(half_open_lets_one_through_at_a_time),
		cmocka_unit_test(each_failed_try_opens_it_for_longer_up_to_a_limit),
		cmocka_unit_test(outcomes_of_an_earlier_round_say_nothing),
		cmocka_unit_test(it_holds_for_any_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

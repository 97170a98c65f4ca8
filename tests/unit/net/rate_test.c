/* The token bucket: never more than it holds in any stretch of time, in order of asking. */
#include "net/rate.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/clock.h"
#include "unit/cmocka.h"

enum {
	TAKES = 3000
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

/* In each stretch from one time to another there are at most burst + rate × length; times are
 * whole milliseconds, so a stretch may be one longer. */
static void expect_within(const int64_t *at, int n, double per_second, unsigned burst)
{
	for (int from = 0; from < n; from += 7) {
		for (int to = from; to < n; to += 5) {
			double length = (double)(at[to] - at[from] + 1) / 1000;

			assert_true((double)(to - from + 1) <= burst + per_second * length + 1e-6);
		}
	}
}

static void no_stretch_of_time_has_more_than_rate_and_burst(void **state)
{
	static const struct {
		double per_second;
		unsigned burst;
	} rows[] = {{1, 1}, {10, 1}, {10, 5}, {0.5, 3}, {3, 2}, {333, 50}, {5000, 1}, {0.01, 1}};
	static int64_t at[TAKES];
	uint64_t seed = 3;

	(void)state;
	for (size_t k = 0; k < COUNT(rows); k++) {
		struct rate r;

		clock_virtual_start(0, 0);
		rate_init(&r, rows[k].per_second, rows[k].burst);
		for (int i = 0; i < TAKES; i++) {
			int64_t gap = (int64_t)(2000 / rows[k].per_second);

			if (next_random(&seed) % 3 == 0) /* sometimes idle, sometimes crowded */
				clock_advance((int64_t)(next_random(&seed) % (uint64_t)(gap + 1)));
			assert_true(rate_take(&r, clock_mono_ms(), CLOCK_NEVER, &at[i]));
			assert_true(at[i] >= clock_mono_ms());
			assert_true(i == 0 || at[i] >= at[i - 1]); /* who comes first goes first */
		}
		expect_within(at, TAKES, rows[k].per_second, rows[k].burst);
		clock_virtual_stop();
	}
}

static void who_asks_steadily_gets_the_whole_rate(void **state)
{
	struct rate r;
	int64_t at = 0;

	(void)state;
	rate_init(&r, 100, 1);
	for (int i = 0; i < 1000; i++)
		assert_true(rate_take(&r, 0, CLOCK_NEVER, &at));
	assert_in_range(at, 9990, 10000); /* the thousandth of 100 a second */
}

static void a_burst_goes_at_once_and_grows_back(void **state)
{
	struct rate r;
	int64_t at = 0;

	(void)state;
	rate_init(&r, 2, 4);
	assert_true(rate_rests(&r, 100));
	for (int i = 0; i < 4; i++) {
		assert_true(rate_take(&r, 100, 100, &at));
		assert_int_equal(at, 100);
	}
	assert_false(rate_take(&r, 100, 599, &at));
	assert_int_equal(at, 600); /* says when */
	assert_false(rate_rests(&r, 2099));
	assert_true(rate_rests(&r, 2100));
	for (int i = 0; i < 4; i++)
		assert_true(rate_take(&r, 2100, 2100, &at));
	assert_false(rate_take(&r, 2100, 2100, &at));
}

static void what_is_refused_takes_nothing(void **state)
{
	struct rate r;
	int64_t at = 0;

	(void)state;
	rate_init(&r, 1, 1);
	assert_true(rate_take(&r, 0, 0, &at));
	for (int i = 0; i < 100; i++)
		assert_false(rate_take(&r, 0, 999, &at));
	assert_true(rate_take(&r, 0, 1000, &at));
	assert_int_equal(at, 1000);
}

/* Of 100 that reserved, those that go away may cost their times, and never free too many. */
static void times_given_back_never_widen_the_rate(void **state)
{
	int64_t at[400];
	int n = 0;
	uint64_t seed = 5;
	struct rate r;

	(void)state;
	rate_init(&r, 10, 1);
	for (int i = 0; i < 400; i++) {
		assert_true(rate_take(&r, 0, CLOCK_NEVER, &at[n]));
		if (next_random(&seed) % 2 == 0)
			rate_give_back(&r, at[n]);
		else
			n++;
	}
	expect_within(at, n, 10, 1);
	assert_in_range(at[n - 1], (n - 1) * 100, (n - 1) * 100); /* the last was free each time */
	rate_give_back(&r, at[0]);                                /* somebody took a later one */
	assert_true(rate_take(&r, 0, CLOCK_NEVER, &at[n]));
	assert_int_equal(at[n], n * 100);
}

static void without_a_rate_all_go_at_once(void **state)
{
	static const double none[] = {0, -1};
	struct rate r;
	int64_t at = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(none); i++) {
		rate_init(&r, none[i], 0);
		for (int k = 0; k < 1000; k++) {
			assert_true(rate_take(&r, 50, 50, &at));
			assert_int_equal(at, 50);
		}
		assert_true(rate_rests(&r, 50));
		rate_give_back(&r, 50);
	}
}

static void extreme_rates_are_held_within_bounds(void **state)
{
	struct rate r;
	int64_t at = 0;

	(void)state;
	rate_init(&r, 1e300, 4000000000u);
	assert_true(rate_take(&r, 0, 0, &at));
	rate_init(&r, 1e-300, 4000000000u);
	assert_true(rate_take(&r, 0, 0, &at));
	rate_init(&r, 1e-300, 1);
	assert_true(rate_take(&r, INT64_C(4000000000000), CLOCK_NEVER, &at));
	assert_true(rate_take(&r, INT64_C(4000000000000), CLOCK_NEVER, &at));
	assert_int_equal(at, INT64_C(4000000000000) + 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_stretch_of_time_has_more_than_rate_and_burst),
		cmocka_unit_test(who_asks_steadily_gets_the_whole_rate),
		cmocka_unit_test(a_burst_goes_at_once_and_grows_back),
		cmocka_unit_test(what_is_refused_takes_nothing),
		cmocka_unit_test(times_given_back_never_widen_the_rate),
		cmocka_unit_test(without_a_rate_all_go_at_once),
		cmocka_unit_test(extreme_rates_are_held_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

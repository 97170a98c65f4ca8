/* The series of a run: what is kept of it. */
#include "unit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "jobs/series.h"

static json_t *long_one(size_t points, size_t values)
{
	json_t *series = json_array();

	for (size_t i = 0; i < points; i++) {
		json_t *point = json_pack("{s:i, s:{}}", "step", (int)i, "values");

		for (size_t k = 0; k < values; k++) {
			char name[48];

			(void)snprintf(name, sizeof(name), "metric_number_%zu", k);
			(void)json_object_set_new(
				json_object_get(point, "values"), name, json_real(0.1));
		}
		(void)json_array_append_new(series, point);
	}
	return series;
}

static long step(const json_t *series, size_t at)
{
	return (long)json_integer_value(json_object_get(json_array_get(series, at), "step"));
}

static void a_long_series_is_thinned_evenly_and_keeps_both_ends(void **state)
{
	json_t *series = long_one(25000, 1);
	json_t *kept = series_thin(series);

	(void)state;
	assert_int_equal(json_array_size(kept), SERIES_POINTS_MAX);
	assert_int_equal(step(kept, 0), 0);
	assert_int_equal(step(kept, SERIES_POINTS_MAX - 1), 24999);
	for (size_t i = 1; i < SERIES_POINTS_MAX; i++)
		assert_in_range(step(kept, i) - step(kept, i - 1), 24, 27);
	json_decref(kept);
	json_decref(series);
}

static void a_wide_series_is_kept_within_its_bytes(void **state)
{
	json_t *series = long_one(2000, 64);
	json_t *kept = series_thin(series);
	size_t n = 0;
	char *text = json_compact(kept, &n);

	(void)state;
	assert_in_range(n, SERIES_BYTES_MAX / 4, SERIES_BYTES_MAX);
	assert_int_equal(step(kept, json_array_size(kept) - 1), 1999);
	free(text);
	json_decref(kept);
	json_decref(series);
}

static void a_short_series_is_kept_as_it_is(void **state)
{
	(void)state;
	for (size_t n = 0; n < 4; n++) {
		json_t *series = long_one(n, 1);
		json_t *kept = series_thin(series);

		assert_true(json_equal(series, kept));
		json_decref(kept);
		json_decref(series);
	}
}

static void trainings_by_a_script_are_runs(void **state)
{
	(void)state;
	assert_true(series_is_run("davit.training", "train"));
	assert_true(series_is_run("davit.training", "custom_script"));
	assert_false(series_is_run("davit.training", "command"));
	assert_false(series_is_run("davit.flow", "training"));
	assert_false(series_is_run(NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_series_is_thinned_evenly_and_keeps_both_ends),
		cmocka_unit_test(a_wide_series_is_kept_within_its_bytes),
		cmocka_unit_test(a_short_series_is_kept_as_it_is),
		cmocka_unit_test(trainings_by_a_script_are_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of series: the metrics of a run over time. */
#include "series.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"

/* A series of one metric. */
static json_t *series_of(const char *name, const double *values, size_t n)
{
	json_t *series = json_array();

	for (size_t i = 0; i < n; i++)
		assert_int_equal(json_array_append_new(series,
					 json_pack("{s:I, s:{s:f}}", "step", (json_int_t)i + 1,
						 "values", name, values[i])),
			0);
	return series;
}

/* What is printed of it, which it frees; to be freed. */
static char *charts(json_t *series)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	series_print_charts(out, series);
	(void)fclose(out);
	json_decref(series);
	return text;
}

static char *table(json_t *series, size_t *ret_left_out)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	*ret_left_out = series_print_table(out, series);
	(void)fclose(out);
	json_decref(series);
	return text;
}

static void assert_chart(const char *expected, const double *values, size_t n)
{
	char *text = charts(series_of("m", values, n));
	char *end = strstr(text, "  ");

	end = strstr(end + strspn(end, " "), "  ");
	*end = '\0';
	assert_string_equal(text + strspn(text, "m "), expected);
	free(text);
}

static void a_chart_reaches_from_the_least_to_the_most(void **state)
{
	static const double up[] = {1, 2, 8}, flat[] = {3, 3};

	(void)state;
	assert_chart("▁▂█", up, COUNT(up));
	assert_chart("▅▅", flat, COUNT(flat));
}

static void a_chart_of_the_largest_and_the_least_doubles_is_one(void **state)
{
	static const double wide[] = {-DBL_MAX, 0, DBL_MAX};
	static const double near[] = {1.7e308, -1.7e308};
	static const double tiny[] = {0, 5e-324};

	(void)state;
	assert_chart("▁▅█", wide, COUNT(wide));
	assert_chart("█▁", near, COUNT(near));
	assert_chart("▅▅", tiny, COUNT(tiny));
}

static void names_of_metrics_cannot_steer_the_terminal(void **state)
{
	static const double one[] = {1};
	char *text = charts(series_of("a\nb\x1b[31m", one, 1));
	size_t left_out;

	(void)state;
	assert_string_equal(text, "a b?[31m     ▅  1 to 1, least 1, most 1\n");
	free(text);
	text = table(series_of("a\nb\x1b[31m", one, 1), &left_out);
	assert_string_equal(text, "STEP  a b?[31m\n   1         1\n");
	free(text);
}

static void the_table_aligns_its_numbers_to_the_right(void **state)
{
	static const double values[] = {1, -22.5, 333};
	size_t left_out;
	char *text = table(series_of(">x", values, COUNT(values)), &left_out);

	(void)state;
	assert_string_equal(text, "STEP     >x\n   1      1\n   2  -22.5\n   3    333\n");
	assert_int_equal(left_out, 0);
	free(text);
}

static void the_table_tells_how_many_metrics_it_left_out(void **state)
{
	json_t *values = json_object();
	size_t left_out;
	char *text;

	(void)state;
	for (int i = 0; i < 15; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "m%02d", i);
		assert_int_equal(json_object_set_new(values, name, json_integer(i)), 0);
	}
	text = table(json_pack("[{s:i, s:o}]", "step", 1, "values", values), &left_out);
	assert_int_equal(left_out, 3);
	assert_non_null(strstr(text, "m11\n"));
	assert_null(strstr(text, "m12"));
	free(text);
	text = table(json_array(), &left_out);
	assert_string_equal(text, "no metrics were reported\n");
	assert_int_equal(left_out, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chart_reaches_from_the_least_to_the_most),
		cmocka_unit_test(a_chart_of_the_largest_and_the_least_doubles_is_one),
		cmocka_unit_test(names_of_metrics_cannot_steer_the_terminal),
		cmocka_unit_test(the_table_aligns_its_numbers_to_the_right),
		cmocka_unit_test(the_table_tells_how_many_metrics_it_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* /v1/runs: what was trained with which parameters, and how good it is. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "base/attr.h"
#include "base/json.h"
#include "jobs/flow.h"
#include "store/store.h"
#include "unit/api/fakes.h"

#define T0 1795248000000 /* 2026-11-21 08:00:00 UTC */

static struct job run_of(unsigned n, const char *metrics)
{
	struct job job = {.state = JOB_SUCCEEDED,
		.created_ms = T0,
		.started_ms = T0 + 1000,
		.finished_ms = T0 + 3500,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("train"),
		.name = LITERAL("digits"),
		.project = LITERAL("p"),
		.connection = LITERAL(""),
		.metrics = LITERAL(metrics),
		.request = LITERAL("{\"spec\":{\"script\":{\"path\":\"a/train.py\"},\"dataset\":"
				   "\"rows\",\"parameters\":{\"lr\":0.1,\"api_key\":\"SECRET\"}}}"),
		.remote_ref = LITERAL("{\"id\":\"r\"}"),
		.remote_name = LITERAL("r")};

	(void)snprintf(job.id, sizeof(job.id), "%024u", n);
	memcpy(job.submission, job.id, sizeof(job.submission));
	return job;
}

static void add_run(unsigned n, const char *metrics)
{
	const struct job job = run_of(n, metrics);

	fake_job(&job);
}

static struct exchange *ask(const char *path, const char *key, const char *value)
{
	struct exchange *x = fake_request("GET", path, NULL);

	if (key != NULL)
		fake_query(x, key, value);
	return x;
}

static void expect_page(struct exchange *x, const char *ids, const char *next)
{
	const json_t *run;
	char got[256] = "";
	size_t i, n = 0;

	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	json_array_foreach(json_object_get(fake_json(x), "runs"), i, run)
	{
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%ld", i == 0 ? "" : " ",
			strtol(json_text_or(run, "id", "-1"), NULL, 10));
	}
	assert_string_equal(got, ids);
	assert_string_equal(json_text_or(fake_json(x), "next", ""), next);
	fake_free(x);
}

static void the_best_runs_come_first_page_by_page(void **state)
{
	struct exchange *x;

	(void)state;
	add_run(1, "{\"accuracy\":0.5}");
	add_run(2, "{\"accuracy\":0.9}");
	add_run(3, NULL);
	add_run(4, "{\"accuracy\":0.7}");
	expect_page(ask("/v1/runs", NULL, NULL), "4 3 2 1", "");
	expect_page(ask("/v1/runs", "metric", "accuracy"), "2 4 1", "");
	x = ask("/v1/runs", "metric", "accuracy");
	fake_query(x, "order", "min");
	fake_query(x, "limit", "2");
	expect_page(x, "1 4", "2");
	x = ask("/v1/runs", "metric", "accuracy");
	fake_query(x, "order", "min");
	fake_query(x, "limit", "2");
	fake_query(x, "cursor", "2");
	expect_page(x, "2", "");
	x = ask("/v1/runs", "limit", "3");
	expect_page(x, "4 3 2", "000000000000000000000002");
	expect_page(ask("/v1/runs", "since", "2100-01-01T00:00:00Z"), "", "");
	expect_page(ask("/v1/runs", "name", "letters"), "", "");
}

static void what_cannot_be_asked_is_named(void **state)
{
	static const char *const rows[][4] = {
		{"/v1/runs", "order", "max", "/order"},
		{"/v1/runs", "metric", "a\"b", "/metric"},
		{"/v1/runs", "metric", "a\\b", "/metric"},
		{"/v1/runs", "cursor", "2", "/cursor"},
		{"/v1/runs", "since", "yesterday", "/since"},
		{"/v1/runs", "limit", "0", "/limit"},
		{"/v1/runs/compare", "ids", "", "/ids"},
		{"/v1/runs/compare", "other", "", "/ids"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct exchange *x = ask(rows[i][0], rows[i][1], rows[i][2]);

		fake_serve(x);
		assert_int_equal(fake_status(x), 400);
		assert_string_equal(
			json_text_or(json_object_get(fake_json(x), "error"), "field", ""),
			rows[i][3]);
		fake_free(x);
	}
}

static void keep_series(unsigned n, const char *series)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);
	struct fail f = {0};

	(void)snprintf(op->edge.values.id, sizeof(op->edge.values.id), "%024u", n);
	op->edge.from = JOB_OPEN;
	op->edge.to = JOB_SUCCEEDED;
	op->edge.epoch = -1;
	op->edge.set = JOB_SET_FINISHED | JOB_SET_SERIES;
	op->edge.values.finished_ms = T0 + 3500;
	op->edge.values.series = strdup(series);
	if (!store_run(fake_app()->store, op, &f))
		fail_msg("%s", f.text);
	store_op_free(op);
}

static void a_run_shows_what_it_was_made_from_and_no_secret(void **state)
{
	struct job job = run_of(1, "{\"loss\":2}");
	struct exchange *x;

	(void)state;
	job.state = JOB_RUNNING;
	job.finished_ms = 0;
	job.result = LITERAL("{\"provider\":{\"dataset\":{\"id\":\"d\",\"name\":\"rows\","
			     "\"version\":2,\"sha256\":\"ab\"},\"command\":\"python x.py\"}}");
	(void)snprintf(job.rerun_of, sizeof(job.rerun_of), "%024u", 7u);
	fake_job(&job);
	keep_series(1, "[{\"step\":1,\"values\":{\"loss\":2}}]");
	x = ask("/v1/runs/000000000000000000000001", NULL, NULL);
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_text(x),
		"{\"id\":\"000000000000000000000001\",\"name\":\"digits\",\"project\":\"p\","
		"\"provider\":\"local\",\"kind\":\"train\",\"state\":\"succeeded\","
		"\"status\":\"COMPLETED\",\"created\":\"2026-11-21T08:00:00.000Z\","
		"\"started\":\"2026-11-21T08:00:01.000Z\",\"finished\":\"2026-11-21T08:00:03."
		"500Z\",\"seconds\":2.5,\"parameters\":{\"lr\":0.1,\"api_key\":\"***\"},"
		"\"metrics\":{\"loss\":2},\"dataset\":{\"id\":\"d\",\"name\":\"rows\","
		"\"version\":2,\"sha256\":\"ab\"},\"script\":{\"name\":\"train.py\"},\"folder\":null,"
		"\"command\":\"python x.py\",\"error\":null,\"flow\":null,"
		"\"rerun_of\":\"000000000000000000000007\","
		"\"series\":[{\"step\":1,\"values\":{\"loss\":2}}]}");
	assert_int_equal(fake_provider.calls, 0);
	fake_free(x);
}

static void the_series_of_a_run_that_keeps_none_comes_from_its_provider(void **state)
{
	struct exchange *x;

	(void)state;
	add_run(1, NULL);
	fake_provider.reply = "{\"series\":[{\"values\":{\"loss\":3}}]}";
	x = ask("/v1/runs/000000000000000000000001", NULL, NULL);
	fake_serve(x);
	assert_string_equal(fake_provider.slot, "metrics");
	assert_int_equal(json_integer_value(json_at(fake_json(x), "/series/0/values/loss")), 3);
	fake_free(x);
	fake_provider.reply = NULL;
	fake_provider.code = DAVIT_RETRY;
	fake_provider.fail_text = "not now";
	x = ask("/v1/runs/000000000000000000000001", NULL, NULL);
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_int_equal(json_array_size(json_object_get(fake_json(x), "series")), 0);
	assert_string_equal(json_text_or(fake_json(x), "series_error", ""), "not now");
	fake_free(x);
}

static void the_run_of_a_flow_is_its_training(void **state)
{
	struct job flow = run_of(5, NULL);
	struct job step = run_of(6, NULL);
	struct exchange *x;

	(void)state;
	flow.interface = LITERAL(FLOW_INTERFACE);
	flow.kind = LITERAL(FLOW_TRAINING);
	fake_job(&flow);
	x = ask("/v1/runs/000000000000000000000005", NULL, NULL);
	fake_serve(x);
	assert_int_equal(fake_status(x), 404);
	fake_free(x);
	flow_step_id(flow.id, FLOW_TRAIN, step.id);
	memcpy(step.parent, flow.id, sizeof(step.parent));
	fake_job(&step);
	x = ask("/v1/runs/000000000000000000000005", NULL, NULL);
	fake_serve(x);
	assert_string_equal(json_text_or(fake_json(x), "id", ""), step.id);
	assert_string_equal(json_text_or(fake_json(x), "flow", ""), flow.id);
	fake_free(x);
}

static void what_is_no_run_is_not_shown_as_one(void **state)
{
	struct job job = run_of(1, NULL);

	(void)state;
	job.kind = LITERAL("command");
	fake_job(&job);
	fake_expect("GET", "/v1/runs/000000000000000000000001", NULL, 404,
		"{\"error\":{\"code\":\"not_found\",\"message\":\"job '000000000000000000000001' "
		"is no run: it is not a training by a script\",\"field\":\"\"}}");
	fake_expect("GET", "/v1/runs/nobody", NULL, 404,
		"{\"error\":{\"code\":\"not_found\",\"message\":\"there is no run "
		"'nobody'\",\"field\":\"\"}}");
}

static void runs_stand_side_by_side(void **state)
{
	struct exchange *x;

	(void)state;
	add_run(1, "{\"loss\":1}");
	add_run(2, "{\"loss\":2,\"accuracy\":0.5}");
	x = ask("/v1/runs/compare", "ids",
		"000000000000000000000002,000000000000000000000001,000000000000000000000002");
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_int_equal(json_array_size(json_object_get(fake_json(x), "runs")), 2);
	assert_int_equal(
		json_integer_value(json_at(fake_json(x), "/metrics/loss/000000000000000000000001")),
		1);
	assert_int_equal(json_object_size(json_at(fake_json(x), "/metrics/accuracy")), 1);
	assert_int_equal(json_object_size(json_at(fake_json(x), "/parameters/lr")), 2);
	assert_null(strstr(fake_text(x), "SECRET"));
	fake_free(x);
	x = ask("/v1/runs/compare", "ids", "000000000000000000000002,nobody");
	fake_serve(x);
	assert_int_equal(fake_status(x), 404);
	fake_free(x);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_best_runs_come_first_page_by_page),
		TEST(what_cannot_be_asked_is_named),
		TEST(a_run_shows_what_it_was_made_from_and_no_secret),
		TEST(the_series_of_a_run_that_keeps_none_comes_from_its_provider),
		TEST(the_run_of_a_flow_is_its_training),
		TEST(what_is_no_run_is_not_shown_as_one),
		TEST(runs_stand_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

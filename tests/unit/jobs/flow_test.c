/* Which step of a flow comes next, from what the steps so far ended with. */
#include "unit/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "jobs/flow.h"

#define BODY(more)                                                                                 \
	"{\"name\":\"n\",\"script\":{\"path\":\"t.py\"},\"dataset\":{\"path\":\"d.csv\"}" more "}"

/* One step as a letter: '-' not started, 'q' queued, 'r' running, 's' succeeded, 'f' failed,
 * 'c' cancelled; in the order dataset, training, model, endpoint, deployment. */
static const struct row {
	const char *name;
	const char *spec;
	const char *steps;
	const char *metrics;
	bool cancelled;
	enum flow_move_kind kind;
	enum flow_step step;
	enum job_state state;
	const char *text; /* part of it */
} rows[] = {
	{"data comes first", BODY(""), "-----", "{}", false, FLOW_START, FLOW_DATASET, 0, ""},
	{"a dataset by name needs no step", "{\"name\":\"n\",\"script\":{},\"dataset\":\"digits\"}",
		"-----", "{}", false, FLOW_START, FLOW_TRAIN, 0, ""},
	{"no dataset needs no step", "{\"name\":\"n\",\"script\":{}}", "-----", "{}", false,
		FLOW_START, FLOW_TRAIN, 0, ""},
	{"data is awaited", BODY(""), "r----", "{}", false, FLOW_WAIT, FLOW_DATASET, 0, ""},
	{"then training", BODY(""), "s----", "{}", false, FLOW_START, FLOW_TRAIN, 0, ""},
	{"training is awaited while it waits", BODY(""), "sq---", "{}", false, FLOW_WAIT,
		FLOW_TRAIN, 0, ""},
	{"training is awaited while it runs", BODY(""), "sr---", "{}", false, FLOW_WAIT, FLOW_TRAIN,
		0, ""},
	{"trained, nothing said of deploying", BODY(""), "ss---", "{}", false, FLOW_END, FLOW_TRAIN,
		JOB_SUCCEEDED, "trained"},
	{"deploy_when false", BODY(",\"deploy_when\":false"), "ss---", "{}", false, FLOW_END,
		FLOW_TRAIN, JOB_SUCCEEDED, "trained"},
	{"deploy_when true", BODY(",\"deploy_when\":true"), "ss---", "{}", false, FLOW_START,
		FLOW_MODEL, 0, ""},
	{"the metric is above",
		BODY(",\"deploy_when\":{\"metric\":\"a\",\"op\":\">=\",\"value\":0.9}"), "ss---",
		"{\"a\":0.95}", false, FLOW_START, FLOW_MODEL, 0, ""},
	{"the metric is equal and that is enough",
		BODY(",\"deploy_when\":{\"metric\":\"a\",\"op\":\">=\",\"value\":0.9}"), "ss---",
		"{\"a\":0.9}", false, FLOW_START, FLOW_MODEL, 0, ""},
	{"the metric is equal and that is not enough",
		BODY(",\"deploy_when\":{\"metric\":\"a\",\"op\":\">\",\"value\":0.9}"), "ss---",
		"{\"a\":0.9}", false, FLOW_END, FLOW_TRAIN, JOB_SUCCEEDED,
		"not deployed: a is 0.9"},
	{"the metric is below",
		BODY(",\"deploy_when\":{\"metric\":\"a\",\"op\":\">=\",\"value\":0.9}"), "ss---",
		"{\"a\":0.5}", false, FLOW_END, FLOW_TRAIN, JOB_SUCCEEDED, "not >= 0.9"},
	{"a loss is small enough",
		BODY(",\"deploy_when\":{\"metric\":\"l\",\"op\":\"<\",\"value\":1}"), "ss---",
		"{\"l\":0.5}", false, FLOW_START, FLOW_MODEL, 0, ""},
	{"an integer metric counts",
		BODY(",\"deploy_when\":{\"metric\":\"n\",\"op\":\"==\",\"value\":3}"), "ss---",
		"{\"n\":3}", false, FLOW_START, FLOW_MODEL, 0, ""},
	{"the metric is missing",
		BODY(",\"deploy_when\":{\"metric\":\"zz\",\"op\":\">=\",\"value\":0.9}"), "ss---",
		"{\"a\":1}", false, FLOW_END, FLOW_TRAIN, JOB_FAILED, "'zz'"},
	{"then the endpoint", BODY(",\"deploy_when\":true"), "sss--", "{}", false, FLOW_START,
		FLOW_ENDPOINT, 0, ""},
	{"then the deployment", BODY(",\"deploy_when\":true"), "ssss-", "{}", false, FLOW_START,
		FLOW_DEPLOY, 0, ""},
	{"all done", BODY(",\"deploy_when\":true"), "sssss", "{}", false, FLOW_END, FLOW_DEPLOY,
		JOB_SUCCEEDED, "deployed as endpoint remote-3"},
	{"a step that failed ends the flow", BODY(""), "f----", "{}", false, FLOW_END, FLOW_DATASET,
		JOB_FAILED, "dataset: because"},
	{"a step that was cancelled ends the flow", BODY(""), "sc---", "{}", false, FLOW_END,
		FLOW_TRAIN, JOB_CANCELLED, "training:"},
	{"a cancelled flow starts nothing more", BODY(""), "s----", "{}", true, FLOW_END,
		FLOW_TRAIN, JOB_CANCELLED, ""},
	{"a cancelled flow waits for the step that runs", BODY(""), "sr---", "{}", true, FLOW_WAIT,
		FLOW_TRAIN, 0, ""},
};

static enum job_state state_of(char letter)
{
	switch (letter) {
	case 'q':
		return JOB_QUEUED;
	case 'r':
		return JOB_RUNNING;
	case 's':
		return JOB_SUCCEEDED;
	case 'f':
		return JOB_FAILED;
	default:
		return JOB_CANCELLED;
	}
}

struct steps {
	struct job jobs[FLOW_STEP_COUNT];
	const struct job *known[FLOW_STEP_COUNT];
	char names[FLOW_STEP_COUNT][16];
	char result[128];
};

static void make(struct steps *steps, const char *letters, const char *metrics)
{
	*steps = (struct steps){0};
	(void)snprintf(steps->result, sizeof(steps->result), "{\"metrics\":%s}", metrics);
	for (size_t i = 0; i < FLOW_STEP_COUNT; i++) {
		struct job *job = &steps->jobs[i];

		if (letters[i] == '-')
			continue;
		(void)snprintf(steps->names[i], sizeof(steps->names[i]), "remote-%zu", i);
		job->state = state_of(letters[i]);
		job->remote_name = steps->names[i];
		job->result = steps->result;
		job->error = letters[i] == 'f' ? (char *)"because" : NULL;
		steps->known[i] = job;
	}
}

static void next_move(void **state)
{
	const struct row *row = *state;
	json_t *spec = json_loads(row->spec, 0, NULL);
	struct flow_move move;
	struct steps steps;
	struct fail f;

	assert_non_null(spec);
	make(&steps, row->steps, row->metrics);
	assert_true(flow_next(spec, steps.known, row->cancelled, &move, &f));
	assert_int_equal(move.kind, row->kind);
	assert_int_equal(move.step, row->step);
	if (row->kind == FLOW_END)
		assert_int_equal(move.state, row->state);
	assert_non_null(strstr(move.text, row->text));
	json_decref(move.request);
	json_decref(spec);
}

static void request_is(const char *letters, const char *spec_text, const char *expected)
{
	json_t *spec = json_loads(spec_text, 0, NULL);
	json_t *want = json_loads(expected, 0, NULL);
	struct flow_move move;
	struct steps steps;
	struct fail f;

	assert_non_null(spec);
	assert_non_null(want);
	make(&steps, letters, "{}");
	assert_true(flow_next(spec, steps.known, false, &move, &f));
	assert_int_equal(move.kind, FLOW_START);
	assert_true(json_equal(move.request, want));
	json_decref(move.request);
	json_decref(want);
	json_decref(spec);
}

static void each_step_is_asked_with_what_the_steps_before_made(void **state)
{
	static const char spec[] = BODY(
		",\"deploy_when\":true,\"parameters\":{\"e\":3},\"server\":{\"script\":{\"path\":\"s\"}}");

	(void)state;
	request_is("-----", spec, "{\"spec\":{\"name\":\"n\",\"source\":{\"path\":\"d.csv\"}}}");
	request_is("s----", spec,
		"{\"spec\":{\"name\":\"n\",\"script\":{\"path\":\"t.py\"},\"dataset\":\"remote-0\","
		"\"parameters\":{\"e\":3}}}");
	request_is("ss---", spec,
		"{\"spec\":{\"name\":\"n\",\"source\":{\"job\":\"remote-1\"},"
		"\"server\":{\"script\":{\"path\":\"s\"}}}}");
	request_is("sss--", spec, "{\"spec\":{\"name\":\"n\"}}");
	request_is("ssss-", spec, "{\"id\":\"remote-3\",\"spec\":{\"model\":\"remote-2\"}}");
}

static void the_endpoint_may_have_a_name_of_its_own(void **state)
{
	(void)state;
	request_is("sss--", BODY(",\"deploy_when\":true,\"endpoint\":\"e\""),
		"{\"spec\":{\"name\":\"e\"}}");
}

static void a_dataset_by_name_is_passed_on(void **state)
{
	(void)state;
	request_is("-----", "{\"name\":\"n\",\"image\":\"i\",\"dataset\":\"digits\"}",
		"{\"spec\":{\"name\":\"n\",\"image\":\"i\",\"dataset\":\"digits\"}}");
}

static void step_ids_differ_and_stay_the_same(void **state)
{
	char flow[ID_SIZE];
	char ids[FLOW_STEP_COUNT][ID_SIZE];

	(void)state;
	id_make(flow);
	for (unsigned i = 0; i < FLOW_STEP_COUNT; i++) {
		char again[ID_SIZE];

		flow_step_id(flow, (enum flow_step)i, ids[i]);
		flow_step_id(flow, (enum flow_step)i, again);
		assert_true(id_valid(ids[i]));
		assert_string_equal(ids[i], again);
		assert_string_not_equal(ids[i], flow);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(each_step_is_asked_with_what_the_steps_before_made),
		cmocka_unit_test(the_endpoint_may_have_a_name_of_its_own),
		cmocka_unit_test(a_dataset_by_name_is_passed_on),
		cmocka_unit_test(step_ids_differ_and_stay_the_same),
	};
	struct CMUnitTest tests[COUNT(rows)];
	int failed;

	for (size_t i = 0; i < COUNT(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
			.test_func = next_move,
			.initial_state = (void *)&rows[i]};
	failed = cmocka_run_group_tests_name("next move", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("requests", others, NULL, NULL);
}

/* POST /v1/jobs/{id}/rerun: what is taken over, what may change, and what is refused. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "jobs/flow.h"
#include "unit/api/fakes.h"

#define PATH "/v1/jobs/000000000000000000000001/rerun"
#define SCHEMA                                                                                     \
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"command\":{"        \
	"\"type\":\"string\"},\"environment\":{\"type\":\"object\",\"additionalProperties\":{"     \
	"\"type\":[\"string\",\"number\",\"boolean\"]}},\"credentials\":{}}}"

static struct job job_of(const char *interface, const char *kind, const char *spec)
{
	static char request[1024];
	struct job job = {.state = JOB_FAILED,
		.created_ms = 1,
		.started_ms = 1,
		.finished_ms = 2,
		.provider = LITERAL("local"),
		.interface = LITERAL(interface),
		.kind = LITERAL(kind),
		.name = LITERAL("n"),
		.project = LITERAL("p"),
		.connection = LITERAL("ours"),
		.request = request,
		.error = LITERAL("no")};

	(void)snprintf(request, sizeof(request), "{\"spec\":%s}", spec);
	(void)snprintf(job.id, sizeof(job.id), "%024u", 1u);
	memcpy(job.submission, job.id, sizeof(job.submission));
	return job;
}

static void add(const char *interface, const char *kind, const char *spec)
{
	const struct job job = job_of(interface, kind, spec);

	fake_job(&job);
}

/* Serves it; the text of the spec the tracker then got, for the caller to free. */
static char *spec_after(const char *body)
{
	struct exchange *x = fake_request("POST", PATH, body);
	char *spec;

	fake_serve(x);
	if (fake_status(x) != 200)
		fail_msg("%s", fake_text(x));
	fake_free(x);
	spec = json_compact(json_object_get(fake_tracker.request, "spec"), NULL);
	assert_non_null(spec);
	return spec;
}

static void expect_refused(const char *body, int status, const char *field, const char *says)
{
	struct exchange *x = fake_request("POST", PATH, body);
	const json_t *error;

	fake_serve(x);
	error = json_object_get(fake_json(x), "error");
	assert_int_equal(fake_status(x), status);
	assert_string_equal(json_text_or(error, "field", ""), field);
	assert_non_null(strstr(json_text_or(error, "message", ""), says));
	assert_int_equal(fake_tracker.submits, 0);
	fake_free(x);
}

static void a_training_is_done_again_with_other_parameters(void **state)
{
	char *spec;

	(void)state;
	add("davit.training", "train",
		"{\"script\":\"s.py\",\"parameters\":{\"lr\":0.1,\"deep\":{\"a\":1,\"b\":2},\"keep\":"
		"true},\"environment\":{\"TOKEN\":\"SECRET\"}}");
	spec = spec_after("{\"parameters\":{\"lr\":0.5,\"deep\":{\"a\":3},\"new\":\"x\"}}");
	assert_string_equal(spec,
		"{\"script\":\"s.py\",\"parameters\":{\"lr\":0.5,\"deep\":{\"a\":3},\"keep\":true,"
		"\"new\":\"x\"},\"environment\":{\"TOKEN\":\"SECRET\"}}");
	free(spec);
	assert_string_equal(fake_tracker.interface, "davit.training");
	assert_string_equal(fake_tracker.kind, "train");
	assert_string_equal(fake_tracker.name, "n");
	assert_string_equal(fake_tracker.project, "p");
	assert_string_equal(fake_tracker.connection, "ours");
	assert_string_equal(fake_tracker.rerun_of, "000000000000000000000001");
	assert_string_equal(fake_provider.slot, "validate");
}

static void nothing_need_change(void **state)
{
	char *spec;

	(void)state;
	add("davit.inference", "batch", "{\"model\":\"m\"}");
	spec = spec_after(NULL);
	assert_string_equal(spec, "{\"model\":\"m\"}");
	free(spec);
	fake_expect("POST", PATH, "{}", 200,
		"{\"id\":\"" FAKE_JOB_ID "\",\"state\":\"queued\",\"rerun_of\":\""
		"000000000000000000000001\"}");
}

static void a_command_takes_variables_but_no_parameters(void **state)
{
	char *spec;

	(void)state;
	add("davit.training", "command",
		"{\"command\":\"c\",\"credentials\":{\"secret_key\":\"SECRET\"}}");
	fake_provider.schema = SCHEMA;
	expect_refused("{\"parameters\":{\"lr\":1}}", 400, "/parameters", "'environment'");
	expect_refused("{\"environment\":{\"A\":[]}}", 400, "/environment/A", "");
	spec = spec_after("{\"environment\":{\"A\":1}}");
	assert_string_equal(spec, "{\"command\":\"c\",\"credentials\":{\"secret_key\":\"SECRET\"},"
				  "\"environment\":{\"A\":1}}");
	free(spec);
}

static void the_short_form_is_checked_as_one(void **state)
{
	char *spec;

	(void)state;
	add(FLOW_INTERFACE, FLOW_TRAINING, "{\"name\":\"n\",\"script\":\"s.py\"}");
	expect_refused("{\"environment\":{\"A\":1}}", 400, "/environment", "unknown member");
	spec = spec_after("{\"parameters\":{\"lr\":2}}");
	assert_string_equal(spec, "{\"name\":\"n\",\"script\":\"s.py\",\"parameters\":{\"lr\":2}}");
	free(spec);
	assert_string_equal(fake_tracker.interface, FLOW_INTERFACE);
	assert_string_equal(fake_provider.slot, "validate");
}

static void what_the_provider_made_definite_is_stored(void **state)
{
	char *spec;

	(void)state;
	add("davit.training", "train", "{\"dataset\":\"d@prod\"}");
	fake_provider.reply = "{\"spec\":{\"dataset\":\"d1\"}}";
	spec = spec_after("{}");
	assert_string_equal(spec, "{\"dataset\":\"d1\"}");
	free(spec);
}

static void of_the_short_form_only_the_training_is_made_definite(void **state)
{
	char *spec;

	(void)state;
	add(FLOW_INTERFACE, FLOW_TRAINING,
		"{\"name\":\"n\",\"script\":\"s.py\",\"dataset\":{\"path\":\"p\"}}");
	fake_provider.reply = "{\"spec\":{\"name\":\"n\",\"script\":{\"blob\":\"b\"},\"more\":1}}";
	spec = spec_after("{}");
	assert_string_equal(spec, "{\"name\":\"n\",\"script\":{\"blob\":\"b\"},"
				  "\"dataset\":{\"path\":\"p\"}}");
	free(spec);
}

static void what_the_provider_refuses_points_into_the_body(void **state)
{
	(void)state;
	add("davit.training", "train", "{\"dataset\":\"gone\"}");
	fake_provider.code = DAVIT_INVALID;
	fake_provider.fail_text = "/spec/dataset: there is no data set 'gone'";
	expect_refused("{}", 400, "", "/dataset: there is no data set 'gone'");
}

static void wrong_bodies_and_other_jobs_are_refused(void **state)
{
	(void)state;
	expect_refused("{}", 404, "", "there is no job");
	add("davit.models", "register", "{}");
	expect_refused("{}", 400, "", "can be done again");
}

static void a_wrong_body_names_its_member(void **state)
{
	(void)state;
	add("davit.training", "train", "{}");
	expect_refused("{\"parameter\":{}}", 400, "/parameter", "parameters");
	expect_refused("{\"parameters\":[1]}", 400, "/parameters", "");
	expect_refused("[]", 400, "", "");
	fake_provider.loaded = false;
	expect_refused("{}", 404, "", "not loaded");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_training_is_done_again_with_other_parameters),
		TEST(nothing_need_change),
		TEST(a_command_takes_variables_but_no_parameters),
		TEST(the_short_form_is_checked_as_one),
		TEST(what_the_provider_made_definite_is_stored),
		TEST(of_the_short_form_only_the_training_is_made_definite),
		TEST(what_the_provider_refuses_points_into_the_body),
		TEST(wrong_bodies_and_other_jobs_are_refused),
		TEST(a_wrong_body_names_its_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

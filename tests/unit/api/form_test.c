/* The short form: what it must be, which job it becomes, and what is answered; GET /status. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/training_form.h"
#include "base/attr.h"
#include "base/json.h"
#include "config/config.h"
#include "unit/api/fakes.h"

#define PATH       "/api/service/v1/pipelines/training"
#define JOB        "01hzzzzzzzzzzzzzzzzzzzzz"
#define FORM(more) "{\"name\":\"n\",\"script\":{\"text\":\"print()\"}" more "}"
#define WHEN(when) FORM(",\"deploy_when\":" when)
#define DATA(data) FORM(",\"dataset\":" data)
#define DIGEST     "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""

/* A body, and the pointer that its refusal names (NULL: it is good). */
static const struct row {
	const char *body;
	const char *pointer;
} rows[] = {
	{FORM(""), NULL},
	{"{\"name\":\"n\",\"script\":\"t.py\"}", NULL},
	{"{\"name\":\"n\",\"image\":\"i:1\"}", NULL},
	{"{\"name\":\"n\",\"algorithm\":\"a\"}", NULL},
	{DATA("\"d1\""), NULL},
	{DATA("{\"rows\":[[1,2]]}"), NULL},
	{DATA("{\"path\":\"/data/d.csv\"}"), NULL},
	{DATA("{\"uri\":\"file:///d.csv\"}"), NULL},
	{DATA("{\"text\":\"a,b\\n1,2\\n\"}"), NULL},
	{DATA("{\"blob\":" DIGEST "}"), NULL},
	{FORM(",\"parameters\":{\"epochs\":3,\"deep\":{\"a\":[1]}},\"compute\":{\"cpus\":1}"),
		NULL},
	{WHEN("true"), NULL},
	{WHEN("false"), NULL},
	{WHEN("{\"metric\":\"accuracy\",\"op\":\">=\",\"value\":0.9}"), NULL},
	{WHEN("{\"metric\":\"loss\",\"op\":\"<\",\"value\":1}"), NULL},
	{WHEN("{\"metric\":\"loss\",\"op\":\"==\",\"value\":-1}"), NULL},
	{FORM(",\"server\":{\"script\":{\"path\":\"s.py\"}},\"endpoint\":\"e\""), NULL},
	{FORM(",\"server\":{\"command\":\"python s.py\"}"), NULL},
	{"[]", ""},
	{"7", ""},
	{"{}", "/name"},
	{"{\"script\":\"s\"}", "/name"},
	{"{\"name\":\"\",\"script\":\"s\"}", "/name"},
	{"{\"name\":7,\"script\":\"s\"}", "/name"},
	{"{\"name\":null,\"script\":\"s\"}", "/name"},
	{"{\"name\":\"n\"}", "/script"},
	{"{\"name\":\"n\",\"script\":7}", "/script"},
	{"{\"name\":\"n\",\"script\":{}}", "/script"},
	{"{\"name\":\"n\",\"script\":\"\"}", "/script"},
	{"{\"name\":\"n\",\"image\":\"\"}", "/image"},
	{"{\"name\":\"n\",\"image\":{}}", "/image"},
	{"{\"name\":\"n\",\"script\":\"s\",\"image\":\"i\"}", "/image"},
	{"{\"name\":\"n\",\"image\":\"i\",\"algorithm\":\"a\"}", "/algorithm"},
	{"{\"name\":\"n\",\"script\":\"s\",\"image\":\"i\",\"algorithm\":\"a\"}", "/algorithm"},
	{FORM(",\"Dataset\":\"d\""), "/Dataset"},
	{FORM(",\"extra\":1"), "/extra"},
	{DATA("7"), "/dataset"},
	{DATA("[]"), "/dataset"},
	{DATA("\"\""), "/dataset"},
	{DATA("{}"), "/dataset"},
	{DATA("{\"rows\":[],\"path\":\"p\"}"), "/dataset"},
	{DATA("{\"rows\":{}}"), "/dataset/rows"},
	{DATA("{\"path\":\"\"}"), "/dataset/path"},
	{DATA("{\"uri\":7}"), "/dataset/uri"},
	{DATA("{\"blob\":\"abc\"}"), "/dataset/blob"},
	{DATA("{\"url\":\"x\"}"), "/dataset/url"},
	{FORM(",\"parameters\":[]"), "/parameters"},
	{FORM(",\"compute\":\"big\""), "/compute"},
	{WHEN("\"true\""), "/deploy_when"},
	{WHEN("1"), "/deploy_when"},
	{WHEN("{}"), "/deploy_when/metric"},
	{WHEN("{\"metric\":\"a\",\"op\":\">=\"}"), "/deploy_when/value"},
	{WHEN("{\"metric\":\"a\",\"op\":\"=>\",\"value\":1}"), "/deploy_when/op"},
	{WHEN("{\"metric\":\"a\",\"op\":\">=\",\"value\":\"1\"}"), "/deploy_when/value"},
	{WHEN("{\"metric\":\"\",\"op\":\">=\",\"value\":1}"), "/deploy_when/metric"},
	{WHEN("{\"metric\":\"a\",\"op\":\">=\",\"value\":1,\"or\":2}"), "/deploy_when/or"},
	{FORM(",\"server\":{}"), "/server"},
	{FORM(",\"server\":\"s.py\""), "/server"},
	{FORM(",\"server\":{\"script\":\"s\",\"command\":\"c\"}"), "/server"},
	{FORM(",\"server\":{\"port\":1}"), "/server/port"},
	{FORM(",\"endpoint\":\"\""), "/endpoint"},
	{FORM(",\"endpoint\":7"), "/endpoint"},
};

static void a_wrong_member_is_named_by_its_pointer(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};
		json_t *body = json_parse(rows[i].body, strlen(rows[i].body), &f);
		bool good = training_form_check(body, &f);
		const char *pointer = rows[i].pointer != NULL ? rows[i].pointer : "";

		assert_non_null(body);
		if (good != (rows[i].pointer == NULL))
			fail_msg("%s is %s: %s", rows[i].body, good ? "good" : "refused", f.text);
		if (!good && (strcmp(f.field, pointer) != 0 || f.code != FAIL_INVALID))
			fail_msg("%s: at '%s' %s", rows[i].body, f.field, f.text);
		json_decref(body);
	}
}

static void expect_answer(const char *body, int status, const char *text)
{
	fake_expect("POST", PATH, body, status, text);
}

static void it_becomes_one_job_with_the_body_as_it_was(void **state)
{
	char *request;

	(void)state;
	fake_tracker.remote_name = "remote/7";
	expect_answer(WHEN("true"), 200,
		"{\"id\":\"" JOB
		"\",\"name\":\"n\",\"resource\":\"remote/7\",\"state\":\"SUBMITTED\"}");
	assert_int_equal(fake_tracker.submits, 1);
	assert_string_equal(fake_tracker.interface, "davit.flow");
	assert_string_equal(fake_tracker.kind, "training");
	assert_string_equal(fake_tracker.name, "n");
	assert_int_equal(fake_tracker.wait_ms, 10000);
	assert_int_equal(fake_tracker.states & JOB_BIT(JOB_SUBMITTING), 0);
	assert_int_not_equal(fake_tracker.states & JOB_BIT(JOB_RUNNING), 0);
	request = json_compact(fake_tracker.request, NULL);
	assert_string_equal(request, "{\"spec\":" WHEN("true") "}");
	free(request);
}

static void a_slow_one_is_answered_without_a_resource(void **state)
{
	(void)state;
	fake_tracker.state = JOB_SUBMITTING;
	expect_answer(FORM(""), 200,
		"{\"id\":\"" JOB "\",\"name\":\"n\",\"resource\":null,\"state\":\"SUBMITTED\"}");
}

static void one_that_has_to_queue_is_not_waited_for(void **state)
{
	(void)state;
	fake_tracker.state = JOB_SUBMITTING;
	fake_tracker.full = true;
	expect_answer(FORM(""), 200,
		"{\"id\":\"" JOB "\",\"name\":\"n\",\"resource\":null,\"state\":\"SUBMITTED\"}");
	assert_int_equal(fake_tracker.wait_ms, 0);
}

static void one_that_failed_before_it_was_made_is_no_object(void **state)
{
	(void)state;
	fake_tracker.state = JOB_FAILED;
	fake_tracker.error = "dataset: no such file";
	expect_answer(FORM(""), 500, "\"dataset: no such file\"");
	fake_tracker.remote_name = "remote/7"; /* made, and ended since */
	expect_answer(FORM(""), 200,
		"{\"id\":\"" JOB
		"\",\"name\":\"n\",\"resource\":\"remote/7\",\"state\":\"SUBMITTED\"}");
	fake_tracker.refused = FAIL_BUSY;
	expect_answer(FORM(""), 429, "\"refused\"");
}

static void a_refusal_is_a_bare_string_with_the_pointer(void **state)
{
	struct exchange *x = fake_request("POST", PATH, WHEN("{\"metric\":\"a\"}"));

	(void)state;
	fake_serve(x);
	assert_int_equal(fake_status(x), 400);
	assert_ptr_equal(strstr(fake_text(x), "\"/deploy_when/"), fake_text(x));
	fake_free(x);
	expect_answer("{\"name\":\"n\"}", 400,
		"\"/script: one of 'script', 'image' and 'algorithm' is needed\"");
	assert_int_equal(fake_tracker.submits, 0);
}

static void every_step_must_be_offered(void **state)
{
	static const struct {
		const char *body;
		const char *lacks;
	} lacking[] = {
		{FORM(""), "davit.training/submit/train"},
		{DATA("{\"text\":\"\"}"), "davit.datasets/submit/create"},
		{WHEN("true"), "davit.models/submit/register"},
	};

	(void)state;
	fake_provider.everything = false;
	for (size_t i = 0; i < COUNT(lacking); i++) {
		struct exchange *x = fake_request("POST", PATH, lacking[i].body);

		fake_provider.offers = i == 0 ? "" : " davit.training/submit/train ";
		fake_serve(x);
		assert_int_equal(fake_status(x), 501);
		assert_non_null(strstr(fake_text(x), lacking[i].lacks));
		fake_free(x);
	}
	fake_provider.offers = " davit.training/submit/train ";
	expect_answer(WHEN("false"), 200,
		"{\"id\":\"" JOB "\",\"name\":\"n\",\"resource\":null,\"state\":\"SUBMITTED\"}");
}

static void the_provider_s_own_schema_counts_too(void **state)
{
	struct exchange *x = fake_request("POST", PATH,
		FORM(",\"dataset\":{\"text\":\"\"},\"parameters\":{\"epochs\":\"3\"}"));

	(void)state;
	fake_provider.schema =
		"{\"type\":\"object\",\"properties\":{\"dataset\":{\"type\":\"string\"},\"parameters\":"
		"{\"type\":\"object\",\"properties\":{\"epochs\":{\"type\":\"integer\"}}}}}";
	fake_serve(x);
	assert_int_equal(fake_status(x), 400);
	assert_ptr_equal(strstr(fake_text(x), "\"/parameters/epochs: "), fake_text(x));
	fake_free(x);
}

static void an_upload_is_its_data_set(void **state)
{
	struct exchange *x = fake_request("POST", PATH, NULL);
	const json_t *spec;

	(void)state;
	fake_part(x, "request", NULL, FORM(""));
	fake_part(x, "dataset", "rows.csv", "abc");
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	spec = json_object_get(fake_tracker.request, "spec");
	assert_int_equal(json_string_length(json_at(spec, "/dataset/blob")), 64);
	assert_string_equal(json_text_or(spec, "name", ""), "n");
	fake_free(x);
}

static void it_needs_its_provider_and_connection(void **state)
{
	(void)state;
	fake_provider.manifest = "{\"connection_types\":[\"SOMECLOUD\"]}";
	expect_answer(FORM(""), 400, "\"referer is missing in header\"");
	fake_provider.loaded = false;
	expect_answer(FORM(""), 404, "\"provider 'local' is not loaded; loaded are: none\"");
}

/* --- GET /status --- */

static void status_is_found_by_either_name(void **state)
{
	static const char text[] =
		"{\"id\":\"" JOB
		"\",\"state\":\"COMPLETED\",\"error\":null,\"resource\":\"projects/p/jobs/1\","
		"\"provider\":\"local\",\"submitted\":\"2026-11-21T08:00:00.000Z\",\"started\":"
		"\"2026-11-21T08:00:01.000Z\",\"finished\":\"2026-11-21T08:00:02.000Z\",\"progress\":"
		"{\"fraction\":1.0}}";
	const struct job job = {.id = JOB,
		.submission = JOB,
		.state = JOB_SUCCEEDED,
		.created_ms = 1795248000000,
		.started_ms = 1795248001000,
		.finished_ms = 1795248002000,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.flow"),
		.kind = LITERAL("training"),
		.connection = LITERAL(""),
		.request = LITERAL("{}"),
		.remote_name = LITERAL("projects/p/jobs/1"),
		.progress = LITERAL("{\"fraction\":1.0}")};

	(void)state;
	fake_job(&job);
	fake_provider.loaded = false;
	fake_expect("GET", "/status/" JOB, NULL, 200, text);
	fake_expect("GET", "/status/projects/p/jobs/1", NULL, 200, text);
	fake_expect("GET", "/status/projects/p/jobs/2", NULL, 404,
		"{\"error\":{\"code\":\"not_found\",\"message\":\"there is no job "
		"'projects/p/jobs/2'\",\"field\":\"\"}}");
}

static void status_of_what_did_not_start_has_nulls(void **state)
{
	const struct job job = {.id = JOB,
		.submission = JOB,
		.state = JOB_QUEUED,
		.created_ms = 1795248000000,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.flow"),
		.kind = LITERAL("training"),
		.connection = LITERAL(""),
		.request = LITERAL("{}")};

	(void)state;
	fake_job(&job);
	fake_expect("GET", "/status/" JOB, NULL, 200,
		"{\"id\":\"" JOB
		"\",\"state\":\"SUBMITTED\",\"error\":null,\"resource\":null,\"provider\":\"local\","
		"\"submitted\":\"2026-11-21T08:00:00.000Z\",\"started\":null,\"finished\":null,"
		"\"progress\":null}");
}

static void status_says_how_old_it_is_when_the_provider_is_silent(void **state)
{
	static const char text[] =
		"{\"id\":\"" JOB "\",\"state\":\"RUNNING\",\"error\":null,\"resource\":null,"
		"\"provider\":\"local\",\"submitted\":\"2026-11-21T08:00:00.000Z\","
		"\"started\":null,\"finished\":null,\"progress\":null,\"age\":7.5}";
	const struct job job = {.id = JOB,
		.submission = JOB,
		.state = JOB_RUNNING,
		.created_ms = 1795248000000,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("train"),
		.connection = LITERAL(""),
		.request = LITERAL("{}")};

	(void)state;
	fake_job(&job);
	fake_tracker.age_ms = 7500;
	fake_expect("GET", "/status/" JOB, NULL, 200, text);
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_member_is_named_by_its_pointer),
		ON_SITE(status_says_how_old_it_is_when_the_provider_is_silent),
		ON_SITE(it_becomes_one_job_with_the_body_as_it_was),
		ON_SITE(a_slow_one_is_answered_without_a_resource),
		ON_SITE(one_that_has_to_queue_is_not_waited_for),
		ON_SITE(one_that_failed_before_it_was_made_is_no_object),
		ON_SITE(a_refusal_is_a_bare_string_with_the_pointer),
		ON_SITE(every_step_must_be_offered),
		ON_SITE(the_provider_s_own_schema_counts_too),
		ON_SITE(an_upload_is_its_data_set),
		ON_SITE(it_needs_its_provider_and_connection),
		ON_SITE(status_is_found_by_either_name),
		ON_SITE(status_of_what_did_not_start_has_nulls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Operations of providers: who serves them, and how each shape ends. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "base/attr.h"
#include "base/json.h"
#include "config/config.h"
#include "unit/api/fakes.h"

#define S         "/api/service/v1"
#define JOB       "01hzzzzzzzzzzzzzzzzzzzzz"
#define LATER     "01j000000000000000000001"
#define LATER_YET "01j000000000000000000002"
#define LATEST    "01j000000000000000000003"
#define NEEDS_ONE "{\"connection_types\":[\"SOMECLOUD\"]}"
#define ROWS                                                                                       \
	"{\"envelopes\":{\"rows\":{\"r\":{\"members\":{\"Id\":{\"pointer\":\"/id\"},"              \
	"\"st\":{\"pointer\":\"/state\"}}}},\"operations\":{" OPS "},"                             \
	"\"wrap\":{\"projects_models_register_create\":\"array\"}}}"
#define OPS                                                                                                                           \
	"\"training_istlist\":\"r\",\"training_delete\":\"r\",\"projects_datasets_list_list\":\"r\",\"projects_datasets_get\":\"r\"," \
	"\"projects_datasets_create\":\"r\",\"projects_models_register_create\":\"r\","                                               \
	"\"training_get_list\":\"r\",\"training_cancel_list\":\"r\",\"training_train_create\":\"r\","                                 \
	"\"projects_datasets_delete\":\"r\",\"training_automl_simplified_create\":\"r\","                                             \
	"\"projects_endpoints_deploy_model_create\":\"r\",\"projects_datasets_export_create\":\"r\""

static char *request_text(const json_t *request)
{
	char *text = json_compact(request, NULL);

	assert_non_null(text);
	return text;
}

static void expect_request(const json_t *request, const char *expected)
{
	char *text = request_text(request);

	assert_string_equal(text, expected);
	free(text);
}

/* --- who serves it --- */

static void connections_are_found_and_missed_with_known_words(void **state)
{
	static const char missing[] = "\"Please check if connection details are present in DB.\"";
	static const struct {
		const char *adapter; /* NULL: none */
		bool referer;
		int status;
		const char *text;
	} rows[] = {
		{"ours", false, 200, "[]"},
		{"ours", true, 200, "[]"},
		{NULL, false, 400, "\"referer is missing in header\""},
		{NULL, true, 400, missing},
		{"unknown", false, 400, "\"referer is missing in header\""},
		{"unknown", true, 400, missing},
		{"", true, 400, missing},
	};

	(void)state;
	fake_provider.manifest = NEEDS_ONE;
	fake_provider.reply = "{\"items\":[]}";
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct exchange *x = fake_request("GET", S "/datasets/list", NULL);

		if (rows[i].adapter != NULL)
			fake_query(x, "adapter_instance", rows[i].adapter);
		if (rows[i].referer)
			fake_header(x, "referer", "http://essedum/");
		fake_serve(x);
		assert_int_equal(fake_status(x), rows[i].status);
		assert_string_equal(fake_text(x), rows[i].text);
		fake_free(x);
	}
	expect_request(fake_provider.request, "{\"connection\":{\"region\":\"north\"}}");
}

static void a_provider_without_connections_needs_none(void **state)
{
	(void)state;
	fake_provider.reply = "{\"items\":[]}";
	fake_expect("GET", S "/datasets/list", NULL, 200, "[]");
	expect_request(fake_provider.request, "{\"connection\":{}}");
}

static void details_of_another_provider_are_not_given_away(void **state)
{
	struct exchange *x = fake_request("GET", S "/datasets/list", NULL);

	(void)state;
	fake_provider.reply = "{\"items\":[]}";
	fake_listener(x, "local");
	fake_query(x, "adapter_instance", "theirs");
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	expect_request(fake_provider.request, "{\"connection\":{}}");
	fake_free(x);
}

static void a_connection_names_its_provider(void **state)
{
	struct exchange *x = fake_request("GET", S "/datasets/list", NULL);

	(void)state;
	fake_query(x, "adapter_instance", "theirs");
	fake_serve(x);
	assert_int_equal(fake_status(x), 404);
	assert_string_equal(fake_text(x), "\"provider 'other' is not loaded; loaded are: local\"");
	fake_free(x);
}

static void a_type_of_connection_finds_its_provider(void **state)
{
	struct exchange *x = fake_request("GET", S "/datasets/list", NULL);

	(void)state;
	fake_provider.manifest = NEEDS_ONE;
	fake_provider.reply = "{\"items\":[]}";
	fake_config()->default_provider = NULL;
	fake_query(x, "adapter_instance", "ours");
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	fake_free(x);
}

static void what_is_not_loaded_or_not_offered_says_so(void **state)
{
	(void)state;
	fake_provider.loaded = false;
	fake_expect("GET", S "/models/list", NULL, 404,
		"\"provider 'local' is not loaded; loaded are: none\"");
	fake_provider.loaded = true;
	fake_provider.everything = false;
	fake_provider.offers = "";
	fake_expect("POST", S "/pipelines/training/automl", "{}", 501,
		"\"provider 'local' does not offer davit.training/submit/automl \"");
	fake_expect("DELETE", S "/models/m", NULL, 501,
		"\"provider 'local' does not offer davit.models/remove \"");
	assert_int_equal(fake_provider.calls, 0);
	assert_int_equal(fake_tracker.submits, 0);
}

/* --- lists --- */

static void a_list_is_complete_or_none(void **state)
{
	(void)state;
	fake_provider.manifest = ROWS;
	fake_provider.reply = "{\"items\":[{\"id\":\"a\",\"state\":\"S\"},{\"id\":\"b\"}]}";
	fake_expect("GET", S "/datasets/list", NULL, 200,
		"[{\"Id\":\"a\",\"st\":\"S\"},{\"Id\":\"b\",\"st\":null}]");
	fake_provider.reply = "{}";
	fake_expect("GET", S "/datasets/list", NULL, 502,
		"\"the provider answered a list without items\"");
	fake_provider.code = DAVIT_INTERNAL;
	fake_provider.fail_text = "half of it is missing";
	fake_expect("GET", S "/datasets/list", NULL, 400, "\"half of it is missing\"");
	fake_provider.refused = FAIL_BUSY;
	fake_expect("GET", S "/datasets/list", NULL, 429, "\"not started\"");
}

/* --- objects --- */

static void an_object_is_asked_for_by_id(void **state)
{
	struct exchange *x;

	(void)state;
	fake_provider.manifest = ROWS;
	fake_provider.reply = "{\"id\":\"d1\",\"state\":\"S\"}";
	fake_expect("GET", S "/datasets/d1", NULL, 200, "{\"Id\":\"d1\",\"st\":\"S\"}");
	expect_request(fake_provider.request, "{\"connection\":{},\"id\":\"d1\"}");
	x = fake_request("GET", S "/datasets/{dataset_id}", NULL);
	fake_query(x, "dataset_id", "p/d 1");
	fake_serve(x);
	expect_request(fake_provider.request, "{\"connection\":{},\"id\":\"p/d 1\"}");
	fake_free(x);
}

static void a_failed_delete_is_no_object(void **state)
{
	(void)state;
	fake_provider.code = DAVIT_CONFLICT;
	fake_provider.fail_text = "in use";
	fake_expect("DELETE", S "/datasets/d1", NULL, 400, "\"in use\"");
}

static void a_delete_without_an_answer_is_an_object(void **state)
{
	(void)state;
	fake_provider.manifest = ROWS;
	fake_expect("DELETE", S "/datasets/d1", NULL, 200, "{\"Id\":\"d1\",\"st\":null}");
	assert_string_equal(fake_provider.slot, "remove");
}

static void a_delete_that_is_not_confirmed_in_time_names_its_job(void **state)
{
	(void)state;
	fake_tracker.held = true;
	fake_expect("DELETE", S "/datasets/d1", NULL, 504,
		"\"'d1' is not deleted yet: the provider has not confirmed it, and job " FAKE_JOB_ID
		" goes on until it does\"");
}

static void a_delete_that_could_not_be_noted_is_no_object(void **state)
{
	(void)state;
	fake_tracker.lost = true;
	fake_expect("DELETE", S "/datasets/d1", NULL, 503,
		"\"nothing was done: it could not be noted; try again\"");
}

static void an_export_takes_its_body_along(void **state)
{
	struct exchange *x;

	(void)state;
	fake_provider.manifest = ROWS;
	fake_provider.reply = "{\"id\":\"d1\"}";
	fake_expect("POST", S "/datasets/d1/export", "{\"to\":\"x://y\"}", 200,
		"{\"Id\":\"d1\",\"st\":null}");
	assert_string_equal(fake_provider.slot, "export");
	expect_request(fake_provider.request,
		"{\"connection\":{},\"id\":\"d1\",\"spec\":{\"to\":\"x://y\"}}");
	x = fake_request("POST", S "/datasets/d1/export", "{");
	fake_serve(x);
	assert_int_equal(fake_status(x), 400);
	fake_free(x);
}

static void serve_status(const char *method, const char *path, const char *body, int status)
{
	struct exchange *x = fake_request(method, path, body);

	fake_serve(x);
	assert_int_equal(fake_status(x), status);
	fake_free(x);
}

static void an_export_says_where_the_copy_is(void **state)
{
	(void)state;
	fake_provider.manifest = ROWS;
	fake_provider.reply =
		"{\"id\":\"d1\",\"uri\":\"file:///x\",\"files\":[{\"path\":\"a\",\"bytes\":1}]}";
	fake_expect("POST", S "/datasets/d1/export", "{\"destination\":{\"path\":\"x\"}}", 200,
		"{\"Id\":\"d1\",\"st\":null,\"uri\":\"file:///x\","
		"\"files\":[{\"path\":\"a\",\"bytes\":1}]}");
}

static void an_export_may_answer_bytes(void **state)
{
	struct exchange *x = fake_request("POST", S "/datasets/d1/export", "{\"download\":true}");

	(void)state;
	fake_provider.stream = "<b>bytes</b>";
	fake_provider.stream_type = "text/html";
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_text(x), "<b>bytes</b>");
	assert_string_equal(fake_type(x), "application/octet-stream"); /* no page of ours */
	fake_free(x);
}

static void tags_are_checked_by_the_manifest_before_they_are_given(void **state)
{
	(void)state;
	fake_provider.schema = "{\"type\":\"object\",\"additionalProperties\":false,"
			       "\"properties\":{\"add\":{\"type\":\"array\"}}}";
	fake_provider.reply = "{\"id\":\"d1\"}";
	serve_status("POST", S "/datasets/d1/tags", "{\"ad\":[]}", 400);
	assert_int_equal(fake_provider.calls, 0);
	serve_status("POST", S "/models/m@v2/aliases", "{\"add\":[\"x\"]}", 200);
	assert_string_equal(fake_provider.slot, "tag");
	expect_request(fake_provider.request,
		"{\"connection\":{},\"id\":\"m@v2\",\"spec\":{\"add\":[\"x\"]}}");
}

static struct job training(enum job_state job_state)
{
	return (struct job){.id = JOB,
		.submission = JOB,
		.state = job_state,
		.created_ms = 1,
		.finished_ms = JOB_BIT(job_state) & JOB_TERMINAL ? 2 : 0,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("train"),
		.name = LITERAL("n"),
		.connection = LITERAL(""),
		.request = LITERAL("{}")};
}

/* Its process may have ended: we would ask in vain how. */
static void a_job_that_has_not_ended_is_not_deleted(void **state)
{
	static const char *const names[] = {JOB, "digits"};
	struct job job = training(JOB_RUNNING);

	(void)state;
	fake_provider.reply = "{\"id\":\"" JOB "\"}";
	job.remote_name = LITERAL(JOB);
	fake_job(&job);
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), S "/pipelines/training/%s/delete", names[i]);
		fake_expect("DELETE", path, NULL, 409,
			"\"job " JOB
			" has not ended yet: cancel it, and delete it once it has ended\"");
		assert_string_not_equal(fake_provider.slot, "remove");
	}
	fake_provider.reply = "{\"id\":\"other\"}";
	serve_status("DELETE", S "/pipelines/training/digits/delete", NULL, 200);
	assert_string_equal(fake_provider.slot, "remove");
	expect_request(fake_provider.request, "{\"connection\":{},\"id\":\"other\"}");
}

static void a_job_that_has_not_ended_is_not_deleted_by_the_name_of_its_object(void **state)
{
	static const char *const names[] = {"cloud-7", "digits"};
	struct job job = training(JOB_RUNNING);

	(void)state;
	fake_provider.reply = "{\"id\":\"cloud-7\"}";
	job.remote_name = LITERAL("cloud-7");
	fake_job(&job);
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), S "/pipelines/training/%s/delete", names[i]);
		fake_expect("DELETE", path, NULL, 409,
			"\"job " JOB
			" has not ended yet: cancel it, and delete it once it has ended\"");
		assert_string_not_equal(fake_provider.slot, "remove");
	}
}

/* 1: runs, with the long name of its object; the others have ended, and none hides it. */
static void what_a_job_follows_is_not_deleted_whatever_other_jobs_there_are(void **state)
{
	static const char *const names[] = {"short", "long/short", "digits"};
	struct job job = training(JOB_RUNNING);

	(void)state;
	fake_provider.reply = "{\"id\":\"short\",\"resource\":\"long/short\"}";
	job.remote_name = LITERAL("long/short");
	fake_job(&job);
	job = training(JOB_SUCCEEDED);
	memcpy(job.id, LATER, ID_SIZE);
	job.remote_name = LITERAL("long/short");
	fake_job(&job);
	memcpy(job.id, LATER_YET, ID_SIZE);
	job.remote_name = LITERAL("digits");
	fake_job(&job);
	memcpy(job.id, LATEST, ID_SIZE);
	job.interface = LITERAL("davit.models");
	job.remote_name = LITERAL("long/short");
	fake_job(&job);
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), S "/pipelines/training/%s/delete", names[i]);
		fake_expect("DELETE", path, NULL, 409,
			"\"job " JOB
			" has not ended yet: cancel it, and delete it once it has ended\"");
		assert_string_not_equal(fake_provider.slot, "remove");
	}
}

static void our_id_stands_for_what_the_job_made(void **state)
{
	struct job job = training(JOB_RUNNING);

	(void)state;
	fake_provider.manifest = ROWS;
	fake_provider.reply = "{\"id\":\"remote\"}";
	job.remote_name = LITERAL("projects/1/remote");
	job.result = LITERAL("{\"id\":\"remote\"}"); /* the short name is the one slots take */
	fake_job(&job);
	fake_expect("GET", S "/pipelines/training/" JOB "/get", NULL, 200,
		"{\"Id\":\"remote\",\"st\":null}");
	expect_request(fake_provider.request, "{\"connection\":{},\"id\":\"remote\"}");
}

static void a_job_that_made_nothing_yet_answers_from_the_store(void **state)
{
	struct job job = training(JOB_QUEUED);

	(void)state;
	fake_provider.manifest = ROWS;
	fake_job(&job);
	fake_expect("GET", S "/pipelines/training/" JOB "/get", NULL, 200,
		"{\"Id\":\"" JOB "\",\"st\":\"PENDING\"}");
	fake_expect("DELETE", S "/pipelines/training/" JOB "/delete", NULL, 409,
		"\"job " JOB " has not made its object yet\"");
	assert_int_equal(fake_provider.calls, 0);
}

static void a_job_that_ended_without_an_object_is_deleted(void **state)
{
	struct job job = training(JOB_CANCELLED);

	(void)state;
	fake_provider.manifest = ROWS;
	fake_provider.code = DAVIT_NOT_FOUND;
	fake_job(&job);
	serve_status("DELETE", S "/pipelines/training/" JOB "/delete", NULL, 200);
	assert_string_equal(fake_provider.slot, "remove");
	/* From then on only the provider may know it; the fake one refuses with 400. */
	serve_status("GET", S "/pipelines/training/" JOB "/get", NULL, 400);
	assert_string_equal(fake_provider.slot, "get");
	serve_status("DELETE", S "/pipelines/training/" JOB "/delete", NULL, 400);
	fake_provider.code = DAVIT_OK;
	fake_provider.reply = "{\"items\":[]}";
	fake_expect("GET", S "/pipelines/training/list", NULL, 200, "[]");
}

static void a_list_has_the_jobs_without_an_object(void **state)
{
	struct job job = training(JOB_QUEUED);

	(void)state;
	fake_provider.manifest = ROWS;
	fake_job(&job);
	fake_provider.reply = "{\"items\":[{\"id\":\"x\"}]}";
	fake_expect("GET", S "/pipelines/training/list", NULL, 200,
		"[{\"Id\":\"x\",\"st\":null},{\"Id\":\"" JOB "\",\"st\":\"PENDING\"}]");
	fake_provider.reply = "{\"items\":[{\"id\":\"" JOB "\",\"state\":\"PENDING\"}]}";
	fake_expect("GET", S "/pipelines/training/list", NULL, 200,
		"[{\"Id\":\"" JOB "\",\"st\":\"PENDING\"}]");
	fake_provider.reply = "{\"items\":[]}";
	fake_expect("GET", S "/models/list", NULL, 200, "[]");
}

static void an_existing_job_answers_though_its_provider_is_not_loaded(void **state)
{
	struct job job = training(JOB_SUCCEEDED);
	struct exchange *x;

	(void)state;
	job.result = LITERAL("{\"id\":\"remote\",\"name\":\"n\",\"state\":\"RUNNING\"}");
	job.remote_name = LITERAL("remote/1");
	fake_job(&job);
	fake_provider.loaded = false;
	x = fake_request("GET", S "/pipelines/training/remote/1/get", NULL);
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(json_text_or(fake_json(x), "Id", ""), "remote");
	assert_string_equal(json_text_or(fake_json(x), "status", ""), "SUCCEEDED");
	fake_free(x);
	fake_expect("GET", S "/pipelines/training/other/get", NULL, 404,
		"\"provider 'local' is not loaded; loaded are: none\"");
}

static void an_id_of_another_interface_is_not_ours(void **state)
{
	struct job job = training(JOB_RUNNING);

	(void)state;
	fake_job(&job);
	fake_provider.reply = "{\"items\":[]}";
	fake_provider.code = DAVIT_NOT_FOUND;
	fake_provider.fail_text = "no such data set";
	fake_expect("GET", S "/datasets/" JOB, NULL, 400, "\"no such data set\"");
	expect_request(fake_provider.request, "{\"connection\":{},\"id\":\"" JOB "\"}");
}

/* --- jobs --- */

static void a_job_is_checked_validated_accepted_and_answered(void **state)
{
	struct exchange *x = fake_request("POST", S "/datasets", "{\"name\":\"d\",\"source\":{}}");

	(void)state;
	fake_provider.manifest = ROWS;
	fake_tracker.result = "{\"id\":\"d1\",\"name\":\"d\",\"state\":\"RUNNING\"}";
	fake_query(x, "project", "org");
	fake_query(x, "adapter_instance", "ours");
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_text(x), "{\"Id\":\"d1\",\"st\":\"RUNNING\"}");
	assert_string_equal(fake_provider.slot, "validate");
	expect_request(fake_provider.request, "{\"connection\":{},\"kind\":\"create\",\"spec\":{"
					      "\"name\":\"d\",\"source\":{}}}");
	assert_string_equal(fake_tracker.interface, "davit.datasets");
	assert_string_equal(fake_tracker.kind, "create");
	assert_string_equal(fake_tracker.name, "d");
	assert_string_equal(fake_tracker.project, "org");
	expect_request(fake_tracker.request, "{\"spec\":{\"name\":\"d\",\"source\":{}}}");
	assert_int_equal(fake_tracker.wait_ms, 10000);
	assert_int_equal(fake_tracker.states & (JOB_BIT(JOB_QUEUED) | JOB_BIT(JOB_SUBMITTING)), 0);
	fake_free(x);
}

static void what_validate_makes_definite_is_what_is_stored(void **state)
{
	struct exchange *x = fake_request("POST", S "/models/register", "{\"name\":\"m\"}");

	(void)state;
	fake_provider.manifest = ROWS;
	fake_provider.reply = "{\"spec\":{\"name\":\"m\",\"source\":\"t1\"}}";
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_tracker.name, "m");
	expect_request(fake_tracker.request, "{\"spec\":{\"name\":\"m\",\"source\":\"t1\"}}");
	fake_free(x);
}

static void a_job_on_an_object_has_its_id(void **state)
{
	(void)state;
	fake_provider.manifest = ROWS;
	fake_expect("POST", S "/endpoints/e1/deploy_model", "{\"model\":\"m\"}", 200,
		"{\"Id\":\"" JOB "\",\"st\":\"RUNNING\"}");
	assert_string_equal(fake_tracker.kind, "deploy");
	expect_request(fake_tracker.request, "{\"spec\":{\"model\":\"m\"},\"id\":\"e1\"}");
}

static void answers_have_their_status_and_wrapping(void **state)
{
	(void)state;
	fake_provider.manifest = ROWS;
	fake_tracker.remote_name = "r";
	fake_expect("POST", S "/pipelines/training/automl", "{}", 201,
		"{\"Id\":\"r\",\"st\":\"RUNNING\"}");
	fake_expect("POST", S "/models/register", "{}", 200, "[{\"Id\":\"r\",\"st\":\"RUNNING\"}]");
	assert_string_equal(fake_tracker.kind, "register");
}

static void a_wrong_body_names_the_member(void **state)
{
	(void)state;
	fake_provider.schema = "{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{"
			       "\"name\":{\"type\":\"string\"}}}";
	fake_expect("POST", S "/datasets", "[]", 400, "\"the body must be a JSON object\"");
	for (int i = 0; i < 2; i++) {
		struct exchange *x =
			fake_request("POST", S "/datasets", i == 0 ? "{\"name\":7}" : "{}");

		fake_serve(x);
		assert_int_equal(fake_status(x), 400);
		assert_non_null(strstr(fake_text(x), "/name"));
		assert_int_equal(fake_text(x)[0], '"');
		fake_free(x);
	}
	fake_provider.code = DAVIT_INVALID;
	fake_provider.fail_text = "no such folder";
	fake_expect("POST", S "/datasets", "{\"name\":\"d\"}", 400, "\"no such folder\"");
	assert_int_equal(fake_tracker.submits, 0);
}

static void what_did_not_happen_is_no_object(void **state)
{
	(void)state;
	fake_tracker.state = JOB_FAILED;
	fake_tracker.error = "no room left";
	fake_expect("POST", S "/datasets", "{}", 500, "\"no room left\"");
	fake_tracker.state = JOB_CANCELLED;
	fake_expect("POST", S "/datasets", "{}", 409, "\"the job was cancelled before it began\"");
	fake_tracker.refused = FAIL_UNAVAILABLE;
	fake_expect("POST", S "/datasets", "{}", 503, "\"refused\"");
}

static void a_slow_job_is_answered_with_our_id(void **state)
{
	(void)state;
	fake_provider.manifest = ROWS;
	fake_tracker.state = JOB_QUEUED;
	fake_expect("POST", S "/pipelines/training/train", "{}", 200,
		"{\"Id\":\"" JOB "\",\"st\":\"PENDING\"}");
}

static void an_upload_becomes_a_blob_of_the_spec(void **state)
{
	struct exchange *x = fake_request("POST", S "/datasets", NULL);

	(void)state;
	fake_provider.manifest = ROWS;
	fake_part(x, "file", "rows.csv", "abc");
	fake_part(x, "request", NULL, "{\"format\":\"csv\"}");
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	expect_request(fake_tracker.request,
		"{\"spec\":{\"format\":\"csv\",\"source\":{\"blob\":\"ba7816bf8f01cfea414140de5dae2223"
		"b00361a396177a9cb410ff61f20015ad\"},\"name\":\"rows.csv\"}}");
	fake_free(x);
}

static void a_form_without_a_file_is_refused(void **state)
{
	static const char *const bodies[] = {"{}", "[]", "{"};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct exchange *x = fake_request("POST", S "/datasets", NULL);

		fake_part(x, "request", i == 0 ? NULL : "r.json", bodies[i]);
		if (i > 0)
			fake_part(x, "dataset", "rows.csv", "abc");
		fake_serve(x);
		assert_int_equal(fake_status(x), 400);
		fake_free(x);
	}
	assert_int_equal(fake_tracker.submits, 0);
}

/* --- cancel --- */

static void a_cancel_finds_the_job_by_either_name(void **state)
{
	struct job job = training(JOB_RUNNING);

	(void)state;
	fake_provider.manifest = ROWS;
	job.remote_name = LITERAL("p/r/1");
	fake_job(&job);
	fake_tracker.state = JOB_CANCELLED;
	fake_expect("GET", S "/pipelines/training/" JOB "/cancel", NULL, 200,
		"{\"Id\":\"" JOB "\",\"st\":\"CANCELLED\"}");
	fake_expect("POST", S "/pipelines/training/p/r/1/cancel", "{}", 200,
		"{\"Id\":\"" JOB "\",\"st\":\"CANCELLED\"}");
	assert_int_equal(fake_tracker.cancels, 2);
	assert_string_equal(fake_tracker.cancelled, JOB);
	fake_provider.loaded = false;
	fake_tracker.result = "{\"id\":\"x\"}";
	fake_expect("GET", S "/pipelines/training/nobody/cancel", NULL, 404,
		"\"provider 'local' is not loaded; loaded are: none\"");
}

static void a_job_of_nobody_here_is_cancelled_at_the_provider(void **state)
{
	(void)state;
	fake_provider.manifest = ROWS;
	fake_expect("GET", S "/pipelines/training/foreign/cancel", NULL, 200,
		"{\"Id\":\"foreign\",\"st\":\"CANCELLING\"}");
	assert_string_equal(fake_provider.slot, "cancel");
	expect_request(fake_provider.request, "{\"connection\":{},\"id\":\"foreign\"}");
	assert_int_equal(fake_provider.calls, 2);
	fake_provider.everything = false;
	fake_provider.offers = " davit.training/submit ";
	fake_expect("GET", S "/pipelines/training/foreign/cancel", NULL, 404,
		"\"there is no job 'foreign'\"");
	assert_int_equal(fake_provider.calls, 2);
}

static void what_the_provider_does_not_know_is_not_cancelled(void **state)
{
	(void)state;
	fake_provider.code = DAVIT_NOT_FOUND;
	fake_provider.fail_text = "there is no training 'foreign'";
	fake_expect("GET", S "/pipelines/training/foreign/cancel", NULL, 400,
		"\"there is no training 'foreign'\"");
	assert_string_equal(fake_provider.slot, "get");
	assert_int_equal(fake_provider.calls, 1);
}

/* --- predictions --- */

#define INFER S "/endpoints/e1/infer"

static void the_model_s_json_comes_inside_a_string(void **state)
{
	(void)state;
	fake_provider.stream = "{\"predictions\":[1,2]}";
	fake_expect("POST", INFER, "{\"instances\":[]}", 200, "\"{\\\"predictions\\\":[1,2]}\"");
	assert_string_equal(fake_provider.body, "{\"instances\":[]}");
	expect_request(fake_provider.request,
		"{\"connection\":{},\"id\":\"e1\",\"content_type\":\"application/json\",\"accept\":\"*/"
		"*\",\"native\":false}");
	fake_provider.stream = NULL;
	fake_provider.reply = "{\"p\":0.5}";
	fake_expect("POST", INFER, "{}", 200, "\"{\\\"p\\\":0.5}\"");
}

static void native_bytes_come_as_they_are(void **state)
{
	static const struct {
		const char *query;
		const char *prefer;
		bool native;
	} rows[] = {
		{"true", NULL, true},
		{"TRUE", NULL, true},
		{"false", NULL, false},
		{NULL, "davit-native-json", true},
		{NULL, "wait=10, Davit-Native-JSON; q=1", true},
		{NULL, "davit-native-json-not", false},
		{NULL, "", false},
	};

	(void)state;
	fake_provider.stream = "data: 1\n\n";
	fake_provider.stream_type = "text/event-stream";
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct exchange *x = fake_request("POST", INFER, "{}");

		if (rows[i].query != NULL)
			fake_query(x, "native", rows[i].query);
		if (rows[i].prefer != NULL)
			fake_header(x, "Prefer", rows[i].prefer);
		fake_serve(x);
		assert_int_equal(fake_status(x), 200);
		assert_string_equal(
			fake_type(x), rows[i].native ? "text/event-stream" : "application/json");
		assert_string_equal(
			fake_text(x), rows[i].native ? "data: 1\n\n" : "\"data: 1\\n\\n\"");
		fake_free(x);
	}
}

static void a_model_s_error_is_text_with_its_status(void **state)
{
	struct exchange *x = fake_request("POST", INFER, "{}");

	(void)state;
	fake_provider.stream = "{\"error\":\"bad row\"}";
	fake_provider.stream_status = 422;
	fake_expect("POST", INFER, "{}", 422, "\"{\\\"error\\\":\\\"bad row\\\"}\"");
	fake_query(x, "native", "true");
	fake_serve(x);
	assert_int_equal(fake_status(x), 422);
	assert_string_equal(fake_text(x), "\"{\\\"error\\\":\\\"bad row\\\"}\"");
	fake_free(x);
	fake_provider.stream = "";
	fake_expect("POST", INFER, "{}", 422, "\"the model answered with status 422\"");
}

static void a_broken_stream_is_cut(void **state)
{
	struct exchange *x = fake_request("POST", INFER, "{}");

	(void)state;
	fake_provider.stream = "half";
	fake_provider.code = DAVIT_INTERNAL;
	fake_provider.fail_text = "the model died";
	fake_query(x, "native", "true");
	fake_serve(x);
	assert_true(fake_cut(x));
	fake_free(x);
	fake_expect("POST", INFER, "{}", 400, "\"the model died\"");
}

/* --- functions --- */

static void a_function_gets_its_parts_and_answers_logs(void **state)
{
	(void)state;
	fake_provider.manifest = NEEDS_ONE; /* no connection is asked for */
	fake_provider.reply = "{\"output\":{\"a\":1}}";
	fake_expect("POST", S "/function/execute",
		"{\"Imports\":[{\"key\":\"os\"}],\"Requirements\":[],\"Script\":\"s\",\"Body\":\"b\","
		"\"ConnectionDetails\":\"{}\"}",
		200, "{\"logs\":{\"content\":\"{\\\"a\\\":1}\"}}");
	expect_request(fake_provider.request,
		"{\"connection\":{},\"imports\":[\"os\"],\"requirements\":[],\"script\":\"s\","
		"\"connection_details\":\"{}\",\"body\":\"b\"}");
	fake_provider.reply = "{\"output\":\"as it is\"}";
	fake_expect("POST", S "/function/execute", "{\"Script\":\"s\"}", 200,
		"{\"logs\":{\"content\":\"as it is\"}}");
	fake_provider.reply = NULL;
	fake_expect("POST", S "/function/execute", "{\"Script\":\"s\"}", 200,
		"{\"logs\":{\"content\":\"\"}}");
}

static void a_function_with_a_member_it_does_not_take_is_refused_by_its_pointer(void **state)
{
	static const struct {
		const char *body;
		const char *text;
	} wrong[] = {
		{"{}", "\"/Script: 'Script' is missing\""},
		{"[]", "\"must be an object\""},
		{"{\"Script\":\"\"}", "\"/Script: must not be empty\""},
		{"{\"Script\":\"s\",\"Imports\":\"os\"}", "\"/Imports: must be a list or null\""},
		{"{\"Script\":\"s\",\"Requirements\":[1]}",
			"\"/Requirements/0: must be an object\""},
		{"{\"Script\":\"s\",\"Requirements\":[{}]}",
			"\"/Requirements/0/key: 'key' is missing\""},
		{"{\"Script\":\"s\",\"Imports\":[{\"key\":\"os\",\"as\":\"o\"}]}",
			"\"/Imports/0/as: unknown member 'as'\""},
		{"{\"Script\":\"s\",\"body\":1}",
			"\"/body: unknown member 'body', did you mean 'Body'?\""},
		{"{\"Script\":\"s\",\"Timeout\":9}", "\"/Timeout: unknown member 'Timeout'\""},
	};

	(void)state;
	fake_provider.manifest = NEEDS_ONE;
	for (size_t i = 0; i < COUNT(wrong); i++)
		fake_expect("POST", S "/function/execute", wrong[i].body, 400, wrong[i].text);
	fake_expect("POST", S "/function/execute",
		"{\"Script\":\"s\",\"Imports\":null,\"Requirements\":null}", 200,
		"{\"logs\":{\"content\":\"\"}}");
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SITE(connections_are_found_and_missed_with_known_words),
		ON_SITE(a_provider_without_connections_needs_none),
		ON_SITE(details_of_another_provider_are_not_given_away),
		ON_SITE(a_connection_names_its_provider),
		ON_SITE(a_type_of_connection_finds_its_provider),
		ON_SITE(what_is_not_loaded_or_not_offered_says_so),
		ON_SITE(a_list_is_complete_or_none),
		ON_SITE(an_object_is_asked_for_by_id),
		ON_SITE(a_failed_delete_is_no_object),
		ON_SITE(a_delete_without_an_answer_is_an_object),
		ON_SITE(a_delete_that_is_not_confirmed_in_time_names_its_job),
		ON_SITE(a_delete_that_could_not_be_noted_is_no_object),
		ON_SITE(an_export_takes_its_body_along),
		ON_SITE(a_job_that_has_not_ended_is_not_deleted),
		ON_SITE(a_job_that_has_not_ended_is_not_deleted_by_the_name_of_its_object),
		ON_SITE(what_a_job_follows_is_not_deleted_whatever_other_jobs_there_are),
		ON_SITE(an_export_says_where_the_copy_is),
		ON_SITE(an_export_may_answer_bytes),
		ON_SITE(tags_are_checked_by_the_manifest_before_they_are_given),
		ON_SITE(our_id_stands_for_what_the_job_made),
		ON_SITE(a_job_that_made_nothing_yet_answers_from_the_store),
		ON_SITE(a_job_that_ended_without_an_object_is_deleted),
		ON_SITE(a_list_has_the_jobs_without_an_object),
		ON_SITE(an_existing_job_answers_though_its_provider_is_not_loaded),
		ON_SITE(an_id_of_another_interface_is_not_ours),
		ON_SITE(a_job_is_checked_validated_accepted_and_answered),
		ON_SITE(what_validate_makes_definite_is_what_is_stored),
		ON_SITE(a_job_on_an_object_has_its_id),
		ON_SITE(answers_have_their_status_and_wrapping),
		ON_SITE(a_wrong_body_names_the_member),
		ON_SITE(what_did_not_happen_is_no_object),
		ON_SITE(a_slow_job_is_answered_with_our_id),
		ON_SITE(an_upload_becomes_a_blob_of_the_spec),
		ON_SITE(a_form_without_a_file_is_refused),
		ON_SITE(a_cancel_finds_the_job_by_either_name),
		ON_SITE(a_job_of_nobody_here_is_cancelled_at_the_provider),
		ON_SITE(what_the_provider_does_not_know_is_not_cancelled),
		ON_SITE(the_model_s_json_comes_inside_a_string),
		ON_SITE(native_bytes_come_as_they_are),
		ON_SITE(a_model_s_error_is_text_with_its_status),
		ON_SITE(a_broken_stream_is_cut),
		ON_SITE(a_function_gets_its_parts_and_answers_logs),
		ON_SITE(a_function_with_a_member_it_does_not_take_is_refused_by_its_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

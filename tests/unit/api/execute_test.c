/* The /execute family: what a body must be, and what clients are told of their jobs. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/clip.h"
#include "api/execute_body.h"
#include "api/job_view.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/json.h"
#include "config/config.h"
#include "store/store.h"
#include "unit/api/fakes.h"

#define GOOD_CREDENTIALS                                                                           \
	"{\"endpoint\":\"http://h:9000\",\"access_key\":\"a\",\"secret_key\":\"s\"}"
#define REST                                                                                       \
	"\"project_id\":\"p\",\"name\":\"n\",\"version\":\"1\",\"input_artifacts\":\"i\","         \
	"\"command\":\"python t.py\""
#define BODY(more)                                                                                 \
	"{\"bucket\":\"b\"," REST ",\"storage\":\"local\",\"credentials\":" GOOD_CREDENTIALS more  \
	"}"
#define WITH_STORAGE(storage)                                                                      \
	"{\"bucket\":\"b\"," REST ",\"storage\":" storage ",\"credentials\":" GOOD_CREDENTIALS "}"
#define WITH_CREDENTIALS(credentials)                                                              \
	"{\"bucket\":\"b\"," REST ",\"storage\":\"local\",\"credentials\":" credentials "}"
#define WITH_TEXT(member, value)                                                                   \
	"{\"bucket\":\"b\",\"storage\":\"local\",\"credentials\":" GOOD_CREDENTIALS "," REST       \
	",\"" member "\":" value "}"

#define ENTRY "{\"supports\":{\"storage\":[\"local\"]}}"
#define JOB   "01hzzzzzzzzzzzzzzzzzzzzz"

/* What is wrong with a body: its status (0: nothing) and a part of the sentence. */
static const struct row {
	const char *body;
	int status;
	const char *says;
} rows[] = {
	{BODY(""), 0, ""},
	{BODY(",\"configs\":{}"), 0, ""},
	{BODY(",\"configs\":null"), 0, ""},
	{BODY(",\"configs\":\"\""), 0, ""},
	{BODY(",\"configs\":{\"a\":{\"b\":1}}"), 0, ""},
	{BODY(",\"environment\":{}"), 0, ""},
	{BODY(",\"environment\":\"\""), 0, ""},
	{BODY(",\"environment\":\"A=1\""), 0, ""},
	{BODY(",\"environment\":{\"A\":\"1\",\"B\":\"\"}"), 0, ""},
	{BODY(",\"environment\":{},\"configs\":{}"), 0, ""},
	{WITH_STORAGE("\"LOCAL\""), 0, ""},
	{WITH_STORAGE("\"S3\""), 0, ""},
	{WITH_STORAGE("\"anything\""), 0, ""},
	{"null", 400, "must be an object"},
	{"false", 400, "must be an object"},
	{"0", 400, "must be an object"},
	{"\"\"", 400, "must be an object"},
	{"\"text\"", 400, "must be an object"},
	{"[]", 400, "must be an object"},
	{"[1]", 400, "must be an object"},
	{"{}", 400, "must be an object"},
	{"{\"bucket\":\"b\"}", 400, "missing member 'project_id'"},
	{"{" REST ",\"storage\":\"local\",\"credentials\":" GOOD_CREDENTIALS "}", 400,
		"missing member 'bucket'"},
	{"{\"bucket\":\"b\"," REST ",\"credentials\":" GOOD_CREDENTIALS "}", 400,
		"missing member 'storage'"},
	{"{\"bucket\":\"b\"," REST ",\"storage\":\"local\"}", 400, "missing member 'credentials'"},
	{BODY(",\"extra\":1"), 400, "unknown member 'extra'"},
	{BODY(",\"Environment\":{}"), 400, "unknown member 'Environment'"},
	{BODY(",\"environment\":null"), 422, "'environment' must be an object of strings"},
	{BODY(",\"environment\":[]"), 422, "'environment' must be an object of strings"},
	{BODY(",\"environment\":7"), 422, "'environment' must be an object of strings"},
	{BODY(",\"environment\":{\"A\":1}"), 422, "'environment.A' must be a string"},
	{BODY(",\"environment\":{\"A\":null}"), 422, "'environment.A' must be a string"},
	{BODY(",\"environment\":{\"\":\"1\"}"), 422, "is no name of a variable"},
	{BODY(",\"environment\":{\"A=B\":\"1\"}"), 422, "'environment.A=B' is no name"},
	{WITH_STORAGE("7"), 422, "'storage' must be a string"},
	{WITH_STORAGE("null"), 422, "'storage' must be a string"},
	{WITH_STORAGE("\"\""), 422, "'storage' must not be empty"},
	{WITH_CREDENTIALS("null"), 422, "'credentials' must be an object"},
	{WITH_CREDENTIALS("\"x\""), 422, "'credentials' must be an object"},
	{WITH_CREDENTIALS("[]"), 422, "'credentials' must be an object"},
	{WITH_CREDENTIALS("{}"), 400, "missing member 'credentials.endpoint'"},
	{WITH_CREDENTIALS("{\"endpoint\":\"e\",\"access_key\":\"a\"}"), 400,
		"missing member 'credentials.secret_key'"},
	{WITH_CREDENTIALS("{\"endpoint\":\"e\",\"access_key\":\"a\",\"secret_key\":\"s\",\"x\":1}"),
		400, "unknown member 'credentials.x'"},
	{WITH_CREDENTIALS("{\"endpoint\":1,\"access_key\":\"a\",\"secret_key\":\"s\"}"), 422,
		"'credentials.endpoint' must be a string"},
	{WITH_CREDENTIALS("{\"endpoint\":\"e\",\"access_key\":\"a\",\"secret_key\":null}"), 422,
		"'credentials.secret_key' must be a string"},
	{WITH_CREDENTIALS("{\"endpoint\":\"e\",\"access_key\":\"\",\"secret_key\":\"s\"}"), 422,
		"'credentials.access_key' must not be empty"},
	/* The order: keys before types before empty texts before credentials. */
	{"{\"bucket\":7," REST ",\"storage\":\"\",\"credentials\":7,\"extra\":1}", 400,
		"unknown member 'extra'"},
	{"{\"bucket\":7," REST ",\"storage\":\"\",\"credentials\":7}", 422,
		"'bucket' must be a string"},
	{"{\"bucket\":\"b\"," REST ",\"storage\":\"\",\"credentials\":7}", 422,
		"'storage' must not be empty"},
	{"{\"bucket\":\"b\"," REST ",\"storage\":\"x\",\"credentials\":{},\"environment\":7}", 400,
		"missing member 'credentials.endpoint'"},
};

/* The specification of a body, as those who run it read it. */
static json_t *spec_of(const json_t *body, struct fail *f)
{
	struct buf out;
	json_t *spec;

	if (!execute_body_check(body, f))
		return NULL;
	buf_init(&out, SIZE_MAX);
	execute_body_spec(&out, body);
	spec = json_parse(out.p, out.n, f);
	buf_finish(&out);
	assert_non_null(spec);
	return spec;
}

static void body_rows_end_as_existing_clients_know(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};
		json_t *body = json_parse(rows[i].body, strlen(rows[i].body), &f);
		json_t *spec;
		int status;

		assert_non_null(body);
		spec = spec_of(body, &f);
		status = spec != NULL ? 0 : fail_status(f.code);
		if (status != rows[i].status || strstr(f.text, rows[i].says) == NULL)
			fail_msg("%s\n  gives %d %s", rows[i].body, status, f.text);
		if (status == 400)
			assert_ptr_equal(
				strstr(f.text, "Bad Request - Missing or invalid parameters: "),
				f.text);
		if (status == 422)
			assert_ptr_equal(strstr(f.text, "Unprocessable Entity - Invalid data or "
							"values in the payload: "),
				f.text);
		json_decref(spec);
		json_decref(body);
	}
}

static void each_mandatory_text_is_missed_mistyped_and_empty(void **state)
{
	static const char *const members[] = {
		"bucket", "project_id", "name", "version", "input_artifacts", "command", "storage"};
	const char *good = BODY("");

	(void)state;
	for (size_t i = 0; i < 3 * COUNT(members); i++) {
		const char *member = members[i / 3];
		json_t *body = json_parse(good, strlen(good), NULL);
		struct fail f = {0};

		if (i % 3 == 0)
			json_object_del(body, member);
		else
			json_object_set_new(
				body, member, i % 3 == 1 ? json_integer(1) : json_string(""));
		assert_null(spec_of(body, &f));
		assert_int_equal(fail_status(f.code), i % 3 == 0 ? 400 : 422);
		assert_non_null(strstr(f.text, member));
		json_decref(body);
	}
}

static void a_specification_has_all_but_the_credentials(void **state)
{
	const char *text = BODY(",\"environment\":{\"A\":\"1\"},\"configs\":{\"c\":2}");
	struct fail f = {0};
	json_t *body = json_parse(text, strlen(text), &f);
	json_t *spec = spec_of(body, &f);
	char *got = json_compact(spec, NULL);

	(void)state;
	assert_string_equal(got,
		"{\"bucket\":\"b\",\"project\":\"p\",\"name\":\"n\",\"version\":\"1\","
		"\"input_artifacts\":\"i\",\"command\":\"python t.py\",\"storage\":\"local\","
		"\"environment\":{\"A\":\"1\"},\"configs\":{\"c\":2}}");
	free(got);
	json_decref(spec);
	json_decref(body);
}

static void storage_is_free_text_of_any_case(void **state)
{
	static const char *const words[][2] = {{"s3", "s3"}, {"S3", "s3"}, {"MinIO", "minio"},
		{"local", "local"}, {"Local", "local"}, {"ftp", "local"}, {" s3", "local"}};
	const char *good = BODY("");

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		json_t *body = json_parse(good, strlen(good), NULL);
		struct fail f = {0};
		json_t *spec;

		json_object_set_new(body, "storage", json_string(words[i][0]));
		spec = spec_of(body, &f);
		assert_string_equal(json_text_or(spec, "storage", ""), words[i][1]);
		assert_string_equal(execute_body_storage(body), words[i][1]);
		json_decref(spec);
		json_decref(body);
	}
}

/* --- POST --- */

static void a_good_body_becomes_a_job_and_its_id_is_answered(void **state)
{
	(void)state;
	fake_provider.entry = ENTRY;
	fake_expect("POST", "/execute", BODY(""), 200,
		"{\"log_path\":\"davit://jobs/" JOB "/log\",\"task_id\":\"" JOB
		"\",\"task_status\":\"Submitted\"}\n");
	assert_string_equal(fake_tracker.provider, "local");
	assert_string_equal(fake_tracker.interface, "davit.training");
	assert_string_equal(fake_tracker.kind, "command");
	assert_string_equal(fake_tracker.name, "n");
	assert_string_equal(fake_tracker.project, "p");
	assert_string_equal(
		json_string_value(json_at(fake_tracker.request, "/spec/command")), "python t.py");
}

static void the_answer_waits_for_the_queue_and_never_long(void **state)
{
	(void)state;
	fake_provider.entry = ENTRY;
	fake_tracker.state = JOB_QUEUED;
	fake_expect("POST", "/execute", BODY(""), 200,
		"{\"log_path\":\"davit://jobs/" JOB "/log\",\"task_id\":\"" JOB
		"\",\"task_status\":\"Submitted\"}\n");
	assert_int_equal(fake_tracker.states & JOB_BIT(JOB_QUEUED), 0);
	assert_int_not_equal(fake_tracker.states & JOB_BIT(JOB_SUBMITTING), 0);
	assert_int_equal(fake_tracker.wait_ms, 200);
}

static void credentials_are_given_to_nobody(void **state)
{
	char *text;

	(void)state;
	fake_provider.entry = ENTRY;
	fake_expect("POST", "/execute",
		WITH_CREDENTIALS("{\"endpoint\":\"http://hidden\",\"access_key\":\"HIDDEN-A\","
				 "\"secret_key\":\"HIDDEN-S\"}"),
		200,
		"{\"log_path\":\"davit://jobs/" JOB "/log\",\"task_id\":\"" JOB
		"\",\"task_status\":\"Submitted\"}\n");
	text = json_compact(fake_tracker.request, NULL);
	assert_null(strstr(text, "hidden"));
	assert_null(strstr(text, "HIDDEN"));
	free(text);
}

static void a_body_from_a_file_is_read_on_the_pool(void **state)
{
	struct exchange *x = fake_request("POST", "/execute", BODY(""));

	(void)state;
	fake_provider.entry = ENTRY;
	fake_large(x);
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	fake_free(x);
}

static void refusals_have_the_words_of_the_originals(void **state)
{
	struct exchange *x = fake_request("POST", "/execute", NULL);

	(void)state;
	fake_serve(x); /* no content type */
	assert_int_equal(fake_status(x), 415);
	fake_free(x);
	fake_expect("POST", "/execute", "{}", 400,
		"{\"error\":\"Bad Request - Missing or invalid parameters: the body must be an "
		"object\"}");
	x = fake_request("POST", "/execute", "{\"a\":");
	fake_serve(x);
	assert_int_equal(fake_status(x), 400);
	assert_ptr_equal(
		strstr(fake_text(x), "{\"error\":\"Bad Request - Missing or invalid parameters: "),
		fake_text(x));
	fake_free(x);
	assert_int_equal(fake_tracker.submits, 0);
}

static void new_work_needs_its_provider(void **state)
{
	struct exchange *x = fake_request("POST", "/execute", BODY(""));

	(void)state;
	fake_listener(x, "elsewhere");
	fake_serve(x);
	assert_int_equal(fake_status(x), 404);
	assert_string_equal(fake_text(x),
		"{\"error\":\"provider 'elsewhere' is not loaded; loaded are: local\"}");
	fake_free(x);
	fake_config()->default_provider = NULL;
	fake_expect("POST", "/execute", BODY(""), 404,
		"{\"error\":\"nothing says which provider serves this; loaded are: local\"}");
	assert_int_equal(fake_tracker.submits, 0);
}

static void storage_that_is_not_offered_is_501(void **state)
{
	(void)state;
	fake_provider.entry = "{\"supports\":{\"storage\":[\"local\",\"minio\"]}}";
	fake_expect("POST", "/execute", WITH_STORAGE("\"S3\""), 501,
		"{\"error\":\"provider 'local' does not offer storage 's3'; it offers: local, "
		"minio\"}");
	fake_provider.everything = false;
	fake_provider.offers = " davit.training/submit/train ";
	fake_expect("POST", "/execute", BODY(""), 501,
		"{\"error\":\"provider 'local' does not offer davit.training/submit/command \"}");
	assert_int_equal(fake_tracker.submits, 0);
}

static void a_full_queue_is_told(void **state)
{
	(void)state;
	fake_provider.entry = ENTRY;
	fake_tracker.refused = FAIL_BUSY;
	fake_expect("POST", "/execute", BODY(""), 429, "{\"error\":\"refused\"}");
}

/* --- getStatus --- */

#define T0 1795248000000 /* 2026-11-21 08:00:00 UTC */

static const struct status_row {
	const char *name;
	struct job_status status;
	int offset;
	const char *text;
} status_rows[] = {
	{"waiting", {.state = JOB_QUEUED, .created_ms = T0}, 0,
		"{\"finished\":null,\"log_path\":\"davit://jobs/x/log\",\"output_dir\":\"davit://jobs/"
		"x/outputs\",\"pid\":null,\"started\":null,\"submitted\":\"2026-11-21 "
		"08:00:00.000000+00:00\",\"task_id\":\"x\",\"task_status\":\"WAITING\",\"timestamp\":"
		"null}\n"},
	{"running",
		{.state = JOB_RUNNING, .created_ms = T0, .started_ms = T0 + 7, .handle = "4711"},
		330,
		"{\"finished\":null,\"log_path\":\"davit://jobs/x/log\",\"output_dir\":\"davit://jobs/"
		"x/outputs\",\"pid\":\"4711\",\"started\":\"2026-11-21 "
		"13:30:00.007000+05:30\",\"submitted\":\"2026-11-21 "
		"13:30:00.000000+05:30\",\"task_id\":\"x\",\"task_status\":\"RUNNING\",\"timestamp\":"
		"null}\n"},
	{"ended",
		{.state = JOB_SUCCEEDED,
			.created_ms = T0,
			.started_ms = T0 + 1000,
			.finished_ms = T0 + 3345},
		0,
		"{\"finished\":\"2026-11-21 08:00:03.345000+00:00\",\"log_path\":\"davit://jobs/x/"
		"log\",\"output_dir\":\"davit://jobs/x/outputs\",\"pid\":null,\"started\":\"2026-11-21 "
		"08:00:01.000000+00:00\",\"submitted\":\"2026-11-21 08:00:00.000000+00:00\","
		"\"task_id\":\"x\",\"task_status\":\"COMPLETED\",\"timestamp\":2.345}\n"},
	{"cancelled before it started",
		{.state = JOB_CANCELLED, .created_ms = T0, .finished_ms = T0 + 500}, 0,
		"{\"finished\":\"2026-11-21 08:00:00.500000+00:00\",\"log_path\":\"davit://jobs/x/"
		"log\",\"output_dir\":\"davit://jobs/x/outputs\",\"pid\":null,\"started\":\"2026-11-21 "
		"08:00:00.500000+00:00\",\"submitted\":\"2026-11-21 08:00:00.000000+00:00\","
		"\"task_id\":\"x\",\"task_status\":\"CANCELLED\",\"timestamp\":0.0}\n"},
	{"a clock that was set back",
		{.state = JOB_FAILED,
			.created_ms = T0,
			.started_ms = T0 + 9,
			.finished_ms = T0 + 1,
			.handle = "a\"b\\\n\xc3\xa9"},
		0,
		"{\"finished\":\"2026-11-21 08:00:00.001000+00:00\",\"log_path\":\"davit://jobs/x/"
		"log\",\"output_dir\":\"davit://jobs/x/outputs\",\"pid\":\"a\\\"b\\\\???\",\"started\":"
		"\"2026-11-21 08:00:00.009000+00:00\",\"submitted\":\"2026-11-21 08:00:00.000000+00:00"
		"\",\"task_id\":\"x\",\"task_status\":\"ERROR\",\"timestamp\":0.0}\n"},
};

static void status_bytes_are_these(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(status_rows); i++) {
		const struct status_row *row = &status_rows[i];
		struct buf out;

		buf_init(&out, 2048);
		job_view_status(&out, "x", &row->status, row->offset);
		if (strcmp(out.p, row->text) != 0)
			fail_msg("%s: %s", row->name, out.p);
		buf_finish(&out);
	}
}

static void seconds_have_the_decimals_they_need(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} seconds[] = {{0, ":0.0}"}, {1, ":0.001}"}, {10, ":0.01}"}, {100, ":0.1}"},
		{1000, ":1.0}"}, {1230, ":1.23}"}, {61005, ":61.005}"}, {86400000, ":86400.0}"}};

	(void)state;
	for (size_t i = 0; i < COUNT(seconds); i++) {
		struct job_status status = {.state = JOB_SUCCEEDED,
			.created_ms = T0,
			.started_ms = T0,
			.finished_ms = T0 + seconds[i].ms};
		struct buf out;

		buf_init(&out, 2048);
		job_view_status(&out, "x", &status, 0);
		assert_non_null(strstr(out.p, seconds[i].text));
		buf_finish(&out);
	}
}

static struct job command_job(enum job_state job_state)
{
	struct job job = {.id = JOB,
		.submission = JOB,
		.state = job_state,
		.created_ms = T0,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("command"),
		.name = LITERAL("<b>&\"name\"</b>"),
		.project = LITERAL("p"),
		.connection = LITERAL(""),
		.request = LITERAL("{\"spec\":{}}")};

	if (JOB_BIT(job_state) & JOB_TERMINAL) {
		job.started_ms = T0 + 1000;
		job.finished_ms = T0 + 2000;
	}
	return job;
}

static void a_known_job_has_a_status_whatever_is_loaded(void **state)
{
	struct job job = command_job(JOB_SUCCEEDED);
	struct exchange *x;

	(void)state;
	fake_job(&job);
	fake_provider.loaded = false;
	x = fake_request("GET", "/execute/" JOB "/getStatus", NULL);
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_type(x), "application/json");
	assert_string_equal(json_text_or(fake_json(x), "task_status", ""), "COMPLETED");
	assert_string_equal(json_text_or(fake_json(x), "task_id", ""), JOB);
	fake_free(x);
}

static void an_unknown_job_is_404_and_null_is_not_unknown(void **state)
{
	static const char *const slots[] = {"getStatus", "getLog", "stop", "getOutputArtifacts"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < COUNT(slots); i++) {
		(void)snprintf(path, sizeof(path), "/execute/nobody/%s", slots[i]);
		fake_expect("GET", path, NULL, 404, "{\"error\":\"Not found\"}");
	}
	fake_expect("GET", "/execute/null/getStatus", NULL, 200,
		"{\"finished\":null,\"log_path\":null,\"output_dir\":null,\"pid\":null,\"started\":"
		"null,\"submitted\":null,\"task_id\":\"null\",\"task_status\":\"Submitted\","
		"\"timestamp\":null}");
	fake_expect("GET", "/execute/null/stop", NULL, 200, "{\"Task cancelled\":false}");
	fake_expect("GET", "/execute/null/getLog", NULL, 200,
		"{\"logs\":{\"content\":\"Log not found\"}}");
	fake_expect("GET", "/execute/null/getOutputArtifacts", NULL, 200, "{}");
}

/* --- stop --- */

static void stop_answers_an_object_in_every_state(void **state)
{
	struct job job = command_job(JOB_QUEUED);

	(void)state;
	fake_job(&job);
	fake_tracker.changed = true;
	fake_expect("GET", "/execute/" JOB "/stop", NULL, 200, "{\"Task cancelled\":true}");
	assert_string_equal(fake_tracker.cancelled, JOB);
	fake_tracker.changed = false;
	fake_expect("POST", "/execute/" JOB "/stop", NULL, 200, "{\"Task cancelled\":false}");
	assert_int_equal(fake_tracker.cancels, 2);
}

/* --- getLog and getOutputArtifacts --- */

static void submitted_job(void)
{
	struct job job = command_job(JOB_RUNNING);

	job.started_ms = T0 + 1;
	job.remote_ref = LITERAL("{\"v\":1,\"id\":\"r\"}");
	job.remote_name = LITERAL("r");
	fake_job(&job);
}

static void a_log_is_text_whatever_bytes_it_has(void **state)
{
	char *request;

	(void)state;
	submitted_job();
	fake_provider.stream = "line\n\xff\"\\\t\x01";
	fake_expect("GET", "/execute/" JOB "/getLog", NULL, 200,
		"{\"logs\":{\"content\":\"line\\n\xef\xbf\xbd\\\"\\\\\\t\\u0001\"}}");
	assert_string_equal(fake_provider.slot, "logs");
	request = json_compact(fake_provider.request, NULL);
	assert_string_equal(request,
		"{\"connection\":{},\"kind\":\"command\",\"ref\":{\"v\":1,\"id\":\"r\"},\"id\":\"r\"}");
	free(request);
}

static void a_known_job_without_a_log_answers_200(void **state)
{
	static const char none[] = "{\"logs\":{\"content\":\"Log not found\"}}";

	(void)state;
	submitted_job();
	fake_provider.code = DAVIT_NOT_FOUND;
	fake_provider.fail_text = "no log";
	fake_expect("GET", "/execute/" JOB "/getLog", NULL, 200, none);
	fake_provider.refused = FAIL_BUSY;
	fake_expect("GET", "/execute/" JOB "/getLog", NULL, 200, none);
	fake_provider.loaded = false;
	fake_expect("GET", "/execute/" JOB "/getLog", NULL, 200, none);
}

static void a_job_that_was_not_submitted_has_no_log_yet(void **state)
{
	struct job job = command_job(JOB_QUEUED);

	(void)state;
	fake_job(&job);
	fake_expect("GET", "/execute/" JOB "/getLog", NULL, 200,
		"{\"logs\":{\"content\":\"Log not found\"}}");
	fake_expect("GET", "/execute/" JOB "/getOutputArtifacts", NULL, 200, "{}");
	assert_int_equal(fake_provider.calls, 0);
}

static void artifacts_are_keyed_by_name_and_none_is_lost(void **state)
{
	(void)state;
	submitted_job();
	fake_provider.reply =
		"{\"artifacts\":[{\"name\":\"a.txt\",\"text\":\"1\"},"
		"{\"name\":\"noext\",\"text\":\"2\"},{\"name\":\"a.json\",\"text\":\"3\"},"
		"{\"name\":\"b.tar.gz\",\"bytes\":900},{\"name\":\".hidden\",\"text\":\"4\"}]}";
	fake_expect("GET", "/execute/" JOB "/getOutputArtifacts", NULL, 200,
		"{\"a\":{\"content\":\"1\"},\"a.json\":{\"content\":\"3\"},\"b\":{\"content\":\"(900 "
		"bytes, not shown)\"},\".hidden\":{\"content\":\"4\"}}");
	assert_string_equal(fake_provider.slot, "get");
	fake_provider.code = DAVIT_INTERNAL;
	fake_provider.fail_text = "broken";
	fake_provider.reply = NULL;
	fake_expect("GET", "/execute/" JOB "/getOutputArtifacts", NULL, 200, "{}");
}

static void a_long_log_keeps_its_beginning_and_its_end(void **state)
{
	struct clip clip;
	json_t *text;

	(void)state;
	clip_init(&clip, 20);
	for (int i = 0; i < 26; i++) {
		char letter = (char)('a' + i);

		clip_add(&clip, &letter, 1);
	}
	text = clip_json(&clip);
	assert_string_equal(
		json_string_value(text), "abcdefghij\n[... 6 bytes left out ...]\nqrstuvwxyz");
	json_decref(text);
	clip_finish(&clip);
}

static void a_log_that_fits_is_whole(void **state)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	(void)state;
	for (size_t n = 0; n <= 20; n++) {
		for (size_t step = 1; step <= 7; step++) {
			struct clip clip;
			json_t *text;

			clip_init(&clip, 20);
			for (size_t at = 0; at < n; at += step)
				clip_add(&clip, letters + at, at + step < n ? step : n - at);
			text = clip_json(&clip);
			assert_int_equal(json_string_length(text), n);
			assert_memory_equal(json_string_value(text), letters, n);
			json_decref(text);
			clip_finish(&clip);
		}
	}
}

static void one_piece_longer_than_all_is_cut_in_the_middle(void **state)
{
	struct clip clip;
	json_t *text;

	(void)state;
	clip_init(&clip, 4);
	clip_add(&clip, "0123456789", 10);
	text = clip_json(&clip);
	assert_string_equal(json_string_value(text), "01\n[... 6 bytes left out ...]\n89");
	json_decref(text);
	clip_finish(&clip);
}

/* --- lists and pages --- */

static void the_list_is_an_array_newest_first(void **state)
{
	struct job job = command_job(JOB_SUCCEEDED);

	(void)state;
	fake_expect("GET", "/execute", NULL, 200, "[]");
	job.handle = LITERAL("12");
	fake_job(&job);
	job = command_job(JOB_QUEUED);
	memcpy(job.id, "02", 2);
	memcpy(job.submission, "02", 2);
	fake_job(&job);
	job.kind = LITERAL("train"); /* no command: not in this list */
	memcpy(job.id, "03", 2);
	memcpy(job.submission, "03", 2);
	fake_job(&job);
	fake_expect("GET", "/execute", NULL, 200,
		"[{\"id\":\"02hzzzzzzzzzzzzzzzzzzzzz\",\"pid\":null,\"status\":\"WAITING\",\"submitted\":"
		"\"2026-11-21 08:00:00.000000+00:00\",\"logpath\":\"davit://jobs/"
		"02hzzzzzzzzzzzzzzzzzzzzz/log\",\"started\":null,\"finished\":null},"
		"{\"id\":\"" JOB "\",\"pid\":\"12\",\"status\":\"COMPLETED\",\"submitted\":"
		"\"2026-11-21 08:00:00.000000+00:00\",\"logpath\":\"davit://jobs/" JOB
		"/log\",\"started\":\"2026-11-21 08:00:01.000000+00:00\",\"finished\":\"2026-11-21 "
		"08:00:02.000000+00:00\"}]");
}

static void the_page_escapes_and_changes_nothing(void **state)
{
	struct job job = command_job(JOB_RUNNING);
	struct exchange *x;

	(void)state;
	fake_job(&job);
	x = fake_request("GET", "/execute/jobs", NULL);
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_type(x), "text/html; charset=utf-8");
	assert_non_null(strstr(fake_text(x), "&lt;b&gt;&amp;&quot;name&quot;&lt;/b&gt;"));
	assert_null(strstr(fake_text(x), "<b>"));
	assert_null(strstr(fake_text(x), "/stop"));
	assert_null(strstr(fake_text(x), "<script"));
	assert_null(strstr(fake_text(x), "<form"));
	fake_free(x);
}

static void roots_answer_without_credentials(void **state)
{
	(void)state;
	fake_expect("GET", "/cloudconnect", NULL, 200, "true");
	fake_expect("POST", "/cloudconnect", "{\"key\":\"k\"}", 200, "true");
	assert_string_equal(fake_provider.slot, "check");
	assert_string_equal(
		json_text_or(json_object_get(fake_provider.request, "connection"), "key", ""), "k");
	fake_provider.code = DAVIT_AUTH;
	fake_provider.fail_text = "refused";
	fake_expect("POST", "/cloudconnect", "{}", 400, "false");
	fake_provider.everything = false;
	fake_provider.offers = "";
	fake_expect("POST", "/cloudconnect", "{}", 200, "true");
}

static void the_own_log_is_an_object_with_text(void **state)
{
	struct exchange *x = fake_request("GET", "/execute/getLog", NULL);

	(void)state;
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_true(json_is_string(json_at(fake_json(x), "/logs/content")));
	fake_free(x);
}

/* --- /venvs --- */

static void environments_are_listed_and_deleted_by_name_only(void **state)
{
	(void)state;
	fake_provider.everything = true;
	fake_provider.reply = "{\"items\":[{\"name\":\"a\"},{\"name\":\"script_venv_b\"}]}";
	fake_expect("GET", "/venvs", NULL, 200, "[\"a\",\"script_venv_b\"]");
	assert_string_equal(fake_provider.interface, "davit.environments");
	assert_string_equal(fake_provider.slot, "list");
	fake_provider.reply = "{\"deleted\":[\"script_venv_b\"],\"not_found\":[\"c\"]}";
	fake_expect("DELETE", "/venvs", "[\"script_venv_b\",\"c\"]", 200, fake_provider.reply);
	assert_string_equal(fake_provider.slot, "remove");
	assert_string_equal(
		json_string_value(json_at(fake_provider.request, "/names/0")), "script_venv_b");
	fake_expect("DELETE", "/venvs", "[]", 400,
		"{\"error\":\"the body must be an array of names\"}");
	fake_expect("DELETE", "/venvs", "false", 400,
		"{\"error\":\"the body must be an array of names\"}");
	fake_expect("DELETE", "/venvs", "[\"a\",\"../outside\"]", 400,
		"{\"error\":\"name 1: only letters, digits, '_', '.' and '-' are allowed\"}");
	fake_expect("DELETE", "/venvs", "[\"..\"]", 400,
		"{\"error\":\"name 0: only letters, digits, '_', '.' and '-' are allowed\"}");
	assert_int_equal(fake_provider.calls, 2);
}

static void environments_that_cannot_be_had_are_told_as_clients_know(void **state)
{
	static const char *const replies[] = {
		"{}", "[]", "{\"items\":[1]}", "{\"items\":[{\"name\":1}]}", NULL};

	(void)state;
	fake_provider.everything = false;
	fake_provider.offers = " davit.training/submit ";
	fake_expect("GET", "/venvs", NULL, 404, "{\"error\":\"venvs directory not found\"}");
	fake_expect(
		"DELETE", "/venvs", "[\"a\"]", 404, "{\"error\":\"venvs directory not found\"}");
	assert_int_equal(fake_provider.calls, 0);
	fake_provider.everything = true;
	for (size_t i = 0; i < COUNT(replies); i++) {
		fake_provider.reply = replies[i];
		fake_expect("GET", "/venvs", NULL, 500, "{\"error\":\"failed to get venvs\"}");
		fake_expect("DELETE", "/venvs", "[\"a\"]", 500,
			"{\"error\":\"failed to delete venv\"}");
	}
	fake_provider.loaded = false;
	fake_expect("GET", "/venvs", NULL, 404, "{\"error\":\"venvs directory not found\"}");
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_rows_end_as_existing_clients_know),
		cmocka_unit_test(each_mandatory_text_is_missed_mistyped_and_empty),
		cmocka_unit_test(a_specification_has_all_but_the_credentials),
		cmocka_unit_test(storage_is_free_text_of_any_case),
		ON_SITE(a_good_body_becomes_a_job_and_its_id_is_answered),
		ON_SITE(the_answer_waits_for_the_queue_and_never_long),
		ON_SITE(credentials_are_given_to_nobody),
		ON_SITE(a_body_from_a_file_is_read_on_the_pool),
		ON_SITE(refusals_have_the_words_of_the_originals),
		ON_SITE(new_work_needs_its_provider),
		ON_SITE(storage_that_is_not_offered_is_501),
		ON_SITE(a_full_queue_is_told),
		cmocka_unit_test(status_bytes_are_these),
		cmocka_unit_test(seconds_have_the_decimals_they_need),
		ON_SITE(a_known_job_has_a_status_whatever_is_loaded),
		ON_SITE(an_unknown_job_is_404_and_null_is_not_unknown),
		ON_SITE(stop_answers_an_object_in_every_state),
		ON_SITE(a_log_is_text_whatever_bytes_it_has),
		ON_SITE(a_known_job_without_a_log_answers_200),
		ON_SITE(a_job_that_was_not_submitted_has_no_log_yet),
		ON_SITE(artifacts_are_keyed_by_name_and_none_is_lost),
		cmocka_unit_test(a_long_log_keeps_its_beginning_and_its_end),
		cmocka_unit_test(a_log_that_fits_is_whole),
		cmocka_unit_test(one_piece_longer_than_all_is_cut_in_the_middle),
		ON_SITE(the_list_is_an_array_newest_first),
		ON_SITE(the_page_escapes_and_changes_nothing),
		ON_SITE(roots_answer_without_credentials),
		ON_SITE(the_own_log_is_an_object_with_text),
		ON_SITE(environments_are_listed_and_deleted_by_name_only),
		ON_SITE(environments_that_cannot_be_had_are_told_as_clients_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* /v1, health and secrets: what operators see, and what nobody sees. */
#include "unit/cmocka.h"

#include <davit/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/job_view.h"
#include "api/redact.h"
#include "base/attr.h"
#include "base/json.h"
#include "unit/api/fakes.h"

#define JOB "01hzzzzzzzzzzzzzzzzzzzzz"
#define T0  1795248000000 /* 2026-11-21 08:00:00 UTC */

static void add_job(unsigned n, const char *provider, const char *kind, enum job_state job_state)
{
	struct job job = {.state = job_state,
		.created_ms = T0 + n,
		.started_ms = T0 + n,
		.finished_ms = JOB_BIT(job_state) & JOB_TERMINAL ? T0 + n : 0,
		.provider = LITERAL(provider),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL(kind),
		.name = LITERAL("n"),
		.project = LITERAL(n % 2 == 0 ? "even" : "odd"),
		.connection = LITERAL(""),
		.request = LITERAL(
			"{\"spec\":{\"a\":1,\"api_token\":\"SECRET\",\"environment\":{\"A\":"
			"\"SECRET\"}}}")};

	(void)snprintf(job.id, sizeof(job.id), "%024u", n);
	memcpy(job.submission, job.id, sizeof(job.submission));
	fake_job(&job);
}

/* The ids of a page as numbers with blanks between them, and its cursor. */
static void expect_page(const struct exchange *x, const char *ids, const char *next)
{
	const json_t *job;
	char got[256] = "";
	size_t i, n = 0;

	assert_int_equal(fake_status(x), 200);
	json_array_foreach(json_object_get(fake_json(x), "jobs"), i, job)
	{
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%ld", i == 0 ? "" : " ",
			strtol(json_text_or(job, "id", "-1"), NULL, 10));
	}
	assert_string_equal(got, ids);
	assert_string_equal(json_text_or(fake_json(x), "next", ""), next);
}

static void jobs_are_filtered_and_paged(void **state)
{
	static const struct {
		const char *key[3];
		const char *value[3];
		const char *ids;
		const char *next;
	} rows[] = {
		{{NULL}, {NULL}, "5 4 3 2 1", ""},
		{{"limit"}, {"2"}, "5 4", "000000000000000000000004"},
		{{"limit", "cursor"}, {"2", "000000000000000000000004"}, "3 2",
			"000000000000000000000002"},
		{{"limit", "cursor"}, {"2", "000000000000000000000002"}, "1", ""},
		{{"limit"}, {"5"}, "5 4 3 2 1", ""},
		{{"state"}, {"running"}, "3", ""},
		{{"state"}, {"running,failed"}, "4 3", ""},
		{{"state"}, {""}, "5 4 3 2 1", ""},
		{{"provider"}, {"other"}, "5", ""},
		{{"kind"}, {"train"}, "2 1", ""},
		{{"project", "limit"}, {"odd", "2"}, "5 3", "000000000000000000000003"},
		{{"project", "provider"}, {"even", "other"}, "", ""},
	};

	(void)state;
	add_job(1, "local", "train", JOB_SUCCEEDED);
	add_job(2, "local", "train", JOB_QUEUED);
	add_job(3, "local", "command", JOB_RUNNING);
	add_job(4, "local", "command", JOB_FAILED);
	add_job(5, "other", "command", JOB_CANCELLED);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct exchange *x = fake_request("GET", "/v1/jobs", NULL);

		for (size_t k = 0; k < 3 && rows[i].key[k] != NULL; k++)
			fake_query(x, rows[i].key[k], rows[i].value[k]);
		fake_serve(x);
		expect_page(x, rows[i].ids, rows[i].next);
		assert_null(strstr(fake_text(x), "SECRET"));
		assert_null(strstr(fake_text(x), "\"request\""));
		fake_free(x);
	}
}

static void wrong_filters_are_named(void **state)
{
	static const char *const rows[][3] = {
		{"state", "done", "/state"},
		{"state", "running,", ""},
		{"state", ",running", "/state"},
		{"state", "runningrunningrunningrunningrunningrunning", "/state"},
		{"limit", "0", "/limit"},
		{"limit", "-1", "/limit"},
		{"limit", "1001", "/limit"},
		{"limit", "5x", "/limit"},
		{"limit", " 5", "/limit"},
		{"limit", "99999999999999999999", "/limit"},
		{"cursor", "nonsense", "/cursor"},
		{"cursor", "../../../../../../../../x", "/cursor"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct exchange *x = fake_request("GET", "/v1/jobs", NULL);
		bool good = rows[i][2][0] == '\0';

		fake_query(x, rows[i][0], rows[i][1]);
		fake_serve(x);
		assert_int_equal(fake_status(x), good ? 200 : 400);
		if (!good)
			assert_string_equal(
				json_text_or(json_object_get(fake_json(x), "error"), "field", ""),
				rows[i][2]);
		fake_free(x);
	}
}

static void one_job_is_seen_whole_but_for_its_secrets(void **state)
{
	struct exchange *x;

	(void)state;
	add_job(7, "local", "train", JOB_RUNNING);
	fake_provider.loaded = false;
	x = fake_request("GET", "/v1/jobs/000000000000000000000007", NULL);
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(json_text_or(fake_json(x), "state", ""), "running");
	assert_string_equal(json_text_or(fake_json(x), "status", ""), "RUNNING");
	assert_string_equal(json_text_or(fake_json(x), "created", ""), "2026-11-21T08:00:00.007Z");
	assert_true(json_is_null(json_object_get(fake_json(x), "finished")));
	assert_int_equal(json_integer_value(json_at(fake_json(x), "/request/spec/a")), 1);
	assert_string_equal(
		json_string_value(json_at(fake_json(x), "/request/spec/environment/A")), "***");
	assert_null(strstr(fake_text(x), "SECRET"));
	fake_free(x);
	fake_expect("GET", "/v1/jobs/nobody", NULL, 404,
		"{\"error\":{\"code\":\"not_found\",\"message\":\"there is no job "
		"'nobody'\",\"field\":\"\"}}");
}

static void secrets_are_known_by_the_names_of_their_members(void **state)
{
	static const char text[] =
		"{\"password\":\"S\",\"dbPassword\":\"S\",\"secretKey\":\"S\",\"accessKey\":\"S\","
		"\"access_key\":\"S\",\"private_key\":\"S\",\"sessionToken\":\"S\",\"max_tokens\":5,"
		"\"credentials\":{\"endpoint\":\"S\",\"deep\":[\"S\",{\"x\":\"S\"}]},"
		"\"list\":[{\"Authorization\":\"S\"},\"seen\"],\"ENVIRONMENT\":{\"A\":\"S\"},"
		"\"name\":\"seen\",\"flag\":true}";
	json_t *value = json_parse(text, strlen(text), NULL);
	json_t *redacted = redact(value);
	char *got = json_compact(redacted, NULL);

	(void)state;
	assert_null(strstr(got, "\"S\""));
	assert_non_null(strstr(got, "\"name\":\"seen\""));
	assert_non_null(strstr(got, ",\"seen\"]"));
	assert_non_null(strstr(got, "\"max_tokens\":5"));
	assert_non_null(strstr(got, "\"flag\":true"));
	free(got);
	json_decref(redacted);
	json_decref(value);
}

static void a_cancel_says_whether_it_did_something(void **state)
{
	struct exchange *x;

	(void)state;
	add_job(7, "local", "train", JOB_RUNNING);
	fake_tracker.changed = true;
	fake_tracker.state = JOB_RUNNING;
	fake_expect("POST", "/v1/jobs/000000000000000000000007/cancel", NULL, 200,
		"{\"id\":\"000000000000000000000007\",\"cancelled\":true,\"state\":\"running\"}");
	fake_tracker.changed = false;
	fake_tracker.state = JOB_SUCCEEDED;
	fake_expect("POST", "/v1/jobs/000000000000000000000007/cancel", NULL, 200,
		"{\"id\":\"000000000000000000000007\",\"cancelled\":false,\"state\":\"succeeded\"}");
	x = fake_request("POST", "/v1/jobs/nobody/cancel", NULL);
	fake_serve(x);
	assert_int_equal(fake_status(x), 404);
	fake_free(x);
}

static void submitted(void)
{
	const struct job job = {.id = JOB,
		.submission = JOB,
		.state = JOB_RUNNING,
		.created_ms = T0,
		.started_ms = T0,
		.provider = LITERAL("local"),
		.interface = LITERAL("davit.training"),
		.kind = LITERAL("train"),
		.connection = LITERAL("ours"),
		.request = LITERAL("{}"),
		.remote_ref = LITERAL("{\"id\":\"r\"}"),
		.remote_name = LITERAL("r")};

	fake_job(&job);
}

static void a_log_is_streamed_as_text(void **state)
{
	struct exchange *x = fake_request("GET", "/v1/jobs/" JOB "/log", NULL);

	(void)state;
	submitted();
	fake_provider.stream = "<b>line</b>\n";
	fake_provider.stream_type = "text/html";
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_type(x), "text/plain; charset=utf-8");
	assert_string_equal(fake_text(x), "<b>line</b>\n");
	assert_false(fake_cut(x));
	assert_string_equal(
		json_string_value(json_at(fake_provider.request, "/connection/region")), "north");
	fake_free(x);
}

static void a_log_that_breaks_off_is_cut(void **state)
{
	struct exchange *x = fake_request("GET", "/v1/jobs/" JOB "/log", NULL);

	(void)state;
	submitted();
	fake_provider.stream = "half";
	fake_provider.code = DAVIT_INTERNAL;
	fake_provider.fail_text = "gone";
	fake_serve(x);
	assert_true(fake_cut(x));
	fake_free(x);
}

static void a_job_without_output_has_an_empty_log(void **state)
{
	(void)state;
	add_job(7, "local", "train", JOB_QUEUED);
	fake_expect("GET", "/v1/jobs/000000000000000000000007/log", NULL, 200, "");
	submitted();
	fake_expect("GET", "/v1/jobs/" JOB "/log", NULL, 200, "");
	fake_provider.loaded = false;
	fake_expect("GET", "/v1/jobs/" JOB "/log", NULL, 503,
		"{\"error\":{\"code\":\"unavailable\",\"message\":\"provider 'local' of this job is "
		"not loaded; loaded are: \",\"field\":\"\"}}");
}

static void the_files_of_a_job_are_listed(void **state)
{
	(void)state;
	add_job(7, "local", "train", JOB_QUEUED);
	fake_expect(
		"GET", "/v1/jobs/000000000000000000000007/outputs", NULL, 200, "{\"items\":[]}");
	submitted();
	fake_provider.reply = "{\"items\":[{\"path\":\"a\",\"bytes\":1}]}";
	fake_expect("GET", "/v1/jobs/" JOB "/outputs", NULL, 200,
		"{\"items\":[{\"path\":\"a\",\"bytes\":1}]}");
	assert_string_equal(fake_provider.slot, "outputs");
	assert_null(json_object_get(fake_provider.request, "path"));
}

static void a_file_of_a_job_is_streamed_as_bytes(void **state)
{
	struct exchange *x = fake_request("GET", "/v1/jobs/" JOB "/outputs", NULL);

	(void)state;
	submitted();
	fake_query(x, "path", "plots/a.html");
	fake_provider.stream = "<b>bytes</b>";
	fake_provider.stream_type = "text/html";
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_string_equal(fake_type(x), "application/octet-stream");
	assert_string_equal(fake_text(x), "<b>bytes</b>");
	assert_string_equal(json_text_or(fake_provider.request, "path", ""), "plots/a.html");
	fake_free(x);
}

static void a_file_that_breaks_off_is_cut(void **state)
{
	struct exchange *x = fake_request("GET", "/v1/jobs/" JOB "/outputs", NULL);

	(void)state;
	submitted();
	fake_query(x, "path", "a");
	fake_provider.stream = "half";
	fake_provider.code = DAVIT_INTERNAL;
	fake_provider.fail_text = "gone";
	fake_serve(x);
	assert_true(fake_cut(x));
	fake_free(x);
}

static void a_file_that_is_not_there_is_not_found(void **state)
{
	struct exchange *x = fake_request("GET", "/v1/jobs/000000000000000000000007/outputs", NULL);

	(void)state;
	fake_expect("GET", "/v1/jobs/" JOB "/outputs", NULL, 404,
		"{\"error\":{\"code\":\"not_found\",\"message\":\"there is no job '" JOB
		"'\",\"field\":\"\"}}");
	add_job(7, "local", "train", JOB_QUEUED);
	fake_query(x, "path", "a");
	fake_serve(x);
	assert_int_equal(fake_status(x), 404);
	fake_free(x);
}

static void the_jobs_of_a_provider_whose_quarantine_is_lifted_are_looked_at(void **state)
{
	(void)state;
	fake_expect("POST", "/v1/providers/other/lift", NULL, 404,
		"{\"error\":{\"code\":\"not_found\",\"message\":\"there is no provider 'other'\",\"field\":\"\"}}");
	assert_false(fake_tracker.looked);
	fake_expect("POST", "/v1/providers/local/lift", NULL, 200,
		"{\"id\":\"local\",\"state\":\"loaded\"}");
	assert_true(fake_tracker.looked);
}

static void providers_are_listed_and_found(void **state)
{
	(void)state;
	fake_expect("GET", "/v1/providers", NULL, 200,
		"{\"providers\":[{\"id\":\"local\",\"state\":\"loaded\"}]}");
	fake_expect(
		"GET", "/v1/providers/local", NULL, 200, "{\"id\":\"local\",\"state\":\"loaded\"}");
	fake_expect("GET", "/v1/providers/other", NULL, 404,
		"{\"error\":{\"code\":\"not_found\",\"message\":\"there is no provider "
		"'other'\",\"field\":\"\"}}");
}

static void health_and_readiness_differ(void **state)
{
	(void)state;
	fake_expect("GET", "/healthz", NULL, 200, "{\"status\":\"ok\"}");
	fake_expect("GET", "/readyz", NULL, 200, "{\"status\":\"ready\",\"reasons\":[]}");
	fake_tracker.recovered = false;
	fake_expect("GET", "/healthz", NULL, 200, "{\"status\":\"ok\"}");
	fake_expect("GET", "/readyz", NULL, 503,
		"{\"status\":\"not ready\",\"reasons\":[{\"part\":\"jobs\",\"text\":\"the jobs of the "
		"time before this start are still being found\"}]}");
}

static void the_root_shows_name_and_version_to_anybody(void **state)
{
	static const char *const methods[] = {"GET", "POST"};

	(void)state;
	for (size_t i = 0; i < COUNT(methods); i++) {
		struct exchange *x = fake_request(methods[i], "/", NULL);

		fake_serve(x);
		assert_int_equal(fake_status(x), 200);
		assert_int_equal(json_object_size(fake_json(x)), 2);
		assert_string_equal(json_text_or(fake_json(x), "name", ""), "davitd");
		assert_true(json_is_string(json_object_get(fake_json(x), "version")));
		fake_free(x);
	}
}

static void the_document_is_served(void **state)
{
	struct exchange *x = fake_request("GET", "/swagger.json", NULL);

	(void)state;
	fake_serve(x);
	assert_int_equal(fake_status(x), 200);
	assert_non_null(json_at(fake_json(x), "/paths/~1execute/post"));
	fake_free(x);
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SITE(jobs_are_filtered_and_paged),
		ON_SITE(wrong_filters_are_named),
		ON_SITE(one_job_is_seen_whole_but_for_its_secrets),
		cmocka_unit_test(secrets_are_known_by_the_names_of_their_members),
		ON_SITE(a_cancel_says_whether_it_did_something),
		ON_SITE(a_log_is_streamed_as_text),
		ON_SITE(a_log_that_breaks_off_is_cut),
		ON_SITE(a_job_without_output_has_an_empty_log),
		ON_SITE(the_files_of_a_job_are_listed),
		ON_SITE(a_file_of_a_job_is_streamed_as_bytes),
		ON_SITE(a_file_that_breaks_off_is_cut),
		ON_SITE(a_file_that_is_not_there_is_not_found),
		ON_SITE(providers_are_listed_and_found),
		ON_SITE(the_jobs_of_a_provider_whose_quarantine_is_lifted_are_looked_at),
		ON_SITE(health_and_readiness_differ),
		ON_SITE(the_root_shows_name_and_version_to_anybody),
		ON_SITE(the_document_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The surface against what clients call: every method and path, and the document about it. */
#include "unit/cmocka.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "api/openapi.h"
#include "api/operations.h"
#include "base/attr.h"
#include "base/json.h"

#define S "/api/service/v1"

static const struct row {
	const char *method;
	const char *path;
	const char *operation;
	const char *arg;
	enum error_form form;
} rows[] = {
	{"POST", "/execute", "execute_submit", "", ERROR_SHORT},
	{"GET", "/execute", "execute_list", "", ERROR_SHORT},
	{"GET", "//execute", "execute_list", "", ERROR_SHORT},
	{"HEAD", "/execute", "execute_list", "", ERROR_SHORT},
	{"GET", "/execute/jobs", "execute_page", "", ERROR_SHORT},
	{"GET", "/execute/getLog", "execute_own_log", "", ERROR_SHORT},
	{"GET", "/execute/01hz/getStatus", "execute_status", "01hz", ERROR_SHORT},
	{"GET", "/execute/null/getStatus", "execute_status", "null", ERROR_SHORT},
	{"GET", "/execute/01hz/getLog", "execute_log", "01hz", ERROR_SHORT},
	{"GET", "/execute/01hz/stop", "execute_stop", "01hz", ERROR_SHORT},
	{"POST", "/execute/01hz/stop", "execute_stop", "01hz", ERROR_SHORT},
	{"GET", "/execute/01hz/getOutputArtifacts", "execute_artifacts", "01hz", ERROR_SHORT},
	{"GET", "/venvs", "venvs_list", "", ERROR_SHORT},
	{"DELETE", "/venvs", "venvs_delete", "", ERROR_SHORT},
	{"POST", S "/datasets", "projects_datasets_create", "", ERROR_TEXT},
	{"GET", S "/datasets/list", "projects_datasets_list_list", "", ERROR_TEXT},
	{"GET", S "/datasets/d1", "projects_datasets_get", "d1", ERROR_TEXT},
	{"DELETE", S "/datasets/d1", "projects_datasets_delete", "d1", ERROR_TEXT},
	{"POST", S "/datasets/d1/export", "projects_datasets_export_create", "d1", ERROR_TEXT},
	{"POST", S "/datasets/d@v2/tags", "projects_datasets_tags_create", "d@v2", ERROR_TEXT},
	{"POST", S "/endpoints/register", "projects_endpoints_create", "", ERROR_TEXT},
	{"GET", S "/endpoints/list", "projects_endpoints_list_list", "", ERROR_TEXT},
	{"GET", S "/endpoints/e1", "projects_endpoints_get", "e1", ERROR_TEXT},
	{"DELETE", S "/endpoints/e1/delete", "projects_endpoints_delete", "e1", ERROR_TEXT},
	{"POST", S "/endpoints/e1/deploy_model", "projects_endpoints_deploy_model_create", "e1",
		ERROR_TEXT},
	{"POST", S "/endpoints/e1/explain", "projects_endpoints_explain_create", "e1", ERROR_TEXT},
	{"POST", S "/endpoints/e1/infer", "projects_endpoints_infer_create", "e1", ERROR_TEXT},
	{"POST", S "/endpoints/projects/p/locations/l/endpoints/1/infer",
		"projects_endpoints_infer_create", "projects/p/locations/l/endpoints/1",
		ERROR_TEXT},
	{"POST", S "/endpoints/{endpoint_id}/infer", "projects_endpoints_infer_create",
		"{endpoint_id}", ERROR_TEXT},
	{"POST", S "/endpoints/e1/undeploy_models", "projects_endpoints_undeploy_models_create",
		"e1", ERROR_TEXT},
	{"GET", S "/models/list", "projects_models_list", "", ERROR_TEXT},
	{"POST", S "/models/register", "projects_models_register_create", "", ERROR_TEXT},
	{"GET", S "/models/m1", "projects_models_get", "m1", ERROR_TEXT},
	{"DELETE", S "/models/m1", "projects_models_delete", "m1", ERROR_TEXT},
	{"POST", S "/models/m1/export", "projects_models_export_create", "m1", ERROR_TEXT},
	{"POST", S "/models/m:prod/aliases", "projects_models_aliases_create", "m:prod",
		ERROR_TEXT},
	{"POST", S "/pipelines/training", "training_form_submit", "", ERROR_TEXT},
	{"POST", S "/pipelines/training/automl", "training_automl_simplified_create", "",
		ERROR_TEXT},
	{"POST", S "/pipelines/training/custom_script", "training_custom_script_create", "",
		ERROR_TEXT},
	{"GET", S "/pipelines/training/list", "training_istlist", "", ERROR_TEXT},
	{"POST", S "/pipelines/training/train", "training_train_create", "", ERROR_TEXT},
	{"GET", S "/pipelines/training/t1/cancel", "training_cancel_list", "t1", ERROR_TEXT},
	{"POST", S "/pipelines/training/t1/cancel", "training_cancel_list", "t1", ERROR_TEXT},
	{"DELETE", S "/projects_pipelines/t1/delete", "training_delete", "t1", ERROR_TEXT},
	{"DELETE", S "/pipelines/training/t1/delete", "training_delete", "t1", ERROR_TEXT},
	{"GET", S "/pipelines/training/t1/get", "training_get_list", "t1", ERROR_TEXT},
	{"POST", S "/pipelines/inference", "projects_inferencePipelines_create", "", ERROR_TEXT},
	{"POST", S "/pipelines/inference/", "projects_inferencePipelines_create", "", ERROR_TEXT},
	{"GET", S "/pipelines/inference/list", "projects_inferencePipelines_list_list", "",
		ERROR_TEXT},
	{"DELETE", S "/pipelines/inference/i1", "projects_inferencePipelines_delete", "i1",
		ERROR_TEXT},
	{"POST", S "/pipelines/inference/i1/cancel", "projects_inferencePipelines_cancel", "i1",
		ERROR_TEXT},
	{"GET", S "/pipelines/inference/i1/cancel", "projects_inferencePipelines_cancel", "i1",
		ERROR_TEXT},
	{"POST", S "/pipelines/inference/i1/get", "projects_inferencePipelines_get", "i1",
		ERROR_TEXT},
	{"GET", S "/pipelines/inference/i1/get", "projects_inferencePipelines_get", "i1",
		ERROR_TEXT},
	{"POST", S "/function/execute", "function_execute", "", ERROR_TEXT},
	{"GET", "/status/01hz", "status_get", "01hz", ERROR_OBJECT},
	{"GET", "/status/projects/1/jobs/2", "status_get", "projects/1/jobs/2", ERROR_OBJECT},
	{"GET", "/v1/providers", "v1_providers_list", "", ERROR_OBJECT},
	{"GET", "/v1/providers/local", "v1_providers_get", "local", ERROR_OBJECT},
	{"POST", "/v1/providers/local/lift", "v1_providers_lift", "local", ERROR_OBJECT},
	{"GET", "/v1/queues", "v1_queues_list", "", ERROR_OBJECT},
	{"POST", "/v1/queues/local", "v1_queues_set", "local", ERROR_OBJECT},
	{"GET", "/v1/jobs", "v1_jobs_list", "", ERROR_OBJECT},
	{"GET", "/v1/jobs/01hz", "v1_jobs_get", "01hz", ERROR_OBJECT},
	{"POST", "/v1/jobs/01hz/cancel", "v1_jobs_cancel", "01hz", ERROR_OBJECT},
	{"POST", "/v1/jobs/01hz/rerun", "v1_jobs_rerun", "01hz", ERROR_OBJECT},
	{"POST", "/v1/jobs/01hz/decide", "v1_jobs_decide", "01hz", ERROR_OBJECT},
	{"GET", "/v1/jobs/01hz/timeline", "v1_jobs_timeline", "01hz", ERROR_OBJECT},
	{"GET", "/v1/jobs/01hz/log", "v1_jobs_log", "01hz", ERROR_OBJECT},
	{"GET", "/v1/jobs/01hz/outputs", "v1_jobs_outputs", "01hz", ERROR_OBJECT},
	{"GET", "/v1/strays", "v1_strays_list", "", ERROR_OBJECT},
	{"POST", "/v1/strays/sweep", "v1_strays_sweep", "", ERROR_OBJECT},
	{"POST", "/v1/strays/01hz/adopt", "v1_strays_adopt", "01hz", ERROR_OBJECT},
	{"POST", "/v1/strays/01hz/delete", "v1_strays_delete", "01hz", ERROR_OBJECT},
	{"GET", "/v1/runs", "v1_runs_list", "", ERROR_OBJECT},
	{"GET", "/v1/runs/compare", "v1_runs_compare", "", ERROR_OBJECT},
	{"GET", "/v1/runs/01hz", "v1_runs_get", "01hz", ERROR_OBJECT},
	{"GET", "/healthz", "health_live", "", ERROR_OBJECT},
	{"GET", "/readyz", "health_ready", "", ERROR_OBJECT},
	{"GET", "/swagger.json", "openapi_get", "", ERROR_OBJECT},
	{"GET", "/", "root_get", "", ERROR_OBJECT},
	{"POST", "/", "root_post", "", ERROR_OBJECT},
	{"GET", "/cloudconnect", "cloudconnect_get", "", ERROR_SHORT},
	{"POST", "/cloudconnect", "cloudconnect_post", "", ERROR_SHORT},
};

static void every_call_of_the_contract_has_its_operation(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const struct route *route = NULL;
		const char *arg = "";
		enum error_form form;
		char allow[64], got[128];
		size_t n = 0;

		if (route_find(api_routes, api_route_count, row->method, row->path, &route, &arg,
			    &n, allow, &form) != ROUTE_FOUND)
			fail_msg("%s %s leads nowhere", row->method, row->path);
		(void)snprintf(got, sizeof(got), "%.*s", (int)n, n > 0 ? arg : "");
		if (strcmp(route->operation, row->operation) != 0 || strcmp(got, row->arg) != 0 ||
			route->form != row->form)
			fail_msg("%s %s is %s of '%s'", row->method, row->path, route->operation,
				got);
	}
}

static bool has_row(const struct route *route)
{
	const struct route *found;
	const char *arg;
	enum error_form form;
	char allow[64];
	size_t n;

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (route_find(api_routes, api_route_count, rows[i].method, rows[i].path, &found,
			    &arg, &n, allow, &form) == ROUTE_FOUND &&
			found == route)
			return true;
	}
	return false;
}

static void every_route_is_one_the_contract_knows(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_route_count; i++) {
		if (!has_row(&api_routes[i]))
			fail_msg("no row for %s %s", api_routes[i].method, api_routes[i].pattern);
	}
}

static void what_is_no_route_says_so_in_the_form_of_its_part(void **state)
{
	static const struct {
		const char *method;
		const char *path;
		enum route_match match;
		enum error_form form;
	} misses[] = {
		{"GET", S "/nothing", ROUTE_NO_PATH, ERROR_TEXT},
		{"GET", S "/datasets", ROUTE_NO_METHOD, ERROR_TEXT},
		{"PUT", "/execute", ROUTE_NO_METHOD, ERROR_SHORT},
		{"GET", "/execute/01hz/nothing", ROUTE_NO_PATH, ERROR_SHORT},
		{"GET", "/nothing", ROUTE_NO_PATH, ERROR_OBJECT},
		{"DELETE", "/v1/jobs/01hz", ROUTE_NO_METHOD, ERROR_OBJECT},
		{"GET", "/execute/", ROUTE_NO_PATH, ERROR_SHORT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(misses); i++) {
		const struct route *route;
		const char *arg;
		enum error_form form = ERROR_OBJECT;
		char allow[64];
		size_t n;
		enum route_match match = route_find(api_routes, api_route_count, misses[i].method,
			misses[i].path, &route, &arg, &n, allow, &form);

		if (match != misses[i].match || form != misses[i].form)
			fail_msg("%s %s: %d %d", misses[i].method, misses[i].path, (int)match,
				(int)form);
	}
}

static void operations_and_routes_agree(void **state)
{
	bool seen[OP_COUNT] = {false};

	(void)state;
	for (size_t i = 0; i < api_route_count; i++) {
		const struct route *route = &api_routes[i];

		assert_non_null(route->handle);
		assert_true(route->summary[0] != '\0');
		if (route->slot == NULL)
			continue;
		assert_string_equal(route->slot->name, route->operation);
		assert_int_equal(route->form, ERROR_TEXT);
		seen[route->slot - api_operations] = true;
	}
	assert_int_equal(api_operation_count, 33);
	for (size_t i = 0; i < OP_COUNT; i++) {
		if (!seen[i])
			fail_msg("no route for %s", api_operations[i].name);
	}
}

static void the_id_of_a_path_is_known_in_the_query_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_route_count; i++) {
		const struct route *route = &api_routes[i];
		char hole[64];

		if (route->slot == NULL)
			continue;
		if (strchr(route->pattern, '{') == NULL) {
			assert_null(route->query_id);
			continue;
		}
		(void)snprintf(hole, sizeof(hole), "{%s}", route->query_id);
		assert_non_null(strstr(route->pattern, hole));
	}
}

static void only_the_unix_socket_changes_things_under_v1(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_route_count; i++) {
		bool below = strncmp(api_routes[i].pattern, "/v1/", 4) == 0;
		bool reads = strcmp(api_routes[i].method, "GET") == 0;

		assert_int_equal(below && !reads, (api_routes[i].flags & ROUTE_ADMIN) != 0);
	}
}

/* --- the document --- */

static void lower(const char *method, char *text, size_t size)
{
	size_t n = 0;

	for (; method[n] != '\0' && n < size - 1; n++)
		text[n] = (char)tolower((unsigned char)method[n]);
	text[n] = '\0';
}

static void the_document_has_every_route_under_an_id_of_its_own(void **state)
{
	json_t *document = openapi_document(NULL, api_routes, api_route_count);
	json_t *paths = json_object_get(document, "paths");
	json_t *ids = json_object();

	(void)state;
	assert_non_null(document);
	assert_string_equal(json_text_or(document, "openapi", ""), "3.0.3");
	for (size_t i = 0; i < api_route_count; i++) {
		char method[16];
		const json_t *operation;
		const char *id;

		lower(api_routes[i].method, method, sizeof(method));
		operation = json_object_get(json_object_get(paths, api_routes[i].pattern), method);
		id = json_text_or(operation, "operationId", "");
		if (id[0] == '\0' || json_object_get(ids, id) != NULL)
			fail_msg("%s %s has the id '%s'", method, api_routes[i].pattern, id);
		assert_string_equal(json_text_or(operation, "summary", ""), api_routes[i].summary);
		json_object_set_new(ids, id, json_true());
	}
	assert_int_equal(json_object_size(ids), api_route_count);
	json_decref(ids);
	json_decref(document);
}

/* Every reference leads to a schema of the document, every hole has its parameter. */
static void the_document_holds_together(void **state)
{
	json_t *document = openapi_document(NULL, api_routes, api_route_count);
	const char *path, *method;
	json_t *methods, *operation;

	(void)state;
	json_object_foreach(json_object_get(document, "paths"), path, methods)
	{
		json_object_foreach(methods, method, operation)
		{
			const char *reference = json_string_value(json_at(operation,
				"/responses/default/content/application~1json/schema/$ref"));
			const json_t *parameters = json_object_get(operation, "parameters");
			const json_t *first = json_array_get(parameters, 0);
			char hole[64];

			assert_non_null(reference);
			assert_non_null(json_at(document, reference + 1));
			if (strchr(path, '{') == NULL)
				continue;
			(void)snprintf(hole, sizeof(hole), "{%s}", json_text_or(first, "name", ""));
			assert_non_null(strstr(path, hole));
			assert_string_equal(json_text_or(first, "in", ""), "path");
		}
	}
	json_decref(document);
}

static void the_document_says_what_success_looks_like(void **state)
{
	json_t *document = openapi_document(NULL, api_routes, api_route_count);

	(void)state;
	assert_non_null(json_at(document,
		"/paths/~1api~1service~1v1~1pipelines~1training~1automl/post/responses/201"));
	assert_non_null(json_at(document, "/paths/~1execute/post/responses/200"));
	assert_non_null(json_at(document, "/paths/~1execute/post/requestBody"));
	assert_null(json_at(document, "/paths/~1execute/get/requestBody"));
	assert_non_null(json_at(document, "/paths/~1api~1service~1v1~1datasets/post/requestBody/"
					  "content/multipart~1form-data/schema/properties/file"));
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_of_the_contract_has_its_operation),
		cmocka_unit_test(every_route_is_one_the_contract_knows),
		cmocka_unit_test(what_is_no_route_says_so_in_the_form_of_its_part),
		cmocka_unit_test(operations_and_routes_agree),
		cmocka_unit_test(the_id_of_a_path_is_known_in_the_query_too),
		cmocka_unit_test(only_the_unix_socket_changes_things_under_v1),
		cmocka_unit_test(the_document_has_every_route_under_an_id_of_its_own),
		cmocka_unit_test(the_document_holds_together),
		cmocka_unit_test(the_document_says_what_success_looks_like),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

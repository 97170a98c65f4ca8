/* Tests of route: which row of a table a method and a path lead to. */
#include "http/route.h"

#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"

#define B "/api/service/v1"

static const struct route table[] = {
	{"GET", "/", "root", .form = ERROR_OBJECT},
	{"POST", "/", "root_post", .form = ERROR_OBJECT},
	{"GET", "/execute", "list", .form = ERROR_SHORT},
	{"POST", "/execute", "submit", .form = ERROR_SHORT},
	{"GET", "/execute/getLog", "own_log", .form = ERROR_SHORT},
	{"GET", "/execute/{id}/getLog", "log", .form = ERROR_SHORT},
	{"GET", "/execute/{id}/getStatus", "status", .form = ERROR_SHORT},
	{"DELETE", "/venvs/{name}", "venv_remove", .form = ERROR_SHORT},
	{"GET", B "/endpoints/list", "endpoints_list", .form = ERROR_TEXT},
	{"GET", B "/endpoints/{id}", "endpoint_get", .form = ERROR_TEXT},
	{"DELETE", B "/endpoints/{id}", "endpoint_delete", .form = ERROR_TEXT},
	{"POST", B "/endpoints/{endpoint_id}/infer", "infer", .form = ERROR_TEXT},
	{"GET", B "/pipelines/{id}/cancel", "cancel", .form = ERROR_TEXT},
	{"POST", B "/pipelines/{id}/cancel", "cancel_post", .form = ERROR_TEXT},
	{"GET", "/v1/jobs/{id}", "job", .form = ERROR_OBJECT},
	{"GET", "/v1/jobs/{id}/log", "job_log", .form = ERROR_OBJECT},
	{"GET", "/status/{id}", "short_status", .form = ERROR_OBJECT},
};

struct row {
	const char *method, *path, *operation, *arg;
};

static void check_found(const struct row *row)
{
	const struct route *route = NULL;
	const char *arg = NULL;
	size_t arg_n = 0;
	char allow[64];
	enum error_form form;

	assert_int_equal(route_find(table, COUNT(table), row->method, row->path, &route, &arg,
				 &arg_n, allow, &form),
		ROUTE_FOUND);
	assert_string_equal(route->operation, row->operation);
	assert_int_equal(arg_n, strlen(row->arg));
	assert_memory_equal(arg, row->arg, arg_n);
	assert_int_equal(form, route->form);
}

static void the_most_specific_pattern_wins_and_holes_take_slashes(void **state)
{
	static const struct row rows[] = {
		{"GET", "/", "root", ""},
		{"HEAD", "/", "root", ""},
		{"GET", "//", "root", ""},
		{"POST", "/", "root_post", ""},
		{"POST", "//execute", "submit", ""},
		{"POST", "////execute", "submit", ""},
		{"GET", "/execute/getLog", "own_log", ""},
		{"GET", "/execute/7/getLog", "log", "7"},
		{"GET", "/execute/null/getStatus", "status", "null"},
		{"HEAD", "/execute/7/getStatus", "status", "7"},
		{"GET", "/execute/a/b/getStatus", "status", "a/b"},
		{"GET", B "/endpoints/list", "endpoints_list", ""},
		{"GET", B "/endpoints/list2", "endpoint_get", "list2"},
		{"GET", B "/endpoints//list", "endpoint_get", "/list"},
		{"POST", B "/endpoints/projects/p/locations/l/endpoints/1/infer", "infer",
			"projects/p/locations/l/endpoints/1"},
		{"POST", B "/endpoints/{endpoint_id}/infer", "infer", "{endpoint_id}"},
		{"POST", B "/endpoints/infer/infer", "infer", "infer"},
		{"POST", B "/endpoints//infer/infer", "infer", "/infer"},
		{"DELETE", B "/endpoints/arn:x:1:endpoint/e", "endpoint_delete",
			"arn:x:1:endpoint/e"},
		{"GET", B "/endpoints/\xc3\xa9", "endpoint_get", "\xc3\xa9"},
		{"POST", B "/pipelines/1/cancel", "cancel_post", "1"},
		{"GET", "/v1/jobs/1/log", "job_log", "1"},
		{"GET", "/v1/jobs/1/logs", "job", "1/logs"},
		{"GET", "/status/a:b/c%2Fd", "short_status", "a:b/c%2Fd"},
		{"DELETE", "/venvs/x", "venv_remove", "x"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_found(&rows[i]);
}

struct miss {
	const char *method, *path;
	enum route_match match;
	enum error_form form;
	const char *allow;
};

static void check_miss(const struct miss *row)
{
	const struct route *route = NULL;
	const char *arg = NULL;
	size_t arg_n = 0;
	char allow[64] = "not written";
	enum error_form form;

	assert_int_equal(route_find(table, COUNT(table), row->method, row->path, &route, &arg,
				 &arg_n, allow, &form),
		row->match);
	assert_null(route);
	assert_int_equal(form, row->form);
	assert_string_equal(allow, row->allow);
}

static void what_is_not_there_gets_the_error_form_of_its_neighbours(void **state)
{
	static const struct miss rows[] = {
		{"GET", "/nothing", ROUTE_NO_PATH, ERROR_OBJECT, ""},
		{"GET", "", ROUTE_NO_PATH, ERROR_OBJECT, ""},
		{"GET", "*", ROUTE_NO_PATH, ERROR_OBJECT, ""},
		{"GET", "/executes", ROUTE_NO_PATH, ERROR_OBJECT, ""},
		{"GET", "/execute/", ROUTE_NO_PATH, ERROR_SHORT, ""},
		{"GET", "/execute/1/nothing", ROUTE_NO_PATH, ERROR_SHORT, ""},
		{"GET", "/execute//getStatus", ROUTE_NO_PATH, ERROR_SHORT, ""},
		{"GET", "/venvs", ROUTE_NO_PATH, ERROR_SHORT, ""},
		{"GET", B, ROUTE_NO_PATH, ERROR_TEXT, ""},
		{"GET", B "/", ROUTE_NO_PATH, ERROR_TEXT, ""},
		{"GET", B "/nothing/there", ROUTE_NO_PATH, ERROR_TEXT, ""},
		{"POST", B "/endpoints", ROUTE_NO_PATH, ERROR_TEXT, ""},
		{"GET", B "/endpoints/", ROUTE_NO_PATH, ERROR_TEXT, ""},
		{"GET", "/v1/nothing", ROUTE_NO_PATH, ERROR_OBJECT, ""},
		{"DELETE", "/", ROUTE_NO_METHOD, ERROR_OBJECT, "GET, HEAD, POST"},
		{"OPTIONS", "/execute", ROUTE_NO_METHOD, ERROR_SHORT, "GET, HEAD, POST"},
		{"PUT", "/execute/7/getLog", ROUTE_NO_METHOD, ERROR_SHORT, "GET, HEAD"},
		{"HEAD", "/venvs/x", ROUTE_NO_METHOD, ERROR_SHORT, "DELETE"},
		{"get", "/execute", ROUTE_NO_METHOD, ERROR_SHORT, "GET, HEAD, POST"},
		/* Not the endpoint named "7/infer". */
		{"DELETE", B "/endpoints/7/infer", ROUTE_NO_METHOD, ERROR_TEXT, "POST"},
		{"DELETE", B "/endpoints/list", ROUTE_NO_METHOD, ERROR_TEXT, "GET, HEAD"},
		{"PATCH", B "/pipelines/1/cancel", ROUTE_NO_METHOD, ERROR_TEXT, "GET, HEAD, POST"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_miss(&rows[i]);
}

static void a_long_list_of_methods_stays_within_its_text(void **state)
{
	static const struct route many[] = {
		{.method = "GET", .pattern = "/a"},
		{.method = "POST", .pattern = "/a"},
		{.method = "PUT", .pattern = "/a"},
		{.method = "DELETE", .pattern = "/a"},
		{.method = "PATCH", .pattern = "/a"},
		{.method = "PROPFIND", .pattern = "/a"},
		{.method = "PROPPATCH", .pattern = "/a"},
		{.method = "MKCOL", .pattern = "/a"},
		{.method = "VERSION-CONTROL", .pattern = "/a"},
		{.method = "UPDATEREDIRECTREF", .pattern = "/a"},
	};
	const struct route *route;
	const char *arg;
	size_t arg_n;
	char allow[64];
	enum error_form form;

	(void)state;
	assert_int_equal(
		route_find(many, COUNT(many), "LOCK", "/a", &route, &arg, &arg_n, allow, &form),
		ROUTE_NO_METHOD);
	assert_true(strlen(allow) < sizeof(allow));
	assert_string_equal(
		allow, "GET, HEAD, POST, PUT, DELETE, PATCH, PROPFIND, PROPPATCH, MKCOL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_pattern_wins_and_holes_take_slashes),
		cmocka_unit_test(what_is_not_there_gets_the_error_form_of_its_neighbours),
		cmocka_unit_test(a_long_list_of_methods_stays_within_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

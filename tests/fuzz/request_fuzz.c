/*
 * Fuzz target: the way of a stranger's bytes through the http front. The input is
 *
 *     METHOD target LF
 *     content type LF
 *     body
 *
 * Address, route, query, JSON and multipart are taken apart as for a real request; whatever
 * comes out must lie within what went in, and every refusal must be valid JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "http/errors.h"
#include "http/multipart.h"
#include "http/route.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define B "/api/service/v1"
#define ROW(METHOD, PATTERN, FORM)                                                                 \
	{                                                                                          \
		.method = (METHOD), .pattern = (PATTERN), .form = (FORM)                           \
	}

static const struct route table[] = {
	ROW("GET", "/", ERROR_OBJECT),
	ROW("POST", "/", ERROR_OBJECT),
	ROW("GET", "/healthz", ERROR_OBJECT),
	ROW("GET", "/execute", ERROR_SHORT),
	ROW("POST", "/execute", ERROR_SHORT),
	ROW("GET", "/execute/getLog", ERROR_SHORT),
	ROW("GET", "/execute/{task_id}/getStatus", ERROR_SHORT),
	ROW("GET", "/execute/{task_id}/getLog", ERROR_SHORT),
	ROW("GET", "/execute/{task_id}/stop", ERROR_SHORT),
	ROW("DELETE", "/venvs/{name}", ERROR_SHORT),
	ROW("GET", B "/datasets/list", ERROR_TEXT),
	ROW("POST", B "/datasets/create", ERROR_TEXT),
	ROW("GET", B "/datasets/{dataset_id}/get", ERROR_TEXT),
	ROW("DELETE", B "/datasets/{dataset_id}/delete", ERROR_TEXT),
	ROW("GET", B "/pipelines/training/list", ERROR_TEXT),
	ROW("POST", B "/pipelines/training", ERROR_TEXT),
	ROW("GET", B "/pipelines/training/{training_id}/cancel", ERROR_TEXT),
	ROW("DELETE", B "/pipelines/training/{training_id}/delete", ERROR_TEXT),
	ROW("GET", B "/endpoints/list", ERROR_TEXT),
	ROW("POST", B "/endpoints/{endpoint_id}/infer", ERROR_TEXT),
	ROW("POST", B "/endpoints/{endpoint_id}/deploy_model", ERROR_TEXT),
	ROW("DELETE", B "/endpoints/{endpoint_id}", ERROR_TEXT),
	ROW("GET", "/v1/jobs", ERROR_OBJECT),
	ROW("GET", "/v1/jobs/{id}", ERROR_OBJECT),
	ROW("GET", "/v1/jobs/{id}/log", ERROR_OBJECT),
	ROW("GET", "/status/{id}", ERROR_OBJECT),
};

static void must(bool good)
{
	if (!good)
		abort();
}

static void check_refusal(enum error_form form, const struct fail *f)
{
	size_t n = 0;
	char *text = errors_json(form, f, f->text, fail_word(f->code), "request", &n);
	json_t *value;

	must(f->code != FAIL_NONE && f->text[0] != '\0' && text != NULL);
	value = json_loadb(text, n, JSON_DECODE_ANY, NULL);
	must(value != NULL);
	json_decref(value);
	free(text);
}

static void check_route(const char *method, const struct target *t)
{
	const struct route *route = NULL;
	const char *arg = NULL;
	size_t arg_n = 0, path_n = strlen(t->path);
	char allow[64];
	enum error_form form;
	enum route_match match = route_find(
		table, COUNT(table), method, t->path, &route, &arg, &arg_n, allow, &form);

	must(form == ERROR_TEXT || form == ERROR_SHORT || form == ERROR_OBJECT);
	must(strlen(allow) < sizeof(allow) && (match == ROUTE_NO_METHOD) == (allow[0] != '\0'));
	if (match != ROUTE_FOUND)
		return;
	must(route >= table && route < table + COUNT(table));
	must(strchr(route->pattern, '{') == NULL ||
		(arg_n > 0 && arg >= t->path && arg + arg_n <= t->path + path_n));
}

static void check_query(const struct target *t)
{
	for (size_t i = 0; i < t->query_count; i++)
		must(pairs_find(t->query, t->query_count, t->query[i].key) != NULL);
}

static void check_target(const char *method, const char *raw, size_t n)
{
	struct target t;
	struct fail f = {0};

	if (target_parse(&t, raw, n, &f)) {
		must(t.path != NULL && t.path[0] != '\0' && strlen(t.path) <= n + 1);
		must(t.path[0] != '/' || t.path[1] != '/');
		check_route(method, &t);
		check_query(&t);
	} else {
		check_refusal(ERROR_TEXT, &f);
	}
	target_finish(&t);
}

static void check_json(const char *body, size_t n)
{
	struct fail f = {0};
	json_t *value = json_parse(body, n, &f);
	char *text;

	if (value == NULL) {
		check_refusal(ERROR_OBJECT, &f);
		return;
	}
	text = json_compact(value, &n);
	must(text != NULL && n > 0);
	free(text);
	json_decref(value);
}

static void check_multipart(const char *type, const char *body, size_t n)
{
	static struct multipart m;
	struct fail f = {0};

	if (!multipart_parse(&m, type, body, n, &f)) {
		check_refusal(ERROR_SHORT, &f);
		return;
	}
	must(m.count <= MULTIPART_PARTS_MAX);
	for (size_t i = 0; i < m.count; i++) {
		const struct multipart_part *p = &m.parts[i];

		must(p->offset <= n && p->n <= n - p->offset && p->name[0] != '\0');
		must(multipart_find(&m, p->name, p->is_file) != NULL);
	}
}

/* Copies one line out, with NUL behind; *data moves on. */
static char *take_line(const uint8_t **data, size_t *size, size_t *ret_n)
{
	const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
	size_t n = end != NULL ? (size_t)(end - *data) : *size;
	char *line = malloc(n + 1);

	must(line != NULL);
	if (n > 0)
		memcpy(line, *data, n);
	line[n] = '\0';
	*ret_n = n;
	*data += end != NULL ? n + 1 : n;
	*size -= end != NULL ? n + 1 : n;
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t line_n, type_n;
	char *line = take_line(&data, &size, &line_n);
	char *type = take_line(&data, &size, &type_n);
	char *body = malloc(size > 0 ? size : 1); /* a block of its own shows overruns */
	char *target = line + strcspn(line, " ");

	must(body != NULL);
	if (size > 0)
		memcpy(body, data, size);
	if (*target == ' ')
		*target++ = '\0';
	check_target(line, target, line_n - (size_t)(target - line));
	check_json(body, size);
	check_multipart(type, body, size);
	free(body);
	free(type);
	free(line);
	return 0;
}

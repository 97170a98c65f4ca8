/*
 * v1_runs - /v1/runs: trainings by a script with their parameters and metrics, the best of them,
 * and several side by side.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "api/job_query.h"
#include "api/job_view.h"
#include "api/run_view.h"
#include "base/fail.h"
#include "base/id.h"
#include "http/exchange.h"
#include "jobs/flow.h"
#include "jobs/series.h"
#include "provider/provider.h"
#include "store/store.h"

#define METRIC_BYTES_MAX 256
#define SKIP_MAX         1000000
#define COMPARED_MAX     50
#define SERIES_CALL_MS   10000

/* --- list --- */

static bool read_metric(const struct exchange *x, struct job_filter *filter, struct fail *f)
{
	const char *order = job_query_text(x, "order");

	filter->metric = job_query_text(x, "metric");
	filter->lowest_first = order != NULL && strcmp(order, "min") == 0;
	if (order != NULL && !filter->lowest_first && strcmp(order, "max") != 0)
		return fail_at(f, FAIL_INVALID, "/order", "must be 'max' or 'min'");
	if (order != NULL && filter->metric == NULL)
		return fail_at(f, FAIL_INVALID, "/order", "orders by a metric: name one");
	if (filter->metric == NULL)
		return true;
	for (const char *p = filter->metric; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			return fail_at(f, FAIL_INVALID, "/metric",
				"may have no quotation mark, backslash or control character");
	}
	return strlen(filter->metric) <= METRIC_BYTES_MAX ||
	       fail_at(f, FAIL_INVALID, "/metric", "may have %d bytes", METRIC_BYTES_MAX);
}

/* In order of time a page goes on behind an id; in that of a metric, which may change between
 * two pages, behind a number of runs. */
static bool read_cursor(const struct exchange *x, struct job_filter *filter, struct fail *f)
{
	if (filter->metric != NULL)
		return job_query_number(x, "cursor", 0, SKIP_MAX, 0, &filter->skip, f);
	filter->before = job_query_text(x, "cursor");
	return filter->before == NULL || id_valid(filter->before) ||
	       fail_at(f, FAIL_INVALID, "/cursor", "must be what an earlier page gave as \"next\"");
}

struct page {
	json_t *runs;
	size_t limit;
	char last[ID_SIZE];
	bool more;
	bool failed;
};

static bool add_run(const struct job *job, void *ctx)
{
	struct page *page = ctx;

	if (json_array_size(page->runs) == page->limit) {
		page->more = true;
		return false;
	}
	memcpy(page->last, job->id, sizeof(page->last));
	page->failed = json_array_append_new(page->runs, run_view(job)) != 0;
	return !page->failed;
}

static void answer_page(struct exchange *x, struct page *page, const struct job_filter *filter)
{
	char next[32];

	(void)snprintf(next, sizeof(next), "%zu", filter->skip + page->limit);
	exchange_reply_json(x, 200,
		json_pack("{s:o, s:s?}", "runs", page->runs, "next",
			!page->more              ? NULL
			: filter->metric != NULL ? next
						 : page->last));
}

static void list(struct app *app, struct exchange *x)
{
	struct page page = {.runs = json_array()};
	struct job_query query;
	struct fail f = {0};
	bool ok = job_query_read(x, &query, &f) && read_metric(x, &query.filter, &f) &&
	          read_cursor(x, &query.filter, &f);

	page.limit = query.filter.limit;
	query.filter.runs = true;
	query.filter.limit++; /* one more shows whether there is a next page */
	if (ok && store_jobs(app->store, &query.filter, add_run, &page, &f) && !page.failed) {
		answer_page(x, &page, &query.filter);
		return;
	}
	json_decref(page.runs);
	if (page.failed)
		answer_memory(x);
	else
		answer_fail(x, &f);
}

void v1_runs_list(struct app *app, struct exchange *x)
{
	answer_later(app, x, list);
}

/* --- one --- */

/* The run of an id; that of a flow is its training. FAIL_NOT_FOUND. */
static bool find_run(struct app *app, const char *id, struct job *ret_job, struct fail *f)
{
	char step[ID_SIZE];
	bool ok = store_job(app->store, id, ret_job, f);

	if (ok && strcmp(ret_job->interface, FLOW_INTERFACE) == 0) {
		job_finish(ret_job);
		flow_step_id(id, FLOW_TRAIN, step);
		ok = store_job(app->store, step, ret_job, f);
		if (!ok && f->code == FAIL_NOT_FOUND)
			return fail_set(
				f, FAIL_NOT_FOUND, "job '%s' has not begun its training yet", id);
	}
	if (!ok && f->code == FAIL_NOT_FOUND)
		return fail_set(f, FAIL_NOT_FOUND, "there is no run '%.100s'", id);
	if (!ok || series_is_run(ret_job->interface, ret_job->kind))
		return ok;
	job_finish(ret_job);
	return fail_set(
		f, FAIL_NOT_FOUND, "job '%s' is no run: it is not a training by a script", id);
}

struct showing { /* one run whose series its provider is asked for */
	struct exchange *x;
	json_t *view;
};

/* Takes view and series over. error: why there is no series, or NULL. */
static void answer_run(struct exchange *x, json_t *view, json_t *series, const char *error)
{
	bool ok = json_object_set_new(view, "series", series) == 0 &&
	          (error == NULL ||
			  json_object_set_new(view, "series_error", json_string(error)) == 0);

	if (!ok) {
		json_decref(view);
		view = NULL;
	}
	exchange_reply_json(x, 200, view);
}

static void series_done(struct call_result *result, void *ctx)
{
	struct showing *s = ctx;
	const json_t *series = json_object_get(result->reply, "series");

	answer_run(s->x, s->view, series_thin(series),
		result->code == DAVIT_OK ? NULL : result->fail.text);
	free(s);
}

/* Asks the provider; takes view over. */
static void ask(struct app *app, struct exchange *x, const struct job *job, json_t *view)
{
	struct showing *s = calloc(1, sizeof(*s));
	struct fail f = {0};

	if (s == NULL || view == NULL) {
		free(s);
		json_decref(view);
		answer_memory(x);
		return;
	}
	*s = (struct showing){x, view};
	if (job->remote_ref != NULL &&
		job_view_call(app, job, "metrics", NULL, SERIES_CALL_MS, series_done, s, &f))
		return;
	answer_run(x, view, json_array(),
		f.code == FAIL_NONE || f.code == FAIL_UNSUPPORTED ? NULL : f.text);
	free(s);
}

static void get(struct app *app, struct exchange *x)
{
	char *kept = NULL;
	struct job job = {0};
	struct fail f = {0};

	if (!find_run(app, exchange_arg(x), &job, &f) ||
		!store_job_series(app->store, job.id, &kept, &f))
		answer_fail(x, &f);
	else if (kept != NULL)
		answer_run(x, run_view(&job), answer_stored(kept), NULL);
	else
		ask(app, x, &job, run_view(&job));
	free(kept);
	job_finish(&job);
}

void v1_runs_get(struct app *app, struct exchange *x)
{
	answer_later(app, x, get);
}

/* --- several --- */

/* {name: {id: value}} for every member of what; false: out of memory. */
static bool spread(json_t *table, const char *id, const json_t *what)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)what, name, value)
	{
		json_t *row = json_object_get(table, name);

		if (row == NULL) {
			row = json_object();
			if (json_object_set_new(table, name, row) != 0)
				return false;
		}
		if (json_object_set(row, id, value) != 0)
			return false;
	}
	return true;
}

struct comparison {
	json_t *runs;
	json_t *parameters;
	json_t *metrics;
};

/* Takes run over. */
static bool compare_one(struct comparison *c, json_t *run)
{
	const char *id = json_string_value(json_object_get(run, "id"));

	for (size_t i = 0; id != NULL && i < json_array_size(c->runs); i++) {
		const json_t *before = json_object_get(json_array_get(c->runs, i), "id");

		if (strcmp(json_string_value(before), id) == 0) {
			json_decref(run);
			return true;
		}
	}
	return id != NULL && spread(c->parameters, id, json_object_get(run, "parameters")) &&
	       spread(c->metrics, id, json_object_get(run, "metrics")) &&
	       json_array_append_new(c->runs, run) == 0;
}

/* Reads the runs of ids with commas between them. */
static bool compare_all(struct app *app, struct comparison *c, const char *ids, struct fail *f)
{
	size_t count = 0;

	while (*ids != '\0') {
		size_t n = strcspn(ids, ",");
		char id[ID_SIZE + 1];
		struct job job = {0};
		bool ok;

		if (++count > COMPARED_MAX)
			return fail_at(f, FAIL_INVALID, "/ids", "may name %d runs", COMPARED_MAX);
		(void)snprintf(id, sizeof(id), "%.*s", (int)(n < ID_SIZE ? n : ID_SIZE), ids);
		if (!find_run(app, id, &job, f))
			return false;
		ok = compare_one(c, run_view(&job)) ||
		     fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		job_finish(&job);
		if (!ok)
			return false;
		ids += ids[n] == ',' ? n + 1 : n;
	}
	return count > 0 ||
	       fail_at(f, FAIL_INVALID, "/ids", "must name runs, with commas between them");
}

static void compare(struct app *app, struct exchange *x)
{
	struct comparison c = {json_array(), json_object(), json_object()};
	const char *ids = exchange_query(x, "ids");
	struct fail f = {0};

	if (compare_all(app, &c, ids != NULL ? ids : "", &f)) {
		exchange_reply_json(x, 200,
			json_pack("{s:o, s:o, s:o}", "parameters", c.parameters, "metrics",
				c.metrics, "runs", c.runs));
		return;
	}
	json_decref(c.runs);
	json_decref(c.parameters);
	json_decref(c.metrics);
	answer_fail(x, &f);
}

void v1_runs_compare(struct app *app, struct exchange *x)
{
	answer_later(app, x, compare);
}

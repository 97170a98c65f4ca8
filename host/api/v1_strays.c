/* v1_strays - /v1/strays: what clouds have with a label of this site and no job follows. */
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "api/job_query.h"
#include "api/stray_view.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "http/exchange.h"
#include "jobs/stray_why.h"
#include "jobs/strays.h"
#include "store/store.h"

enum {
	PAGE = 100,
	PAGE_MAX = 1000
};

static const char schema_text[] =
	"{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
	" \"all\": {\"type\": \"boolean\"}}}";

/* --- the list --- */

static json_t *text_or_null(const char *text)
{
	return text[0] != '\0' ? json_text_any(text, strlen(text)) : json_null();
}

json_t *stray_view(const struct app *app, const struct stray *stray)
{
	char text[STRAY_TEXT_SIZE];

	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o}",
		"id", stray->id, "provider", text_or_null(stray->provider), "connection",
		text_or_null(stray->connection), "interface", stray->interface, "kind",
		text_or_null(stray->kind), "object", text_or_null(stray->object), "name",
		text_or_null(stray->name), "state", text_or_null(stray->state), "label",
		json_sprintf("%s-%s", store_site(app->store), stray->submission), "created",
		answer_time(stray->created_ms), "seen", answer_time(stray->seen_ms), "because",
		stray_why_word(stray->why), "text", stray_why_text(stray, text), "job",
		text_or_null(stray->job));
}

struct listing {
	const struct app *app;
	json_t *strays;
	size_t limit;
	char last[STRAY_ID_SIZE]; /* on this page */
	bool more;
	bool failed;
};

static bool add_stray(const struct stray *stray, void *ctx)
{
	struct listing *l = ctx;

	if (json_array_size(l->strays) == l->limit) {
		l->more = true;
		return false;
	}
	memcpy(l->last, stray->id, sizeof(l->last));
	l->failed = json_array_append_new(l->strays, stray_view(l->app, stray)) != 0;
	return !l->failed;
}

static json_t *report_view(const struct strays_report *report)
{
	return json_pack("{s:I, s:b, s:o, s:o, s:I, s:I, s:I, s:b, s:O}", "number",
		(json_int_t)report->number, "running", (int)report->running, "started",
		answer_time(report->started_ms), "finished", answer_time(report->finished_ms),
		"objects", (json_int_t)report->objects, "lists", (json_int_t)report->lists,
		"strays", (json_int_t)report->strays, "full", (int)report->full, "not_listed",
		report->not_listed);
}

static void list(struct app *app, struct exchange *x)
{
	struct listing l = {.app = app, .strays = json_array()};
	struct strays_report report = {0};
	struct fail f = {0};

	if (!job_query_number(x, "limit", 1, PAGE_MAX, PAGE, &l.limit, &f) ||
		!strays_report(app->strays, &report, &f)) {
		json_decref(l.strays);
		answer_fail(x, &f);
		return;
	}
	strays_each(app->strays, job_query_text(x, "cursor"), add_stray, &l);
	if (l.failed) {
		json_decref(l.strays);
		answer_memory(x);
	} else {
		exchange_reply_json(x, 200,
			json_pack("{s:o, s:s?, s:o}", "strays", l.strays, "next",
				l.more ? l.last : NULL, "sweep", report_view(&report)));
	}
	strays_report_finish(&report);
}

void v1_strays_list(struct app *app, struct exchange *x)
{
	answer_later(app, x, list);
}

/* --- looking --- */

/* {"all": …}, or nothing. */
static bool read_all(struct exchange *x, bool *ret_all, struct fail *f)
{
	json_t *schema;
	const json_t *body;
	bool good;

	*ret_all = false;
	if (exchange_body_bytes(x) == 0)
		return true;
	body = exchange_body_json(x, f);
	schema = body != NULL ? json_parse(schema_text, sizeof(schema_text) - 1, f) : NULL;
	good = schema != NULL && schema_check(schema, body, f);
	json_decref(schema);
	*ret_all = good && json_bool_or(body, "all", false);
	return good;
}

static void sweep(struct app *app, struct exchange *x)
{
	struct fail f = {0};
	int64_t number = 0;
	bool all;

	if (read_all(x, &all, &f) && strays_sweep(app->strays, all, &number, &f))
		exchange_reply_json(x, 200, json_pack("{s:I}", "number", (json_int_t)number));
	else
		answer_fail(x, &f);
}

void v1_strays_sweep(struct app *app, struct exchange *x)
{
	answer_later(app, x, sweep);
}

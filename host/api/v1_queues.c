/* v1_queues - /v1/queues: what waits at the providers, and pausing and ordering it. */
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "http/exchange.h"
#include "jobs/queues.h"
#include "jobs/tracker.h"

static const char *query_or_null(const struct exchange *x, const char *key)
{
	const char *value = exchange_query(x, key);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static json_t *project_row(const struct queue_view *row)
{
	return json_pack("{s:s, s:b, s:I, s:I, s:I}", "project", row->project, "paused",
		(int)row->paused, "priority", (json_int_t)row->priority, "running",
		(json_int_t)row->running, "waiting", (json_int_t)row->waiting);
}

/* next: the last project shown, where there are more. */
static json_t *provider_row(const struct queue_view *row, json_t *projects, const char *next)
{
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:o, s:s*}", "provider", row->provider,
		"paused", (int)row->paused, "priority", (json_int_t)row->priority, "capacity",
		(json_int_t)row->capacity, "running", (json_int_t)row->running, "waiting",
		(json_int_t)row->waiting, "projects", projects, "next", next);
}

/* The provider at rows[*at] with its projects; *at moves on. */
static json_t *queue_of(const struct queue_list *list, size_t *at)
{
	const struct queue_view *provider = &list->rows[(*at)++];
	const char *last = NULL;
	json_t *projects = json_array();

	for (; *at < list->count && list->rows[*at].project != NULL; (*at)++) {
		last = list->rows[*at].project;
		if (json_array_append_new(projects, project_row(&list->rows[*at])) != 0) {
			json_decref(projects);
			return NULL;
		}
	}
	return provider_row(provider, projects, provider->more ? last : NULL);
}

static json_t *all_queues(const struct queue_list *list)
{
	json_t *queues = json_array();

	for (size_t at = 0; at < list->count;) {
		if (json_array_append_new(queues, queue_of(list, &at)) != 0) {
			json_decref(queues);
			return NULL;
		}
	}
	return queues == NULL ? NULL : json_pack("{s:o}", "queues", queues);
}

static void list(struct app *app, struct exchange *x)
{
	const struct queue_filter filter = {.provider = query_or_null(x, "provider"),
		.project = exchange_query(x, "project"),
		.after = exchange_query(x, "after")};
	struct queue_list queues;
	struct fail f = {0};

	if (!tracker_queues(app->tracker, &filter, &queues, &f)) {
		answer_fail(x, &f);
		return;
	}
	exchange_reply_json(x, 200, all_queues(&queues));
	queue_list_finish(&queues);
}

void v1_queues_list(struct app *app, struct exchange *x)
{
	answer_later(app, x, list);
}

/* --- setting --- */

static json_t *change_schema(void)
{
	return json_pack("{s:s, s:b, s:{s:{s:s, s:i}, s:{s:s}, s:{s:s, s:i, s:i}}}", "type",
		"object", "additionalProperties", 0, "properties", "project", "type", "string",
		"maxLength", TRACKER_PROJECT_MAX, "paused", "type", "boolean", "priority", "type",
		"integer", "minimum", -QUEUE_PRIORITY_MAX, "maximum", QUEUE_PRIORITY_MAX);
}

static bool read_change(const json_t *body, struct queue_change *change, struct fail *f)
{
	json_t *schema = change_schema();
	bool good;

	if (schema == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	good = schema_check(schema, body, f);
	json_decref(schema);
	if (!good)
		return false;
	change->set_paused = json_object_get(body, "paused") != NULL;
	change->paused = json_bool_or(body, "paused", false);
	change->set_priority = json_object_get(body, "priority") != NULL;
	change->priority = json_int_or(body, "priority", 0);
	if (!change->set_paused && !change->set_priority)
		return fail_set(
			f, FAIL_INVALID, "nothing to change: give 'paused', 'priority' or both");
	return true;
}

static void answer_one(struct app *app, struct exchange *x, const char *project)
{
	const struct queue_filter filter = {.provider = exchange_arg(x), .project = project};
	struct queue_list queues;
	struct fail f = {0};
	size_t at = 0;

	if (!tracker_queues(app->tracker, &filter, &queues, &f)) {
		answer_fail(x, &f);
		return;
	}
	exchange_reply_json(x, 200, queue_of(&queues, &at));
	queue_list_finish(&queues);
}

static void set(struct app *app, struct exchange *x)
{
	struct fail f = {0};
	const json_t *body = exchange_body_json(x, &f);
	const char *project = json_text_or(body, "project", NULL);
	struct queue_change change = {0};

	if (body == NULL || !read_change(body, &change, &f) ||
		!tracker_set_queue(app->tracker, exchange_arg(x), project, &change, &f))
		answer_fail(x, &f);
	else
		answer_one(app, x, project);
}

void v1_queues_set(struct app *app, struct exchange *x)
{
	answer_later(app, x, set);
}

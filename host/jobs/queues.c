/* queues - see queues.h: the settings of queues in the store and in memory. */
#include "jobs/queues.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "jobs/internal.h"
#include "store/store.h"

/* Where settings are kept: no provider is called that, as names of providers have no slash.
 * The key is PROVIDER or PROVIDER/PROJECT. */
#define INSTANCE "/queues"

/* --- the settings in the store --- */

static bool load_setting(struct tracker *t, const char *key, const struct queue_settings *settings)
{
	const char *slash = strchr(key, '/');
	char *provider = strndup(key, slash == NULL ? strlen(key) : (size_t)(slash - key));
	struct lane *lane = provider == NULL ? NULL : entries_lane(&t->entries, provider);
	struct project *p;

	free(provider);
	if (lane == NULL)
		return false;
	if (slash == NULL) {
		lane->settings = *settings;
		return true;
	}
	p = lane_project_made(lane, slash + 1);
	if (p == NULL)
		return false;
	project_set(p, settings);
	return true;
}

static bool load_each(const char *key, const char *value, void *ctx)
{
	struct tracker *t = ctx;
	struct fail f = {0};
	json_t *stored = json_parse(value, strlen(value), &f);
	const struct queue_settings settings = {
		.paused = json_is_true(json_object_get(stored, "paused")),
		.priority = json_int_or(stored, "priority", 0),
	};

	json_decref(stored);
	if (!load_setting(t, key, &settings))
		log_error(
			"JOB-QUEUE", "queue=%s out of memory; its settings are not in effect", key);
	return true;
}

bool tracker_load_queues(struct tracker *t, struct fail *f)
{
	return store_kv_list(t->options.store, INSTANCE, "", NULL, 0, load_each, t, f) ||
	       fail_wrap(f, "load the settings of queues");
}

static char *key_of(const char *provider, const char *project)
{
	size_t n = strlen(provider) + (project == NULL ? 0 : strlen(project) + 1) + 1;
	char *key = malloc(n);

	if (key != NULL)
		(void)snprintf(key, n, "%s%s%s", provider, project == NULL ? "" : "/",
			project == NULL ? "" : project);
	return key;
}

static char *value_of(const struct queue_settings *s)
{
	json_t *value = json_pack(
		"{s:b, s:I}", "paused", (int)s->paused, "priority", (json_int_t)s->priority);
	char *text = value == NULL ? NULL : json_compact(value, NULL);

	json_decref(value);
	return text;
}

/* Settings that are as if never set are not kept. No lock held. */
static bool store_setting(struct tracker *t, const char *provider, const char *project,
	const struct queue_settings *s, struct fail *f)
{
	bool plain = !s->paused && s->priority == 0;
	struct store_op *op = store_op_new(plain ? STORE_KV_DELETE : STORE_KV_PUT, true);
	bool ok = false;

	(void)fail_set(f, FAIL_UNAVAILABLE, "set a queue: out of memory");
	if (op != NULL) {
		op->kv.instance = strdup(INSTANCE);
		op->kv.key = key_of(provider, project);
		op->kv.value = plain ? NULL : value_of(s);
		ok = op->kv.instance != NULL && op->kv.key != NULL &&
		     (plain || op->kv.value != NULL) && store_run(t->options.store, op, f);
	}
	store_op_free(op);
	return ok;
}

/* --- setting --- */

static struct lane *find_lane(const struct tracker *t, const char *provider, struct fail *f)
{
	struct lane *lane;

	SLIST_FOREACH(lane, &t->entries.lanes, link)
	{
		if (strcmp(lane->provider, provider) == 0)
			return lane;
	}
	(void)fail_set(f, FAIL_NOT_FOUND, "there is no provider '%s'", provider);
	return NULL;
}

static struct queue_settings changed(struct queue_settings s, const struct queue_change *change)
{
	if (change->set_paused)
		s.paused = change->paused;
	if (change->set_priority)
		s.priority = change->priority;
	return s;
}

/* What the queue will be like; false: no such provider. Lock held. */
static bool wanted(const struct tracker *t, const char *provider, const char *project,
	const struct queue_change *change, struct queue_settings *ret, struct fail *f)
{
	const struct lane *lane = find_lane(t, provider, f);
	const struct project *p;
	struct queue_settings now = {0};

	if (lane == NULL)
		return false;
	p = project == NULL ? NULL : lane_project(lane, project);
	if (project == NULL)
		now = lane->settings;
	else if (p != NULL)
		now = p->settings;
	*ret = changed(now, change);
	return true;
}

/* Takes what was stored into effect. Lock held. */
static bool apply(struct tracker *t, const char *provider, const char *project,
	const struct queue_settings *s, struct fail *f)
{
	struct lane *lane = find_lane(t, provider, f);
	struct project *p;

	if (lane == NULL)
		return false;
	if (project == NULL) {
		lane->settings = *s;
		return true;
	}
	p = lane_project_made(lane, project);
	if (p == NULL)
		return fail_set(f, FAIL_UNAVAILABLE,
			"set a queue: out of memory; it is in effect after the next start");
	project_set(p, s);
	project_forget(p);
	return true;
}

bool tracker_set_queue(struct tracker *t, const char *provider, const char *project,
	const struct queue_change *change, struct fail *f)
{
	struct queue_settings s = {0};
	bool ok;

	mutex_lock(&t->lock);
	while (t->setting) /* one at a time: each builds on what the last one left */
		cond_wait(&t->set, &t->lock);
	ok = wanted(t, provider, project, change, &s, f);
	if (ok) {
		t->setting = true;
		t->in_flight++;
		mutex_unlock(&t->lock);
		ok = store_setting(t, provider, project, &s, f);
		mutex_lock(&t->lock);
		ok = ok && apply(t, provider, project, &s, f);
		t->setting = false;
		t->in_flight--;
		cond_signal(&t->set);
		cond_broadcast(&t->quiet);
		cond_signal(&t->wake);
	}
	mutex_unlock(&t->lock);
	return ok;
}

/* --- showing --- */

struct listing {
	const struct queue_filter *filter;
	struct queue_list *list;
};

static bool add_project(struct listing *l, const struct project *p)
{
	struct queue_view *row = queue_list_add(l->list, p->lane->provider, p->name);

	if (row == NULL)
		return false;
	row->paused = p->settings.paused;
	row->priority = p->settings.priority;
	row->running = p->running;
	row->waiting = (int64_t)p->line.count;
	return true;
}

static bool add_projects(struct listing *l, const struct lane *lane, size_t provider_row)
{
	const struct queue_filter *filter = l->filter;
	const char *from = filter->project != NULL ? filter->project : filter->after;
	size_t at = from == NULL ? 0 : lane_project_at(lane, from);

	for (size_t shown = 0; at < lane->project_count; at++) {
		const struct project *p = lane->projects[at];

		if (filter->project != NULL && strcmp(p->name, filter->project) != 0)
			break;
		if (filter->after != NULL && strcmp(p->name, filter->after) <= 0)
			continue;
		if (shown++ == QUEUE_PROJECTS_SHOWN) {
			l->list->rows[provider_row].more = true;
			break;
		}
		if (!add_project(l, p))
			return false;
	}
	return true;
}

static bool add_lane(struct listing *l, const struct lane *lane)
{
	struct queue_view *row = queue_list_add(l->list, lane->provider, NULL);

	if (row == NULL)
		return false;
	row->paused = lane->settings.paused;
	row->priority = lane->settings.priority;
	row->capacity = lane->max_running;
	row->running = lane->running;
	row->waiting = lane->waiting;
	return add_projects(l, lane, l->list->count - 1);
}

static bool add_all(const struct tracker *t, struct listing *l, struct fail *f)
{
	const struct lane *lane;

	if (l->filter->provider != NULL) {
		lane = find_lane(t, l->filter->provider, f);
		if (lane == NULL)
			return false;
		return add_lane(l, lane) || fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	}
	SLIST_FOREACH(lane, &t->entries.lanes, link)
	{
		if (!add_lane(l, lane))
			return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	}
	return true;
}

bool tracker_queues(struct tracker *t, const struct queue_filter *filter,
	struct queue_list *ret_list, struct fail *f)
{
	struct listing l = {.filter = filter, .list = ret_list};
	bool ok;

	*ret_list = (struct queue_list){0};
	mutex_lock(&t->lock);
	ok = add_all(t, &l, f);
	mutex_unlock(&t->lock);
	if (!ok)
		queue_list_finish(ret_list);
	return ok;
}

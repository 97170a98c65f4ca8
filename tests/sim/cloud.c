/* cloud - see cloud.h. */
#include "sim/cloud.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "sim/work.h"

#define PAGE_MOST 100

static const char *const collections[] = {
	[OBJECT_JOB] = "jobs",
	[OBJECT_DATASET] = "datasets",
	[OBJECT_MODEL] = "models",
	[OBJECT_ENDPOINT] = "endpoints",
};

/* --- objects --- */

static int64_t started(const struct object *o)
{
	return o->created + o->pending;
}

static bool was_cancelled(const struct object *o)
{
	return o->cancelled != 0 && (o->run < 0 || o->cancelled < started(o) + o->run);
}

/* 0: not yet. */
static int64_t finished(const struct object *o)
{
	if (was_cancelled(o))
		return o->cancelled;
	if (o->run < 0 || world->now_ms < started(o) + o->run)
		return 0;
	return started(o) + o->run;
}

bool cloud_ended(const struct object *o)
{
	return finished(o) != 0;
}

const char *cloud_state(const struct object *o)
{
	if (was_cancelled(o))
		return "CANCELLED";
	if (world->now_ms < started(o))
		return "PENDING";
	if (!cloud_ended(o))
		return "RUNNING";
	return o->fail ? "FAILED" : "SUCCEEDED";
}

static bool serving_late; /* a letter whose sender waits for it no more */

struct object *cloud_object(void)
{
	struct object *o;

	if (world->object_count == WORLD_OBJECTS)
		return NULL;
	o = &world->objects[world->object_count++];
	memset(o, 0, sizeof(*o));
	o->created = world->now_ms;
	o->late = serving_late;
	return o;
}

static struct object *find(enum collection collection, const char *id)
{
	for (size_t i = 0; i < world->object_count; i++) {
		struct object *o = &world->objects[i];

		if (o->collection == collection && !o->gone && strcmp(o->id, id) == 0)
			return o;
	}
	return NULL;
}

static struct object *find_deployed(const char *endpoint, const char *id)
{
	for (size_t i = 0; i < world->object_count; i++) {
		struct object *o = &world->objects[i];

		if (o->collection == OBJECT_DEPLOYED && !o->gone && strcmp(o->id, id) == 0 &&
			strcmp(o->parent, endpoint) == 0)
			return o;
	}
	return NULL;
}

/* --- answers --- */

static struct cloud_answer answer(int status, struct buf *b)
{
	size_t n;

	buf_add(b, "", 1);
	return (struct cloud_answer){status, buf_take(b, &n)};
}

static struct cloud_answer refuse(int status, const char *word, const char *why)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_printf(&b, "{\"error\":{\"code\":%d,\"status\":\"%s\",\"message\":\"%s\"}}", status,
		word, why);
	return answer(status, &b);
}

static void put_time(struct buf *b, const char *name, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	buf_printf(b, ",\"%s\":\"%s\"", name, clock_text_rfc3339(ms, text));
}

static void put_deployed(struct buf *b, const struct object *endpoint)
{
	const char *comma = "";

	buf_printf(b, ",\"deployedModels\":[");
	for (size_t i = 0; i < world->object_count; i++) {
		const struct object *o = &world->objects[i];

		if (o->collection != OBJECT_DEPLOYED || o->gone ||
			strcmp(o->parent, endpoint->id) != 0)
			continue;
		buf_printf(b, "%s{\"id\":\"%s\",\"model\":\"%s\",\"state\":\"%s\"%s}", comma, o->id,
			o->display, cloud_state(o),
			strcmp(cloud_state(o), "FAILED") == 0
				? ",\"error\":{\"code\":\"X\",\"message\":\"it was told to fail\"}"
				: "");
		comma = ",";
	}
	buf_printf(b, "]");
}

static void put_object(struct buf *b, const struct object *o)
{
	const char *state = cloud_state(o);

	buf_printf(b,
		"{\"id\":\"%s\",\"resource\":\"%s/%s\",\"displayName\":\"%s\",\"labels\":%s,"
		"\"state\":\"%s\",\"progress\":%s",
		o->id, collections[o->collection], o->id, o->display, o->labels, state,
		cloud_ended(o) ? "1" : "0");
	put_time(b, "createTime", o->created);
	if (world->now_ms >= started(o) && (!cloud_ended(o) || started(o) <= finished(o)))
		put_time(b, "startTime", started(o));
	if (cloud_ended(o))
		put_time(b, "endTime", finished(o));
	if (strcmp(state, "FAILED") == 0)
		buf_printf(b, ",\"error\":{\"code\":\"USER_CODE_FAILED\",\"message\":\"it was told "
			      "to fail\"}");
	if (o->spec[0] != '\0')
		buf_printf(b, ",\"spec\":%s", o->spec);
	if (o->collection == OBJECT_ENDPOINT)
		put_deployed(b, o);
	buf_printf(b, "}");
}

static struct cloud_answer show(const struct object *o)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	put_object(&b, o);
	return answer(200, &b);
}

/* --- requests --- */

struct target { /* /v1/COLLECTION[/ID[:VERB]][?QUERY] */
	enum collection collection;
	char id[80];
	char verb[16];
	char query[200];
};

/* Copies up to one of ends, which *at then stands on. */
static void take(const char **at, const char *ends, char *to, size_t size)
{
	size_t n = strcspn(*at, ends);

	(void)snprintf(to, size, "%.*s", (int)n, *at);
	*at += n;
}

static bool read_target(const char *text, struct target *ret)
{
	char word[32];

	memset(ret, 0, sizeof(*ret));
	if (strncmp(text, "/v1/", 4) != 0)
		return false;
	text += 4;
	take(&text, "/?", word, sizeof(word));
	for (size_t i = OBJECT_JOB; i <= OBJECT_ENDPOINT; i++) {
		if (strcmp(collections[i], word) == 0)
			ret->collection = (enum collection)i;
	}
	if (*text == '/') {
		text++;
		take(&text, ":?", ret->id, sizeof(ret->id));
	}
	if (*text == ':') {
		text++;
		take(&text, "?", ret->verb, sizeof(ret->verb));
	}
	if (*text == '?')
		(void)snprintf(ret->query, sizeof(ret->query), "%s", text + 1);
	return ret->collection != OBJECT_NONE;
}

/* The item whose marker stands in a text. */
static struct item *item_in(const char *text)
{
	for (size_t i = 0; i < world->item_count; i++) {
		if (strstr(text, world->items[i].marker) != NULL)
			return &world->items[i];
	}
	return NULL;
}

static struct item *item_of(const char *marker)
{
	return marker[0] != '\0' ? item_in(marker) : NULL;
}

static void set_text(char *to, size_t size, const json_t *v, const char *name)
{
	const char *text = json_string_value(json_object_get(v, name));

	(void)snprintf(to, size, "%s", text != NULL ? text : "");
}

static void set_json(char *to, size_t size, const json_t *v, const char *name)
{
	char *text = json_dumps(json_object_get(v, name), JSON_COMPACT | JSON_ENCODE_ANY);

	(void)snprintf(to, size, "%s", text != NULL ? text : "");
	free(text);
}

static void read_span(struct object *o, const json_t *v)
{
	const json_t *run = json_object_get(v, "run_ms");

	o->pending = json_integer_value(json_object_get(v, "pending_ms"));
	o->run = run != NULL ? json_integer_value(run) : 50;
	o->fail = json_is_true(json_object_get(v, "fail"));
}

static struct object *made_by(enum collection collection, const char *token)
{
	for (size_t i = 0; i < world->object_count && token[0] != '\0'; i++) {
		struct object *o = &world->objects[i];

		if (o->collection == collection && strcmp(o->token, token) == 0)
			return o;
	}
	return NULL;
}

static struct cloud_answer exists(const struct object *o)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_printf(&b, "{\"error\":{\"code\":409,\"status\":\"ALREADY_EXISTS\",\"message\":\"it "
		       "exists already\"},\"existing\":");
	put_object(&b, o);
	buf_printf(&b, "}");
	return answer(409, &b);
}

static struct cloud_answer create(const struct letter *l, const struct target *t, const json_t *v)
{
	struct object *o = made_by(t->collection, l->token);
	const char *name = json_string_value(json_object_get(v, "name"));
	const struct item *item = item_in(l->body);

	if (o != NULL)
		return show(o);
	if (name != NULL && (o = find(t->collection, name)) != NULL)
		return exists(o);
	o = cloud_object();
	if (o == NULL)
		return refuse(400, "INVALID_ARGUMENT", "too many objects");
	o->collection = t->collection;
	o->later = l->later;
	if (name != NULL)
		(void)snprintf(o->id, sizeof(o->id), "%s", name);
	else
		(void)snprintf(o->id, sizeof(o->id), "o%zu", world->object_count);
	(void)snprintf(o->token, sizeof(o->token), "%s", l->token);
	(void)snprintf(o->marker, sizeof(o->marker), "%s", item != NULL ? item->marker : "");
	set_text(o->display, sizeof(o->display), v, "displayName");
	set_json(o->labels, sizeof(o->labels), v, "labels");
	if (o->labels[0] == '\0')
		(void)snprintf(o->labels, sizeof(o->labels), "{}");
	set_json(o->spec, sizeof(o->spec), v, "spec");
	read_span(o, v);
	trace("cloud: %s/%s is made for %s", collections[o->collection], o->id, o->marker);
	return show(o);
}

static struct cloud_answer deploy(struct object *endpoint, const json_t *v)
{
	const char *id = json_string_value(json_object_get(v, "id"));
	const char *model = json_string_value(json_object_get(v, "model"));
	struct object *o;

	if (id == NULL || model == NULL)
		return refuse(400, "INVALID_ARGUMENT", "id and model");
	if (find_deployed(endpoint->id, id) != NULL)
		return refuse(409, "ALREADY_EXISTS", "that is deployed");
	o = cloud_object();
	if (o == NULL)
		return refuse(400, "INVALID_ARGUMENT", "too many objects");
	o->collection = OBJECT_DEPLOYED;
	(void)snprintf(o->id, sizeof(o->id), "%s", id);
	(void)snprintf(o->parent, sizeof(o->parent), "%s", endpoint->id);
	(void)snprintf(o->display, sizeof(o->display), "%s", model);
	(void)snprintf(o->marker, sizeof(o->marker), "%s", model);
	read_span(o, v);
	trace("cloud: %s is deployed on %s", model, endpoint->id);
	return show(endpoint);
}

static struct cloud_answer undeploy(struct object *endpoint, const json_t *v)
{
	const char *id = json_string_value(json_object_get(v, "id"));
	struct object *o = id != NULL ? find_deployed(endpoint->id, id) : NULL;

	if (o == NULL)
		return refuse(404, "NOT_FOUND", "that is not deployed");
	o->gone = true;
	trace("cloud: %s is taken off %s", id, endpoint->id);
	return show(endpoint);
}

static struct cloud_answer cancel(struct object *o)
{
	o->cancels++;
	if (cloud_ended(o))
		return refuse(409, "FAILED_PRECONDITION", "it has ended");
	o->cancelled = world->now_ms;
	trace("cloud: %s/%s is cancelled", collections[o->collection], o->id);
	return show(o);
}

static struct cloud_answer remove_object(struct object *o)
{
	if (o->collection == OBJECT_JOB && strcmp(cloud_state(o), "RUNNING") == 0)
		return refuse(409, "FAILED_PRECONDITION", "it runs: cancel it first");
	o->gone = true;
	trace("cloud: %s/%s is removed", collections[o->collection], o->id);
	return show(o);
}

/* --- lists --- */

static void read_value(const char *query, const char *name, char *to, size_t size)
{
	const char *at = strstr(query, name);
	size_t n = 0;

	to[0] = '\0';
	if (at == NULL)
		return;
	for (at += strlen(name); *at != '\0' && *at != '&' && n + 1 < size; at++) {
		unsigned c;

		if (*at == '%' && sscanf(at + 1, "%2x", &c) == 1) {
			to[n++] = (char)c;
			at += 2;
		} else {
			to[n++] = *at;
		}
	}
	to[n] = '\0';
}

static bool listed(const struct object *o, const struct target *t, const char *label)
{
	char wanted[128];
	const char *colon = strchr(label, ':');

	if (o->collection != t->collection || o->gone ||
		world->now_ms < o->created + world->list_delay_ms)
		return false;
	if (colon == NULL)
		return true;
	(void)snprintf(
		wanted, sizeof(wanted), "\"%.*s\":\"%s\"", (int)(colon - label), label, colon + 1);
	return strstr(o->labels, wanted) != NULL;
}

static struct cloud_answer list(const struct target *t)
{
	char label[128], after[16], size[16];
	size_t left, from;
	const char *comma = "";
	struct buf b;

	read_value(t->query, "label=", label, sizeof(label));
	read_value(t->query, "pageToken=", after, sizeof(after));
	read_value(t->query, "pageSize=", size, sizeof(size));
	from = (size_t)strtoul(after, NULL, 10);
	left = size[0] != '\0' ? (size_t)strtoul(size, NULL, 10) : PAGE_MOST;
	buf_init(&b, SIZE_MAX);
	buf_printf(&b, "{\"%s\":[", collections[t->collection]);
	for (; from < world->object_count && left > 0; from++) {
		const struct object *o = &world->objects[from];

		if (!listed(o, t, label))
			continue;
		buf_printf(&b, "%s", comma);
		put_object(&b, o);
		comma = ",";
		left--;
	}
	buf_printf(&b, "]");
	if (from < world->object_count)
		buf_printf(&b, ",\"nextPageToken\":\"%zu\"", from);
	buf_printf(&b, "}");
	return answer(200, &b);
}

/* --- what comes --- */

static struct cloud_answer token(void)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_printf(&b,
		"{\"access_token\":\"sim-access-token-%05u\",\"token_type\":\"Bearer\","
		"\"expires_in\":600}",
		++world->token);
	return answer(200, &b);
}

static bool authorized(const struct letter *l)
{
	static const char before[] = "Bearer sim-access-token-";
	unsigned long n;

	if (strncmp(l->auth, before, sizeof(before) - 1) != 0)
		return false;
	n = strtoul(l->auth + sizeof(before) - 1, NULL, 10);
	return n > world->tokens_dead && n <= world->token;
}

static struct cloud_answer change(
	const struct letter *l, const struct target *t, struct object *o, const json_t *v)
{
	if (strcmp(l->method, "DELETE") == 0)
		return remove_object(o);
	if (strcmp(t->verb, "cancel") == 0)
		return cancel(o);
	if (strcmp(t->verb, "deploy") == 0)
		return deploy(o, v);
	if (strcmp(t->verb, "undeploy") == 0)
		return undeploy(o, v);
	return refuse(405, "UNIMPLEMENTED", "no such verb");
}

struct cloud_answer cloud_serve(const struct letter *l)
{
	bool get = strcmp(l->method, "GET") == 0;
	struct cloud_answer a;
	struct target t;
	struct object *o;
	json_t *v;

	if (strcmp(l->target, "/oauth/token") == 0)
		return token();
	if (!authorized(l))
		return refuse(401, "UNAUTHENTICATED", "the token is wrong");
	if (!read_target(l->target, &t))
		return refuse(404, "NOT_FOUND", "there is nothing");
	if (t.id[0] == '\0' && get)
		return list(&t);
	o = t.id[0] != '\0' ? find(t.collection, t.id) : NULL;
	if (t.id[0] != '\0' && o == NULL)
		return refuse(404, "NOT_FOUND", "there is no such object");
	if (get)
		return show(o);
	v = json_loads(l->body, 0, NULL);
	a = o == NULL ? create(l, &t, v) : change(l, &t, o, v);
	json_decref(v);
	return a;
}

/* --- letters --- */

struct letter *cloud_letter(void)
{
	for (size_t i = 0; i < WORLD_LETTERS; i++) {
		if (!world->letters[i].used)
			return &world->letters[i];
	}
	return NULL;
}

struct item *cloud_item(const struct letter *l)
{
	struct target t;
	const struct object *o;

	if (strcmp(l->method, "GET") == 0 || !read_target(l->target, &t))
		return NULL;
	if (t.id[0] == '\0' || strcmp(t.verb, "deploy") == 0 || strcmp(t.verb, "undeploy") == 0)
		return item_in(l->body);
	o = find(t.collection, t.id);
	return o != NULL ? item_of(o->marker) : NULL;
}

/* Of the last one that was deleted; NULL: none was. */
static const struct object *deleted_of(const struct item *item)
{
	for (size_t i = world->object_count; i-- > 0;) {
		const struct object *o = &world->objects[i];

		if (o->gone && strcmp(o->marker, item->marker) == 0 &&
			strcmp(o->id, item->remote) == 0)
			return o;
	}
	return NULL;
}

static bool is_written_to(const struct object *o)
{
	struct target t;

	for (size_t i = 0; i < WORLD_LETTERS; i++) {
		const struct letter *l = &world->letters[i];

		if (l->used && strcmp(l->method, "GET") != 0 && read_target(l->target, &t) &&
			t.collection == o->collection && strcmp(t.id, o->id) == 0)
			return true;
	}
	return false;
}

void cloud_make_anew(const struct item *item)
{
	const struct object *old = deleted_of(item);
	struct object *o =
		old != NULL && !is_written_to(old) && find(old->collection, old->id) == NULL
			? cloud_object()
			: NULL;

	if (o == NULL)
		return;
	o->collection = old->collection;
	memcpy(o->id, old->id, sizeof(o->id));
	(void)snprintf(o->labels, sizeof(o->labels), "{}");
	o->anew = true;
	trace("cloud: %s/%s is made anew by hand", collections[o->collection], o->id);
}

void cloud_tick(void)
{
	for (size_t i = 0; i < WORLD_LETTERS; i++) {
		struct letter *l = &world->letters[i];

		if (!l->used || l->live || l->arrives_at > world->now_ms)
			continue;
		trace("cloud: a late %s %s arrives", l->method, l->target);
		serving_late = true;
		free(cloud_serve(l).body);
		serving_late = false;
		l->used = false;
	}
}

void cloud_begin(void)
{
	struct object *o = cloud_object();

	o->collection = OBJECT_ENDPOINT;
	(void)snprintf(o->id, sizeof(o->id), "e0");
	(void)snprintf(o->labels, sizeof(o->labels), "{}");
	for (size_t i = 0; i < world->item_count; i++) {
		if (!world->items[i].wish->takes_off)
			continue;
		o = cloud_object();
		o->collection = OBJECT_DEPLOYED;
		memcpy(o->id, world->items[i].marker, sizeof(world->items[i].marker));
		(void)snprintf(o->parent, sizeof(o->parent), "e0");
		(void)snprintf(o->display, sizeof(o->display), "some-model");
	}
}

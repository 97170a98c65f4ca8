/* strays_sweep - looks through the lists of all providers for what has a label of ours, and that no
 * job follows. */
#include <davit/provider.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "jobs/stray_why.h"
#include "jobs/strays_internal.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "store/store.h"

enum {
	OBJECT_MAX = 1024, /* bytes of what a provider calls an object */
	NAME_MAX_BYTES = 256,
	WORD_MAX = 64,
	NOT_LISTED_MAX = 1000
};

/* Interfaces whose objects jobs make. */
static const char *const interfaces[] = {DAVIT_TRAINING, DAVIT_INFERENCE, DAVIT_MODELS,
	DAVIT_DATASETS, DAVIT_DEPLOYMENT, DAVIT_PIPELINES};

static bool stopping(struct strays *s)
{
	bool stopping;

	mutex_lock(&s->lock);
	stopping = s->stopping;
	mutex_unlock(&s->lock);
	return stopping;
}

/* --- what was found --- */

static int64_t time_of(const json_t *v)
{
	int64_t ms = 0;

	if (json_is_integer(v))
		return (int64_t)json_integer_value(v);
	return json_is_string(v) && clock_parse_rfc3339(json_string_value(v), &ms) ? ms : 0;
}

/* text, cut between characters where it is longer. */
static const char *cut(const char *text, char *room, size_t size)
{
	size_t n = strlen(text);

	if (n >= size) {
		n = size - 1;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(room, text, n);
	room[n] = '\0';
	return room;
}

/* By what strays are judged. */
static struct tracker_options sight_of(const struct sweep *w)
{
	const struct strays_options *o = &w->s->options;

	return (struct tracker_options){
		.store = o->store, .providers = o->providers, .config = o->config};
}

/* One item, of that submission, of a list. */
static bool look_closely(struct sweep *w, const struct stray_place *place, const char *submission,
	const json_t *item, const json_t *items, struct fail *f)
{
	const char *object = json_text_or(item, "id", "");
	char name[NAME_MAX_BYTES], kind[WORD_MAX], state[WORD_MAX];
	struct stray stray = {
		.created_ms = time_of(json_object_get(item, "created")),
		.seen_ms = w->listed_ms,
		.provider = place->id,
		.connection = place->connection,
		.interface = place->interface,
		.kind = cut(json_text_or(item, "kind", ""), kind, sizeof(kind)),
		.object = object,
		.name = cut(json_text_or(item, "name", object), name, sizeof(name)),
		.state = cut(json_text_or(item, "state", ""), state, sizeof(state)),
	};

	const struct tracker_options o = sight_of(w);

	memcpy(stray.submission, submission, ID_SIZE);
	if (!stray_judge(&o, &stray, items, f))
		return false;
	return stray.why == STRAY_NOT || stray_set_add(&w->found, &stray) ||
	       fail_set(f, FAIL_INTERNAL, "out of memory");
}

/* What has no id, or one that is none, nobody could name to its provider. */
static bool look_at(struct sweep *w, const struct stray_place *place, const json_t *item,
	const json_t *items, struct fail *f)
{
	const char *site = store_site(w->s->options.store);
	size_t n = strlen(json_text_or(item, "id", ""));
	char submission[ID_SIZE];

	if (n == 0 || n > OBJECT_MAX ||
		!stray_label(site, json_text_or(item, "label", NULL), submission))
		return true;
	return look_closely(w, place, submission, item, items, f);
}

static bool look_through(
	struct sweep *w, const struct stray_place *place, const json_t *items, struct fail *f)
{
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		if (!look_at(w, place, item, items, f))
			return false;
	}
	w->objects += (int64_t)json_array_size(items);
	w->lists++;
	return true;
}

/* --- what was not --- */

/* What the last sweep saw there is shown on, as seen then. */
static void keep(struct sweep *w, const struct stray_place *place)
{
	const struct tracker_options o = sight_of(w);

	for (size_t i = 0; i < w->before.count; i++) {
		struct stray *stray = &w->before.all[i];
		struct fail f;

		if (strcmp(stray->provider, place->id) == 0 &&
			strcmp(stray->connection, place->connection) == 0 &&
			strcmp(stray->interface, place->interface) == 0 &&
			stray_judge(&o, stray, NULL, &f) && stray->why != STRAY_NOT)
			(void)stray_set_add(&w->found, stray);
	}
}

static void not_listed(struct sweep *w, const struct stray_place *place, const struct fail *f)
{
	const char *connection = place->connection[0] != '\0' ? place->connection : NULL;

	log_warn("STRAY-LIST",
		"provider=%s connection=%s interface=%s what is there is not known: %s", place->id,
		place->connection, place->interface != NULL ? place->interface : "", f->text);
	if (json_array_size(w->not_listed) < NOT_LISTED_MAX)
		(void)json_array_append_new(w->not_listed,
			json_pack("{s:s, s:s*, s:s*, s:s}", "provider", place->id, "connection",
				connection, "interface", place->interface, "error", f->text));
}

/* --- where to look --- */

static void look_in(struct sweep *w, struct stray_place place)
{
	for (size_t i = 0; i < COUNT(interfaces) && !stopping(w->s); i++) {
		struct fail f = {0};
		json_t *items;

		place.interface = interfaces[i];
		if (!provider_offers(place.provider, place.interface, "list", NULL, &f))
			continue;
		w->listed_ms = clock_now_ms();
		items = strays_list(w->s, &place, &f);
		if (items == NULL || !look_through(w, &place, items, &f)) {
			if (stopping(w->s))
				f.code = FAIL_NONE;
			else
				not_listed(w, &place, &f);
			keep(w, &place);
		}
		json_decref(items);
	}
}

static bool note_connection(const char *connection, void *ctx)
{
	json_t *names = ctx; /* {name: true}, in the order they came */

	return json_object_set_new(names, connection, json_true()) == 0;
}

static bool serves(const struct sweep *w, const struct config_connection *c, const char *id)
{
	struct providers *ps = w->s->options.providers;

	if (c->provider != NULL)
		return strcmp(c->provider, id) == 0;
	return c->type != NULL && providers_for_type(ps, c->type) == providers_find(ps, id);
}

/* The connections to look by, as members of a new object. */
static json_t *connections_of(struct sweep *w, const char *id, struct fail *f)
{
	const struct config *config = w->s->options.config;
	json_t *names = json_object();

	if (names == NULL)
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	else if (!store_connections(w->s->options.store, id, note_connection, names, f)) {
		json_decref(names);
		names = NULL;
	}
	if (names == NULL)
		return NULL;
	if (w->all)
		(void)note_connection("", names);
	for (size_t i = 0; w->all && i < config->connection_count; i++) {
		if (serves(w, &config->connections[i], id))
			(void)note_connection(config->connections[i].name, names);
	}
	return names;
}

static void look_at_provider(struct sweep *w, const char *id)
{
	struct stray_place place = {.id = id,
		.provider = providers_find(w->s->options.providers, id),
		.connection = ""};
	struct fail f = {0};
	json_t *names = connections_of(w, id, &f);
	const char *name;
	json_t *yes;

	if (names == NULL) {
		not_listed(w, &place, &f);
		return;
	}
	if (place.provider == NULL && json_object_size(names) > 0) {
		(void)fail_set(&f, FAIL_NOT_FOUND, "provider '%s' is not loaded", id);
		not_listed(w, &place, &f);
	}
	json_object_foreach(names, name, yes)
	{
		place.connection = name;
		if (place.provider != NULL)
			look_in(w, place);
	}
	json_decref(names);
}

void strays_look(struct sweep *w)
{
	const struct config *config = w->s->options.config;

	w->not_listed = json_array();
	for (size_t i = 0; i < config->provider_count; i++)
		look_at_provider(w, config->providers[i].id);
	stray_set_order(&w->found);
}

/* All configured providers: loaded in the order of the configuration, found by id or type. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "provider/internal.h"
#include "provider/save_note.h"
#include "provider/worker.h"
#include "secret/tokens.h"

#define NAMES_MAX ((size_t)4096)

/* --- opening and closing --- */

/* False: the start must end, and *ret_why says why. */
static bool load_one(struct provider *p, struct fail *ret_why)
{
	struct fail f = {0};

	if (!p->config->enabled)
		return true;
	if (provider_load(p, &f)) {
		p->state = PROVIDER_LOADED;
		log_info("PROVIDER-LOADED", "provider=%s plugin=%s version=%s sha256=%s",
			provider_id(p), json_text_or(p->manifest, "id", "?"), provider_version(p),
			p->sha256);
		worker_noted(p);
		return true;
	}
	if (p->misconfigured) {
		if (ret_why != NULL)
			*ret_why = f;
		return false;
	}
	p->state = PROVIDER_REFUSED;
	memcpy(p->reason, f.text, sizeof(p->reason));
	log_error("PROVIDER-REFUSED", "provider=%s: %s", provider_id(p), p->reason);
	return true;
}

static char *make_names(const struct providers *ps)
{
	struct buf names;
	size_t n;

	buf_init(&names, NAMES_MAX);
	for (size_t i = 0; i < ps->count; i++) {
		if (ps->list[i].state == PROVIDER_LOADED)
			buf_printf(
				&names, "%s%s", names.n > 0 ? ", " : "", provider_id(&ps->list[i]));
	}
	return buf_take(&names, &n);
}

static bool load_all(struct providers *ps, struct fail *f)
{
	for (size_t i = 0; i < ps->count; i++) {
		if (!load_one(&ps->list[i], f))
			return false;
	}
	ps->names = make_names(ps);
	return ps->names != NULL ||
	       fail_set(f, FAIL_INTERNAL, "load providers: their names are too long");
}

static void free_providers(struct providers *ps)
{
	for (size_t i = 0; i < 2 * ps->count; i++)
		provider_unload(&ps->list[i]);
	worker_watch_close(ps->watch);
	call_table_finish(&ps->calls); /* of a worker's death its calls hear until here */
	tokens_close(ps->tokens);
	egress_list_finish(&ps->egress);
	mutex_finish(&ps->records);
	free(ps->names);
	free(ps->list);
	free(ps);
}

/* A list of the configured ones, nothing loaded; NULL: out of memory. */
static struct providers *new_providers(const struct provider_host *host)
{
	const struct config *config = host->config;
	struct providers *ps = calloc(1, sizeof(*ps));

	if (ps == NULL)
		return NULL;
	ps->host = *host;
	ps->list = calloc(2 * config->provider_count + 1, sizeof(*ps->list));
	ps->tokens = tokens_open();
	if (ps->list == NULL || ps->tokens == NULL) {
		tokens_close(ps->tokens);
		free(ps->list);
		free(ps);
		return NULL;
	}
	mutex_init(&ps->records);
	ps->count = config->provider_count;
	for (size_t i = 0; i < 2 * ps->count; i++) {
		ps->list[i].config = &config->providers[i % ps->count];
		ps->list[i].all = ps;
	}
	return ps;
}

struct providers *providers_open(const struct provider_host *host, struct fail *f)
{
	struct providers *ps = new_providers(host);

	if (ps == NULL || !call_table_open(&ps->calls, ps, f)) {
		if (ps == NULL)
			(void)fail_set(f, FAIL_INTERNAL, "load providers: out of memory");
		else
			free_providers(ps);
		return NULL;
	}
	save_note_recover(host->config);
	if (net_rules_of_site(host->config, &ps->egress, f) && load_all(ps, f))
		return ps;
	(void)providers_close(ps, 0);
	return NULL;
}

bool providers_close(struct providers *ps, int64_t drain_ms)
{
	bool empty;

	if (ps == NULL)
		return true;
	empty = call_table_close(&ps->calls, drain_ms);
	if (empty)
		free_providers(ps);
	return empty;
}

/* --- finding --- */

struct provider *providers_find(struct providers *ps, const char *id)
{
	for (size_t i = 0; id != NULL && i < ps->count; i++) {
		struct provider *p = &ps->list[i];

		if (p->state == PROVIDER_LOADED && strcmp(provider_id(p), id) == 0)
			return provider_now(p);
	}
	return NULL;
}

bool provider_serves(const struct provider *p, const char *type)
{
	const json_t *types = json_object_get(p->manifest, "connection_types");
	const json_t *word;
	size_t i;

	json_array_foreach(types, i, word)
	{
		if (json_is_string(word) && strcmp(json_string_value(word), type) == 0)
			return true;
	}
	return false;
}

struct provider *providers_for_type(struct providers *ps, const char *connection_type)
{
	for (size_t i = 0; connection_type != NULL && i < ps->count; i++) {
		struct provider *p = provider_now(&ps->list[i]);

		if (p->state == PROVIDER_LOADED && provider_serves(p, connection_type))
			return p;
	}
	return NULL;
}

const char *providers_names(const struct providers *ps)
{
	return ps->names;
}

/* --- describing --- */

static const char *const state_words[PROVIDER_STATE_COUNT] = {
	[PROVIDER_DISABLED] = "disabled",
	[PROVIDER_REFUSED] = "refused",
	[PROVIDER_LOADED] = "loaded",
};

struct description {
	const char *id;
	const char *state;
	const char *reason;
	const char *plugin;
	const char *version;
	const char *sha256;
	json_t *interfaces;
	json_t *grants; /* NULL: it asks for none */
	json_t *plain;  /* secrets of its manifest that it may read; NULL: none */
	json_t *limits;
	const char *isolation; /* NULL: it is not loaded */
	json_t *worker;
	json_t *quarantine; /* NULL: it is in none */
	json_t *fallback;   /* NULL: no other file serves instead */
};

static const struct json_field description_fields[] = {
	JSON_FIELD_TEXT(struct description, id, JSON_OUT),
	JSON_FIELD_TEXT(struct description, state, JSON_OUT),
	JSON_FIELD_TEXT(struct description, reason, JSON_OUT),
	JSON_FIELD_TEXT(struct description, plugin, JSON_OUT),
	JSON_FIELD_TEXT(struct description, version, JSON_OUT),
	JSON_FIELD_TEXT(struct description, sha256, JSON_OUT),
	JSON_FIELD_JSON(struct description, interfaces, JSON_OUT),
	JSON_FIELD_JSON(struct description, grants, JSON_OUT),
	JSON_FIELD_JSON(struct description, plain, JSON_OUT),
	JSON_FIELD_JSON(struct description, limits, JSON_OUT),
	JSON_FIELD_TEXT(struct description, isolation, JSON_OUT),
	JSON_FIELD_JSON(struct description, worker, JSON_OUT),
	JSON_FIELD_JSON(struct description, quarantine, JSON_OUT),
	JSON_FIELD_JSON(struct description, fallback, JSON_OUT),
};

/* {"davit.training":["submit", …], …}. Copies, as the rest: the manifest is all threads'. */
static json_t *describe_interfaces(const struct provider *p)
{
	json_t *interfaces = json_object_get(p->manifest, "interfaces");
	json_t *list = json_object();
	const char *id;
	json_t *value;

	json_object_foreach(interfaces, id, value)(void)
		json_object_set_new(list, id, json_deep_copy(json_object_get(value, "slots")));
	return list;
}

static json_t *describe(const struct provider *p)
{
	struct description d = {
		.id = provider_id(p),
		.state = state_words[p->state],
		.reason = p->reason[0] != '\0' ? p->reason : NULL,
		.plugin = json_text_or(p->manifest, "id", NULL),
		.version = json_text_or(p->manifest, "version", NULL),
		.sha256 = p->sha256[0] != '\0' ? p->sha256 : NULL,
		.interfaces = describe_interfaces(p),
		.grants = json_deep_copy(json_object_get(p->manifest, "grants")),
		.plain = json_deep_copy(json_object_get(p->manifest, "plain")),
		.limits = json_object(),
		.worker = p->home != NULL ? worker_describe(p) : NULL,
	};
	json_t *v;

	worker_describe_quarantine(p, &d.quarantine, &d.fallback);
	if (d.quarantine != NULL) {
		d.state = "quarantined";
		d.reason = json_text_or(d.quarantine, "reason", NULL);
	}

	(void)json_object_set_new(d.limits, "max_running", json_integer(p->config->max_running));
	(void)json_object_set_new(d.limits, "max_calls", json_integer(p->config->max_calls));
	if (p->state == PROVIDER_LOADED)
		d.isolation = p->home != NULL ? "worker" : "inline";
	v = json_write(description_fields, COUNT(description_fields), &d);
	json_decref(d.interfaces);
	json_decref(d.grants);
	json_decref(d.plain);
	json_decref(d.limits);
	json_decref(d.worker);
	json_decref(d.quarantine);
	json_decref(d.fallback);
	return v;
}

json_t *providers_describe(struct providers *ps)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ps->count; i++)
		(void)json_array_append_new(list, describe(&ps->list[i]));
	return list;
}

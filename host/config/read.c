/* Reads YAML into structs by the table of keys: one function per kind of key. */
#include "config/read.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/schema.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/ytree.h"
#include "net/proxy.h"
#include "platform/fs.h"

#define NAMES_MAX 32 /* keys of one section; more are not suggested */
#define WORD_MAX  64

struct reader {
	struct config *c;
	const struct read_file *file;
	struct fail *f;
};

typedef bool read_fn(struct reader *r, const struct key *k, const struct ytree *v, void *base);

static bool refuse_value(
	struct reader *r, const struct key *k, const struct ytree *v, const char *expected)
{
	return ytree_refuse(r->f, r->file->name, v->line, "'%s' must be %s", k->name, expected);
}

static bool no_memory(struct reader *r)
{
	return fail_set(r->f, FAIL_INTERNAL, "%s: out of memory", r->file->name);
}

static void *member(const struct key *k, void *base)
{
	return (char *)base + k->offset;
}

/* One more, zeroed, at the end of an array; NULL: out of memory. */
static void *grow(void *array_pointer, size_t *count, size_t size)
{
	void **array = array_pointer;
	char *grown = realloc(*array, (*count + 1) * size);

	if (grown == NULL)
		return NULL;
	*array = grown;
	return memset(grown + (*count)++ * size, 0, size);
}

bool read_set(char **at, const char *text, struct fail *f)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	free(*at);
	*at = copy;
	return true;
}

static bool set_text(struct reader *r, char **at, const char *text)
{
	return read_set(at, text, r->f) || fail_wrap(r->f, "%s", r->file->name);
}

static bool is_filled_text(const struct ytree *v)
{
	return v->kind == YTREE_TEXT && v->text[0] != '\0';
}

static bool read_text(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	if (!is_filled_text(v))
		return refuse_value(r, k, v, "a text");
	return set_text(r, member(k, base), v->text);
}

static bool read_word(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (!is_filled_text(v) || v->text[strspn(v->text, letters)] != '\0' ||
		strchr("_.-", v->text[0]) != NULL || strlen(v->text) > WORD_MAX)
		return refuse_value(r, k, v,
			"a name of 1 to 64 letters, digits, '-', '_' and '.', beginning with a "
			"letter or digit");
	return set_text(r, member(k, base), v->text);
}

/* Whether there is such a provider is known when providers.d was read. */
static bool read_use(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	struct config *c = r->c;
	struct config_use *use;

	if (!read_word(r, k, v, base))
		return false;
	use = grow(&c->uses, &c->use_count, sizeof(*use));
	if (use == NULL)
		return no_memory(r);
	use->line = v->line;
	return set_text(r, &use->id, v->text);
}

static bool read_level(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	static const char *const words[] = {"debug", "info", "warn", "error"};
	enum log_level level;
	const char *nearest;

	if (v->kind == YTREE_TEXT && log_level_of(v->text, &level))
		return set_text(r, member(k, base), v->text);
	nearest = v->kind == YTREE_TEXT ? schema_nearest(v->text, words, COUNT(words)) : NULL;
	if (nearest == NULL)
		return refuse_value(r, k, v, "debug, info, warn or error");
	return ytree_refuse(r->f, r->file->name, v->line,
		"'%s' must be debug, info, warn or error; did you mean '%s'?", k->name, nearest);
}

static bool read_choice(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	char known[WORD_MAX * 2] = "one of ";

	for (size_t i = 0; k->words[i] != NULL; i++) {
		if (v->kind == YTREE_TEXT && strcmp(v->text, k->words[i]) == 0)
			return set_text(r, member(k, base), v->text);
		strncat(known, i > 0 ? ", " : "", sizeof(known) - strlen(known) - 1);
		strncat(known, k->words[i], sizeof(known) - strlen(known) - 1);
	}
	return refuse_value(r, k, v, known);
}

/* Writes the absolute form of a path in a file. */
static bool make_absolute(
	struct reader *r, const struct key *k, int line, const char *path, char absolute[PATH_MAX])
{
	bool fits = path[0] == '/' ? (size_t)snprintf(absolute, PATH_MAX, "%s", path) < PATH_MAX
	                           : fs_join(absolute, PATH_MAX, r->file->folder, path, NULL);

	return fits || ytree_refuse(r->f, r->file->name, line, "'%s' is longer than %d bytes",
			       k->name, PATH_MAX - 1);
}

static bool read_path(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	char path[PATH_MAX];

	if (!is_filled_text(v))
		return refuse_value(r, k, v, "a path");
	if (!make_absolute(r, k, v->line, v->text, path))
		return false;
	if (k->most != 0 && strlen(path) > (size_t)k->most)
		return ytree_refuse(r->f, r->file->name, v->line,
			"'%s' is %zu bytes long (%s) and may have %d, as the path of a socket has "
			"at most 107",
			k->name, strlen(path), path, (int)k->most);
	return set_text(r, member(k, base), path);
}

static bool read_store(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	static const char scheme[] = "sqlite:";
	char path[PATH_MAX], target[PATH_MAX + sizeof(scheme)];

	if (!is_filled_text(v) || strncmp(v->text, scheme, sizeof(scheme) - 1) != 0 ||
		v->text[sizeof(scheme) - 1] == '\0')
		return refuse_value(r, k, v, "sqlite:PATH");
	if (!make_absolute(r, k, v->line, v->text + sizeof(scheme) - 1, path))
		return false;
	snprintf(target, sizeof(target), "%s%s", scheme, path);
	return set_text(r, member(k, base), target);
}

/* False also where text is no address; *ret_known tells these apart. */
static bool is_loopback(const char *text, bool *ret_known)
{
	struct in6_addr six;
	struct in_addr four;

	*ret_known = true;
	if (inet_pton(AF_INET, text, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, text, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	*ret_known = false;
	return false;
}

static bool read_address(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	bool known;

	if (!is_filled_text(v))
		return refuse_value(r, k, v, "an address such as 127.0.0.1");
	if (is_loopback(v->text, &known))
		return set_text(r, member(k, base), v->text);
	if (!known)
		return refuse_value(r, k, v, "an IP address such as 127.0.0.1 or ::1");
	return ytree_refuse(r->f, r->file->name, v->line,
		"'%s' is %s, but listeners have no access rules yet, so only loopback addresses are "
		"allowed (127.0.0.0/8 and ::1)",
		k->name, v->text);
}

static bool read_int(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	json_t *number = v->kind == YTREE_TEXT ? ytree_json(r->file->name, v, NULL) : NULL;
	bool good = json_is_integer(number) && json_integer_value(number) >= k->least &&
	            json_integer_value(number) <= k->most;

	if (good)
		*(int64_t *)member(k, base) = json_integer_value(number);
	json_decref(number);
	return good || ytree_refuse(r->f, r->file->name, v->line,
			       "'%s' must be an integer from %lld to %lld", k->name,
			       (long long)k->least, (long long)k->most);
}

static bool read_bool(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	json_t *truth = v->kind == YTREE_TEXT ? ytree_json(r->file->name, v, NULL) : NULL;
	bool good = json_is_boolean(truth);

	if (good)
		*(bool *)member(k, base) = json_is_true(truth);
	json_decref(truth);
	return good || refuse_value(r, k, v, "true or false");
}

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + (text[1] - '0');
}

static bool parse_offset(const char *text, int64_t *ret_minutes)
{
	int hours, minutes;

	if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
		strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2)
		return false;
	hours = two_digits(text + 1);
	minutes = two_digits(text + 4);
	if (minutes > 59)
		return false;
	minutes += hours * 60;
	*ret_minutes = text[0] == '-' ? -minutes : minutes;
	return true;
}

static bool read_offset(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	int64_t minutes;

	if (v->kind != YTREE_TEXT || !parse_offset(v->text, &minutes) || minutes < k->least ||
		minutes > k->most)
		return refuse_value(r, k, v, "an offset from \"-14:00\" to \"+14:00\"");
	*(int64_t *)member(k, base) = minutes;
	return true;
}

static bool read_json(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	json_t **at = member(k, base), *value;

	if (v->kind != YTREE_MAP)
		return refuse_value(r, k, v, "a map");
	value = ytree_json(r->file->name, v, r->f);
	if (value == NULL)
		return false;
	json_decref(*at);
	*at = value;
	return true;
}

/* One more text at the end of a list and its count. */
static bool add_text(struct reader *r, const struct key *k, void *base, const char *text)
{
	char ***list = member(k, base);
	size_t *count = (size_t *)(list + 1);
	char **item = grow(list, count, sizeof(*item));

	return item != NULL ? set_text(r, item, text) : no_memory(r);
}

static bool read_paths(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	char path[PATH_MAX];

	if (v->kind != YTREE_LIST)
		return refuse_value(r, k, v, "a list of paths");
	for (const struct ytree *item = v->first; item != NULL; item = item->next) {
		if (!is_filled_text(item))
			return refuse_value(r, k, item, "a list of paths");
		if (!make_absolute(r, k, item->line, item->text, path) ||
			!add_text(r, k, base, path))
			return false;
	}
	return true;
}

/* None is as absent, so an empty list would allow what its writer means to forbid. */
static bool read_texts(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	if (v->kind != YTREE_LIST || v->count == 0)
		return refuse_value(r, k, v, "a list of at least one text");
	for (const struct ytree *item = v->first; item != NULL; item = item->next) {
		if (!is_filled_text(item))
			return refuse_value(r, k, item, "a list of at least one text");
		if (!add_text(r, k, base, item->text))
			return false;
	}
	return true;
}

/* The value is not repeated: there may be a password in it. */
static bool read_proxy(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	if (!is_filled_text(v) || !proxy_check(v->text))
		return refuse_value(r, k, v,
			"a URL such as http://proxy.lab:3128 or https://USER:PASSWORD@proxy.lab: "
			"of http or https, with a port from 1 to 65535 if any and nothing behind; "
			"what is neither letter nor digit of a password is written %XX");
	return set_text(r, member(k, base), v->text);
}

static bool read_hosts(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	struct fail f = {0};

	if (!read_texts(r, k, v, base))
		return false;
	for (const struct ytree *item = v->first; item != NULL; item = item->next) {
		if (!proxy_check_except(item->text, &f))
			return ytree_refuse(
				r->f, r->file->name, item->line, "'%s': %s", k->name, f.text);
	}
	return true;
}

static const struct key *find_key(const struct section *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->keys[i].name, name) == 0)
			return &s->keys[i];
	}
	return NULL;
}

static const struct section *find_section_with(const char *name)
{
	for (size_t i = 0; i < keys_section_count; i++) {
		if (find_key(keys_sections[i], name) != NULL)
			return keys_sections[i];
	}
	return NULL;
}

/* An unknown key: what its writer may have meant. */
static bool refuse_key(struct reader *r, const struct section *s, const struct ytree *v)
{
	const struct section *other = find_section_with(v->key);
	const char *names[NAMES_MAX], *nearest;
	char known[256] = "";
	size_t n = 0;

	for (; n < s->count && n < COUNT(names); n++) {
		names[n] = s->keys[n].name;
		strncat(known, n == 0 ? "" : ", ", sizeof(known) - strlen(known) - 1);
		strncat(known, names[n], sizeof(known) - strlen(known) - 1);
	}
	nearest = schema_nearest(v->key, names, n);
	if (nearest != NULL)
		return ytree_refuse(r->f, r->file->name, v->key_line,
			"unknown key '%s', did you mean '%s'?", v->key, nearest);
	if (other != NULL)
		return ytree_refuse(r->f, r->file->name, v->key_line,
			"unknown key '%s' here; it belongs to %s", v->key, other->title);
	return ytree_refuse(r->f, r->file->name, v->key_line, "unknown key '%s'; known here are %s",
		v->key, known);
}

static bool set_preset_text(struct reader *r, const struct key *k, void *base)
{
	return k->preset_text == NULL || set_text(r, member(k, base), k->preset_text);
}

/* Recurses from davit.yaml into its sections, no deeper. */
static bool set_presets(struct reader *r, const struct section *s, void *base)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct key *k = &s->keys[i];

		if (k->kind == KEY_INT || k->kind == KEY_OFFSET)
			*(int64_t *)member(k, base) = k->preset;
		else if (k->kind == KEY_BOOL)
			*(bool *)member(k, base) = k->preset != 0;
		else if (!set_preset_text(r, k, base) ||
			 (k->kind == KEY_SECTION && !set_presets(r, k->below, base)))
			return false;
	}
	return true;
}

static bool read_key(struct reader *r, const struct key *k, const struct ytree *v, void *base);

/* others: takes the members that are no keys; NULL: there are none. */
static bool read_members(struct reader *r, const struct section *s, const struct ytree *map,
	void *base, json_t *others)
{
	for (const struct ytree *v = map->first; v != NULL; v = v->next) {
		const struct key *k = find_key(s, v->key);
		json_t *other;

		if (k != NULL) {
			if (!ytree_is_null(v) && !read_key(r, k, v, base))
				return false;
			continue;
		}
		if (others == NULL)
			return refuse_key(r, s, v);
		other = ytree_json(r->file->name, v, r->f);
		if (other == NULL)
			return false;
		if (json_object_set_new(others, v->key, other) != 0)
			return no_memory(r);
	}
	return true;
}

static bool read_section(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	if (v->kind != YTREE_MAP)
		return refuse_value(r, k, v, "a map of keys");
	return read_members(r, k->below, v, base, NULL);
}

static struct config_listener *add_listener(struct reader *r)
{
	struct config *c = r->c;
	struct config_listener *l = grow(&c->listeners, &c->listener_count, sizeof(*l));

	if (l == NULL)
		no_memory(r);
	else if (!set_presets(r, &keys_listener, l))
		return NULL;
	return l;
}

static bool read_listener(struct reader *r, const struct ytree *v)
{
	static const char *const tcp_keys[] = {"address", "port"};
	struct config_listener *l = add_listener(r);

	if (l == NULL)
		return false;
	if (v->kind != YTREE_MAP)
		return ytree_refuse(r->f, r->file->name, v->line,
			"a listener must be a map such as {port: 7070} or {unix: davitd.sock}");
	if (!read_members(r, &keys_listener, v, l, NULL))
		return false;
	if (l->unix_path == NULL)
		return l->address != NULL || set_text(r, &l->address, "127.0.0.1");
	l->port = 0;
	for (size_t i = 0; i < COUNT(tcp_keys); i++) {
		const struct ytree *t = ytree_member(v, tcp_keys[i]);

		if (t != NULL)
			return ytree_refuse(r->f, r->file->name, t->key_line,
				"'%s' stands beside 'unix': a listener is one or the other",
				tcp_keys[i]);
	}
	return true;
}

static bool read_listeners(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	(void)base;
	if (v->kind != YTREE_LIST || v->count == 0)
		return refuse_value(r, k, v, "a list of at least one listener");
	for (const struct ytree *item = v->first; item != NULL; item = item->next) {
		if (!read_listener(r, item))
			return false;
	}
	return true;
}

static bool read_connection(struct reader *r, const struct ytree *v)
{
	struct config *c = r->c;
	struct config_connection *connection;

	if (v->kind != YTREE_MAP)
		return ytree_refuse(r->f, r->file->name, v->line,
			"connection '%s' must be a map of its details", v->key);
	if (v->key[0] == '\0')
		return ytree_refuse(r->f, r->file->name, v->key_line, "a connection needs a name");
	connection = grow(&c->connections, &c->connection_count, sizeof(*connection));
	if (connection == NULL)
		return no_memory(r);
	connection->details = json_object();
	if (connection->details == NULL)
		return no_memory(r);
	return set_text(r, &connection->name, v->key) &&
	       read_members(r, &keys_connection, v, connection, connection->details);
}

static bool read_connections(
	struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	(void)base;
	if (v->kind != YTREE_MAP)
		return refuse_value(r, k, v, "a map from names to details");
	for (const struct ytree *m = v->first; m != NULL; m = m->next) {
		if (!read_connection(r, m))
			return false;
	}
	return true;
}

static bool read_key(struct reader *r, const struct key *k, const struct ytree *v, void *base)
{
	static read_fn *const readers[KEY_KIND_COUNT] = {
		[KEY_TEXT] = read_text,
		[KEY_WORD] = read_word,
		[KEY_PROVIDER] = read_use,
		[KEY_LEVEL] = read_level,
		[KEY_CHOICE] = read_choice,
		[KEY_PATH] = read_path,
		[KEY_STORE] = read_store,
		[KEY_ADDRESS] = read_address,
		[KEY_INT] = read_int,
		[KEY_BOOL] = read_bool,
		[KEY_OFFSET] = read_offset,
		[KEY_JSON] = read_json,
		[KEY_PATHS] = read_paths,
		[KEY_TEXTS] = read_texts,
		[KEY_PROXY] = read_proxy,
		[KEY_HOSTS] = read_hosts,
		[KEY_SECTION] = read_section,
		[KEY_LISTENERS] = read_listeners,
		[KEY_CONNECTIONS] = read_connections,
	};

	return readers[k->kind](r, k, v, base);
}

/* Reads a whole file whose keys are those of s. */
static bool read_tree(struct reader *r, const struct section *s, const struct ytree *t, void *base)
{
	if (!set_presets(r, s, base))
		return false;
	if (ytree_is_null(t))
		return true;
	if (t->kind != YTREE_MAP)
		return ytree_refuse(
			r->f, r->file->name, t->line, "the file must be a map of keys and values");
	return read_members(r, s, t, base, NULL);
}

bool read_site(
	struct config *c, const struct read_file *file, const char *bytes, size_t n, struct fail *f)
{
	struct reader r = {c, file, f};
	struct ytree *t = ytree_parse(file->name, bytes, n, f);
	bool good = t != NULL && read_tree(&r, &keys_site, t, c);

	ytree_free(t);
	return good;
}

/* Notes where things stand, for what is found wrong when the provider is loaded. */
static bool note_lines(struct reader *r, const struct ytree *t, struct config_provider *p)
{
	const struct ytree *plugin = ytree_member(t, "plugin");
	const struct ytree *settings = ytree_member(t, "settings");

	if (plugin == NULL || ytree_is_null(plugin))
		plugin = ytree_member(t, "provider");
	p->line = plugin->line;
	if (settings != NULL)
		p->setting_lines = ytree_lines(r->file->name, settings, r->f);
	return settings == NULL || p->setting_lines != NULL;
}

static bool finish_provider(struct reader *r, const struct ytree *t, struct config_provider *p)
{
	const struct config *c = r->c;
	char plugin[WORD_MAX + sizeof(".so")];

	if (p->id == NULL)
		return ytree_refuse(r->f, r->file->name, t->line,
			"'provider' is missing: the name requests use");
	for (size_t i = 0; i + 1 < c->provider_count; i++) {
		if (strcmp(c->providers[i].id, p->id) == 0)
			return ytree_refuse(r->f, r->file->name, ytree_member(t, "provider")->line,
				"provider '%s' is configured already in %s", p->id,
				c->providers[i].file);
	}
	snprintf(plugin, sizeof(plugin), "%s.so", p->id);
	if (p->plugin == NULL && !set_text(r, &p->plugin, plugin))
		return false;
	if (p->settings == NULL)
		p->settings = json_object();
	return (p->settings != NULL || no_memory(r)) && note_lines(r, t, p);
}

bool read_provider(
	struct config *c, const struct read_file *file, const char *bytes, size_t n, struct fail *f)
{
	struct reader r = {c, file, f};
	struct config_provider *p = grow(&c->providers, &c->provider_count, sizeof(*p));
	struct ytree *t;
	bool good;

	if (p == NULL)
		return no_memory(&r);
	if (!set_text(&r, &p->file, file->name))
		return false;
	t = ytree_parse(file->name, bytes, n, f);
	good = t != NULL && read_tree(&r, &keys_provider, t, p) && finish_provider(&r, t, p);
	ytree_free(t);
	return good;
}

bool read_listener_presets(struct config *c, struct fail *f)
{
	static const struct read_file nowhere = {"listeners", "/"};
	struct reader r = {c, &nowhere, f};

	return add_listener(&r) != NULL;
}

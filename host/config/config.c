/* Loads davit.yaml and providers.d, and works out what nobody wrote down. */
#include "config/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/schema.h"
#include "config/read.h"
#include "config/ytree.h"
#include "platform/fs.h"

#define OTHER_FILES 256 /* database, blobs, processes */

#define FILE_MAX      ((size_t)1024 * 1024)
#define PROVIDERS_MAX 1000
#define SOCKET_MAX    107 /* bytes of a path in a sockaddr_un */
#define SOCKET_NAME   "/123456789012345678901234567890123456789012345678.serve"

/* *at := folder/name, unless it is there already. */
static bool preset_below(char **at, const char *folder, const char *name, struct fail *f)
{
	char path[PATH_MAX];

	return *at != NULL ||
	       (fs_join(path, sizeof(path), folder, name, f) && read_set(at, path, f));
}

static bool preset_store(struct config *c, struct fail *f)
{
	char target[PATH_MAX] = "sqlite:";
	size_t n = strlen(target);

	return c->store != NULL ||
	       (fs_join(target + n, sizeof(target) - n, c->data_dir, "davit.db", f) &&
		       read_set(&c->store, target, f));
}

/* What belongs to the daemon: beside it, where it stands relative to it once installed, or
 * where it was to be installed. The first that is there; else the last. */
static bool preset_companion(char **at, const char *beside, const char *from_program,
	const char *installed, struct fail *f)
{
	const char *const ways[] = {beside, from_program};
	char program[PATH_MAX], folder[PATH_MAX], path[PATH_MAX];

	if (*at != NULL)
		return true;
	if (!fs_own_program(program, sizeof(program), f) ||
		!fs_folder_of(folder, sizeof(folder), program, f))
		return false;
	for (size_t i = 0; i < COUNT(ways); i++) {
		if (fs_join(path, sizeof(path), folder, ways[i], NULL) && fs_exists(path))
			return read_set(at, path, f);
	}
	return read_set(at, installed, f);
}

static bool preset_listeners(struct config *c, struct fail *f)
{
	struct config_listener *l;

	if (c->listener_count > 0)
		return true;
	if (!read_listener_presets(c, f) || !read_set(&c->listeners[0].address, "127.0.0.1", f) ||
		!read_listener_presets(c, f))
		return false;
	l = &c->listeners[1];
	l->port = 0;
	return preset_below(&l->unix_path, c->runtime_dir, "davitd.sock", f);
}

static bool check_runtime_dir(const struct config *c, const char *file, struct fail *f)
{
	size_t most = SOCKET_MAX - strlen(SOCKET_NAME);

	if (strlen(c->runtime_dir) <= most)
		return true;
	return fail_set(f, FAIL_INVALID,
		"%s: the folder of sockets is %zu bytes long (%s) and may have %zu, as the path of a "
		"socket has at most %d: set 'runtime_dir' to a shorter one",
		file, strlen(c->runtime_dir), c->runtime_dir, most, SOCKET_MAX);
}

/* Half of an odd number is rounded up, so that one place is not none. */
static void preset_share(struct config *c)
{
	if (c->max_queued_per_project == 0)
		c->max_queued_per_project = c->max_queued - c->max_queued / 2;
}

static bool finish_site(struct config *c, const char *file, struct fail *f)
{
	preset_share(c);
	return preset_below(&c->runtime_dir, c->data_dir, "run", f) &&
	       preset_below(&c->key_file, c->data_dir, "secret.key", f) &&
	       check_runtime_dir(c, file, f) && preset_store(c, f) &&
	       preset_companion(&c->run_program, "davit-run", DAVIT_LIBEXEC_FROM_SBIN "/davit-run",
		       DAVIT_LIBEXEC_DIR "/davit-run", f) &&
	       preset_companion(&c->worker_program, "davit-worker",
		       DAVIT_LIBEXEC_FROM_SBIN "/davit-worker", DAVIT_LIBEXEC_DIR "/davit-worker",
		       f) &&
	       preset_companion(&c->provider_dir, "providers", DAVIT_PROVIDER_FROM_SBIN,
		       DAVIT_PROVIDER_DIR, f) &&
	       preset_listeners(c, f);
}

static bool load_site(struct config *c, const char *path, const char *folder, struct fail *f)
{
	const struct read_file file = {path, folder};
	char *bytes;
	size_t n;
	bool good;

	if (!fs_read(path, FILE_MAX, &bytes, &n, f))
		return false;
	good = read_site(c, &file, bytes, n, f) && finish_site(c, path, f);
	free(bytes);
	return good;
}

static bool load_provider(struct config *c, const char *folder, const char *name, struct fail *f)
{
	char path[PATH_MAX];
	const struct read_file file = {path, folder};
	char *bytes;
	size_t n;
	bool good;

	if (!fs_join(path, sizeof(path), folder, name, f) ||
		!fs_read(path, FILE_MAX, &bytes, &n, f))
		return false;
	good = read_provider(c, &file, bytes, n, f);
	free(bytes);
	return good;
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), end_length = strlen(end);

	return n > end_length && strcmp(name + n - end_length, end) == 0;
}

static bool load_names(
	struct config *c, const char *folder, char *const *names, size_t n, struct fail *f)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i][0] == '.') /* editors and config maps keep theirs there */
			continue;
		if (ends_in(names[i], ".yml"))
			return fail_set(f, FAIL_INVALID,
				"%s/%s: name it NAME.yaml, as others are not read", folder,
				names[i]);
		if (ends_in(names[i], ".yaml") && !load_provider(c, folder, names[i], f))
			return false;
	}
	return true;
}

static bool load_providers(struct config *c, const char *site_folder, struct fail *f)
{
	char folder[PATH_MAX];
	char **names;
	size_t n;
	bool good;

	if (!fs_join(folder, sizeof(folder), site_folder, "providers.d", f))
		return false;
	if (!fs_exists(folder))
		return true;
	if (!fs_names(folder, PROVIDERS_MAX, &names, &n, f))
		return false;
	good = load_names(c, folder, names, n, f);
	fs_names_free(names, n);
	return good;
}

/* The names of all configured providers; the caller frees the array, not the names. */
static const char **provider_names(const struct config *c)
{
	const char **names = calloc(c->provider_count + 1, sizeof(*names));

	for (size_t i = 0; names != NULL && i < c->provider_count; i++)
		names[i] = c->providers[i].id;
	return names;
}

static bool refuse_use(
	const struct config *c, const char *file, const struct config_use *use, struct fail *f)
{
	const char **names = provider_names(c);
	const char *nearest;

	if (names == NULL)
		return fail_set(f, FAIL_INTERNAL, "%s: out of memory", file);
	nearest = schema_nearest(use->id, names, c->provider_count);
	free(names);
	if (nearest != NULL)
		return ytree_refuse(f, file, use->line, "unknown provider '%s'; did you mean '%s'?",
			use->id, nearest);
	if (c->provider_count == 0)
		return ytree_refuse(f, file, use->line,
			"unknown provider '%s'; providers.d configures none", use->id);
	return ytree_refuse(f, file, use->line,
		"unknown provider '%s'; providers.d configures '%s'%s", use->id, c->providers[0].id,
		c->provider_count > 1 ? " and others" : "");
}

/* A provider that is disabled may be named, so that it can be switched off and on by one key. */
static bool check_uses(const struct config *c, const char *file, struct fail *f)
{
	for (size_t i = 0; i < c->use_count; i++) {
		if (config_provider_find(c, c->uses[i].id) == NULL)
			return refuse_use(c, file, &c->uses[i], f);
	}
	return true;
}

static bool name_files(struct config *c, const char *path, const char *folder, struct fail *f)
{
	const char *slash = strrchr(path, '/');

	return preset_below(&c->file, folder, slash == NULL ? path : slash + 1, f) &&
	       preset_below(&c->more_files, folder, "providers.d", f);
}

struct config *config_load(const char *path, struct fail *f)
{
	struct config *c = calloc(1, sizeof(*c));
	char folder[PATH_MAX];

	if (c == NULL) {
		fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	if (fs_folder_of(folder, sizeof(folder), path, f) && name_files(c, path, folder, f) &&
		load_site(c, path, folder, f) && load_providers(c, folder, f) &&
		check_uses(c, path, f))
		return c;
	config_free(c);
	return NULL;
}

static void free_listeners(struct config *c)
{
	for (size_t i = 0; i < c->listener_count; i++) {
		free(c->listeners[i].address);
		free(c->listeners[i].unix_path);
		free(c->listeners[i].default_provider);
	}
	free(c->listeners);
}

static void free_providers(struct config *c)
{
	for (size_t i = 0; i < c->provider_count; i++) {
		free(c->providers[i].file);
		free(c->providers[i].id);
		free(c->providers[i].plugin);
		free(c->providers[i].isolation);
		fs_names_free(c->providers[i].egress, c->providers[i].egress_count);
		fs_names_free(
			c->providers[i].private_networks, c->providers[i].private_network_count);
		free(c->providers[i].proxy);
		fs_names_free(c->providers[i].no_proxy, c->providers[i].no_proxy_count);
		json_decref(c->providers[i].settings);
		json_decref(c->providers[i].setting_lines);
	}
	free(c->providers);
}

static void free_connections(struct config *c)
{
	for (size_t i = 0; i < c->connection_count; i++) {
		free(c->connections[i].name);
		free(c->connections[i].provider);
		free(c->connections[i].type);
		free(c->connections[i].proxy);
		fs_names_free(c->connections[i].no_proxy, c->connections[i].no_proxy_count);
		json_decref(c->connections[i].details);
	}
	free(c->connections);
}

static void free_uses(struct config *c)
{
	for (size_t i = 0; i < c->use_count; i++)
		free(c->uses[i].id);
	free(c->uses);
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	free(c->file);
	free(c->more_files);
	free(c->data_dir);
	free(c->runtime_dir);
	free(c->key_file);
	free(c->old_key_file);
	free(c->store);
	free(c->provider_dir);
	free(c->run_program);
	free(c->worker_program);
	free(c->isolation);
	free(c->min_sandbox);
	free(c->default_provider);
	free(c->log_level);
	fs_names_free(c->import_roots, c->import_root_count);
	fs_names_free(c->export_roots, c->export_root_count);
	free(c->net.ca_file);
	fs_names_free(c->net.egress, c->net.egress_count);
	free(c->processes.min_sandbox);
	free(c->processes.user);
	fs_names_free(c->processes.read, c->processes.read_count);
	fs_names_free(c->processes.write, c->processes.write_count);
	free_listeners(c);
	free_providers(c);
	free_connections(c);
	free_uses(c);
	free(c);
}

const struct config_provider *config_provider_find(const struct config *c, const char *id)
{
	for (size_t i = 0; i < c->provider_count; i++) {
		if (strcmp(c->providers[i].id, id) == 0)
			return &c->providers[i];
	}
	return NULL;
}

int config_setting_line(const struct config_provider *p, const char *pointer)
{
	char around[sizeof(((struct fail *)0)->field)];

	(void)snprintf(around, sizeof(around), "%s", pointer);
	for (;;) {
		const json_t *line = json_object_get(p->setting_lines, around);
		char *slash = strrchr(around, '/');

		if (line != NULL)
			return (int)json_integer_value(line);
		if (around[0] == '\0')
			return p->line;
		*(slash != NULL ? slash : around) = '\0';
	}
}

uint64_t config_files(const struct config *c)
{
	int64_t n = OTHER_FILES + c->net.max_connections + c->net.max_lookups + c->max_threads;

	for (size_t i = 0; i < c->listener_count; i++)
		n += c->listeners[i].max_connections;
	return (uint64_t)n;
}

const struct config_connection *config_connection_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->connection_count; i++) {
		if (strcmp(c->connections[i].name, name) == 0)
			return &c->connections[i];
	}
	return NULL;
}

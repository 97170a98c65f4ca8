/*
 * From a file to a running instance. The bytes are read once; what was looked at is what is
 * loaded: a copy of those bytes, named by their digest, which the loader of the system opens
 * once per digest and never again under another content.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "config/config.h"
#include "platform/dynlib.h"
#include "platform/fs.h"
#include "provider/elf.h"
#include "provider/internal.h"
#include "provider/learn.h"
#include "provider/manifest.h"
#include "provider/preflight.h"
#include "provider/services.h"
#include "provider/worker.h"

#define FILE_MAX    ((size_t)64 * 1024 * 1024)
#define PLUGINS_MAX 1000 /* in a folder; among more none is suggested */

/* --- the file --- */

static bool plugin_path(const struct provider *p, char path[PATH_MAX], struct fail *f)
{
	const struct config *config = p->all->host.config;

	if (p->config->plugin[0] != '/')
		return fs_join(path, PATH_MAX, config->provider_dir, p->config->plugin, f);
	if (strlen(p->config->plugin) >= PATH_MAX)
		return fail_set(f, FAIL_INVALID, "its path is too long");
	memcpy(path, p->config->plugin, strlen(p->config->plugin) + 1);
	return true;
}

/* Suggests what lies in that folder under a similar name. */
static void refuse_absent(struct provider *p, const char *path, struct fail *f)
{
	char folder[PATH_MAX];
	const char *name = strrchr(path, '/');
	const char *nearest = NULL;
	char **names = NULL;
	size_t n = 0;

	p->misconfigured = true;
	name = name != NULL ? name + 1 : path;
	if (fs_folder_of(folder, sizeof(folder), path, NULL) &&
		fs_names(folder, PLUGINS_MAX, &names, &n, NULL))
		nearest = schema_nearest(name, (const char *const *)names, n);
	(void)fail_set(f, FAIL_INVALID, "%s:%d: plugin '%s' is not there (%s)%s%s%s",
		p->config->file, p->config->line, p->config->plugin, path,
		nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
		nearest != NULL ? "'?" : "");
	fs_names_free(names, n);
}

static bool read_plugin(
	struct provider *p, char path[PATH_MAX], char **ret_bytes, size_t *ret_n, struct fail *f)
{
	if (plugin_path(p, path, f) && fs_read(path, FILE_MAX, ret_bytes, ret_n, f))
		return true;
	if (f->code == FAIL_NOT_FOUND)
		refuse_absent(p, path, f);
	else
		(void)fail_wrap(f, "plugin %s", p->config->plugin);
	return false;
}

static bool look_at(struct provider *p, const char *bytes, size_t n, struct fail *f)
{
	struct preflight_site site = preflight_here();
	struct elf *e = malloc(sizeof(*e)); /* too large for a stack of ours */
	bool ok = false;

	if (e == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	if (preflight_open(e, bytes, n, &site, f) && (p->manifest = manifest_read(e, f)) != NULL)
		ok = preflight_check(e, &site, f);
	free(e);
	return ok;
}

/* Is the file there with that digest? */
static bool copy_is_there(const char *path, const char *digest)
{
	char hex[SHA256_HEX_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool same;

	if (fd < 0)
		return false;
	same = sha256_of_fd(fd, hex, NULL) && strcmp(hex, digest) == 0;
	(void)close(fd);
	return same;
}

static bool keep_copy(
	struct provider *p, const char *bytes, size_t n, char path[PATH_MAX], struct fail *f)
{
	char folder[PATH_MAX];
	char name[SHA256_HEX_SIZE + sizeof(".so")];

	memcpy(name, p->sha256, SHA256_HEX_SIZE - 1);
	memcpy(name + SHA256_HEX_SIZE - 1, ".so", sizeof(".so"));
	if (!fs_join(folder, sizeof(folder), p->all->host.config->data_dir, "plugins", f) ||
		!fs_join(path, PATH_MAX, folder, name, f))
		return false;
	if (copy_is_there(path, p->sha256))
		return true;
	if (!fs_mkdirs(folder, f) || !fs_write_durable(path, bytes, n, f))
		return false;
	if (chmod(path, S_IRUSR | S_IXUSR) != 0)
		return fail_set(f, FAIL_INTERNAL, "protect %s: %s", path, strerrordesc_np(errno));
	return true;
}

static bool has_grant(const json_t *manifest, const char *grant)
{
	const json_t *grants = json_object_get(manifest, "grants");
	const json_t *word;
	size_t i;

	json_array_foreach(grants, i, word)
	{
		if (json_is_string(word) && strcmp(json_string_value(word), grant) == 0)
			return true;
	}
	return false;
}

/* Is it to run in a worker? */
static bool is_isolated(const struct provider *p)
{
	const char *word = p->config->isolation;

	if (word == NULL)
		word = p->all->host.config->isolation;
	return word != NULL && strcmp(word, "worker") == 0;
}

/* Does its manifest agree? What it does not say it can. */
static bool may_run(const struct provider *p, bool isolated, struct fail *f)
{
	const char *where = isolated ? "worker" : "inline";
	const json_t *word = json_object_get(json_object_get(p->manifest, "isolation"), where);

	return !json_is_false(word) ||
	       fail_set(f, FAIL_INVALID, "its manifest says that it cannot run with isolation: %s",
		       where);
}

/* In the daemon nothing shuts it in: less than any level that a site may demand. */
static bool may_be_open(const struct provider *p, bool isolated, struct fail *f)
{
	const char *least = p->all->host.config->min_sandbox;

	return isolated || least == NULL || strcmp(least, "none") == 0 ||
	       fail_set(f, FAIL_INVALID,
		       "isolation: inline has no sandbox, and min_sandbox asks for '%s'", least);
}

static bool load_here(struct provider *p, const char *path, struct fail *f)
{
	void *query;

	if (!dynlib_load(path, "davit_provider_query", &query, f))
		return false;
	memcpy(&p->query, &query, sizeof(p->query)); /* ISO C has no such cast */
	return true;
}

static bool load_bytes(struct provider *p, const char *bytes, size_t n, struct fail *f)
{
	char path[PATH_MAX];

	if (!look_at(p, bytes, n, f) || !keep_copy(p, bytes, n, path, f))
		return false;
	p->may_process = has_grant(p->manifest, "process");
	p->may_reveal = has_grant(p->manifest, "reveal");
	if (!may_run(p, is_isolated(p), f) || !may_be_open(p, is_isolated(p), f))
		return false;
	return is_isolated(p) ? worker_begin(p, path, f) : load_here(p, path, f);
}

/* --- the instance --- */

/* A new reference; NULL: out of memory. */
static json_t *settings_of(const struct provider *p)
{
	return p->config->settings != NULL ? json_incref(p->config->settings) : json_object();
}

static bool check_settings(struct provider *p, struct fail *f)
{
	const json_t *schema = json_object_get(p->manifest, "config_schema");
	json_t *settings = settings_of(p);
	struct fail why = {0};
	bool ok = schema == NULL || schema_check(schema, settings, &why);

	json_decref(settings);
	if (ok)
		return true;
	p->misconfigured = true;
	return fail_at(f, FAIL_INVALID, why.field, "%s:%d: settings%s: %s", p->config->file,
		config_setting_line(p->config, why.field), why.field, why.text);
}

/* create() as a call on this thread. */
static bool create_instance(struct provider *p, const char *config, size_t n, struct fail *f)
{
	struct call_table *t = &p->all->calls;
	struct call *c = call_new(p, DAVIT_CORE, "create", 0, f);
	davit_instance instance = 0;
	struct call_result result;
	int32_t code;

	if (c == NULL)
		return false;
	if (call_table_add(t, c, 0, f) != CALL_ENTERED) {
		call_free(c);
		return false;
	}
	call_enter(c);
	code = p->core->create(
		services_query(p->may_process), c->handle, (davit_buf){config, n}, &instance);
	call_leave();
	call_conclude(c, code, &result);
	call_table_remove(t, c);
	call_free(c);
	if (code == DAVIT_OK && result.code != DAVIT_OK)
		p->core->destroy(instance);
	call_result_finish(&result);
	if (result.code != DAVIT_OK) {
		if (f != NULL)
			*f = result.fail;
		return fail_wrap(f, "create");
	}
	p->instance = instance;
	return true;
}

static bool start_instance(struct provider *p, struct fail *f)
{
	json_t *settings = settings_of(p);
	size_t n = 0;
	char *text = json_compact(settings, &n);
	bool ok = false;

	if (text == NULL)
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	else
		ok = p->home != NULL ? worker_create(p, text, n, f)
		                     : create_instance(p, text, n, f);
	free(text);
	json_decref(settings);
	return ok;
}

static bool read_net_rules(struct provider *p, struct fail *f)
{
	json_t *settings = settings_of(p);
	bool ok = net_rules_of_config(&p->net, p->manifest, settings, p->config, f);

	json_decref(settings);
	if (ok)
		return true;
	p->misconfigured = true;
	return fail_wrap(f, "%s", p->config->file);
}

static void name_bytes(struct provider *p, const char *bytes, size_t n)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(bytes, n, digest);
	sha256_hex(digest, p->sha256);
}

/* From the bytes, which are freed, to an instance. */
static bool load(struct provider *p, const char *path, char *bytes, size_t n, struct fail *f)
{
	bool ok = load_bytes(p, bytes, n, f);

	free(bytes);
	if (ok) {
		provider_limits(p);
		ok = provider_compare(p, f) && net_rules_of_manifest(&p->net, p->manifest, f);
	}
	if (ok && (!check_settings(p, f) || !read_net_rules(p, f)))
		return false;
	if (ok)
		learn_at_start(p);
	return (ok && start_instance(p, f)) || fail_wrap(f, "%s", path);
}

bool provider_load(struct provider *p, struct fail *f)
{
	char path[PATH_MAX];
	char *bytes;
	size_t n;

	if (!read_plugin(p, path, &bytes, &n, f))
		return false;
	name_bytes(p, bytes, n);
	return load(p, path, bytes, n, f);
}

bool provider_load_copy(struct provider *p, const char *sha256, struct fail *f)
{
	char path[PATH_MAX], name[sizeof("plugins/") + SHA256_HEX_SIZE + sizeof(".so")];
	char *bytes;
	size_t n;

	(void)snprintf(name, sizeof(name), "plugins/%s.so", sha256);
	if (!fs_join(path, sizeof(path), p->all->host.config->data_dir, name, f) ||
		!fs_read(path, FILE_MAX, &bytes, &n, f))
		return false;
	name_bytes(p, bytes, n);
	if (strcmp(p->sha256, sha256) == 0)
		return load(p, path, bytes, n, f);
	free(bytes);
	return fail_set(f, FAIL_INVALID, "%s has other bytes than it was written with", path);
}

void provider_unload(struct provider *p)
{
	if (p->home != NULL)
		worker_finish(p);
	else if (p->state == PROVIDER_LOADED)
		p->core->destroy(p->instance);
	p->state = PROVIDER_DISABLED;
	net_rules_close(&p->net);
	json_decref(p->manifest);
	p->manifest = NULL;
}

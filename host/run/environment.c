/*
 * The environment of a command. What the specification gives comes first; PATH, HOME and LANG
 * are added where it is silent; what tells the command where it is cannot be overridden.
 */
#include "run/environment.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "run/child.h"
#include "run/confine.h"
#include "run/folder.h"
#include "run/spec.h"

#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"
#define EXTRA        16 /* documented variables, and the NULL */

struct env {
	char **list;
	size_t n;
	bool failed;
};

static const char *const ours[] = {
	"PATH", "output_dir", "DAVIT_OUTPUT_DIR", "DAVIT_PROGRESS", "DAVIT_SOCKET", "DAVIT_NAME"};

static void add(struct env *env, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void add(struct env *env, const char *fmt, ...)
{
	va_list args;

	if (env->failed)
		return;
	va_start(args, fmt);
	env->failed = vasprintf(&env->list[env->n], fmt, args) < 0;
	va_end(args);
	if (env->failed)
		env->list[env->n] = NULL;
	else
		env->n++;
}

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < COUNT(ours); i++) {
		if (strcmp(ours[i], name) == 0)
			return true;
	}
	return false;
}

/* The folder of its prefix: beside our own. The caller frees it; NULL: no memory. */
char *environment_prefix(const struct child_options *o)
{
	const struct run_prefix *prefix = &o->spec->root;
	const char *slash = strrchr(o->folder, '/');
	char *path;

	if (asprintf(&path, "%.*s/%s/%s", slash == NULL ? 0 : (int)(slash - o->folder), o->folder,
		    prefix->process, prefix->path) < 0)
		return NULL;
	return path;
}

static void add_prefix(struct env *env, const struct child_options *o, char **ret_prefix)
{
	*ret_prefix = NULL;
	if (o->spec->prefix == NULL)
		return;
	*ret_prefix = environment_prefix(o);
	env->failed = env->failed || *ret_prefix == NULL;
	if (*ret_prefix != NULL)
		add(env, "VIRTUAL_ENV=%s", *ret_prefix);
}

static void add_path(struct env *env, const struct child_options *o)
{
	const char *path = json_string_value(json_object_get(o->spec->environment, "PATH"));
	bool programs = json_object_size(o->spec->programs) > 0;
	char *prefix;

	if (path == NULL)
		path = PATH_DEFAULT;
	add_prefix(env, o, &prefix);
	add(env, "PATH=%s%s%s%s%s", prefix == NULL ? "" : prefix,
		prefix == NULL ? "" : "/bin:", programs ? o->folder : "",
		programs ? "/" RUN_BIN ":" : "", path);
	free(prefix);
}

static void add_default(struct env *env, const json_t *given, const char *name, const char *value)
{
	if (json_object_get(given, name) == NULL)
		add(env, "%s=%s", name, value);
}

/* A user of its own has no name but this one; without a room /tmp is not its own. */
static void add_confined(
	struct env *env, const struct child_options *o, const struct confine *confine)
{
	char tmp[PATH_MAX];

	if (confine->in_room && confine->room.uid != SANDBOX_SAME) {
		add_default(env, o->spec->environment, "USER", "davit-job");
		add_default(env, o->spec->environment, "LOGNAME", "davit-job");
	}
	if (confine->cwd != NULL && !confine->in_room &&
		fs_join(tmp, sizeof(tmp), o->folder, RUN_TMP, NULL))
		add_default(env, o->spec->environment, "TMPDIR", tmp);
}

char **environment_make(const struct child_options *o, const struct confine *confine)
{
	const json_t *given = o->spec->environment;
	struct env env = {calloc(json_object_size(given) + EXTRA, sizeof(char *)), 0, false};
	const char *name;
	json_t *v;

	if (env.list == NULL)
		return NULL;
	json_object_foreach((json_t *)given, name, v)
	{
		if (!is_ours(name) &&
			!(o->spec->prefix != NULL && strcmp(name, "VIRTUAL_ENV") == 0))
			add(&env, "%s=%s", name, json_string_value(v));
	}
	add_path(&env, o);
	if (json_object_get(given, "HOME") == NULL)
		add(&env, "HOME=%s/" RUN_WORK, o->folder);
	if (json_object_get(given, "LANG") == NULL)
		add(&env, "LANG=C.UTF-8");
	add(&env, "output_dir=%s/" RUN_OUTPUTS, o->folder);
	add(&env, "DAVIT_OUTPUT_DIR=%s/" RUN_OUTPUTS, o->folder);
	add(&env, "DAVIT_PROGRESS=%s/" RUN_PROGRESS, o->folder);
	add(&env, "DAVIT_NAME=%s", o->name);
	add_confined(&env, o, confine);
	if (o->spec->serve != NULL)
		add(&env, "DAVIT_SOCKET=%s", o->socket);
	if (!env.failed)
		return env.list;
	environment_free(env.list);
	return NULL;
}

void environment_free(char **env)
{
	for (size_t i = 0; env != NULL && env[i] != NULL; i++)
		free(env[i]);
	free(env);
}

/* The specification without it; NULL: there is none in it, or no memory. */
static char *spec_without(size_t *ret_n, struct fail *f)
{
	char *text = NULL;
	json_t *spec;
	size_t n = 0;

	if (!fs_read(RUN_SPEC, RUN_JSON_MAX, &text, &n, f))
		return NULL;
	spec = json_parse(text, n, f);
	free(text);
	text = json_object_del(spec, "environment") == 0 ? json_compact(spec, ret_n) : NULL;
	json_decref(spec);
	return text;
}

void environment_forget(void)
{
	struct fail f = {0};
	size_t n = 0;
	char *text = spec_without(&n, &f);

	if (text != NULL)
		(void)fs_write_durable(RUN_SPEC, text, n, &f);
	free(text);
	if (f.code != FAIL_NONE && f.code != FAIL_NOT_FOUND)
		fprintf(stderr, "davit-run: forget the environment: %s\n", f.text);
}

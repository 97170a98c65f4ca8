/*
 * Reading a process's specification. Members are in tables: one for reading them, one for the
 * bounds of the numbers; what is in no table is refused, so that a misspelt limit is not
 * silently no limit.
 */
#include "run/spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "run/folder.h"

#define NUMBER_MAX  (INT64_C(1) << 52)
#define SECONDS_MAX (INT64_C(10) * 366 * 86400)

struct bound {
	const char *name;
	size_t offset; /* of the int64_t in struct run_spec */
	int64_t least, most;
};

#define TEXT(member)   JSON_FIELD_TEXT(struct run_spec, member, JSON_IN)
#define NUMBER(member) JSON_FIELD_INT(struct run_spec, member, JSON_IN)
#define VALUE(member)  JSON_FIELD_JSON(struct run_spec, member, JSON_IN)
#define LIMIT(member)  JSON_FIELD_INT(struct run_limits, member, JSON_IN)
#define SERVE(member)  JSON_FIELD_INT(struct run_restart, member, JSON_IN)
#define PREFIX(member) JSON_FIELD_TEXT(struct run_prefix, member, JSON_IN | JSON_NEED)
#define BOUND(name, at, l, m)                                                                      \
	{                                                                                          \
		name, offsetof(struct run_spec, at), l, m                                          \
	}
#define BOUND_LIMIT(member, m) BOUND("/limits/" #member, limit.member, 0, m)
#define BOUND_SERVE(member)    BOUND("/serve/" #member, restart.member, 1, 86400000)

static const struct json_field spec_fields[] = {
	TEXT(shell),
	VALUE(argv),
	VALUE(environment),
	VALUE(programs),
	VALUE(inputs),
	VALUE(notes),
	VALUE(limits),
	VALUE(serve),
	VALUE(prefix),
	VALUE(read),
	JSON_FIELD_BOOL(struct run_spec, network, JSON_IN),
	TEXT(cwd),
	NUMBER(log_bytes),
	NUMBER(grace_seconds),
};

static const struct json_field limit_fields[] = {
	LIMIT(wall_seconds),
	LIMIT(cpu_seconds),
	LIMIT(address_space_bytes),
	LIMIT(memory_bytes),
	LIMIT(open_files),
	LIMIT(file_bytes),
	LIMIT(processes),
};

static const struct json_field restart_fields[] = {
	SERVE(restart_first_ms),
	SERVE(restart_max_ms),
	SERVE(healthy_after_ms),
};

static const struct json_field prefix_fields[] = {
	PREFIX(process),
	PREFIX(path),
};

static const struct bound bounds[] = {
	BOUND("/log_bytes", log_bytes, 4096, INT64_C(1) << 30),
	BOUND("/grace_seconds", grace_seconds, 0, 3600),
	BOUND_LIMIT(wall_seconds, SECONDS_MAX),
	BOUND_LIMIT(cpu_seconds, SECONDS_MAX),
	BOUND_LIMIT(address_space_bytes, NUMBER_MAX),
	BOUND_LIMIT(memory_bytes, NUMBER_MAX),
	BOUND_LIMIT(open_files, 1 << 20),
	BOUND_LIMIT(file_bytes, NUMBER_MAX),
	BOUND_LIMIT(processes, 1 << 22),
	BOUND_SERVE(restart_first_ms),
	BOUND_SERVE(restart_max_ms),
	BOUND_SERVE(healthy_after_ms),
};

static bool is_known(const char *name, const struct json_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return true;
	}
	return false;
}

bool run_object_read(const json_t *obj, const char *pointer, const struct json_field *fields,
	size_t n, void *out, struct fail *f)
{
	struct fail inner;
	char at[sizeof(inner.field)];
	const char *name;
	json_t *v;

	if (!json_is_object(obj))
		return fail_at(f, FAIL_INVALID, pointer, "must be an object");
	json_object_foreach((json_t *)obj, name, v)
	{
		if (is_known(name, fields, n))
			continue;
		snprintf(at, sizeof(at), "%s/%.64s", pointer, name);
		return fail_at(f, FAIL_INVALID, at, "there is no member \"%s\"", name);
	}
	if (json_read(obj, fields, n, out, &inner))
		return true;
	snprintf(at, sizeof(at), "%s%.64s", pointer, inner.field);
	return fail_at(f, inner.code, at, "%s", inner.text);
}

static bool check_bounds(const struct run_spec *s, struct fail *f)
{
	for (size_t i = 0; i < COUNT(bounds); i++) {
		const struct bound *b = &bounds[i];
		int64_t n;

		memcpy(&n, (const char *)s + b->offset, sizeof(n));
		if (n < b->least || n > b->most)
			return fail_at(f, FAIL_INVALID, b->name, "must be %" PRId64 " to %" PRId64,
				b->least, b->most);
	}
	return true;
}

static bool check_texts(const json_t *list, const char *pointer, struct fail *f)
{
	const json_t *v;
	size_t i;

	if (list == NULL)
		return true;
	if (!json_is_array(list))
		return fail_at(f, FAIL_INVALID, pointer, "must be a list of texts");
	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v))
			return fail_at(f, FAIL_INVALID, pointer, "must be a list of texts");
	}
	return true;
}

static bool check_command(const struct run_spec *s, struct fail *f)
{
	const char *program = json_string_value(json_array_get(s->argv, 0));

	if ((s->argv == NULL) == (s->shell == NULL))
		return fail_at(f, FAIL_INVALID, "/argv", "give either argv or shell");
	if (s->shell != NULL)
		return true;
	if (!check_texts(s->argv, "/argv", f))
		return false;
	if (program == NULL || program[0] == '\0')
		return fail_at(f, FAIL_INVALID, "/argv", "must begin with a program");
	return true;
}

static bool check_environment(const json_t *environment, struct fail *f)
{
	const char *name;
	json_t *v;

	if (environment == NULL)
		return true;
	if (!json_is_object(environment))
		return fail_at(f, FAIL_INVALID, "/environment", "must be an object of texts");
	json_object_foreach((json_t *)environment, name, v)
	{
		if (name[0] == '\0' || strchr(name, '=') != NULL)
			return fail_at(f, FAIL_INVALID, "/environment",
				"\"%s\" is no name of a variable", name);
		if (!json_is_string(v))
			return fail_at(f, FAIL_INVALID, "/environment", "%s must be a text", name);
	}
	return true;
}

static bool check_programs(const json_t *programs, struct fail *f)
{
	const char *name;
	json_t *v;

	if (programs == NULL)
		return true;
	if (!json_is_object(programs))
		return fail_at(f, FAIL_INVALID, "/programs", "must be an object of paths");
	json_object_foreach((json_t *)programs, name, v)
	{
		const char *path = json_string_value(v);

		if (strchr(name, '/') != NULL || !run_path_valid(name))
			return fail_at(f, FAIL_INVALID, "/programs",
				"\"%s\" is no name of a program", name);
		if (path == NULL || path[0] != '/')
			return fail_at(
				f, FAIL_INVALID, "/programs", "%s must be an absolute path", name);
	}
	return true;
}

static bool check_prefix(const struct run_prefix *prefix, struct fail *f)
{
	if (strchr(prefix->process, '/') != NULL || !run_path_valid(prefix->process))
		return fail_at(f, FAIL_INVALID, "/prefix/process", "is no name of a process");
	return run_path_valid(prefix->path) || fail_at(f, FAIL_INVALID, "/prefix/path",
						       "must be a folder below that process's own");
}

bool run_path_valid(const char *path)
{
	const char *part = path;

	for (const char *c = path; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	}
	for (;;) {
		size_t n = strcspn(part, "/");

		if (n == 0 || n > 255 || (n <= 2 && strncmp(part, "..", n) == 0))
			return false;
		if (part[n] == '\0')
			return strlen(path) < 1024;
		part += n + 1;
	}
}

bool run_spec_read(const json_t *v, struct run_spec *ret_spec, struct fail *f)
{
	struct run_spec s = {
		.cwd = RUN_WORK,
		.log_bytes = 8 << 20,
		.grace_seconds = 5,
		.restart = {500, 30000, 10000},
	};

	if (!run_object_read(v, "", spec_fields, COUNT(spec_fields), &s, f))
		return false;
	if (s.limits != NULL && !run_object_read(s.limits, "/limits", limit_fields,
					COUNT(limit_fields), &s.limit, f))
		return false;
	if (s.serve != NULL && !run_object_read(s.serve, "/serve", restart_fields,
				       COUNT(restart_fields), &s.restart, f))
		return false;
	if (s.prefix != NULL && (!run_object_read(s.prefix, "/prefix", prefix_fields,
					 COUNT(prefix_fields), &s.root, f) ||
					!check_prefix(&s.root, f)))
		return false;
	if (!check_bounds(&s, f) || !check_command(&s, f))
		return false;
	if (!check_environment(s.environment, f) || !check_programs(s.programs, f))
		return false;
	if (!check_texts(s.notes, "/notes", f) || !check_texts(s.read, "/read", f))
		return false;
	if (s.inputs != NULL && !json_is_array(s.inputs))
		return fail_at(f, FAIL_INVALID, "/inputs", "must be a list");
	if (!run_path_valid(s.cwd))
		return fail_at(f, FAIL_INVALID, "/cwd", "must be a folder below the process's own");
	*ret_spec = s;
	return true;
}

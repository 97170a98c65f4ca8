/* The specification of a process: what is taken, what is refused and where the fault is. */
#include "run/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "unit/cmocka.h"

/* ' stands for ". */
static json_t *parse(const char *text)
{
	char *copy = strdup(text);
	json_t *v;

	assert_non_null(copy);
	for (char *c = copy; *c != '\0'; c++) {
		if (*c == '\'')
			*c = '"';
	}
	v = json_loads(copy, 0, NULL);
	free(copy);
	assert_non_null(v);
	return v;
}

#define ALL                                                                                                   \
	"{'argv': ['a'], 'cwd': 'work/x', 'log_bytes': 4096, 'grace_seconds': 0,"                             \
	"'environment': {'K': 'V'}, 'programs': {'python': '/usr/bin/python3'}, 'inputs': [],"                \
	"'notes': ['n'], 'read': ['/data'], 'network': true, 'limits': {'wall_seconds': 1, 'cpu_seconds': 2," \
	"'address_space_bytes': 3, 'memory_bytes': 4, 'open_files': 5, 'file_bytes': 6,"                      \
	"'processes': 7}, 'serve': {'restart_first_ms': 8, 'restart_max_ms': 9,"                              \
	"'healthy_after_ms': 10}, 'prefix': {'process': 'p', 'path': 'q/r'}}"

static void what_is_not_given_has_its_default(void **state)
{
	json_t *v = parse("{'shell': 'true'}");
	struct run_spec s;

	(void)state;
	assert_true(run_spec_read(v, &s, NULL));
	assert_string_equal(s.shell, "true");
	assert_null(s.argv);
	assert_null(s.serve);
	assert_null(s.read);
	assert_false(s.network);
	assert_string_equal(s.cwd, "work");
	assert_int_equal(s.log_bytes, 8 << 20);
	assert_int_equal(s.grace_seconds, 5);
	assert_int_equal(s.limit.wall_seconds, 0);
	assert_int_equal(s.restart.restart_first_ms, 500);
	json_decref(v);
}

static void what_is_given_is_taken(void **state)
{
	json_t *v = parse(ALL);
	struct run_spec s;
	struct fail f;

	(void)state;
	if (!run_spec_read(v, &s, &f))
		fail_msg("%s", f.text);
	assert_int_equal(json_array_size(s.argv), 1);
	assert_int_equal(json_array_size(s.read), 1);
	assert_true(s.network);
	assert_string_equal(s.cwd, "work/x");
	assert_int_equal(s.log_bytes, 4096);
	assert_int_equal(s.grace_seconds, 0);
	assert_int_equal(s.limit.wall_seconds, 1);
	assert_int_equal(s.limit.cpu_seconds, 2);
	assert_int_equal(s.limit.address_space_bytes, 3);
	assert_int_equal(s.limit.memory_bytes, 4);
	assert_int_equal(s.limit.open_files, 5);
	assert_int_equal(s.limit.file_bytes, 6);
	assert_int_equal(s.limit.processes, 7);
	assert_non_null(s.serve);
	assert_int_equal(s.restart.restart_first_ms, 8);
	assert_int_equal(s.restart.restart_max_ms, 9);
	assert_int_equal(s.restart.healthy_after_ms, 10);
	assert_string_equal(s.root.process, "p");
	assert_string_equal(s.root.path, "q/r");
	json_decref(v);
}

/* Every member of the schema at pointer is one of obj. */
static void assert_covers(const json_t *schema, const char *pointer, const json_t *obj)
{
	const char *name;
	json_t *v;

	assert_non_null(json_at(schema, pointer));
	json_object_foreach(json_at(schema, pointer), name, v)
	{
		if (json_object_get(obj, name) == NULL && strcmp(name, "shell") != 0)
			fail_msg("only the schema knows %s/%s", pointer, name);
	}
}

static void the_published_schema_says_the_same(void **state)
{
	json_t *schema = json_load_file(SPEC_SCHEMA, 0, NULL);
	json_t *all = parse(ALL);
	struct run_spec s;
	struct fail f;

	(void)state;
	assert_non_null(schema);
	if (!schema_valid(schema, &f) || !schema_check(schema, all, &f) ||
		!run_spec_read(all, &s, &f))
		fail_msg("%s: %s", f.field, f.text);
	assert_covers(schema, "/properties", all);
	assert_covers(schema, "/properties/limits/properties", s.limits);
	assert_covers(schema, "/properties/serve/properties", s.serve);
	json_decref(all);
	json_decref(schema);
}

static void faults_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *spec;
		const char *field;
	} rows[] = {
		{"[]", ""},
		{"{}", "/argv"},
		{"{'argv': ['a'], 'shell': 'b'}", "/argv"},
		{"{'argv': []}", "/argv"},
		{"{'argv': ['']}", "/argv"},
		{"{'argv': [1]}", "/argv"},
		{"{'argv': 'a'}", "/argv"},
		{"{'shell': 1}", "/shell"},
		{"{'shell': 'a', 'limit': {}}", "/limit"},
		{"{'shell': 'a', 'limits': []}", "/limits"},
		{"{'shell': 'a', 'limits': {'wall': 1}}", "/limits/wall"},
		{"{'shell': 'a', 'limits': {'wall_seconds': 'x'}}", "/limits/wall_seconds"},
		{"{'shell': 'a', 'limits': {'wall_seconds': -1}}", "/limits/wall_seconds"},
		{"{'shell': 'a', 'limits': {'file_bytes': 9223372036854775807}}",
			"/limits/file_bytes"},
		{"{'shell': 'a', 'serve': true}", "/serve"},
		{"{'shell': 'a', 'serve': {'restart_first_ms': 0}}", "/serve/restart_first_ms"},
		{"{'shell': 'a', 'serve': {'port': 80}}", "/serve/port"},
		{"{'shell': 'a', 'log_bytes': 4095}", "/log_bytes"},
		{"{'shell': 'a', 'grace_seconds': 3601}", "/grace_seconds"},
		{"{'shell': 'a', 'environment': ['K=V']}", "/environment"},
		{"{'shell': 'a', 'environment': {'': 'V'}}", "/environment"},
		{"{'shell': 'a', 'environment': {'A=B': 'V'}}", "/environment"},
		{"{'shell': 'a', 'environment': {'K': 1}}", "/environment"},
		{"{'shell': 'a', 'programs': {'a/b': '/bin/sh'}}", "/programs"},
		{"{'shell': 'a', 'programs': {'..': '/bin/sh'}}", "/programs"},
		{"{'shell': 'a', 'programs': {'a': 'bin/sh'}}", "/programs"},
		{"{'shell': 'a', 'inputs': {}}", "/inputs"},
		{"{'shell': 'a', 'notes': [1]}", "/notes"},
		{"{'shell': 'a', 'cwd': '/tmp'}", "/cwd"},
		{"{'shell': 'a', 'cwd': '../x'}", "/cwd"},
		{"{'shell': 'a', 'cwd': 'a//b'}", "/cwd"},
		{"{'shell': 'a', 'cwd': 'a/./b'}", "/cwd"},
		{"{'shell': 'a', 'cwd': 'a/b/'}", "/cwd"},
		{"{'shell': 'a', 'cwd': ''}", "/cwd"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *v = parse(rows[i].spec);
		struct run_spec s;
		struct fail f;

		if (run_spec_read(v, &s, &f))
			fail_msg("taken: %s", rows[i].spec);
		assert_int_equal(f.code, FAIL_INVALID);
		if (strcmp(f.field, rows[i].field) != 0)
			fail_msg("%s: fault at \"%s\"", rows[i].spec, f.field);
		json_decref(v);
	}
}

static void paths_stay_below_their_folder(void **state)
{
	static const char *const good[] = {"a", "a/b", "...", "a b", ".hidden", "..a", "ä/ü"};
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a",
		"a/../b", "./a", "a\nb", "a\tb", "\x7f"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!run_path_valid(good[i]))
			fail_msg("refused: %s", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (run_path_valid(bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
}

static void a_path_longer_than_the_system_takes_is_refused(void **state)
{
	char part[300], path[2000];

	(void)state;
	memset(part, 'a', sizeof(part) - 1);
	part[255] = '\0';
	assert_true(run_path_valid(part));
	part[255] = 'a';
	part[256] = '\0';
	assert_false(run_path_valid(part));
	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 2 == 0 ? 'a' : '/';
	path[sizeof(path) - 1] = '\0';
	assert_false(run_path_valid(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(what_is_given_is_taken),
		cmocka_unit_test(the_published_schema_says_the_same),
		cmocka_unit_test(faults_are_refused_with_their_place),
		cmocka_unit_test(paths_stay_below_their_folder),
		cmocka_unit_test(a_path_longer_than_the_system_takes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

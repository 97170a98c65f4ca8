/* What lies in the folder of a process before it starts, and what never may. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/schema.h"
#include "platform/fs.h"
#include "store/blobs.h"
#include "store/pack.h"
#include "unit/cmocka.h"
#include "unit/process/place.h"

static void assert_file(
	const struct place *p, const char *name, const char *file, const char *text, mode_t mode)
{
	char path[PLACE_PATH];
	struct stat st;
	struct fail f;
	char *found;
	size_t n;

	if (!fs_read(file_of(p, name, file, path), 1u << 20, &found, &n, &f))
		fail_msg("%s", f.text);
	assert_string_equal(found, text);
	free(found);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void assert_lacks(
	const struct place *p, const char *name, const char *file, const char *text)
{
	char path[PLACE_PATH];
	struct fail f;
	char *found;
	size_t n;

	if (!fs_read(file_of(p, name, file, path), 1u << 20, &found, &n, &f))
		fail_msg("%s", f.text);
	assert_null(strstr(found, text));
	free(found);
}

static void put_import(const struct place *p, const char *name, const char *text)
{
	char path[PLACE_PATH], parent[PLACE_PATH];
	int n = snprintf(path, sizeof(path), "%s/%s", p->imports, name);

	assert_in_range(n, 1, PLACE_PATH - 1);
	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	assert_true(fs_mkdirs(parent, NULL));
	put(path, text);
}

static void blobs_and_texts_become_files(void **state)
{
	struct place *p = *state;
	char digest[SHA256_HEX_SIZE], spec[1024];

	make_blob(p, "echo from a blob", digest);
	snprintf(spec, sizeof(spec),
		"{'shell': 'sh train.sh; ./tool',"
		" 'inputs': [{'blob': '%s', 'as': 'work/train.sh'},"
		"  {'text': '#!/bin/sh\\necho from a text\\n', 'as': 'work/tool', 'executable': true},"
		"  {'text': '', 'as': 'model/deep/er/empty'}]}",
		digest);
	start(p, "p1", spec);
	await_state(p, "p1", "exited", NULL);
	assert_file(p, "p1", "work/train.sh", "echo from a blob", 0600);
	assert_file(p, "p1", "work/tool", "#!/bin/sh\necho from a text\n", 0700);
	assert_lacks(p, "p1", "spec.json", "from a text");
	assert_file(p, "p1", "model/deep/er/empty", "", 0600);
	assert_file(p, "p1", "log.head", "from a blob\nfrom a text\n", 0600);
}

static void a_folder_that_was_sealed_becomes_its_files(void **state)
{
	struct place *p = *state;
	struct blob_writer *w = blob_begin(p->blobs, NULL);
	char digest[SHA256_HEX_SIZE], spec[256];

	put_import(p, "set/deep/er/data", "1,2\n");
	put_import(p, "set/run.sh", "#!/bin/sh\ncat deep/er/data\n");
	assert_non_null(w);
	assert_true(pack_folder(w, p->imports, "set", NULL));
	assert_true(blob_seal(w, digest, NULL));
	put_import(p, "set/deep/er/data", "edited");
	snprintf(spec, sizeof(spec),
		"{'shell': 'sh run.sh', 'inputs': [{'folder': '%s', 'as': 'work'}]}", digest);
	start(p, "p1", spec);
	await_state(p, "p1", "exited", NULL);
	assert_file(p, "p1", "work/deep/er/data", "1,2\n", 0600);
	assert_file(p, "p1", "log.head", "1,2\n", 0600);
}

static void a_folder_that_was_not_sealed_by_us_is_refused(void **state)
{
	static const char *const packs[] = {"", "hello", "davit-folder/1\n- 3 4\nname",
		"davit-folder/1\n- 1 6\n../xyzX", "davit-folder/1\n- 1 6\n/etc/xX",
		"davit-folder/1\n- 1 0\nX", "davit-folder/1\n- 1 99999999999\nX",
		"davit-folder/1\nq 1 1\nxX", "davit-folder/1\n- 18446744073709551615 1\nxX",
		"davit-folder/1\n- 1 1\n"};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(packs); i++) {
		char digest[SHA256_HEX_SIZE], spec[256];
		struct fail f = {0};
		json_t *v;

		make_blob(p, packs[i], digest);
		snprintf(spec, sizeof(spec),
			"{'shell': 'true', 'inputs': [{'folder': '%s', 'as': 'work'}]}", digest);
		v = parse(spec);
		if (process_start(p->processes, "p1", v, &f))
			fail_msg("%s was taken", packs[i]);
		assert_int_equal(f.code, FAIL_INVALID);
		json_decref(v);
	}
}

static void a_blob_that_is_not_there_is_told(void **state)
{
	struct place *p = *state;
	json_t *v = parse("{'shell': 'true', 'inputs': [{'as': 'work/x', 'blob': "
			  "'0000000000000000000000000000000000000000000000000000000000000000'}]}");
	json_t *found = NULL;
	struct fail f;

	assert_false(process_start(p->processes, "p1", v, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(process_inspect(p->processes, "p1", &found, &f));
	json_decref(v);
}

static void files_of_another_process_are_copied(void **state)
{
	struct place *p = *state;

	start(p, "p1",
		"{'shell': 'cd ../outputs; mkdir d; echo w > d/weights; echo m > model; "
		"chmod 700 model; ln -s /etc/passwd link'}");
	await_state(p, "p1", "exited", NULL);
	start(p, "p2",
		"{'shell': 'true', 'inputs': ["
		"{'process': 'p1', 'path': 'outputs', 'as': 'work/model'},"
		"{'process': 'p1', 'path': 'outputs/d/weights', 'as': 'work/one'}]}");
	await_state(p, "p2", "exited", NULL);
	assert_file(p, "p2", "work/model/d/weights", "w\n", 0600);
	assert_file(p, "p2", "work/model/model", "m\n", 0700);
	assert_file(p, "p2", "work/one", "w\n", 0600);
	assert_false(has_file(p, "p2", "work/model/link")); /* links are not followed */
}

static void an_import_is_copied_by_relative_and_absolute_name(void **state)
{
	struct place *p = *state;
	char spec[2048];

	put_import(p, "set/a.txt", "a");
	put_import(p, "set/sub/b.txt", "b");
	snprintf(spec, sizeof(spec),
		"{'shell': 'true', 'inputs': [{'import': 'set', 'as': 'work'},"
		" {'import': '%s/set/sub', 'as': 'data/abs'},"
		" {'import': 'set/a.txt', 'as': 'data/file'}]}",
		p->imports);
	start(p, "p1", spec);
	await_state(p, "p1", "exited", NULL);
	assert_file(p, "p1", "work/a.txt", "a", 0600);
	assert_file(p, "p1", "work/sub/b.txt", "b", 0600);
	assert_file(p, "p1", "data/abs/b.txt", "b", 0600);
	assert_file(p, "p1", "data/file", "a", 0600);
	assert_file(p, "p1", "log.head", "", 0600);
}

/* A secret stands beside the import root; links in it lead there. */
static void put_secret(const struct place *p)
{
	char path[PLACE_PATH], link[PLACE_PATH];
	int n = snprintf(path, sizeof(path), "%s/secret", p->base);
	int m = snprintf(link, sizeof(link), "%s/link", p->imports);

	assert_in_range(n, 1, PLACE_PATH - 1);
	assert_in_range(m, 1, PLACE_PATH - 1);
	assert_true(fs_mkdirs(path, NULL));
	put_import(p, "../secret/key", "secret");
	put_import(p, "set/a.txt", "a");
	assert_int_equal(symlink(path, link), 0);
	snprintf(link, sizeof(link), "%.400s/set/key", p->imports);
	snprintf(path, sizeof(path), "%.400s/secret/key", p->base);
	assert_int_equal(symlink(path, link), 0);
}

static const char *const hostile[] = {"..", "../secret", "set/../../secret", "/etc", "/", "link",
	"link/key", ".", "./../secret", "set//../../secret", "no such thing", "a\\nb",
	"\\u001b[31m", "%s%n", "$(reboot)", "\\\\..\\\\secret", "ZUCKERWATTE",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

static void an_optional_import_that_leads_nowhere_is_an_empty_folder(void **state)
{
	struct place *p = *state;
	char spec[2048];

	put_secret(p);
	for (size_t i = 0; i < COUNT(hostile); i++) {
		json_t *list, *end;
		struct fail f;
		char *log;

		snprintf(spec, sizeof(spec),
			"{'shell': 'ls -A', 'inputs': [{'import': '%s', 'as': 'work', "
			"'optional': true}]}",
			hostile[i]);
		start(p, "p1", spec);
		await_state(p, "p1", "exited", &end);
		assert_int_equal(number(end, "exit_code"), 0);
		json_decref(end);
		assert_true(process_list_files(p->processes, "p1", "work", &list, &f));
		assert_int_equal(json_array_size(json_object_get(list, "items")), 0);
		json_decref(list);
		log = read_through(p, "p1", "log");
		assert_int_equal(strncmp(log, "[davit: there is no folder \"", 28), 0);
		assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1); /* one line */
		assert_null(strchr(log, '\x1b'));
		free(log);
		assert_true(process_remove(p->processes, "p1", &f));
	}
}

static void an_import_that_is_needed_must_be_there(void **state)
{
	struct place *p = *state;
	char spec[2048];

	put_secret(p);
	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct fail f;
		json_t *v;

		snprintf(spec, sizeof(spec),
			"{'shell': 'true', 'inputs': [{'import': '%s', 'as': 'work'}]}",
			hostile[i]);
		v = parse(spec);
		assert_false(process_start(p->processes, "p1", v, &f));
		if (f.code != FAIL_NOT_FOUND && f.code != FAIL_FORBIDDEN)
			fail_msg("%s: %s", hostile[i], f.text);
		json_decref(v);
	}
}

static void a_link_below_an_import_is_not_followed(void **state)
{
	struct place *p = *state;

	put_secret(p);
	start(p, "p1", "{'shell': 'true', 'inputs': [{'import': 'set', 'as': 'work'}]}");
	await_state(p, "p1", "exited", NULL);
	assert_file(p, "p1", "work/a.txt", "a", 0600);
	assert_false(has_file(p, "p1", "work/key"));
}

static void inputs_never_leave_the_folder_or_replace_the_supervisors_files(void **state)
{
	static const char *const rows[] = {
		"{'as': '../p2/work/x', 'text': ''}",
		"{'as': '/tmp/x', 'text': ''}",
		"{'as': 'work/../../x', 'text': ''}",
		"{'as': '', 'text': ''}",
		"{'as': '.', 'text': ''}",
		"{'as': 'spec.json', 'text': ''}",
		"{'as': 'exit.json', 'text': ''}",
		"{'as': 'started.json', 'text': ''}",
		"{'as': 'stop', 'text': ''}",
		"{'as': 'lock', 'text': ''}",
		"{'as': 'log', 'text': ''}",
		"{'as': 'log.head', 'text': ''}",
		"{'as': 'bin/sh', 'text': ''}",
		"{'as': 'outputs/x', 'text': ''}",
		"{'as': 'progress.jsonl', 'text': ''}",
		"{'text': ''}",
		"{'as': 'work/x'}",
		"{'as': 'work/x', 'text': '', 'blob': ''}",
		"{'as': 'work/x', 'text': '', 'mode': 1}",
		"{'as': 'work/x', 'text': '', 'optional': true}",
		"{'as': 'work/x', 'process': 'p2'}",
		"{'as': 'work/x', 'process': '../p2', 'path': 'outputs'}",
		"{'as': 'work/x', 'process': 'p2', 'path': '../p3'}",
		"{'as': 'work/x', 'process': 'p2', 'path': '/etc/passwd'}",
		"'text'",
	};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char spec[512];
		struct fail f;
		json_t *v;

		snprintf(spec, sizeof(spec), "{'shell': 'true', 'inputs': [%s]}", rows[i]);
		v = parse(spec);
		if (process_start(p->processes, "p1", v, &f))
			fail_msg("taken: %s", rows[i]);
		if (f.code != FAIL_INVALID || strncmp(f.field, "/inputs/0", 9) != 0)
			fail_msg("%s: %s at \"%s\"", rows[i], f.text, f.field);
		json_decref(v);
	}
}

static void the_published_schema_names_the_same_members(void **state)
{
	static const char *const taken[] = {
		"{'as': 'work/x', 'text': '', 'executable': true}",
		"{'as': 'work/x', 'import': 'set', 'optional': true}",
		"{'as': 'work/x', 'process': 'p2', 'path': 'outputs'}",
		"{'as': 'work/x', 'blob': "
		"'0000000000000000000000000000000000000000000000000000000000000000'}",
		"{'as': 'work', 'folder': "
		"'0000000000000000000000000000000000000000000000000000000000000000'}",
	};
	json_t *schema = json_load_file(SPEC_SCHEMA, 0, NULL), *seen = json_object(), *v;
	const char *name;
	struct fail f;

	(void)state;
	assert_non_null(schema);
	for (size_t i = 0; i < COUNT(taken); i++) {
		json_t *input = parse(taken[i]);
		json_t *spec = json_pack("{s:s,s:[O]}", "shell", "true", "inputs", input);

		if (!schema_check(schema, spec, &f))
			fail_msg("%s: %s", taken[i], f.text);
		json_object_update(seen, input);
		json_decref(spec);
		json_decref(input);
	}
	json_object_foreach(json_at(schema, "/properties/inputs/items/properties"), name, v)
	{
		if (json_object_get(seen, name) == NULL)
			fail_msg("only the schema knows %s", name);
	}
	json_decref(seen);
	json_decref(schema);
}

static void programs_are_found_first_and_know_where_they_are(void **state)
{
	struct place *p = *state;
	char path[PLACE_PATH], spec[2048];
	char *log;
	int n = snprintf(path, sizeof(path), "%s/it's a tool", p->base);

	assert_in_range(n, 1, PLACE_PATH - 1);
	put(path, "#!/bin/sh\necho \"$0\" \"$#\" \"$2\"\n");
	assert_int_equal(chmod(path, 0700), 0);
	snprintf(spec, sizeof(spec),
		"{\"argv\": [\"sh\", \"-c\", \"ls 1 'b c'; command -v ls\"],"
		" \"programs\": {\"ls\": \"%s\"}}",
		path);
	{
		json_t *v = json_loads(spec, 0, NULL);
		struct fail f;

		assert_non_null(v);
		if (!process_start(p->processes, "p1", v, &f))
			fail_msg("%s", f.text);
		json_decref(v);
	}
	await_state(p, "p1", "exited", NULL);
	log = read_through(p, "p1", "log");
	snprintf(spec, sizeof(spec), "%s 2 b c\n%s/processes/p1/bin/ls\n", path, p->data);
	assert_string_equal(log, spec);
	free(log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(blobs_and_texts_become_files),
		TEST(a_folder_that_was_sealed_becomes_its_files),
		TEST(a_folder_that_was_not_sealed_by_us_is_refused),
		TEST(a_blob_that_is_not_there_is_told),
		TEST(files_of_another_process_are_copied),
		TEST(an_import_is_copied_by_relative_and_absolute_name),
		TEST(an_optional_import_that_leads_nowhere_is_an_empty_folder),
		TEST(an_import_that_is_needed_must_be_there),
		TEST(a_link_below_an_import_is_not_followed),
		TEST(inputs_never_leave_the_folder_or_replace_the_supervisors_files),
		cmocka_unit_test(the_published_schema_names_the_same_members),
		TEST(programs_are_found_first_and_know_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

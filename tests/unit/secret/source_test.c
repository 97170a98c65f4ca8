/* Tests of source: every form, what it refuses, and that no sentence has a value in it. */
#include "secret/source.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "platform/thread.h"
#include "secret/member.h"
#include "support/scratch.h"
#include "unit/cmocka.h"

static char folder[SCRATCH_SIZE];
static char home[SCRATCH_SIZE + 8];
static const char *environment[] = {home, "SECRET_OF=hunter2", "EMPTY=", "PROFILE=work", NULL};

static const char *path_of(const char *name)
{
	static char path[SCRATCH_SIZE + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *out = fopen(path_of(name), "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
	assert_int_equal(fclose(out), 0);
}

static int setup(void **state)
{
	(void)state;
	scratch_open(folder);
	(void)snprintf(home, sizeof(home), "HOME=%s", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_close(folder);
	return 0;
}

static bool kept(void *ctx, char **ret_value, size_t *ret_n, struct fail *f)
{
	(void)ctx;
	(void)f;
	*ret_value = strdup("kept one");
	*ret_n = 8;
	return *ret_value != NULL;
}

/* What source has: a value of the caller's, or NULL with *f. */
static char *value_of(const char *source, struct fail *f)
{
	json_t *connection = json_pack("{s:s, s:{s:s}, s:i, s:s}", "secret_key", "hunter2", "in",
		"side", "hunter3", "port", 7, "nothing", "");
	const struct source_place place = {.connection = connection,
		.environment = environment,
		.may_exec = true,
		.timeout_ms = 10000,
		.kept = kept};
	char whole[1024];
	const char *mark = strstr(source, "%s"); /* the folder of the test */
	size_t n = mark != NULL ? (size_t)(mark - source) : strlen(source);
	char *value = NULL;
	bool ok;

	(void)snprintf(whole, sizeof(whole), "%.*s%s%s", (int)n, source, mark != NULL ? folder : "",
		mark != NULL ? mark + 2 : "");
	n = 0;
	*f = (struct fail){0};
	ok = source_read(whole, &place, &value, &n, f);
	json_decref(connection);
	if (!ok) {
		assert_null(strstr(f->text, "hunter"));
		assert_non_null(strstr(f->text, whole)); /* which one it was */
		return NULL;
	}
	assert_int_equal(n, strlen(value));
	return value;
}

static void every_form_gives_its_value(void **state)
{
	static const struct {
		const char *source;
		const char *value;
	} rows[] = {
		{"connection:secret_key", "hunter2"},
		{"connection:/in/side", "hunter3"},
		{"env:SECRET_OF", "hunter2"},
		{"file:%s/token", "hunter2"},
		{"file:~/token", "hunter2"},
		{"file:${HOME}/token", "hunter2"},
		{"file:${NONE:-~/token}", "hunter2"},
		{"file:${EMPTY:-~/token}", "hunter2"},
		{"ini:%s/config#work.key", "hunter work = 1"},
		{"ini:~/config#${PROFILE:-default}.KEY", "hunter work = 1"},
		{"ini:~/config#${NONE:-default}.key", "hunter2"},
		{"ini:~/config#profile a.b.key", "hunter3"},
		{"json:%s/key.json#/private_key", "-----BEGIN"},
		{"json:%s/key.json#/a~1b/0", "hunter2"},
		{"exec:/bin/echo  hunter2", "hunter2"},
		{"exec:/usr/bin/env", "PATH=/usr/local/bin:/usr/bin:/bin\nLC_ALL=C.UTF-8"},
		{"exec:/bin/pwd", "/"},
		{"kept", "kept one"},
	};
	struct fail f;

	(void)state;
	put("token", "hunter2\r\n\n");
	put("config", "# key = no\n[default]\r\n; key=no\nkey = hunter2 \r\nkey = second\n"
		      " key = nested\n\n[ work ]\nother=1\nKey=hunter work = 1\n[profile a.b]\n"
		      "key=hunter3");
	put("key.json", "{\"private_key\":\"-----BEGIN\",\"a/b\":[\"hunter2\"]}");
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *value = value_of(rows[i].source, &f);

		if (value == NULL)
			fail_msg("%s", f.text);
		assert_string_equal(value, rows[i].value);
		free(value);
	}
}

static void a_source_without_a_value_lets_the_next_have_its_turn(void **state)
{
	static const char *const rows[] = {
		"connection:access_key",
		"connection:nothing",
		"env:NO_SUCH",
		"env:SECRET",
		"env:EMPTY",
		"file:%s/none",
		"file:%s/none/none",
		"file:${NONE}/x",
		"file:%s/empty",
		"ini:%s/none#a.b",
		"ini:%s/some#b.key",
		"ini:%s/some#a.other",
		"json:%s/some.json#/b",
		"exec:/bin/true",
		"exec:/no/such",
	};
	struct fail f;

	(void)state;
	put("empty", "\n\n");
	put("some", "key=hunter2\n[a]\nkey=hunter2\n");
	put("some.json", "{\"a\":\"hunter2\"}");
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_null(value_of(rows[i], &f));
		if (f.code != FAIL_NOT_FOUND)
			fail_msg("%s: %d", rows[i], f.code);
	}
}

static void a_source_that_cannot_be_read_says_why_and_not_what(void **state)
{
	static const struct {
		const char *source;
		const char *why;
	} rows[] = {
		{"connection:port", "it is no text"},
		{"file:%s/folder", "it is not a regular file"},
		{"file:%s/pipe", "it is not a regular file"},
		{"file:/dev/zero", "it is not a regular file"},
		{"file:%s/way_out", "it is a link that leads out of its folder"},
		{"file:%s/large", "it has more than 65536 bytes"},
		{"file:${HO ME}/x", "between braces stands NAME, NAME:-TEXT or @SECRET"},
		{"file:${HOME/x", "a brace is not closed"},
		{"json:%s/broken.json#/a", "is not JSON"},
		{"json:%s/some.json#/n", "has something else than a text there"},
		{"exec:/bin/false", "it ended with 1"},
	};
	char large[70000];
	struct fail f;

	(void)state;
	memset(large, 'h', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	put("large", large);
	put("broken.json", "{\"a\": \"hunter2");
	put("some.json", "{\"n\":1}");
	assert_int_equal(mkdir(path_of("folder"), 0700), 0);
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	assert_int_equal(symlink("/etc/passwd", path_of("way_out")), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_null(value_of(rows[i].source, &f));
		if (f.code != FAIL_AUTH || strstr(f.text, rows[i].why) == NULL)
			fail_msg("%s: %d %s", rows[i].source, f.code, f.text);
	}
}

static void a_mounted_secret_that_is_a_link_within_its_folder_is_read(void **state)
{
	struct fail f;
	char *value;

	(void)state;
	assert_int_equal(mkdir(path_of("..2026"), 0700), 0);
	put("..2026/token", "hunter2");
	assert_int_equal(symlink("..2026", path_of("..data")), 0);
	assert_int_equal(symlink("..data/token", path_of("token")), 0);
	value = value_of("file:%s/token", &f);
	assert_non_null(value);
	assert_string_equal(value, "hunter2");
	free(value);
}

static void a_program_is_started_only_where_the_site_allows_it(void **state)
{
	const struct source_place place = {.timeout_ms = 10000};
	struct fail f = {0};
	char *value = NULL;
	size_t n = 0;

	(void)state;
	assert_false(source_read("exec:/bin/echo x", &place, &value, &n, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_non_null(strstr(f.text, "allow_exec"));
}

static void a_program_that_takes_long_or_prints_much_is_ended(void **state)
{
	struct source_place place = {.may_exec = true, .timeout_ms = 200};
	struct fail f = {0};
	char *value = NULL;
	size_t n = 0;
	int64_t began = clock_mono_ms();

	(void)state;
	assert_false(source_read("exec:/bin/sleep 100", &place, &value, &n, &f));
	assert_int_equal(f.code, FAIL_DEADLINE);
	assert_non_null(strstr(f.text, "it took longer than 200 ms"));
	place.timeout_ms = 20000;
	assert_false(source_read("exec:/usr/bin/yes", &place, &value, &n, &f));
	assert_non_null(strstr(f.text, "it prints more than 65536 bytes"));
	assert_true(clock_mono_ms() - began < 15000);
	assert_null(value);
}

/* --- one program for all who ask --- */

#define ASKERS 16

static char counting[SCRATCH_SIZE + 64]; /* "exec:" and a program that notes each of its runs */

static size_t runs(void)
{
	char text[256];

	return scratch_read(folder, "runs", text, sizeof(text)) ? strlen(text) / 2 : 0;
}

/* It notes its run, waits, and ends so. */
static void make_program(const char *end)
{
	char text[600];

	(void)snprintf(
		text, sizeof(text), "#!/bin/sh\necho x >>%s/runs\nsleep 0.5\n%s\n", folder, end);
	(void)unlink(path_of("runs"));
	(void)unlink(path_of("program"));
	scratch_write(folder, "program", text);
	assert_int_equal(chmod(path_of("program"), 0700), 0);
	(void)snprintf(counting, sizeof(counting), "exec:%s", path_of("program"));
}

static atomic_size_t answered;

static void ask(void *arg)
{
	const struct source_place place = {.may_exec = true, .timeout_ms = 20000};
	const char *wanted = arg;
	struct fail f = {0};
	char *value = NULL;
	size_t n = 0;
	bool ok = source_read(counting, &place, &value, &n, &f);

	if (strcmp(ok ? value : f.text + strlen(counting) + 2, wanted) == 0)
		atomic_fetch_add(&answered, 1);
	free(value);
}

static void expect_all(char *wanted)
{
	struct thread threads[ASKERS];

	atomic_store(&answered, 0);
	for (size_t i = 0; i < ASKERS; i++)
		assert_true(thread_start(&threads[i], "asker", 0, ask, wanted, NULL));
	for (size_t i = 0; i < ASKERS; i++)
		thread_join(&threads[i]);
	assert_int_equal(atomic_load(&answered), ASKERS);
}

static void a_program_runs_once_however_many_ask(void **state)
{
	static char printed[] = "a printed secret", failed[] = "it ended with 3";

	(void)state;
	clock_virtual_start(1000000, 1000);
	make_program("echo a printed secret");
	expect_all(printed);
	assert_int_equal(runs(), 1);
	expect_all(printed); /* it is fresh */
	assert_int_equal(runs(), 1);
	clock_advance(SOURCE_EXEC_FRESH_MS);
	make_program("exit 3");
	expect_all(failed);
	assert_int_equal(runs(), 1);
	clock_advance(SOURCE_EXEC_FRESH_MS / 5);
	ask(failed);
	assert_int_equal(runs(), 2);
	clock_virtual_stop();
}

static void who_gives_up_leaves_the_program_to_the_next(void **state)
{
	const struct source_place hurried = {.may_exec = true, .timeout_ms = 100};
	static char printed[] = "another secret";
	struct fail f = {0};
	char *value = NULL;
	size_t n = 0;
	struct thread t;

	(void)state;
	make_program("echo another secret");
	(void)snprintf(counting, sizeof(counting), "exec:%s again", path_of("program"));
	atomic_store(&answered, 0);
	assert_true(thread_start(&t, "asker", 0, ask, printed, NULL));
	assert_false(source_read(counting, &hurried, &value, &n, &f));
	thread_join(&t);
	assert_int_equal(atomic_load(&answered), 1);
}

static bool at_once(void *ctx)
{
	(void)ctx;
	return true;
}

static void a_call_that_must_stop_ends_its_program(void **state)
{
	const struct source_place place = {
		.may_exec = true, .timeout_ms = 100000, .stopped = at_once};
	struct fail f = {0};
	char *value = NULL;
	size_t n = 0;

	(void)state;
	assert_false(source_read("exec:/bin/sleep 100", &place, &value, &n, &f));
	assert_int_equal(f.code, FAIL_DEADLINE);
	assert_non_null(strstr(f.text, "it was stopped"));
}

/* Looks into memory as malloc() gives it, which is what was freed before. */
static bool left_in_memory(const char *word)
{
	static void *blocks[128 * 16];
	size_t count = 0;
	bool found = false;

	for (size_t size = 24; count < COUNT(blocks); size += 16) {
		for (size_t i = 0; i < 16 && count < COUNT(blocks); i++) {
			void *block = malloc(size);
			const char *volatile bytes = block; /* nobody wrote into it, on purpose */

			assert_non_null(block);
			found = found || memmem(bytes, size, word, strlen(word)) != NULL;
			blocks[count++] = block;
		}
	}
	while (count > 0)
		free(blocks[--count]);
	return found;
}

static void what_a_parser_needed_on_its_way_is_overwritten(void **state)
{
	char text[700], word[] = "a piece of a key";
	json_t *v;

	(void)state;
	memset(text, 'k', sizeof(text));
	memcpy(text, "{\"key\":\"", 8);
	memcpy(text + 300, word, sizeof(word) - 1);
	memcpy(text + sizeof(text) - 3, "\"}", 3);
	member_prepare();
	v = member_parse(text, strlen(text));
	assert_non_null(v);
	memset(word, 'x', 1);
	member_free(v);
	memset(text, 'x', sizeof(text));
	assert_false(left_in_memory(" piece of a key"));
}

/* --- secrets that name others --- */

static char *value_with(const char *manifest, const char *source, struct fail *f)
{
	json_t *named = json_loads(manifest, 0, NULL);
	const struct source_place place = {.environment = environment,
		.named = named,
		.may_exec = true,
		.timeout_ms = 10000,
		.kept = kept};
	char whole[1024];
	const char *mark = strstr(source, "%s");
	size_t n = mark != NULL ? (size_t)(mark - source) : strlen(source);
	char *value = NULL;

	assert_non_null(named);
	(void)snprintf(whole, sizeof(whole), "%.*s%s%s", (int)n, source, mark != NULL ? folder : "",
		mark != NULL ? mark + 2 : "");
	*f = (struct fail){0};
	(void)source_read(whole, &place, &value, &n, f);
	json_decref(named);
	return value;
}

#define NAMED                                                                                       \
	"{\"profile\":[\"env:NO_SUCH\",\"env:PROFILE\"],\"default\":[\"env:EMPTY\",\"text:main\"]," \
	"\"old\":[\"kept\"],\"command\":[\"text:/bin/echo of ${@profile}\"],"                       \
	"\"relative\":[\"text:echo x\"],\"quoted\":[\"text:/bin/echo 'a b'\"],"                     \
	"\"circle\":[\"file:/${@circle}\"]}"

static void a_source_is_named_by_another_secret(void **state)
{
	static const struct {
		const char *source, *value, *why;
	} rows[] = {
		{"ini:%s/named#profile ${@profile}.key", "of work", NULL},
		{"ini:%s/named#${@default}.key", "of main", NULL},
		{"ini:%s/named#${@old}.key", NULL, "old"},
		{"ini:%s/named#${@nothing}.key", NULL, "lists no secret 'nothing'"},
		{"ini:%s/named#${@circle}.key", NULL, "name each other"},
		{"exec:@command", "of ${@profile}", NULL},
		{"exec:@relative", NULL, "absolute path"},
		{"exec:@quoted", NULL, "without quotes"},
		{"exec:@nothing", NULL, "lists no secret"},
		{"text:a b", "a b", NULL},
	};
	struct fail f;

	(void)state;
	put("named", "[profile work]\nkey = of work\n[main]\nkey=of main\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *value = value_with(NAMED, rows[i].source, &f);

		if (rows[i].value != NULL) {
			if (value == NULL)
				fail_msg("%s: %s", rows[i].source, f.text);
			assert_string_equal(value, rows[i].value);
		} else {
			assert_null(value);
			if (strstr(f.text, rows[i].why) == NULL)
				fail_msg("%s: %s", rows[i].source, f.text);
		}
		free(value);
	}
}

static void manifests_are_told_what_no_source_looks_like(void **state)
{
	static const char *const wrong[] = {"", "vault:x", "connection:", "env:", "file:relative",
		"ini:/x", "ini:/x#key", "ini:x#a.b", "json:/x", "json:/x#a", "exec:ls", "exec:@",
		"text:", "keptx",
		"exec:/a 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 "
		"29 30 31 32 33"};
	static const char *const right[] = {"connection:a", "connection:/a/b", "env:A", "file:/x",
		"file:~/x", "file:${A}", "ini:/x#a b.c", "json:${A:-~/x}#/", "exec:/bin/x -a",
		"exec:@a", "text:a", "ini:/x#${@a}.b", "kept"};
	struct fail f;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_false(source_valid(wrong[i], &f));
		assert_int_equal(f.code, FAIL_INVALID);
	}
	for (size_t i = 0; i < COUNT(right); i++)
		assert_true(source_valid(right[i], &f));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_form_gives_its_value),
		TEST(a_source_without_a_value_lets_the_next_have_its_turn),
		TEST(a_source_that_cannot_be_read_says_why_and_not_what),
		TEST(a_mounted_secret_that_is_a_link_within_its_folder_is_read),
		TEST(a_program_is_started_only_where_the_site_allows_it),
		TEST(a_program_that_takes_long_or_prints_much_is_ended),
		TEST(a_call_that_must_stop_ends_its_program),
		TEST(a_program_runs_once_however_many_ask),
		TEST(who_gives_up_leaves_the_program_to_the_next),
		TEST(what_a_parser_needed_on_its_way_is_overwritten),
		TEST(a_source_is_named_by_another_secret),
		TEST(manifests_are_told_what_no_source_looks_like),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

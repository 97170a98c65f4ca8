/* A folder of an ended process as the prefix of others: found first, and kept while they run. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "platform/fs.h"
#include "process/process.h"
#include "unit/cmocka.h"
#include "unit/process/place.h"

/* A program without "#!" is one of the shell's. */
#define MAKER  "{'shell': 'mkdir -p env/bin; echo echo env > env/bin/tool; chmod +x env/bin/tool'}"
#define PREFIX "'prefix': {'process': 'maker', 'path': 'work/env'}"
#define HELD   "{'shell': 'while ! test -e go; do sleep 0.02; done', " PREFIX "}"

static void make(struct place *p)
{
	start(p, "maker", MAKER);
	await_state(p, "maker", "exited", NULL);
}

static void let_go(const struct place *p, const char *name)
{
	char path[PLACE_PATH];

	put(file_of(p, name, "work/go", path), "");
}

static void must_not_start(struct place *p, const char *name, const char *spec, int code)
{
	json_t *v = parse(spec);
	struct fail f = {0};

	assert_false(process_start(p->processes, name, v, &f));
	assert_int_equal(f.code, code);
	assert_false(has_file(p, name, "spec.json"));
	json_decref(v);
}

static void its_programs_are_found_first(void **state)
{
	struct place *p = *state;
	char wanted[PLACE_PATH * 2];
	char path[PLACE_PATH];
	char *log;

	make(p);
	start(p, "user", "{'argv': ['tool'], 'programs': {'tool': '/bin/false'}, " PREFIX "}");
	await_state(p, "user", "exited", NULL);
	log = read_through(p, "user", "log");
	assert_string_equal(log, "env\n");
	free(log);
	start(p, "teller",
		"{'shell': 'echo $VIRTUAL_ENV', 'environment': {'VIRTUAL_ENV': 'x'}, " PREFIX "}");
	await_state(p, "teller", "exited", NULL);
	log = read_through(p, "teller", "log");
	snprintf(wanted, sizeof(wanted), "%s\n", file_of(p, "maker", "work/env", path));
	assert_string_equal(log, wanted);
	free(log);
}

static void it_must_be_there_and_have_ended(void **state)
{
	struct place *p = *state;

	must_not_start(p, "user", "{'argv': ['tool'], " PREFIX "}", FAIL_NOT_FOUND);
	start(p, "maker", "{'shell': 'while ! test -e go; do sleep 0.02; done'}");
	must_not_start(p, "user", "{'argv': ['tool'], " PREFIX "}", FAIL_CONFLICT);
	let_go(p, "maker");
	await_state(p, "maker", "exited", NULL);
	must_not_start(p, "user", "{'argv': ['tool'], " PREFIX "}", FAIL_NOT_FOUND);
	must_not_start(p, "maker2",
		"{'argv': ['tool'], 'prefix': {'process': 'maker2', 'path': 'work'}}",
		FAIL_INVALID);
	must_not_start(p, "user",
		"{'argv': ['tool'], 'prefix': {'process': 'maker', 'path': '../x'}}", FAIL_INVALID);
	must_not_start(
		p, "user", "{'argv': ['tool'], 'prefix': {'process': 'maker'}}", FAIL_INVALID);
}

static void it_is_kept_while_a_user_runs(void **state)
{
	struct place *p = *state;
	struct fail f;

	make(p);
	start(p, "user", HELD);
	assert_false(process_remove(p->processes, "maker", &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	place_close(p);
	place_open(p);
	assert_false(process_remove(p->processes, "maker", &f));
	let_go(p, "user");
	await_state(p, "user", "exited", NULL);
	assert_true(process_remove(p->processes, "maker", &f));
	assert_false(has_file(p, "maker", ""));
	assert_true(process_remove(p->processes, "user", &f));
}

/* As a daemon leaves it that dies after the note and before the commit. */
static void a_note_without_a_user_keeps_nothing(void **state)
{
	struct place *p = *state;
	char path[PLACE_PATH];
	struct fail f;

	make(p);
	assert_true(fs_mkdirs(file_of(p, "maker", "users", path), &f));
	put(file_of(p, "maker", "users/gone", path), "");
	start(p, "other", "{'shell': 'while ! test -e go; do sleep 0.02; done'}");
	put(file_of(p, "maker", "users/other", path), "");
	assert_true(process_remove(p->processes, "maker", &f));
	let_go(p, "other");
	await_state(p, "other", "exited", NULL);
}

static void a_removed_user_takes_its_note_along(void **state)
{
	struct place *p = *state;
	struct fail f;

	make(p);
	start(p, "user", "{'argv': ['tool'], " PREFIX "}");
	await_state(p, "user", "exited", NULL);
	assert_true(has_file(p, "maker", "users/user"));
	assert_true(process_remove(p->processes, "user", &f));
	assert_false(has_file(p, "maker", "users/user"));
}

/* A command never runs with other programs than those it was given. */
static void without_its_folder_nothing_runs(void **state)
{
	struct place *p = *state;
	char path[PLACE_PATH];
	json_t *end;

	make(p);
	p->options.run_program = "/nowhere/davit-run";
	place_close(p);
	place_open(p);
	{
		json_t *v =
			parse("{'argv': ['tool'], 'programs': {'tool': '/bin/true'}, " PREFIX "}");
		struct fail f;

		assert_false(process_start(p->processes, "user", v, &f));
		json_decref(v);
		assert_true(fs_remove_tree(file_of(p, "maker", "work/env", path), &f));
	}
	place_close(p);
	p->options.run_program = DAVIT_RUN_TEST;
	place_open(p);
	await_state(p, "user", "exited", &end);
	assert_non_null(strstr(json_string_value(json_object_get(end, "error")), "is gone"));
	assert_null(json_object_get(end, "started_ms"));
	json_decref(end);
}

/* --- a start and a remove at once --- */

struct race {
	struct place *p;
	char maker[32];
	bool removed;
};

static void *remove_maker(void *arg)
{
	struct race *race = arg;
	struct fail f;

	race->removed = process_remove(race->p->processes, race->maker, &f);
	return NULL;
}

static bool start_user(struct place *p, const char *name, const char *maker)
{
	char spec[256];
	struct fail f;
	json_t *v;
	bool started;

	snprintf(spec, sizeof(spec),
		"{'argv': ['sleep', '1000'], 'prefix': {'process': '%s', 'path': 'work/env'}}",
		maker);
	v = parse(spec);
	started = process_start(p->processes, name, v, &f);
	json_decref(v);
	return started;
}

/* Whoever is first: never does a process run whose prefix was removed. */
static void of_a_start_and_a_remove_at_once_one_fails(void **state)
{
	struct place *p = *state;
	char user[32];

	for (int i = 0; i < 20; i++) {
		struct race race = {.p = p};
		pthread_t other;
		bool started;

		snprintf(race.maker, sizeof(race.maker), "maker%d", i);
		snprintf(user, sizeof(user), "user%d", i);
		start(p, race.maker, MAKER);
		await_state(p, race.maker, "exited", NULL);
		assert_int_equal(pthread_create(&other, NULL, remove_maker, &race), 0);
		started = start_user(p, user, race.maker);
		assert_int_equal(pthread_join(other, NULL), 0);
		assert_true(started != race.removed);
		if (started)
			stop(p, user);
	}
}

/* --- two that name each other --- */

struct crossing {
	struct place *p;
	const char *name;
	const char *other;
	bool started;
};

static void *start_often(void *arg)
{
	struct crossing *c = arg;

	for (int i = 0; i < 2000; i++)
		c->started |= start_user(c->p, c->name, c->other);
	return NULL;
}

/* Neither waits for the other, which waits for it. */
static void two_unbuilt_ones_that_name_each_other_are_refused_at_once(void **state)
{
	struct crossing one = {*state, "one", "two", false}, two = {*state, "two", "one", false};
	int64_t before = clock_mono_ms();
	pthread_t other;

	assert_int_equal(pthread_create(&other, NULL, start_often, &two), 0);
	(void)start_often(&one);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_false(one.started || two.started);
	assert_in_range(clock_mono_ms() - before, 0, 30000);
}

/* The notes lie in memory, where making them takes no time to speak of. */
static void any_number_of_old_notes_keeps_nothing(void **state)
{
	enum {
		MANY = 100001
	};
	char folder[] = "/dev/shm/davit-notes-XXXXXX", note[64], path[PLACE_PATH];
	struct place *p = *state;
	struct fail f;
	bool removed;

	make(p);
	if (mkdtemp(folder) == NULL)
		skip();
	for (int i = 0; i < MANY; i++) {
		snprintf(note, sizeof(note), "%s/gone-%d", folder, i);
		assert_int_equal(mknod(note, S_IFREG | 0600, 0), 0);
	}
	assert_int_equal(symlink(folder, file_of(p, "maker", "users", path)), 0);
	removed = process_remove(p->processes, "maker", &f);
	assert_true(fs_remove_tree(folder, NULL));
	if (!removed)
		fail_msg("%s", f.text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_programs_are_found_first),
		TEST(it_must_be_there_and_have_ended),
		TEST(it_is_kept_while_a_user_runs),
		TEST(a_note_without_a_user_keeps_nothing),
		TEST(a_removed_user_takes_its_note_along),
		TEST(without_its_folder_nothing_runs),
		TEST(of_a_start_and_a_remove_at_once_one_fails),
		TEST(two_unbuilt_ones_that_name_each_other_are_refused_at_once),
		TEST(any_number_of_old_notes_keeps_nothing),
	};

	return cmocka_run_group_tests_name("process_prefix", tests, NULL, NULL);
}

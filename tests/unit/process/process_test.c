/* Processes as the daemon sees them: started once, adopted, stopped, lost, removed. */
#include "process/process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/fs.h"
#include "platform/lock.h"
#include "unit/cmocka.h"
#include "unit/process/place.h"

#define ONCE "{'shell': 'echo run >> ../effects; exit 3'}"
#define HELD "{'shell': 'echo run >> ../effects; while ! test -e go; do sleep 0.02; done'}"

static void set_point(const struct place *p, const char *text)
{
	char path[PLACE_PATH];
	int n = snprintf(path, sizeof(path), "%s/test-point", p->runtime);

	assert_in_range(n, 1, PLACE_PATH - 1);
	put(path, text);
}

static void let_go(const struct place *p, const char *name)
{
	char path[PLACE_PATH];

	put(file_of(p, name, "work/go", path), "");
}

/* The davit-run that holds the process's lock. */
static pid_t run_of(const struct place *p, const char *name)
{
	char path[PLACE_PATH];

	file_of(p, name, "lock", path);
	for (int i = 0; i < LOOKS; i++) {
		int64_t pid = 0;
		int fd;

		if (lock_held(path) && !lock_take(path, &fd, &pid, NULL) && pid > 0)
			return (pid_t)pid;
		look_again();
	}
	fail_msg("nobody holds %s", path);
	return 0;
}

static void names_have_a_form(void **state)
{
	static const char *const good[] = {
		"a", "0", "a-b", "abcdefghij0123456789abcdefghij0123456789abcdefgh"};
	static const char *const bad[] = {"", "A", "a_b", "a/b", "..", "a.b", "a b", "ä",
		"abcdefghij0123456789abcdefghij0123456789abcdefghi"};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(process_name_valid(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++) {
		json_t *v = parse(ONCE);
		struct fail f;

		assert_false(process_name_valid(bad[i]));
		assert_false(process_start(p->processes, bad[i], v, &f));
		assert_int_equal(f.code, FAIL_INVALID);
		json_decref(v);
	}
}

static void what_was_never_started_is_not_found(void **state)
{
	struct place *p = *state;
	json_t *v = NULL;
	struct fail f;
	int fd;

	assert_false(process_inspect(p->processes, "p1", &v, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(process_stop(p->processes, "p1", &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(process_remove(p->processes, "p1", &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(process_open_file(p->processes, "p1", "log", &fd, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(process_list_files(p->processes, "p1", "outputs", &v, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
}

static void the_end_is_told_and_seen(void **state)
{
	struct place *p = *state;
	size_t before = change_count(p);
	json_t *end;

	start(p, "p1", "{'shell': 'echo hello; echo x > ../outputs/o.txt; exit 3'}");
	while (!is_in(p, "p1", "exited")) {
		await_change(p, before);
		before = change_count(p);
	}
	end = inspect(p, "p1");
	assert_int_equal(number(end, "exit_code"), 3);
	assert_in_range(number(end, "finished_ms"), number(end, "started_ms"), INT64_MAX);
	assert_int_equal(number(end, "restarts"), 0);
	assert_true(json_is_object(json_object_get(end, "applied")));
	assert_in_range(number(end, "pid"), 2, INT32_MAX);
	json_decref(end);
}

static void started_again_it_runs_but_once(void **state)
{
	struct place *p = *state;

	for (int i = 0; i < 5; i++)
		start(p, "p1", HELD);
	await_state(p, "p1", "running", NULL);
	start(p, "p1", ONCE); /* adopted; the specification is ignored */
	let_go(p, "p1");
	await_state(p, "p1", "exited", NULL);
	start(p, "p1", HELD);
	assert_true(is_in(p, "p1", "exited"));
	assert_int_equal(lines_of(p, "p1", "effects"), 1);
}

struct starting {
	struct place *place;
	bool good;
};

static void *start_one(void *arg)
{
	struct starting *s = arg;
	json_t *v = json_pack("{s:s}", "shell", "echo run >> ../effects; exit 3");

	s->good = process_start(s->place->processes, "p1", v, NULL);
	json_decref(v);
	return NULL;
}

static void started_by_many_threads_it_runs_but_once(void **state)
{
	struct starting all[8];
	pthread_t threads[COUNT(all)];
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(all); i++) {
		all[i] = (struct starting){.place = p};
		assert_int_equal(pthread_create(&threads[i], NULL, start_one, &all[i]), 0);
	}
	for (size_t i = 0; i < COUNT(all); i++) {
		pthread_join(threads[i], NULL);
		assert_true(all[i].good);
	}
	await_state(p, "p1", "exited", NULL);
	assert_int_equal(lines_of(p, "p1", "effects"), 1);
}

static void a_bad_specification_leaves_nothing(void **state)
{
	struct place *p = *state;
	json_t *v = parse("{'shell': 'true', 'inputs': [{'as': 'lock', 'text': ''}]}");
	struct fail f;

	assert_false(process_start(p->processes, "p1", v, &f));
	assert_int_equal(f.code, FAIL_INVALID);
	assert_string_equal(f.field, "/inputs/0");
	assert_false(has_file(p, "p1", ""));
	json_decref(v);
}

/* --- the daemon comes and goes --- */

static void it_outlives_the_daemon_and_is_adopted(void **state)
{
	struct place *p = *state;
	size_t before;

	start(p, "p1", HELD);
	await_state(p, "p1", "running", NULL);
	place_close(p);
	place_open(p);
	assert_true(is_in(p, "p1", "running"));
	start(p, "p1", HELD);
	before = change_count(p);
	let_go(p, "p1");
	while (!is_in(p, "p1", "exited")) {
		await_change(p, before);
		before = change_count(p);
	}
	assert_int_equal(lines_of(p, "p1", "effects"), 1);
}

static void what_ended_without_the_daemon_is_seen(void **state)
{
	struct place *p = *state;
	json_t *end;

	start(p, "p1", HELD);
	await_state(p, "p1", "running", NULL);
	place_close(p);
	let_go(p, "p1");
	for (int i = 0; i < LOOKS && !has_file(p, "p1", "exit.json"); i++)
		look_again();
	place_open(p);
	end = inspect(p, "p1");
	assert_string_equal(json_string_value(json_object_get(end, "state")), "exited");
	assert_int_equal(number(end, "exit_code"), 0);
	json_decref(end);
}

/* A daemon that died between the commit and the spawn. */
static void what_was_committed_but_not_spawned_runs(void **state)
{
	struct place *p = *state;
	char path[PLACE_PATH];
	struct fail f;

	place_close(p);
	assert_true(fs_mkdirs(file_of(p, "p1", "work", path), &f));
	put(file_of(p, "p1", "spec.json", path), "{\"shell\": \"echo run >> ../effects; exit 3\"}");
	place_open(p);
	await_state(p, "p1", "exited", NULL);
	start(p, "p1", ONCE);
	assert_int_equal(lines_of(p, "p1", "effects"), 1);
}

/* A daemon that died while it copied the inputs. */
static void what_was_not_committed_is_cleared_away(void **state)
{
	struct place *p = *state;
	char path[PLACE_PATH];
	struct fail f;

	place_close(p);
	assert_true(fs_mkdirs(file_of(p, "p1", "work/deep", path), &f));
	put(file_of(p, "p1", "work/half", path), "half");
	assert_true(fs_mkdirs(file_of(p, "Not-A-Process", "", path), &f));
	place_open(p);
	assert_false(has_file(p, "p1", ""));
	assert_true(has_file(p, "Not-A-Process", "")); /* not ours to delete */
}

static void debris_of_a_failed_start_is_replaced(void **state)
{
	struct place *p = *state;
	char path[PLACE_PATH];
	struct fail f;

	assert_true(fs_mkdirs(file_of(p, "p1", "work", path), &f));
	put(file_of(p, "p1", "work/half", path), "half");
	start(p, "p1", ONCE);
	await_state(p, "p1", "exited", NULL);
	assert_false(has_file(p, "p1", "work/half"));
}

static void without_davit_run_it_is_prepared_and_starts_later(void **state)
{
	struct place *p = *state;
	json_t *v = parse(ONCE);
	struct fail f;

	place_close(p);
	p->options.run_program = "/nowhere/davit-run";
	place_open(p);
	assert_false(process_start(p->processes, "p1", v, &f));
	assert_true(is_in(p, "p1", "prepared"));
	place_close(p);
	p->options.run_program = DAVIT_RUN_TEST;
	place_open(p);
	start(p, "p1", ONCE);
	await_state(p, "p1", "exited", NULL);
	assert_int_equal(lines_of(p, "p1", "effects"), 1);
	json_decref(v);
}

/* --- davit-run dies --- */

static void a_killed_supervisor_means_lost_and_no_second_run(void **state)
{
	struct place *p = *state;
	json_t *end;
	char *log;

	start(p, "p1", HELD);
	await_lines_of(p, "p1", "effects", 1);
	kill(run_of(p, "p1"), SIGKILL);
	await_state(p, "p1", "lost", &end);
	assert_in_range(number(end, "finished_ms"), number(end, "started_ms"), INT64_MAX);
	assert_null(json_object_get(end, "exit_code"));
	json_decref(end);
	start(p, "p1", HELD);
	assert_true(is_in(p, "p1", "lost"));
	assert_int_equal(lines_of(p, "p1", "effects"), 1);
	log = read_through(p, "p1", "log");
	assert_non_null(strstr(log, "[davit: the supervisor of this process died"));
	free(log);
}

static void killed_while_the_daemon_was_away_it_is_lost_too(void **state)
{
	struct place *p = *state;

	start(p, "p1", HELD);
	await_lines_of(p, "p1", "effects", 1);
	place_close(p);
	kill(run_of(p, "p1"), SIGKILL);
	place_open(p);
	await_state(p, "p1", "lost", NULL);
	assert_int_equal(lines_of(p, "p1", "effects"), 1);
}

static void a_server_whose_supervisor_was_killed_comes_back(void **state)
{
	struct place *p = *state;
	json_t *v;

	start(p, "p1", "{'shell': 'echo run >> ../effects; exec sleep 1000', 'serve': {}}");
	await_lines_of(p, "p1", "effects", 1);
	kill(run_of(p, "p1"), SIGKILL);
	await_lines_of(p, "p1", "effects", 2);
	await_state(p, "p1", "running", &v);
	assert_int_equal(number(v, "restarts"), 1);
	json_decref(v);
	stop(p, "p1");
	await_state(p, "p1", "exited", &v);
	assert_true(truth(v, "cancelled"));
	json_decref(v);
}

/* --- stop --- */

static void a_stop_ends_it(void **state)
{
	struct place *p = *state;
	json_t *end;

	start(p, "p1", HELD);
	await_state(p, "p1", "running", NULL);
	stop(p, "p1");
	stop(p, "p1");
	await_state(p, "p1", "exited", &end);
	assert_true(truth(end, "cancelled"));
	assert_int_equal(number(end, "signal"), SIGTERM);
	json_decref(end);
	stop(p, "p1"); /* of what has ended: nothing to do */
}

/* The supervisor is there but neither listens nor has looked: it must see the stop. */
static void a_stop_before_the_start_means_it_never_runs(void **state)
{
	struct place *p = *state;
	json_t *end;
	pid_t run;

	set_point(p, "locked stop");
	start(p, "p1", ONCE);
	run = run_of(p, "p1");
	assert_true(is_in(p, "p1", "starting"));
	stop(p, "p1");
	kill(run, SIGCONT);
	for (int i = 0; i < LOOKS && !has_file(p, "p1", "exit.json"); i++) {
		kill(run, SIGCONT); /* it may not have stopped before the first one */
		look_again();
	}
	await_state(p, "p1", "exited", &end);
	assert_true(truth(end, "cancelled"));
	assert_null(json_object_get(end, "started_ms"));
	assert_int_equal(lines_of(p, "p1", "effects"), 0);
	json_decref(end);
}

static void a_stop_of_what_was_never_spawned_is_its_end(void **state)
{
	struct place *p = *state;
	json_t *v = parse(ONCE), *end;

	place_close(p);
	p->options.run_program = "/nowhere/davit-run";
	place_open(p);
	assert_false(process_start(p->processes, "p1", v, NULL));
	assert_false(process_stop(p->processes, "p1", NULL)); /* nobody to write the end yet */
	place_close(p);
	p->options.run_program = DAVIT_RUN_TEST;
	place_open(p);
	await_state(p, "p1", "exited", &end);
	assert_true(truth(end, "cancelled"));
	assert_int_equal(lines_of(p, "p1", "effects"), 0);
	json_decref(end);
	json_decref(v);
}

/* --- remove --- */

static void only_what_has_ended_can_be_removed(void **state)
{
	struct place *p = *state;
	struct fail f;

	start(p, "p1", HELD);
	await_state(p, "p1", "running", NULL);
	assert_false(process_remove(p->processes, "p1", &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	stop(p, "p1");
	await_state(p, "p1", "exited", NULL);
	if (!process_remove(p->processes, "p1", &f))
		fail_msg("%s", f.text);
	assert_false(has_file(p, "p1", ""));
	assert_false(process_remove(p->processes, "p1", &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	start(p, "p1", ONCE); /* the name is free again */
	await_state(p, "p1", "exited", NULL);
	assert_int_equal(lines_of(p, "p1", "effects"), 1);
}

/* --- files --- */

static void files_are_read_and_listed_but_only_its_own(void **state)
{
	static const struct {
		const char *path;
		enum fail_code code;
	} rows[] = {
		{"outputs/none", FAIL_NOT_FOUND},
		{"../p2/spec.json", FAIL_FORBIDDEN},
		{"/etc/passwd", FAIL_FORBIDDEN},
		{"outputs/link", FAIL_FORBIDDEN},
		{"outputs/up/passwd", FAIL_FORBIDDEN},
		{"outputs", FAIL_FORBIDDEN},
		{"outputs/pipe", FAIL_FORBIDDEN},
	};
	struct place *p = *state;
	json_t *list, *want;
	struct fail f;
	char *text;

	start(p, "p1",
		"{'shell': 'cd ../outputs; printf abc > b.txt; mkdir d; printf x > d/a; "
		"ln -s /etc/passwd link; ln -s /etc up; mkfifo pipe'}");
	await_state(p, "p1", "exited", NULL);
	text = read_through(p, "p1", "outputs/b.txt");
	assert_string_equal(text, "abc");
	free(text);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int fd;

		if (process_open_file(p->processes, "p1", rows[i].path, &fd, &f))
			fail_msg("opened: %s", rows[i].path);
		assert_int_equal(f.code, rows[i].code);
	}
	assert_true(process_list_files(p->processes, "p1", "outputs", &list, &f));
	want = parse("{'items': [{'path': 'b.txt', 'bytes': 3}, {'path': 'd/a', 'bytes': 1}]}");
	assert_true(json_equal(list, want));
	json_decref(want);
	json_decref(list);
	assert_false(process_list_files(p->processes, "p1", "..", &list, &f));
	assert_int_equal(f.code, FAIL_FORBIDDEN);
}

static void the_log_is_live_whole_at_the_end_and_cut_in_the_middle(void **state)
{
	struct place *p = *state;
	char path[PLACE_PATH];
	char *log;

	start(p, "p1",
		"{'shell': 'echo first; while ! test -e go; do sleep 0.02; done; "
		"i=0; while test $i -lt 2000; do echo line $i; i=$((i+1)); done; echo last',"
		"'log_bytes': 4096}");
	await_lines_of(p, "p1", "log.head", 1);
	log = read_through(p, "p1", "log");
	assert_string_equal(log, "first\n");
	free(log);
	put(file_of(p, "p1", "work/go", path), "");
	await_state(p, "p1", "exited", NULL);
	log = read_through(p, "p1", "log");
	assert_int_equal(strncmp(log, "first\nline 0\nline 1\n", 20), 0);
	assert_non_null(strstr(log, " bytes cut here]\n"));
	assert_string_equal(log + strlen(log) - 20, "line 1998\nline 1999\nlast\n" + 5);
	free(log);
}

static void a_runtime_folder_too_long_for_a_socket_is_refused(void **state)
{
	struct place *p = *state;
	char runtime[200];
	struct fail f;

	memset(runtime, 'x', sizeof(runtime));
	runtime[0] = '/';
	runtime[65] = '\0';
	place_close(p);
	p->options.runtime_dir = runtime;
	assert_null(processes_open(&p->options, &f));
	assert_int_equal(f.code, FAIL_INVALID);
	assert_non_null(strstr(f.text, "shorter"));
	p->options.runtime_dir = p->runtime;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(names_have_a_form),
		TEST(what_was_never_started_is_not_found),
		TEST(the_end_is_told_and_seen),
		TEST(started_again_it_runs_but_once),
		TEST(started_by_many_threads_it_runs_but_once),
		TEST(a_bad_specification_leaves_nothing),
		TEST(it_outlives_the_daemon_and_is_adopted),
		TEST(what_ended_without_the_daemon_is_seen),
		TEST(what_was_committed_but_not_spawned_runs),
		TEST(what_was_not_committed_is_cleared_away),
		TEST(debris_of_a_failed_start_is_replaced),
		TEST(without_davit_run_it_is_prepared_and_starts_later),
		TEST(a_killed_supervisor_means_lost_and_no_second_run),
		TEST(killed_while_the_daemon_was_away_it_is_lost_too),
		TEST(a_server_whose_supervisor_was_killed_comes_back),
		TEST(a_stop_ends_it),
		TEST(a_stop_before_the_start_means_it_never_runs),
		TEST(a_stop_of_what_was_never_spawned_is_its_end),
		TEST(only_what_has_ended_can_be_removed),
		TEST(files_are_read_and_listed_but_only_its_own),
		TEST(the_log_is_live_whole_at_the_end_and_cut_in_the_middle),
		TEST(a_runtime_folder_too_long_for_a_socket_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Control groups, where this machine has version 2 and lets us make some; else skipped. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "unit/cmocka.h"
#include "unit/run/run_help.h"

/* A group of our own below one of the usual mount points; false: there is none. */
static bool make_group(char group[HELP_PATH])
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

	for (size_t i = 0; i < COUNT(mounts); i++) {
		char controllers[HELP_PATH];

		snprintf(controllers, sizeof(controllers), "%s/cgroup.controllers", mounts[i]);
		if (access(controllers, F_OK) != 0)
			continue;
		snprintf(group, HELP_PATH, "%s/davit-test-%ld", mounts[i], (long)getpid());
		if (mkdir(group, 0700) == 0)
			return true;
	}
	return false;
}

static void remove_group(const char *group)
{
	for (int i = 0; i < LOOKS; i++) {
		if (rmdir(group) == 0 || errno != EBUSY)
			return;
		look_again();
	}
}

static void the_command_runs_in_a_group_that_ends_with_it(void **state)
{
	const struct run_place *p = *state;
	char group[HELP_PATH], leaf[HELP_PATH + 16];
	json_t *started;
	char *log;

	if (!make_group(group))
		skip();
	snprintf(leaf, sizeof(leaf), "%s/davit-p1", group);
	put_spec(
		p, "{'shell': 'cat /proc/self/cgroup; (setsid sleep 1000 &)', 'grace_seconds': 0}");
	assert_int_equal(run_end(run_begin(p, group)), 0);
	started = get_json(p, "started.json");
	assert_text_of(json_object_get(started, "applied"), "cgroup", leaf);
	log = get_place_file(p, "log.head");
	assert_non_null(strstr(log, "/davit-p1\n"));
	assert_int_equal(access(leaf, F_OK), -1);
	free(log);
	json_decref(started);
	remove_group(group);
}

/* Here the group alone can find them: they are nobody's descendants any more. */
static void what_a_dead_supervisor_left_in_the_group_is_ended(void **state)
{
	const struct run_place *p = *state;
	char group[HELP_PATH];
	char *text;
	pid_t run, orphan;

	if (!make_group(group))
		skip();
	put_spec(p,
		"{'shell': 'setsid sh -c \\\"echo \\\\$\\\\$ > ../orphan; exec sleep 1000\\\" & "
		"sleep 1000'}");
	run = run_begin(p, group);
	await_lines(p, "orphan", 1);
	text = get_place_file(p, "orphan");
	orphan = (pid_t)strtol(text, NULL, 10);
	free(text);
	kill(run, SIGKILL);
	run_end(run);
	assert_int_equal(kill(orphan, 0), 0);
	assert_int_equal(run_end(run_begin(p, group)), 0);
	await_gone(orphan);
	remove_group(group);
}

static void a_group_that_cannot_be_made_is_told(void **state)
{
	const struct run_place *p = *state;
	char path[HELP_PATH];

	put_spec(p, "{'argv': ['true']}");
	assert_int_not_equal(run_end(run_begin(p, "/nowhere/at/all")), 0);
	assert_int_equal(access(place_file(p, "exit.json", path), F_OK), -1);
	assert_int_equal(access(place_file(p, "started.json", path), F_OK), -1);
}

static void auto_works_with_and_without_a_delegated_group(void **state)
{
	const struct run_place *p = *state;
	json_t *end;

	put_spec(p, "{'argv': ['true'], 'limits': {'processes': 100, 'memory_bytes': 100000000}}");
	assert_int_equal(run_end(run_begin(p, "auto")), 0);
	end = get_json(p, "exit.json");
	assert_int_equal(int_of(end, "exit_code"), 0);
	json_decref(end);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(the_command_runs_in_a_group_that_ends_with_it),
		TEST(what_a_dead_supervisor_left_in_the_group_is_ended),
		TEST(a_group_that_cannot_be_made_is_told),
		TEST(auto_works_with_and_without_a_delegated_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

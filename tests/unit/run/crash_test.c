/* davit-run killed at any point, and several of them for one process: at most one run. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "unit/cmocka.h"
#include "unit/run/run_help.h"

/* A command whose every run leaves one line. */
#define ONCE "{'shell': 'echo run >> ../effects; sleep 0.1; exit 3'}"

static void set_point(const struct run_place *p, const char *text)
{
	char path[HELP_PATH];

	put_file(place_runtime(p, "test-point", path), text);
}

static void assert_effects(const struct run_place *p, size_t n)
{
	size_t found = count_lines(p, "effects");

	if (found != n)
		fail_msg("%zu runs instead of %zu", found, n);
}

static void a_kill_at_any_point_runs_it_at_most_once(void **state)
{
	static const struct {
		const char *point;
		bool lost;       /* nobody can know how it ended */
		int least, most; /* runs */
	} rows[] = {
		{"locked kill", false, 1, 1},
		{"listening kill", false, 1, 1},
		{"spawned kill", false, 1, 1},
		{"started kill", true, 0, 0},
		{"running kill", true, 0, 1},
		{"ended kill", true, 1, 1},
		{"exited kill", false, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct run_place *p;
		void *place;
		json_t *end;

		place_make(&place);
		p = place;
		put_spec(p, ONCE);
		set_point(p, rows[i].point);
		assert_int_equal(WTERMSIG(run_end(run_begin(p, NULL))), SIGKILL);
		for (int again = 0; again < 3; again++)
			assert_int_equal(run_end(run_begin(p, NULL)), 0);
		end = get_json(p, "exit.json");
		assert_non_null(end);
		if (is_true(end, "lost") != rows[i].lost)
			fail_msg("after \"%s\" lost is %d", rows[i].point, is_true(end, "lost"));
		if (!rows[i].lost)
			assert_int_equal(int_of(end, "exit_code"), 3);
		assert_in_range(int_of(end, "finished_ms"), int_of(end, "started_ms"), INT64_MAX);
		assert_in_range(count_lines(p, "effects"), rows[i].least, rows[i].most);
		json_decref(end);
		place_remove(&place);
	}
}

static void the_command_dies_with_its_supervisor(void **state)
{
	const struct run_place *p = *state;
	json_t *started;
	pid_t run;

	put_spec(p, "{'argv': ['sleep', '1000']}");
	run = run_begin(p, NULL);
	await_file(p, "started.json");
	started = get_json(p, "started.json");
	kill(run, SIGKILL);
	run_end(run);
	await_gone((pid_t)int_of(started, "pid"));
	json_decref(started);
}

static void of_many_only_one_runs_it(void **state)
{
	const struct run_place *p = *state;
	pid_t runs[8];
	json_t *end;

	put_spec(p, ONCE);
	for (size_t i = 0; i < COUNT(runs); i++)
		runs[i] = run_begin(p, NULL);
	for (size_t i = 0; i < COUNT(runs); i++)
		assert_int_equal(run_end(runs[i]), 0);
	assert_effects(p, 1);
	end = get_json(p, "exit.json");
	assert_int_equal(int_of(end, "exit_code"), 3);
	json_decref(end);
}

/* The first stands still with the lock: nobody may pass it. */
static void a_second_one_leaves_while_the_first_has_the_lock(void **state)
{
	static const char *const points[] = {"locked stop", "started stop", "exited stop"};

	(void)state;
	for (size_t i = 0; i < COUNT(points); i++) {
		const struct run_place *p;
		void *place;
		pid_t first;

		place_make(&place);
		p = place;
		put_spec(p, ONCE);
		set_point(p, points[i]);
		first = run_begin(p, NULL);
		await_stopped(first);
		assert_int_equal(run_end(run_begin(p, NULL)), 0);
		kill(first, SIGCONT);
		assert_int_equal(run_end(first), 0);
		assert_effects(p, 1);
		place_remove(&place);
	}
}

static void a_stop_before_the_start_means_it_never_runs(void **state)
{
	const struct run_place *p = *state;
	char path[HELP_PATH];
	json_t *end;

	put_file(place_file(p, "stop", path), "");
	end = run_spec_whole(p, ONCE);
	assert_true(is_true(end, "cancelled"));
	assert_null(json_object_get(end, "exit_code"));
	assert_null(json_object_get(end, "started_ms"));
	assert_in_range(int_of(end, "finished_ms"), 1, INT64_MAX);
	assert_effects(p, 0);
	json_decref(end);
}

/* The file is looked for after the socket is there: a stop that finds no socket is seen. */
static void a_stop_between_lock_and_socket_is_seen(void **state)
{
	const struct run_place *p = *state;
	char path[HELP_PATH];
	pid_t run;

	put_spec(p, ONCE);
	set_point(p, "listening stop");
	run = run_begin(p, NULL);
	await_stopped(run);
	put_file(place_file(p, "stop", path), "");
	kill(run, SIGCONT);
	assert_int_equal(run_end(run), 0);
	assert_effects(p, 0);
}

static void without_a_specification_nothing_happens(void **state)
{
	const struct run_place *p = *state;
	char path[HELP_PATH];

	assert_int_equal(run_end(run_begin(p, NULL)), 0);
	assert_int_equal(access(place_file(p, "exit.json", path), F_OK), -1);
	assert_int_equal(access(place_file(p, "lock", path), F_OK), -1);
}

static void told_to_end_it_stops_the_command_and_says_so(void **state)
{
	const struct run_place *p = *state;
	json_t *end;
	pid_t run;

	put_spec(p, "{'argv': ['sleep', '1000']}");
	run = run_begin(p, NULL);
	await_file(p, "started.json");
	kill(run, SIGTERM);
	assert_int_equal(run_end(run), 0);
	end = get_json(p, "exit.json");
	assert_true(is_true(end, "interrupted"));
	assert_null(json_object_get(end, "cancelled"));
	json_decref(end);
}

/* --- served --- */

#define CRASHING                                                                                   \
	"{'shell': 'test -e \\\"$DAVIT_SOCKET\\\" && echo stale >> ../stale; "                     \
	": > \\\"$DAVIT_SOCKET\\\"; date +%s%N >> ../effects; exit 9', "                           \
	"'serve': {'restart_first_ms': 100, 'restart_max_ms': 300, 'healthy_after_ms': 60000}}"

static void read_times(const struct run_place *p, long long *times, size_t n)
{
	char *text = get_place_file(p, "effects");
	char *at = text;

	for (size_t i = 0; i < n; i++)
		times[i] = strtoll(at, &at, 10) / 1000000;
	free(text);
}

static void a_server_is_started_again_later_and_later(void **state)
{
	static const long long least[] = {100, 200, 300, 300};
	const struct run_place *p = *state;
	long long times[5];
	json_t *end;
	pid_t run;
	int fd;

	put_spec(p, CRASHING);
	run = run_begin(p, NULL);
	await_lines(p, "effects", COUNT(times));
	fd = connect_to(p, "p1.ctl");
	send_text(fd, "stop\n");
	assert_int_equal(run_end(run), 0);
	close(fd);
	read_times(p, times, COUNT(times));
	for (size_t i = 0; i + 1 < COUNT(times); i++)
		assert_in_range(times[i + 1] - times[i], least[i], 60000);
	assert_int_equal(count_lines(p, "stale"), 0); /* the old socket is taken away */
	end = get_json(p, "exit.json");
	assert_in_range(int_of(end, "restarts"), 4, 1000);
	assert_int_equal(int_of(end, "exit_code"), 9);
	json_decref(end);
}

static void between_two_starts_the_record_says_why(void **state)
{
	const struct run_place *p = *state;
	json_t *started = NULL, *end;
	pid_t run;
	int fd;

	put_spec(p, "{'argv': ['false'], 'serve': {'restart_first_ms': 3600000, "
		    "'restart_max_ms': 3600000}}");
	run = run_begin(p, NULL);
	for (int i = 0; i < LOOKS && !is_true(started, "restarting"); i++) {
		json_decref(started);
		look_again();
		started = get_json(p, "started.json");
	}
	assert_true(is_true(started, "restarting"));
	assert_int_equal(int_of(started, "last_exit_code"), 1);
	assert_int_equal(int_of(started, "restarts"), 1);
	assert_null(json_object_get(started, "pid"));
	json_decref(started);
	fd = connect_to(p, "p1.ctl");
	send_text(fd, "stop\n");
	assert_int_equal(run_end(run), 0);
	close(fd);
	end = get_json(p, "exit.json");
	assert_true(is_true(end, "cancelled"));
	assert_int_equal(int_of(end, "exit_code"), 1);
	json_decref(end);
}

static void a_server_that_was_healthy_is_started_again_soon(void **state)
{
	const struct run_place *p = *state;
	long long times[4];
	pid_t run;
	int fd;

	put_spec(p, "{'shell': 'date +%s%N >> ../effects; sleep 0.2', 'serve': {"
		    "'restart_first_ms': 10, 'restart_max_ms': 3600000, 'healthy_after_ms': 100}}");
	run = run_begin(p, NULL);
	await_lines(p, "effects", COUNT(times)); /* with back-off it would soon take hours */
	fd = connect_to(p, "p1.ctl");
	send_text(fd, "stop\n");
	assert_int_equal(run_end(run), 0);
	close(fd);
	read_times(p, times, COUNT(times));
	for (size_t i = 0; i + 1 < COUNT(times); i++)
		assert_in_range(times[i + 1] - times[i], 200, 60000);
}

static void a_server_survives_the_death_of_its_supervisor(void **state)
{
	const struct run_place *p = *state;
	json_t *started, *end;
	pid_t run;
	int fd;

	put_spec(p, "{'shell': 'echo run >> ../effects; exec sleep 1000', 'serve': {}}");
	run = run_begin(p, NULL);
	await_lines(p, "effects", 1);
	kill(run, SIGKILL);
	run_end(run);
	run = run_begin(p, NULL);
	await_lines(p, "effects", 2);
	started = get_json(p, "started.json");
	assert_int_equal(int_of(started, "restarts"), 1);
	fd = connect_to(p, "p1.ctl");
	send_text(fd, "stop\n");
	assert_int_equal(run_end(run), 0);
	close(fd);
	end = get_json(p, "exit.json");
	assert_true(is_true(end, "cancelled"));
	assert_null(json_object_get(end, "lost"));
	json_decref(end);
	json_decref(started);
}

/* As when the machine goes down in order: the next davit-run goes on. */
static void a_server_that_is_interrupted_has_no_end(void **state)
{
	const struct run_place *p = *state;
	char path[HELP_PATH];
	pid_t run;

	put_spec(p, "{'shell': 'echo run >> ../effects; exec sleep 1000', 'serve': {}}");
	run = run_begin(p, NULL);
	await_lines(p, "effects", 1);
	kill(run, SIGTERM);
	assert_int_equal(run_end(run), 0);
	assert_int_equal(access(place_file(p, "exit.json", path), F_OK), -1);
	put_file(place_file(p, "stop", path), "");
	assert_int_equal(run_end(run_begin(p, NULL)), 0);
	assert_effects(p, 1);
	assert_int_equal(access(place_file(p, "exit.json", path), F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_at_any_point_runs_it_at_most_once),
		TEST(the_command_dies_with_its_supervisor),
		TEST(of_many_only_one_runs_it),
		cmocka_unit_test(a_second_one_leaves_while_the_first_has_the_lock),
		TEST(a_stop_before_the_start_means_it_never_runs),
		TEST(a_stop_between_lock_and_socket_is_seen),
		TEST(without_a_specification_nothing_happens),
		TEST(told_to_end_it_stops_the_command_and_says_so),
		TEST(a_server_is_started_again_later_and_later),
		TEST(between_two_starts_the_record_says_why),
		TEST(a_server_that_was_healthy_is_started_again_soon),
		TEST(a_server_survives_the_death_of_its_supervisor),
		TEST(a_server_that_is_interrupted_has_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

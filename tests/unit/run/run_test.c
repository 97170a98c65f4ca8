/* davit-run from outside: what a command gets, how it ends, what is kept of it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/run/run_help.h"

/* --- what it gets --- */

static void assert_has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return;
	}
	fail_msg("no line \"%s\" in:\n%s", line, text);
}

static bool spec_has(const struct run_place *p, const char *word)
{
	char *text = get_place_file(p, "spec.json");
	bool has = strstr(text, word) != NULL;

	free(text);
	return has;
}

static void the_environment_is_forgotten_once_the_command_runs(void **state)
{
	const struct run_place *p = *state;
	json_t *end = run_spec_whole(p,
		"{'argv': ['sh', '-c', 'while grep -q hunter[2] ../spec.json; do :; done; "
		"echo $PASSWORD'], 'notes': ['n'], 'environment': {'PASSWORD': 'hunter2'}}");
	char *log = get_place_file(p, "log.head");

	assert_int_equal(int_of(end, "exit_code"), 0);
	assert_string_equal(log, "n\nhunter2\n");
	assert_false(spec_has(p, "hunter2"));
	assert_true(spec_has(p, "notes"));
	free(log);
	json_decref(end);
}

/* It may be started again until then. */
static void the_environment_of_a_server_is_forgotten_at_its_end(void **state)
{
	const struct run_place *p = *state;
	pid_t run;
	int fd;

	put_spec(p, "{'argv': ['sh', '-c', '[ $PASSWORD = hunter2 ] && echo >> starts; exit 1'],"
		    "'serve': {'restart_first_ms': 1}, 'environment': {'PASSWORD': 'hunter2'}}");
	run = run_begin(p, NULL);
	await_lines(p, "work/starts", 3);
	assert_true(spec_has(p, "PASSWORD\":"));
	fd = connect_to(p, "p1.ctl");
	send_text(fd, "stop\n");
	assert_int_equal(run_end(run), 0);
	close(fd);
	assert_true(spec_has(p, "argv"));
	assert_false(spec_has(p, "PASSWORD\":"));
}

static void what_never_ran_forgets_its_environment_too(void **state)
{
	const struct run_place *p = *state;
	char path[HELP_PATH];
	json_t *end;

	put_file(place_file(p, "stop", path), "");
	end = run_spec_whole(p, "{'argv': ['env'], 'environment': {'PASSWORD': 'hunter2'}}");
	assert_true(is_true(end, "cancelled"));
	assert_false(spec_has(p, "hunter2"));
	json_decref(end);
}

static void the_environment_is_what_was_given_and_documented(void **state)
{
	const struct run_place *p = *state;
	char line[HELP_PATH + 64];
	json_t *end;
	char *log;

	setenv("SECRET_OF_OURS", "1", 1); /* NOLINT(concurrency-mt-unsafe): one thread */
	end = run_spec_whole(p, "{'argv': ['env'], 'environment': {'MINE': 'a b', 'LANG': 'de',"
				"'DAVIT_NAME': 'forged'}}");
	assert_int_equal(int_of(end, "exit_code"), 0);
	log = get_place_file(p, "log.head");
	assert_null(strstr(log, "SECRET_OF_OURS"));
	assert_null(strstr(log, "forged"));
	assert_null(strstr(log, "DAVIT_SOCKET"));
	assert_has_line(log, "MINE=a b");
	assert_has_line(log, "LANG=de");
	assert_has_line(log, "PATH=/usr/local/bin:/usr/bin:/bin");
	assert_has_line(log, "DAVIT_NAME=p1");
	snprintf(line, sizeof(line), "HOME=%s/work", p->folder);
	assert_has_line(log, line);
	snprintf(line, sizeof(line), "output_dir=%s/outputs", p->folder);
	assert_has_line(log, line);
	snprintf(line, sizeof(line), "DAVIT_OUTPUT_DIR=%s/outputs", p->folder);
	assert_has_line(log, line);
	snprintf(line, sizeof(line), "DAVIT_PROGRESS=%s/progress.jsonl", p->folder);
	assert_has_line(log, line);
	assert_int_equal(count_lines(p, "log.head"), 8);
	free(log);
	json_decref(end);
}

/* We block, ignore and leave open what a careless parent would. */
static void no_descriptor_signal_or_mask_is_inherited(void **state)
{
	const struct run_place *p = *state;
	struct sigaction ignored = {.sa_handler = SIG_IGN}, before;
	int leak = open("/dev/zero", O_RDONLY); /* without O_CLOEXEC, on purpose */
	sigset_t set, old;
	json_t *end;
	char *log;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old); /* NOLINT(concurrency-mt-unsafe): one thread */
	sigaction(SIGUSR2, &ignored, &before);
	end = run_spec_whole(p, "{'shell': 'cd /proc/self/fd; echo fds *; readlink 0; umask; "
				"grep -E \\\"^Sig(Blk|Ign)|^NoNewPrivs\\\" /proc/self/status; pwd; "
				"test -t 1 || echo no terminal'}");
	sigaction(SIGUSR2, &before, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL); /* NOLINT(concurrency-mt-unsafe): one thread */
	close(leak);
	assert_int_equal(int_of(end, "exit_code"), 0);
	log = get_place_file(p, "log.head");
	assert_has_line(log, "fds 0 1 2 3"); /* 3 is the shell's, to list them */
	assert_has_line(log, "/dev/null");
	assert_has_line(log, "0077");
	assert_has_line(log, "SigBlk:\t0000000000000000");
	assert_has_line(log, "SigIgn:\t0000000000000000");
	assert_has_line(log, "NoNewPrivs:\t1");
	assert_has_line(log, "no terminal");
	free(log);
	json_decref(end);
}

static void it_has_a_session_and_group_of_its_own(void **state)
{
	const struct run_place *p = *state;
	json_t *end =
		run_spec_whole(p, "{'shell': 'cut -d \\\" \\\" -f 5,6 /proc/$$/stat; echo $$'}");
	long group, session, pid;
	char *log = get_place_file(p, "log.head");
	json_t *started = get_json(p, "started.json");

	assert_int_equal(sscanf(log, "%ld %ld\n%ld", &group, &session, &pid), 3);
	assert_int_equal(group, pid);
	assert_int_equal(session, pid);
	assert_int_equal(int_of(started, "pid"), pid);
	assert_in_range(int_of(started, "started_ms"), 1, int_of(end, "finished_ms"));
	free(log);
	json_decref(started);
	json_decref(end);
}

static void a_limit_that_cannot_be_applied_is_told(void **state)
{
	static const char note[] = "[davit: the limit memory_bytes is not applied: ";
	const struct run_place *p = *state;
	json_t *end = run_spec_whole(
		p, "{'argv': ['echo', 'ran'], 'limits': {'memory_bytes': 100000000}}");
	json_t *started = get_json(p, "started.json");
	const json_t *missing = json_at(started, "/applied/not_applied");
	char *log = get_place_file(p, "log.head");

	assert_int_equal(int_of(missing, "memory_bytes"), 100000000);
	assert_null(json_at(started, "/applied/memory_bytes"));
	assert_memory_equal(log, note, sizeof(note) - 1);
	assert_has_line(log, "ran");
	free(log);
	json_decref(started);
	json_decref(end);
}

static void limits_are_applied_and_recorded(void **state)
{
	static const struct {
		const char *line;
		const char *name;
		long long value;
	} rows[] = {
		{"cpu 77", "cpu_seconds", 77},
		{"files 99", "open_files", 99},
		{"blocks 2000", "file_bytes", 1024000},
		{"core 0", "core_bytes", 0},
	};
	const struct run_place *p = *state;
	json_t *end = run_spec_whole(p,
		"{'shell': 'echo cpu $(ulimit -t); echo files $(ulimit -n); "
		"echo blocks $(ulimit -f); echo core $(ulimit -c); echo kilobytes $(ulimit -v); "
		"echo processes $(ulimit -p)',"
		"'limits': {'cpu_seconds': 77, 'open_files': 99, 'file_bytes': 1024000, "
		"'address_space_bytes': 1073741824, 'processes': 50, 'wall_seconds': 88}}");
	json_t *started = get_json(p, "started.json");
	json_t *applied = json_object_get(started, "applied");
	char *log = get_place_file(p, "log.head");
	char line[64];

	assert_int_equal(int_of(end, "exit_code"), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_has_line(log, rows[i].line);
		assert_int_equal(int_of(applied, rows[i].name), rows[i].value);
	}
	assert_has_line(log, "kilobytes 1048576");
	assert_int_equal(int_of(applied, "address_space_bytes"), 1073741824);
	assert_int_equal(int_of(applied, "wall_seconds"), 88);
	/* Counted for the whole user, so that those that run are on top. */
	assert_in_range(int_of(applied, "processes"), 51, 1000000);
	snprintf(line, sizeof(line), "processes %lld", int_of(applied, "processes"));
	assert_has_line(log, line);
	assert_true(is_true(applied, "no_new_privileges"));
	free(log);
	json_decref(started);
	json_decref(end);
}

static void a_missing_program_is_told_in_record_and_log(void **state)
{
	const struct run_place *p = *state;
	json_t *end = run_spec_whole(p, "{'argv': ['no-such-program', 'x']}");
	char *log = get_place_file(p, "log.head");

	assert_int_equal(int_of(end, "exit_code"), 127);
	assert_text_of(end, "error", "cannot start no-such-program: No such file or directory");
	assert_string_equal(
		log, "[davit: cannot start no-such-program: No such file or directory]\n");
	free(log);
	json_decref(end);
}

static void a_missing_folder_is_told_in_record_and_log(void **state)
{
	const struct run_place *p = *state;
	json_t *end = run_spec_whole(p, "{'argv': ['true'], 'cwd': 'work/none'}");

	assert_int_equal(int_of(end, "exit_code"), 127);
	assert_text_of(end, "error", "cannot enter the folder: No such file or directory");
	assert_null(get_json(p, "started.json"));
	json_decref(end);
}

/* --- how it ends --- */

static void the_end_is_recorded_as_it_was(void **state)
{
	static const struct {
		const char *shell;
		const char *member;
		long long value;
	} rows[] = {
		{"exit 0", "exit_code", 0},
		{"exit 41", "exit_code", 41},
		{"kill -9 $$", "signal", SIGKILL},
		{"kill -SEGV $$", "signal", SIGSEGV},
	};
	char spec[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		void *place;
		json_t *end;

		place_make(&place);
		snprintf(spec, sizeof(spec), "{'shell': '%s'}", rows[i].shell);
		end = run_spec_whole(place, spec);
		assert_int_equal(int_of(end, rows[i].member), rows[i].value);
		assert_null(
			json_object_get(end, rows[i].member[0] == 'e' ? "signal" : "exit_code"));
		assert_null(json_object_get(end, "limit"));
		assert_null(json_object_get(end, "lost"));
		assert_null(json_object_get(end, "cancelled"));
		json_decref(end);
		place_remove(&place);
	}
}

static void the_limit_that_ended_it_is_named(void **state)
{
	static const struct {
		const char *spec;
		const char *limit;
		int signal; /* 0: not looked at */
	} rows[] = {
		{"{'shell': 'while :; do :; done', 'limits': {'cpu_seconds': 1}}", "cpu", SIGXCPU},
		{"{'shell': 'trap \\\"\\\" XCPU; while :; do :; done', "
		 "'limits': {'cpu_seconds': 1}}",
			"cpu", SIGKILL},
		{"{'shell': 'sh -c \\\"while :; do :; done\\\"; exit $?', "
		 "'limits': {'cpu_seconds': 1}}",
			"cpu", 0},
		{"{'argv': ['sleep', '1000'], 'limits': {'wall_seconds': 1}}", "wall", SIGTERM},
		{"{'shell': 'trap \\\"exit 0\\\" TERM; while :; do sleep 0.1; done', "
		 "'limits': {'wall_seconds': 1}}",
			"wall", 0},
		{"{'shell': 'exec head -c 1000000 /dev/zero > big', "
		 "'limits': {'file_bytes': 1000}}",
			"file_bytes", SIGXFSZ},
	};

	void *places[COUNT(rows)];
	pid_t runs[COUNT(rows)];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) { /* all at once: each counts its own time */
		place_make(&places[i]);
		put_spec(places[i], rows[i].spec);
		runs[i] = run_begin(places[i], NULL);
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *end;

		assert_int_equal(run_end(runs[i]), 0);
		end = get_json(places[i], "exit.json");
		assert_text_of(end, "limit", rows[i].limit);
		if (rows[i].signal != 0)
			assert_int_equal(int_of(end, "signal"), rows[i].signal);
		json_decref(end);
		place_remove(&places[i]);
	}
}

static pid_t read_pid(const struct run_place *p, const char *name)
{
	char *text;
	long pid;

	await_lines(p, name, 1);
	text = get_place_file(p, name);
	pid = strtol(text, NULL, 10);
	free(text);
	assert_in_range(pid, 2, INT32_MAX);
	return (pid_t)pid;
}

/*
 * A script that leaves a process without parent, group and session of the tree that does not
 * heed TERM; one that is stopped; and an ordinary child. Their pids are in files.
 */
static void put_tree_script(const struct run_place *p, const char *last)
{
	char path[HELP_PATH], text[1024];

	snprintf(text, sizeof(text),
		"cat > far.sh <<'END'\n"
		"trap '' TERM HUP\n"
		"echo $$ > far\n"
		"while :; do sleep 0.05; done\n"
		"END\n"
		"(setsid sh -c 'setsid sh far.sh & exit' &)\n"
		"sh -c 'echo $$ > stopped; kill -STOP $$; sleep 1000' &\n"
		"sh -c 'echo $$ > near; exec sleep 1000' &\n"
		"while ! test -s far || ! test -s near || ! test -s stopped; do sleep 0.02; done\n"
		"%s\n",
		last);
	put_file(place_file(p, "work/tree.sh", path), text);
}

static void assert_tree_gone(const struct run_place *p)
{
	static const char *const names[] = {"work/far", "work/near", "work/stopped"};

	for (size_t i = 0; i < COUNT(names); i++)
		await_gone(read_pid(p, names[i]));
}

static void a_stop_ends_the_whole_tree(void **state)
{
	const struct run_place *p = *state;
	pid_t stranger = fork(), run;
	json_t *end;
	int fd;

	if (stranger == 0) {
		execl("/bin/sleep", "sleep", "1000", (char *)NULL);
		_exit(99);
	}
	put_tree_script(p, "echo ready > ready; exec sleep 1000");
	put_spec(p, "{'argv': ['sh', 'tree.sh'], 'grace_seconds': 1}");
	run = run_begin(p, NULL);
	await_file(p, "work/ready");
	fd = connect_to(p, "p1.ctl");
	send_text(fd, "stop\n");
	assert_int_equal(run_end(run), 0);
	assert_tree_gone(p);
	close(fd);
	end = get_json(p, "exit.json");
	assert_true(is_true(end, "cancelled"));
	assert_int_equal(int_of(end, "signal"), SIGTERM);
	json_decref(end);
	assert_int_equal(kill(stranger, 0), 0); /* who is not of the tree lives on */
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
}

static void what_the_command_leaves_behind_is_ended(void **state)
{
	const struct run_place *p = *state;
	json_t *end;

	put_tree_script(p, "exit 7");
	end = run_spec_whole(p, "{'argv': ['sh', 'tree.sh'], 'grace_seconds': 1}");
	assert_tree_gone(p);
	assert_int_equal(int_of(end, "exit_code"), 7);
	assert_null(json_object_get(end, "cancelled"));
	json_decref(end);
}

static void a_tree_that_keeps_forking_is_ended(void **state)
{
	const struct run_place *p = *state;
	char path[HELP_PATH];
	json_t *end;

	put_file(place_file(p, "work/fork.py", path),
		"import os, signal, time\n"
		"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
		"end = time.time() + 60\n"
		"if os.fork() == 0:\n"
		"    os.setsid()\n"
		"    while time.time() < end:\n"
		"        if os.fork() != 0: os._exit(0)\n"
		"        time.sleep(0.001)\n");
	end = run_spec_whole(p, "{'argv': ['/usr/bin/python3', 'fork.py'], 'grace_seconds': 0}");
	assert_int_equal(int_of(end, "exit_code"), 0);
	assert_in_range(int_of(end, "finished_ms"), 1, INT64_MAX);
	json_decref(end);
}

static void the_grace_is_given_before_the_kill(void **state)
{
	const struct run_place *p = *state;
	json_t *end;
	char *log;
	pid_t run;
	int fd;

	put_spec(p, "{'shell': 'trap \\\"echo asked; sleep 0.3; echo clean; exit 5\\\" TERM; "
		    "echo 1 > ready; while :; do sleep 0.05; done', 'grace_seconds': 30}");
	run = run_begin(p, NULL);
	await_file(p, "work/ready");
	fd = connect_to(p, "p1.ctl");
	send_text(fd, "st");
	send_text(fd, "op\n");
	assert_int_equal(run_end(run), 0);
	close(fd);
	end = get_json(p, "exit.json");
	assert_int_equal(int_of(end, "exit_code"), 5);
	assert_true(is_true(end, "cancelled"));
	log = get_place_file(p, "log.head");
	assert_has_line(log, "asked");
	free(log);
	json_decref(end);
}

/* --- who listens --- */

static void listeners_hear_the_state_and_the_end(void **state)
{
	const struct run_place *p = *state;
	char want[64], text[256] = "";
	size_t n = 0;
	ssize_t got;
	json_t *started;
	struct stat st;
	char path[HELP_PATH];
	pid_t run;
	int fd;

	put_spec(p, "{'shell': 'while ! test -e go; do sleep 0.02; done'}");
	run = run_begin(p, NULL);
	await_file(p, "started.json");
	fd = connect_to(p, "p1.ctl");
	assert_int_equal(stat(place_runtime(p, "p1.ctl", path), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	put_file(place_file(p, "work/go", path), "");
	while ((got = recv(fd, text + n, sizeof(text) - 1 - n, 0)) > 0)
		n += (size_t)got;
	assert_int_equal(got, 0);
	assert_int_equal(access(place_file(p, "exit.json", path), F_OK), 0);
	started = get_json(p, "started.json");
	snprintf(want, sizeof(want), "running %lld\n", int_of(started, "pid"));
	assert_non_null(strstr(text, want));
	json_decref(started);
	close(fd);
	assert_int_equal(run_end(run), 0);
	assert_int_equal(access(place_runtime(p, "p1.ctl", path), F_OK), -1);
}

/* Said and gone, before davit-run has even accepted the connection. */
static void a_stop_of_one_who_leaves_at_once_is_heard(void **state)
{
	const struct run_place *p = *state;
	json_t *end;
	pid_t run;

	put_spec(p, "{'shell': 'echo 1 > ready; exec sleep 1000'}");
	run = run_begin(p, NULL);
	await_file(p, "work/ready");
	kill(run, SIGSTOP);
	await_stopped(run);
	for (int i = 0; i < 5; i++) {
		int fd = connect_to(p, "p1.ctl");

		send_text(fd, "stop\n");
		close(fd);
	}
	kill(run, SIGCONT);
	assert_int_equal(run_end(run), 0);
	end = get_json(p, "exit.json");
	assert_true(is_true(end, "cancelled"));
	json_decref(end);
}

/* The daemon's stop is in the folder: that it came at all is enough. */
static void a_stop_is_seen_although_its_word_is_lost(void **state)
{
	const struct run_place *p = *state;
	char path[HELP_PATH];
	json_t *end;
	pid_t run;

	put_spec(p, "{'shell': 'echo 1 > ready; exec sleep 1000'}");
	run = run_begin(p, NULL);
	await_file(p, "work/ready");
	put_file(place_file(p, "stop", path), "");
	close(connect_to(p, "p1.ctl"));
	assert_int_equal(run_end(run), 0);
	end = get_json(p, "exit.json");
	assert_true(is_true(end, "cancelled"));
	json_decref(end);
}

static void rubbish_on_the_control_socket_does_no_harm(void **state)
{
	const struct run_place *p = *state;
	char long_line[100], path[HELP_PATH];
	int fds[40];
	json_t *end;
	pid_t run;

	put_spec(p, "{'shell': 'echo 1 > ready; while ! test -e go; do sleep 0.02; done'}");
	run = run_begin(p, NULL);
	await_file(p, "work/ready");
	memset(long_line, 's', sizeof(long_line));
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = connect_to(p, "p1.ctl");
		(void)!send(fds[i], "stopp\nnot stop\n", 15, MSG_NOSIGNAL);
		(void)!send(fds[i], long_line, sizeof(long_line), MSG_NOSIGNAL);
	}
	put_file(place_file(p, "work/go", path), "");
	assert_int_equal(run_end(run), 0);
	end = get_json(p, "exit.json");
	assert_int_equal(int_of(end, "exit_code"), 0);
	assert_null(json_object_get(end, "cancelled"));
	json_decref(end);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
}

/* --- the log --- */

static void the_log_is_readable_while_it_grows(void **state)
{
	const struct run_place *p = *state;
	char path[HELP_PATH];
	char *log;
	pid_t run;

	put_spec(p,
		"{'shell': 'echo first; echo oops >&2; while ! test -e go; do sleep 0.02; done; "
		"printf last', 'notes': ['a note']}");
	run = run_begin(p, NULL);
	await_lines(p, "log.head", 3);
	log = get_place_file(p, "log.head");
	assert_string_equal(log, "a note\nfirst\noops\n");
	free(log);
	put_file(place_file(p, "work/go", path), "");
	assert_int_equal(run_end(run), 0);
	log = get_place_file(p, "log.head");
	assert_string_equal(log, "a note\nfirst\noops\nlast");
	free(log);
}

static void output_of_the_whole_tree_is_kept_to_its_end(void **state)
{
	const struct run_place *p = *state;
	json_t *end = run_spec_whole(p, "{'shell': 'trap \\\"\\\" TERM; (setsid sh -c \\\"trap "
					": TERM; sleep 0.3; echo late\\\" &); sleep 0.1; "
					"echo early', 'grace_seconds': 20}");
	char *log = get_place_file(p, "log.head");

	assert_int_equal(int_of(end, "exit_code"), 0);
	assert_has_line(log, "early");
	assert_has_line(log, "late");
	free(log);
	json_decref(end);
}

/* --- the program itself --- */

static void the_program_needs_only_small_libraries(void **state)
{
	static const char *const banned[] = {
		"libcrypto", "libssl", "libcurl", "libsqlite3", "libmicrohttpd", "libgnutls"};
	char text[4096];
	size_t n;
	FILE *out;

	(void)state;
	/* NOLINTNEXTLINE(cert-env33-c, bugprone-command-processor): a fixed command */
	out = popen("LD_TRACE_LOADED_OBJECTS=1 " DAVIT_RUN, "r");
	assert_non_null(out);
	n = fread(text, 1, sizeof(text) - 1, out);
	text[n] = '\0';
	pclose(out);
	assert_non_null(strstr(text, "libjansson"));
	for (size_t i = 0; i < COUNT(banned); i++) {
		if (strstr(text, banned[i]) != NULL)
			fail_msg("davit-run needs %s", banned[i]);
	}
}

static void wrong_arguments_are_refused(void **state)
{
	static const char *const rows[] = {
		"", "relative /tmp", "/tmp relative", "/tmp", "/tmp /tmp x", "--cgroup off /tmp"};
	char command[HELP_PATH];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(command, sizeof(command), DAVIT_RUN " %s 2>/dev/null", rows[i]);
		/* NOLINTNEXTLINE(cert-env33-c, concurrency-mt-unsafe) */
		assert_int_equal(WEXITSTATUS(system(command)), 2);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(the_environment_is_forgotten_once_the_command_runs),
		TEST(the_environment_of_a_server_is_forgotten_at_its_end),
		TEST(what_never_ran_forgets_its_environment_too),
		TEST(the_environment_is_what_was_given_and_documented),
		TEST(no_descriptor_signal_or_mask_is_inherited),
		TEST(it_has_a_session_and_group_of_its_own),
		TEST(limits_are_applied_and_recorded),
		TEST(a_limit_that_cannot_be_applied_is_told),
		TEST(a_missing_program_is_told_in_record_and_log),
		TEST(a_missing_folder_is_told_in_record_and_log),
		cmocka_unit_test(the_end_is_recorded_as_it_was),
		cmocka_unit_test(the_limit_that_ended_it_is_named),
		TEST(a_stop_ends_the_whole_tree),
		TEST(what_the_command_leaves_behind_is_ended),
		TEST(a_tree_that_keeps_forking_is_ended),
		TEST(the_grace_is_given_before_the_kill),
		TEST(listeners_hear_the_state_and_the_end),
		TEST(a_stop_of_one_who_leaves_at_once_is_heard),
		TEST(a_stop_is_seen_although_its_word_is_lost),
		TEST(rubbish_on_the_control_socket_does_no_harm),
		TEST(the_log_is_readable_while_it_grows),
		TEST(output_of_the_whole_tree_is_kept_to_its_end),
		cmocka_unit_test(the_program_needs_only_small_libraries),
		cmocka_unit_test(wrong_arguments_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of spawn: a program gets what it was given and nothing else, and is nobody's child. */
#include "platform/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/thread.h"
#include "support/scratch.h"
#include "unit/cmocka.h"

#define LONG_MS 60000

static char dir[SCRATCH_SIZE];

static int open_dir(void **state)
{
	(void)state;
	scratch_open(dir);
	return 0;
}

static int close_dir(void **state)
{
	(void)state;
	scratch_close(dir);
	return 0;
}

static bool file_is_there(void *path)
{
	return access(path, F_OK) == 0;
}

/* Starts the witness and returns what it wrote down. */
static void hear_witness(const char *name, int stderr_fd, char *text, size_t size)
{
	char out[512], stop[512];
	const char *const argv[] = {WITNESS, out, stop, NULL};
	const char *const env[] = {"ONE=1", "TWO=two words", NULL};
	struct fail f = {0};

	snprintf(out, sizeof(out), "%s/%s", dir, name);
	snprintf(stop, sizeof(stop), "%s/%s.stop", dir, name);
	if (!spawn_detached(argv, env, dir, stderr_fd, &f))
		fail_msg("%s", f.text);
	assert_true(scratch_await(file_is_there, out, LONG_MS));
	assert_true(scratch_read(dir, name, text, size));
}

static void dismiss_witness(const char *name)
{
	char stop[64];

	snprintf(stop, sizeof(stop), "%s.stop", name);
	scratch_write(dir, stop, "");
}

static long number_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	assert_non_null(at);
	return strtol(at + strlen(word), NULL, 10);
}

static size_t count_of(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
		n++;
	return n;
}

static void a_program_inherits_nothing(void **state)
{
	char text[4096];
	int leaked[3];
	sigset_t mask, before;

	(void)state;
	/* What a careless parent has: open descriptors without close-on-exec, blocked and
	 * ignored signals, an environment. */
	for (size_t i = 0; i < COUNT(leaked); i++)
		leaked[i] = open("/dev/zero", O_RDONLY); /* NOLINT(android-cloexec-open) */
	assert_true(leaked[0] >= 3);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &mask, &before);
	signal(SIGPIPE, SIG_IGN);
	hear_witness("inherits", -1, text, sizeof(text));
	signal(SIGPIPE, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; i < COUNT(leaked); i++)
		close(leaked[i]);
	assert_int_equal(count_of(text, "fd "), 3);
	assert_int_equal(count_of(text, " /dev/null\n"), 3);
	assert_int_equal(number_after(text, "blocked "), 0);
	assert_int_equal(number_after(text, "ignored "), 0);
	assert_int_equal(count_of(text, "env "), 2);
	assert_non_null(strstr(text, "env ONE=1\n"));
	assert_non_null(strstr(text, "env TWO=two words\n"));
	dismiss_witness("inherits");
}

static void a_program_runs_in_its_folder_and_a_session_of_its_own(void **state)
{
	char text[4096], cwd[SCRATCH_SIZE + 8];

	(void)state;
	hear_witness("session", -1, text, sizeof(text));
	snprintf(cwd, sizeof(cwd), "cwd %s\n", dir);
	assert_non_null(strstr(text, cwd));
	assert_int_not_equal(number_after(text, "sid "), getsid(0));
	dismiss_witness("session");
}

static void a_program_is_not_our_child(void **state)
{
	char text[4096];
	pid_t pid;

	(void)state;
	hear_witness("orphan", -1, text, sizeof(text));
	pid = (pid_t)number_after(text, "pid ");
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	dismiss_witness("orphan");
}

static void standard_error_goes_where_we_say(void **state)
{
	/* Also a descriptor whose number the child needs for itself. */
	static const int numbers[] = {3, 9, 40};

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		char text[4096], said[64], name[32], log[64];
		int fd;

		snprintf(name, sizeof(name), "error%zu", i);
		snprintf(log, sizeof(log), "%s.log", name);
		scratch_write(dir, log, "");
		fd = open(scratch_path(dir, log), O_WRONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(dup2(fd, numbers[i]), numbers[i]);
		hear_witness(name, numbers[i], text, sizeof(text));
		assert_int_equal(count_of(text, "fd "), 3);
		assert_int_equal(count_of(text, " /dev/null\n"), 2);
		assert_true(scratch_read(dir, log, said, sizeof(said)));
		assert_string_equal(said, "witness speaks\n");
		if (fd != numbers[i])
			close(numbers[i]);
		close(fd);
		dismiss_witness(name);
	}
}

static void a_program_that_cannot_start_says_why(void **state)
{
	static const struct {
		const char *program, *cwd;
		enum fail_code code;
		const char *text;
	} rows[] = {
		{"/nowhere/program", "/", FAIL_NOT_FOUND,
			"start /nowhere/program: the program: No such file"},
		{"/etc/passwd", "/", FAIL_INTERNAL,
			"start /etc/passwd: the program: Permission denied"},
		{"/", "/", FAIL_INTERNAL, "start /: the program: Permission denied"},
		{"/bin/true", "/nowhere", FAIL_NOT_FOUND,
			"start /bin/true in folder /nowhere: No such file"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *const argv[] = {rows[i].program, NULL};
		const char *const env[] = {NULL};
		struct fail f = {0};

		assert_false(spawn_detached(argv, env, rows[i].cwd, -1, &f));
		assert_int_equal(f.code, rows[i].code);
		if (strstr(f.text, rows[i].text) != f.text)
			fail_msg("\"%s\" does not begin with \"%s\"", f.text, rows[i].text);
	}
}

static void no_descriptor_is_left_open_in_us(void **state)
{
	const char *const bad[] = {"/nowhere/program", NULL};
	const char *const good[] = {"/bin/true", NULL};
	const char *const env[] = {NULL};
	int before = dup(0), after;

	(void)state;
	close(before);
	for (int i = 0; i < 3; i++) {
		assert_false(spawn_detached(bad, env, "/", 2, NULL));
		assert_true(spawn_detached(good, env, "/", 2, NULL));
	}
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

static void start_some(void *arg)
{
	const char *const argv[] = {"/bin/true", NULL};
	const char *const env[] = {NULL};
	int *worked = arg;

	for (int i = 0; i < 10; i++) {
		void *held = malloc(1000); /* the heap's lock is often taken when others fork */

		*worked += spawn_detached(argv, env, "/", -1, NULL);
		free(held);
	}
}

static void many_threads_may_start_programs(void **state)
{
	struct thread threads[4];
	int worked[COUNT(threads)] = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_true(thread_start(&threads[i], "start", 0, start_some, &worked[i], NULL));
	for (size_t i = 0; i < COUNT(threads); i++) {
		thread_join(&threads[i]);
		assert_int_equal(worked[i], 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_inherits_nothing),
		cmocka_unit_test(a_program_runs_in_its_folder_and_a_session_of_its_own),
		cmocka_unit_test(a_program_is_not_our_child),
		cmocka_unit_test(standard_error_goes_where_we_say),
		cmocka_unit_test(a_program_that_cannot_start_says_why),
		cmocka_unit_test(no_descriptor_is_left_open_in_us),
		cmocka_unit_test(many_threads_may_start_programs),
	};

	return cmocka_run_group_tests(tests, open_dir, close_dir);
}

/* Tests of shield: a process that crashes leaves nothing, and its programs are as usual. */
#include "platform/shield.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/cmocka.h"

static int in_child(void (*what)(void))
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void crash(void)
{
	const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};

	(void)setrlimit(RLIMIT_CORE, &any);
	shield_process();
	(void)signal(SIGQUIT, SIG_DFL);
	(void)raise(SIGQUIT);
}

static void a_crash_leaves_no_core(void **state)
{
	int status = in_child(crash);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT);
	assert_false(WCOREDUMP(status));
}

static void look(void)
{
	struct rlimit before, after;

	(void)getrlimit(RLIMIT_CORE, &before);
	shield_process();
	(void)getrlimit(RLIMIT_CORE, &after);
	if (prctl(PR_GET_DUMPABLE) != 0 || after.rlim_cur != 0 || after.rlim_max != before.rlim_max)
		_exit(1);
}

static void nobody_looks_into_it_and_the_hard_limit_stays(void **state)
{
	(void)state;
	assert_int_equal(in_child(look), 0);
}

static void start_program(void)
{
	shield_process();
	/* Its files below /proc are its user's again. */
	(void)execl("/bin/sh", "sh", "-c", "test -r /proc/self/environ && test -O /proc/$$/maps",
		(char *)NULL);
	_exit(127);
}

static void a_program_it_starts_is_as_usual(void **state)
{
	(void)state;
	assert_int_equal(in_child(start_program), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_leaves_no_core),
		cmocka_unit_test(nobody_looks_into_it_and_the_hard_limit_stays),
		cmocka_unit_test(a_program_it_starts_is_as_usual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

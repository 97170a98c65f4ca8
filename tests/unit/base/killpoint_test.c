/* base/killpoint: a process dies where it was told to, and tells what it passed. */
#include "base/killpoint.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void pass_points(void)
{
	killpoint_open();
	KILLPOINT("first", "one %d", 1);
	KILLPOINT("second", "GET x");
	KILLPOINT("second", "POST x");
	KILLPOINT("second", "POST x");
}

/* The signal that ends a process with such a variable in its environment; 0: none did. */
static int ends_by(const char *variable, const char *value)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		(void)setenv(variable, value, 1);
		pass_points();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void nobody_dies_who_was_not_told_to(void **state)
{
	(void)state;
	assert_int_equal(ends_by("DAVIT_OTHER", "first"), 0);
	assert_int_equal(ends_by("DAVIT_KILL", "firs"), 0);
	assert_int_equal(ends_by("DAVIT_KILL", "first@two"), 0);
	assert_int_equal(ends_by("DAVIT_KILL", "second:4"), 0);
	assert_int_equal(ends_by("DAVIT_KILL", "second:2@GET"), 0);
}

static void it_dies_at_the_point_at_its_time_with_its_text(void **state)
{
	(void)state;
	assert_int_equal(ends_by("DAVIT_KILL", "first"), SIGKILL);
	assert_int_equal(ends_by("DAVIT_KILL", "first@one 1"), SIGKILL);
	assert_int_equal(ends_by("DAVIT_KILL", "second:3"), SIGKILL);
	assert_int_equal(ends_by("DAVIT_KILL", "second:2@POST"), SIGKILL);
}

static void a_file_arms_it_and_keeps_what_was_passed(void **state)
{
	char path[] = "/tmp/davit-killpoint.XXXXXX";
	int fd = mkstemp(path);
	struct killpoint_file *file;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, KILLPOINT_FILE_SIZE), 0);
	file = mmap(NULL, sizeof(*file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(file != MAP_FAILED);
	assert_int_equal(ends_by("DAVIT_KILL_FILE", path), 0);
	assert_string_equal(
		file->trace, "first one 1\nsecond GET x\nsecond POST x\nsecond POST x\n");
	memset(file, 0, sizeof(*file));
	strcpy(file->spec, "second@POST");
	atomic_store(&file->armed, 1);
	assert_int_equal(ends_by("DAVIT_KILL_FILE", path), SIGKILL);
	assert_string_equal(file->trace, "first one 1\nsecond GET x\nsecond POST x\ndies\n");
	assert_int_equal(atomic_load(&file->used), strlen(file->trace));
	assert_int_equal(munmap(file, sizeof(*file)), 0);
	(void)close(fd);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_dies_who_was_not_told_to),
		cmocka_unit_test(it_dies_at_the_point_at_its_time_with_its_text),
		cmocka_unit_test(a_file_arms_it_and_keeps_what_was_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

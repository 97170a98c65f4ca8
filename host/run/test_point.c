/* Dying or stopping on purpose, once, where a file in the runtime folder says so. */
#include "run/test_point.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char file[PATH_MAX];

void test_point_dir(const char *runtime_dir)
{
	snprintf(file, sizeof(file), "%.*s/test-point", PATH_MAX - 16, runtime_dir);
}

void test_point(const char *name)
{
	char text[64] = "", want[64];
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	snprintf(want, sizeof(want), "%s kill", name);
	if (strcmp(text, want) == 0 && unlink(file) == 0)
		kill(getpid(), SIGKILL);
	snprintf(want, sizeof(want), "%s stop", name);
	if (strcmp(text, want) == 0 && unlink(file) == 0)
		kill(getpid(), SIGSTOP);
}

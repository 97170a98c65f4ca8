/* A child that we talk to over one socket, by posix_spawn(). */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/posix/clean_spawn.h"
#include "platform/spawn.h"

#define HIGH_FD 10 /* our own descriptor is out of the way of theirs */
#define SOCKET  (STDERR_FILENO + 1)

static int set_streams(posix_spawn_file_actions_t *actions, int socket)
{
	int err = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (err == 0)
		err = posix_spawn_file_actions_addopen(
			actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
#ifndef DAVIT_TESTING /* a sanitizer's last words are for the log of the test */
	if (err == 0)
		err = posix_spawn_file_actions_addopen(
			actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
#endif
	if (err == 0)
		err = posix_spawn_file_actions_adddup2(actions, socket, SOCKET);
	return err;
}

bool spawn_child(const char *const argv[], const char *const env[], int socket, pid_t *ret_pid,
	struct fail *f)
{
	int high = fcntl(socket, F_DUPFD_CLOEXEC, HIGH_FD);
	const struct clean_spawn child = {.argv = argv,
		.env = env,
		.group = POSIX_SPAWN_SETPGROUP,
		.streams = set_streams,
		.fd = high,
		.keep = SOCKET + 1};
	int err = high < 0 ? errno : clean_spawn(&child, ret_pid);

	if (high >= 0)
		(void)close(high);
	return err == 0 || fail_errno(f, err, "start %s", argv[0]);
}

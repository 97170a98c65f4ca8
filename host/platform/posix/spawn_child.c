/* A child that we talk to over one socket, by posix_spawn(). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "base/fail.h"
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
	if (err == 0)
		err = posix_spawn_file_actions_addclosefrom_np(actions, SOCKET + 1);
	if (err == 0)
		err = posix_spawn_file_actions_addchdir_np(actions, "/");
	return err;
}

static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t all, none;
	int err;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	err = posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (err == 0)
		err = posix_spawnattr_setsigdefault(attributes, &all);
	if (err == 0)
		err = posix_spawnattr_setsigmask(attributes, &none);
	return err;
}

static int spawn(const char *const argv[], const char *const env[], int socket, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int err = posix_spawn_file_actions_init(&actions);

	if (err != 0)
		return err;
	err = posix_spawnattr_init(&attributes);
	if (err == 0) {
		err = set_streams(&actions, socket);
		if (err == 0)
			err = set_signals(&attributes);
		if (err == 0) /* which writes to neither array */
			err = posix_spawn(ret_pid, argv[0], &actions, &attributes,
				(char *const *)argv, (char *const *)env);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return err;
}

bool spawn_child(const char *const argv[], const char *const env[], int socket, pid_t *ret_pid,
	struct fail *f)
{
	int high = fcntl(socket, F_DUPFD_CLOEXEC, HIGH_FD);
	int err = high < 0 ? errno : spawn(argv, env, high, ret_pid);

	if (high >= 0)
		(void)close(high);
	return err == 0 || fail_errno(f, err, "start %s", argv[0]);
}

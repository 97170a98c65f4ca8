/*
 * Locks by flock(): they belong to the open file, so that a descriptor handed to another
 * process, by exec or over a socket, carries the lock with it.
 */
#include "platform/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"

#define TRIES      2000
#define PAUSE_NS   1000000
#define FILE_TRIES 5

static int flock_retry(int fd, int operation)
{
	int rc;

	do
		rc = flock(fd, operation);
	while (rc != 0 && errno == EINTR);
	return rc == 0 ? 0 : errno;
}

/*
 * Holders have the lock for themselves, lock_held() shares it for a moment. So where we cannot
 * have it but could share it nobody holds it: somebody only looked, and we try again.
 */
static int take(int fd)
{
	static const struct timespec pause = {0, PAUSE_NS};
	int err = EWOULDBLOCK;

	for (int i = 0; i < TRIES; i++) {
		int shared;

		err = flock_retry(fd, LOCK_EX | LOCK_NB);
		if (err != EWOULDBLOCK)
			return err;
		shared = flock_retry(fd, LOCK_SH | LOCK_NB);
		if (shared != 0)
			return shared;
		flock_retry(fd, LOCK_UN);
		nanosleep(&pause, NULL);
	}
	return err;
}

static int64_t read_pid(int fd)
{
	char text[24] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	int64_t pid = n > 0 ? strtoll(text, NULL, 10) : 0;

	return pid > 0 ? pid : 0;
}

bool lock_sign(int fd, struct fail *f)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64 "\n", (int64_t)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return fail_errno(f, errno, "write the process id into the lock");
	return true;
}

static bool refuse(int fd, const char *path, int64_t *ret_pid, struct fail *f)
{
	int64_t pid = read_pid(fd);

	if (ret_pid != NULL)
		*ret_pid = pid;
	if (pid == 0)
		return fail_set(f, FAIL_CONFLICT, "%s is held by another process", path);
	return fail_set(f, FAIL_CONFLICT, "%s is held by process %" PRId64, path, pid);
}

/* False when the file was deleted or replaced since it was opened: that lock locks nothing. */
static bool is_current(int fd, const char *path)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
	       ours.st_dev == theirs.st_dev;
}

static bool take_open(int fd, const char *path, int64_t *ret_pid, struct fail *f)
{
	int err = take(fd);

	if (err == EWOULDBLOCK)
		return refuse(fd, path, ret_pid, f);
	if (err != 0)
		return fail_errno(f, err, "lock %s", path);
	if (!lock_sign(fd, f))
		return fail_wrap(f, "%s", path);
	return true;
}

bool lock_take(const char *path, int *ret_fd, int64_t *ret_pid, struct fail *f)
{
	for (int i = 0; i < FILE_TRIES; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return fail_errno(f, errno, "open %s", path);
		if (!take_open(fd, path, ret_pid, f)) {
			close(fd);
			return false;
		}
		if (is_current(fd, path)) {
			*ret_fd = fd;
			return true;
		}
		close(fd);
	}
	return fail_set(f, FAIL_CONFLICT, "%s is replaced again and again", path);
}

bool lock_held(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool held;

	if (fd < 0)
		return false;
	held = flock_retry(fd, LOCK_SH | LOCK_NB) == EWOULDBLOCK;
	close(fd);
	return held;
}

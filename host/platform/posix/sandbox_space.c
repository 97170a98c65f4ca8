/*
 * Namespaces of a worker. Whether they are allowed shows only by trying, and what was half done
 * cannot be undone: hence the first try in a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/posix/sandbox_part.h"
#include "platform/posix/sys.h"

#define SPACES (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

static bool put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err;
	bool good;

	if (fd < 0)
		return false;
	good = sys_write(fd, text, strlen(text));
	err = errno;
	close(fd);
	errno = err;
	return good;
}

static bool put_map(const char *path, unsigned int id)
{
	char line[48];

	snprintf(line, sizeof(line), "%u %u 1", id, id);
	return put_text(path, line);
}

int sandbox_map_ids(unsigned int uid, unsigned int gid)
{
	if (!put_text("/proc/self/setgroups", "deny") && errno != ENOENT)
		return errno;
	return put_map("/proc/self/uid_map", uid) && put_map("/proc/self/gid_map", gid) ? 0 : errno;
}

int sandbox_in_child(int (*attempt)(const void *arg), const void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(attempt(arg) & 0xff);
	if (pid < 0)
		return errno;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

static int enter(const void *arg)
{
	const bool *user = arg;
	unsigned int uid = geteuid(), gid = getegid();

	if (unshare(SPACES | (*user ? CLONE_NEWUSER : 0)) != 0)
		return errno;
	return *user ? sandbox_map_ids(uid, gid) : 0;
}

static bool took(bool user, const char *text, int *ret_err, struct sandbox_level *level)
{
	*ret_err = sandbox_in_child(enter, &user);
	if (*ret_err == 0)
		*ret_err = enter(&user);
	if (*ret_err == 0)
		sandbox_note(level, SANDBOX_NAMESPACES, SANDBOX_FULL, "%s", text);
	return *ret_err == 0;
}

/* Where user namespaces are forbidden, root may still have the others. */
void sandbox_namespaces(struct sandbox_level *level)
{
	int err;

	if (took(true, "user, net, ipc", &err, level))
		return;
	if (geteuid() == 0 && took(false, "net, ipc", &err, level))
		return;
	sandbox_note(level, SANDBOX_NAMESPACES, SANDBOX_NONE, "none (%s)", strerrordesc_np(err));
}

/* A child by posix_spawn(), its output by a pipe that is polled until the time is up. */
#include "platform/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/posix/clean_spawn.h"

#define LOOK_MS 50 /* between two looks at stopped(), or at an end */

struct child {
	const struct capture *c;
	pid_t pid;
	int fd;
	int64_t until;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int set_streams(posix_spawn_file_actions_t *actions, int out)
{
	int err = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (err == 0)
		err = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
	if (err == 0)
		err = posix_spawn_file_actions_addopen(
			actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	return err;
}

static int spawn(struct child *child, int out)
{
	const struct clean_spawn s = {.argv = child->c->argv,
		.env = child->c->env,
		.group = POSIX_SPAWN_SETSID,
		.streams = set_streams,
		.fd = out,
		.keep = STDERR_FILENO + 1};

	return clean_spawn(&s, &child->pid);
}

static bool begin(struct child *child, struct fail *f)
{
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail_errno(f, errno, "it cannot be started: a pipe");
	err = spawn(child, ends[1]);
	(void)close(ends[1]);
	if (err != 0) {
		(void)close(ends[0]);
		return fail_errno(f, err, "it cannot be started");
	}
	child->fd = ends[0];
	return true;
}

static bool in_time(const struct child *child, struct fail *f)
{
	const struct capture *c = child->c;

	if (now_ms() >= child->until)
		return fail_set(
			f, FAIL_DEADLINE, "it took longer than %lld ms", (long long)c->timeout_ms);
	if (c->stopped != NULL && c->stopped(c->ctx))
		return fail_set(f, FAIL_DEADLINE, "it was stopped");
	return true;
}

/* More of the output; *ret_end: there is no more. */
static bool read_more(const struct child *child, char *bytes, size_t room, size_t *n, bool *ret_end,
	struct fail *f)
{
	struct pollfd wanted = {.fd = child->fd, .events = POLLIN};
	ssize_t got;

	if (poll(&wanted, 1, LOOK_MS) <= 0)
		return true;
	got = read(child->fd, bytes + *n, room - *n);
	if (got < 0)
		return errno == EINTR || fail_errno(f, errno, "its output cannot be read");
	*ret_end = got == 0;
	*n += (size_t)got;
	return *n < room || fail_set(f, FAIL_TOO_LARGE, "it prints more than %zu bytes", room - 1);
}

static bool read_output(
	const struct child *child, char *bytes, size_t room, size_t *ret_n, struct fail *f)
{
	size_t n = 0;
	bool end = false;

	while (!end) {
		if (!in_time(child, f) || !read_more(child, bytes, room, &n, &end, f))
			return false;
	}
	bytes[n] = '\0';
	*ret_n = n;
	return true;
}

/* Its output is closed; it should end now. */
static bool await_end(const struct child *child, bool *ret_reaped, struct fail *f)
{
	static const struct timespec pause = {0, 2000000L};
	int status = 0;
	pid_t got;

	while ((got = waitpid(child->pid, &status, WNOHANG)) == 0) {
		if (!in_time(child, f))
			return false;
		(void)nanosleep(&pause, NULL);
	}
	*ret_reaped = true;
	if (got < 0)
		return fail_errno(f, errno, "its end cannot be known");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFEXITED(status))
		return fail_set(f, FAIL_UPSTREAM, "it ended with %d", WEXITSTATUS(status));
	return fail_set(f, FAIL_UPSTREAM, "signal %d ended it", WTERMSIG(status));
}

bool capture_run(const struct capture *c, char *bytes, size_t room, size_t *ret_n, struct fail *f)
{
	struct child child = {.c = c, .until = now_ms() + c->timeout_ms};
	bool reaped = false;
	bool ok;

	if (!begin(&child, f))
		return false;
	ok = read_output(&child, bytes, room, ret_n, f) && await_end(&child, &reaped, f);
	if (!reaped) {
		(void)kill(-child.pid, SIGKILL);
		while (waitpid(child.pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	(void)close(child.fd);
	return ok;
}

/*
 * Starting a program that owes us nothing: fork, setsid, fork again, exec.
 *
 * Both forks are vfork(): copying the page tables of the daemon costs more than all else here,
 * and every thread of it pays for the pages that are then written again. The children use our
 * memory while the calling thread stands still, so they only make async-signal-safe calls, on
 * memory that was ready before, and leave nothing behind but errno. All signals are blocked
 * around the forks: none of our handlers runs in a child. A failure in the child comes back
 * through a pipe that a successful exec closes.
 */
#include "platform/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/posix/sys.h"

#define WAIT_MS 30000 /* for the exec; only a dead file system takes long */
#define HIGH_FD 10    /* our own descriptors move out of the way of 0 to 3 */
#define REPORT  3     /* where the program's side of the pipe ends up */

/* Sanitizers keep the return address of one vfork() per thread; ours is nested. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FORK fork
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FORK fork
#endif
#endif
#ifndef FORK
#define FORK vfork
#endif

enum step {
	STEP_FORK,
	STEP_STREAMS,
	STEP_CWD,
	STEP_EXEC
};

struct report { /* what the child writes when it cannot go on */
	enum step step;
	int err;
};

struct plan {
	const char *const *argv;
	const char *const *env;
	const char *cwd;
	int stderr_fd; /* at least HIGH_FD, or -1 */
	int report_fd; /* at least HIGH_FD */
	int fd_limit;  /* for kernels without close_range() */
};

_Noreturn static void give_up(int fd, enum step step)
{
	struct report report = {step, errno};

	if (!sys_write(fd, &report, sizeof(report)))
		_exit(126); /* nobody listens */
	_exit(127);
}

static bool set_streams(const struct plan *p)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return false;
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (null != fd && dup2(null, fd) < 0)
			return false;
	}
	return p->stderr_fd < 0 || dup2(p->stderr_fd, STDERR_FILENO) >= 0;
}

/* All but the streams and the pipe, which closes itself on exec. */
static bool close_others(const struct plan *p)
{
	if (dup3(p->report_fd, REPORT, O_CLOEXEC) < 0)
		return false;
	if (close_range(REPORT + 1, UINT_MAX, 0) == 0)
		return true;
	for (int fd = REPORT + 1; fd < p->fd_limit; fd++)
		close(fd);
	return true;
}

static void reset_signals(void)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &standard, NULL); /* KILL, STOP and libc's own refuse: fine */
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void become(const struct plan *p)
{
	if (!set_streams(p))
		give_up(p->report_fd, STEP_STREAMS);
	if (!close_others(p))
		give_up(p->report_fd, STEP_STREAMS);
	if (chdir(p->cwd) != 0)
		give_up(REPORT, STEP_CWD);
	reset_signals();
	/* execve() takes the arrays as they are and writes to neither. */
	execve(p->argv[0], (char *const *)p->argv, (char *const *)p->env);
	give_up(REPORT, STEP_EXEC);
}

/* In the first child: its own child is nobody's, as soon as this one is gone. */
_Noreturn static void fork_again(const struct plan *p)
{
	pid_t pid;

	setsid();
	pid = FORK(); // NOLINT(clang-analyzer-security.insecureAPI.vfork): see above
	if (pid < 0)
		give_up(p->report_fd, STEP_FORK);
	if (pid == 0)
		become(p); // NOLINT(clang-analyzer-unix.Vfork): see above
	_exit(0);
}

static int fork_detached(const struct plan *p)
{
	sigset_t all, before;
	pid_t pid;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = FORK(); // NOLINT(clang-analyzer-security.insecureAPI.vfork): see above
	if (pid == 0)
		fork_again(p); // NOLINT(clang-analyzer-unix.Vfork): see above
	err = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return err;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Bytes of a report, 0 when the exec closed the pipe, -1 with errno. */
static ssize_t await_report(int fd, struct report *report)
{
	int64_t end = now_ms() + WAIT_MS;
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int ready;

	do {
		int64_t left = end - now_ms();

		ready = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0 ? read(fd, report, sizeof(*report)) : -1;
}

static bool read_outcome(int fd, const struct plan *p, struct fail *f)
{
	static const char *const steps[] = {
		[STEP_FORK] = "a second process",
		[STEP_STREAMS] = "its streams",
		[STEP_CWD] = "its folder",
		[STEP_EXEC] = "the program",
	};
	struct report report = {STEP_EXEC, 0};
	ssize_t n = await_report(fd, &report);

	if (n == 0)
		return true;
	if (n == (ssize_t)sizeof(report) && report.step == STEP_CWD)
		return fail_errno(f, report.err, "start %s in folder %s", p->argv[0], p->cwd);
	if (n == (ssize_t)sizeof(report))
		return fail_errno(f, report.err, "start %s: %s", p->argv[0], steps[report.step]);
	return fail_errno(f, n < 0 ? errno : EIO, "start %s", p->argv[0]);
}

/* A copy of fd that is out of the way, or -1. */
static int copy_high(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
}

static int fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
		return INT_MAX;
	return (int)limit.rlim_cur;
}

/* Forks with the pipe's writing end; *ret_fd is the reading end. */
static int start(struct plan *p, int *ret_fd)
{
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	p->report_fd = copy_high(ends[1]);
	err = p->report_fd < 0 ? errno : fork_detached(p);
	close(ends[1]);
	if (p->report_fd >= 0)
		close(p->report_fd);
	if (err != 0)
		close(ends[0]);
	else
		*ret_fd = ends[0];
	return err;
}

bool spawn_detached(const char *const argv[], const char *const env[], const char *cwd,
	int stderr_fd, struct fail *f)
{
	struct plan p = {.argv = argv, .env = env, .cwd = cwd, .stderr_fd = -1};
	int err = 0, fd = -1;
	bool good;

	p.fd_limit = fd_limit();
	if (stderr_fd >= 0) {
		p.stderr_fd = copy_high(stderr_fd);
		err = p.stderr_fd < 0 ? errno : 0;
	}
	if (err == 0)
		err = start(&p, &fd);
	if (p.stderr_fd >= 0)
		close(p.stderr_fd);
	if (err != 0)
		return fail_errno(f, err, "start %s", argv[0]);
	good = read_outcome(fd, &p, f);
	close(fd);
	return good;
}

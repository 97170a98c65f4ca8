/*
 * Walking /proc. The list is a picture of one moment; who is a descendant in it stays one, but
 * may be gone when its turn comes and its number another's. Our own children keep their number
 * until we wait for them; all others are held by a pidfd whose start time is compared.
 */
#include "run/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STAT_SIZE  1024
#define FREEZE_MAX 16 /* rounds against a tree that forks faster than it is stopped */

struct process {
	pid_t pid;
	pid_t parent;
	char state;
	long threads;
	unsigned long long start;
};

struct processes {
	struct process *p;
	size_t n, cap;
};

/* Reads the members of /proc/PID/stat behind the name, which may hold any byte. */
static bool parse_stat(const char *text, struct process *ret)
{
	/* 3 state, 4 parent, …, 20 threads, 21, 22 start time */
	static const char format[] = " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
				     "%*d %*d %ld %*d %llu";
	const char *at = strrchr(text, ')');

	return at != NULL &&
	       sscanf(at + 1, format, &ret->state, &ret->parent, &ret->threads, &ret->start) == 4;
}

static bool read_process(int proc, pid_t pid, struct process *ret)
{
	char name[32], text[STAT_SIZE];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "%ld/stat", (long)pid);
	fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	ret->pid = pid;
	return parse_stat(text, ret);
}

static bool keep(struct processes *all, const struct process *p)
{
	if (all->n == all->cap) {
		size_t cap = all->cap == 0 ? 256 : all->cap * 2;
		struct process *grown = realloc(all->p, cap * sizeof(*grown));

		if (grown == NULL)
			return false;
		all->p = grown;
		all->cap = cap;
	}
	all->p[all->n++] = *p;
	return true;
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static bool of_user(int proc, const char *name, uid_t uid)
{
	struct stat st;

	return fstatat(proc, name, &st, 0) == 0 && st.st_uid == uid;
}

/* All processes, or all of one user, ordered by number. The caller frees all->p. */
static void list(int proc, struct processes *all, const uid_t *uid)
{
	int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct process p;

	*all = (struct processes){0};
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own DIR */
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (uid != NULL && !of_user(proc, entry->d_name, *uid))
			continue;
		if (read_process(proc, (pid_t)strtol(entry->d_name, NULL, 10), &p) &&
			!keep(all, &p))
			break;
	}
	closedir(dir);
	if (all->n > 0)
		qsort(all->p, all->n, sizeof(*all->p), by_pid);
}

static const struct process *find(const struct processes *all, pid_t pid)
{
	struct process key = {.pid = pid};

	return all->n == 0 ? NULL : bsearch(&key, all->p, all->n, sizeof(key), by_pid);
}

/* The picture is not taken at once, so that a number reused meanwhile could close a circle. */
static bool is_descendant(const struct processes *all, const struct process *p, pid_t root)
{
	for (size_t steps = 0; p != NULL && steps <= all->n; steps++) {
		if (p->parent == root)
			return true;
		p = find(all, p->parent);
	}
	return false;
}

static bool signal_child(pid_t pid, int sig)
{
	return kill(pid, sig) == 0;
}

static bool signal_distant(int proc, const struct process *p, int sig)
{
	int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	struct process now;
	bool told;

	if (fd < 0)
		return false; /* gone, or an old kernel: told when it is our child */
	told = read_process(proc, p->pid, &now) && now.start == p->start &&
	       syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) == 0;
	close(fd);
	return told;
}

static bool is_dead(const struct process *p)
{
	return p->state == 'Z' || p->state == 'X';
}

/* Sends sig to all descendants; those stopped already only if stopped_too. */
static size_t signal_all(int sig, bool stopped_too)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t self = getpid();
	struct processes all;
	size_t told = 0;

	if (proc < 0)
		return 0;
	list(proc, &all, NULL);
	for (size_t i = 0; i < all.n; i++) {
		const struct process *p = &all.p[i];

		if (is_dead(p) || (p->state == 'T' && !stopped_too) ||
			!is_descendant(&all, p, self))
			continue;
		if (p->parent == self ? signal_child(p->pid, sig) : signal_distant(proc, p, sig))
			told++;
	}
	free(all.p);
	close(proc);
	return told;
}

size_t tree_signal(int sig)
{
	return signal_all(sig, true);
}

void tree_kill(void)
{
	for (int i = 0; i < FREEZE_MAX && signal_all(SIGSTOP, false) > 0; i++)
		continue;
	signal_all(SIGKILL, true);
}

int64_t tree_user_threads(uid_t uid)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct processes all;
	int64_t threads = 0;

	if (proc < 0)
		return 0;
	list(proc, &all, &uid);
	for (size_t i = 0; i < all.n; i++)
		threads += all.p[i].threads;
	free(all.p);
	close(proc);
	return threads;
}

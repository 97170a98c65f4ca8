/* Dying on purpose where a test says so. Part of builds for testing alone. */
#include "base/killpoint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"

_Static_assert(sizeof(struct killpoint_file) == KILLPOINT_FILE_SIZE, "a test knows where all is");

#define WORKER "worker="

static atomic_int workers[64];      /* their process ids; 0: none */
static struct killpoint_file *file; /* constant once there are threads; NULL: nobody asks */

static struct killpoint_file *map(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *at = MAP_FAILED;

	if (fd >= 0 && lseek(fd, 0, SEEK_END) == KILLPOINT_FILE_SIZE)
		at = mmap(NULL, KILLPOINT_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		(void)close(fd);
	if (at != MAP_FAILED)
		return at;
	(void)fprintf(stderr, "DAVIT_KILL_FILE: %s is not a file of %d bytes that can be mapped\n",
		path, KILLPOINT_FILE_SIZE);
	_exit(2); /* a test that waits for the end of this process must not wait in vain */
}

void killpoint_open(void)
{
	static struct killpoint_file own;
	const char *path = getenv("DAVIT_KILL_FILE"); // NOLINT(concurrency-mt-unsafe): one thread
	const char *spec = getenv("DAVIT_KILL");      // NOLINT(concurrency-mt-unsafe): one thread

	if (path != NULL)
		file = map(path);
	else if (spec != NULL)
		file = &own;
	if (spec == NULL)
		return;
	(void)snprintf(file->spec, sizeof(file->spec), "%s", spec);
	atomic_store(&file->armed, 1);
}

bool killpoint_wanted(void)
{
	return file != NULL;
}

/* Adds a line to what was passed. */
static void keep(const char *line)
{
	size_t n = strlen(line);
	unsigned at = atomic_fetch_add(&file->used, (unsigned)n + 1);

	if (at >= sizeof(file->trace) || n >= sizeof(file->trace) - at)
		return;
	memcpy(file->trace + at, line, n);
	file->trace[at + n] = '\n';
}

static bool ends_workers(void)
{
	return strncmp(file->spec, WORKER, sizeof(WORKER) - 1) == 0;
}

/* Is spec about this point? What nth it wants is written where it is. */
static bool matches(const char *point, const char *with, unsigned long *ret_nth)
{
	char *spec = file->spec + (ends_workers() ? sizeof(WORKER) - 1 : 0);
	size_t n = strcspn(spec, ":@");
	char *end = spec + n;

	if (strlen(point) != n || strncmp(spec, point, n) != 0)
		return false;
	*ret_nth = *end == ':' ? strtoul(end + 1, &end, 10) : 1;
	return *end != '@' || strstr(with, end + 1) != NULL;
}

void killpoint_worker(pid_t pid, bool there)
{
	for (size_t i = 0; i < COUNT(workers); i++) {
		int from = there ? 0 : pid;

		if (atomic_compare_exchange_strong(&workers[i], &from, there ? pid : 0))
			return;
	}
}

static void end_workers(void)
{
	for (size_t i = 0; i < COUNT(workers); i++) {
		pid_t pid = atomic_load(&workers[i]);

		if (pid > 0)
			(void)kill(pid, SIGKILL);
	}
}

static _Noreturn void die(void)
{
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

void killpoint(const char *point, const char *fmt, ...)
{
	char line[512];
	unsigned long nth;
	size_t at;
	va_list args;

	if (file == NULL)
		return;
	at = (size_t)snprintf(line, sizeof(line), "%s ", point);
	va_start(args, fmt);
	(void)vsnprintf(line + at, sizeof(line) - at, fmt, args);
	va_end(args);
	keep(line);
	if (atomic_load(&file->armed) != 1 || !matches(point, line + at, &nth) ||
		atomic_fetch_add(&file->seen, 1) + 1 != nth)
		return;
	if (ends_workers()) {
		keep("ends workers");
		end_workers();
		return;
	}
	keep("dies");
	die();
}

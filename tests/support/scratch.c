/* The folder of a test, made and removed without the code under test. */
#include "support/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 2

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

void scratch_open(char path[SCRATCH_SIZE])
{
	const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
	int n = snprintf(path, SCRATCH_SIZE, "%s/davit-test-XXXXXX", base != NULL ? base : "/tmp");

	must(n > 0 && n < SCRATCH_SIZE, "scratch_open");
	must(mkdtemp(path) != NULL, path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int open_up(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return type == FTW_D || type == FTW_DNR ? chmod(path, 0700) : 0;
}

void scratch_close(const char *path)
{
	must(nftw(path, open_up, 16, FTW_PHYS) == 0, path);
	must(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, path);
}

const char *scratch_path(const char *path, const char *name)
{
	static char paths[8][4096];
	static unsigned next;
	char *p = paths[next++ % 8];
	int n = snprintf(p, sizeof(paths[0]), "%s/%s", path, name);

	must(n > 0 && (size_t)n < sizeof(paths[0]), "scratch_path");
	return p;
}

void scratch_write(const char *path, const char *name, const char *text)
{
	int fd = open(scratch_path(path, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0, name);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text), name);
	must(close(fd) == 0, name);
}

bool scratch_read(const char *path, const char *name, char *text, size_t size)
{
	int fd = open(scratch_path(path, name), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	must(n >= 0, name);
	close(fd);
	text[n] = '\0';
	return true;
}

bool scratch_await(bool (*done)(void *ctx), void *ctx, int64_t ms)
{
	static const struct timespec step = {0, STEP_MS * 1000000};

	for (int64_t waited = 0; waited < ms; waited += STEP_MS) {
		if (done(ctx))
			return true;
		nanosleep(&step, NULL);
	}
	return done(ctx);
}

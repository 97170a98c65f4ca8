/* Keeps request bodies: memory first, then an unnamed file below the data folder. */
#include "http/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fail.h"

#define FIRST_BYTES ((size_t)512)
#define WRITE_BYTES ((size_t)65536) /* the file gets pieces of at least this, but for the last */

void body_init(struct body *b, const struct body_limits *limits)
{
	memset(b, 0, sizeof(*b));
	b->limits = limits;
	b->fd = -1;
	b->keep = true;
}

static void release(struct body *b)
{
	free(b->memory);
	b->memory = NULL;
	b->n = b->cap = 0;
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

void body_finish(struct body *b)
{
	if (b->map != NULL)
		munmap((void *)b->map, (size_t)b->bytes);
	b->map = NULL;
	release(b);
}

void body_discard(struct body *b)
{
	b->keep = false;
	release(b);
}

static void body_fail(struct body *b, const char *what, int error)
{
	b->wrong = what;
	b->error = error;
	body_discard(b);
}

/* An unnamed file: nothing is left behind, whatever happens. */
static int unnamed_file(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	/* A file system without such files. */
	if ((size_t)snprintf(path, sizeof(path), "%s/body-XXXXXX", dir) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static bool write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		bytes += done;
		n -= (size_t)done;
	}
	return true;
}

static void write_out(struct body *b)
{
	if (b->n > 0 && !write_all(b->fd, b->memory, b->n))
		body_fail(b, "write", errno != 0 ? errno : EIO);
	b->n = 0;
}

static bool reserve(struct body *b, size_t need)
{
	size_t cap = b->cap > 0 ? b->cap : FIRST_BYTES;
	char *memory;

	while (cap < need)
		cap *= 2;
	if (cap == b->cap)
		return true;
	memory = realloc(b->memory, cap);
	if (memory == NULL)
		return false;
	b->memory = memory;
	b->cap = cap;
	return true;
}

static void remember(struct body *b, const void *bytes, size_t n)
{
	/* One byte more, so that the memory can end with NUL. */
	if (!reserve(b, b->n + n + 1)) {
		body_fail(b, "memory", ENOMEM);
		return;
	}
	memcpy(b->memory + b->n, bytes, n);
	b->n += n;
}

static void to_file(struct body *b)
{
	b->fd = unnamed_file(b->limits->dir);
	if (b->fd < 0)
		body_fail(b, b->limits->dir, errno);
	else
		write_out(b);
}

void body_add(struct body *b, const void *bytes, size_t n)
{
	b->bytes += (int64_t)n;
	if (b->keep && b->bytes > b->limits->total)
		body_fail(b, "length", 0);
	if (b->keep && b->fd < 0 && b->bytes > b->limits->memory)
		to_file(b);
	if (b->keep)
		remember(b, bytes, n);
	if (b->keep && b->fd >= 0 && b->n >= WRITE_BYTES)
		write_out(b);
}

bool body_end(struct body *b, struct fail *f)
{
	if (b->keep && b->fd >= 0) {
		write_out(b);
		free(b->memory);
		b->memory = NULL;
		b->n = b->cap = 0;
	} else if (b->memory != NULL) {
		b->memory[b->n] = '\0';
	}
	if (b->wrong == NULL)
		return true;
	if (b->error == 0)
		return fail_set(f, FAIL_TOO_LARGE, "the body is larger than %lld bytes",
			(long long)b->limits->total);
	return fail_set(f, FAIL_UNAVAILABLE, "the request's body cannot be kept: %s: %s", b->wrong,
		strerrordesc_np(b->error));
}

const char *body_view(struct body *b)
{
	void *map;

	if (b->fd < 0)
		return b->memory != NULL ? b->memory : "";
	if (b->map == NULL) {
		map = mmap(NULL, (size_t)b->bytes, PROT_READ, MAP_PRIVATE, b->fd, 0);
		b->map = map != MAP_FAILED ? map : NULL;
	}
	return b->map;
}

/* The same file with a position of its own; a duplicate would share it. */
static int reopen(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int file_of(const char *dir, const char *bytes, size_t n, bool large)
{
	int fd = large ? unnamed_file(dir) : memfd_create("body", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!write_all(fd, bytes, n) || lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int body_open(const struct body *b)
{
	if (b->fd >= 0)
		return reopen(b->fd);
	return file_of(b->limits->dir, b->memory, b->n, false);
}

int body_open_part(struct body *b, size_t offset, size_t n)
{
	const char *bytes = body_view(b);

	if (bytes == NULL || offset + n > (size_t)b->bytes)
		return -1;
	return file_of(b->limits->dir, bytes + offset, n, (int64_t)n > b->limits->memory);
}

/* joblog_view - see joblog_view.h. */
#include "run/joblog_view.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "run/joblog_files.h"

#define COPY_BYTES 16384
#define TRIES      100

struct view {
	int dir;
	int out;
	uint64_t half;
	struct fail *f;
};

static int make_file(int dir)
{
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("davit-log", MFD_CLOEXEC);
}

static bool put(struct view *v, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(v->out, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return fail_errno(v->f, errno, "copy the log");
		bytes += done;
		n -= (size_t)done;
	}
	return true;
}

/* Copies what fd holds from offset on, at most most bytes. */
static bool put_file(struct view *v, int fd, uint64_t from, uint64_t most)
{
	char bytes[COPY_BYTES];

	while (most > 0) {
		size_t want = most < sizeof(bytes) ? (size_t)most : sizeof(bytes);
		ssize_t n = pread(fd, bytes, want, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(v->f, errno, "read the log");
		if (n == 0)
			break;
		if (!put(v, bytes, (size_t)n))
			return false;
		from += (uint64_t)n;
		most -= (uint64_t)n;
	}
	return true;
}

static uint64_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/*
 * The segments of one moment, opened. The writer deletes the oldest while we look, so they are
 * opened newest first, and what lies before a missing one is not shown.
 */
struct opened {
	struct joblog_segments s;
	int fd[JOBLOG_SEGMENTS_MAX];
	size_t first; /* fd[first] … fd[s.n - 1] are open */
	uint64_t end; /* of the output */
};

static bool open_segments(const struct view *v, struct opened *o)
{
	char name[JOBLOG_NAME_SIZE];

	o->first = o->s.n;
	while (o->first > 0) {
		joblog_segment_name(o->s.at[o->first - 1], name);
		o->fd[o->first - 1] = openat(v->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (o->fd[o->first - 1] < 0)
			break;
		o->first--;
	}
	if (o->first == o->s.n)
		return false; /* all were replaced meanwhile */
	o->end = o->s.at[o->s.n - 1] + size_of(o->fd[o->s.n - 1]);
	return true;
}

static void close_segments(const struct opened *o)
{
	for (size_t i = o->first; i < o->s.n; i++)
		close(o->fd[i]);
}

static bool put_cut(struct view *v, uint64_t n)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "\n[davit: %" PRIu64 " bytes cut here]\n", n);

	return n == 0 || put(v, line, (size_t)length);
}

static bool put_tail(struct view *v, const struct opened *o, uint64_t head_end)
{
	uint64_t from = o->s.at[o->first];

	if (o->end > v->half && from < o->end - v->half)
		from = o->end - v->half;
	if (from < head_end)
		from = head_end;
	if (!put_cut(v, from - head_end))
		return false;
	for (size_t i = o->first; i < o->s.n; i++) {
		uint64_t end = i + 1 < o->s.n ? o->s.at[i + 1] : o->end;

		if (end <= from)
			continue;
		if (!put_file(v, o->fd[i], from - o->s.at[i], end - from))
			return false;
		from = end;
	}
	return true;
}

static bool compose(struct view *v, int head, struct opened *o)
{
	bool good;

	v->out = make_file(v->dir);
	if (v->out < 0)
		return fail_errno(v->f, errno, "copy the log");
	good = put_file(v, head, 0, UINT64_MAX) && put_tail(v, o, size_of(head));
	good = good && lseek(v->out, 0, SEEK_SET) == 0;
	if (!good)
		close(v->out);
	return good;
}

static int open_head(int dir)
{
	int fd = openat(dir, JOBLOG_HEAD, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 || errno != ENOENT ? fd : memfd_create("davit-log", MFD_CLOEXEC);
}

/* Where there are segments the head is full; one that was opened before it was made is opened
 * again, behind the same descriptor. */
static bool refresh_head(const struct view *v, int head)
{
	int again;
	bool good;

	if (size_of(head) > 0)
		return true;
	again = open_head(v->dir);
	good = again >= 0 && dup3(again, head, O_CLOEXEC) >= 0;
	if (!good)
		fail_errno(v->f, errno, "open the log");
	if (again >= 0)
		close(again);
	return good;
}

/* *ret_fd: head itself, or a copy that is cut in the middle. */
static bool view_with_head(struct view *v, int head, struct opened *o, int *ret_fd)
{
	int tries = TRIES;
	bool good;

	do {
		if (tries-- == 0)
			return fail_set(v->f, FAIL_UNAVAILABLE, "the log changes too fast");
		if (!joblog_segments(v->dir, &o->s, v->f))
			return false;
		if (o->s.n == 0) {
			*ret_fd = head;
			return true;
		}
	} while (!open_segments(v, o));
	good = refresh_head(v, head) && compose(v, head, o);
	close_segments(o);
	if (good)
		*ret_fd = v->out;
	return good;
}

static bool view_in(struct view *v, int *ret_fd)
{
	struct opened *o = malloc(sizeof(*o)); /* much for a small stack */
	int head;
	bool good;

	if (o == NULL) {
		fail_errno(v->f, ENOMEM, "open the log");
		return false;
	}
	head = open_head(v->dir);
	good = head >= 0 ? view_with_head(v, head, o, ret_fd)
	                 : fail_errno(v->f, errno, "open the log");
	if (head >= 0 && (!good || *ret_fd != head))
		close(head);
	free(o);
	return good;
}

bool joblog_view(const char *folder, int64_t log_bytes, int *ret_fd, struct fail *f)
{
	struct view v = {.out = -1, .half = joblog_half(log_bytes), .f = f};
	bool good;

	v.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v.dir < 0)
		return fail_errno(f, errno, "open folder %s", folder);
	good = view_in(&v, ret_fd);
	close(v.dir);
	return good;
}

/* --- a piece, for who follows a log --- */

static bool put_piece(struct view *v, int fd, uint64_t begin, uint64_t at)
{
	char line[32];
	int length = snprintf(line, sizeof(line), "%" PRIu64 "\n", at);

	v->out = make_file(v->dir);
	if (v->out < 0)
		return fail_errno(v->f, errno, "copy the log");
	if (put(v, line, (size_t)length) &&
		(fd < 0 || put_file(v, fd, at - begin, JOBLOG_PIECE_MAX)) &&
		lseek(v->out, 0, SEEK_SET) == 0)
		return true;
	close(v->out);
	return false;
}

/* From what is behind the head: the segment that has the byte, else the first one after it. */
static bool piece_of_segments(struct view *v, int head, uint64_t from, struct opened *o)
{
	size_t i = 0;
	uint64_t at;
	bool good;

	if (!joblog_segments(v->dir, &o->s, v->f))
		return false;
	if (o->s.n == 0)
		return put_piece(v, -1, 0, from);
	if (!refresh_head(v, head))
		return false;
	if (from < size_of(head)) /* it grew meanwhile, and is full now */
		return put_piece(v, head, 0, from);
	if (!open_segments(v, o))
		return fail_set(v->f, FAIL_UNAVAILABLE, "the log changes too fast");
	for (i = o->first; i + 1 < o->s.n && o->s.at[i + 1] <= from; i++)
		;
	at = o->s.at[i] > from ? o->s.at[i] : from;
	good = put_piece(v, o->fd[i], o->s.at[i], at);
	close_segments(o);
	return good;
}

bool joblog_from(const char *folder, uint64_t from, int *ret_fd, struct fail *f)
{
	struct view v = {.out = -1, .f = f};
	struct opened *o = malloc(sizeof(*o));
	int head = -1;
	bool good;

	v.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v.dir >= 0)
		head = open_head(v.dir);
	if (o == NULL || head < 0)
		good = fail_errno(f, o == NULL ? ENOMEM : errno, "open the log in %s", folder);
	else if (from < size_of(head))
		good = put_piece(&v, head, 0, from);
	else
		good = piece_of_segments(&v, head, from, o);
	if (head >= 0)
		close(head);
	if (v.dir >= 0)
		close(v.dir);
	free(o);
	*ret_fd = v.out;
	return good;
}

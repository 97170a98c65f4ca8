/*
 * The output of a process in files. Segments are a sixteenth of the limit, so that what is on
 * the disk never exceeds it by more than that; the reader shows exactly the last half.
 */
#include "run/joblog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

#define HEAD         "log.head"
#define PREFIX       "log."
#define NAME_SIZE    32
#define SEGMENTS     8   /* full ones that make up half of the log */
#define SEGMENTS_MAX 256 /* that are looked at; a healthy log has SEGMENTS + 1 */
#define COPY_BYTES   16384
#define TRIES        100

/* Where the segments begin, in order; the newest last. */
struct segments {
	uint64_t at[SEGMENTS_MAX];
	size_t n;
};

static const char *segment_name(uint64_t at, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, PREFIX "%020" PRIu64, at);
	return name;
}

static bool is_segment(const char *name, uint64_t *ret_at)
{
	const char *digits = name + strlen(PREFIX);

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || strlen(digits) != 20 ||
		strspn(digits, "0123456789") != 20)
		return false;
	*ret_at = strtoull(digits, NULL, 10);
	return true;
}

static int by_offset(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool list_segments(int dir, struct segments *s, struct fail *f)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	s->n = 0;
	if (d == NULL) {
		fail_errno(f, errno, "list the log");
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((entry = readdir(d)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own DIR */
		if (s->n < SEGMENTS_MAX && is_segment(entry->d_name, &s->at[s->n]))
			s->n++;
	}
	closedir(d);
	qsort(s->at, s->n, sizeof(s->at[0]), by_offset);
	return true;
}

static uint64_t half_of(int64_t log_bytes)
{
	return (uint64_t)log_bytes / 2;
}

static int open_to_append(int dir, const char *name)
{
	return openat(dir, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool open_newest(struct joblog *log, struct fail *f)
{
	char name[NAME_SIZE] = HEAD;
	struct segments s;
	struct stat st;

	if (!list_segments(log->dir, &s, f))
		return false;
	if (s.n > 0) {
		log->segment = s.at[s.n - 1];
		segment_name(log->segment, name);
	}
	log->fd = open_to_append(log->dir, name);
	if (log->fd < 0 || fstat(log->fd, &st) != 0)
		return fail_errno(f, errno, "open %s", name);
	log->total = log->segment + (uint64_t)st.st_size;
	return true;
}

bool joblog_open(struct joblog *log, const char *folder, int64_t log_bytes, struct fail *f)
{
	struct joblog l = {.fd = -1, .half = half_of(log_bytes)};

	l.dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l.dir < 0)
		return fail_errno(f, errno, "open folder %s", folder);
	if (!open_newest(&l, f)) {
		if (l.fd >= 0)
			close(l.fd);
		close(l.dir);
		return false;
	}
	*log = l;
	return true;
}

/* Deletes segments that no reader needs for the last half any more. */
static void drop_oldest(const struct joblog *log)
{
	char name[NAME_SIZE];
	struct segments s;
	uint64_t keep = log->total > log->half ? log->total - log->half : 0;

	if (!list_segments(log->dir, &s, NULL))
		return;
	for (size_t i = 0; i + 1 < s.n && s.at[i + 1] <= keep; i++)
		unlinkat(log->dir, segment_name(s.at[i], name), 0);
}

/* Bytes that still go into the file at hand. */
static uint64_t room(const struct joblog *log)
{
	uint64_t end = log->segment == 0 ? log->half : log->segment + log->half / SEGMENTS;

	return end > log->total ? end - log->total : 0;
}

static bool next_segment(struct joblog *log)
{
	char name[NAME_SIZE];
	int fd = open_to_append(log->dir, segment_name(log->total, name));

	if (fd < 0)
		return false;
	fdatasync(log->fd); /* in small steps, not all at the end */
	close(log->fd);
	log->fd = fd;
	log->segment = log->total;
	drop_oldest(log);
	return true;
}

void joblog_write(struct joblog *log, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0) {
		uint64_t space = room(log);
		ssize_t done;

		if (space == 0 && !next_segment(log))
			break;
		if (space == 0)
			continue;
		done = write(log->fd, p, n < space ? n : (size_t)space);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			break;
		p += done;
		n -= (size_t)done;
		log->total += (uint64_t)done;
	}
	log->lost += n;
}

void joblog_close(struct joblog *log)
{
	int head = openat(log->dir, HEAD, O_RDONLY | O_CLOEXEC);

	if (head >= 0) {
		fsync(head);
		close(head);
	}
	fsync(log->fd);
	close(log->fd);
	close(log->dir); /* the record of the end, in the same folder, makes its names durable */
}

/* --- the reader --- */

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
	struct segments s;
	int fd[SEGMENTS_MAX];
	size_t first; /* fd[first] … fd[s.n - 1] are open */
	uint64_t end; /* of the output */
};

static bool open_segments(const struct view *v, struct opened *o)
{
	char name[NAME_SIZE];

	o->first = o->s.n;
	while (o->first > 0) {
		segment_name(o->s.at[o->first - 1], name);
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
	int fd = openat(dir, HEAD, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

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
		if (!list_segments(v->dir, &o->s, v->f))
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
	struct view v = {.out = -1, .half = half_of(log_bytes), .f = f};
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

	if (!list_segments(v->dir, &o->s, v->f))
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

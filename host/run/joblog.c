/*
 * The writer of a log. Segments are a sixteenth of the limit, so that what is on the disk never
 * exceeds it by more than that; the reader shows exactly the last half.
 */
#include "run/joblog.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "run/joblog_files.h"

#define SEGMENTS 8 /* full ones that make up half of the log */

static int open_to_append(int dir, const char *name)
{
	return openat(dir, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool open_newest(struct joblog *log, struct fail *f)
{
	char name[JOBLOG_NAME_SIZE] = JOBLOG_HEAD;
	struct joblog_segments s;
	struct stat st;

	if (!joblog_segments(log->dir, &s, f))
		return false;
	if (s.n > 0) {
		log->segment = s.at[s.n - 1];
		joblog_segment_name(log->segment, name);
	}
	log->fd = open_to_append(log->dir, name);
	if (log->fd < 0 || fstat(log->fd, &st) != 0)
		return fail_errno(f, errno, "open %s", name);
	log->total = log->segment + (uint64_t)st.st_size;
	return true;
}

bool joblog_open(struct joblog *log, const char *folder, int64_t log_bytes, struct fail *f)
{
	struct joblog l = {.fd = -1, .half = joblog_half(log_bytes)};

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
	char name[JOBLOG_NAME_SIZE];
	struct joblog_segments s;
	uint64_t keep = log->total > log->half ? log->total - log->half : 0;

	if (!joblog_segments(log->dir, &s, NULL))
		return;
	for (size_t i = 0; i + 1 < s.n && s.at[i + 1] <= keep; i++)
		unlinkat(log->dir, joblog_segment_name(s.at[i], name), 0);
}

/* Bytes that still go into the file at hand. */
static uint64_t room(const struct joblog *log)
{
	uint64_t end = log->segment == 0 ? log->half : log->segment + log->half / SEGMENTS;

	return end > log->total ? end - log->total : 0;
}

static bool next_segment(struct joblog *log)
{
	char name[JOBLOG_NAME_SIZE];
	int fd = open_to_append(log->dir, joblog_segment_name(log->total, name));

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
	int head = openat(log->dir, JOBLOG_HEAD, O_RDONLY | O_CLOEXEC);

	if (head >= 0) {
		fsync(head);
		close(head);
	}
	fsync(log->fd);
	close(log->fd);
	close(log->dir); /* the record of the end, in the same folder, makes its names durable */
}

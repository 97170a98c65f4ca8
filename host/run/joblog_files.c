/* joblog_files - see joblog_files.h. */
#include "run/joblog_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"

#define PREFIX "log."

const char *joblog_segment_name(uint64_t at, char name[JOBLOG_NAME_SIZE])
{
	snprintf(name, JOBLOG_NAME_SIZE, PREFIX "%020" PRIu64, at);
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

bool joblog_segments(int dir, struct joblog_segments *s, struct fail *f)
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
		if (s->n < JOBLOG_SEGMENTS_MAX && is_segment(entry->d_name, &s->at[s->n]))
			s->n++;
	}
	closedir(d);
	qsort(s->at, s->n, sizeof(s->at[0]), by_offset);
	return true;
}

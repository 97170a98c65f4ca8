/*
 * joblog_files - the files of a log, for its writer and its reader: "log.head" with the first
 * half, and segments named by the offset of their first byte. [any thread]
 */
#ifndef HOST_RUN_JOBLOG_FILES_H
#define HOST_RUN_JOBLOG_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOBLOG_HEAD         "log.head"
#define JOBLOG_NAME_SIZE    32
#define JOBLOG_SEGMENTS_MAX 256 /* that are looked at; a healthy log has nine */

struct fail;

/* Where the segments begin, in order; the newest last. */
struct joblog_segments {
	uint64_t at[JOBLOG_SEGMENTS_MAX];
	size_t n;
};

/* Those in the folder dir. */
bool joblog_segments(int dir, struct joblog_segments *s, struct fail *f);

/* The name of the one that begins at an offset; returns name. */
const char *joblog_segment_name(uint64_t at, char name[JOBLOG_NAME_SIZE]);

/* Bytes of the head, and of what is kept behind the cut. */
static inline uint64_t joblog_half(int64_t log_bytes)
{
	return (uint64_t)log_bytes / 2;
}

#endif

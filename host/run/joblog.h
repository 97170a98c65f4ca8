/*
 * joblog - the output of a process in files, bounded: the first half and the last half are
 * kept, what lies between is cut. davit-run writes here, the daemon reads at the same time
 * (joblog_view.h).
 *
 * "log.head" holds the first half; then segments "log.<offset>" named by the position of
 * their first byte in the whole output, the oldest deleted as new ones come. The files alone
 * tell everything, so that a writer can go on where another died.
 */
#ifndef HOST_RUN_JOBLOG_H
#define HOST_RUN_JOBLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

struct joblog { /* the writer; one thread */
	int dir;
	int fd;           /* the head or the newest segment */
	uint64_t half;    /* bytes of the head, and of what is kept behind the cut */
	uint64_t total;   /* bytes ever written: where the next one goes */
	uint64_t segment; /* where the newest segment began; 0: still the head */
	uint64_t lost;    /* bytes that could not be written (a full disk) */
};

/* Opens the log in folder, made if it is not there, to write on at its end. */
bool joblog_open(struct joblog *log, const char *folder, int64_t log_bytes, struct fail *f);

/* Never fails: what cannot be written is counted as lost. */
void joblog_write(struct joblog *log, const void *bytes, size_t n);

/* Puts all on the disk and closes. */
void joblog_close(struct joblog *log);

#endif

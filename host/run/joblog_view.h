/*
 * joblog_view - reading the log of a process (joblog.h) while it may be written. [any thread]
 */
#ifndef HOST_RUN_JOBLOG_VIEW_H
#define HOST_RUN_JOBLOG_VIEW_H

#include <stdbool.h>
#include <stdint.h>

struct fail;

/*
 * A descriptor to read the log in folder, as it is now, from its start: the file itself while
 * nothing is cut, else a copy with the line "[davit: N bytes cut here]" in the middle. A
 * folder without a log gives an empty file.
 */
bool joblog_view(const char *folder, int64_t log_bytes, int *ret_fd, struct fail *f);

#define JOBLOG_PIECE_MAX 262144

/*
 * What was printed from the byte from on, counted over the whole output, as far as it is kept in
 * one piece: a descriptor to read a line "AT\n" with the place of the first byte in decimal, and
 * then at most JOBLOG_PIECE_MAX bytes. AT is from, or more where what lay there is cut. Where
 * nothing is there yet there are no bytes.
 */
bool joblog_from(const char *folder, uint64_t from, int *ret_fd, struct fail *f);

#endif

/*
 * progress - the one line on the terminal of standard error that tells how long work goes on.
 * [one thread]
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* Puts a line in the place of the last one, tamed and cut to the terminal's width. */
void progress_show(const char *fmt, ...) ATTR_PRINTF(1, 2);

/* Takes the line away, where one is shown. */
void progress_hide(void);

/* Bytes that move, told after half a second and then five times a second. */
struct progress_bytes {
	const char *what; /* "uploading" */
	const char *name;
	int64_t began_ms;
	int64_t told_ms;
};

void progress_begin(struct progress_bytes *p, const char *what, const char *name);

/* total: 0 where it is not known. */
void progress_bytes(struct progress_bytes *p, int64_t done, int64_t total);

#endif

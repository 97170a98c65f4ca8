/*
 * log - one line per event on standard error, and the last lines kept for GET /execute/getLog.
 *
 * A line: time, level, stable id, text. The id ("JOB-EDGE") never changes, so that people
 * can search for it; docs/operator-guide.md lists them. Who handles an error logs it, once. Control
 * characters are escaped. Never pass a secret; one that is known is hidden (veil.h). [any thread]
 */
#ifndef HOST_BASE_LOG_H
#define HOST_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR
};

/* Lines below level are dropped. Default LOG_INFO. */
void log_set_level(enum log_level level);

/* "debug" … "error" to a level; false if it is none of them. */
bool log_level_of(const char *word, enum log_level *ret_level);

void log_line(enum log_level level, const char *id, const char *fmt, ...) ATTR_PRINTF(3, 4);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* The kept lines, oldest first, as one NUL-terminated text; the caller frees it. NULL: out
 * of memory. At most 256 KiB are kept. */
char *log_recent(void);

#endif

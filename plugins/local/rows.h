/*
 * rows - looks at the rows of a data set while they are copied: which format they are in, how
 * many lines hold something, and whether the whole can be what the format says. Refused is what
 * would fail each job that reads it: jsonl that does not begin, or breaks off within, a JSON
 * value, quotes of csv that never close, bytes that are no text.
 */
#ifndef PLUGINS_LOCAL_ROWS_H
#define PLUGINS_LOCAL_ROWS_H

#include "local.h"

/* Zero it, set pointer and, where it is known, format. */
struct rows {
	const char *pointer; /* of what is read, for failures */
	const char *format;  /* "csv" or "jsonl"; NULL: as the first character says */
	int64_t lines;       /* that hold something */

	/* while it reads */
	int64_t line; /* the one it is in, from 0 */
	bool begun;   /* that line holds something */
	bool quoted;  /* csv: within quotes that opened on line `opened` */
	bool closing; /* csv: behind a quote that may have ended them */
	bool inside;  /* csv: within a field */
	int64_t opened;
	char *text; /* jsonl: the line so far */
	size_t n;
	bool too_long; /* to be looked at */
	char *memory;  /* to read it with */
};

/* The next bytes. false: the call failed. */
bool rows_take(struct local_call *c, struct rows *rows, davit_buf bytes);

/* There are no more. false: the call failed. */
bool rows_end(struct local_call *c, struct rows *rows);

#endif

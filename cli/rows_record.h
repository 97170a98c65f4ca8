/*
 * rows_record - the cells of one row of CSV, by RFC 4180, byte by byte; between the files of rows
 * alone. [one thread]
 */
#ifndef CLI_ROWS_RECORD_H
#define CLI_ROWS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "rows.h"

enum record_place {
	RECORD_START, /* of a cell */
	RECORD_PLAIN,
	RECORD_QUOTED,
	RECORD_QUOTE /* behind a quote within a quoted cell */
};

struct record {
	enum record_place place;    /* in the last cell */
	struct buf text;            /* the cells, each with a NUL */
	size_t ends[ROW_CELLS_MAX]; /* offset behind each cell's last byte */
	size_t cells;
};

/* Begins a row; text is initialised before the first. */
void record_begin(struct record *r);

/* Takes a byte that does not end the row. False: the row is too long. */
bool record_take(struct record *r, int byte);

/* Does a line break end the row here? */
bool record_may_end(const struct record *r);

/* Ends the last cell. False: the row is too long. */
bool record_end(struct record *r);

/* A cell with a NUL behind it, and its bytes without. */
const char *record_cell(const struct record *r, size_t i);
size_t record_size(const struct record *r, size_t i);

#endif

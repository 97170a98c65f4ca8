/*
 * rows - reads a CSV or JSON Lines file row by row, as instances for a model: JSON arrays or
 * objects, where what is written as a number is one. Memory does not grow with the file.
 * [one thread]
 */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ROW_BYTES_MAX ((size_t)4 << 20)
#define ROW_CELLS_MAX 65536

struct fail;
struct rows;

enum rows_format {
	ROWS_CSV,
	ROWS_JSONL
};

enum rows_header {
	ROWS_HEADER_TELL, /* the first line is one if it has cells, none of them a number */
	ROWS_HEADER_YES,
	ROWS_HEADER_NO
};

struct rows_options {
	enum rows_format format;
	enum rows_header header;
	bool objects;               /* {"name": value…} by the header instead of [value…] */
	const char *const *exclude; /* columns left out: names of the header, or numbers from 0 */
	size_t exclude_count;

	/* Looked at while bytes are waited for: not 0 ends it with FAIL_DEADLINE. May be NULL. */
	const volatile sig_atomic_t *stop;
};

/* By the ending of a file's name: .jsonl, .ndjson and .json are JSON Lines, all else CSV. */
enum rows_format rows_format_of(const char *file);

/* Takes fd over. FAIL_INVALID: a column to leave out that is not there. */
struct rows *rows_open(int fd, const struct rows_options *options, struct fail *f);
void rows_close(struct rows *r); /* NULL is fine */

/* Appends the next row as JSON: 1; 0: there is none; -1: *f names the line at fault. */
int rows_next(struct rows *r, struct buf *out, struct fail *f);

/* Can rows_next() give a row without waiting for the other end of a pipe? Reads what is there.
 * Its descriptor. */
bool rows_ready(struct rows *r);
int rows_fd(const struct rows *r);

/* Is a cell written as a number? Is it UTF-8? */
bool rows_is_number(const char *text, size_t n);
bool rows_is_text(const char *text, size_t n);

/* Appends a text (UTF-8) as a JSON string. */
void rows_put_string(struct buf *out, const char *text, size_t n);

/* Appends a cell as JSON: what is written as a number in any usual way ("5.", "+5", "007") as one,
 * nothing as null, else a string; without blanks around it. False: neither is it UTF-8. */
bool rows_put_cell(struct buf *out, const char *cell, size_t n);

/* A cell as the name of a column, without blanks around it; to be freed, NULL: out of memory. */
char *rows_name(const char *cell, size_t n);

/* Appends a line of JSON as it is but for what is left out. False: *f, it is none. */
bool rows_put_json(struct buf *out, const char *text, size_t n, const struct rows_options *options,
	struct fail *f);

#endif

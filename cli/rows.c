/* rows - see rows.h. */
#include "rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "rows_input.h"
#include "rows_record.h"

enum {
	/* What reading gives beside 1, 0 and -1 of rows_next(). */
	NOT_YET = 2
};

struct rows {
	struct input input;
	struct rows_options options;
	bool midway;        /* within a row */
	int got;            /* of a row that is read but not taken; NOT_YET: none is */
	struct fail why;    /* with got -1 */
	int64_t line;       /* of the row being read, from 1 */
	struct record row;  /* a line of JSON: its text alone */
	struct buf pending; /* the first row, where it is no header */
	bool has_pending;
	char **names; /* of columns, with a header */
	size_t columns;
	bool *left_out; /* per column */
};

enum rows_format rows_format_of(const char *file)
{
	static const char *const endings[] = {".jsonl", ".ndjson", ".json"};
	size_t n = strlen(file);

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		size_t m = strlen(endings[i]);

		if (n >= m && strcmp(file + n - m, endings[i]) == 0)
			return ROWS_JSONL;
	}
	return ROWS_CSV;
}

int rows_fd(const struct rows *r)
{
	return r->input.fd;
}

static int fail_line(const struct rows *r, struct fail *f, const char *what)
{
	(void)fail_set(f, FAIL_INVALID, "line %" PRId64 ": %s", r->line, what);
	return -1;
}

/* --- one row of CSV --- */

/* Begins a row where none is midway. */
static void begin_row(struct rows *r)
{
	if (r->midway)
		return;
	record_begin(&r->row);
	r->line = r->input.breaks + 1;
	r->midway = true;
}

/* Reads cells up to the end of the row: 1, 0, -1 as rows_next(), or NOT_YET. */
static int read_cells(struct rows *r, struct fail *f)
{
	int c;

	begin_row(r);
	while ((c = input_next(&r->input, f)) >= 0 && (c != '\n' || !record_may_end(&r->row))) {
		if (!record_take(&r->row, c))
			return fail_line(r, f, "the row is too long");
	}
	if (c == INPUT_NOT_YET)
		return NOT_YET;
	r->midway = false;
	if (c == INPUT_FAILED)
		return -1;
	if (!record_may_end(&r->row))
		return fail_line(r, f, "a quoted cell does not end");
	if (c == INPUT_END && r->row.cells == 0 && r->row.text.n == 0)
		return 0;
	return record_end(&r->row) ? 1 : fail_line(r, f, "the row is too long");
}

static const char *cell(const struct rows *r, size_t i)
{
	return record_cell(&r->row, i);
}

static size_t cell_size(const struct rows *r, size_t i)
{
	return record_size(&r->row, i);
}

/* --- a row as JSON --- */

static int put_row(struct rows *r, struct buf *out, struct fail *f)
{
	bool first = true;

	if (r->row.cells != r->columns) {
		(void)fail_set(f, FAIL_INVALID,
			"line %" PRId64 ": %zu cells where the first row has %zu", r->line,
			r->row.cells, r->columns);
		return -1;
	}
	buf_text(out, r->options.objects ? "{" : "[");
	for (size_t i = 0; i < r->row.cells; i++) {
		if (r->left_out[i])
			continue;
		buf_text(out, first ? "" : ",");
		first = false;
		if (r->options.objects) {
			rows_put_string(out, r->names[i], strlen(r->names[i]));
			buf_text(out, ":");
		}
		if (!rows_put_cell(out, cell(r, i), cell_size(r, i)))
			return fail_line(r, f, "a cell is not UTF-8");
	}
	buf_text(out, r->options.objects ? "}" : "]");
	return 1;
}

/* --- the first row --- */

/* No number, and some name: pandas leaves that of its index empty. */
static bool is_header(const struct rows *r)
{
	bool named = false;

	if (r->options.header != ROWS_HEADER_TELL)
		return r->options.header == ROWS_HEADER_YES;
	for (size_t i = 0; i < r->row.cells; i++) {
		if (rows_is_number(cell(r, i), cell_size(r, i)))
			return false;
		named = named || cell_size(r, i) > 0;
	}
	return named;
}

static bool keep_names(struct rows *r, struct fail *f)
{
	r->names = calloc(r->row.cells, sizeof(*r->names));
	for (size_t i = 0; i < r->row.cells && r->names != NULL; i++) {
		const char *name = cell(r, i);

		if (!rows_is_text(name, cell_size(r, i)))
			return fail_set(
				f, FAIL_INVALID, "the name of column %zu is not UTF-8", i + 1);
		r->names[i] = rows_name(name, cell_size(r, i));
		if (r->names[i] == NULL)
			return fail_set(f, FAIL_INTERNAL, "out of memory");
	}
	return r->names != NULL || fail_set(f, FAIL_INTERNAL, "out of memory");
}

/* The column a word means; r->columns: none. */
static size_t column_of(const struct rows *r, const char *word)
{
	char *end;
	unsigned long number;

	for (size_t i = 0; r->names != NULL && i < r->columns; i++) {
		if (r->names[i] != NULL && strcmp(r->names[i], word) == 0)
			return i;
	}
	number = strtoul(word, &end, 10);
	if (*end == '\0' && end != word && number < r->columns)
		return number;
	return r->columns;
}

static bool leave_out(struct rows *r, struct fail *f)
{
	r->left_out = calloc(r->columns + 1, sizeof(*r->left_out));
	if (r->left_out == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	for (size_t i = 0; i < r->options.exclude_count; i++) {
		size_t column = column_of(r, r->options.exclude[i]);

		if (column == r->columns)
			return fail_set(f, FAIL_INVALID, "there is no column '%s' among %zu%s",
				r->options.exclude[i], r->columns,
				r->names == NULL ? "; the rows have no header" : "");
		r->left_out[column] = true;
	}
	return true;
}

/* Looks at the first row: a header, or the first instance, which is kept. */
static bool begin_csv(struct rows *r, struct fail *f)
{
	int got = read_cells(r, f);

	if (got <= 0)
		return got == 0;
	r->columns = r->row.cells;
	if (is_header(r)) {
		if (!keep_names(r, f))
			return false;
	} else if (r->options.objects) {
		return fail_set(f, FAIL_INVALID,
			"rows as objects need a header line with the names of the columns");
	}
	if (!leave_out(r, f))
		return false;
	if (r->names != NULL)
		return true;
	r->has_pending = true;
	return put_row(r, &r->pending, f) == 1;
}

/* --- JSON Lines --- */

static int read_line(struct rows *r, struct fail *f)
{
	int c;

	begin_row(r);
	while ((c = input_next(&r->input, f)) >= 0 && c != '\n') {
		buf_byte(&r->row.text, (char)c);
		if (r->row.text.failed)
			return fail_line(r, f, "it is too long");
	}
	if (c == INPUT_NOT_YET)
		return NOT_YET;
	r->midway = false;
	if (c == INPUT_FAILED)
		return -1;
	return c == INPUT_END && r->row.text.n == 0 ? 0 : 1;
}

static bool is_blank(const struct buf *text)
{
	return text->n == 0 || strspn(text->p, " \t\r") == text->n;
}

static int put_json(struct rows *r, struct buf *out, struct fail *f)
{
	struct fail why = {0};

	if (!rows_put_json(out, r->row.text.p, r->row.text.n, &r->options, &why))
		return fail_line(r, f, why.text);
	return 1;
}

/* --- all --- */

struct rows *rows_open(int fd, const struct rows_options *options, struct fail *f)
{
	struct rows *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		(void)close(fd);
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	r->input.fd = fd;
	r->input.stop = options->stop;
	r->options = *options;
	r->input.patient = true;
	r->got = NOT_YET;
	buf_init(&r->row.text, ROW_BYTES_MAX);
	buf_init(&r->pending, 2 * ROW_BYTES_MAX);
	if (options->format == ROWS_CSV && !begin_csv(r, f)) {
		rows_close(r);
		return NULL;
	}
	return r;
}

void rows_close(struct rows *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; r->names != NULL && i < r->columns; i++)
		free(r->names[i]);
	free(r->names);
	free(r->left_out);
	buf_finish(&r->row.text);
	buf_finish(&r->pending);
	(void)close(r->input.fd);
	free(r);
}

static bool is_empty(const struct rows *r)
{
	if (r->options.format == ROWS_JSONL)
		return is_blank(&r->row.text);
	return r->row.cells == 1 && cell_size(r, 0) == 0 && r->columns != 1;
}

/* The next row that holds something, into text; as read_cells(). */
static int read_row(struct rows *r, struct fail *f)
{
	int got;

	do
		got = r->options.format == ROWS_JSONL ? read_line(r, f) : read_cells(r, f);
	while (got == 1 && is_empty(r));
	return got;
}

bool rows_ready(struct rows *r)
{
	if (r->has_pending || r->got != NOT_YET)
		return true;
	r->input.patient = false;
	r->got = read_row(r, &r->why);
	r->input.patient = true;
	return r->got != NOT_YET;
}

int rows_next(struct rows *r, struct buf *out, struct fail *f)
{
	int got = r->got;

	if (r->has_pending) {
		r->has_pending = false;
		buf_add(out, r->pending.p, r->pending.n);
		return 1;
	}
	if (got == NOT_YET)
		got = read_row(r, f);
	else if (got < 0)
		*f = r->why;
	r->got = NOT_YET;
	if (got != 1)
		return got;
	return r->options.format == ROWS_JSONL ? put_json(r, out, f) : put_row(r, out, f);
}

/* rows - see rows.h. */
#include "rows.h"

#include <string.h>

enum {
	LINE_BYTES = 256 * 1024, /* a longer line of jsonl is believed */
	MEMORY_BYTES = 1024 * 1024
};

static bool refuse(struct local_call *c, const struct rows *rows, int64_t line, const char *why)
{
	(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, rows->pointer,
		"line %lld of the data %s (it is read as %s)", (long long)line + 1, why,
		rows->format);
	return false;
}

/* --- jsonl --- */

/* Could it be read? What Python writes as numbers without being JSON can, by Python. */
static bool is_json(struct rows *rows, struct davit_sdk_error *ret_error)
{
	struct davit_sdk_mem mem;

	davit_sdk_mem_buffer(&mem, rows->memory, MEMORY_BYTES);
	if (davit_sdk_parse(&mem, (davit_buf){rows->text, rows->n}, ret_error) != NULL)
		return true;
	return strstr(ret_error->reason, "memory") != NULL || strstr(rows->text, "NaN") != NULL ||
	       strstr(rows->text, "Infinity") != NULL;
}

/* The first line says whether this is jsonl at all, a last one without its line break whether all
 * of it came. Single bad rows between them are for the job that reads them. */
static bool end_json_line(struct local_call *c, struct rows *rows, bool last)
{
	struct davit_sdk_error error = {"", 0};
	bool looked_at = rows->begun && !rows->too_long && (rows->lines == 1 || last);
	bool good;

	rows->text[rows->n] = '\0';
	good = !looked_at || is_json(rows, &error);
	rows->n = 0;
	rows->too_long = false;
	return good || refuse(c, rows, rows->line,
			       local_text(c, "is no JSON value: byte %d: %s", (int)error.offset + 1,
				       error.reason));
}

/* Adds what is no line break to the line. */
static void add_json(struct rows *rows, const char *p, size_t n)
{
	rows->too_long = rows->too_long || n > LINE_BYTES - rows->n;
	if (rows->too_long)
		return;
	memcpy(rows->text + rows->n, p, n);
	rows->n += n;
}

/* --- csv --- */

/* Quotes mean something at the start of a field only, and two within quotes are one. */
static void step_csv(struct rows *rows, char c)
{
	if (rows->quoted && !rows->closing) {
		rows->closing = c == '"';
		return;
	}
	if (rows->quoted && c == '"') {
		rows->closing = false;
		return;
	}
	rows->quoted = rows->closing = false;
	if (c == '"' && !rows->inside) {
		rows->quoted = true;
		rows->opened = rows->line;
	}
	rows->inside = c != ',' && c != ';' && c != '\t' && c != '\n';
}

/* --- both --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool begin(struct local_call *c, struct rows *rows, char first)
{
	if (rows->format == NULL)
		rows->format = first == '{' || first == '[' ? "jsonl" : "csv";
	if (strcmp(rows->format, "jsonl") != 0 || rows->text != NULL)
		return true;
	rows->text = local_alloc(c, LINE_BYTES + 1);
	rows->memory = local_alloc(c, MEMORY_BYTES);
	return rows->text != NULL && rows->memory != NULL;
}

static bool end_line(struct local_call *c, struct rows *rows)
{
	bool good = rows->text == NULL || end_json_line(c, rows, false);

	rows->begun = false;
	rows->line++;
	return good;
}

/* One byte of a line that holds something, and what it says about the line. */
static bool step(struct local_call *c, struct rows *rows, char byte)
{
	if (byte == '\0')
		return refuse(c, rows, rows->line, "has a NUL byte, which is in no text");
	if (!rows->begun && byte != '\n' && !is_blank(byte)) {
		rows->begun = true;
		rows->lines++;
		if (!begin(c, rows, byte))
			return false;
	}
	if (rows->begun && rows->text != NULL && byte != '\n')
		add_json(rows, &byte, 1);
	else if (rows->text == NULL)
		step_csv(rows, byte);
	return byte != '\n' || end_line(c, rows);
}

/* Bytes that change nothing but how long a field is, once one of them was seen. */
static size_t ordinary(const char *p, size_t n)
{
	static const bool special[256] = {['\0'] = true,
		['\n'] = true,
		['\r'] = true,
		['\t'] = true,
		[' '] = true,
		['"'] = true,
		[','] = true,
		[';'] = true};
	size_t i = 0;

	while (i < n && !special[(unsigned char)p[i]])
		i++;
	return i;
}

bool rows_take(struct local_call *c, struct rows *rows, davit_buf bytes)
{
	size_t i = 0;

	while (i < bytes.n) {
		size_t n = ordinary(bytes.p + i, bytes.n - i);

		if (!step(c, rows, bytes.p[i]))
			return false;
		if (n > 1 && rows->text != NULL)
			add_json(rows, bytes.p + i + 1, n - 1);
		i += n > 1 ? n : 1;
	}
	return true;
}

bool rows_end(struct local_call *c, struct rows *rows)
{
	if (rows->format == NULL)
		rows->format = "csv";
	if (rows->text != NULL)
		return end_json_line(c, rows, true);
	if (rows->quoted && !rows->closing)
		return refuse(c, rows, rows->opened, "opens a quoted field that is never closed");
	return true;
}

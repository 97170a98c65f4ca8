/* print - see print.h. */
#include "print.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#define GAP       2
#define CELLS_MAX ((size_t)256 << 20)

/* --- text --- */

/* The value of a well-formed character of n bytes. */
static wchar_t value_of(const char *p, size_t n)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned value = (unsigned char)p[0] & first[n];

	for (size_t i = 1; i < n; i++)
		value = value << 6 | ((unsigned char)p[i] & 0x3fU);
	return (wchar_t)value;
}

/* Columns of the first character of a text that is not empty, and its bytes. */
static size_t step(const char *text, size_t left, size_t *ret_bytes)
{
	size_t n = utf8_length(text, left);
	int width = n > 1 ? wcwidth(value_of(text, n)) : 1;

	*ret_bytes = n > 0 ? n : 1;
	return width >= 0 ? (size_t)width : 1;
}

size_t print_width(const char *text)
{
	size_t left = strlen(text);
	size_t width = 0;
	size_t n;

	for (; left > 0; text += n, left -= n)
		width += step(text, left, &n);
	return width;
}

void print_cut(char *text, size_t width)
{
	size_t left = strlen(text);
	size_t room = width > 3 ? width - 3 : 0;
	size_t taken = 0, n;

	if (print_width(text) <= width)
		return;
	for (; left > 0; text += n, left -= n) {
		taken += step(text, left, &n);
		if (taken > room)
			break;
	}
	memcpy(text, "...", left < 3 ? left : 3);
	text[left < 3 ? left : width < 3 ? width : 3] = '\0';
}

/* Controls of either kind: C0, DEL, and the C1 that UTF-8 writes as C2 80 to C2 9F. */
static bool is_control(const char *p, size_t n)
{
	unsigned char first = (unsigned char)p[0];

	return n == 0 || first < 0x20 || first == 0x7f ||
	       (n == 2 && first == 0xc2 && (unsigned char)p[1] < 0xa0);
}

/* Replaces control characters and what is not UTF-8, in place. */
static void tame(char *text, bool keep_breaks)
{
	size_t left = strlen(text);
	char *to = text;

	while (left > 0) {
		size_t n = utf8_length(text, left);
		size_t step = n > 0 ? n : 1;

		if (keep_breaks && (*text == '\n' || *text == '\t')) {
			*to++ = *text;
		} else if (is_control(text, n)) {
			*to++ = *text == '\n' || *text == '\t' ? ' ' : '?';
		} else {
			memmove(to, text, n);
			to += n;
		}
		text += step;
		left -= step;
	}
	*to = '\0';
}

void print_tame(char *text)
{
	tame(text, false);
}

void print_lines(FILE *out, const char *indent, const char *text)
{
	char *copy = strdup(text);
	char *line = copy;

	if (copy == NULL)
		return;
	tame(copy, true);
	while (line != NULL && *line != '\0') {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end = '\0';
		(void)fprintf(out, "%s%s\n", indent, line);
		line = end != NULL ? end + 1 : NULL;
	}
	free(copy);
}

/* --- tables --- */

static void add(struct table *t, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL) {
		t->cells.failed = true;
		return;
	}
	tame(copy, false);
	buf_add(&t->cells, copy, strlen(copy) + 1);
	t->count++;
	free(copy);
}

void table_init(struct table *t, const char *const *heads, size_t n)
{
	*t = (struct table){.columns = n};
	buf_init(&t->cells, CELLS_MAX);
	for (size_t i = 0; i < n; i++)
		add(t, heads[i]);
}

void table_cell(struct table *t, const char *text)
{
	add(t, text != NULL && text[0] != '\0' ? text : "-");
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	char text[512];
	va_list list;

	va_start(list, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, list);
	va_end(list);
	table_cell(t, text);
}

size_t table_rows(const struct table *t)
{
	return t->columns > 0 && t->count > t->columns ? t->count / t->columns - 1 : 0;
}

/* The cells of a table while it is printed. */
struct grid {
	const struct table *t;
	const char **cells;
	size_t *widths;
};

static const char *shown(const struct grid *g, size_t i)
{
	return i < g->t->columns && g->cells[i][0] == '>' ? g->cells[i] + 1 : g->cells[i];
}

static void measure(const struct grid *g)
{
	const char *p = g->t->cells.p;

	for (size_t i = 0; i < g->t->count; i++, p += strlen(p) + 1)
		g->cells[i] = p;
	for (size_t i = 0; i < g->t->count; i++) {
		size_t width = print_width(shown(g, i));
		size_t *widest = &g->widths[i % g->t->columns];

		*widest = width > *widest ? width : *widest;
	}
}

static void print_row(const struct grid *g, size_t first, FILE *out)
{
	for (size_t c = 0; c < g->t->columns && first + c < g->t->count; c++) {
		const char *text = shown(g, first + c);
		int pad = (int)(g->widths[c] - print_width(text));
		bool right = g->cells[c][0] == '>';
		bool last = c + 1 == g->t->columns;

		(void)fprintf(out, "%*s%s%*s", right ? pad : 0, "", text,
			last ? 0 : (right ? 0 : pad) + GAP, "");
	}
	(void)fputc('\n', out);
}

void table_print(struct table *t, FILE *out, const char *none)
{
	struct grid g = {t, calloc(t->count + 1, sizeof(*g.cells)),
		calloc(t->columns + 1, sizeof(*g.widths))};

	if (table_rows(t) == 0 && none != NULL) {
		(void)fprintf(out, "%s\n", none);
	} else if (g.cells != NULL && g.widths != NULL && !t->cells.failed) {
		measure(&g);
		for (size_t i = 0; i < t->count; i += t->columns)
			print_row(&g, i, out);
	}
	free(g.cells);
	free(g.widths);
	buf_finish(&t->cells);
	*t = (struct table){0};
}

void print_pair(FILE *out, const char *key, const char *value)
{
	char *copy;

	if (value == NULL || value[0] == '\0')
		return;
	copy = strdup(value);
	if (copy == NULL)
		return;
	tame(copy, false);
	(void)fprintf(out, "%-12s %s\n", key, copy);
	free(copy);
}

void print_pairf(FILE *out, const char *key, const char *fmt, ...)
{
	char text[1024];
	va_list list;

	va_start(list, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, list);
	va_end(list);
	print_pair(out, key, text);
}

/* --- values --- */

const char *print_time(const char *rfc3339, int64_t now_ms, char text[PRINT_SIZE])
{
	struct tm then, now;
	time_t then_s, now_s = (time_t)(now_ms / 1000);
	int64_t ms;

	if (rfc3339 == NULL || !clock_parse_rfc3339(rfc3339, &ms))
		return "-";
	then_s = (time_t)(ms / 1000);
	if (localtime_r(&then_s, &then) == NULL || localtime_r(&now_s, &now) == NULL)
		return "-";
	if (then.tm_year != now.tm_year)
		(void)strftime(text, PRINT_SIZE, "%Y-%m-%d", &then);
	else if (then.tm_yday != now.tm_yday)
		(void)strftime(text, PRINT_SIZE, "%b %d %H:%M", &then);
	else
		(void)strftime(text, PRINT_SIZE, "%H:%M:%S", &then);
	return text;
}

const char *print_bytes(int64_t bytes, char text[PRINT_SIZE])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double amount = (double)bytes / 1024.0;
	size_t unit = 0;

	if (bytes < 1024) {
		(void)snprintf(text, PRINT_SIZE, "%" PRId64 " B", bytes);
		return text;
	}
	while (amount >= 1024.0 && unit < 3) {
		amount /= 1024.0;
		unit++;
	}
	(void)snprintf(text, PRINT_SIZE, "%.1f %s", amount, units[unit]);
	return text;
}

const char *print_duration(int64_t ms, char text[PRINT_SIZE])
{
	int64_t s = ms / 1000;

	if (ms < 0)
		return "-";
	if (s < 10)
		(void)snprintf(text, PRINT_SIZE, "%.2f s", (double)ms / 1000.0);
	else if (s < 60)
		(void)snprintf(text, PRINT_SIZE, "%" PRId64 " s", s);
	else if (s < 3600)
		(void)snprintf(text, PRINT_SIZE, "%" PRId64 "m %02" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(
			text, PRINT_SIZE, "%" PRId64 "h %02" PRId64 "m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(
			text, PRINT_SIZE, "%" PRId64 "d %02" PRId64 "h", s / 86400, s / 3600 % 24);
	return text;
}

const char *print_number(double number, char text[PRINT_SIZE])
{
	if (number == floor(number) && fabs(number) < 1e15)
		(void)snprintf(text, PRINT_SIZE, "%.0f", number);
	else
		(void)snprintf(text, PRINT_SIZE, "%.6g", number);
	return text;
}

const char *print_value(const json_t *v, char text[PRINT_SIZE])
{
	char *compact;

	if (v == NULL || json_is_null(v))
		return "-";
	if (json_is_number(v))
		return print_number(json_number_value(v), text);
	compact = json_is_string(v) ? strdup(json_string_value(v)) : json_compact(v, NULL);
	if (compact == NULL)
		return "-";
	(void)snprintf(text, PRINT_SIZE, "%s", compact);
	if (strlen(compact) >= PRINT_SIZE)
		memcpy(text + PRINT_SIZE - 4, "...", 4);
	free(compact);
	return text;
}

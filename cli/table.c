/* table - see table.h. */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"

#define GAP       2
#define CELLS_MAX ((size_t)256 << 20)
#define CELL_MAX  80 /* columns of a cell; a longer one would pad all others */

static void add(struct table *t, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL) {
		t->cells.failed = true;
		return;
	}
	print_tame(copy);
	if ((t->count + 1) % t->columns != 0)
		print_cut(copy, CELL_MAX);
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

/* series - see series.h. */
#include "series.h"

#include <math.h>
#include <stdbool.h>

#include "base/buf.h"
#include "print.h"
#include "table.h"

#define COLUMNS_MAX 12 /* metrics in the table */
#define CHART_WIDTH 40

struct metric {
	const char *name;
	double first, last, least, most;
	size_t n;
};

/* The number a point has of a metric, if it has one. */
static bool number_at(const json_t *point, const char *name, double *ret)
{
	const json_t *value = json_object_get(json_object_get(point, "values"), name);

	*ret = json_number_value(value);
	return json_is_number(value);
}

static void measure(const json_t *series, struct metric *m)
{
	const json_t *point;
	size_t i;
	double v;

	json_array_foreach(series, i, point)
	{
		if (!number_at(point, m->name, &v))
			continue;
		m->first = m->n == 0 ? v : m->first;
		m->least = m->n == 0 || v < m->least ? v : m->least;
		m->most = m->n == 0 || v > m->most ? v : m->most;
		m->last = v;
		m->n++;
	}
}

/* How high a value stands, 0 to 7. By halves: what lies between two doubles may be more than a
 * double holds. */
static size_t level(const struct metric *m, double v)
{
	double range = m->most / 2.0 - m->least / 2.0;
	double share = range > 0.0 ? (v / 2.0 - m->least / 2.0) / range : 0.5;

	return (size_t)lround(share * 7.0);
}

/* A line of blocks, each the last value of its share of the points. */
static void draw(const json_t *series, const struct metric *m, struct buf *line)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	size_t width = m->n < CHART_WIDTH ? m->n : CHART_WIDTH;
	size_t seen = 0, drawn = 0;
	const json_t *point;
	size_t i;
	double v;

	json_array_foreach(series, i, point)
	{
		if (!number_at(point, m->name, &v))
			continue;
		seen++;
		if (seen * width / m->n == drawn)
			continue;
		drawn++;
		buf_text(line, blocks[level(m, v)]);
	}
}

static void print_chart(FILE *out, const json_t *series, const char *name)
{
	char first[PRINT_SIZE], last[PRINT_SIZE], least[PRINT_SIZE], most[PRINT_SIZE];
	struct metric m = {.name = name};
	struct buf line;

	measure(series, &m);
	if (m.n == 0)
		return;
	buf_init(&line, 4096);
	draw(series, &m, &line);
	print_pairf(out, name, "%s  %s to %s, least %s, most %s", line.p != NULL ? line.p : "",
		print_number(m.first, first), print_number(m.last, last),
		print_number(m.least, least), print_number(m.most, most));
	buf_finish(&line);
}

static json_t *names_of(const json_t *series)
{
	json_t *names = json_object();
	const json_t *point;
	size_t i;

	json_array_foreach(series, i, point)
	{
		const char *name;
		json_t *value;

		json_object_foreach(json_object_get(point, "values"), name, value)(void)
			json_object_set_new(names, name, json_null());
	}
	return names;
}

void series_print_charts(FILE *out, const json_t *series)
{
	json_t *names = names_of(series);
	const char *name;
	json_t *value;

	json_object_foreach(names, name, value)
	{
		print_chart(out, series, name);
	}
	json_decref(names);
}

static void add_point(struct table *t, const json_t *point, const char *const *names, size_t n)
{
	const json_t *values = json_object_get(point, "values");
	char text[PRINT_SIZE];

	table_cell(t, print_value(json_object_get(point, "step"), text));
	for (size_t i = 0; i < n; i++)
		table_cell(t, print_value(json_object_get(values, names[i]), text));
}

size_t series_print_table(FILE *out, const json_t *series)
{
	json_t *names = names_of(series);
	char shown[COLUMNS_MAX][PRINT_SIZE];
	const char *heads[1 + COLUMNS_MAX] = {">STEP"};
	const char *columns[COLUMNS_MAX];
	size_t all = json_object_size(names);
	const json_t *point;
	const char *name;
	json_t *value;
	size_t n = 0, i;
	struct table t;

	json_object_foreach(names, name, value)
	{
		if (n == COLUMNS_MAX)
			break;
		heads[1 + n] = print_head(name, shown[n]);
		columns[n++] = name;
	}
	table_init(&t, heads, 1 + n);
	json_array_foreach(series, i, point)
	{
		add_point(&t, point, columns, n);
	}
	table_print(&t, out, "no metrics were reported");
	json_decref(names);
	return all - n;
}

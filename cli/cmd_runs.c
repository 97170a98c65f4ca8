/* cmd_runs - runs: a table of parameters and metrics, and one run over time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/id.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "print.h"
#include "runs.h"
#include "show.h"

#define COLUMNS_MAX 12 /* of parameters and metrics in the table */
#define CHART_WIDTH 40

/* --- names of columns --- */

/* Collects the members of each run's object under a key; with differing only those whose values
 * are not the same everywhere. */
static json_t *names_of(const json_t *runs, const char *key, bool differing)
{
	json_t *names = json_object();
	const json_t *run;
	size_t i;

	json_array_foreach(runs, i, run)
	{
		const char *name;
		json_t *value;

		json_object_foreach(json_object_get(run, key), name, value)(void)
			json_object_set_new(names, name, json_null());
	}
	for (void *it = json_object_iter(names); differing && it != NULL;) {
		const char *name = json_object_iter_key(it);
		const json_t *first =
			json_object_get(json_object_get(json_array_get(runs, 0), key), name);
		bool same = true;

		it = json_object_iter_next(names, it);
		json_array_foreach(runs, i, run)
		{
			const json_t *v = json_object_get(json_object_get(run, key), name);

			same = same && (v == first || (v != NULL && json_equal(v, first)));
		}
		if (same)
			(void)json_object_del(names, name);
	}
	return names;
}

/* --- the table --- */

struct columns {
	const char *heads[5 + COLUMNS_MAX];
	char shown[COLUMNS_MAX][PRINT_SIZE]; /* heads that align to the right */
	const char *keys[COLUMNS_MAX];
	const char *names[COLUMNS_MAX];
	size_t count; /* of the two */
	size_t left_out;
};

static void add_column(struct columns *columns, const char *key, const char *name)
{
	size_t i = columns->count;

	if (i == COLUMNS_MAX) {
		columns->left_out++;
		return;
	}
	(void)snprintf(columns->shown[i], PRINT_SIZE, ">%s", name);
	columns->heads[5 + i] = columns->shown[i];
	columns->keys[i] = key;
	columns->names[i] = name;
	columns->count++;
}

/* A column for each name but one. */
static void add_columns(struct columns *columns, const char *key, json_t *names, const char *but)
{
	const char *name;
	json_t *value;

	json_object_foreach(names, name, value)
	{
		if (but == NULL || strcmp(name, but) != 0)
			add_column(columns, key, name);
	}
}

static void add_run(struct table *t, const json_t *run, const struct columns *columns)
{
	char text[PRINT_SIZE];

	table_cell(t, json_text_or(run, "id", ""));
	table_cell(t, json_text_or(run, "name", ""));
	table_cell(t, json_text_or(run, "state", ""));
	table_cell(t, print_time(json_text_or(run, "created", NULL), clock_now_ms(), text));
	table_cell(t, json_is_number(json_object_get(run, "seconds"))
			      ? print_duration((int64_t)(1000.0 * json_number_value(json_object_get(
									  run, "seconds"))),
					text)
			      : "-");
	for (size_t i = 0; i < columns->count; i++)
		table_cell(t, print_value(json_object_get(json_object_get(run, columns->keys[i]),
						  columns->names[i]),
				      text));
}

/* best: the metric they were chosen by, or NULL. */
static void print_runs(const json_t *runs, const char *best)
{
	struct columns columns = {
		{"RUN", "NAME", "STATE", "CREATED", ">TOOK"}, {{0}}, {0}, {0}, 0, 0};
	json_t *metrics = names_of(runs, "metrics", false);
	json_t *parameters = names_of(runs, "parameters", json_array_size(runs) > 1);
	const json_t *run;
	struct table t;
	size_t i;

	if (best != NULL && json_object_get(metrics, best) != NULL)
		add_column(&columns, "metrics", best);
	add_columns(&columns, "parameters", parameters, NULL);
	add_columns(&columns, "metrics", metrics, best);
	table_init(&t, columns.heads, 5 + columns.count);
	json_array_foreach(runs, i, run)
	{
		add_run(&t, run, &columns);
	}
	table_print(&t, stdout, "no runs");
	if (columns.left_out > 0)
		(void)fprintf(stderr, "%zu more columns are left out; --json has them all\n",
			columns.left_out);
	json_decref(metrics);
	json_decref(parameters);
}

static int list_runs(struct cli *c)
{
	static const char *const filters[] = {"project", "provider", "name", "state"};
	const char *best = args_text(&c->args, "best");
	int64_t limit = 20;
	struct fail f = {0};
	char number[32];
	struct buf path;
	json_t *answer, *runs;

	if (!args_int(&c->args, "limit", 1, 1000, &limit, &f))
		return cli_usage(c, "%s", f.text);
	if (best == NULL && args_has(&c->args, "lowest"))
		return cli_usage(c, "--lowest goes with --best METRIC");
	buf_init(&path, PATH_LIMIT);
	buf_text(&path, "/v1/runs");
	for (size_t i = 0; i < COUNT(filters); i++)
		http_query(&path, filters[i], args_text(&c->args, filters[i]));
	(void)snprintf(number, sizeof(number), "%lld", (long long)limit);
	http_query(&path, "limit", number);
	http_query(&path, "metric", best);
	http_query(&path, "order", args_has(&c->args, "lowest") ? "min" : NULL);
	answer = cli_ask_path(c, "GET", NULL, &path, NULL);
	runs = json_incref(json_object_get(answer, "runs"));
	json_decref(answer);
	if (answer == NULL || c->json)
		return answer != NULL ? cli_json(runs) : c->code;
	print_runs(runs, best);
	json_decref(runs);
	return EXIT_DONE;
}

/* --- one run --- */

struct metric {
	const char *name;
	double first, last, least, most;
	size_t n;
};

static void measure(const json_t *series, struct metric *m)
{
	const json_t *point;
	size_t i;

	json_array_foreach(series, i, point)
	{
		const json_t *value = json_object_get(json_object_get(point, "values"), m->name);
		double v = json_number_value(value);

		if (!json_is_number(value))
			continue;
		m->first = m->n == 0 ? v : m->first;
		m->least = m->n == 0 || v < m->least ? v : m->least;
		m->most = m->n == 0 || v > m->most ? v : m->most;
		m->last = v;
		m->n++;
	}
}

/* A line of blocks, each the last value of its share of the points. */
static void draw(const json_t *series, const struct metric *m, struct buf *line)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	size_t width = m->n < CHART_WIDTH ? m->n : CHART_WIDTH;
	size_t seen = 0, drawn = 0;
	const json_t *point;
	size_t i;

	json_array_foreach(series, i, point)
	{
		const json_t *value = json_object_get(json_object_get(point, "values"), m->name);
		double share;

		if (!json_is_number(value))
			continue;
		seen++;
		if (seen * width / m->n == drawn)
			continue;
		drawn++;
		share = m->most > m->least
		                ? (json_number_value(value) - m->least) / (m->most - m->least)
		                : 0.5;
		buf_text(line, blocks[(size_t)lround(share * 7.0)]);
	}
}

static void print_metric(const json_t *series, const char *name)
{
	char first[PRINT_SIZE], last[PRINT_SIZE], least[PRINT_SIZE], most[PRINT_SIZE];
	struct metric m = {.name = name};
	struct buf line;

	measure(series, &m);
	if (m.n == 0)
		return;
	buf_init(&line, 4096);
	draw(series, &m, &line);
	print_pairf(stdout, name, "%s  %s to %s, least %s, most %s", line.p != NULL ? line.p : "",
		print_number(m.first, first), print_number(m.last, last),
		print_number(m.least, least), print_number(m.most, most));
	buf_finish(&line);
}

static json_t *series_names(const json_t *series)
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

static void print_series(const json_t *series, bool as_table)
{
	json_t *names = series_names(series);
	const char *heads[1 + COLUMNS_MAX] = {"STEP"};
	size_t columns = 1;
	const char *name;
	json_t *value, *point;
	struct table t;
	size_t i;

	json_object_foreach(names, name, value)
	{
		if (!as_table)
			print_metric(series, name);
		else if (columns <= COLUMNS_MAX)
			heads[columns++] = name;
	}
	if (as_table) {
		table_init(&t, heads, columns);
		json_array_foreach(series, i, point)
		{
			char text[PRINT_SIZE];

			table_cell(&t, print_value(json_object_get(point, "step"), text));
			for (size_t n = 1; n < columns; n++)
				table_cell(&t, print_value(json_object_get(
								   json_object_get(point, "values"),
								   heads[n]),
						       text));
		}
		table_print(&t, stdout, "no metrics were reported");
	}
	json_decref(names);
}

static void print_reference(const char *key, const json_t *reference)
{
	const char *digest = json_text_or(reference, "sha256", NULL);
	const json_t *version = json_object_get(reference, "version");
	char number[32] = "";

	if (json_is_integer(version))
		(void)snprintf(
			number, sizeof(number), "@v%lld", (long long)json_integer_value(version));
	if (json_is_object(reference))
		print_pairf(stdout, key, "%s%s%s%.16s", json_text_or(reference, "name", "?"),
			number, digest != NULL ? " sha256 " : "", digest != NULL ? digest : "");
}

static void print_run(const json_t *run)
{
	char *parameters = show_words(json_object_get(run, "parameters"));
	char *metrics = show_words(json_object_get(run, "metrics"));
	char text[PRINT_SIZE];

	print_pairf(
		stdout, "run", "%s %s", json_text_or(run, "id", ""), json_text_or(run, "name", ""));
	print_pair(stdout, "state", json_text_or(run, "state", ""));
	print_pair(stdout, "error", json_text_or(run, "error", ""));
	print_pair(stdout, "project", json_text_or(run, "project", ""));
	print_pair(stdout, "created",
		print_time(json_text_or(run, "created", NULL), clock_now_ms(), text));
	print_pair(stdout, "rerun of", json_text_or(run, "rerun_of", ""));
	print_reference("dataset", json_object_get(run, "dataset"));
	print_reference("script", json_object_get(run, "script"));
	print_pair(stdout, "command", json_text_or(run, "command", ""));
	print_pair(stdout, "parameters", parameters);
	print_pair(stdout, "metrics", metrics);
	free(parameters);
	free(metrics);
}

/* "digits~2" as "digits" and 2, the third newest; to be freed. */
static char *split_back(const char *word, size_t *ret_back)
{
	const char *tilde = strrchr(word, '~');
	char *end = NULL;
	unsigned long back = tilde != NULL ? strtoul(tilde + 1, &end, 10) : 0;
	bool counted =
		tilde != NULL && tilde != word && end != tilde + 1 && *end == '\0' && back < 1000;

	*ret_back = counted ? (size_t)back : 0;
	return counted ? strndup(word, (size_t)(tilde - word)) : strdup(word);
}

char *runs_id(struct cli *c, const char *word)
{
	size_t back;
	char *name, *found = NULL;
	struct buf path;
	json_t *answer;
	const char *id;

	if (id_valid(word))
		return strdup(word);
	name = split_back(word, &back);
	buf_init(&path, PATH_LIMIT);
	buf_printf(&path, "/v1/runs?limit=%zu", back + 1);
	http_query(&path, "name", name);
	free(name);
	answer = cli_ask_path(c, "GET", NULL, &path, NULL);
	if (answer == NULL)
		return NULL;
	id = json_text_or(json_array_get(json_object_get(answer, "runs"), back), "id", NULL);
	if (id != NULL)
		found = strdup(id);
	else
		(void)cli_fail(
			c, EXIT_REFUSED, "there is no run '%s', neither by id nor by name", word);
	json_decref(answer);
	return found;
}

int cmd_runs(struct cli *c)
{
	const char *word = args_word(&c->args, 0);
	char *id;
	json_t *run;

	if (word == NULL)
		return list_runs(c);
	id = runs_id(c, word);
	run = id != NULL ? cli_get(c, "/v1/runs/%s", id) : NULL;
	free(id);
	if (run == NULL || c->json)
		return run != NULL ? cli_json(run) : c->code;
	if (!args_has(&c->args, "series"))
		print_run(run);
	print_series(json_object_get(run, "series"), args_has(&c->args, "series"));
	json_decref(run);
	return EXIT_DONE;
}

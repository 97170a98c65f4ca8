/* cmd_runs - runs: a table of parameters and metrics, and one run over time. */
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
#include "series.h"
#include "show.h"
#include "table.h"

#define COLUMNS_MAX 12   /* of parameters and metrics in the table */
#define LOOK_BACK   1000 /* runs whose metrics are named where the one asked for is none */

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
	char shown[COLUMNS_MAX][PRINT_SIZE]; /* heads */
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
	columns->heads[5 + i] = print_head(name, columns->shown[i]);
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

static const char *print_seconds(const json_t *seconds, char text[PRINT_SIZE])
{
	double ms = 1000.0 * json_number_value(seconds);

	return json_is_number(seconds) && ms >= 0.0 && ms < 1e15 ? print_duration((int64_t)ms, text)
	                                                         : "-";
}

static void add_run(struct table *t, const json_t *run, const struct columns *columns)
{
	char text[PRINT_SIZE];

	table_cell(t, json_text_or(run, "id", ""));
	table_cell(t, json_text_or(run, "name", ""));
	table_cell(t, json_text_or(run, "state", ""));
	table_cell(t, print_time(json_text_or(run, "created", NULL), clock_now_ms(), text));
	table_cell(t, print_seconds(json_object_get(run, "seconds"), text));
	for (size_t i = 0; i < columns->count; i++)
		table_cell(t, print_value(json_object_get(json_object_get(run, columns->keys[i]),
						  columns->names[i]),
				      text));
}

static void tell_left_out(size_t n, const char *what)
{
	if (n > 0)
		(void)fprintf(stderr, "%zu more %s are left out; --json has them all\n", n, what);
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
	tell_left_out(columns.left_out, "columns");
	json_decref(metrics);
	json_decref(parameters);
}

/* The path of a list by the filters given; metric: what it is ordered by, or NULL. */
static void compose_path(const struct cli *c, int64_t limit, const char *metric, struct buf *path)
{
	static const char *const filters[] = {"project", "provider", "name", "state"};
	char number[32];

	buf_init(path, PATH_LIMIT);
	buf_text(path, "/v1/runs");
	for (size_t i = 0; i < COUNT(filters); i++)
		http_query(path, filters[i], args_text(&c->args, filters[i]));
	(void)snprintf(number, sizeof(number), "%lld", (long long)limit);
	http_query(path, "limit", number);
	http_query(path, "metric", metric);
	http_query(path, "order", metric != NULL && args_has(&c->args, "lowest") ? "min" : NULL);
}

/* An array; NULL: told. */
static json_t *fetch_runs(struct cli *c, int64_t limit, const char *metric)
{
	struct buf path;
	json_t *answer, *runs;

	compose_path(c, limit, metric, &path);
	answer = cli_ask_path(c, "GET", NULL, &path, NULL);
	runs = json_incref(json_object_get(answer, "runs"));
	json_decref(answer);
	return answer != NULL && runs == NULL ? json_array() : runs;
}

/* No run has the metric asked for: a wrong word, unless there are no runs at all. */
static int tell_metrics(struct cli *c, const char *best)
{
	json_t *runs = fetch_runs(c, LOOK_BACK, NULL);
	json_t *metrics = runs != NULL ? names_of(runs, "metrics", false) : NULL;
	char *words = show_names(metrics);

	if (runs == NULL) {
		json_decref(metrics);
		free(words);
		return c->code;
	}
	if (words != NULL && words[0] != '\0')
		(void)cli_fail(
			c, EXIT_NEGATIVE, "no run reported '%s'; there are: %s", best, words);
	else if (json_array_size(runs) > 0)
		(void)cli_fail(c, EXIT_NEGATIVE, "no run reported '%s' or any other metric", best);
	else if (!c->json)
		(void)puts("no runs");
	free(words);
	json_decref(metrics);
	json_decref(runs);
	return c->code;
}

static int list_runs(struct cli *c)
{
	const char *best = args_text(&c->args, "best");
	int64_t limit = 20;
	struct fail f = {0};
	json_t *runs;
	bool none;

	if (!args_int(&c->args, "limit", 1, 1000, &limit, &f))
		return cli_usage(c, "%s", f.text);
	if (best == NULL && args_has(&c->args, "lowest"))
		return cli_usage(c, "--lowest goes with --best METRIC");
	runs = fetch_runs(c, limit, best);
	if (runs == NULL)
		return c->code;
	none = best != NULL && json_array_size(runs) == 0;
	if (c->json) {
		(void)cli_json(runs);
	} else {
		if (!none)
			print_runs(runs, best);
		json_decref(runs);
	}
	return none ? tell_metrics(c, best) : EXIT_DONE;
}

/* --- one run --- */

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

	print_pairf(
		stdout, "run", "%s %s", json_text_or(run, "id", ""), json_text_or(run, "name", ""));
	print_pair(stdout, "state", json_text_or(run, "state", ""));
	print_pair(stdout, "error", json_text_or(run, "error", ""));
	print_pair(stdout, "project", json_text_or(run, "project", ""));
	print_pair_time(stdout, "created", json_text_or(run, "created", NULL));
	print_pair(stdout, "rerun of", json_text_or(run, "rerun_of", ""));
	print_reference("dataset", json_object_get(run, "dataset"));
	print_reference("script", json_object_get(run, "script"));
	print_reference("folder", json_object_get(run, "folder"));
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
	static const char *const of_lists[] = {
		"best", "lowest", "project", "provider", "name", "state", "limit", NULL};
	const char *word = args_word(&c->args, 0);
	char *id;
	json_t *run;

	if (word == NULL && args_has(&c->args, "series"))
		return cli_usage(c, "--series is of one run: name it");
	if (word == NULL)
		return list_runs(c);
	if (!cli_alone(c, of_lists))
		return c->code;
	id = runs_id(c, word);
	run = id != NULL ? cli_get(c, "/v1/runs/%s", id) : NULL;
	free(id);
	if (run == NULL || c->json)
		return run != NULL ? cli_json(run) : c->code;
	if (args_has(&c->args, "series")) {
		tell_left_out(
			series_print_table(stdout, json_object_get(run, "series")), "metrics");
	} else {
		print_run(run);
		series_print_charts(stdout, json_object_get(run, "series"));
	}
	json_decref(run);
	return EXIT_DONE;
}

/* cmd_compare - runs compare: runs side by side, what differs first. */
#include <stdlib.h>

#include "base/attr.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "print.h"
#include "runs.h"
#include "table.h"

#define INPUT_SIZE 256

/* Rows of names whose values differ, or those that do not. */
static void add_names(
	struct table *t, const json_t *runs, const char *kind, json_t *what, bool differing)
{
	const char *name;
	json_t *row;

	json_object_foreach(what, name, row)
	{
		const json_t *run;
		bool same = json_object_size(row) == json_array_size(runs);
		const json_t *first = NULL;
		size_t i;

		json_array_foreach(runs, i, run)
		{
			const json_t *v = json_object_get(row, json_text_or(run, "id", ""));

			first = i == 0 ? v : first;
			same = same && v != NULL && json_equal(v, first);
		}
		if (same == differing)
			continue;
		table_cell(t, kind);
		table_cell(t, name);
		json_array_foreach(runs, i, run)
		{
			char text[PRINT_SIZE];

			table_cell(t, print_value(json_object_get(row, json_text_or(run, "id", "")),
					      text));
		}
	}
}

/* What a run was made of, as one cell: "digits@v2 1fe166c79", "train.py 03ab12cd4". */
static const char *input_of(const json_t *run, const char *member, char text[INPUT_SIZE])
{
	const json_t *v = json_object_get(run, member);
	const json_t *version = json_object_get(v, "version");
	char number[32] = "";

	if (json_is_string(v))
		return json_string_value(v);
	if (!json_is_object(v))
		return "";
	if (json_is_integer(version))
		(void)snprintf(
			number, sizeof(number), "@v%lld", (long long)json_integer_value(version));
	(void)snprintf(text, INPUT_SIZE, "%.200s%s %.12s", json_text_or(v, "name", "?"), number,
		json_text_or(v, "sha256", ""));
	return text;
}

/* Rows of inputs that differ, or of those that do not; of none that no run has. */
static void add_inputs(struct table *t, const json_t *runs, const char *kind, bool differing)
{
	static const char *const members[] = {"dataset", "script", "folder", "command"};
	const json_t *first = json_array_get(runs, 0);
	const json_t *run;
	size_t r;

	for (size_t i = 0; i < COUNT(members); i++) {
		bool any = false, same = true;

		json_array_foreach(runs, r, run)
		{
			const json_t *v = json_object_get(run, members[i]);

			any = any || !json_is_null(v);
			same = same && json_equal(v, json_object_get(first, members[i]));
		}
		if (!any || same == differing)
			continue;
		table_cell(t, kind);
		table_cell(t, members[i]);
		json_array_foreach(runs, r, run)
		{
			char text[INPUT_SIZE];

			table_cell(t, input_of(run, members[i], text));
		}
	}
}

static void print_comparison(const json_t *answer)
{
	const json_t *runs = json_object_get(answer, "runs");
	size_t n = json_array_size(runs);
	const char **heads = calloc(n + 2, sizeof(*heads));
	struct table t;

	if (heads == NULL)
		return;
	heads[0] = "";
	heads[1] = "NAME";
	for (size_t i = 0; i < n; i++)
		heads[i + 2] = json_text_or(json_array_get(runs, i), "id", "?");
	table_init(&t, heads, n + 2);
	add_names(&t, runs, "parameter", json_object_get(answer, "parameters"), true);
	add_names(&t, runs, "metric", json_object_get(answer, "metrics"), true);
	add_inputs(&t, runs, "input", true);
	add_names(&t, runs, "same parameter", json_object_get(answer, "parameters"), false);
	add_names(&t, runs, "same metric", json_object_get(answer, "metrics"), false);
	add_inputs(&t, runs, "same input", false);
	table_print(&t, stdout, "the runs have neither parameters nor metrics");
	free(heads);
}

int cmd_runs_compare(struct cli *c)
{
	struct buf ids, path;
	json_t *answer;

	buf_init(&ids, PATH_LIMIT);
	for (size_t i = 0; i < c->args.word_count; i++) {
		char *id = runs_id(c, c->args.words[i]);

		if (id == NULL) {
			buf_finish(&ids);
			return c->code;
		}
		buf_printf(&ids, "%s%s", i > 0 ? "," : "", id);
		free(id);
	}
	buf_init(&path, PATH_LIMIT);
	buf_printf(&path, "/v1/runs/compare?ids=%s", ids.p);
	buf_finish(&ids);
	answer = cli_ask_path(c, "GET", NULL, &path, NULL);
	if (answer == NULL || c->json)
		return answer != NULL ? cli_json(answer) : c->code;
	print_comparison(answer);
	json_decref(answer);
	return EXIT_DONE;
}

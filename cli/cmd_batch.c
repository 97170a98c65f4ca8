/* cmd_batch - batch create, list, show, cancel, delete, results. */
#include <ctype.h>
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
#include "object.h"
#include "print.h"
#include "show.h"
#include "table.h"
#include "wait.h"
#include "work.h"

#define FAMILY  "pipelines/inference"
#define RESULTS "predictions.jsonl"

/* --- create --- */

static bool put_number(struct cli *c, json_t *body, const char *member, const char *option)
{
	struct fail f = {0};
	int64_t value = 0;

	if (!args_int(&c->args, option, 1, 1000000, &value, &f))
		return cli_usage(c, "%s", f.text) == EXIT_DONE;
	if (value > 0)
		(void)json_object_set_new(body, member, json_integer(value));
	return true;
}

/* Columns by name, or by number from 0. */
static void put_exclude(struct cli *c, json_t *body)
{
	json_t *columns = json_array();
	const char *word;
	size_t at = 0;

	while ((word = args_next(&c->args, "exclude", &at)) != NULL) {
		bool number = word[0] != '\0' && word[strspn(word, "0123456789")] == '\0';

		(void)json_array_append_new(columns,
			number ? json_integer(strtoll(word, NULL, 10)) : json_string(word));
	}
	if (json_array_size(columns) > 0)
		(void)json_object_set_new(
			body, "instances", json_pack("{s:O}", "exclude", columns));
	json_decref(columns);
}

/* Takes body over; NULL: told. */
static json_t *complete(struct cli *c, json_t *body)
{
	if (args_has(&c->args, "skip-errors"))
		(void)json_object_set_new(body, "on_error", json_string("skip"));
	put_exclude(c, body);
	if (put_number(c, body, "batch_size", "batch") &&
		put_number(c, body, "concurrency", "concurrency") &&
		work_put_file(c, body, "requirements", "requirements") &&
		work_put_pairs(c, body, "environment", "env", false) &&
		work_put_pairs(c, body, "limits", "limit", true))
		return body;
	json_decref(body);
	return NULL;
}

/* The name of a model by a reference that may be an id; to be freed, NULL: told. */
static char *name_of_model(struct cli *c, const char *model)
{
	json_t *object;
	char *name;

	if (!id_valid(model))
		return strndup(model, strcspn(model, "@:"));
	object = object_get(c, "models", model);
	name = object != NULL ? strdup(json_text_or(object, "name", model)) : NULL;
	json_decref(object);
	return name;
}

int cmd_batch_create(struct cli *c)
{
	const char *model = args_word(&c->args, 0);
	const char *given = args_text(&c->args, "name");
	char *name = given != NULL ? strdup(given) : name_of_model(c, model);
	char *dataset = name != NULL ? work_dataset(c, args_word(&c->args, 1)) : NULL;
	json_t *body, *object;
	int code;

	if (dataset == NULL) {
		free(name);
		return c->code;
	}
	body = complete(
		c, json_pack("{s:s, s:s, s:s}", "name", name, "model", model, "dataset", dataset));
	free(name);
	free(dataset);
	object = body != NULL ? work_create(c, "/" FAMILY, body) : NULL;
	if (object == NULL)
		return c->code;
	code = wait_as_asked(
		c, json_text_or(object, "job", json_text_or(object, "id", "")), "the batch");
	json_decref(object);
	return code;
}

/* --- list and show --- */

static void add_batch(struct table *t, const json_t *b, int64_t now_ms)
{
	char created[PRINT_SIZE];
	char *metrics = show_words(object_at(b, "metrics"));

	table_cell(t, json_text_or(b, "id", ""));
	table_cell(t, json_text_or(b, "name", ""));
	table_cell(t, json_text_or(b, "state", ""));
	table_cell(t, print_time(json_text_or(b, "created", NULL), now_ms, created));
	table_cell(t, json_text_or(b, "error", metrics));
	free(metrics);
}

int cmd_batch_list(struct cli *c)
{
	static const char *const heads[] = {"ID", "NAME", "STATE", "CREATED", "NOTE"};

	return show_list(
		c, object_list(c, FAMILY), heads, COUNT(heads), add_batch, "no batch predictions");
}

static void print_part(const char *key, const json_t *batch)
{
	const json_t *part = object_at(batch, key);
	char *label;

	if (!json_is_object(part))
		return;
	label = object_label(part);
	print_pairf(stdout, key, "%s %s", label, json_text_or(part, "id", ""));
	free(label);
}

static void print_batch(const json_t *b)
{
	char *metrics = show_words(object_at(b, "metrics"));

	print_pairf(
		stdout, "batch", "%s %s", json_text_or(b, "id", ""), json_text_or(b, "name", ""));
	print_pair(stdout, "state", json_text_or(b, "state", ""));
	print_pair(stdout, "failed", json_text_or(b, "error", ""));
	print_part("model", b);
	print_part("dataset", b);
	print_pair(stdout, "metrics", metrics);
	print_pair_time(stdout, "created", json_text_or(b, "created", NULL));
	free(metrics);
}

int cmd_batch_show(struct cli *c)
{
	return show_one(c, object_get(c, FAMILY, args_word(&c->args, 0)), print_batch);
}

/* --- its end --- */

/* The job of a batch by id or name; to be freed, NULL: told. */
static char *batch_job(struct cli *c, const char *word)
{
	json_t *batch = object_get(c, FAMILY, word);
	char *id = batch != NULL
	                   ? strdup(json_text_or(batch, "job", json_text_or(batch, "id", word)))
	                   : NULL;

	json_decref(batch);
	return id;
}

int cmd_batch_cancel(struct cli *c)
{
	char *id = batch_job(c, args_word(&c->args, 0));
	json_t *row =
		id != NULL ? cli_ask(c, "POST", NULL, SERVICE "/" FAMILY "/%s/cancel", id) : NULL;

	free(id);
	return show_made(c, object_of_row(row), "batch");
}

int cmd_batch_delete(struct cli *c)
{
	return show_deleted(c, "/" FAMILY "/%s", "batch");
}

int cmd_batch_results(struct cli *c)
{
	const char *file = cli_download_file(c);
	char *id = file != NULL ? batch_job(c, args_word(&c->args, 0)) : NULL;
	bool ok = id != NULL && work_output(c, id, RESULTS, file);

	free(id);
	if (ok && c->json)
		return cli_json(json_pack("{s:s, s:s}", "path", RESULTS, "file", file));
	return ok ? EXIT_DONE : c->code;
}

/* cmd_datasets - datasets list, show, create, tag, export, delete. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "object.h"
#include "print.h"
#include "show.h"
#include "table.h"
#include "work.h"

/* --- list and show --- */

static void add_dataset(struct table *t, const json_t *d, int64_t now_ms)
{
	char bytes[PRINT_SIZE], created[PRINT_SIZE];
	char *label = object_label(d);
	char *tags = show_words(object_at(d, "tags"));

	table_cell(t, label);
	table_cell(t, json_text_or(d, "id", ""));
	table_cell(t, tags);
	table_cell(t, print_bytes(json_int_or(d, "bytes", 0), bytes));
	table_cellf(t, "%lld", (long long)json_integer_value(object_at(d, "lines")));
	table_cell(t, json_text_or(d, "format", ""));
	table_cell(t, print_time(json_text_or(d, "created", NULL), now_ms, created));
	free(label);
	free(tags);
}

int cmd_datasets_list(struct cli *c)
{
	static const char *const heads[] = {
		"DATASET", "ID", "TAGS", ">BYTES", ">LINES", "FORMAT", "CREATED"};

	return show_list(
		c, object_list(c, "datasets"), heads, COUNT(heads), add_dataset, "no data sets");
}

static void print_users(const json_t *dataset)
{
	const json_t *users = object_at(dataset, "used_by");
	const json_t *user;
	size_t i;

	json_array_foreach(users, i, user)
	{
		print_pairf(stdout, i == 0 ? "used by" : "", "%s %s (%s)",
			json_text_or(user, "id", ""), json_text_or(user, "name", ""),
			json_text_or(user, "kind", ""));
	}
}

static void print_dataset(const json_t *d)
{
	char text[PRINT_SIZE];
	char *label = object_label(d);
	char *tags = show_words(object_at(d, "tags"));

	print_pair(stdout, "dataset", label);
	print_pair(stdout, "id", json_text_or(d, "id", ""));
	print_pair(stdout, "state", json_text_or(d, "state", ""));
	print_pair(stdout, "tags", tags);
	print_pairf(stdout, "content", "%s, %lld lines, %s",
		print_bytes(json_int_or(d, "bytes", 0), text),
		(long long)json_integer_value(object_at(d, "lines")),
		json_text_or(d, "format", "?"));
	print_pair(stdout, "sha256", object_text(d, "sha256"));
	print_pair_time(stdout, "created", json_text_or(d, "created", NULL));
	print_pair(stdout, "description", object_text(d, "description"));
	print_users(d);
	free(label);
	free(tags);
}

int cmd_datasets_show(struct cli *c)
{
	return show_one(c, object_get(c, "datasets", args_word(&c->args, 0)), print_dataset);
}

/* --- changes --- */

static json_t *dataset_members(struct cli *c)
{
	static const char *const members[] = {"format", "description"};
	json_t *more = json_object();
	json_t *tags = show_values(c, "tag");

	for (size_t i = 0; i < COUNT(members); i++) {
		const char *text = args_text(&c->args, members[i]);

		if (text != NULL)
			(void)json_object_set_new(more, members[i], json_string(text));
	}
	if (json_array_size(tags) > 0)
		(void)json_object_set(more, "tags", tags);
	json_decref(tags);
	return more;
}

int cmd_datasets_create(struct cli *c)
{
	const char *file = args_word(&c->args, 0);
	const char *name = args_text(&c->args, "name");
	char *stem;
	json_t *dataset;

	if (name == NULL && strcmp(file, "-") == 0)
		return cli_usage(c, "data from standard input needs a --name");
	stem = cli_stem(file);
	dataset = work_upload(c, name != NULL ? name : stem, file, dataset_members(c));
	free(stem);
	return show_made(c, dataset, "data set");
}

int cmd_datasets_tag(struct cli *c)
{
	return show_marks(c, "/datasets/%s/tags", "tag");
}

int cmd_datasets_export(struct cli *c)
{
	const char *word = args_word(&c->args, 0);
	const char *file;
	json_t *body;
	struct buf path;
	bool ok;

	if (args_has(&c->args, "to") && args_has(&c->args, "output"))
		return cli_usage(c, "it goes to one place: -o or --to");
	if (args_has(&c->args, "to"))
		return show_exported(c, "/datasets/%s/export");
	file = cli_download_file(c);
	if (file == NULL)
		return c->code;
	body = json_pack("{s:b}", "download", 1);
	buf_init(&path, PATH_LIMIT);
	http_path(&path, SERVICE "/datasets/%s/export", &word);
	ok = cli_download(c, "POST", body, &path, file);
	json_decref(body);
	if (ok && c->json)
		return cli_json(json_pack("{s:s, s:s}", "dataset", word, "file", file));
	return ok ? EXIT_DONE : c->code;
}

int cmd_datasets_delete(struct cli *c)
{
	return show_deleted(c, "/datasets/%s", "data set");
}

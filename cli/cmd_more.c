/* cmd_more - small commands: venvs, outputs, run-function. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "object.h"
#include "print.h"
#include "table.h"
#include "work.h"

/* --- venvs --- */

int cmd_venvs_list(struct cli *c)
{
	bool missing = false;
	struct buf path;
	json_t *names;
	const json_t *name;
	size_t i;

	buf_init(&path, PATH_LIMIT);
	buf_text(&path, "/venvs");
	names = cli_ask_path(c, "GET", NULL, &path, &missing);
	if (missing)
		names = json_array(); /* none was made yet */
	if (names == NULL || c->json)
		return names != NULL ? cli_json(names) : c->code;
	json_array_foreach(names, i, name)
	{
		if (json_is_string(name))
			print_lines(stdout, "", json_string_value(name));
	}
	if (json_array_size(names) == 0)
		(void)puts("no environments");
	json_decref(names);
	return EXIT_DONE;
}

int cmd_venvs_delete(struct cli *c)
{
	json_t *names = json_array();
	const json_t *missing, *name;
	json_t *answer;
	size_t i;

	for (i = 0; i < c->args.word_count; i++)
		(void)json_array_append_new(names, json_string(c->args.words[i]));
	answer = cli_ask(c, "DELETE", names, "/venvs");
	json_decref(names);
	if (answer == NULL)
		return c->code;
	json_array_foreach(json_object_get(answer, "deleted"), i, name)
	{
		if (!c->json && json_is_string(name))
			print_line(stdout, "environment %s deleted", json_string_value(name));
	}
	missing = json_object_get(answer, "not_found");
	json_array_foreach(missing, i, name)
	{
		if (json_is_string(name))
			(void)cli_fail(c, EXIT_REFUSED,
				"there is no environment '%s' ('davit venvs list' lists them)",
				json_string_value(name));
	}
	if (c->json)
		(void)cli_json(answer);
	else
		json_decref(answer);
	return c->code;
}

/* --- outputs --- */

static int list_outputs(struct cli *c, const char *id)
{
	static const char *const heads[] = {">BYTES", "FILE"}; /* the last is never cut */
	json_t *answer = cli_get(c, "/v1/jobs/%s/outputs", id);
	const json_t *items = json_object_get(answer, "items");
	const json_t *item;
	struct table t;
	size_t i;

	if (answer == NULL)
		return c->code;
	if (c->json) {
		json_t *list = json_deep_copy(items);

		json_decref(answer);
		return cli_json(list);
	}
	table_init(&t, heads, COUNT(heads));
	json_array_foreach(items, i, item)
	{
		char bytes[PRINT_SIZE];

		table_cell(&t, print_bytes(json_int_or(item, "bytes", 0), bytes));
		table_cell(&t, json_text_or(item, "path", ""));
	}
	table_print(&t, stdout, "the job left no files");
	json_decref(answer);
	return EXIT_DONE;
}

bool work_output(struct cli *c, const char *id, const char *name, const char *file)
{
	struct buf path;

	buf_init(&path, PATH_LIMIT);
	http_path(&path, "/v1/jobs/%s/outputs", &id);
	http_query(&path, "path", name);
	return cli_download(c, "GET", NULL, &path, file);
}

int cmd_outputs(struct cli *c)
{
	const char *name = args_word(&c->args, 1);
	const char *file = name != NULL ? cli_download_file(c) : "";
	char *id = file != NULL ? object_job_id(c, args_word(&c->args, 0)) : NULL;
	int code;

	if (id == NULL)
		return c->code;
	if (name == NULL)
		code = list_outputs(c, id);
	else
		code = work_output(c, id, name, file) ? EXIT_DONE : c->code;
	free(id);
	if (code == EXIT_DONE && name != NULL && c->json)
		return cli_json(json_pack("{s:s, s:s}", "path", name, "file", file));
	return code;
}

/* --- run-function --- */

/* [{"key": value}…] of a repeated option. */
static json_t *keys_of(const struct cli *c, const char *option)
{
	json_t *keys = json_array();
	const char *value;
	size_t at = 0;

	while ((value = args_next(&c->args, option, &at)) != NULL)
		(void)json_array_append_new(keys, json_pack("{s:s}", "key", value));
	return keys;
}

int cmd_run_function(struct cli *c)
{
	const char *given = args_text(&c->args, "body");
	size_t n;
	char *script = cli_read(c, args_word(&c->args, 0), &n);
	json_t *body, *answer;
	const char *content;

	if (script == NULL)
		return c->code;
	body = json_pack("{s:s%, s:s, s:o, s:o}", "Script", script, n, "Body",
		given != NULL ? given : "", "Imports", keys_of(c, "import"), "Requirements",
		keys_of(c, "requirement"));
	free(script);
	if (body == NULL)
		return cli_fail(c, EXIT_USAGE, "the script is not UTF-8 text");
	answer = cli_ask(c, "POST", body, SERVICE "/function/execute");
	json_decref(body);
	if (answer == NULL || c->json)
		return answer != NULL ? cli_json(answer) : c->code;
	content = json_text_or(json_object_get(answer, "logs"), "content", "");
	(void)fputs(content, stdout);
	if (content[0] != '\0' && content[strlen(content) - 1] != '\n')
		(void)fputc('\n', stdout);
	json_decref(answer);
	return EXIT_DONE;
}

/* cmd_queues - queues: who runs and waits; pause, resume, priority. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "print.h"
#include "table.h"

static void add_numbers(struct table *t, const json_t *queue)
{
	table_cell(t, json_bool_or(queue, "paused", false) ? "paused" : "open");
	table_cellf(t, "%lld", (long long)json_int_or(queue, "priority", 0));
	table_cellf(t, "%lld", (long long)json_int_or(queue, "running", 0));
	table_cellf(t, "%lld", (long long)json_int_or(queue, "waiting", 0));
}

static void add_queue(struct table *t, const json_t *queue)
{
	const json_t *project;
	size_t i;

	table_cell(t, json_text_or(queue, "provider", ""));
	table_cell(t, "");
	add_numbers(t, queue);
	table_cellf(t, "%lld", (long long)json_int_or(queue, "capacity", 0));
	json_array_foreach(json_object_get(queue, "projects"), i, project)
	{
		const char *name = json_text_or(project, "project", "");

		table_cell(t, json_text_or(queue, "provider", ""));
		table_cell(t, name[0] != '\0' ? name : "(none)");
		add_numbers(t, project);
		table_cell(t, "");
	}
}

/* Takes an array of queues over. */
static int print_queues(struct cli *c, json_t *queues)
{
	static const char *const heads[] = {
		"PROVIDER", "PROJECT", "STATE", ">PRIORITY", ">RUNNING", ">WAITING", ">CAPACITY"};
	const json_t *queue;
	struct table t;
	size_t i;

	if (c->json)
		return cli_json(queues);
	table_init(&t, heads, COUNT(heads));
	json_array_foreach(queues, i, queue)
	{
		add_queue(&t, queue);
	}
	table_print(&t, stdout, "no queues");
	json_decref(queues);
	return EXIT_DONE;
}

int cmd_queues_list(struct cli *c)
{
	struct buf path;
	json_t *answer, *queues;

	buf_init(&path, PATH_LIMIT);
	buf_text(&path, "/v1/queues");
	http_query(&path, "provider", args_word(&c->args, 0));
	http_query(&path, "project", args_text(&c->args, "project"));
	answer = cli_ask_path(c, "GET", NULL, &path, NULL);
	if (answer == NULL)
		return c->code;
	queues = json_incref(json_object_get(answer, "queues"));
	json_decref(answer);
	return print_queues(c, queues);
}

/* Sends a change (taken over) for the queue of word 0. */
static int change(struct cli *c, json_t *body)
{
	const char *project = args_text(&c->args, "project");
	json_t *queue;

	if (project != NULL)
		(void)json_object_set_new(body, "project", json_string(project));
	queue = cli_ask(c, "POST", body, "/v1/queues/%s", args_word(&c->args, 0));
	json_decref(body);
	if (queue == NULL || c->json)
		return queue != NULL ? cli_json(queue) : c->code;
	return print_queues(c, json_pack("[o]", queue));
}

int cmd_queues_pause(struct cli *c)
{
	return change(c, json_pack("{s:b}", "paused", 1));
}

int cmd_queues_resume(struct cli *c)
{
	return change(c, json_pack("{s:b}", "paused", 0));
}

int cmd_queues_priority(struct cli *c)
{
	const char *word = args_word(&c->args, 1);
	char *end;
	long priority;

	errno = 0;
	priority = strtol(word, &end, 10);
	if (end == word || *end != '\0' || errno != 0 || priority < -100 || priority > 100)
		return cli_usage(c, "a priority is a number from -100 to 100, not '%s'", word);
	return change(c, json_pack("{s:I}", "priority", (json_int_t)priority));
}

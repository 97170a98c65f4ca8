/* cmd_decide - job with its timeline, and decide: what only a person can know of a submission. */
#include <stdio.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "object.h"
#include "print.h"
#include "table.h"

/* --- its timeline --- */

/* All pages of the timeline of a job; NULL: told. */
static json_t *fetch_timeline(struct cli *c, const char *id)
{
	json_t *all = json_array();
	char after[32] = "";

	do {
		struct buf path;
		json_t *page, *next;

		buf_init(&path, PATH_LIMIT);
		http_path(&path, "/v1/jobs/%s/timeline", &id);
		http_query(&path, "after", after[0] != '\0' ? after : NULL);
		page = cli_ask_path(c, "GET", NULL, &path, NULL);
		if (page == NULL) {
			json_decref(all);
			return NULL;
		}
		(void)json_array_extend(all, json_object_get(page, "items"));
		next = json_object_get(page, "next");
		(void)snprintf(after, sizeof(after), "%lld", (long long)json_integer_value(next));
		if (!json_is_integer(next))
			after[0] = '\0';
		json_decref(page);
	} while (after[0] != '\0');
	return all;
}

static int print_timeline(struct cli *c, const char *id)
{
	static const char *const heads[] = {"TIME", "KIND", "WHAT"};
	json_t *items = fetch_timeline(c, id), *item;
	int64_t now_ms = clock_now_ms();
	struct table t;
	size_t i;

	if (items == NULL || c->json)
		return items != NULL ? cli_json(items) : c->code;
	table_init(&t, heads, COUNT(heads));
	json_array_foreach(items, i, item)
	{
		char time[PRINT_SIZE];

		table_cell(&t, print_time(json_text_or(item, "time", NULL), now_ms, time));
		table_cell(&t, json_text_or(item, "kind", ""));
		table_cell(&t, json_text_or(item, "text", ""));
	}
	table_print(&t, stdout, "nothing happened to the job yet");
	json_decref(items);
	return EXIT_DONE;
}

int cmd_job(struct cli *c)
{
	char *id;
	int code;

	if (!args_has(&c->args, "timeline"))
		return cmd_jobs(c);
	id = object_job_id(c, args_word(&c->args, 0));
	code = id != NULL ? print_timeline(c, id) : c->code;
	free(id);
	return code;
}

/* --- a decision --- */

/* The body by which option was given; NULL: told. */
static json_t *read_decision(struct cli *c)
{
	const char *remote = args_text(&c->args, "adopt");
	int given =
		(remote != NULL) + args_has(&c->args, "resubmit") + args_has(&c->args, "give-up");

	if (given != 1) {
		(void)cli_usage(c, "say one of --adopt REMOTE, --resubmit and --give-up");
		return NULL;
	}
	if (remote != NULL)
		return json_pack("{s:s, s:s}", "decision", "adopt", "remote", remote);
	return json_pack(
		"{s:s}", "decision", args_has(&c->args, "resubmit") ? "resubmit" : "give_up");
}

int cmd_decide(struct cli *c)
{
	json_t *body = read_decision(c);
	char *id = body != NULL ? object_job_id(c, args_word(&c->args, 0)) : NULL;
	json_t *answer = id != NULL ? cli_ask(c, "POST", body, "/v1/jobs/%s/decide", id) : NULL;

	json_decref(body);
	free(id);
	return cli_tell_job(c, answer);
}

/* cmd_strays - strays: what clouds have of ours and no job follows; sweep, adopt, delete. */
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "print.h"
#include "table.h"
#include "wait.h"

#define PAGE     "1000"
#define PAUSE_MS 200

/* One page; NULL: told. */
static json_t *fetch_page(struct cli *c, const char *cursor)
{
	struct buf path;

	buf_init(&path, PATH_LIMIT);
	buf_text(&path, "/v1/strays");
	http_query(&path, "limit", PAGE);
	http_query(&path, "cursor", cursor);
	return cli_ask_path(c, "GET", NULL, &path, NULL);
}

/* {"strays": all of them, "sweep"}; NULL: told. */
static json_t *fetch_strays(struct cli *c)
{
	json_t *all = fetch_page(c, NULL);
	json_t *page = json_incref(all);

	while (page != NULL && json_is_string(json_object_get(page, "next"))) {
		char cursor[64];

		(void)snprintf(cursor, sizeof(cursor), "%.60s", json_text_or(page, "next", ""));
		json_decref(page);
		page = fetch_page(c, cursor);
		(void)json_array_extend(
			json_object_get(all, "strays"), json_object_get(page, "strays"));
	}
	if (page == NULL) {
		json_decref(all);
		return NULL;
	}
	json_decref(page);
	(void)json_object_del(all, "next");
	return all;
}

static void add_row(struct table *t, const json_t *stray, int64_t now_ms)
{
	char time[PRINT_SIZE];

	table_cell(t, json_text_or(stray, "id", ""));
	table_cell(t, json_text_or(stray, "object", ""));
	table_cell(t, json_text_or(stray, "name", ""));
	table_cell(t, json_text_or(stray, "kind", NULL));
	table_cell(t, json_text_or(stray, "state", NULL));
	table_cell(t, json_text_or(stray, "provider", ""));
	table_cell(t, json_text_or(stray, "connection", NULL));
	table_cell(t, print_time(json_text_or(stray, "created", NULL), now_ms, time));
	table_cell(t, json_text_or(stray, "text", NULL));
}

/* What the table cannot show. */
static void print_gaps(const json_t *sweep)
{
	const json_t *missed;
	size_t i;

	if (json_int_or(sweep, "number", 0) == 0)
		print_line(
			stderr, "nobody has looked since the daemon started: davit strays sweep");
	if (json_bool_or(sweep, "full", false))
		print_line(stderr, "there are more, which are shown when these are dealt with");
	json_array_foreach(json_object_get(sweep, "not_listed"), i, missed)
	{
		const char *connection = json_text_or(missed, "connection", NULL);

		print_line(stderr, "not looked at: %s%s%s%s%s: %s",
			json_text_or(missed, "provider", ""), connection != NULL ? " by " : "",
			connection != NULL ? connection : "",
			json_object_get(missed, "interface") != NULL ? ", " : "",
			json_text_or(missed, "interface", ""), json_text_or(missed, "error", ""));
	}
}

/* Takes what fetch_strays() gave over. */
static int print_strays(struct cli *c, json_t *all)
{
	static const char *const heads[] = {"ID", "OBJECT", "NAME", "KIND", "STATE", "PROVIDER",
		"CONNECTION", "CREATED", "WHY"};
	int64_t now_ms = clock_now_ms();
	const json_t *stray;
	struct table t;
	size_t i;

	if (all == NULL || c->json)
		return all != NULL ? cli_json(all) : c->code;
	table_init(&t, heads, COUNT(heads));
	json_array_foreach(json_object_get(all, "strays"), i, stray)
	{
		add_row(&t, stray, now_ms);
	}
	table_print(&t, stdout, "no strays");
	print_gaps(json_object_get(all, "sweep"));
	json_decref(all);
	return EXIT_DONE;
}

int cmd_strays(struct cli *c)
{
	return print_strays(c, fetch_strays(c));
}

/* --- looking --- */

/* Has the sweep of that number ended? A daemon that was started anew knows nothing of it. */
static bool ended(struct cli *c, int64_t number, bool *ret_told)
{
	json_t *page = cli_get(c, "/v1/strays?limit=1");
	const json_t *sweep = json_object_get(page, "sweep");
	bool is =
		json_int_or(sweep, "number", 0) >= number || !json_bool_or(sweep, "running", false);

	*ret_told = page == NULL;
	json_decref(page);
	return is;
}

static bool await_sweep(struct cli *c, int64_t number)
{
	bool told = false;

	while (!ended(c, number, &told) && !http_interrupted)
		wait_ms(PAUSE_MS);
	if (!told && http_interrupted) {
		(void)fputs("interrupted: the daemon looks on; 'davit strays' shows what it "
			    "finds\n",
			stderr);
		c->code = EXIT_INTERRUPTED;
		told = true;
	}
	return !told;
}

int cmd_strays_sweep(struct cli *c)
{
	json_t *body = args_has(&c->args, "all") ? json_pack("{s:b}", "all", 1) : NULL;
	json_t *answer = cli_ask(c, "POST", body, "/v1/strays/sweep");
	int64_t number = json_int_or(answer, "number", 0);

	json_decref(body);
	json_decref(answer);
	if (answer == NULL || !await_sweep(c, number))
		return c->code;
	return print_strays(c, fetch_strays(c));
}

/* --- what becomes of them --- */

int cmd_strays_adopt(struct cli *c)
{
	const char *kind = args_text(&c->args, "kind");
	const char *project = args_text(&c->args, "project");
	const char *id = args_word(&c->args, 0);
	json_t *body = kind != NULL ? json_pack("{s:s}", "kind", kind) : json_object();
	struct buf path;
	json_t *answer;

	buf_init(&path, PATH_LIMIT);
	http_path(&path, "/v1/strays/%s/adopt", &id);
	http_query(&path, "project", project);
	answer = cli_ask_path(c, "POST", body, &path, NULL);
	json_decref(body);
	return cli_tell_job(c, answer);
}

static json_t *delete_one(struct cli *c, const char *id)
{
	json_t *answer = cli_ask(c, "POST", NULL, "/v1/strays/%s/delete", id);
	const char *job = json_text_or(answer, "job", NULL); /* not confirmed in time */

	if (job != NULL && !c->json)
		print_line(stdout, "stray %s is not deleted yet: job %s goes on with it", id, job);
	else if (answer != NULL && !c->json)
		print_line(stdout, "stray %s is deleted", json_text_or(answer, "id", id));
	return answer;
}

int cmd_strays_delete(struct cli *c)
{
	return cli_each(c, delete_one);
}

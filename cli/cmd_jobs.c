/* cmd_jobs - jobs, logs, cancel. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "cli.h"
#include "cmd.h"
#include "http.h"
#include "object.h"
#include "print.h"
#include "table.h"
#include "wait.h"

#define PAGE       1000 /* jobs per request; the daemon's limit */
#define NOTE_WIDTH 80   /* columns */

/* --- the list --- */

static void compose_path(const struct cli *c, int64_t limit, const char *cursor, struct buf *path)
{
	static const char *const filters[] = {"state", "provider", "project", "kind", "name"};
	char number[32];

	buf_init(path, PATH_LIMIT);
	buf_text(path, "/v1/jobs");
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		http_query(path, filters[i], args_text(&c->args, filters[i]));
	(void)snprintf(number, sizeof(number), "%lld", (long long)(limit < PAGE ? limit : PAGE));
	http_query(path, "limit", number);
	http_query(path, "cursor", cursor);
}

/* All pages up to limit jobs; NULL: told. */
static json_t *fetch_jobs(struct cli *c, int64_t limit)
{
	json_t *all = json_array();
	char cursor[64] = "";

	do {
		struct buf path;
		json_t *page;
		const char *next;

		compose_path(
			c, limit - (int64_t)json_array_size(all), cursor[0] ? cursor : NULL, &path);
		page = cli_ask_path(c, "GET", NULL, &path, NULL);
		if (page == NULL) {
			json_decref(all);
			return NULL;
		}
		(void)json_array_extend(all, json_object_get(page, "jobs"));
		next = json_text_or(page, "next", "");
		(void)snprintf(cursor, sizeof(cursor), "%.60s", next);
		json_decref(page);
	} while (cursor[0] != '\0' && (int64_t)json_array_size(all) < limit);
	return all;
}

static int64_t job_ms(const json_t *job, int64_t now_ms)
{
	int64_t started, finished;

	if (!clock_parse_rfc3339(json_text_or(job, "started", ""), &started))
		return -1;
	if (!clock_parse_rfc3339(json_text_or(job, "finished", ""), &finished))
		finished = now_ms;
	return finished - started;
}

/* The most useful thing to know of a job in a list. */
static const char *note_of(const json_t *job)
{
	const char *error = json_text_or(job, "error", NULL);
	const char *waits = json_text_or(json_object_get(job, "waiting"), "text", NULL);

	if (error != NULL)
		return error;
	if (waits != NULL)
		return waits;
	return json_text_or(json_object_get(job, "progress"), "text", "");
}

static void add_row(struct table *t, const json_t *job, int64_t now_ms)
{
	char created[PRINT_SIZE], took[PRINT_SIZE];
	char *note = strdup(note_of(job));

	table_cell(t, json_text_or(job, "id", ""));
	table_cell(t, json_text_or(job, "state", ""));
	table_cell(t, json_text_or(job, "kind", ""));
	table_cell(t, json_text_or(job, "name", ""));
	table_cell(t, json_text_or(job, "project", ""));
	table_cell(t, print_time(json_text_or(job, "created", NULL), now_ms, created));
	table_cell(t, print_duration(job_ms(job, now_ms), took));
	if (note != NULL) {
		note[strcspn(note, "\n")] = '\0';
		print_cut(note, NOTE_WIDTH);
	}
	table_cell(t, note);
	free(note);
}

static int list_jobs(struct cli *c)
{
	static const char *const heads[] = {
		"ID", "STATE", "KIND", "NAME", "PROJECT", "CREATED", ">TOOK", "NOTE"};
	struct fail f = {0};
	int64_t limit = 20;
	struct table t;
	json_t *jobs, *job;
	size_t i;

	if (!args_int(&c->args, "limit", 1, 1000000, &limit, &f))
		return cli_usage(c, "%s", f.text);
	jobs = fetch_jobs(c, limit);
	if (jobs == NULL)
		return c->code;
	if (c->json)
		return cli_json(jobs);
	table_init(&t, heads, sizeof(heads) / sizeof(*heads));
	json_array_foreach(jobs, i, job)
	{
		add_row(&t, job, clock_now_ms());
	}
	table_print(&t, stdout, "no jobs");
	json_decref(jobs);
	return EXIT_DONE;
}

/* --- one --- */

static void print_times(const json_t *job)
{
	static const char *const members[] = {"created", "started", "finished"};
	char text[PRINT_SIZE];
	int64_t now_ms = clock_now_ms();

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		const char *time = json_text_or(job, members[i], NULL);

		if (time != NULL)
			print_pair(stdout, members[i], print_time(time, now_ms, text));
	}
	if (job_ms(job, now_ms) >= 0)
		print_pair(stdout, "took", print_duration(job_ms(job, now_ms), text));
}

static void print_members(const char *head, const json_t *object)
{
	bool first = true;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value)
	{
		char text[PRINT_SIZE];

		print_pairf(stdout, first ? head : "", "%s=%s", name, print_value(value, text));
		first = false;
	}
}

static void print_job(const json_t *job)
{
	print_pair(stdout, "job", json_text_or(job, "id", ""));
	print_pair(stdout, "state", json_text_or(job, "state", ""));
	wait_print_reason(job);
	print_pair(stdout, "name", json_text_or(job, "name", ""));
	print_pairf(stdout, "kind", "%s of %s", json_text_or(job, "kind", ""),
		json_text_or(job, "provider", ""));
	print_pair(stdout, "project", json_text_or(job, "project", ""));
	print_times(job);
	print_pair(stdout, "progress", json_text_or(json_object_get(job, "progress"), "text", ""));
	print_members("metrics", json_at(job, "/result/metrics"));
	print_members("parameters", json_at(job, "/request/spec/parameters"));
	print_pair(stdout, "command", json_text_or(json_at(job, "/request/spec"), "command", ""));
	print_members("not applied", json_at(job, "/result/applied/not_applied"));
	if (json_object_get(job, "attempts") != NULL && json_int_or(job, "attempts", 1) > 1)
		print_pairf(stdout, "attempts", "%lld", (long long)json_int_or(job, "attempts", 1));
	print_pair(stdout, "parent", json_text_or(job, "parent", ""));
}

int cmd_jobs(struct cli *c)
{
	static const char *const of_lists[] = {
		"state", "provider", "project", "kind", "name", "limit", NULL};
	const char *word = args_word(&c->args, 0);
	char *id;
	json_t *job;

	if (word == NULL)
		return list_jobs(c);
	if (!cli_alone(c, of_lists))
		return c->code;
	id = object_job_id(c, word);
	job = id != NULL ? cli_get(c, "/v1/jobs/%s", id) : NULL;
	free(id);
	if (job == NULL)
		return c->code;
	if (c->json)
		return cli_json(job);
	print_job(job);
	json_decref(job);
	return EXIT_DONE;
}

/* --- its log --- */

int cmd_logs(struct cli *c)
{
	char *id = object_job_id(c, args_word(&c->args, 0));
	bool ok;

	if (id == NULL)
		return c->code;
	ok = wait_log(c, id, args_has(&c->args, "follow"), false);
	free(id);
	return ok ? EXIT_DONE : c->code;
}

/* --- its end --- */

/* Over TCP by the route that is open there; it does not tell of the job. */
static json_t *end_job(struct cli *c, const char *id)
{
	const struct http *http = cli_http(c);
	json_t *stopped;

	if (http == NULL)
		return NULL;
	if (http_local(http))
		return cli_ask(c, "POST", NULL, "/v1/jobs/%s/cancel", id);
	stopped = cli_ask(c, "POST", NULL, "/execute/%s/stop", id);
	json_decref(stopped);
	return stopped != NULL ? cli_get(c, "/v1/jobs/%s", id) : NULL;
}

static void print_cancel(const json_t *job, const char *word)
{
	const char *id = json_text_or(job, "id", word);
	const char *state = json_text_or(job, "state", "?");

	if (strcmp(state, "needs_decision") == 0)
		print_line(stdout,
			"job %s will be cancelled once you say what it made: davit job %s", id, id);
	else
		print_line(stdout, wait_ended(job) ? "job %s %s" : "job %s will be cancelled (%s)",
			id, state);
}

static json_t *cancel_one(struct cli *c, const char *word)
{
	char *id = object_job_id(c, word);
	json_t *answer = id != NULL ? end_job(c, id) : NULL;

	free(id);
	if (answer != NULL && !c->json)
		print_cancel(answer, word);
	return answer;
}

int cmd_cancel(struct cli *c)
{
	return cli_each(c, cancel_one);
}

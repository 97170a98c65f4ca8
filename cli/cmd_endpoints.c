/* cmd_endpoints - deploy, and endpoints list, show, create, undeploy, delete. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
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

/* --- list and show --- */

/* "digits@v2 90% RUNNING" of one deployed model. */
static void put_model(struct buf *out, const json_t *m)
{
	char *label = object_label(m);
	const json_t *percent = json_object_get(m, "percent");

	buf_printf(out, "%s%s", out->n > 0 ? ", " : "", label);
	if (json_is_number(percent))
		buf_printf(out, " %.0f%%", json_number_value(percent));
	if (strcmp(json_text_or(m, "state", "RUNNING"), "RUNNING") != 0)
		buf_printf(out, " %s", json_text_or(m, "state", ""));
	free(label);
}

static char *deployed(const json_t *endpoint)
{
	struct buf out;
	const json_t *m;
	size_t i, n;

	buf_init(&out, (size_t)16 << 20);
	json_array_foreach(object_at(endpoint, "models"), i, m)
	{
		put_model(&out, m);
	}
	return buf_take(&out, &n);
}

static void add_endpoint(struct table *t, const json_t *e, int64_t now_ms)
{
	char updated[PRINT_SIZE];
	char *models = deployed(e);

	table_cell(t, json_text_or(e, "name", ""));
	table_cell(t, json_text_or(e, "id", ""));
	table_cell(t, json_text_or(e, "state", ""));
	table_cell(t, models);
	table_cell(t, print_time(json_text_or(e, "updated", NULL), now_ms, updated));
	free(models);
}

int cmd_endpoints_list(struct cli *c)
{
	static const char *const heads[] = {"ENDPOINT", "ID", "STATE", "MODELS", "CHANGED"};

	return show_list(
		c, object_list(c, "endpoints"), heads, COUNT(heads), add_endpoint, "no endpoints");
}

static void print_endpoint(const json_t *e)
{
	char *models = deployed(e);
	json_t *previous = json_object_get(e, "previous");

	print_pair(stdout, "endpoint", json_text_or(e, "name", ""));
	print_pair(stdout, "id", json_text_or(e, "id", ""));
	print_pair(stdout, "state", json_text_or(e, "state", ""));
	print_pair(stdout, "models", models);
	if (json_is_object(previous)) {
		char *label = object_label(previous);

		print_pair(stdout, "roll-back to", label);
		free(label);
	}
	print_pair_time(stdout, "created", json_text_or(e, "created", NULL));
	free(models);
}

int cmd_endpoints_show(struct cli *c)
{
	return show_one(c, object_get(c, "endpoints", args_word(&c->args, 0)), print_endpoint);
}

/* A second of that name would take the place of one that serves: from then on the name means the
 * newest. */
int cmd_endpoints_create(struct cli *c)
{
	const char *name = args_word(&c->args, 0);
	bool missing = false;
	json_t *there = object_find(c, "endpoints", name, &missing);
	json_t *body;

	if (there != NULL)
		(void)cli_fail(c, EXIT_REFUSED, "there is an endpoint '%s' already, %s", name,
			json_text_or(there, "id", "?"));
	json_decref(there);
	if (!missing)
		return c->code;
	body = json_pack("{s:s}", "name", name);
	return show_made(c, work_create(c, "/endpoints/register", body), "endpoint");
}

int cmd_endpoints_delete(struct cli *c)
{
	return show_deleted(c, "/endpoints/%s/delete", "endpoint");
}

/* --- deploy --- */

/* The endpoint as it is once the job of a change has ended; takes the answer over. */
static int settle(struct cli *c, json_t *answer, const char *endpoint)
{
	json_t *job;

	if (answer == NULL)
		return c->code;
	if (args_has(&c->args, "no-wait"))
		return show_made(c, answer, "endpoint");
	job = wait_for_job(c, json_text_or(answer, "job", json_text_or(answer, "id", "")));
	json_decref(answer);
	if (job == NULL)
		return c->code;
	if (!wait_succeeded(job))
		return wait_result(c, job);
	json_decref(job);
	return show_one(c, object_get(c, "endpoints", endpoint), print_endpoint);
}

static json_t *change(struct cli *c, const char *endpoint, const char *what, json_t *body)
{
	struct buf path;
	json_t *row;

	buf_init(&path, PATH_LIMIT);
	http_path(&path, SERVICE "/endpoints/%s/", &endpoint);
	buf_text(&path, what);
	http_query(&path, "project", args_text(&c->args, "project"));
	row = cli_ask_path(c, "POST", body, &path, NULL);
	json_decref(body);
	return object_of_row(row);
}

/* "a=90,b=10" as {"a": 90, "b": 10}; NULL: told. */
static json_t *split_of(struct cli *c, const char *text)
{
	json_t *traffic = json_object();

	while (*text != '\0') {
		size_t n = strcspn(text, ",");
		const char *equals = memchr(text, '=', n);
		char *end = NULL;
		long percent = equals != NULL ? strtol(equals + 1, &end, 10) : 0;

		if (equals == NULL || equals == text || end != text + n || end == equals + 1) {
			json_decref(traffic);
			(void)cli_usage(c, "--split takes MODEL=PERCENT,MODEL=PERCENT");
			return NULL;
		}
		(void)json_object_setn_new(
			traffic, text, (size_t)(equals - text), json_integer(percent));
		text += text[n] == ',' ? n + 1 : n;
	}
	return json_pack("{s:o}", "traffic", traffic);
}

/* Is there an endpoint of that id or name? One that is missing is made; false: told. */
static bool ensure_endpoint(struct cli *c, const char *name)
{
	bool missing = false;
	json_t *found = object_find(c, "endpoints", name, &missing);

	if (missing)
		found = work_create(c, "/endpoints/register", json_pack("{s:s}", "name", name));
	json_decref(found);
	return found != NULL;
}

static int deploy_model(struct cli *c, const char *model)
{
	const char *endpoint = args_word(&c->args, 1);
	json_t *found;
	struct fail f = {0};
	int64_t percent = 0;
	json_t *body;
	int code;

	if (!args_int(&c->args, "traffic", 1, 100, &percent, &f))
		return cli_usage(c, "%s", f.text);
	body = json_pack("{s:s}", "model", model);
	if (percent > 0)
		(void)json_object_set_new(body, "traffic", json_integer(percent));
	found = object_get(c, "models", model); /* before an endpoint is made for nothing */
	if (endpoint == NULL)
		endpoint = json_text_or(found, "name", model);
	if (found != NULL && ensure_endpoint(c, endpoint)) {
		code = settle(c, change(c, endpoint, "deploy_model", body), endpoint);
	} else {
		json_decref(body);
		code = c->code;
	}
	json_decref(found);
	return code;
}

int cmd_deploy(struct cli *c)
{
	const char *split = args_text(&c->args, "split");
	bool back = args_has(&c->args, "rollback");
	const char *word = args_word(&c->args, 0);
	json_t *body;

	if (split == NULL && !back)
		return deploy_model(c, word);
	if ((split != NULL && back) || c->args.word_count > 1 || args_has(&c->args, "traffic"))
		return cli_usage(c, "with --split or --rollback name the endpoint alone");
	body = back ? json_pack("{s:b}", "rollback", 1) : split_of(c, split);
	if (body == NULL)
		return c->code;
	return settle(c, change(c, word, "deploy_model", body), word);
}

int cmd_endpoints_undeploy(struct cli *c)
{
	const char *endpoint = args_word(&c->args, 0);
	const char *model = args_word(&c->args, 1);
	json_t *body = json_object();

	if (model != NULL)
		(void)json_object_set_new(body, "model", json_string(model));
	return settle(c, change(c, endpoint, "undeploy_models", body), endpoint);
}

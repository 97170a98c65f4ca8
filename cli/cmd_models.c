/* cmd_models - models list, show, register, alias, export, delete. */
#include <errno.h>
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
#include "place.h"
#include "platform/fs.h"
#include "print.h"
#include "runs.h"
#include "show.h"
#include "table.h"
#include "work.h"

/* --- list and show --- */

static void add_model(struct table *t, const json_t *m, int64_t now_ms)
{
	char created[PRINT_SIZE];
	char *label = object_label(m);
	char *aliases = show_words(object_at(m, "aliases"));
	char *metrics = show_words(object_at(m, "metrics"));

	table_cell(t, label);
	table_cell(t, json_text_or(m, "id", ""));
	table_cell(t, aliases);
	table_cell(t, metrics);
	table_cell(t, print_time(json_text_or(m, "created", NULL), now_ms, created));
	free(label);
	free(aliases);
	free(metrics);
}

int cmd_models_list(struct cli *c)
{
	static const char *const heads[] = {"MODEL", "ID", "ALIASES", "METRICS", "CREATED"};

	return show_list(c, object_list(c, "models"), heads, COUNT(heads), add_model, "no models");
}

/* Where the model comes from: training, data, script, parameters. */
static void print_lineage(const json_t *m)
{
	const json_t *lineage = object_at(m, "lineage");
	const json_t *training = json_object_get(lineage, "training");
	const json_t *script = json_object_get(lineage, "script");
	const json_t *folder = json_object_get(lineage, "folder");
	json_t *dataset = json_object_get(lineage, "dataset");
	char *data = dataset != NULL ? object_label(dataset) : NULL;
	char *parameters = show_words(json_object_get(lineage, "parameters"));

	if (training != NULL)
		print_pairf(stdout, "training", "%s %s", json_text_or(training, "id", ""),
			json_text_or(training, "name", ""));
	if (data != NULL)
		print_pairf(stdout, "dataset", "%s %s sha256 %.16s", data,
			json_text_or(dataset, "id", ""), json_text_or(dataset, "sha256", "?"));
	if (script != NULL)
		print_pairf(stdout, "script", "%s sha256 %.16s", json_text_or(script, "name", ""),
			json_text_or(script, "sha256", "?"));
	if (folder != NULL)
		print_pairf(stdout, "folder", "%s sha256 %.16s", json_text_or(folder, "name", ""),
			json_text_or(folder, "sha256", "?"));
	print_pair(stdout, "command", json_text_or(lineage, "command", ""));
	print_pair(stdout, "parameters", parameters);
	if (json_text_or(lineage, "requirements_sha256", NULL) != NULL)
		print_pairf(stdout, "packages", "requirements sha256 %.16s",
			json_text_or(lineage, "requirements_sha256", ""));
	free(data);
	free(parameters);
}

static void print_model(const json_t *m)
{
	char text[PRINT_SIZE];
	char *label = object_label(m);
	char *aliases = show_words(object_at(m, "aliases"));
	char *metrics = show_words(object_at(m, "metrics"));
	const char *packages = json_text_or(
		json_at(object_at(m, "provider"), "/server"), "requirements_sha256", NULL);
	const json_t *file;
	size_t i;

	print_pair(stdout, "model", label);
	print_pair(stdout, "id", json_text_or(m, "id", ""));
	print_pair(stdout, "state", json_text_or(m, "state", ""));
	print_pair(stdout, "aliases", aliases);
	print_pair(stdout, "metrics", metrics);
	print_pair_time(stdout, "created", json_text_or(m, "created", NULL));
	print_pair(stdout, "sha256", object_text(m, "sha256"));
	print_lineage(m);
	if (packages != NULL)
		print_pairf(stdout, "server", "requirements sha256 %.16s", packages);
	json_array_foreach(object_at(m, "files"), i, file)
	{
		print_pairf(stdout, i == 0 ? "files" : "", "%s %s", json_text_or(file, "path", ""),
			print_bytes(json_int_or(file, "bytes", 0), text));
	}
	free(label);
	free(aliases);
	free(metrics);
}

int cmd_models_show(struct cli *c)
{
	return show_one(c, object_get(c, "models", args_word(&c->args, 0)), print_model);
}

/* --- register --- */

static json_t *server_of(struct cli *c)
{
	const char *script = args_text(&c->args, "server");
	const char *command = args_text(&c->args, "command");
	json_t *server = json_object();
	json_t *source = script != NULL ? work_script_source(c, script) : NULL;
	bool ok = script == NULL || source != NULL;

	if (source != NULL)
		(void)json_object_set_new(server, "script", source);
	if (command != NULL)
		(void)json_object_set_new(server, "command", json_string(command));
	if (args_has(&c->args, "no-requirements"))
		(void)json_object_set_new(server, "requirements", json_array());
	if (ok && work_put_file(c, server, "requirements", "requirements") &&
		work_put_pairs(c, server, "environment", "env", false))
		return server;
	json_decref(server);
	return NULL;
}

/* The model's name: as given, else that of its training. To be freed; NULL: told. */
static char *model_name(struct cli *c, const char *training)
{
	const char *given = args_text(&c->args, "name");
	json_t *object;
	char *name;

	if (given != NULL)
		return strdup(given);
	object = object_get(c, "pipelines/training", training);
	name = object != NULL ? strdup(json_text_or(object, "name", training)) : NULL;
	json_decref(object);
	return name;
}

static int register_model(struct cli *c, const char *training)
{
	char *name = model_name(c, training);
	json_t *server = name != NULL ? server_of(c) : NULL;
	json_t *aliases, *body;

	if (server == NULL) {
		free(name);
		return c->code;
	}
	body = json_pack(
		"{s:s, s:{s:s}, s:o}", "name", name, "source", "job", training, "server", server);
	free(name);
	aliases = show_values(c, "alias");
	if (json_array_size(aliases) > 0)
		(void)json_object_set(body, "aliases", aliases);
	json_decref(aliases);
	return show_made(c, work_create(c, "/models/register", body), "model");
}

int cmd_models_register(struct cli *c)
{
	const char *word = args_word(&c->args, 0);
	char *training;
	int code;

	if (!args_has(&c->args, "server") && !args_has(&c->args, "command"))
		return cli_usage(
			c, "a model needs a --server SCRIPT or a --command that answers for it");
	training = strchr(word, '~') != NULL ? runs_id(c, word) : strdup(word);
	code = training != NULL ? register_model(c, training) : c->code;
	free(training);
	return code;
}

int cmd_models_alias(struct cli *c)
{
	return show_marks(c, "/models/%s/aliases", "alias");
}

int cmd_models_delete(struct cli *c)
{
	return show_deleted(c, "/models/%s", "model");
}

/* --- export --- */

/* A path below the folder the user named, whatever the other side says. */
static bool is_below(const char *path)
{
	size_t n;

	if (path[0] == '/' || path[0] == '\0')
		return false;
	for (; *path != '\0'; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		if (n == 0 || (n == 2 && memcmp(path, "..", 2) == 0) || (n == 1 && *path == '.'))
			return false;
	}
	return true;
}

static bool make_parents(struct cli *c, const char *path)
{
	char folder[PATH_MAX];
	struct fail f = {0};
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return true;
	*slash = '\0';
	return fs_mkdirs(folder, &f) || cli_failed(c, &f);
}

static bool fetch_file(struct cli *c, const char *id, const char *file, const char *folder)
{
	char target[PATH_MAX];
	struct buf path;
	json_t *body;
	bool ok;

	if (!is_below(file) ||
		snprintf(target, sizeof(target), "%s/%s", folder, file) >= (int)sizeof(target))
		return cli_fail(c, EXIT_BROKEN, "the model has a file of a name that cannot be: %s",
			       file) == EXIT_DONE;
	if (!make_parents(c, target))
		return false;
	buf_init(&path, PATH_LIMIT);
	http_path(&path, SERVICE "/models/%s/export", &id);
	body = json_pack("{s:s}", "download", file);
	ok = cli_download(c, "POST", body, &path, target);
	json_decref(body);
	if (ok && !c->json)
		print_line(stdout, "%s", target);
	return ok;
}

int cmd_models_export(struct cli *c)
{
	const char *folder = args_text(&c->args, "output");
	json_t *model;
	const json_t *file;
	bool ok = true;
	size_t i;

	if (args_has(&c->args, "to") && args_has(&c->args, "output"))
		return cli_usage(c, "it goes to one place: -o or --to");
	if (args_has(&c->args, "to"))
		return show_exported(c, "/models/%s/export");
	if (folder == NULL)
		return cli_usage(c, "name a folder with -o, or with --to one of the daemon");
	model = object_get(c, "models", args_word(&c->args, 0));
	if (model == NULL)
		return c->code;
	json_array_foreach(object_at(model, "files"), i, file)
	{
		ok = ok && fetch_file(c, json_text_or(model, "id", ""),
				   json_text_or(file, "path", ""), folder);
	}
	if (ok && c->json)
		return cli_json(model);
	json_decref(model);
	return ok ? EXIT_DONE : c->code;
}

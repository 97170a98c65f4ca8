/* training_start - from a training's specification to its process. */
#include "training.h"

#include <string.h>

#include "child.h"
#include "datasets.h"
#include "definite.h"
#include "environments.h"
#include "source.h"
#include "training_folder.h"
#include "waiting.h"

#define SCRIPT_DEFAULT "train.py"

enum {
	INPUT_TEXT_BYTES = 64 * 1024 /* of an input in the specification; a longer one is sealed */
};

/* What a training runs with, as files of its folder. */
struct train_files {
	const char *script; /* its name; NULL: "entry" is what runs */
	struct sealed script_bytes;
	struct training_folder folder; /* that is copied */
	struct record dataset;         /* id NULL: none */
	const char *dataset_name;
	struct environment environment;
};

/* The name its caller knows it by, unless other files of the folder have that name. */
static const char *script_name(const struct davit_sdk_json *script)
{
	const char *name = source_file_name(script, SCRIPT_DEFAULT);
	bool taken = strcmp(name, "parameters.json") == 0 || strncmp(name, "dataset.", 8) == 0;

	return taken ? SCRIPT_DEFAULT : name;
}

static bool prepare_dataset(
	struct local_call *c, const struct davit_sdk_json *spec, struct train_files *files)
{
	const struct davit_sdk_json *dataset = davit_sdk_member(spec, "dataset");

	if (dataset == NULL)
		return true;
	if (!definite_need_dataset(c, dataset, "/spec/dataset", &files->dataset))
		return false;
	files->dataset_name = local_text(
		c, "dataset.%s", davit_sdk_text_at(files->dataset.value, "/format", "csv"));
	return true;
}

/* With a folder the script is a file in it. */
static bool prepare_script(
	struct local_call *c, const struct davit_sdk_json *spec, struct train_files *files)
{
	const struct davit_sdk_json *script = davit_sdk_member(spec, "script");
	const struct davit_sdk_json *source = script;

	if (!training_folder_read(c, davit_sdk_member(spec, "folder"), script, &files->folder))
		return false;
	if (script == NULL)
		return true;
	files->script = files->folder.name == NULL ? script_name(script) : script->text.p;
	files->script_bytes.digest = files->folder.script_sha256;
	if (files->script_bytes.digest != NULL)
		return true;
	if (files->folder.name != NULL)
		source = training_folder_source(c, files->folder.name, files->script);
	return source != NULL && source_seal(c, source, "/spec/script", &files->script_bytes);
}

static davit_buf parameters_of(struct local_call *c, const struct davit_sdk_json *spec)
{
	const struct davit_sdk_json *parameters = davit_sdk_member(spec, "parameters");
	struct davit_sdk_writer w;

	if (parameters == NULL)
		return davit_sdk_buf("{}");
	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_put_json(&w, NULL, parameters);
	return davit_sdk_write_end(&w);
}

static void put_parameters(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *spec, const char *as)
{
	davit_buf text = parameters_of(c, spec);

	if (text.n <= INPUT_TEXT_BYTES)
		child_put_input(w, "text", text.p, as);
	else
		child_put_input(w, "blob", source_seal_bytes(c, text), as);
}

static void put_import(struct davit_sdk_writer *w, const char *folder, bool optional)
{
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "import", folder);
	davit_sdk_put_text(w, "as", "work");
	davit_sdk_put_bool(w, "optional", optional);
	davit_sdk_close_object(w);
}

/* Beside a script of its own they lie in work/; beside files of the caller, which may have
 * their names, in data/. */
static bool put_train(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *spec, const struct train_files *files)
{
	bool own = files->folder.name == NULL;
	const char *folder = own ? "work" : "data";
	const char *from_work = own ? "" : "../data/";
	const char *dataset = files->dataset_name;
	const struct child_variable variables[] = {
		{"DAVIT_PARAMETERS", local_text(c, "%sparameters.json", from_work)},
		{"DAVIT_DATASET", local_text(c, "%s%s", from_work, dataset != NULL ? dataset : "")},
	};
	const struct child_program program = {
		davit_sdk_member(spec, "entry"), files->script, davit_sdk_member(spec, "args")};

	child_put_environment(
		c, w, davit_sdk_member(spec, "environment"), variables, dataset != NULL ? 2 : 1);
	davit_sdk_open_array(w, "inputs");
	if (own && files->script != NULL)
		child_put_input(w, "blob", files->script_bytes.digest,
			local_text(c, "work/%s", files->script));
	if (files->folder.archive != NULL)
		child_put_input(w, "folder", files->folder.archive, "work");
	else if (!own)
		put_import(w, files->folder.name, false);
	put_parameters(c, w, spec, local_text(c, "%s/parameters.json", folder));
	if (dataset != NULL)
		child_put_input(w, "blob", davit_sdk_text_at(files->dataset.value, "/sha256", ""),
			local_text(c, "%s/%s", folder, dataset));
	davit_sdk_close_array(w);
	return child_put_program(c, w, &program, "/spec/entry");
}

/* What callers write who need a folder to be named, and want none. */
#define NO_FOLDER "-"

static bool put_command(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *spec)
{
	const struct child_program program = {davit_sdk_member(spec, "command"), NULL, NULL};
	const char *folder = davit_sdk_text_at(spec, "/input_artifacts", "");

	child_put_environment(c, w, davit_sdk_member(spec, "environment"), NULL, 0);
	davit_sdk_open_array(w, "inputs");
	if (folder[0] != '\0' && strcmp(folder, NO_FOLDER) != 0)
		put_import(w, folder, true);
	davit_sdk_close_array(w);
	return child_put_program(c, w, &program, "/spec/command");
}

/* The record stands before its process starts: a process without one would be nobody's. */
static int32_t put_record(struct local_call *c, const char *id, const struct davit_sdk_json *spec,
	const struct train_files *files)
{
	static const char *const passed[] = {
		"command", "project", "version", "parameters", "entry", "args"};
	const char *kind = davit_sdk_text_at(c->sdk.request, "/kind", "");
	struct davit_sdk_writer w;

	const struct child_program program = {
		davit_sdk_member(spec, "entry"), files->script, davit_sdk_member(spec, "args")};

	records_open(c, &w, id);
	if (program.command != NULL || program.script != NULL)
		davit_sdk_put_text(&w, "command", child_command_text(c, &program));
	for (size_t i = 0; i < LOCAL_COUNT(passed); i++)
		davit_sdk_put_json(&w, passed[i], davit_sdk_member(spec, passed[i]));
	davit_sdk_put_text(&w, "folder", files->folder.name);
	davit_sdk_put_text(&w, "folder_sha256", files->folder.archive);
	if (files->script != NULL) {
		davit_sdk_open_object(&w, "script");
		davit_sdk_put_text(&w, "name", files->script);
		davit_sdk_put_text(&w, "sha256", files->script_bytes.digest);
		davit_sdk_close_object(&w);
	}
	davit_sdk_put_text(&w, "requirements_sha256", files->environment.digest);
	waiting_put_environment(&w, files->environment.digest);
	if (files->dataset_name != NULL) {
		datasets_put_reference(&w, "dataset", &files->dataset);
		if (datasets_note_use(c, &files->dataset, kind, id,
			    davit_sdk_text_at(spec, "/name", id)) != DAVIT_OK)
			return c->sdk.code;
	}
	return records_put(c, RECORD_TRAINING, id, &w);
}

/* What cannot be started is no training: it is not left in the list. */
static int32_t start_now(
	struct local_call *c, const char *id, davit_buf text, const struct train_files *files)
{
	int32_t code = c->sdk.host->process->start(c->sdk.call, davit_sdk_buf(id), text);

	if (code == DAVIT_INVALID || code == DAVIT_NOT_FOUND)
		(void)records_del(c, RECORD_TRAINING, id);
	if (code == DAVIT_NOT_FOUND && files->folder.name != NULL)
		return davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/folder",
			"there is no folder '%s' below an import root", files->folder.name);
	return local_check(c, code);
}

static int32_t start(struct local_call *c, const char *id, const struct davit_sdk_json *spec,
	const struct train_files *files, bool train)
{
	const char *digest = files->environment.digest;
	struct davit_sdk_writer w;
	davit_buf text;
	bool ok;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	ok = train ? put_train(c, &w, spec, files) : put_command(c, &w, spec);
	child_put_common(c, &w, davit_sdk_member(spec, "limits"), false);
	environment_put_prefix(&w, digest);
	davit_sdk_close_object(&w);
	text = davit_sdk_write_end(&w);
	if (ok && text.p == NULL)
		return davit_sdk_fail(&c->sdk, DAVIT_INTERNAL, "no memory left for the process");
	if (!ok || (digest != NULL && waiting_keep(c, id, text) != DAVIT_OK) ||
		put_record(c, id, spec, files) != DAVIT_OK)
		return c->sdk.code;
	return digest != NULL ? c->sdk.code : start_now(c, id, text, files);
}

int32_t training_start(
	struct local_call *c, const char *id, const struct davit_sdk_json *spec, bool train)
{
	const struct environment_user user = {id, davit_sdk_text_at(spec, "/name", id)};
	const struct davit_sdk_json *requirements = davit_sdk_member(spec, "requirements");
	struct train_files files = {0};

	if (train && (!prepare_script(c, spec, &files) || !prepare_dataset(c, spec, &files)))
		return c->sdk.code;
	if (!train)
		requirements = training_folder_requirements(
			c, davit_sdk_text_at(spec, "/input_artifacts", ""));
	if (!environment_need(c, requirements, "/spec/requirements", &user, &files.environment))
		return c->sdk.code;
	return start(c, id, spec, &files, train);
}

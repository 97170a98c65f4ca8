/* training_start - from a training's specification to its process. */
#include "training.h"

#include <string.h>

#include "child.h"
#include "datasets.h"
#include "source.h"

#define SCRIPT_DEFAULT "train.py"

/* What a "train" runs with, as files of its folder. */
struct train_files {
	const char *script; /* its name */
	struct sealed script_bytes;
	struct record dataset; /* id NULL: none */
	const char *dataset_name;
};

/* The name its caller knows it by, unless other files of the folder have that name. */
static const char *script_name(const struct davit_sdk_json *script)
{
	const char *name = source_file_name(script, SCRIPT_DEFAULT);
	bool taken = strcmp(name, "parameters.json") == 0 || strncmp(name, "dataset.", 8) == 0;

	return taken ? SCRIPT_DEFAULT : name;
}

static bool prepare_train(
	struct local_call *c, const struct davit_sdk_json *spec, struct train_files *ret_files)
{
	const struct davit_sdk_json *script = davit_sdk_member(spec, "script");
	const char *dataset = davit_sdk_text_at(spec, "/dataset", NULL);
	struct train_files files = {.script = script_name(script)};

	if (!source_seal(c, script, "/spec/script", &files.script_bytes))
		return false;
	if (dataset != NULL) {
		if (!records_need(c, RECORD_DATASET, dataset, DAVIT_INVALID, "/spec/dataset",
			    &files.dataset))
			return false;
		files.dataset_name = local_text(
			c, "dataset.%s", davit_sdk_text_at(files.dataset.value, "/format", "csv"));
	}
	*ret_files = files;
	return true;
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

static bool put_train(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *spec, const struct train_files *files)
{
	const struct child_variable variables[] = {
		{"DAVIT_PARAMETERS", "parameters.json"},
		{"DAVIT_DATASET", files->dataset_name},
	};
	const struct child_program program = {davit_sdk_member(spec, "entry"), files->script};
	bool dataset = files->dataset_name != NULL;

	child_put_environment(
		c, w, davit_sdk_member(spec, "environment"), variables, dataset ? 2 : 1);
	davit_sdk_open_array(w, "inputs");
	child_put_input(
		w, "blob", files->script_bytes.digest, local_text(c, "work/%s", files->script));
	child_put_input(w, "text", parameters_of(c, spec).p, "work/parameters.json");
	if (dataset)
		child_put_input(w, "blob", davit_sdk_text_at(files->dataset.value, "/sha256", ""),
			local_text(c, "work/%s", files->dataset_name));
	davit_sdk_close_array(w);
	return child_put_program(c, w, &program, "/spec/entry");
}

static bool put_command(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *spec)
{
	const struct child_program program = {davit_sdk_member(spec, "command"), NULL};
	const char *folder = davit_sdk_text_at(spec, "/input_artifacts", "");

	child_put_environment(c, w, davit_sdk_member(spec, "environment"), NULL, 0);
	davit_sdk_open_array(w, "inputs");
	if (folder[0] != '\0') {
		davit_sdk_open_object(w, NULL);
		davit_sdk_put_text(w, "import", folder);
		davit_sdk_put_text(w, "as", "work");
		davit_sdk_put_bool(w, "optional", true);
		davit_sdk_close_object(w);
	}
	davit_sdk_close_array(w);
	return child_put_program(c, w, &program, "/spec/command");
}

/* The record stands before its process starts: a process without one would be nobody's. */
static int32_t put_record(struct local_call *c, const char *id, const struct davit_sdk_json *spec,
	const struct train_files *files)
{
	static const char *const passed[] = {"command", "project", "version", "parameters"};
	struct davit_sdk_writer w;

	records_open(c, &w, id);
	davit_sdk_put_text(&w, "kind", davit_sdk_text_at(c->sdk.request, "/kind", ""));
	for (size_t i = 0; i < LOCAL_COUNT(passed); i++)
		davit_sdk_put_json(&w, passed[i], davit_sdk_member(spec, passed[i]));
	if (files->script != NULL) {
		davit_sdk_open_object(&w, "script");
		davit_sdk_put_text(&w, "name", files->script);
		davit_sdk_put_text(&w, "sha256", files->script_bytes.digest);
		davit_sdk_close_object(&w);
	}
	if (files->dataset_name != NULL) {
		datasets_put_reference(&w, "dataset", &files->dataset);
		if (datasets_note_use(c, &files->dataset, "train", id,
			    davit_sdk_text_at(spec, "/name", id)) != DAVIT_OK)
			return c->sdk.code;
	}
	return records_put(c, RECORD_TRAINING, id, &w);
}

static int32_t start(struct local_call *c, const char *id, const struct davit_sdk_json *spec,
	const struct train_files *files)
{
	struct davit_sdk_writer w;
	davit_buf text;
	bool ok;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	ok = files->script != NULL ? put_train(c, &w, spec, files) : put_command(c, &w, spec);
	child_put_common(c, &w, davit_sdk_member(spec, "limits"), false);
	davit_sdk_close_object(&w);
	text = davit_sdk_write_end(&w);
	if (ok && text.p == NULL)
		return davit_sdk_fail(&c->sdk, DAVIT_INTERNAL, "no memory left for the process");
	if (!ok || put_record(c, id, spec, files) != DAVIT_OK)
		return c->sdk.code;
	return local_check(c, c->sdk.host->process->start(c->sdk.call, davit_sdk_buf(id), text));
}

int32_t training_start(
	struct local_call *c, const char *id, const struct davit_sdk_json *spec, bool train)
{
	struct train_files files = {0};

	if (train && !prepare_train(c, spec, &files))
		return c->sdk.code;
	return start(c, id, spec, &files);
}

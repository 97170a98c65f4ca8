/*
 * batch - batch predictions: runs (see run.h) whose process is the driver in batch_driver.py. It
 * has a copy of the rows and of the model, starts the model's server for itself alone, and so
 * depends on no endpoint.
 */
#include "local.h"

#include "child.h"
#include "datasets.h"
#include "definite.h"
#include "drivers.h"
#include "environments.h"
#include "progress.h"
#include "requirements.h"
#include "run.h"
#include "servers.h"
#include "waiting.h"

#define PREDICTIONS "predictions.jsonl"

enum {
	BATCH_SIZE = 16,
	CONCURRENCY = 1,
	HEALTH_SECONDS = 120
};

/* What a batch prediction is about. */
struct batch {
	struct record model;
	struct record dataset;
	struct environment environment;
};

static bool find(struct local_call *c, const struct davit_sdk_json *spec, struct batch *ret)
{
	const struct davit_sdk_json *model = davit_sdk_member(spec, "model");
	const struct davit_sdk_json *dataset = davit_sdk_member(spec, "dataset");

	return c->sdk.code == DAVIT_OK &&
	       definite_need_model(c, model, "/spec/model", &ret->model) &&
	       definite_need_dataset(c, dataset, "/spec/dataset", &ret->dataset);
}

static int32_t reply_definite(
	struct local_call *c, const struct davit_sdk_json *spec, const struct batch *batch)
{
	static const char *const without[] = {"model", "dataset", "requirements"};
	struct davit_sdk_writer w;

	definite_open(c, &w, without, LOCAL_COUNT(without));
	definite_put_model(&w, "model", &batch->model);
	definite_put_dataset(&w, "dataset", &batch->dataset);
	if (!definite_put_requirements(
		    c, &w, davit_sdk_member(spec, "requirements"), "/spec/requirements"))
		return c->sdk.code;
	return definite_reply(c, &w);
}

LOCAL_SLOT(inference_validate)
{
	struct local_call c;
	struct batch batch = {0};
	const struct davit_sdk_json *spec;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	spec = davit_sdk_need_object(&c.sdk, c.sdk.request, "/spec");
	if (!find(&c, spec, &batch) ||
		!child_check_environment(&c, davit_sdk_member(spec, "environment")) ||
		!requirements_check(
			&c, davit_sdk_member(spec, "requirements"), "/spec/requirements"))
		return c.sdk.code;
	return reply_definite(&c, spec, &batch);
}

/* --- starting --- */

/* How the caller wants it, with what holds where he says nothing. */
static void put_options(struct davit_sdk_writer *w, const struct davit_sdk_json *spec)
{
	davit_sdk_put_int(w, "batch_size", davit_sdk_int_at(spec, "/batch_size", BATCH_SIZE));
	davit_sdk_put_int(w, "concurrency", davit_sdk_int_at(spec, "/concurrency", CONCURRENCY));
	davit_sdk_put_text(w, "on_error", davit_sdk_text_at(spec, "/on_error", "fail"));
	davit_sdk_put_json(w, "instances", davit_sdk_member(spec, "instances"));
}

/* "server": what to run, and the variables the model asks for; "own": those of the job, which
 * the process has already and which go before. */
static bool put_server(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *spec, const struct batch *batch)
{
	const struct davit_sdk_json *server = davit_sdk_member(batch->model.value, "server");
	const struct davit_sdk_json *own = davit_sdk_member(spec, "environment");
	const struct child_program program = {
		.command = davit_sdk_member(server, "command"),
		.script = davit_sdk_text_at(server, "/script", NULL),
	};
	bool ok;

	davit_sdk_open_object(w, "server");
	ok = child_put_program(c, w, &program, "/spec/model");
	davit_sdk_put_json(w, "environment", davit_sdk_member(server, "environment"));
	davit_sdk_close_object(w);
	davit_sdk_open_array(w, "own");
	for (const struct davit_sdk_json *v = own == NULL ? NULL : own->first; v != NULL;
		v = v->next)
		davit_sdk_put_text(w, NULL, v->name.p);
	davit_sdk_close_array(w);
	return ok;
}

/* The name of the file with the rows, as it lies in the process's folder. */
static const char *rows_path(struct local_call *c, const struct batch *batch)
{
	return local_text(
		c, "batch/dataset.%s", davit_sdk_text_at(batch->dataset.value, "/format", "csv"));
}

/* The driver's file; p is NULL if the call failed. */
static davit_buf job_text(
	struct local_call *c, const struct davit_sdk_json *spec, const struct batch *batch)
{
	struct davit_sdk_writer w;
	bool ok;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "dataset", local_text(c, "../%s", rows_path(c, batch)));
	davit_sdk_put_text(&w, "format", davit_sdk_text_at(batch->dataset.value, "/format", "csv"));
	put_options(&w, spec);
	davit_sdk_put_int(&w, "health_seconds",
		davit_sdk_int_at(c->settings, "/deploy_seconds", HEALTH_SECONDS));
	ok = put_server(c, &w, spec, batch);
	davit_sdk_close_object(&w);
	return ok ? davit_sdk_write_end(&w) : (davit_buf){NULL, 0};
}

/* The specification of the process; p is NULL if the call failed. */
static davit_buf spec_text(
	struct local_call *c, const struct davit_sdk_json *spec, const struct batch *batch)
{
	static const struct child_variable variables[] = {{"DAVIT_MODEL_DIR", "model"}};
	static const char *const argv[] = {"python3", "../batch/driver.py", "../batch/job.json"};
	davit_buf job = job_text(c, spec, batch);
	struct davit_sdk_writer w;

	if (job.p == NULL)
		return job;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "argv");
	for (size_t i = 0; i < LOCAL_COUNT(argv); i++)
		davit_sdk_put_text(&w, NULL, argv[i]);
	davit_sdk_close_array(&w);
	child_put_environment(
		c, &w, davit_sdk_member(spec, "environment"), variables, LOCAL_COUNT(variables));
	davit_sdk_open_array(&w, "inputs");
	child_put_input(&w, "text", batch_driver, "batch/driver.py");
	child_put_input(&w, "text", job.p, "batch/job.json");
	child_put_input(&w, "blob", davit_sdk_text_at(batch->dataset.value, "/sha256", ""),
		rows_path(c, batch));
	servers_put_inputs(c, &w, batch->model.value);
	davit_sdk_close_array(&w);
	child_put_common(c, &w, davit_sdk_member(spec, "limits"), false);
	environment_put_prefix(&w, batch->environment.digest);
	davit_sdk_close_object(&w);
	return davit_sdk_write_end(&w);
}

static void put_model(struct davit_sdk_writer *w, const struct record *model)
{
	static const char *const members[] = {"id", "name", "version", "sha256"};

	davit_sdk_open_object(w, "model");
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(model->value, members[i]));
	davit_sdk_close_object(w);
}

/* The record stands before its process starts: a process without one would be nobody's. */
static int32_t put_record(struct local_call *c, const char *id, const struct davit_sdk_json *spec,
	const struct batch *batch)
{
	struct davit_sdk_writer w;

	records_open(c, &w, id);
	put_model(&w, &batch->model);
	datasets_put_reference(&w, "dataset", &batch->dataset);
	put_options(&w, spec);
	davit_sdk_put_text(&w, "requirements_sha256", batch->environment.digest);
	waiting_put_environment(&w, batch->environment.digest);
	if (datasets_note_use(c, &batch->dataset, "batch", id,
		    davit_sdk_text_at(spec, "/name", id)) != DAVIT_OK)
		return c->sdk.code;
	return records_put(c, RECORD_BATCH, id, &w);
}

/* What cannot be started is no batch prediction: it is not left in the list. */
static int32_t start_now(struct local_call *c, const char *id, davit_buf text)
{
	int32_t code = c->sdk.host->process->start(c->sdk.call, davit_sdk_buf(id), text);

	if (code == DAVIT_INVALID || code == DAVIT_NOT_FOUND)
		(void)records_del(c, RECORD_BATCH, id);
	return local_check(c, code);
}

/* That of the request, else that of the model. */
static bool need_environment(struct local_call *c, const char *id,
	const struct davit_sdk_json *spec, struct batch *batch)
{
	const struct environment_user user = {id, davit_sdk_text_at(spec, "/name", id)};
	const struct davit_sdk_json *own = davit_sdk_member(spec, "requirements");
	const char *digest;

	if (own != NULL && own->kind != DAVIT_SDK_NULL)
		return environment_need(c, own, "/spec/requirements", &user, &batch->environment);
	return environment_choose_again(c,
		       davit_sdk_text_at(batch->model.value, "/server/requirements_sha256", NULL),
		       &digest) &&
	       environment_want(c, digest, &user, &batch->environment);
}

static int32_t start(struct local_call *c, const char *id, const struct davit_sdk_json *spec)
{
	struct batch batch = {0};
	davit_buf text;

	if (!find(c, spec, &batch) || !need_environment(c, id, spec, &batch))
		return c->sdk.code;
	text = spec_text(c, spec, &batch);
	if (text.p == NULL)
		return davit_sdk_fail(&c->sdk, DAVIT_INTERNAL, "no memory left for the process");
	if ((batch.environment.digest != NULL && waiting_keep(c, id, text) != DAVIT_OK) ||
		put_record(c, id, spec, &batch) != DAVIT_OK)
		return c->sdk.code;
	return batch.environment.digest != NULL ? c->sdk.code : start_now(c, id, text);
}

/* --- answers --- */

static void put_count(struct davit_sdk_writer *w, const char *key,
	const struct davit_sdk_json *metrics, const char *pointer)
{
	int64_t count = davit_sdk_int_at(metrics, pointer, -1);

	if (count >= 0)
		davit_sdk_put_int(w, key, count);
}

static void put_outputs(struct local_call *c, struct davit_sdk_writer *w, const char *process)
{
	uint64_t bytes = 0;
	davit_blob blob = 0;
	int32_t code = c->sdk.host->process->open_file(
		c->sdk.call, davit_sdk_buf(process), davit_sdk_buf("outputs/" PREDICTIONS), &blob);

	davit_sdk_open_array(w, "outputs");
	if (code == DAVIT_OK) {
		(void)local_check(c, c->sdk.host->blob->length(c->sdk.call, blob, &bytes));
		c->sdk.host->blob->close(c->sdk.call, blob);
		davit_sdk_open_object(w, NULL);
		davit_sdk_put_text(w, "path", PREDICTIONS);
		davit_sdk_put_int(w, "bytes", (int64_t)bytes);
		davit_sdk_close_object(w);
	} else if (code != DAVIT_NOT_FOUND) {
		(void)local_check(c, code);
	}
	davit_sdk_close_array(w);
}

static void put(struct local_call *c, struct davit_sdk_writer *w, const struct record *record,
	const struct child *child)
{
	static const char *const members[] = {"model", "dataset", "batch_size", "concurrency",
		"on_error", "instances", "requirements_sha256"};
	struct progress progress;

	davit_sdk_put_json(w, "model", davit_sdk_member(record->value, "model"));
	davit_sdk_put_json(w, "dataset", davit_sdk_member(record->value, "dataset"));
	if (progress_read(c, record->id, false, &progress)) {
		put_count(w, "rows", progress.metrics, "/rows");
		put_count(w, "failed_rows", progress.metrics, "/failed_rows");
	}
	if (child_state(child) == DAVIT_STATE_SUCCEEDED)
		put_outputs(c, w, record->id);
	davit_sdk_open_object(w, "provider");
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(record->value, members[i]));
	davit_sdk_close_object(w);
}

static const struct run_sort sort = {
	.record = RECORD_BATCH,
	.start = start,
	.put = put,
};

/* --- the slots --- */

/* A slot that is the same for all runs. */
#define RUN_SLOT(name, ...)                                                                        \
	LOCAL_SLOT(inference_##name)                                                               \
	{                                                                                          \
		struct local_call c;                                                               \
                                                                                                   \
		if (local_begin(&c, inst, call, request) != DAVIT_OK)                              \
			return c.sdk.code;                                                         \
		return run_##name(__VA_ARGS__);                                                    \
	}

RUN_SLOT(submit, &c, &sort)
RUN_SLOT(find, &c, &sort)
RUN_SLOT(poll, &c, &sort)
RUN_SLOT(get, &c, &sort)
RUN_SLOT(list, &c, &sort)
RUN_SLOT(remove, &c, &sort)
RUN_SLOT(cancel, &c, &sort)
RUN_SLOT(logs, &c, &sort)
RUN_SLOT(metrics, &c)
RUN_SLOT(outputs, &c, &sort)

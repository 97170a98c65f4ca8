/*
 * models - what a training left, together with the server that answers for it: a record only,
 * the files stay where the training put them. Making one is done when submit returns.
 */
#include "local.h"

#include <string.h>

#include "child.h"
#include "names.h"
#include "objects.h"
#include "progress.h"
#include "source.h"
#include "training.h"

#define SCRIPT_DEFAULT "serve.py"

static void put_model(struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
{
	objects_open(c, w, RECORD_MODEL, record, objects_state_word(DAVIT_STATE_SUCCEEDED), 0);
	davit_sdk_put_json(w, "version", davit_sdk_member(record->value, "version"));
	names_put_tags(c, w, RECORD_MODEL, record);
	progress_put_metrics(w, davit_sdk_member(record->value, "metrics"));
	davit_sdk_put_text(w, "container",
		davit_sdk_text_at(record->value, "/server/command",
			davit_sdk_text_at(record->value, "/server/script", NULL)));
	davit_sdk_open_object(w, "provider");
	davit_sdk_put_json(w, "job", davit_sdk_member(record->value, "job"));
	davit_sdk_put_json(w, "server", davit_sdk_member(record->value, "server"));
	davit_sdk_close_object(w);
}

static bool check_server(struct local_call *c, const struct davit_sdk_json *server)
{
	const struct davit_sdk_json *command = davit_sdk_member(server, "command");

	if (command != NULL && davit_sdk_member(server, "script") == NULL)
		return child_check_command(c, command, "/spec/server/command");
	return source_check(c, davit_sdk_member(server, "script"), "/spec/server/script") &&
	       (command == NULL || child_check_command(c, command, "/spec/server/command"));
}

LOCAL_SLOT(models_validate)
{
	struct local_call c;
	struct record training;
	const struct davit_sdk_json *spec;
	const char *job;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	spec = davit_sdk_need_object(&c.sdk, c.sdk.request, "/spec");
	job = davit_sdk_need_text(&c.sdk, spec, "/source/job");
	if (c.sdk.code == DAVIT_OK &&
		names_check(&c, davit_sdk_text_at(spec, "/name", ""),
			davit_sdk_member(spec, "aliases")) &&
		check_server(&c, davit_sdk_member(spec, "server")))
		(void)training_need_succeeded(&c, job, "/spec/source/job", &training);
	return c.sdk.code;
}

/* "server": what to run, with the script's bytes sealed. */
static bool put_server(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *server)
{
	const struct davit_sdk_json *script = davit_sdk_member(server, "script");
	struct sealed sealed = {0};

	if (!check_server(c, server) ||
		(script != NULL && !source_seal(c, script, "/spec/server/script", &sealed)))
		return false;
	davit_sdk_open_object(w, "server");
	davit_sdk_put_json(w, "command", davit_sdk_member(server, "command"));
	davit_sdk_put_json(w, "environment", davit_sdk_member(server, "environment"));
	if (script != NULL) {
		davit_sdk_put_text(w, "script", source_file_name(script, SCRIPT_DEFAULT));
		davit_sdk_put_text(w, "sha256", sealed.digest);
	}
	davit_sdk_close_object(w);
	return true;
}

static int32_t create(struct local_call *c, const char *id)
{
	const struct davit_sdk_json *spec = davit_sdk_need_object(&c->sdk, c->sdk.request, "/spec");
	const char *job = davit_sdk_need_text(&c->sdk, spec, "/source/job");
	struct davit_sdk_writer w;
	struct record training;
	struct progress progress;

	if (c->sdk.code != DAVIT_OK ||
		!training_need_succeeded(c, job, "/spec/source/job", &training) ||
		!progress_read(c, training.id, &progress))
		return c->sdk.code;
	records_open(c, &w, id);
	davit_sdk_put_text(&w, "job", training.id);
	progress_put_metrics(&w, progress.metrics);
	if (!put_server(c, &w, davit_sdk_member(spec, "server")))
		return c->sdk.code;
	davit_sdk_put_int(&w, "version",
		names_give(c, RECORD_MODEL, davit_sdk_text_at(spec, "/name", id), id,
			davit_sdk_member(spec, "aliases")));
	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	return records_put(c, RECORD_MODEL, id, &w);
}

LOCAL_SLOT(models_submit)
{
	struct local_call c;
	struct record record;
	const char *id;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	id = davit_sdk_need_text(&c.sdk, c.sdk.request, "/submission_id");
	if (c.sdk.code == DAVIT_OK && !records_get(&c, RECORD_MODEL, id, &record))
		(void)create(&c, id);
	if (c.sdk.code != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_made(&c, RECORD_MODEL, id, put_model);
}

LOCAL_SLOT(models_find)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_made(&c, RECORD_MODEL, objects_id(&c), put_model);
}

LOCAL_SLOT(models_poll)
{
	return models_find(inst, call, request);
}

/* It is made by the time anybody could ask. */
LOCAL_SLOT(models_cancel)
{
	(void)inst;
	(void)call;
	(void)request;
	return DAVIT_OK;
}

LOCAL_SLOT(models_get)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_one(&c, RECORD_MODEL, objects_id(&c), put_model);
}

LOCAL_SLOT(models_list)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_all(&c, RECORD_MODEL, put_model);
}

/*
 * models - what a training left, together with the server that answers for it: sealed files and
 * a record of them.
 */
#include "models.h"

#include <string.h>

#include "child.h"
#include "definite.h"
#include "endpoint.h"
#include "environments.h"
#include "made.h"
#include "model_files.h"
#include "names.h"
#include "progress.h"
#include "requirements.h"
#include "source.h"
#include "training.h"

#define SCRIPT_DEFAULT "serve.py"

/* --- making --- */

static bool check_server(struct local_call *c, const struct davit_sdk_json *server)
{
	const struct davit_sdk_json *command = davit_sdk_member(server, "command");

	if (!child_check_environment(c, davit_sdk_member(server, "environment")) ||
		!requirements_check(
			c, davit_sdk_member(server, "requirements"), "/spec/server/requirements"))
		return false;
	if (command != NULL && davit_sdk_member(server, "script") == NULL)
		return child_check_command(c, command, "/spec/server/command");
	return source_check(c, davit_sdk_member(server, "script"), "/spec/server/script") &&
	       (command == NULL || child_check_command(c, command, "/spec/server/command"));
}

static bool put_definite_server(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *server)
{
	bool ok = true;

	davit_sdk_open_object(w, "server");
	for (const struct davit_sdk_json *v = server == NULL ? NULL : server->first;
		ok && v != NULL; v = v->next) {
		if (strcmp(v->name.p, "script") == 0)
			ok = definite_put_source(c, w, "script", v, "/spec/server/script");
		else if (strcmp(v->name.p, "requirements") == 0)
			ok = definite_put_requirements(c, w, v, "/spec/server/requirements");
		else
			davit_sdk_put_json(w, v->name.p, v);
	}
	davit_sdk_close_object(w);
	return ok;
}

/* Of the short form, whose training is still to come, there is no source yet. */
static bool check(struct local_call *c, const struct davit_sdk_json *spec)
{
	static const char *const without[] = {"source", "server"};
	const struct davit_sdk_json *source = davit_sdk_member(spec, "source");
	const struct davit_sdk_json *server = davit_sdk_member(spec, "server");
	struct record training = {0};
	struct davit_sdk_writer w;

	if (!check_server(c, server) ||
		(source != NULL &&
			!training_need_succeeded(c, davit_sdk_need_text(&c->sdk, source, "/job"),
				"/spec/source/job", &training)))
		return false;
	definite_open(c, &w, without, LOCAL_COUNT(without));
	if (source != NULL) {
		davit_sdk_open_object(&w, "source");
		davit_sdk_put_text(&w, "job", training.id);
		davit_sdk_close_object(&w);
	}
	return put_definite_server(c, &w, server) && definite_reply(c, &w) == DAVIT_OK;
}

/* The digest of the packages its server needs (NULL: none): where nothing is said of them, those
 * the training had. false: the call failed. */
static bool seal_packages(struct local_call *c, const struct davit_sdk_json *server,
	const struct record *training, const char **ret_digest)
{
	const struct davit_sdk_json *own = davit_sdk_member(server, "requirements");

	if (own != NULL && own->kind != DAVIT_SDK_NULL)
		return environment_choose(c, own, "/spec/server/requirements", ret_digest);
	*ret_digest = davit_sdk_text_at(training->value, "/requirements_sha256", NULL);
	return true;
}

/* "server": what to run, with the bytes of all it needs sealed. */
static bool put_server(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *server, const struct record *training)
{
	const struct davit_sdk_json *script = davit_sdk_member(server, "script");
	struct sealed sealed = {0};
	const char *packages;

	if (!check_server(c, server) || !seal_packages(c, server, training, &packages) ||
		(script != NULL && !source_seal(c, script, "/spec/server/script", &sealed)))
		return false;
	davit_sdk_open_object(w, "server");
	davit_sdk_put_json(w, "command", davit_sdk_member(server, "command"));
	davit_sdk_put_json(w, "environment", davit_sdk_member(server, "environment"));
	if (script != NULL) {
		davit_sdk_put_text(w, "script", source_file_name(script, SCRIPT_DEFAULT));
		davit_sdk_put_text(w, "sha256", sealed.digest);
	}
	davit_sdk_put_text(w, "requirements_sha256", packages);
	davit_sdk_close_object(w);
	return true;
}

/* "lineage": what it was made of, as the training's record says; it outlives the training. */
static void put_lineage(struct davit_sdk_writer *w, const struct record *training)
{
	static const char *const members[] = {
		"dataset", "script", "command", "parameters", "requirements_sha256"};
	const char *folder = davit_sdk_text_at(training->value, "/folder", NULL);

	davit_sdk_open_object(w, "lineage");
	davit_sdk_open_object(w, "training");
	davit_sdk_put_text(w, "id", training->id);
	davit_sdk_put_text(w, "name", training->name);
	davit_sdk_close_object(w);
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(training->value, members[i]));
	if (folder != NULL) {
		davit_sdk_open_object(w, "folder");
		davit_sdk_put_text(w, "name", folder);
		davit_sdk_put_text(
			w, "sha256", davit_sdk_text_at(training->value, "/folder_sha256", NULL));
		davit_sdk_close_object(w);
	}
	davit_sdk_close_object(w);
}

static bool fill(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *spec)
{
	const char *job = davit_sdk_need_text(&c->sdk, spec, "/source/job");
	struct record training;
	struct progress progress;

	if (c->sdk.code != DAVIT_OK ||
		!training_need_succeeded(c, job, "/spec/source/job", &training) ||
		!progress_read(c, training.id, true, &progress))
		return false;
	davit_sdk_put_text(w, "job", training.id);
	progress_put_metrics(w, progress.metrics);
	put_lineage(w, &training);
	return put_server(c, w, davit_sdk_member(spec, "server"), &training) &&
	       model_files_seal(c, w, training.id);
}

/* --- looking --- */

static void put(struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
{
	static const char *const members[] = {"version", "sha256", "lineage"};

	objects_open(c, w, RECORD_MODEL, record, objects_state_word(DAVIT_STATE_SUCCEEDED), 0);
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(record->value, members[i]));
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

static void put_whole(struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
{
	put(c, w, record);
	davit_sdk_put_json(w, "files", davit_sdk_member(record->value, "files"));
}

/* --- deleting --- */

bool models_need_kept(struct local_call *c, const char *id, struct record *ret_record)
{
	if (!records_need(c, RECORD_MODEL, id, DAVIT_INVALID, "/spec/model", ret_record))
		return false;
	if (!davit_sdk_bool_at(ret_record->value, "/removing", false))
		return true;
	(void)davit_sdk_fail_at(&c->sdk, DAVIT_CONFLICT, "/spec/model",
		"model '%s' is being deleted", ret_record->name);
	return false;
}

/* No endpoint may have it or be about to. */
static bool release(struct local_call *c, const struct record *record)
{
	struct records_scan scan = {0};
	struct endpoint e;

	while (records_next(c, RECORD_ENDPOINT, &scan)) {
		endpoint_parse(&scan.record, &e);
		if (e.removed || !endpoint_has_model(&e, record->id))
			continue;
		(void)davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
			"model '%s' is deployed on endpoint '%s'; take it off there first",
			record->name, e.record.name);
		return false;
	}
	return c->sdk.code == DAVIT_OK;
}

static const struct made_sort sort = {
	.kind = RECORD_MODEL,
	.tags = "aliases",
	.check = check,
	.fill = fill,
	.put = put,
	.put_whole = put_whole,
	.release = release,
	.files = model_files_of,
};

MADE_SLOTS(models, &sort)

void models_recover(struct local_call *c)
{
	made_recover(c, &sort);
}

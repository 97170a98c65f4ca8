/*
 * training - runs that end: the kinds "train" (a script on a data set) and "command" (one
 * command line). A training's id is its submission id, which is also the name of its process,
 * so that asking for the process answers what became of a submission.
 */
#include "training.h"

#include <string.h>

#include "child.h"
#include "objects.h"
#include "progress.h"
#include "source.h"
#include "utf8.h"

enum {
	POLL_MS = 1000, /* the host asks at once when a process ends: this is for progress */
	ARTIFACTS_MAX = 256,
	ARTIFACT_TEXT_BYTES = 1024 * 1024,
	ARTIFACTS_TEXT_BYTES = 4 * 1024 * 1024
};

/* --- requests --- */

static bool is_train(const struct local_call *c)
{
	return strcmp(davit_sdk_text_at(c->sdk.request, "/kind", ""), "train") == 0;
}

static bool check_train(struct local_call *c, const struct davit_sdk_json *spec)
{
	const struct davit_sdk_json *entry = davit_sdk_member(spec, "entry");
	const char *dataset = davit_sdk_text_at(spec, "/dataset", NULL);
	struct record record;

	if (!source_check(c, davit_sdk_member(spec, "script"), "/spec/script"))
		return false;
	if (entry != NULL && !child_check_command(c, entry, "/spec/entry"))
		return false;
	return dataset == NULL ||
	       records_need(c, RECORD_DATASET, dataset, DAVIT_INVALID, "/spec/dataset", &record);
}

LOCAL_SLOT(training_validate)
{
	struct local_call c;
	const struct davit_sdk_json *spec;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	spec = davit_sdk_need_object(&c.sdk, c.sdk.request, "/spec");
	if (is_train(&c))
		(void)check_train(&c, spec);
	else if (davit_sdk_need_text(&c.sdk, spec, "/command")[0] != '\0')
		(void)child_check_command(&c, davit_sdk_member(spec, "command"), "/spec/command");
	return c.sdk.code;
}

/* --- answers --- */

static void put_artifact(struct local_call *c, struct davit_sdk_writer *w, const char *process,
	const struct davit_sdk_json *file, int64_t *room)
{
	const char *path = davit_sdk_text_at(file, "/path", "");
	int64_t bytes = davit_sdk_int_at(file, "/bytes", 0);
	davit_buf text;

	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "name", path);
	davit_sdk_put_int(w, "bytes", bytes);
	if (bytes <= ARTIFACT_TEXT_BYTES && bytes <= *room &&
		child_tail(c, process, local_text(c, "outputs/%s", path), ARTIFACT_TEXT_BYTES,
			&text) &&
		utf8_is_text(text)) {
		davit_sdk_put_bytes(w, "text", text);
		*room -= bytes;
	}
	davit_sdk_close_object(w);
}

/* "artifacts": the files of its output folder; those that are text with their text. */
static void put_artifacts(
	struct local_call *c, struct davit_sdk_writer *w, const char *process, int64_t room)
{
	davit_buf text;
	const struct davit_sdk_json *v;
	int count = 0;
	int32_t code = c->sdk.host->process->list_files(
		c->sdk.call, davit_sdk_buf(process), davit_sdk_buf("outputs"), &text);

	if (code == DAVIT_NOT_FOUND || local_check(c, code) != DAVIT_OK)
		return;
	v = davit_sdk_member(davit_sdk_parse(&c->sdk.mem, text, NULL), "items");
	davit_sdk_open_array(w, "artifacts");
	for (v = v == NULL ? NULL : v->first; v != NULL && count < ARTIFACTS_MAX; v = v->next) {
		put_artifact(c, w, process, v, &room);
		count++;
	}
	davit_sdk_close_array(w);
}

static void put_times(struct local_call *c, struct davit_sdk_writer *w, const struct child *child)
{
	if (child->started_ms > 0)
		davit_sdk_put_int(w, "started_ms", child->started_ms);
	if (child->ended && child->finished_ms > 0)
		davit_sdk_put_int(w, "finished_ms", child->finished_ms);
	if (child->pid > 0)
		davit_sdk_put_text(w, "handle", local_text(c, "%lld", (long long)child->pid));
}

static void put_provider(struct davit_sdk_writer *w, const struct davit_sdk_json *record)
{
	static const char *const members[] = {
		"kind", "command", "project", "version", "script", "dataset", "parameters"};

	davit_sdk_open_object(w, "provider");
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(record, members[i]));
	davit_sdk_close_object(w);
}

/* The neutral object of a training; returns its DAVIT_STATE_…. */
static int32_t put_training(struct local_call *c, struct davit_sdk_writer *w,
	const struct record *record, const struct child *child)
{
	int32_t state = child_state(child);

	objects_open(c, w, RECORD_TRAINING, record, objects_state_word(state),
		child->ended ? child->finished_ms : child->started_ms);
	put_times(c, w, child);
	if (child->applied != NULL)
		davit_sdk_put_json(w, "applied", child->applied);
	davit_sdk_open_object(w, "ref");
	davit_sdk_put_int(w, "v", 1);
	davit_sdk_put_text(w, "id", record->id);
	davit_sdk_close_object(w);
	if (state == DAVIT_STATE_FAILED)
		davit_sdk_put_text(w, "error", child_reason(c, record->id, child, "the script"));
	put_provider(w, record->value);
	return state;
}

/* reply_state() of a training whose process is known. */
static int32_t reply_state(
	struct local_call *c, const struct record *record, const struct child *child)
{
	struct davit_sdk_writer w;
	struct progress progress;
	int32_t state;

	if (!progress_read(c, record->id, &progress))
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	state = put_training(c, &w, record, child);
	progress_put(&w, &progress);
	if (state == DAVIT_STATE_SUCCEEDED)
		put_artifacts(c, &w, record->id, 0);
	davit_sdk_close_object(&w);
	return davit_sdk_reply_state(&c->sdk, state, POLL_MS, &w);
}

/* reply_state() with how the training stands; DAVIT_NOT_FOUND where nothing was started. */
static int32_t reply_found(struct local_call *c, const char *id)
{
	struct record record;
	struct child child;

	if (!child_inspect(c, id, &child))
		return c->sdk.code;
	if (!child.known)
		return davit_sdk_fail(&c->sdk, DAVIT_NOT_FOUND, "there is no training '%s'", id);
	if (!records_need(c, RECORD_TRAINING, id, DAVIT_NOT_FOUND, "", &record))
		return c->sdk.code;
	return reply_state(c, &record, &child);
}

LOCAL_SLOT(training_submit)
{
	struct local_call c;
	struct child child;
	const struct davit_sdk_json *spec;
	const char *id;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	id = davit_sdk_need_text(&c.sdk, c.sdk.request, "/submission_id");
	spec = davit_sdk_need_object(&c.sdk, c.sdk.request, "/spec");
	if (c.sdk.code != DAVIT_OK || !child_inspect(&c, id, &child))
		return c.sdk.code;
	if (!child.known && training_start(&c, id, spec, is_train(&c)) != DAVIT_OK)
		return c.sdk.code;
	return reply_found(&c, id);
}

LOCAL_SLOT(training_find)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return reply_found(&c, davit_sdk_need_text(&c.sdk, c.sdk.request, "/submission_id"));
}

LOCAL_SLOT(training_poll)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return reply_found(&c, objects_id(&c));
}

LOCAL_SLOT(training_cancel)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return child_stop(&c, objects_id(&c));
}

LOCAL_SLOT(training_logs)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return child_reply_log(&c, objects_id(&c));
}

LOCAL_SLOT(training_metrics)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return progress_reply_series(&c, objects_id(&c));
}

/* --- looking --- */

static bool wants_artifacts(const struct local_call *c)
{
	const struct davit_sdk_json *include = davit_sdk_member(c->sdk.request, "include");

	for (const struct davit_sdk_json *v = include == NULL ? NULL : include->first; v != NULL;
		v = v->next) {
		if (v->kind == DAVIT_SDK_TEXT && strcmp(v->text.p, "artifacts") == 0)
			return true;
	}
	return false;
}

static void put_whole(struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
{
	struct child child;
	struct progress progress = {0};

	(void)(child_inspect(c, record->id, &child) && progress_read(c, record->id, &progress));
	(void)put_training(c, w, record, &child);
	progress_put(w, &progress);
	if (wants_artifacts(c))
		put_artifacts(c, w, record->id, ARTIFACTS_TEXT_BYTES);
}

LOCAL_SLOT(training_get)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_one(&c, RECORD_TRAINING, objects_id(&c), put_whole);
}

static void put_listed(
	struct local_call *c, struct davit_sdk_writer *w, const struct record *record)
{
	struct child child;

	(void)child_inspect(c, record->id, &child);
	(void)put_training(c, w, record, &child);
}

LOCAL_SLOT(training_list)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return objects_reply_all(&c, RECORD_TRAINING, put_listed);
}

bool training_need_succeeded(struct local_call *c, const char *id_or_name, const char *pointer,
	struct record *ret_record)
{
	struct child child;
	int32_t state;

	if (!records_need(c, RECORD_TRAINING, id_or_name, DAVIT_INVALID, pointer, ret_record) ||
		!child_inspect(c, ret_record->id, &child))
		return false;
	state = child_state(&child);
	if (state == DAVIT_STATE_SUCCEEDED)
		return true;
	(void)davit_sdk_fail_at(&c->sdk, DAVIT_CONFLICT, pointer,
		"training '%s' is %s; a model can be made of one that is SUCCEEDED", id_or_name,
		objects_state_word(state));
	return false;
}

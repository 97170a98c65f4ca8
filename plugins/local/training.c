/*
 * training - runs that end: the kinds "train" (a script on a data set), "custom_script" (the
 * same with files of the caller) and "command" (one command line). A training's id is its
 * submission id, which is also the name of its process, so that asking for the process answers what
 * became of a submission.
 */
#include "training.h"

#include <string.h>

#include "child.h"
#include "definite.h"
#include "objects.h"
#include "requirements.h"
#include "run.h"
#include "source.h"
#include "training_folder.h"

/* --- requests --- */

/* Does it run a script, by either kind? */
static bool is_train(const struct local_call *c)
{
	return strcmp(davit_sdk_text_at(c->sdk.request, "/kind", ""), "command") != 0;
}

/* What a training needs, as its request names it. */
struct needs {
	struct training_folder folder;
	struct record dataset; /* id NULL: none */
};

static bool check_script(
	struct local_call *c, const struct davit_sdk_json *spec, struct training_folder *ret_folder)
{
	const struct davit_sdk_json *script = davit_sdk_member(spec, "script");

	if (script == NULL && davit_sdk_member(spec, "entry") == NULL) {
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/script",
			"what is to run must stand here, or in \"entry\" as a command line");
		return false;
	}
	return training_folder_read(c, davit_sdk_member(spec, "folder"), script, ret_folder) &&
	       (script == NULL || ret_folder->name != NULL ||
		       source_check(c, script, "/spec/script"));
}

static bool check_train(struct local_call *c, const struct davit_sdk_json *spec, struct needs *ret)
{
	const struct davit_sdk_json *entry = davit_sdk_member(spec, "entry");
	const struct davit_sdk_json *dataset = davit_sdk_member(spec, "dataset");

	*ret = (struct needs){0};
	if (!check_script(c, spec, &ret->folder) ||
		!child_check_environment(c, davit_sdk_member(spec, "environment")) ||
		(entry != NULL && !child_check_command(c, entry, "/spec/entry")) ||
		!requirements_check(
			c, davit_sdk_member(spec, "requirements"), "/spec/requirements"))
		return false;
	return dataset == NULL || definite_need_dataset(c, dataset, "/spec/dataset", &ret->dataset);
}

static bool put_script(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *spec, const struct training_folder *folder)
{
	const struct davit_sdk_json *script = davit_sdk_member(spec, "script");

	if (folder->name == NULL)
		return definite_put_source(c, w, "script", script, "/spec/script");
	davit_sdk_put_json(w, "script", script);
	return training_folder_put_definite(c, w, folder, script);
}

static int32_t reply_definite(
	struct local_call *c, const struct davit_sdk_json *spec, const struct needs *needs)
{
	static const char *const without[] = {"script", "folder", "dataset", "requirements"};
	struct davit_sdk_writer w;

	definite_open(c, &w, without, LOCAL_COUNT(without));
	if (!put_script(c, &w, spec, &needs->folder))
		return c->sdk.code;
	if (needs->dataset.id != NULL)
		definite_put_dataset(&w, "dataset", &needs->dataset);
	if (!definite_put_requirements(
		    c, &w, davit_sdk_member(spec, "requirements"), "/spec/requirements"))
		return c->sdk.code;
	return definite_reply(c, &w);
}

LOCAL_SLOT(training_validate)
{
	struct local_call c;
	const struct davit_sdk_json *spec;
	struct needs needs;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	spec = davit_sdk_need_object(&c.sdk, c.sdk.request, "/spec");
	if (is_train(&c) && check_train(&c, spec, &needs))
		return reply_definite(&c, spec, &needs);
	if (!is_train(&c) && davit_sdk_need_text(&c.sdk, spec, "/command")[0] != '\0' &&
		child_check_environment(&c, davit_sdk_member(spec, "environment")))
		(void)child_check_command(&c, davit_sdk_member(spec, "command"), "/spec/command");
	return c.sdk.code;
}

/* --- the slots --- */

static void put_provider(struct local_call *c, struct davit_sdk_writer *w,
	const struct record *record, const struct child *child)
{
	static const char *const members[] = {"kind", "command", "project", "version", "script",
		"folder", "folder_sha256", "entry", "args", "dataset", "parameters",
		"requirements_sha256"};

	(void)c;
	(void)child;
	davit_sdk_open_object(w, "provider");
	for (size_t i = 0; i < LOCAL_COUNT(members); i++)
		davit_sdk_put_json(w, members[i], davit_sdk_member(record->value, members[i]));
	davit_sdk_close_object(w);
}

static int32_t start(struct local_call *c, const char *id, const struct davit_sdk_json *spec)
{
	return training_start(c, id, spec, is_train(c));
}

static const struct run_sort sort = {
	.record = RECORD_TRAINING,
	.start = start,
	.put = put_provider,
};

LOCAL_SLOT(training_submit)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_submit(&c, &sort);
}

LOCAL_SLOT(training_find)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_find(&c, &sort);
}

LOCAL_SLOT(training_poll)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_poll(&c, &sort);
}

LOCAL_SLOT(training_cancel)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_cancel(&c, &sort);
}

LOCAL_SLOT(training_remove)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_remove(&c, &sort);
}

LOCAL_SLOT(training_get)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_get(&c, &sort);
}

LOCAL_SLOT(training_list)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_list(&c, &sort);
}

LOCAL_SLOT(training_logs)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_logs(&c, &sort);
}

LOCAL_SLOT(training_metrics)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_metrics(&c);
}

LOCAL_SLOT(training_outputs)
{
	struct local_call c;

	if (local_begin(&c, inst, call, request) != DAVIT_OK)
		return c.sdk.code;
	return run_outputs(&c, &sort);
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

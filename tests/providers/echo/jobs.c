/*
 * jobs - the job shape over values in kv: FAMILY/ID holds an object with the words it was
 * made with; each poll is counted there. Ids are derived names, so that find needs no search.
 */
#include "echo.h"

#include <string.h>

/* The one file that every object has. */
#define OUTPUT_NAME "report.txt"
#define OUTPUT_TEXT "echo!\n"

/* One object as it was read from kv. */
struct object {
	const char *family;
	const char *id;
	const struct davit_sdk_json *value;
	const char *words;
	int64_t polls; /* so far */
	int64_t pend;  /* polls until its end */
};

static const char *key_of(struct davit_sdk *sdk, const char *family, const char *id)
{
	const char *key = davit_sdk_format(&sdk->mem, "%s/%s", family, id);

	if (key == NULL)
		davit_sdk_fail(sdk, DAVIT_INTERNAL, "no memory left for this call");
	return key != NULL ? key : "";
}

static void view(struct object *o, const char *family, const struct davit_sdk_json *value)
{
	*o = (struct object){
		.family = family,
		.id = davit_sdk_text_at(value, "/id", ""),
		.value = value,
		.words = davit_sdk_text_at(value, "/behave", ""),
		.polls = davit_sdk_int_at(value, "/polls", 0),
	};
	(void)behave_has(o->words, "submit", "pend", &o->pend);
}

/* The object of an id; false: there is none and the call has failed with that. */
static bool load(struct davit_sdk *sdk, const char *family, const char *id, struct object *o)
{
	const struct davit_sdk_json *value = davit_sdk_kv_get(sdk, key_of(sdk, family, id), NULL);

	if (value == NULL && sdk->code == DAVIT_OK)
		davit_sdk_fail(sdk, DAVIT_NOT_FOUND, "there is no %s object '%s'", family, id);
	if (value != NULL)
		view(o, family, value);
	return sdk->code == DAVIT_OK;
}

/* Writes the value again with a member more or another one; the new value is in *o. */
static bool change(struct davit_sdk *sdk, struct object *o, const char *member, int64_t number)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_object(&w, NULL);
	for (const struct davit_sdk_json *v = o->value->first; v != NULL; v = v->next)
		if (strcmp(v->name.p, member) != 0)
			davit_sdk_put_json(&w, v->name.p, v);
	davit_sdk_put_int(&w, member, number);
	davit_sdk_close_object(&w);
	if (davit_sdk_kv_put(sdk, key_of(sdk, o->family, o->id), &w) != DAVIT_OK)
		return false;
	return load(sdk, o->family, o->id, o);
}

static int32_t state_of(const struct object *o)
{
	if (davit_sdk_int_at(o->value, "/cancelled", 0) != 0)
		return DAVIT_STATE_CANCELLED;
	if (o->polls < o->pend)
		return o->polls == 0 ? DAVIT_STATE_PENDING : DAVIT_STATE_RUNNING;
	if (behave_has(o->words, "submit", "fail", NULL))
		return DAVIT_STATE_FAILED;
	return behave_has(o->words, "submit", "cancel", NULL) ? DAVIT_STATE_CANCELLED
	                                                      : DAVIT_STATE_SUCCEEDED;
}

static void put_progress(struct davit_sdk_writer *w, const struct object *o)
{
	double fraction =
		o->pend > 0 && o->polls < o->pend ? (double)o->polls / (double)o->pend : 1;

	davit_sdk_open_object(w, "progress");
	davit_sdk_put_number(w, "fraction", fraction);
	davit_sdk_put_int(w, "step", o->polls);
	davit_sdk_close_object(w);
	davit_sdk_open_object(w, "metrics");
	davit_sdk_put_number(w, "accuracy", fraction);
	davit_sdk_close_object(w);
}

static void put_artifacts(struct davit_sdk_writer *w)
{
	davit_sdk_open_array(w, "artifacts");
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "name", OUTPUT_NAME);
	davit_sdk_put_int(w, "bytes", sizeof(OUTPUT_TEXT) - 1);
	davit_sdk_put_text(w, "text", OUTPUT_TEXT);
	davit_sdk_close_object(w);
	davit_sdk_close_array(w);
}

static void put_own(struct davit_sdk_writer *w, const struct object *o)
{
	davit_sdk_open_object(w, "provider");
	davit_sdk_put_int(w, "polls", o->polls);
	davit_sdk_put_json(w, "spec", davit_sdk_member(o->value, "spec"));
	davit_sdk_put_json(w, "checkpoint", davit_sdk_member(o->value, "checkpoint"));
	davit_sdk_close_object(w);
}

static void put_neutral(struct davit_sdk *sdk, struct davit_sdk_writer *w, const struct object *o)
{
	static const char *const words[] = {
		"PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"};
	int32_t state = state_of(o);

	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "id", o->id);
	davit_sdk_put_json(w, "name", davit_sdk_member(o->value, "name"));
	davit_sdk_put_text(w, "uri", davit_sdk_format(&sdk->mem, "echo://%s/%s", o->family, o->id));
	davit_sdk_put_text(w, "state", words[state]);
	davit_sdk_put_json(w, "created", davit_sdk_member(o->value, "created"));
	davit_sdk_put_json(w, "updated", davit_sdk_member(o->value, "created"));
	davit_sdk_put_json(w, "labels", davit_sdk_at(o->value, "/spec/labels"));
	davit_sdk_put_text(w, "handle", "echo");
	if (state == DAVIT_STATE_FAILED)
		davit_sdk_put_text(w, "error", "failed as it was told to");
	davit_sdk_open_object(w, "ref");
	davit_sdk_put_int(w, "v", 1);
	davit_sdk_put_text(w, "id", o->id);
	davit_sdk_close_object(w);
	put_progress(w, o);
	put_artifacts(w);
	put_own(w, o);
	davit_sdk_close_object(w);
}

static int32_t reply_object(struct davit_sdk *sdk, const struct object *o)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &sdk->mem);
	put_neutral(sdk, &w, o);
	return davit_sdk_reply(sdk, &w);
}

static int32_t reply_job(struct davit_sdk *sdk, davit_instance inst, const struct object *o)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &sdk->mem);
	put_neutral(sdk, &w, o);
	return davit_sdk_reply_state(sdk, state_of(o), echo_of(inst)->poll_ms, &w);
}

/* The words of a job request. */
static const char *words_of(const struct davit_sdk *sdk)
{
	const char *command = davit_sdk_text_at(sdk->request, "/spec/command", "");

	return davit_sdk_text_at(sdk->request, "/spec/behave", command);
}

/* --- slots --- */

int32_t jobs_validate(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	int32_t code = DAVIT_OK;

	(void)family;
	echo_begin(&sdk, inst, call, request);
	(void)davit_sdk_need_object(&sdk, sdk.request, "/spec");
	const char *words = davit_sdk_text_at(sdk.request, "/spec/behave", "");
	const char *unknown = behave_unknown(&sdk, words);
	if (unknown != NULL)
		davit_sdk_fail_at(&sdk, DAVIT_INVALID, "/spec/behave",
			"'%s' is no word of the echo provider", unknown);
	if (sdk.code == DAVIT_OK && !behave_before(&sdk, words, "validate", &code))
		return code;
	return sdk.code;
}

/* The endpoint that deploy and undeploy are about must be there. */
static bool need_endpoint(struct davit_sdk *sdk, const char *family)
{
	const char *kind = davit_sdk_text_at(sdk->request, "/kind", "");
	struct object endpoint = {0};

	if (strcmp(kind, "deploy") != 0 && strcmp(kind, "undeploy") != 0)
		return true;
	if (!load(sdk, family, davit_sdk_need_text(sdk, sdk->request, "/id"), &endpoint))
		return false;
	return change(sdk, &endpoint, "deployed", strcmp(kind, "deploy") == 0);
}

static bool create(struct davit_sdk *sdk, const char *family, const char *id)
{
	const struct davit_sdk_json *request = sdk->request;
	const char *kind = davit_sdk_need_text(sdk, request, "/kind");
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "id", id);
	davit_sdk_put_text(&w, "name", davit_sdk_text_at(request, "/spec/name", id));
	davit_sdk_put_text(&w, "kind", kind);
	davit_sdk_put_text(&w, "behave", words_of(sdk));
	davit_sdk_put_int(&w, "created", sdk->host->core->now_ms(sdk->call));
	davit_sdk_put_json(&w, "spec", davit_sdk_need_object(sdk, request, "/spec"));
	davit_sdk_put_json(&w, "checkpoint", davit_sdk_member(request, "checkpoint"));
	davit_sdk_close_object(&w);
	/* Not written over: a submission makes one object, however often it is submitted. */
	return davit_sdk_kv_cas(sdk, key_of(sdk, family, id), &w, 0) || sdk->code == DAVIT_OK;
}

int32_t jobs_submit(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct object o = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	const char *id = davit_sdk_need_text(&sdk, sdk.request, "/derived_name");
	const char *words = words_of(&sdk);
	if (sdk.code == DAVIT_OK && !behave_before(&sdk, words, "submit", &code))
		return code;
	bool adopted = davit_sdk_kv_get(&sdk, key_of(&sdk, family, id), NULL) != NULL;
	if (!need_endpoint(&sdk, family) || !create(&sdk, family, id) ||
		!load(&sdk, family, id, &o))
		return sdk.code;
	if (!adopted && !behave_after(&sdk, words, "submit", &code))
		return code;
	return reply_job(&sdk, inst, &o);
}

int32_t jobs_find(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct object o = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!load(&sdk, family, davit_sdk_need_text(&sdk, sdk.request, "/derived_name"), &o))
		return sdk.code;
	if (!behave_before(&sdk, o.words, "find", &code))
		return code;
	return reply_job(&sdk, inst, &o);
}

/* Begins a slot about the job {ref}, or the object {id}. */
static bool begin_known(struct davit_sdk *sdk, const char *family, const char *slot,
	struct object *o, int32_t *ret_code)
{
	const char *id = davit_sdk_text_at(sdk->request, "/ref/id", NULL);

	if (id == NULL)
		id = davit_sdk_need_text(sdk, sdk->request, "/id");
	if (!load(sdk, family, id, o)) {
		*ret_code = sdk->code;
		return false;
	}
	return behave_before(sdk, o->words, slot, ret_code);
}

int32_t jobs_poll(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct object o = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!begin_known(&sdk, family, "poll", &o, &code))
		return code;
	if (!change(&sdk, &o, "polls", o.polls + 1))
		return sdk.code;
	if (!behave_after(&sdk, o.words, "poll", &code))
		return code;
	return reply_job(&sdk, inst, &o);
}

int32_t jobs_cancel(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct object o = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!begin_known(&sdk, family, "cancel", &o, &code))
		return code;
	if (o.polls < o.pend)
		(void)change(&sdk, &o, "cancelled", 1);
	return sdk.code;
}

int32_t jobs_get(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct object o = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!begin_known(&sdk, family, "get", &o, &code) ||
		!behave_after(&sdk, o.words, "get", &code))
		return code;
	return reply_object(&sdk, &o);
}

int32_t jobs_list(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;
	struct davit_sdk_kv_scan scan = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!behave_before(&sdk, echo_of(inst)->behave, "list", &code))
		return code;
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "items");
	scan.prefix = key_of(&sdk, family, "");
	while (davit_sdk_kv_next(&sdk, &scan)) {
		const char *kind = davit_sdk_text_at(scan.value, "/kind", "");
		struct object o;

		view(&o, family, scan.value);
		if (strcmp(kind, "deploy") != 0 && strcmp(kind, "undeploy") != 0)
			put_neutral(&sdk, &w, &o);
	}
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&sdk, &w);
}

int32_t jobs_remove(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct object o = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!begin_known(&sdk, family, "remove", &o, &code))
		return code;
	(void)davit_sdk_kv_del(&sdk, key_of(&sdk, family, o.id));
	if (sdk.code == DAVIT_OK && !behave_after(&sdk, o.words, "remove", &code))
		return code;
	return reply_object(&sdk, &o);
}

/* As a blob that is sealed first, or line by line; lines:N says how many. */
static int32_t reply_log(struct davit_sdk *sdk, const char *words)
{
	const davit_host_core_1 *core = sdk->host->core;
	davit_buf head = davit_sdk_buf("{\"content_type\":\"text/plain\"}");
	int64_t lines = 2;
	int32_t code = DAVIT_OK;

	(void)behave_has(words, "logs", "lines", &lines);
	for (int64_t i = 1; i <= lines && code == DAVIT_OK; i++) {
		const char *line = davit_sdk_format(&sdk->mem, "line %d\n", (int)i);

		code = core->reply_chunk(sdk->call, head, davit_sdk_buf(line), 0);
	}
	if (code == DAVIT_OK)
		code = core->reply_chunk(sdk->call, head, davit_sdk_buf(NULL), 1);
	return davit_sdk_check(sdk, code, "send the log");
}

static int32_t reply_log_blob(struct davit_sdk *sdk)
{
	const davit_host_blob_1 *blob = sdk->host->blob;
	davit_blob handle = 0;
	davit_buf digest;

	int32_t code = blob->create(sdk->call, &handle);
	if (code == DAVIT_OK)
		code = blob->write(sdk->call, handle, davit_sdk_buf("line 1\nline 2\n"));
	if (code == DAVIT_OK)
		code = blob->seal(sdk->call, handle, &digest);
	if (davit_sdk_check(sdk, code, "keep the log") != DAVIT_OK)
		return sdk->code;
	return davit_sdk_reply_blob(sdk, "text/plain", 0, handle);
}

int32_t jobs_logs(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct object o = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!begin_known(&sdk, family, "logs", &o, &code) ||
		!behave_after(&sdk, o.words, "logs", &code))
		return code;
	if (behave_has(o.words, "logs", "blob", NULL) && sdk.host->blob != NULL)
		return reply_log_blob(&sdk);
	return reply_log(&sdk, o.words);
}

int32_t jobs_metrics(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;
	struct object o = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!begin_known(&sdk, family, "metrics", &o, &code))
		return code;
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "series");
	for (int64_t i = 1; i <= o.polls; i++) {
		davit_sdk_open_object(&w, NULL);
		davit_sdk_put_int(&w, "step", i);
		davit_sdk_open_object(&w, "values");
		davit_sdk_put_number(&w, "loss", 1.0 / (double)i);
		davit_sdk_close_object(&w);
		davit_sdk_close_object(&w);
	}
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&sdk, &w);
}

static void put_outputs(struct davit_sdk_writer *w)
{
	davit_sdk_open_object(w, NULL);
	davit_sdk_open_array(w, "items");
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "path", OUTPUT_NAME);
	davit_sdk_put_int(w, "bytes", sizeof(OUTPUT_TEXT) - 1);
	davit_sdk_close_object(w);
	davit_sdk_close_array(w);
	davit_sdk_close_object(w);
}

int32_t jobs_outputs(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;
	struct object o = {0};
	const char *path;
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	if (!begin_known(&sdk, family, "outputs", &o, &code))
		return code;
	path = davit_sdk_text_at(sdk.request, "/path", NULL);
	if (path != NULL && strcmp(path, OUTPUT_NAME) != 0)
		return davit_sdk_fail(&sdk, DAVIT_NOT_FOUND, "the job left no file '%s'", path);
	if (path != NULL)
		return davit_sdk_reply_bytes(&sdk, "text/plain", 200, davit_sdk_buf(OUTPUT_TEXT));
	davit_sdk_write_begin(&w, &sdk.mem);
	put_outputs(&w);
	return davit_sdk_reply(&sdk, &w);
}

int32_t jobs_migrate_ref(
	const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;

	(void)family;
	echo_begin(&sdk, inst, call, request);
	(void)davit_sdk_need_int(&sdk, sdk.request, "/from_version");
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_object(&w, "ref");
	davit_sdk_put_int(&w, "v", 1);
	davit_sdk_put_json(&w, "id", davit_sdk_at(sdk.request, "/ref/id"));
	davit_sdk_close_object(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&sdk, &w);
}

int32_t jobs_export(const char *family, davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct object o = {0};
	int32_t code = DAVIT_OK;

	echo_begin(&sdk, inst, call, request);
	(void)davit_sdk_need_object(&sdk, sdk.request, "/spec");
	if (!begin_known(&sdk, family, "export", &o, &code))
		return code;
	return reply_object(&sdk, &o);
}

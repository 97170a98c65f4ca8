/* job_view - see job_view.h. */
#include "api/job_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/job_why.h"
#include "api/redact.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "config/config.h"
#include "jobs/account.h"
#include "jobs/job.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "secret/redact.h"
#include "store/store.h"

/* --- neutral --- */

/* The word neutral objects have for where something stands. */
static const char *neutral_state(enum job_state state)
{
	switch (state) {
	case JOB_QUEUED:
	case JOB_SUBMITTING:
		return "PENDING";
	case JOB_SUCCEEDED:
		return "SUCCEEDED";
	case JOB_FAILED:
		return "FAILED";
	case JOB_CANCELLED:
		return "CANCELLED";
	default:
		return "RUNNING";
	}
}

static json_t *text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

json_t *job_view_neutral(const struct job *job)
{
	json_t *neutral = answer_stored(job->result);
	const char *id = job->remote_name != NULL ? job->remote_name : job->id;
	bool ended = (JOB_BIT(job->state) & JOB_TERMINAL) != 0;
	int failed = 0;

	if (!json_is_object(neutral)) {
		json_decref(neutral);
		neutral = json_object();
	}
	if (json_object_get(neutral, "id") == NULL)
		failed |= json_object_set_new(neutral, "id", json_string(id));
	if (json_object_get(neutral, "name") == NULL)
		failed |= json_object_set_new(neutral, "name", text_or_null(job->name));
	if (ended || json_object_get(neutral, "state") == NULL)
		failed |= json_object_set_new(
			neutral, "state", json_string(neutral_state(job->state)));
	failed |= json_object_set_new(neutral, "job", json_string(job->id));
	if (failed != 0) {
		json_decref(neutral);
		return NULL;
	}
	return neutral;
}

char *job_view_object(const struct job *job)
{
	json_t *neutral;
	const char *id;
	char *object;

	if (job->remote_name == NULL)
		return NULL;
	/* remote_name may be a longer name than the id that slots take. */
	neutral = answer_stored(job->result);
	id = json_text_or(neutral, "id", job->remote_name);
	object = strdup(id);
	json_decref(neutral);
	return object;
}

/* Without what is named like a secret, and without what is known as one. */
static json_t *stored_redacted(const char *text)
{
	json_t *value = answer_stored(text);
	json_t *out = redact(value);

	json_decref(value);
	redact_answer(out);
	return out;
}

/* --- the whole job --- */

static bool put_request(json_t *view, const struct job *job)
{
	return json_object_set_new(view, "request", stored_redacted(job->request)) == 0;
}

static bool put_rest(json_t *view, const struct job *job)
{
	/* clang-format off */
	json_t *rest = json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:I,"
				 " s:o, s:o, s:o, s:o, s:o, s:s?, s:s?, s:s?, s:o, s:o, s:s*}",
		"status", job_state_essedum(job->state),
		"provider", job->provider,
		"interface", job->interface,
		"kind", job->kind,
		"name", job->name,
		"project", job->project,
		"connection", job->connection,
		"attempts", (json_int_t)job->attempts,
		"created", answer_time(job->created_ms),
		"started", answer_time(job->started_ms),
		"finished", answer_time(job->finished_ms),
		"cancel_asked", answer_time(job->cancel_ms),
		"deadline", answer_time(job->deadline_ms),
		"resource", job->remote_name,
		"handle", job->handle,
		"rerun_of", job->rerun_of[0] != '\0' ? job->rerun_of : NULL,
		"progress", answer_stored(job->progress),
		"result", stored_redacted(job->result),
		"parent", job->parent[0] != '\0' ? job->parent : NULL);
	/* clang-format on */
	bool put = rest != NULL && json_object_update(view, rest) == 0;

	json_decref(rest);
	return put;
}

json_t *job_view_full(const struct job *job, const struct queue_wait *wait, bool with_request)
{
	json_t *view = json_pack("{s:s, s:s}", "id", job->id, "state", job_state_word(job->state));

	if (view == NULL || !job_why_put(view, job, wait) || !put_rest(view, job) ||
		(with_request && !put_request(view, job))) {
		json_decref(view);
		return NULL;
	}
	return view;
}

/* --- getStatus --- */

/* A JSON string; what is not printable ASCII, which ids and handles are, becomes '?'. */
static void put_quoted(struct buf *out, const char *text)
{
	buf_text(out, "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add(out, "\\", 1);
		buf_add(out, *text >= ' ' && *text <= '~' ? text : "?", 1);
	}
	buf_text(out, "\"");
}

static void put_time(struct buf *out, const char *key, int64_t ms, bool known, int offset)
{
	char text[CLOCK_TEXT_SIZE];

	if (known)
		buf_printf(out, "\"%s\":\"%s\",", key, clock_text(ms, offset, text));
	else
		buf_printf(out, "\"%s\":null,", key);
}

/* Seconds with as many decimals as they need, and at least one. */
static void put_seconds(struct buf *out, int64_t ms)
{
	int fraction = (int)(ms % 1000);
	int width = 3;

	while (width > 1 && fraction % 10 == 0) {
		fraction /= 10;
		width--;
	}
	buf_printf(out, "%" PRId64 ".%0*d", ms / 1000, width, fraction);
}

/* Written by hand: every open job is polled by this, many times. */
void job_view_status(
	struct buf *out, const char *id, const struct job_status *status, int utc_offset_minutes)
{
	bool ended = (JOB_BIT(status->state) & JOB_TERMINAL) != 0;
	int64_t started = status->started_ms != 0 ? status->started_ms : status->finished_ms;
	int64_t ran = status->finished_ms > started ? status->finished_ms - started : 0;

	buf_text(out, "{");
	put_time(out, "finished", status->finished_ms, ended, utc_offset_minutes);
	buf_printf(out, "\"log_path\":\"" JOB_LOG_PATH "\",", id);
	buf_printf(out, "\"output_dir\":\"" JOB_OUTPUT_PATH "\",", id);
	buf_text(out, "\"pid\":");
	if (status->handle[0] != '\0')
		put_quoted(out, status->handle);
	else
		buf_text(out, "null");
	buf_text(out, ",");
	put_time(out, "started", started, ended || status->started_ms != 0, utc_offset_minutes);
	put_time(out, "submitted", status->created_ms, true, utc_offset_minutes);
	buf_printf(out, "\"task_id\":\"%s\",\"task_status\":\"%s\",\"timestamp\":", id,
		job_state_essedum(status->state));
	if (ended)
		put_seconds(out, ran);
	else
		buf_text(out, "null");
	buf_text(out, "}\n");
}

/* --- slots about a job --- */

/* {connection, kind, ref, id?, include?}: "include" asks get for the texts of output files. */
static json_t *slot_request(
	const struct app *app, const struct job *job, const char *slot, struct fail *f)
{
	json_t *connection = config_connection_details_of(app->config, job->connection, f);
	json_t *include, *request;
	char *object;

	if (connection == NULL)
		return NULL;
	include = strcmp(slot, "get") == 0 ? json_pack("[s]", "artifacts") : NULL;
	object = job_view_object(job);
	request = json_pack("{s:o, s:s, s:o, s:s*, s:o*}", "connection", connection, "kind",
		job->kind, "ref", answer_stored(job->remote_ref), "id", object, "include", include);
	free(object);
	if (request == NULL)
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	return request;
}

bool job_view_is_there(const struct app *app, const struct job *job, struct fail *f)
{
	const struct tracker_options o = {.providers = app->providers, .config = app->config};
	struct account_state state;
	bool there = false;

	if (!account_look(&o, job, &state))
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	there = state.away == NULL || fail_set(f, FAIL_UNAVAILABLE, "%s", state.away);
	free(state.away);
	free(state.now);
	return there;
}

/* Starts the call of spec about a job; more (NULL: nothing), taken over, goes into its request. */
static bool start_slot(struct app *app, const struct job *job, struct call_spec *spec, json_t *more,
	struct fail *f)
{
	bool ok;

	spec->provider = providers_find(app->providers, job->provider);
	spec->interface = job->interface;
	spec->connection = job->connection;
	spec->body_fd = -1;
	spec->wait_ms = CALL_WAIT_MS;
	if (spec->provider == NULL) {
		json_decref(more);
		return fail_set(f, FAIL_UNAVAILABLE,
			"provider '%s' of this job is not loaded; loaded are: %s", job->provider,
			providers_names(app->providers));
	}
	if (job->remote_ref == NULL) {
		json_decref(more);
		return fail_set(f, FAIL_NOT_FOUND, "the job was not submitted yet");
	}
	if (!job_view_is_there(app, job, f)) {
		json_decref(more);
		return false;
	}
	spec->request = slot_request(app, job, spec->slot, f);
	if (spec->request == NULL) {
		json_decref(more);
		return false;
	}
	if (more != NULL && json_object_update(spec->request, more) != 0) {
		json_decref(spec->request);
		json_decref(more);
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	}
	json_decref(more);
	if (strcmp(spec->slot, "logs") == 0)
		redact_scope_add_stored(&spec->scope, job->request);
	ok = call_start(spec, NULL, f);
	redact_scope_unref(spec->scope);
	return ok;
}

bool job_view_call(struct app *app, const struct job *job, const char *slot,
	const struct call_sink *sink, int64_t timeout_ms,
	void (*done)(struct call_result *result, void *ctx), void *ctx, struct fail *f)
{
	struct call_spec spec = {
		.slot = slot,
		.timeout_ms = timeout_ms,
		.sink = sink,
		.done = done,
		.ctx = ctx,
	};

	return start_slot(app, job, &spec, NULL, f);
}

bool job_view_log(struct app *app, const struct job *job, int64_t offset,
	const struct call_sink *sink, int64_t timeout_ms,
	void (*done)(struct call_result *result, void *ctx), void *ctx, struct fail *f)
{
	struct call_spec spec = {
		.slot = "logs",
		.timeout_ms = timeout_ms,
		.sink = sink,
		.done = done,
		.ctx = ctx,
	};
	json_t *more = offset >= 0 ? json_pack("{s:I}", "offset", (json_int_t)offset) : NULL;

	return start_slot(app, job, &spec, more, f);
}

bool job_view_outputs(struct app *app, const struct job *job, const char *path,
	const struct call_sink *sink, int64_t timeout_ms,
	void (*done)(struct call_result *result, void *ctx), void *ctx, struct fail *f)
{
	struct call_spec spec = {
		.slot = "outputs",
		.timeout_ms = timeout_ms,
		.sink = sink,
		.done = done,
		.ctx = ctx,
	};
	json_t *more = json_pack("{s:s*}", "path", path);

	if (more == NULL)
		return fail_set(f, FAIL_INVALID, "/path must be UTF-8");
	return start_slot(app, job, &spec, more, f);
}

int job_view_failure_status(const struct job *job)
{
	json_t *result = answer_stored(job->result);
	const char *word = json_text_or(result, "failure", "");
	int status = fail_status(FAIL_INTERNAL);

	for (unsigned i = FAIL_NONE + 1; i < FAIL_CODE_COUNT; i++) {
		if (strcmp(word, fail_word((enum fail_code)i)) == 0)
			status = fail_status((enum fail_code)i);
	}
	json_decref(result);
	return status;
}

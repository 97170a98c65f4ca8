/*
 * execute_output - what a job has printed and left behind: getLog and getOutputArtifacts. A
 * known job always answers 200, for clients keep what the one question at its end answered.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/clip.h"
#include "api/handlers.h"
#include "api/job_view.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "http/exchange.h"
#include "jobs/job.h"
#include "provider/provider.h"
#include "secret/redact.h"
#include "store/store.h"

#define LOG_MAX    ((size_t)8 << 20)
#define CALL_MS    8000 /* clients give up after ten seconds */
#define NO_LOG     "Log not found"
#define NO_JOB_YET "null"

/* --- getLog --- */

struct reading { /* one log on its way */
	struct exchange *x;
	struct call_sink sink;
	struct clip clip;
	struct redact_stream seen;
	bool begun;
};

static bool log_head(void *ctx, int status, const char *content_type)
{
	struct reading *r = ctx;

	(void)content_type;
	r->begun = status < 400;
	return r->begun;
}

static bool take_seen(void *ctx, const void *bytes, size_t n)
{
	struct reading *r = ctx;

	clip_add(&r->clip, bytes, n);
	return !r->clip.failed;
}

static bool log_bytes(void *ctx, const void *bytes, size_t n)
{
	struct reading *r = ctx;

	return redact_stream_add(&r->seen, bytes, n, take_seen, r);
}

static void reading_free(struct reading *r)
{
	redact_stream_finish(&r->seen);
	clip_finish(&r->clip);
	free(r);
}

static void log_answer(struct exchange *x, json_t *content)
{
	exchange_reply_json(x, 200, json_pack("{s:{s:o}}", "logs", "content", content));
}

static void log_done(struct call_result *result, void *ctx)
{
	struct reading *r = ctx;
	bool any;

	(void)redact_stream_end(&r->seen, take_seen, r);
	any = r->begun && (result->code == DAVIT_OK || r->clip.head.n > 0);
	if (result->code != DAVIT_OK)
		log_info("API-LOG", "job=%s its log could not be read to the end: %s",
			exchange_arg(r->x), result->fail.text);
	log_answer(r->x, any ? clip_json(&r->clip) : json_string(NO_LOG));
	reading_free(r);
}

static struct reading *reading_new(struct exchange *x)
{
	struct reading *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->x = x;
	r->sink = (struct call_sink){.head = log_head, .bytes = log_bytes, .ctx = r};
	clip_init(&r->clip, LOG_MAX);
	return r;
}

/* The job of the path; answers where there is none. */
static bool find_job(struct app *app, struct exchange *x, struct job *ret_job)
{
	struct fail f = {0};

	if (store_job(app->store, exchange_arg(x), ret_job, &f))
		return true;
	if (f.code == FAIL_NOT_FOUND)
		answer_not_found(x);
	else
		answer_fail(x, &f);
	return false;
}

/* Of a job that could not be begun, why is all there is to read, and clients read nothing else of
 * a job that failed. */
static void answer_no_log(struct exchange *x, const struct job *job)
{
	bool failed = job->state == JOB_FAILED && job->remote_ref == NULL && job->error != NULL;

	log_answer(x, failed ? json_sprintf("[davit: %s]\n", job->error) : json_string(NO_LOG));
}

static void read_log(struct app *app, struct exchange *x)
{
	struct reading *r;
	struct job job;
	struct fail f = {0};

	if (!find_job(app, x, &job))
		return;
	r = reading_new(x);
	if (r == NULL) {
		answer_memory(x);
	} else if (!job_view_call(app, &job, "logs", &r->sink, CALL_MS, log_done, r, &f)) {
		log_debug("API-LOG", "job=%s no log: %s", job.id, f.text);
		answer_no_log(x, &job);
		reading_free(r);
	}
	job_finish(&job);
}

void execute_log(struct app *app, struct exchange *x)
{
	if (strcmp(exchange_arg(x), NO_JOB_YET) == 0)
		log_answer(x, json_string(NO_LOG));
	else
		answer_later(app, x, read_log);
}

/* --- getOutputArtifacts --- */

/* The key of a file: its name up to the first dot; the whole name where that is taken or empty.
 * Takes content over. */
static bool put_artifact(json_t *out, const char *name, json_t *content)
{
	size_t n = strcspn(name, ".");
	char *key = strndup(name, n);
	json_t *value = json_pack("{s:o}", "content", content);
	bool whole = key != NULL && (n == 0 || json_object_get(out, key) != NULL);
	bool done = key != NULL && json_object_set_new(out, whole ? name : key, value) == 0;

	if (key == NULL)
		json_decref(value);
	free(key);
	return done;
}

/* The text of a file; what has none, being long or no text, is said so. */
static json_t *artifact_content(const json_t *file)
{
	json_t *text = json_object_get(file, "text");
	char note[80];

	if (json_is_string(text))
		return json_incref(text);
	(void)snprintf(note, sizeof(note), "(%" PRId64 " bytes, not shown)",
		json_int_or(file, "bytes", 0));
	return json_string(note);
}

/* neutral.artifacts: [{"name", "bytes", "text"?}]; files without a dot are left out. */
static json_t *artifacts_of(const json_t *neutral)
{
	json_t *out = json_object();
	const json_t *file;
	size_t i;

	json_array_foreach(json_object_get(neutral, "artifacts"), i, file)
	{
		const char *name = json_text_or(file, "name", "");

		if (strchr(name, '.') == NULL)
			continue;
		if (!put_artifact(out, name, artifact_content(file))) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static void artifacts_done(struct call_result *result, void *ctx)
{
	struct exchange *x = ctx;

	if (result->code != DAVIT_OK)
		log_info("API-ARTIFACTS", "job=%s its outputs could not be read: %s",
			exchange_arg(x), result->fail.text);
	exchange_reply_json(x, 200, artifacts_of(result->reply));
}

static void read_artifacts(struct app *app, struct exchange *x)
{
	struct job job;
	struct fail f = {0};

	if (!find_job(app, x, &job))
		return;
	if (!job_view_call(app, &job, "get", NULL, CALL_MS, artifacts_done, x, &f)) {
		log_debug("API-ARTIFACTS", "job=%s no outputs: %s", job.id, f.text);
		exchange_reply_json(x, 200, json_object());
	}
	job_finish(&job);
}

void execute_artifacts(struct app *app, struct exchange *x)
{
	if (strcmp(exchange_arg(x), NO_JOB_YET) == 0)
		exchange_reply_json(x, 200, json_object());
	else
		answer_later(app, x, read_artifacts);
}

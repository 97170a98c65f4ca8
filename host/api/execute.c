/*
 * execute - the job family: POST /execute, its list, getStatus and stop. Clients poll it
 * without mercy and take one wrong answer for the end of a job, so what can be answered from
 * the store is, whichever providers are loaded.
 */
#include <stdlib.h>
#include <string.h>

#include <davit/provider.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/connection.h"
#include "api/execute_body.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/job_view.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "http/exchange.h"
#include "jobs/queues.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "store/store.h"

#define KIND           "command"
#define START_WAIT_MS  200 /* for the first status to be RUNNING when there is capacity */
#define STATUS_BYTES   1024
#define LIST_MAX       100
#define NOT_YET_STORED "null" /* what clients put for an id they do not have yet */

/* --- POST /execute --- */

struct submission {
	struct app *app;
	struct exchange *x;
	char id[ID_SIZE];
};

/* Written by hand, as ids need no escapes: the store's writer waits for it. */
static void answer_accepted(struct exchange *x, const char *id)
{
	struct buf out;
	char *text;
	size_t n;

	buf_init(&out, STATUS_BYTES);
	buf_text(&out, "{\"log_path\":\"" JOB_PATH_PREFIX);
	buf_text(&out, id);
	buf_text(&out, JOB_LOG_SUFFIX "\",\"task_id\":\"");
	buf_text(&out, id);
	buf_text(&out, "\",\"task_status\":\"Submitted\"}\n");
	text = buf_take(&out, &n);
	if (text != NULL)
		exchange_reply_text(x, 200, "application/json", text, n);
	else
		answer_memory(x);
}

static void left_queue(const struct job *job, void *ctx)
{
	struct submission *s = ctx;

	(void)job;
	answer_accepted(s->x, s->id);
	free(s);
}

static void await_start(struct submission *s, const char *id)
{
	(void)snprintf(s->id, sizeof(s->id), "%s", id);
	if (tracker_may_start(s->app->tracker, id))
		tracker_watch(
			s->app->tracker, s->id, ~JOB_BIT(JOB_QUEUED), START_WAIT_MS, left_queue, s);
	else
		left_queue(NULL, s);
}

static void accepted(const char *id, const struct fail *f, void *ctx)
{
	struct submission *s = ctx;

	if (f != NULL) {
		answer_fail(s->x, f);
		free(s);
	} else {
		await_start(s, id);
	}
}

/* Can the provider fetch from that storage? Its manifest says: supports.storage of the kind. */
static bool offers_storage(const struct provider *p, const char *storage, struct fail *f)
{
	const json_t *kind = provider_entry(p, DAVIT_TRAINING, "submit", KIND);
	const json_t *words = json_at(kind, "/supports/storage");
	const json_t *word;
	struct buf list;
	size_t i;

	buf_init(&list, 300);
	json_array_foreach(words, i, word)
	{
		if (!json_is_string(word))
			continue;
		if (strcmp(json_string_value(word), storage) == 0) {
			buf_finish(&list);
			return true;
		}
		buf_printf(&list, "%s%s", list.n > 0 ? ", " : "", json_string_value(word));
	}
	(void)fail_set(f, FAIL_UNSUPPORTED,
		"provider '%s' does not offer storage '%s'; it offers: %s", provider_id(p), storage,
		list.n > 0 ? list.p : "none");
	buf_finish(&list);
	return false;
}

static bool may_run(
	const struct app *app, const struct target *t, const json_t *body, struct fail *f)
{
	return connection_loaded(app, t, f) &&
	       provider_offers(t->provider, DAVIT_TRAINING, "submit", KIND, f) &&
	       offers_storage(t->provider, execute_body_storage(body), f);
}

/* NULL: out of memory. */
static char *request_of(const json_t *body)
{
	struct buf out;

	buf_init(&out, SIZE_MAX);
	buf_text(&out, "{\"spec\":");
	execute_body_spec(&out, body);
	buf_text(&out, "}");
	return buf_take(&out, NULL);
}

static void submit(struct app *app, struct exchange *x, const struct target *t, const json_t *body)
{
	struct submission *s = malloc(sizeof(*s));
	char *request = request_of(body);
	const struct job_order order = {
		.provider = t->id,
		.interface = DAVIT_TRAINING,
		.kind = KIND,
		.name = json_text_or(body, "name", NULL),
		.project = json_text_or(body, "project_id", NULL),
		.request_text = request,
		.claim = idempotency_claim(x),
	};

	if (s != NULL && request != NULL) {
		*s = (struct submission){.app = app, .x = x};
		tracker_submit(app->tracker, &order, accepted, s);
	} else {
		answer_memory(x);
		free(s);
	}
	free(request);
}

static void check_and_submit(struct app *app, struct exchange *x)
{
	struct target t = connection_default(app, x);
	struct fail f = {0};
	json_t *body = exchange_take_json(x, &f); /* freed while it is still warm */

	if (execute_body_check(body, &f) && may_run(app, &t, body, &f))
		submit(app, x, &t, body);
	else
		answer_fail(x, &f);
	json_decref(body);
}

/* A body too long for memory is in a file, which is not read on a front thread. */
static void submit_first(struct app *app, struct exchange *x)
{
	if (exchange_body_memory(x) == NULL)
		answer_later(app, x, check_and_submit);
	else
		check_and_submit(app, x);
}

static void submit_again(struct app *app, struct exchange *x, const char *job)
{
	(void)app;
	answer_accepted(x, job);
}

void execute_submit(struct app *app, struct exchange *x)
{
	idempotency_serve(app, x, submit_first, submit_again);
}

/* --- GET /execute --- */

static json_t *time_text(const struct app *app, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	if (ms == 0)
		return json_null();
	return json_string(clock_text(ms, (int)app->config->utc_offset_minutes, text));
}

struct listing {
	const struct app *app;
	json_t *rows;
	bool failed;
};

static bool add_row(const struct job *job, void *ctx)
{
	struct listing *l = ctx;
	char path[ID_SIZE + sizeof(JOB_LOG_PATH)];
	json_t *row;

	(void)snprintf(path, sizeof(path), JOB_LOG_PATH, job->id);
	row = json_pack("{s:s, s:s?, s:s, s:o, s:s, s:o, s:o}", "id", job->id, "pid", job->handle,
		"status", job_state_essedum(job->state), "submitted",
		time_text(l->app, job->created_ms), "logpath", path, "started",
		time_text(l->app, job->started_ms), "finished",
		time_text(l->app, job->finished_ms));
	l->failed = json_array_append_new(l->rows, row) != 0;
	return !l->failed;
}

static void list(struct app *app, struct exchange *x)
{
	struct target t = connection_default(app, x);
	struct listing l = {.app = app, .rows = json_array()};
	struct job_filter filter = {
		.provider = t.id, .interface = DAVIT_TRAINING, .kind = KIND, .limit = LIST_MAX};
	struct fail f = {0};

	if (!store_jobs(app->store, &filter, add_row, &l, &f)) {
		json_decref(l.rows);
		answer_fail(x, &f);
		return;
	}
	if (l.failed) {
		json_decref(l.rows);
		l.rows = NULL;
	}
	exchange_reply_json(x, 200, l.rows);
}

void execute_list(struct app *app, struct exchange *x)
{
	answer_later(app, x, list);
}

/* --- GET /execute/{id}/getStatus --- */

static void status_of_none(struct exchange *x)
{
	exchange_reply_json(x, 200,
		json_pack("{s:n, s:n, s:n, s:n, s:n, s:n, s:s, s:s, s:n}", "finished", "log_path",
			"output_dir", "pid", "started", "submitted", "task_id", NOT_YET_STORED,
			"task_status", "Submitted", "timestamp"));
}

void execute_status(struct app *app, struct exchange *x)
{
	const char *id = exchange_arg(x);
	struct job_status status;
	struct fail f = {0};
	struct buf out;
	char *text;
	size_t n;

	if (strcmp(id, NOT_YET_STORED) == 0) {
		status_of_none(x);
		return;
	}
	if (!store_job_status(app->store, id, &status, &f)) {
		if (f.code == FAIL_NOT_FOUND)
			answer_not_found(x);
		else
			answer_fail(x, &f);
		return;
	}
	buf_init(&out, STATUS_BYTES);
	job_view_status(&out, id, &status, (int)app->config->utc_offset_minutes);
	text = buf_take(&out, &n);
	if (text != NULL)
		exchange_reply_text(x, 200, "application/json", text, n);
	else
		answer_memory(x);
}

/* --- stop --- */

static void stop_answer(struct exchange *x, bool cancelled)
{
	exchange_reply_json(x, 200, json_pack("{s:b}", "Task cancelled", (int)cancelled));
}

/* Clients take every status but 200 for success, so a cancel that could not be noted answers
 * false with 200. */
static void cancel_noted(bool changed, const struct fail *f, void *ctx)
{
	struct exchange *x = ctx;

	if (f != NULL && f->code == FAIL_NOT_FOUND) {
		answer_not_found(x);
		return;
	}
	if (f != NULL)
		log_warn("API-STOP", "job=%s could not be cancelled: %s", exchange_arg(x), f->text);
	stop_answer(x, f == NULL && changed);
}

void execute_stop(struct app *app, struct exchange *x)
{
	const char *id = exchange_arg(x);

	if (strcmp(id, NOT_YET_STORED) == 0)
		stop_answer(x, false);
	else
		tracker_cancel(app->tracker, id, cancel_noted, x);
}

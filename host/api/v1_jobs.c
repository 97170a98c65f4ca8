/* v1_jobs - /v1/jobs: the jobs as the daemon sees them, for operators and the command line. */
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/follow.h"
#include "api/handlers.h"
#include "api/job_query.h"
#include "api/job_view.h"
#include "api/job_why.h"
#include "base/attr.h"
#include "base/fail.h"
#include "base/id.h"
#include "http/exchange.h"
#include "jobs/job.h"
#include "jobs/queues.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "secret/redact.h"
#include "store/store.h"

#define OFFSET_MAX  ((size_t)1 << 53)
#define LOG_CALL_MS 600000 /* a long log read by a slow reader */

/* --- list --- */

static bool read_query(const struct exchange *x, struct job_query *ret_query, struct fail *f)
{
	if (!job_query_read(x, ret_query, f))
		return false;
	ret_query->filter.before = job_query_text(x, "cursor");
	return ret_query->filter.before == NULL || id_valid(ret_query->filter.before) ||
	       fail_at(f, FAIL_INVALID, "/cursor", "must be what an earlier page gave as \"next\"");
}

struct listing {
	json_t *jobs;
	size_t limit;
	char last[ID_SIZE]; /* on this page */
	bool more;
	bool failed;
};

static bool add_job(const struct job *job, void *ctx)
{
	struct listing *l = ctx;

	if (json_array_size(l->jobs) == l->limit) {
		l->more = true;
		return false;
	}
	memcpy(l->last, job->id, sizeof(l->last));
	l->failed = json_array_append_new(l->jobs, job_view_full(job, NULL, false)) != 0;
	return !l->failed;
}

static void list(struct app *app, struct exchange *x)
{
	struct listing l = {.jobs = json_array()};
	struct job_query query;
	struct fail f = {0};

	if (!read_query(x, &query, &f)) {
		json_decref(l.jobs);
		answer_fail(x, &f);
		return;
	}
	l.limit = query.filter.limit;
	query.filter.limit++; /* one more shows whether there is a next page */
	if (!store_jobs(app->store, &query.filter, add_job, &l, &f) || l.failed) {
		json_decref(l.jobs);
		if (l.failed)
			answer_memory(x);
		else
			answer_fail(x, &f);
		return;
	}
	exchange_reply_json(
		x, 200, json_pack("{s:o, s:s?}", "jobs", l.jobs, "next", l.more ? l.last : NULL));
}

void v1_jobs_list(struct app *app, struct exchange *x)
{
	answer_later(app, x, list);
}

/* --- one --- */

/* The job of the path; answers where there is none. */
static bool find_job(struct app *app, struct exchange *x, struct job *ret_job)
{
	struct fail f = {0};

	if (store_job(app->store, exchange_arg(x), ret_job, &f))
		return true;
	if (f.code == FAIL_NOT_FOUND)
		(void)fail_set(&f, FAIL_NOT_FOUND, "there is no job '%s'", exchange_arg(x));
	answer_fail(x, &f);
	return false;
}

static void get(struct app *app, struct exchange *x)
{
	struct queue_wait wait;
	struct job job;
	bool waits;

	if (!find_job(app, x, &job))
		return;
	waits = job_why_waits(app->tracker, &job, &wait);
	exchange_reply_json(x, 200, job_view_full(&job, waits ? &wait : NULL, true));
	job_finish(&job);
}

void v1_jobs_get(struct app *app, struct exchange *x)
{
	answer_later(app, x, get);
}

/* --- cancel --- */

struct cancelling {
	struct exchange *x;
	struct tracker *tracker;
	bool changed;
};

static void settled(const struct job *job, void *ctx)
{
	struct cancelling *c = ctx;

	exchange_reply_json(c->x, 200,
		json_pack("{s:s, s:b, s:s?}", "id", exchange_arg(c->x), "cancelled",
			(int)c->changed, "state", job != NULL ? job_state_word(job->state) : NULL));
	free(c);
}

static void noted(bool changed, const struct fail *f, void *ctx)
{
	struct cancelling *c = ctx;

	if (f != NULL) {
		answer_fail(c->x, f);
		free(c);
		return;
	}
	c->changed = changed;
	tracker_watch(c->tracker, exchange_arg(c->x), JOB_TERMINAL, 0, settled, c);
}

void v1_jobs_cancel(struct app *app, struct exchange *x)
{
	struct cancelling *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		answer_memory(x);
		return;
	}
	*c = (struct cancelling){.x = x, .tracker = app->tracker};
	tracker_cancel(app->tracker, exchange_arg(x), noted, c);
}

/* --- log --- */

struct reading { /* one log on its way */
	struct exchange *x;
	struct call_sink sink;
	struct redact_stream seen;
	bool begun;
};

static bool log_head(void *ctx, int status, const char *content_type)
{
	struct reading *r = ctx;

	(void)content_type; /* whatever a log holds, a browser shall show it as text */
	if (status >= 400)
		return false;
	r->begun = true;
	exchange_stream_begin(r->x, 200, "text/plain; charset=utf-8");
	return true;
}

static bool send_seen(void *ctx, const void *bytes, size_t n)
{
	struct reading *r = ctx;

	return exchange_stream_bytes(r->x, bytes, n);
}

static bool log_bytes(void *ctx, const void *bytes, size_t n)
{
	struct reading *r = ctx;

	return redact_stream_add(&r->seen, bytes, n, send_seen, r);
}

static void answer_empty(struct exchange *x)
{
	char *none = strdup("");

	if (none != NULL)
		exchange_reply_text(x, 200, "text/plain; charset=utf-8", none, 0);
	else
		answer_memory(x);
}

static void log_done(struct call_result *result, void *ctx)
{
	struct reading *r = ctx;

	if (r->begun)
		exchange_stream_end(r->x,
			redact_stream_end(&r->seen, send_seen, r) && result->code == DAVIT_OK);
	else if (result->code == DAVIT_OK)
		answer_empty(r->x);
	else
		answer_fail(r->x, &result->fail);
	redact_stream_finish(&r->seen);
	free(r);
}

static void log_start(struct app *app, struct exchange *x)
{
	struct reading *r;
	struct job job;
	struct fail f = {0};

	if (!find_job(app, x, &job))
		return;
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		answer_memory(x);
	} else if (job.remote_ref == NULL) {
		free(r);
		answer_empty(x); /* nothing was submitted yet, so nothing was printed */
	} else {
		r->x = x;
		r->sink = (struct call_sink){.head = log_head, .bytes = log_bytes, .ctx = r};
		if (!job_view_call(app, &job, "logs", &r->sink, LOG_CALL_MS, log_done, r, &f)) {
			answer_fail(x, &f);
			free(r);
		}
	}
	job_finish(&job);
}

static bool follows(const struct exchange *x)
{
	const char *word = job_query_text(x, "follow");

	return word != NULL && strcmp(word, "false") != 0;
}

static void answer_head(struct exchange *x)
{
	exchange_stream_begin(x, 200, "text/plain; charset=utf-8");
	exchange_stream_end(x, true);
}

/* Answers, or leaves that to the caller with *f. */
static bool log_pieces(struct app *app, struct exchange *x, const char *id, struct fail *f)
{
	size_t offset;

	if (!job_query_number(x, "offset", 0, OFFSET_MAX, 0, &offset, f))
		return false;
	if (strcmp(exchange_method(x), "HEAD") != 0)
		return follow_log(app->follows, x, id, offset, !follows(x), f);
	answer_head(x);
	return true;
}

/* The log as it grows, or from some byte on. */
static void log_follow(struct app *app, struct exchange *x)
{
	struct fail f = {0};
	struct job job;

	if (!find_job(app, x, &job))
		return;
	if (!log_pieces(app, x, job.id, &f))
		answer_fail(x, &f);
	job_finish(&job);
}

void v1_jobs_log(struct app *app, struct exchange *x)
{
	answer_later(
		app, x, follows(x) || exchange_query(x, "offset") != NULL ? log_follow : log_start);
}

/* v1_outputs - GET /v1/jobs/{id}/outputs: what a job left, as a list, and file by file as the
 * bytes they are, of any size. */
#include <stdlib.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "api/job_view.h"
#include "base/fail.h"
#include "http/exchange.h"
#include "jobs/job.h"
#include "provider/provider.h"
#include "store/store.h"

#define CALL_MS 3600000 /* a large file read by a slow reader */

struct fetching { /* one answer on its way */
	struct exchange *x;
	struct call_sink sink;
	bool begun;
};

/* Whatever a file holds, a browser shall save it and not act upon it. */
static bool take_head(void *ctx, int status, const char *content_type)
{
	struct fetching *g = ctx;

	(void)content_type;
	if (status >= 400)
		return false;
	g->begun = true;
	exchange_set_header(g->x, "Content-Disposition", "attachment");
	exchange_stream_begin(g->x, 200, "application/octet-stream");
	return true;
}

static bool take_bytes(void *ctx, const void *bytes, size_t n)
{
	struct fetching *g = ctx;

	return exchange_stream_bytes(g->x, bytes, n);
}

static void fetched(struct call_result *result, void *ctx)
{
	struct fetching *g = ctx;

	if (g->begun)
		exchange_stream_end(g->x, result->code == DAVIT_OK);
	else if (result->code != DAVIT_OK)
		answer_fail(g->x, &result->fail);
	else
		exchange_reply_json(g->x, 200, json_incref(result->reply));
	free(g);
}

/* Nothing was submitted yet, so nothing is left. */
static void answer_none(struct exchange *x, const char *path)
{
	struct fail f = {0};

	if (path == NULL) {
		exchange_reply_json(x, 200, json_pack("{s:[]}", "items"));
		return;
	}
	(void)fail_set(&f, FAIL_NOT_FOUND, "the job has not begun and left no file '%.200s'", path);
	answer_fail(x, &f);
}

static void fetch(struct app *app, struct exchange *x, const struct job *job, const char *path)
{
	struct fetching *g = calloc(1, sizeof(*g));
	struct fail f = {0};

	if (g == NULL) {
		answer_memory(x);
		return;
	}
	g->x = x;
	g->sink = (struct call_sink){.head = take_head, .bytes = take_bytes, .ctx = g};
	if (job_view_outputs(app, job, path, &g->sink, CALL_MS, fetched, g, &f))
		return;
	answer_fail(x, &f);
	free(g);
}

static void start(struct app *app, struct exchange *x)
{
	const char *path = exchange_query(x, "path");
	struct job job;
	struct fail f = {0};

	if (path != NULL && path[0] == '\0')
		path = NULL;
	if (!store_job(app->store, exchange_arg(x), &job, &f)) {
		if (f.code == FAIL_NOT_FOUND)
			(void)fail_set(&f, FAIL_NOT_FOUND, "there is no job '%s'", exchange_arg(x));
		answer_fail(x, &f);
		return;
	}
	if (job.remote_ref == NULL)
		answer_none(x, path);
	else
		fetch(app, x, &job, path);
	job_finish(&job);
}

void v1_jobs_outputs(struct app *app, struct exchange *x)
{
	answer_later(app, x, start);
}

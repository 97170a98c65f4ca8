/* v1_outputs - GET /v1/jobs/{id}/outputs: what a job left, as a list, and file by file as the
 * bytes they are, of any size. */
#include <stdlib.h>

#include <davit/abi.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/file_sink.h"
#include "api/handlers.h"
#include "api/job_view.h"
#include "base/fail.h"
#include "http/exchange.h"
#include "jobs/job.h"
#include "provider/provider.h"
#include "store/store.h"

static void fetched(struct call_result *result, void *ctx)
{
	struct file_sink *g = ctx;

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
	struct file_sink *g = calloc(1, sizeof(*g));
	struct fail f = {0};

	if (g == NULL) {
		answer_memory(x);
		return;
	}
	file_sink_init(g, x);
	if (job_view_outputs(app, job, path, &g->sink, FILE_SINK_CALL_MS, fetched, g, &f))
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

/*
 * pages - what people and connection tests look at: the page of jobs, the daemon's own log,
 * the root, and /cloudconnect.
 */
#include <stdlib.h>
#include <string.h>

#include <davit/abi.h>
#include <davit/provider.h>

#include "api/answer.h"
#include "api/app.h"
#include "api/connection.h"
#include "api/handlers.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "http/exchange.h"
#include "provider/provider.h"
#include "store/store.h"

#define PAGE_MAX  ((size_t)1 << 20)
#define PAGE_JOBS 100

/* --- /execute/jobs --- */

static const char page_head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Jobs</title>\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<style>\n"
	":root{color-scheme:light dark}\n"
	"body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}\n"
	"h1{font-size:1.4rem}\n"
	".wide{overflow-x:auto}\n"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
	"th,td{text-align:left;padding:.4rem .8rem;border-bottom:1px solid #8884;white-space:nowrap}\n"
	"th{font-weight:600}\n"
	"td:first-child{font-family:ui-monospace,monospace}\n"
	".COMPLETED{color:#1a7f37}.ERROR{color:#cf222e}.RUNNING{color:#0969da}\n"
	".WAITING{color:#9a6700}.CANCELLED{color:#777}\n"
	"</style></head><body>\n"
	"<h1>Jobs</h1>\n"
	"<div class=\"wide\"><table><thead><tr><th scope=\"col\">Job</th><th scope=\"col\">Name</th>"
	"<th scope=\"col\">Status</th><th scope=\"col\">PID</th><th scope=\"col\">Submitted</th>"
	"<th scope=\"col\">Started</th><th scope=\"col\">Finished</th></tr></thead><tbody>\n";

static const char page_tail[] = "</tbody></table></div>\n</body></html>\n";

static void put_escaped(struct buf *out, const char *text)
{
	static const char special[] = "&<>\"'";
	static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

	for (; *text != '\0'; text++) {
		const char *at = strchr(special, *text);

		if (at != NULL)
			buf_text(out, names[at - special]);
		else
			buf_add(out, text, 1);
	}
}

static void put_cell(struct buf *out, const char *text)
{
	buf_text(out, "<td>");
	put_escaped(out, text != NULL && text[0] != '\0' ? text : "–");
	buf_text(out, "</td>");
}

static void put_time_cell(struct buf *out, const struct app *app, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	put_cell(out, ms == 0 ? NULL : clock_text(ms, (int)app->config->utc_offset_minutes, text));
}

struct page {
	const struct app *app;
	struct buf out;
	size_t rows;
};

static bool put_job(const struct job *job, void *ctx)
{
	struct page *page = ctx;
	struct buf *out = &page->out;
	const char *status = job_state_essedum(job->state);

	buf_text(out, "<tr><td><a href=\"/execute/");
	put_escaped(out, job->id);
	buf_text(out, "/getLog\">");
	put_escaped(out, job->id);
	buf_text(out, "</a></td>");
	put_cell(out, job->name);
	buf_printf(out, "<td class=\"%s\">%s</td>", status, status);
	put_cell(out, job->handle);
	put_time_cell(out, page->app, job->created_ms);
	put_time_cell(out, page->app, job->started_ms);
	put_time_cell(out, page->app, job->finished_ms);
	buf_text(out, "</tr>\n");
	page->rows++;
	return true;
}

static void jobs(struct app *app, struct exchange *x)
{
	const struct job_filter filter = {
		.interface = DAVIT_TRAINING, .kind = "command", .limit = PAGE_JOBS};
	struct page page = {.app = app};
	struct fail f = {0};
	char *text;
	size_t n;

	buf_init(&page.out, PAGE_MAX);
	buf_text(&page.out, page_head);
	if (!store_jobs(app->store, &filter, put_job, &page, &f)) {
		buf_finish(&page.out);
		answer_fail(x, &f);
		return;
	}
	if (page.rows == 0)
		buf_text(&page.out,
			"<tr><td colspan=\"7\">No job has been submitted yet.</td></tr>\n");
	buf_text(&page.out, page_tail);
	text = buf_take(&page.out, &n);
	if (text == NULL) {
		answer_memory(x);
		return;
	}
	exchange_set_header(x, "Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'");
	exchange_reply_text(x, 200, "text/html; charset=utf-8", text, n);
}

void pages_jobs(struct app *app, struct exchange *x)
{
	answer_later(app, x, jobs);
}

/* --- /execute/getLog --- */

void pages_own_log(struct app *app, struct exchange *x)
{
	char *lines = log_recent();
	json_t *content = lines != NULL ? json_text_any(lines, strlen(lines)) : NULL;

	(void)app;
	free(lines);
	exchange_reply_json(x, 200, json_pack("{s:{s:o}}", "logs", "content", content));
}

/* --- / --- */

void pages_root(struct app *app, struct exchange *x)
{
	(void)app;
	exchange_reply_json(
		x, 200, json_pack("{s:s, s:s}", "name", "davitd", "version", DAVIT_VERSION));
}

/* --- /cloudconnect --- */

void pages_connection_test(struct app *app, struct exchange *x)
{
	(void)app;
	exchange_reply_json(x, 200, json_true());
}

static void checked(struct call_result *result, void *ctx)
{
	struct exchange *x = ctx;

	if (result->code == DAVIT_OK) {
		exchange_reply_json(x, 200, json_true());
		return;
	}
	log_info("API-CONNECT", "connection details refused: %s", result->fail.text);
	exchange_reply_json(x, 400, json_false());
}

/* The body is connection details as the platform keeps them. They are neither stored nor
 * logged. A provider without a check has nothing that could be refused. */
static void check_connection(struct app *app, struct exchange *x)
{
	struct target t = connection_default(app, x);
	struct fail f = {0};
	const json_t *details = exchange_body_json(x, &f);
	struct call_spec spec = {
		.provider = t.provider,
		.interface = DAVIT_CORE,
		.slot = "check",
		.body_fd = -1,
		.done = checked,
		.ctx = x,
	};

	if (details == NULL || !connection_loaded(app, &t, &f)) {
		answer_fail(x, &f);
		return;
	}
	if (!provider_offers(t.provider, DAVIT_CORE, "check", NULL, &f)) {
		exchange_reply_json(x, 200, json_true());
		return;
	}
	spec.request = json_pack("{s:o}", "connection", json_deep_copy(details));
	if (spec.request == NULL)
		answer_memory(x);
	else if (!call_start(&spec, NULL, &f))
		answer_fail(x, &f);
}

/* A body may be large, and parsing it is no work for a front thread. */
void pages_connection_check(struct app *app, struct exchange *x)
{
	answer_later(app, x, check_connection);
}

/* v1_timeline - GET /v1/jobs/{id}/timeline: all that happened to a job, oldest first. */
#include "api/answer.h"
#include "api/app.h"
#include "api/handlers.h"
#include "api/job_query.h"
#include "api/timeline.h"
#include "base/fail.h"
#include "http/exchange.h"
#include "store/store.h"

#define LIMIT     1000
#define AFTER_MAX ((size_t)1 << 53)

struct page {
	json_t *items;
	size_t limit;
	int64_t last; /* on this page */
	bool more;
	bool failed;
};

static bool add_row(const struct store_journal *row, void *ctx)
{
	struct page *p = ctx;

	if (json_array_size(p->items) >= p->limit) {
		p->more = true;
		return false;
	}
	p->last = row->seq;
	p->failed = json_array_append_new(p->items, timeline_item(row)) != 0;
	return !p->failed;
}

static json_t *answer_of(const struct job *job, const struct page *p)
{
	return json_pack("{s:s, s:O, s:o}", "job", job->id, "items", p->items, "next",
		p->more ? json_integer(p->last) : json_null());
}

static void answer_page(
	struct app *app, struct exchange *x, const struct job *job, size_t after, struct page *p)
{
	struct fail f = {0};

	if (after == 0)
		p->failed = json_array_append_new(p->items, timeline_accepted(job)) != 0;
	if (!p->failed &&
		!store_journal(app->store, job->id, (int64_t)after, p->limit + 1, add_row, p, &f))
		answer_fail(x, &f);
	else if (p->failed)
		answer_memory(x);
	else
		exchange_reply_json(x, 200, answer_of(job, p));
}

static void timeline(struct app *app, struct exchange *x)
{
	struct page page = {.items = json_array()};
	struct fail f = {0};
	struct job job = {0};
	size_t after;

	if (!job_query_number(x, "after", 0, AFTER_MAX, 0, &after, &f) ||
		!job_query_number(x, "limit", 1, LIMIT, LIMIT, &page.limit, &f) ||
		!store_job(app->store, exchange_arg(x), &job, &f)) {
		if (f.code == FAIL_NOT_FOUND)
			(void)fail_set(&f, FAIL_NOT_FOUND, "there is no job '%s'", exchange_arg(x));
		answer_fail(x, &f);
	} else {
		page.limit += after == 0; /* the first item is no row */
		answer_page(app, x, &job, after, &page);
	}
	job_finish(&job);
	json_decref(page.items);
}

void v1_jobs_timeline(struct app *app, struct exchange *x)
{
	answer_later(app, x, timeline);
}

/* run - see run.h. */
#include "run.h"

#include "child.h"
#include "objects.h"
#include "outputs.h"
#include "progress.h"

enum {
	POLL_MS = 1000 /* the host asks at once when a process ends: this is for progress */
};

/* --- answers --- */

static void put_times(struct local_call *c, struct davit_sdk_writer *w, const struct child *child)
{
	if (child->started_ms > 0)
		davit_sdk_put_int(w, "started_ms", child->started_ms);
	if (child->ended && child->finished_ms > 0)
		davit_sdk_put_int(w, "finished_ms", child->finished_ms);
	if (child->pid > 0)
		davit_sdk_put_text(w, "handle", local_text(c, "%lld", (long long)child->pid));
}

/* The neutral object, not closed; returns its DAVIT_STATE_…. */
static int32_t put_object(struct local_call *c, struct davit_sdk_writer *w,
	const struct run_sort *sort, const struct record *record, const struct child *child)
{
	int32_t state = child_state(child);
	struct child_why why;

	objects_open(c, w, sort->record, record, objects_state_word(state),
		child->ended ? child->finished_ms : child->started_ms);
	put_times(c, w, child);
	if (child->applied != NULL)
		davit_sdk_put_json(w, "applied", child->applied);
	davit_sdk_open_object(w, "ref");
	davit_sdk_put_int(w, "v", 1);
	davit_sdk_put_text(w, "id", record->id);
	davit_sdk_close_object(w);
	if (state == DAVIT_STATE_FAILED) {
		child_explain(c, record->id, child, &why);
		davit_sdk_put_text(w, "error", why.text);
		child_put_reason(w, "reason", child, &why);
	}
	sort->put(c, w, record, child);
	return state;
}

/* reply_state() of a run whose process is known. */
static int32_t reply_state(struct local_call *c, const struct run_sort *sort,
	const struct record *record, const struct child *child)
{
	struct davit_sdk_writer w;
	struct progress progress;
	int32_t state;

	if (!progress_read(c, record->id, &progress))
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	state = put_object(c, &w, sort, record, child);
	progress_put(&w, &progress);
	if (state == DAVIT_STATE_SUCCEEDED)
		outputs_put_artifacts(c, &w, record->id, false);
	davit_sdk_close_object(&w);
	return davit_sdk_reply_state(&c->sdk, state, POLL_MS, &w);
}

/* reply_state() with how the run stands; DAVIT_NOT_FOUND where nothing was started. */
static int32_t reply_found(struct local_call *c, const struct run_sort *sort, const char *id)
{
	struct record record;
	struct child child;

	if (!child_inspect(c, id, &child))
		return c->sdk.code;
	if (!child.known)
		return davit_sdk_fail(&c->sdk, DAVIT_NOT_FOUND, "there is no %s '%s'",
			records_word(sort->record), id);
	if (!records_need(c, sort->record, id, DAVIT_NOT_FOUND, "", &record))
		return c->sdk.code;
	return reply_state(c, sort, &record, &child);
}

/* --- the slots --- */

int32_t run_submit(struct local_call *c, const struct run_sort *sort)
{
	const char *id = davit_sdk_need_text(&c->sdk, c->sdk.request, "/submission_id");
	const struct davit_sdk_json *spec = davit_sdk_need_object(&c->sdk, c->sdk.request, "/spec");
	struct child child;

	if (c->sdk.code != DAVIT_OK || !child_inspect(c, id, &child))
		return c->sdk.code;
	if (!child.known && sort->start(c, id, spec) != DAVIT_OK)
		return c->sdk.code;
	return reply_found(c, sort, id);
}

int32_t run_find(struct local_call *c, const struct run_sort *sort)
{
	return reply_found(c, sort, davit_sdk_need_text(&c->sdk, c->sdk.request, "/submission_id"));
}

int32_t run_poll(struct local_call *c, const struct run_sort *sort)
{
	return reply_found(c, sort, objects_id(c));
}

int32_t run_get(struct local_call *c, const struct run_sort *sort)
{
	struct davit_sdk_writer w;
	struct record record;
	struct child child;
	struct progress progress;

	if (!records_need(c, sort->record, objects_id(c), DAVIT_NOT_FOUND, "", &record) ||
		!child_inspect(c, record.id, &child) || !progress_read(c, record.id, &progress))
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	(void)put_object(c, &w, sort, &record, &child);
	progress_put(&w, &progress);
	if (outputs_wanted(c))
		outputs_put_artifacts(c, &w, record.id, true);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&c->sdk, &w);
}

int32_t run_list(struct local_call *c, const struct run_sort *sort)
{
	struct davit_sdk_writer w;
	struct records_scan scan = {0};
	struct child child;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_open_array(&w, "items");
	while (records_next(c, sort->record, &scan)) {
		if (!child_inspect(c, scan.record.id, &child))
			return c->sdk.code;
		(void)put_object(c, &w, sort, &scan.record, &child);
		davit_sdk_close_object(&w);
	}
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&c->sdk, &w);
}

int32_t run_cancel(struct local_call *c)
{
	return child_stop(c, objects_id(c));
}

int32_t run_logs(struct local_call *c)
{
	return child_reply_log(c, objects_id(c));
}

int32_t run_metrics(struct local_call *c)
{
	return progress_reply_series(c, objects_id(c));
}

int32_t run_outputs(struct local_call *c)
{
	return outputs_reply(c, objects_id(c));
}

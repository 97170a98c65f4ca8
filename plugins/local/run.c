/* run - see run.h. */
#include "run.h"

#include "child.h"
#include "objects.h"
#include "outputs.h"
#include "progress.h"
#include "waiting.h"

enum {
	WAIT_MS = 300, /* nobody tells when an environment is ready */
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

static void put_failure(struct local_call *c, struct davit_sdk_writer *w, const char *id,
	const struct child *child, const struct waiting *waiting)
{
	struct child_why why;

	if (waiting->is) {
		davit_sdk_put_text(w, "error", waiting->error);
		davit_sdk_put_json(w, "reason", waiting->reason);
		return;
	}
	child_explain(c, id, child, &why);
	davit_sdk_put_text(w, "error", why.text);
	child_put_reason(w, "reason", child, &why);
}

/* What it last said of itself; before that, what it waits or waited for, so that nobody is shown
 * for ever that packages are being installed. */
static void put_progress(struct davit_sdk_writer *w, const struct record *record,
	const struct waiting *waiting, const struct progress *progress)
{
	bool waited = davit_sdk_member(record->value, "environment") != NULL;
	const char *text = waiting->is ? waiting->text : "the packages are installed";

	if (progress->last != NULL || !waited) {
		progress_put(w, progress);
		return;
	}
	if (text == NULL)
		return;
	davit_sdk_open_object(w, "progress");
	davit_sdk_put_text(w, "text", text);
	davit_sdk_close_object(w);
}

/* The neutral object, not closed; returns its DAVIT_STATE_…. progress: NULL: without it. */
static int32_t put_object(struct local_call *c, struct davit_sdk_writer *w,
	const struct run_sort *sort, const struct record *record, const struct child *child,
	const struct progress *progress)
{
	struct waiting waiting;
	int32_t state;

	waiting_read(c, record, child, &waiting);
	state = waiting.is ? waiting.state : child_state(child);
	objects_open(c, w, sort->record, record, objects_state_word(state),
		waiting.is ? waiting.finished_ms
			   : (child->ended ? child->finished_ms : child->started_ms));
	put_times(c, w, child);
	if (waiting.is && waiting.finished_ms > 0)
		davit_sdk_put_int(w, "finished_ms", waiting.finished_ms);
	if (child->applied != NULL)
		davit_sdk_put_json(w, "applied", child->applied);
	davit_sdk_open_object(w, "ref");
	davit_sdk_put_int(w, "v", 1);
	davit_sdk_put_text(w, "id", record->id);
	davit_sdk_close_object(w);
	if (state == DAVIT_STATE_FAILED)
		put_failure(c, w, record->id, child, &waiting);
	sort->put(c, w, record, child);
	if (progress != NULL)
		put_progress(w, record, &waiting, progress);
	return state;
}

/* reply_state() of a run that was started or waits. */
static int32_t reply_state(struct local_call *c, const struct run_sort *sort,
	const struct record *record, const struct child *child)
{
	struct davit_sdk_writer w;
	struct progress progress;
	int32_t state;

	if (!progress_read(c, record->id, child->ended, &progress))
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	state = put_object(c, &w, sort, record, child, &progress);
	if (state == DAVIT_STATE_SUCCEEDED)
		outputs_put_artifacts(c, &w, record->id, false);
	davit_sdk_close_object(&w);
	return davit_sdk_reply_state(
		&c->sdk, state, state == DAVIT_STATE_PENDING ? WAIT_MS : POLL_MS, &w);
}

/* The run of that id: its record, and its process or what it waits for. false: nothing was
 * begun (sdk.code is DAVIT_OK then), or the call failed. */
static bool find(struct local_call *c, const struct run_sort *sort, const char *id,
	struct record *ret_record, struct child *ret_child)
{
	struct waiting waiting;

	if (!child_inspect(c, id, ret_child) || !records_get(c, sort->record, id, ret_record))
		return false;
	waiting_read(c, ret_record, ret_child, &waiting);
	return c->sdk.code == DAVIT_OK && (ret_child->known || waiting.is);
}

/* reply_state() with how the run stands; DAVIT_NOT_FOUND where nothing was begun. advance: a
 * run that waits may go on. */
static int32_t reply_found(
	struct local_call *c, const struct run_sort *sort, const char *id, bool advance)
{
	struct record record;
	struct child child;

	if (!find(c, sort, id, &record, &child))
		return davit_sdk_fail(&c->sdk, DAVIT_NOT_FOUND, "there is no %s '%s'",
			records_word(sort->record), id);
	if (advance && waiting_advance(c, sort->record, &record, &child) != DAVIT_OK)
		return c->sdk.code;
	return reply_state(c, sort, &record, &child);
}

/* --- the slots --- */

int32_t run_submit(struct local_call *c, const struct run_sort *sort)
{
	const char *id = davit_sdk_need_text(&c->sdk, c->sdk.request, "/submission_id");
	const struct davit_sdk_json *spec = davit_sdk_need_object(&c->sdk, c->sdk.request, "/spec");
	struct record record;
	struct child child;

	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	if (!find(c, sort, id, &record, &child) &&
		(c->sdk.code != DAVIT_OK || sort->start(c, id, spec) != DAVIT_OK))
		return c->sdk.code;
	return reply_found(c, sort, id, true);
}

int32_t run_find(struct local_call *c, const struct run_sort *sort)
{
	return reply_found(c, sort, objects_id(c), false);
}

int32_t run_poll(struct local_call *c, const struct run_sort *sort)
{
	return reply_found(c, sort, objects_id(c), true);
}

int32_t run_get(struct local_call *c, const struct run_sort *sort)
{
	struct davit_sdk_writer w;
	struct record record;
	struct child child;
	struct progress progress;

	if (!records_need(c, sort->record, objects_id(c), DAVIT_NOT_FOUND, "", &record) ||
		!child_inspect(c, record.id, &child) ||
		!progress_read(c, record.id, child.ended, &progress))
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	(void)put_object(c, &w, sort, &record, &child, &progress);
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
		(void)put_object(c, &w, sort, &scan.record, &child, NULL);
		davit_sdk_close_object(&w);
	}
	davit_sdk_close_array(&w);
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&c->sdk, &w);
}

int32_t run_cancel(struct local_call *c, const struct run_sort *sort)
{
	return waiting_cancel(c, sort->record, objects_id(c));
}

int32_t run_logs(struct local_call *c, const struct run_sort *sort)
{
	struct record record;

	if (!records_need(c, sort->record, objects_id(c), DAVIT_NOT_FOUND, "", &record))
		return c->sdk.code;
	return child_reply_log(c, waiting_log(c, sort->record, record.id));
}

/* The process first: a record without one can be deleted again, a process without a record
 * would be nobody's. */
static int32_t remove_all(
	struct local_call *c, const struct run_sort *sort, const struct record *record)
{
	int32_t code = c->sdk.host->process->remove(c->sdk.call, davit_sdk_buf(record->id));

	if (local_check(c, code == DAVIT_NOT_FOUND ? DAVIT_OK : code) != DAVIT_OK ||
		waiting_forget(c, record) != DAVIT_OK)
		return c->sdk.code;
	return records_del(c, sort->record, record->id);
}

int32_t run_remove(struct local_call *c, const struct run_sort *sort)
{
	struct davit_sdk_writer w;
	struct record record;
	struct child child;
	struct waiting waiting;
	int32_t state;

	if (!records_need(c, sort->record, objects_id(c), DAVIT_NOT_FOUND, "", &record) ||
		!child_inspect(c, record.id, &child))
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	state = put_object(c, &w, sort, &record, &child, NULL);
	davit_sdk_close_object(&w);
	waiting_read(c, &record, &child, &waiting);
	if (state == DAVIT_STATE_RUNNING || (state == DAVIT_STATE_PENDING && waiting.is))
		return davit_sdk_fail(&c->sdk, DAVIT_CONFLICT,
			"%s '%s' is %s: cancel it, and delete it once it has ended",
			records_word(sort->record), record.name, objects_state_word(state));
	if (remove_all(c, sort, &record) != DAVIT_OK)
		return c->sdk.code;
	return davit_sdk_reply(&c->sdk, &w);
}

int32_t run_metrics(struct local_call *c)
{
	return progress_reply_series(c, objects_id(c));
}

int32_t run_outputs(struct local_call *c, const struct run_sort *sort)
{
	struct record record;

	if (!records_need(c, sort->record, objects_id(c), DAVIT_NOT_FOUND, "", &record))
		return c->sdk.code;
	return outputs_reply(c, record.id);
}

/* flow_run - carries out the moves of a flow: its steps are jobs like any other. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/log.h"
#include "jobs/flow.h"
#include "jobs/internal.h"
#include "store/store.h"

enum {
	LOOK_AGAIN_MS = 30000 /* a step's end wakes its flow; this is for what may be missed */
};

/* A flow as it stands in the store. */
struct flow {
	struct job job;
	struct job steps[FLOW_STEP_COUNT];
	const struct job *known[FLOW_STEP_COUNT]; /* the steps that were started */
	json_t *spec;                             /* borrowed from request */
	json_t *request;
};

static void flow_finish(struct flow *flow)
{
	for (size_t i = 0; i < FLOW_STEP_COUNT; i++)
		job_finish(&flow->steps[i]);
	job_finish(&flow->job);
	json_decref(flow->request);
}

static bool read_steps(struct tracker *t, struct flow *flow, struct fail *f)
{
	for (unsigned i = 0; i < FLOW_STEP_COUNT; i++) {
		char id[ID_SIZE];

		flow_step_id(flow->job.id, (enum flow_step)i, id);
		if (store_job(t->options.store, id, &flow->steps[i], f))
			flow->known[i] = &flow->steps[i];
		else if (f->code != FAIL_NOT_FOUND)
			return false;
	}
	return true;
}

static bool read_flow(struct tracker *t, const char *id, struct flow *flow, struct fail *f)
{
	if (!store_job(t->options.store, id, &flow->job, f) || !read_steps(t, flow, f))
		return false;
	flow->request = json_parse(flow->job.request, strlen(flow->job.request), f);
	flow->spec = json_object_get(flow->request, "spec");
	return flow->spec != NULL;
}

static void step_accepted(const char *id, const struct fail *f, void *ctx)
{
	(void)id;
	(void)ctx;
	if (f != NULL && f->code != FAIL_CONFLICT)
		log_warn("JOB-STEP", "the next step of a flow has to wait: %s", f->text);
}

static void start_step(struct tracker *t, const struct flow *flow, const struct flow_move *move)
{
	char id[ID_SIZE];
	const struct job_order order = {
		.provider = flow->job.provider,
		.interface = flow_steps[move->step].interface,
		.kind = flow_steps[move->step].kind,
		.name = flow->job.name,
		.project = flow->job.project,
		.connection = flow->job.connection,
		.id = id,
		.parent = flow->job.id,
		.request = move->request,
		.timeout_ms = -1,
	};

	flow_step_id(flow->job.id, move->step, id);
	tracker_submit(t, &order, step_accepted, NULL);
}

static void cancel_done(bool changed, const struct fail *f, void *ctx)
{
	(void)changed;
	(void)ctx;
	if (f != NULL)
		log_warn("JOB-STEP", "a step of a cancelled flow could not be cancelled: %s",
			f->text);
}

/* Why a step failed, as its provider said it; NULL: it did not, or not why. */
static json_t *reason_of(const struct job *step)
{
	struct fail ignored;
	json_t *result = step->state != JOB_FAILED || step->result == NULL
	                         ? NULL
	                         : json_parse(step->result, strlen(step->result), &ignored);
	json_t *reason = json_incref(json_object_get(result, "reason"));

	json_decref(result);
	return reason;
}

/* {"step": word, "steps": {word: {"id", "state", "resource"?, "reason"?}}} */
static char *progress_of(const struct flow *flow, const struct flow_move *move)
{
	json_t *steps = json_object();
	json_t *progress;
	char *text;

	for (size_t i = 0; i < FLOW_STEP_COUNT; i++) {
		const struct job *job = flow->known[i];

		if (job != NULL)
			(void)json_object_set_new(steps, flow_steps[i].word,
				json_pack("{s:s, s:s, s:s*, s:o*}", "id", job->id, "state",
					job_state_word(job->state), "resource", job->remote_name,
					"reason", reason_of(job)));
	}
	progress = json_pack("{s:s, s:s, s:o}", "step", flow_steps[move->step].word, "text",
		move->text, "steps", steps);
	text = progress == NULL ? NULL : json_compact(progress, NULL);
	json_decref(progress);
	return text;
}

static char *text_or_null(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

/* The edge a move leads to; NULL where the flow stays as it is. */
static struct store_op *edge_of(
	const struct open_job *e, const struct flow *flow, const struct flow_move *move)
{
	const struct job *train = flow->known[FLOW_TRAIN];
	struct store_op *op = tracker_edge(e);

	if (op == NULL)
		return NULL;
	op->edge.set = JOB_SET_PROGRESS;
	op->edge.values.progress = progress_of(flow, move);
	if (train != NULL && train->remote_name != NULL) {
		op->edge.set |= JOB_SET_REMOTE_NAME | JOB_SET_RESULT | JOB_SET_HANDLE;
		op->edge.values.remote_name = text_or_null(train->remote_name);
		op->edge.values.result = text_or_null(train->result);
		op->edge.values.handle = text_or_null(train->handle);
		op->edge.to = JOB_RUNNING;
	}
	if (train != NULL && train->started_ms != 0) {
		op->edge.set |= JOB_SET_STARTED;
		op->edge.values.started_ms = train->started_ms;
	}
	if (move->kind != FLOW_END)
		return op;
	op->edge.to = move->state;
	op->edge.set |= JOB_SET_FINISHED;
	op->edge.values.finished_ms = clock_now_ms();
	if (move->state == JOB_FAILED) {
		op->edge.set |= JOB_SET_ERROR;
		op->edge.values.error = text_or_null(move->text);
	}
	return op;
}

/* What can be done without the lock: the next step, or cancelling the one that runs. */
static void carry_out(
	struct tracker *t, const struct flow *flow, const struct flow_move *move, bool cancelled)
{
	if (move->kind == FLOW_START)
		start_step(t, flow, move);
	else if (move->kind == FLOW_WAIT && cancelled)
		tracker_cancel(t, flow->known[move->step]->id, cancel_done, NULL);
}

static void store_move(struct tracker *t, struct open_job *e, const struct flow *flow,
	const struct flow_move *move)
{
	struct store_op *op = edge_of(e, flow, move);
	bool same;

	if (op == NULL || op->edge.values.progress == NULL) {
		store_op_free(op);
		tracker_back_off(t, e);
		tracker_idle(t, e);
		return;
	}
	if (op->edge.to == JOB_RUNNING && e->state == JOB_RUNNING)
		op->edge.to = JOB_STATE_COUNT;
	same = entry_same_as_shown(e, op->edge.values.progress);
	if (op->edge.to == JOB_STATE_COUNT && same) {
		store_op_free(op);
		tracker_later(t, e, LOOK_AGAIN_MS);
		tracker_idle(t, e);
		return;
	}
	tracker_store_edge(
		t, e, op, JOB_BIT(e->state), move->kind == FLOW_START ? 0 : LOOK_AGAIN_MS);
}

static void advance(struct tracker *t, struct open_job *e)
{
	struct flow flow = {0};
	struct flow_move move = {0};
	struct fail f = {0};
	char id[ID_SIZE];
	bool cancelled = e->cancel;
	bool ok;

	memcpy(id, e->id, sizeof(id));
	e->busy = ENTRY_CALLING;
	mutex_unlock(&t->lock);
	ok = read_flow(t, id, &flow, &f) && flow_next(flow.spec, flow.known, cancelled, &move, &f);
	if (ok)
		carry_out(t, &flow, &move, cancelled);
	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	if (e != NULL && ok) {
		store_move(t, e, &flow, &move);
	} else if (e != NULL) {
		log_error("JOB-FLOW", "job=%s %s", id, f.text);
		tracker_back_off(t, e);
		tracker_idle(t, e);
	}
	json_decref(move.request);
	flow_finish(&flow);
}

void tracker_advance_flow(struct tracker *t, struct open_job *e)
{
	if (e->state == JOB_QUEUED)
		tracker_move(t, e, JOB_SUBMITTING, JOB_SET_EPOCH, 0);
	else
		advance(t, e);
}

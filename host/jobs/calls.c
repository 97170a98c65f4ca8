/* calls - a slot of a job's provider: how it is called, and what its end leads to. */
#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "jobs/decide.h"
#include "jobs/internal.h"
#include "jobs/journal.h"
#include "jobs/request.h"
#include "jobs/series.h"
#include "provider/provider.h"
#include "store/store.h"

enum {
	AGAIN_MS = 50,    /* where all places are taken */
	SERIES_MS = 10000 /* for the metrics of a run that ended */
};

struct call_context {
	struct tracker *t;
	struct lane *lane; /* which counts it */
	char id[ID_SIZE];
	enum job_action action;
	bool adopts; /* find: of the object somebody named */
	char idempotency[16];
	int64_t settle_ms;
	int64_t epoch;          /* of the job when it began */
	bool goes_on;           /* see struct open_job */
	unsigned failures;      /* the same */
	unsigned doubts;        /* the same */
	unsigned gone;          /* the same */
	int64_t gone_mono;      /* the same */
	int64_t barred_mono;    /* the same */
	bool stale;             /* the job has another epoch */
	struct call_result end; /* of a run, while its series is being asked for */
};

/*
 * A call may end, and another begin for the same job, before whoever started it learns its handle.
 * So each has a turn of its own, and a handle is kept only while it is the turn of that call.
 */

/* Lock held. */
static uint64_t begin_turn(struct tracker *t, struct open_job *e)
{
	e->turn = ++t->turns;
	e->call = 0;
	return e->turn;
}

/* Lock held. */
static void keep_handle(struct tracker *t, const char *id, uint64_t turn, uint64_t handle)
{
	struct open_job *e = entries_find(&t->entries, id);

	if (e != NULL && e->busy == ENTRY_CALLING && e->turn == turn)
		e->call = handle;
}

/* Of an attempt that was given up meanwhile nothing counts. */
static bool is_stale(struct open_job *e, const struct call_context *call)
{
	if (e->epoch == call->epoch && !call->stale)
		return false;
	log_warn("JOB-STALE", "job=%s a call of an earlier submission came back", e->id);
	e->stale = true;
	e->again = true;
	return true;
}

/* The call has ended. Storing gives the lock up, and the job may be over before it is back: the
 * entry is looked up again before it is touched. */
static void take_end(struct call_context *call, struct call_end *end)
{
	struct tracker *t = call->t;
	struct open_job *e = entries_find(&t->entries, call->id);

	if (e == NULL || e->busy != ENTRY_CALLING)
		return;
	e->busy = ENTRY_IDLE;
	e->call = 0;
	if (call->action == ACTION_SUBMIT)
		e->sent_mono = clock_mono_ms();
	if (!is_stale(e, call)) {
		if (call->action == ACTION_ERRAND)
			tracker_errand_end(t, e, end->result);
		else
			tracker_take_end(t, e, end);
	}
	e = entries_find(&t->entries, call->id);
	if (e != NULL && e->busy == ENTRY_IDLE)
		tracker_idle(t, e);
}

/* Lock held; the call counts no more, and another job may have its place. */
static void leave(struct call_context *call)
{
	struct tracker *t = call->t;

	call->lane->calls--;
	if (!TAILQ_EMPTY(&call->lane->stalled))
		cond_signal(&t->wake);
	t->in_flight--;
	cond_broadcast(&t->quiet);
}

static enum verdict verdict_of(const struct call_context *call, const struct call_result *result)
{
	enum verdict verdict;

	if (call->action == ACTION_ERRAND)
		return VERDICT_RETRY; /* tracker_errand_end() knows better */
	verdict = outcome_verdict(call->action, result, call->idempotency);
	if (call->action == ACTION_SUBMIT)
		return outcome_barred(outcome_submitted(verdict, result), result,
			call->barred_mono != 0 ? clock_mono_ms() - call->barred_mono : 0);
	if (call->action == ACTION_FIND)
		verdict = outcome_missing(verdict, result, call->idempotency, call->settle_ms);
	else if (call->action == ACTION_POLL)
		return outcome_gone(verdict, call->gone, clock_mono_ms() - call->gone_mono);
	return call->adopts ? outcome_adopted(verdict, result, call->failures)
	                    : outcome_doubted(verdict, result, call->doubts);
}

/* How the call ended, with what needs the store. No lock held. */
static struct call_end end_of(const struct call_context *call, const struct call_result *result)
{
	struct call_end end = {
		.action = call->action,
		.verdict = verdict_of(call, result),
		.result = result,
		.settle_ms = call->settle_ms,
	};

	if (end.verdict == VERDICT_STATE && call->adopts) {
		end.dilemma = decide_taken(call->t, call->id, result);
		if (end.dilemma != NULL)
			end.verdict = VERDICT_DECIDE;
	} else if (end.verdict == VERDICT_DECIDE && !call->adopts)
		end.dilemma = journal_dilemma(
			call->t->options.store, call->id, call->epoch, result->fail.text);
	return end;
}

static bool has_rows(const struct call_end *end)
{
	return end->before.kind != JOURNAL_NONE || end->row.kind != JOURNAL_NONE;
}

/* Writes what no edge took along. No lock held. */
static void end_finish(const struct call_context *call, struct call_end *end)
{
	journal_write(call->t->options.store, call->id, &end->before);
	journal_write(call->t->options.store, call->id, &end->row);
}

static void call_finish(struct call_context *call, struct call_result *result)
{
	struct tracker *t = call->t;
	struct call_end end = end_of(call, result);
	bool rows;

	if (result->code == DAVIT_OK && end.verdict == VERDICT_RECOVER)
		(void)fail_set(&result->fail, FAIL_INTERNAL,
			"the provider answered without saying where the job stands");
	mutex_lock(&t->lock);
	take_end(call, &end);
	rows = has_rows(&end); /* most polls have none */
	if (rows) {
		mutex_unlock(&t->lock);
		end_finish(call, &end);
		mutex_lock(&t->lock);
	}
	leave(call);
	mutex_unlock(&t->lock);
	free(end.dilemma);
	call_result_finish(&call->end);
	free(call);
}

/*
 * A run that ended keeps its metrics over time: they are asked for before the end is stored,
 * so that both are written together. Where they cannot be had the run ends without.
 */

static void series_done(struct call_result *result, void *ctx)
{
	struct call_context *call = ctx;
	json_t *series = json_object_get(result->reply, "series");

	if (result->code == DAVIT_CANCELLED) { /* the daemon ends: asked again after its start */
		call->end.code = DAVIT_RETRY;
		call->end.fail = result->fail;
	} else if (result->code != DAVIT_OK) {
		log_warn("JOB-SERIES", "job=%s ends without its series of metrics: %s", call->id,
			result->fail.text);
	} else if (json_is_array(series)) {
		(void)json_object_set_new(call->end.reply, "series", series_thin(series));
	}
	call_finish(call, &call->end);
}

static bool ended(const struct call_result *result)
{
	return result->code == DAVIT_OK && result->has_state &&
	       result->state >= DAVIT_STATE_SUCCEEDED && json_is_object(result->reply);
}

/* Starts the slot for the series of job; false: there is none to be had (*f empty) or not now. */
static bool series_start(struct call_context *call, const struct job *job,
	struct call_result *result, uint64_t *ret_call, struct fail *f)
{
	struct tracker *t = call->t;
	struct provider *p = providers_find(t->options.providers, job->provider);
	json_t *ref = json_object_get(result->reply, "ref");
	struct call_spec spec = {
		.provider = p,
		.interface = job->interface,
		.connection = job->connection,
		.slot = "metrics",
		.job = job->id,
		.body_fd = -1,
		.timeout_ms = SERIES_MS,
		.job_lane = true,
		.done = series_done,
		.ctx = call,
	};
	struct fail none;

	if (p == NULL || !series_is_run(job->interface, job->kind) ||
		!provider_offers(p, job->interface, "metrics", NULL, &none))
		return false;
	spec.request = request_of(&t->options, job, p);
	if (spec.request == NULL || (ref != NULL && json_object_set(spec.request, "ref", ref) != 0))
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	call->end = *result;
	result->reply = NULL; /* moved, not shared: done may run on another thread at once */
	if (call_start(&spec, ret_call, f))
		return true;
	*result = call->end;
	call->end.reply = NULL;
	return false;
}

/* Asks for the series of a run that ended; true: call belongs to that slot now. */
static bool series_asked(struct call_context *call, struct call_result *result)
{
	struct tracker *t = call->t;
	struct open_job *e;
	struct job job = {0};
	struct fail f = {0};
	char id[ID_SIZE];
	uint64_t handle = 0, turn;
	bool asked;

	memcpy(id, call->id, sizeof(id));
	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	turn = e != NULL ? begin_turn(t, e) : 0;
	mutex_unlock(&t->lock);
	asked = store_job(t->options.store, id, &job, &f) &&
	        series_start(call, &job, result, &handle, &f);
	job_finish(&job);
	if (asked) {
		mutex_lock(&t->lock);
		keep_handle(t, id, turn, handle);
		mutex_unlock(&t->lock);
		return true;
	}
	if (f.code == FAIL_BUSY && call->action != ACTION_SUBMIT) {
		result->code = DAVIT_RETRY;
		result->fail = f;
		result->retry_after_ms = AGAIN_MS;
	} else if (f.code != FAIL_NONE) {
		log_warn("JOB-SERIES", "job=%s ends without its series of metrics: %s", id, f.text);
	}
	return false;
}

static void call_done(struct call_result *result, void *ctx)
{
	struct call_context *call = ctx;

	if (!ended(result) || !series_asked(call, result))
		call_finish(call, result);
}

/* Starts the slot, which owns call from then on; no lock held. */
static bool start(
	struct call_context *call, const struct job *job, uint64_t *ret_call, struct fail *f)
{
	struct tracker *t = call->t;
	struct provider *p = providers_find(t->options.providers, job->provider);
	struct call_spec spec = {
		.provider = p,
		.interface = job->interface,
		.connection = job->connection,
		.slot = call->action == ACTION_ERRAND ? job->kind : job_action_slot(call->action),
		.job = job->id,
		.checkpoints = call->action == ACTION_SUBMIT || call->action == ACTION_ERRAND,
		.goes_on = call->goes_on,
		.epoch = job->epoch,
		.body_fd = -1,
		.job_lane = true,
		.done = call_done,
		.ctx = call,
	};

	if (p == NULL) {
		(void)fail_set(f, FAIL_UNAVAILABLE, "provider '%s' is not loaded", job->provider);
		return false;
	}
	(void)snprintf(call->idempotency, sizeof(call->idempotency), "%s",
		provider_idempotency(p, job->interface, "submit", job->kind));
	call->settle_ms = provider_settle_ms(p, job->interface, "submit", job->kind);
	spec.request = request_of(&t->options, job, p);
	if (spec.request == NULL || (call->action == ACTION_FIND &&
					    !request_adopted(spec.request, job, &call->adopts))) {
		json_decref(spec.request);
		(void)fail_set(f, FAIL_INTERNAL, "cannot build the request of job %s", job->id);
		return false;
	}
	return call_start(&spec, ret_call, f);
}

/* A slot that could not be started: a missing one is an answer, all else is for later. No lock
 * held.
 */
static void not_started(struct call_context *call, const struct fail *f)
{
	struct call_result result = {
		.fail = *f,
		.code = f->code == FAIL_UNSUPPORTED ? DAVIT_UNSUPPORTED : DAVIT_RETRY,
		.said = f->code == FAIL_UNSUPPORTED,
		.retry_after_ms = f->code == FAIL_BUSY ? AGAIN_MS : 0,
		.trace = {.left = call->goes_on},
	};

	call_finish(call, &result);
}

/* The row, if it is still of the epoch that the entry knows. */
static bool read_job(struct call_context *call, struct job *ret_job, struct fail *f)
{
	if (!store_job(call->t->options.store, call->id, ret_job, f))
		return false;
	call->stale = ret_job->epoch != call->epoch;
	return !call->stale ||
	       fail_set(f, FAIL_UNAVAILABLE, "job %s has another submission now", call->id);
}

static void begin_call(struct tracker *t, struct open_job *e, enum job_action action)
{
	struct call_context *call = calloc(1, sizeof(*call));
	struct job job = {0};
	struct fail f = {0};
	char id[ID_SIZE];
	uint64_t handle = 0, turn;

	if (call == NULL) {
		tracker_back_off(t, e);
		return;
	}
	*call = (struct call_context){.t = t,
		.lane = e->lane,
		.action = action,
		.epoch = e->epoch,
		.goes_on = e->goes_on,
		.failures = e->failures,
		.doubts = e->doubts,
		.gone = e->gone,
		.gone_mono = e->gone_mono,
		.barred_mono = e->barred_mono};
	memcpy(call->id, e->id, sizeof(call->id));
	memcpy(id, e->id, sizeof(id));
	e->busy = ENTRY_CALLING;
	turn = begin_turn(t, e);
	entries_due(&t->entries, e, CLOCK_NEVER);
	t->in_flight++;
	e->lane->calls++;
	mutex_unlock(&t->lock);
	if (!read_job(call, &job, &f) || !start(call, &job, &handle, &f))
		not_started(call, &f);
	job_finish(&job);
	mutex_lock(&t->lock);
	keep_handle(t, id, turn, handle);
}

void tracker_call(struct tracker *t, struct open_job *e, enum job_action action)
{
	if (e->lane->calls >= e->lane->max_calls) { /* without asking the store in vain */
		entry_stall(e);
		tracker_later(t, e, CLOCK_NEVER);
		return;
	}
	entry_unstall(e);
	begin_call(t, e, action);
}

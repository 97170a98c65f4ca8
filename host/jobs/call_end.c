/* What the end of a slot that ran for a job leads to: see calls.h. */
#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "jobs/calls.h"
#include "jobs/decide.h"
#include "jobs/journal.h"
#include "jobs/request.h"
#include "jobs/series.h"
#include "store/store.h"

#define SERIES_MS 10000 /* for the metrics of a run that ended */

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

	if (e == NULL || e->call != call)
		return;
	e->busy = ENTRY_IDLE;
	e->call = NULL;
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

static enum verdict verdict_of(const struct call_context *call, const struct call_result *result)
{
	enum verdict verdict;

	if (call->action == ACTION_ERRAND)
		return VERDICT_RETRY; /* tracker_errand_end() knows better */
	verdict = outcome_verdict(call->action, result, call->terms.idempotency);
	if (call->action == ACTION_SUBMIT)
		return outcome_barred(outcome_submitted(verdict, result), result,
			call->barred_mono != 0 ? clock_mono_ms() - call->barred_mono : 0);
	if (call->action == ACTION_FIND)
		verdict = outcome_missing(
			verdict, result, call->terms.idempotency, call->terms.settle_ms);
	else if (call->action == ACTION_POLL)
		return outcome_gone(verdict, call->gone, clock_mono_ms() - call->gone_mono);
	return call->adopts ? outcome_adopted(verdict, result, call->failures)
	                    : outcome_doubted(verdict, result, call->doubts);
}

static const char class_changed[] =
	"nothing was found, which says little, as the provider's plugin file that would submit it "
	"again has another idempotency class for its kind than the one that submitted it";

/* How the call ended, with what needs the store. No lock held. */
static struct call_end end_of(const struct call_context *call, const struct call_result *result)
{
	struct call_end end = {
		.action = call->action,
		.verdict = verdict_of(call, result),
		.result = result,
		.settle_ms = call->terms.settle_ms,
		.begun_mono = call->begun_mono,
	};

	if (end.verdict == VERDICT_STATE && call->adopts) {
		end.dilemma = decide_taken(call->t, call->id, result);
		if (end.dilemma != NULL)
			end.verdict = VERDICT_DECIDE;
	} else if (end.verdict == VERDICT_DECIDE && !call->adopts)
		end.dilemma = journal_dilemma(call->t->options.store, call->id, call->epoch,
			call->terms.changed && result->code == DAVIT_NOT_FOUND ? class_changed
									       : result->fail.text);
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

void calls_finish(struct call_context *call, struct call_result *result)
{
	struct tracker *t = call->t;
	struct call_end end = end_of(call, result);
	bool rows;

	if (result->code == DAVIT_OK && end.verdict == VERDICT_RECOVER)
		(void)fail_set(&result->fail, FAIL_INTERNAL,
			"the provider answered without saying where the job stands");
	calls_tell_before(call);
	mutex_lock(&t->lock);
	take_end(call, &end);
	rows = has_rows(&end); /* most polls have none */
	if (rows) {
		mutex_unlock(&t->lock);
		end_finish(call, &end);
		mutex_lock(&t->lock);
	}
	calls_leave(call);
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
	calls_finish(call, &call->end);
}

static bool ended(const struct call_result *result)
{
	return result->code == DAVIT_OK && result->has_state &&
	       result->state >= DAVIT_STATE_SUCCEEDED && json_is_object(result->reply);
}

/* The slot for the series of job; NULL: there is none to be had (*f empty) or not now. */
static struct call *make_series(struct call_context *call, const struct job *job,
	struct call_result *result, struct fail *f)
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
	uint64_t handle;
	struct call *made;

	if (p == NULL || !series_is_run(job->interface, job->kind) ||
		!provider_offers(p, job->interface, "metrics", NULL, &none))
		return NULL;
	spec.request = request_of(&t->options, job, p);
	if (spec.request == NULL ||
		(ref != NULL && json_object_set(spec.request, "ref", ref) != 0)) {
		json_decref(spec.request);
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	made = call_make(&spec, &handle, f);
	if (made != NULL)
		calls_keep_handle(call, handle);
	return made;
}

/* Asks for the series of a run that ended; true: call came to its end with it. */
static bool series_asked(struct call_context *call, struct call_result *result)
{
	struct job job = {0};
	struct fail f = {0};
	struct call *made = NULL;

	if (store_job(call->t->options.store, call->id, &job, &f))
		made = make_series(call, &job, result, &f);
	job_finish(&job);
	if (made != NULL) {
		call->end = *result;
		result->reply = NULL; /* moved */
		call_run(made);
		return true;
	}
	if (f.code == FAIL_BUSY && call->action != ACTION_SUBMIT) {
		result->code = DAVIT_RETRY;
		result->fail = f;
		result->retry_after_ms = CALLS_AGAIN_MS;
	} else if (f.code != FAIL_NONE) {
		log_warn("JOB-SERIES", "job=%s ends without its series of metrics: %s", call->id,
			f.text);
	}
	return false;
}

void calls_done(struct call_result *result, void *ctx)
{
	struct call_context *call = ctx;

	if (!ended(result) || !series_asked(call, result))
		calls_finish(call, result);
}

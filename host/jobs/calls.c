/* calls - a slot of a job's provider: its request, and what its end leads to. */
#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "jobs/internal.h"
#include "jobs/series.h"
#include "provider/provider.h"
#include "store/store.h"

enum {
	NEXT_POLL_DEFAULT_MS = 2000,
	NEXT_POLL_LEAST_MS = 50,
	NEXT_POLL_MOST_MS = 300000,
	CANCEL_POLL_MS = 200,
	SERIES_MS = 10000, /* for the metrics of a run that ended */
	NAME_SIZE = 256
};

struct call_context {
	struct tracker *t;
	struct lane *lane; /* which counts it */
	char id[ID_SIZE];
	enum job_action action;
	bool adopts; /* find: of the object somebody named */
	char idempotency[16];
	int64_t settle_ms;
	struct call_result end; /* of a run, while its series is being asked for */
};

/* Adds the parsed text of a stored member where there is one. */
static bool add_stored(json_t *request, const char *member, const char *text)
{
	struct fail f;

	return text == NULL ||
	       json_object_set_new(request, member, json_parse(text, strlen(text), &f)) == 0;
}

static json_t *connection_of(const struct tracker *t, const struct job *job)
{
	const struct config_connection *c =
		job->connection == NULL
			? NULL
			: config_connection_find(t->options.config, job->connection);

	return c == NULL || c->details == NULL ? json_object() : json_deep_copy(c->details);
}

/* {connection, submission_id, derived_name, label, kind, spec, id?, ref?, checkpoint?} */
static json_t *request_of(const struct tracker *t, const struct job *job, const struct provider *p)
{
	struct fail f;
	char name[NAME_SIZE];
	json_t *request = json_parse(job->request, strlen(job->request), &f);

	provider_derived_name(p, job->interface, "submit", job->submission, name, sizeof(name));
	if (!json_is_object(request) ||
		json_object_set_new(request, "connection", connection_of(t, job)) != 0 ||
		json_object_set_new(request, "submission_id", json_string(job->submission)) != 0 ||
		json_object_set_new(request, "derived_name", json_string(name)) != 0 ||
		json_object_set_new(request, "label",
			json_sprintf("%s-%s", store_site(t->options.store), job->submission)) !=
			0 ||
		json_object_set_new(request, "kind", json_string(job->kind)) != 0 ||
		!add_stored(request, "ref", job->remote_ref) ||
		!add_stored(request, "checkpoint", job->checkpoint)) {
		json_decref(request);
		return NULL;
	}
	return request;
}

/* What somebody decided that the submission made: find is to look at that. */
static bool add_adopted(json_t *request, const struct job *job, bool *ret_adopts)
{
	struct fail f;
	json_t *decision =
		job->decision != NULL ? json_parse(job->decision, strlen(job->decision), &f) : NULL;
	json_t *remote = json_object_get(decision, "remote");
	bool added = remote == NULL || json_object_set(request, "remote", remote) == 0;

	*ret_adopts = remote != NULL;
	json_decref(decision);
	return added;
}

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

/* What a verdict does to an entry. Lock held; e is not busy. */

static void take_state(struct tracker *t, struct open_job *e, const struct call_result *result)
{
	struct store_op *op = tracker_edge(e);
	int64_t after = result->next_poll_ms > 0 ? result->next_poll_ms : NEXT_POLL_DEFAULT_MS;
	bool same;

	if (op == NULL || !outcome_edge(op, result, e->overdue)) {
		store_op_free(op);
		tracker_back_off(t, e);
		return;
	}
	e->failures = 0;
	e->asked_mono = clock_mono_ms();
	after = after < NEXT_POLL_LEAST_MS ? NEXT_POLL_LEAST_MS : after;
	after = after > NEXT_POLL_MOST_MS ? NEXT_POLL_MOST_MS : after;
	e->poll_ms = after;
	op->edge.values.next_poll_ms = after;
	op->edge.set |= JOB_SET_NEXT_POLL;
	after = e->cancel && after > CANCEL_POLL_MS ? CANCEL_POLL_MS : after;
	same = entry_same_as_shown(e, op->edge.values.result);
	if (op->edge.to == e->state && same) {
		store_op_free(op);
		tracker_poll_later(t, e, after);
		tracker_fire_refreshed(t, e);
		return;
	}
	if (op->edge.to == e->state)
		op->durable = false;
	else if (op->edge.to == JOB_RUNNING && !(op->edge.set & JOB_SET_STARTED)) {
		op->edge.set |= JOB_SET_STARTED;
		op->edge.values.started_ms = clock_now_ms();
	}
	tracker_store_edge(t, e, op, JOB_BIT(e->state), after);
}

static void take_failure(struct tracker *t, struct open_job *e, const struct call_result *result)
{
	struct store_op *op = tracker_edge(e);

	if (op == NULL || !outcome_failed(op, result->fail.code, result->fail.text)) {
		store_op_free(op);
		tracker_back_off(t, e);
		return;
	}
	tracker_store_edge(t, e, op, JOB_BIT(e->state), 0);
}

static void take_retry(struct tracker *t, struct open_job *e, const struct call_result *result)
{
	bool ours = result->code == DAVIT_RETRY && result->fail.code == FAIL_BUSY;

	if (!ours) /* all places are taken: not worth a line */
		log_warn("JOB-RETRY", "job=%s provider=%s %s", e->id, e->lane->provider,
			result->fail.text);
	if (result->retry_after_ms > 0)
		tracker_later(t, e, result->retry_after_ms);
	else
		tracker_back_off(t, e);
}

/* Nobody but a person knows how it goes on. */
static void park(struct tracker *t, struct open_job *e, const char *why)
{
	struct store_op *op = tracker_edge(e);

	if (op != NULL) {
		op->edge.to = JOB_NEEDS_DECISION;
		op->edge.set = JOB_SET_ERROR;
		op->edge.values.error = strdup(why);
	}
	tracker_store_edge(t, e, op, JOB_BIT(e->state), CLOCK_NEVER);
}

static void take_verdict(struct tracker *t, struct open_job *e, enum verdict verdict,
	const struct call_result *result)
{
	switch (verdict) {
	case VERDICT_STATE:
		take_state(t, e, result);
		break;
	case VERDICT_FAILED:
		take_failure(t, e, result);
		break;
	case VERDICT_RETRY:
		take_retry(t, e, result);
		break;
	case VERDICT_RECOVER:
		log_warn("JOB-UNCLEAR", "job=%s the submission ended unclear: %s", e->id,
			result->fail.text);
		e->ambiguous = true;
		tracker_back_off(t, e);
		break;
	case VERDICT_RESUBMIT:
		tracker_move(t, e, JOB_SUBMITTING, JOB_SET_EPOCH, 0);
		break;
	case VERDICT_DECIDE:
		park(t, e, result->fail.text);
		break;
	case VERDICT_ASKED:
		e->cancel_sent_mono = clock_mono_ms();
		tracker_later(t, e, CANCEL_POLL_MS);
		break;
	}
}

/* Nothing was found, but the other side may not know yet of what the last submit made: it is
 * asked once more when it must. Nobody needs to wait with the start for that. */
static bool settles(struct tracker *t, struct open_job *e, const struct call_context *call)
{
	int64_t left = e->sent_mono + call->settle_ms - clock_mono_ms();

	if (left <= 0)
		return false;
	if (e->unsure)
		t->unsure--;
	e->unsure = false;
	tracker_later(t, e, left);
	return true;
}

/* The call has ended. Storing gives the lock up, and the job may be over before it is back: the
 * entry is looked up again before it is touched. */
static void take_end(
	struct call_context *call, enum verdict verdict, const struct call_result *result)
{
	struct tracker *t = call->t;
	struct open_job *e = entries_find(&t->entries, call->id);

	if (e == NULL || e->busy != ENTRY_CALLING)
		return;
	e->busy = ENTRY_IDLE;
	e->call = 0;
	if (call->action == ACTION_SUBMIT)
		e->sent_mono = clock_mono_ms();
	if (result->code != DAVIT_NOT_FOUND || verdict != VERDICT_RESUBMIT || !settles(t, e, call))
		take_verdict(t, e, verdict, result);
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
	enum verdict verdict = outcome_verdict(call->action, result, call->idempotency);

	return call->adopts ? outcome_adopted(verdict) : verdict;
}

static void call_finish(struct call_context *call, struct call_result *result)
{
	struct tracker *t = call->t;
	enum verdict verdict = verdict_of(call, result);

	if (result->code == DAVIT_OK && verdict == VERDICT_RECOVER)
		(void)fail_set(&result->fail, FAIL_INTERNAL,
			"the provider answered without saying where the job stands");
	mutex_lock(&t->lock);
	take_end(call, verdict, result);
	leave(call);
	mutex_unlock(&t->lock);
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
	spec.request = request_of(t, job, p);
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
		result->retry_after_ms = NEXT_POLL_LEAST_MS;
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
		.slot = job_action_slot(call->action),
		.job = job->id,
		.checkpoints = call->action == ACTION_SUBMIT,
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
	spec.request = request_of(t, job, p);
	if (spec.request == NULL ||
		(call->action == ACTION_FIND && !add_adopted(spec.request, job, &call->adopts))) {
		json_decref(spec.request);
		(void)fail_set(f, FAIL_INTERNAL, "cannot build the request of job %s", job->id);
		return false;
	}
	return call_start(&spec, ret_call, f);
}

/* A slot that could not be started: a missing one is an answer, all else is for later. */
static void not_started(struct call_context *call, const struct fail *f)
{
	struct call_result result = {
		.fail = *f,
		.code = f->code == FAIL_UNSUPPORTED ? DAVIT_UNSUPPORTED : DAVIT_RETRY,
		.retry_after_ms = f->code == FAIL_BUSY ? NEXT_POLL_LEAST_MS : 0,
	};

	take_end(call, verdict_of(call, &result), &result);
}

static void begin_call(struct tracker *t, struct open_job *e, enum job_action action)
{
	struct call_context *call = calloc(1, sizeof(*call));
	struct job job = {0};
	struct fail f = {0};
	char id[ID_SIZE];
	uint64_t handle = 0, turn;
	bool started;

	if (call == NULL) {
		tracker_back_off(t, e);
		return;
	}
	*call = (struct call_context){.t = t, .lane = e->lane, .action = action};
	memcpy(call->id, e->id, sizeof(call->id));
	memcpy(id, e->id, sizeof(id));
	e->busy = ENTRY_CALLING;
	turn = begin_turn(t, e);
	entries_due(&t->entries, e, CLOCK_NEVER);
	t->in_flight++;
	e->lane->calls++;
	mutex_unlock(&t->lock);
	started = store_job(t->options.store, id, &job, &f) && start(call, &job, &handle, &f);
	job_finish(&job);
	mutex_lock(&t->lock);
	if (started) {
		keep_handle(t, id, turn, handle);
		return;
	}
	not_started(call, &f);
	leave(call);
	free(call);
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

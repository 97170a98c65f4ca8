/* How the slot of a job is called: see calls.h. */
#include "jobs/calls.h"

#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "jobs/journal.h"
#include "jobs/request.h"
#include "store/store.h"

void calls_keep_handle(struct call_context *call, uint64_t handle)
{
	struct tracker *t = call->t;

	atomic_store(&call->handle, handle);
	if (atomic_load(&t->ends_calls))
		call_cancel(t->options.providers, handle);
}

void tracker_cancel_calls(struct tracker *t)
{
	atomic_store(&t->ends_calls, true);
	for (size_t i = 0; i < t->entries.count; i++) {
		const struct call_context *call = t->entries.heap[i]->call;
		uint64_t handle = call != NULL ? atomic_load(&call->handle) : 0;

		if (handle != 0)
			call_cancel(t->options.providers, handle);
	}
}

/* A new call for e, which counts from now on; NULL: out of memory. Lock held. */
static struct call_context *new_call(struct tracker *t, struct open_job *e, enum job_action action)
{
	struct call_context *call = calloc(1, sizeof(*call));

	if (call == NULL)
		return NULL;
	*call = (struct call_context){.t = t,
		.lane = e->lane,
		.action = action,
		.epoch = e->epoch,
		.begun_mono = clock_mono_ms(),
		.goes_on = e->goes_on,
		.failures = e->failures,
		.doubts = e->doubts,
		.gone = e->gone,
		.gone_mono = e->gone_mono,
		.barred_mono = e->barred_mono};
	memcpy(call->id, e->id, sizeof(call->id));
	if (action == ACTION_CANCEL)
		call->before = journal_counted(e);
	e->busy = ENTRY_CALLING;
	e->call = call;
	entries_due(&t->entries, e, CLOCK_NEVER);
	t->in_flight++;
	e->lane->calls++;
	return call;
}

/* The poll of the job that stands in line for the place of call, which is free now: its thread goes
 * on with it, and nobody has to be woken. NULL: there is none, more than a poll is due, or another
 * provider waits for the thread. Lock held. */
static struct call_context *next_poll(const struct call_context *call)
{
	struct tracker *t = call->t;
	struct open_job *e = TAILQ_FIRST(&call->lane->stalled);
	struct call_context *next;

	if (e == NULL || call->next == NULL || t->stopping || !tracker_is_polled(e) ||
		call_threads_short(t->options.providers))
		return NULL;
	next = new_call(t, e, ACTION_POLL);
	if (next != NULL)
		entry_unstall(e);
	return next;
}

void calls_leave(struct call_context *call)
{
	struct tracker *t = call->t;
	struct call_context *next;

	call->lane->calls--;
	next = next_poll(call);
	if (next != NULL)
		*call->next = next;
	else if (!TAILQ_EMPTY(&call->lane->stalled))
		cond_signal(&t->wake);
	t->in_flight--;
	cond_broadcast(&t->quiet);
}

/* The slot, which owns call from then on; NULL: it cannot start. */
static struct call *make_slot(struct call_context *call, struct job *job, struct fail *f)
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
		.done = calls_done,
		.ctx = call,
	};
	uint64_t handle;
	struct call *made;

	if (p == NULL) {
		(void)fail_set(f, FAIL_UNAVAILABLE, "provider '%s' is not loaded", job->provider);
		return NULL;
	}
	if (call->action == ACTION_SUBMIT &&
		!terms_begin(t->options.store, job, p, call->goes_on, f)) {
		call->stale = f->code == FAIL_CONFLICT;
		return NULL;
	}
	terms_of(job, p, &call->terms);
	spec.request = request_of(&t->options, job, p);
	if (spec.request == NULL || (call->action == ACTION_FIND &&
					    !request_adopted(spec.request, job, &call->adopts))) {
		json_decref(spec.request);
		(void)fail_set(f, FAIL_INTERNAL, "cannot build the request of job %s", job->id);
		return NULL;
	}
	made = call_make(&spec, &handle, f);
	if (made != NULL)
		calls_keep_handle(call, handle);
	return made;
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
		.retry_after_ms = f->code == FAIL_BUSY ? CALLS_AGAIN_MS : 0,
		.trace = {.left = call->goes_on},
	};

	calls_finish(call, &result);
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

void calls_tell_before(struct call_context *call)
{
	journal_write(call->t->options.store, call->id, &call->before);
	call->before = (struct store_journal){.kind = JOURNAL_NONE};
}

/* The slot of call; NULL: call came to its end. Apart from run(), whose frame is on
 * the stack while the slot waits. */
static __attribute__((noinline)) struct call *make_call(struct call_context *call)
{
	struct job job = {0};
	struct fail f = {0};
	struct call *made = NULL;

	if (read_job(call, &job, &f))
		made = make_slot(call, &job, &f);
	job_finish(&job);
	if (made == NULL)
		not_started(call, &f);
	else if (call->action == ACTION_CANCEL) {
		calls_tell_before(call);
		journal_begins(call->t->options.store, call->id, call->epoch, "cancel");
	}
	return made;
}

/* On a thread for calls: what the request is made of is freed where it was allocated, and the
 * tracker's own thread is free for the next job. */
static void run(void *ctx)
{
	struct call_context *call = ctx;

	while (call != NULL) {
		struct call_context *next = NULL;
		struct call *made;

		call->next = &next;
		made = make_call(call);
		if (made != NULL)
			call_run(made);
		call = next;
	}
}

static void begin_call(struct tracker *t, struct open_job *e, enum job_action action)
{
	struct call_context *call = new_call(t, e, action);
	struct fail f = {0};

	if (call == NULL) {
		tracker_back_off(t, e);
		return;
	}
	mutex_unlock(&t->lock);
	if (!call_thread(t->options.providers, run, call, &f))
		not_started(call, &f);
	mutex_lock(&t->lock);
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

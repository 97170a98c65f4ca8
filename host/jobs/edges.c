/* edges - durable changes of jobs, and when a job is looked at again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pace.h"
#include "jobs/internal.h"
#include "jobs/journal.h"
#include "store/store.h"

enum {
	BACK_OFF_FIRST_MS = 500,
	BACK_OFF_MAX_MS = 60000
};

/* splitmix64: jitter needs spread, not secrecy. */
static uint64_t dice(struct tracker *t)
{
	uint64_t z = (t->dice += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int64_t jitter(struct tracker *t, int64_t ms)
{
	int64_t tenth = ms / 10;

	return tenth == 0 ? ms : ms - tenth + (int64_t)(dice(t) % (uint64_t)(2 * tenth));
}

static void wake_at(struct tracker *t, struct open_job *e, int64_t due)
{
	entries_due(&t->entries, e, due);
	if (due < t->sleeps_until)
		cond_signal(&t->wake);
}

/* At due, or at its deadline where that comes first. */
static void look_at(struct tracker *t, struct open_job *e, int64_t mono, int64_t due)
{
	if (e->deadline_ms != 0 && !e->cancel) {
		int64_t left = e->deadline_ms - clock_now_ms();
		int64_t by = mono + (left > 0 ? left : 0);

		due = by < due ? by : due;
	}
	wake_at(t, e, due);
}

void tracker_later(struct tracker *t, struct open_job *e, int64_t after_ms)
{
	int64_t mono = clock_mono_ms();

	look_at(t, e, mono, after_ms == CLOCK_NEVER ? CLOCK_NEVER : mono + jitter(t, after_ms));
}

void tracker_poll_later(struct tracker *t, struct open_job *e, int64_t interval_ms)
{
	int64_t mono = clock_mono_ms();

	look_at(t, e, mono, entry_poll_time(e, mono + interval_ms / 2, interval_ms));
}

int64_t tracker_back_off_ms(struct open_job *e)
{
	unsigned doublings = e->failures < 7 ? e->failures : 7;
	int64_t ms = (int64_t)BACK_OFF_FIRST_MS << doublings;

	e->failures++;
	return PACE(ms < BACK_OFF_MAX_MS ? ms : BACK_OFF_MAX_MS);
}

void tracker_back_off(struct tracker *t, struct open_job *e)
{
	tracker_later(t, e, tracker_back_off_ms(e));
}

/* Not sooner by its deadline: that may be what could not be stored. */
static void store_later(struct tracker *t, struct open_job *e)
{
	wake_at(t, e, clock_mono_ms() + jitter(t, tracker_back_off_ms(e)));
}

void tracker_unread(struct open_job *e)
{
	if (e->state == JOB_SUBMITTING || e->state == JOB_RECOVERING)
		e->unread = true;
}

void tracker_idle(struct tracker *t, struct open_job *e)
{
	e->busy = ENTRY_IDLE;
	if (!e->again)
		return;
	e->again = false;
	entries_due(&t->entries, e, clock_mono_ms());
	cond_signal(&t->wake);
}

void tracker_hold(struct tracker *t, struct open_job *e)
{
	if (e->counted && !e->holding)
		t->running++;
	entry_hold(&t->entries, e);
}

void tracker_release(struct tracker *t, struct open_job *e)
{
	if (e->holding) {
		t->running--;
		cond_signal(&t->wake); /* another one may start */
	}
	entry_release(e);
}

static struct open_job *parent_of(const struct tracker *t, const struct open_job *e)
{
	return e->parent[0] != '\0' ? entries_find(&t->entries, e->parent) : NULL;
}

/* A step got on, so that its flow is looked at; NULL is fine. */
static void wake_flow(struct tracker *t, struct open_job *flow)
{
	if (flow == NULL)
		return;
	if (flow->busy != ENTRY_IDLE)
		flow->again = true;
	else
		entries_due(&t->entries, flow, clock_mono_ms());
}

void tracker_forget(struct tracker *t, struct open_job *e, enum job_state state)
{
	struct open_job *parent = parent_of(t, e);

	e->state = state;
	tracker_fire(t, e);
	if (e->unsure)
		t->unsure--;
	tracker_release(t, e);
	entries_remove(&t->entries, e);
	wake_flow(t, parent);
	cond_signal(&t->wake);
}

struct store_op *tracker_edge(const struct open_job *e)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);

	if (op == NULL)
		return NULL;
	op->edge.to = JOB_STATE_COUNT;
	op->edge.epoch = e->epoch;
	memcpy(op->edge.values.id, e->id, sizeof(e->id));
	return op;
}

/* What a store operation needs to know when it ends. */
struct edge_done {
	struct tracker *t;
	int64_t after_ms;
};

void tracker_hold_by_state(struct tracker *t, struct open_job *e)
{
	if (JOB_BIT(e->state) & JOB_HOLDING)
		tracker_hold(t, e);
	else
		tracker_release(t, e);
}

static void settled(struct tracker *t, struct open_job *e)
{
	if (!e->unsure || (JOB_BIT(e->state) & (JOB_BIT(JOB_SUBMITTING) | JOB_BIT(JOB_RECOVERING))))
		return;
	e->unsure = false;
	t->unsure--;
}

static void edge_applied(
	struct tracker *t, struct open_job *e, const struct store_op *op, int64_t after_ms)
{
	enum job_state to = op->edge.to == JOB_STATE_COUNT ? e->state : op->edge.to;

	if (op->edge.set & JOB_SET_EPOCH)
		e->epoch++;
	if (op->edge.set & JOB_SET_CANCEL)
		e->cancel = e->overdue = true; /* an intent of ours: that of a person is none */
	if (to != e->state)
		log_info("JOB-EDGE", "job=%s %s -> %s", e->id, job_state_word(e->state),
			job_state_word(to));
	if (JOB_BIT(to) & JOB_TERMINAL) {
		tracker_forget(t, e, to);
		return;
	}
	if (to != e->state) {
		journal_moved(e, to, (op->edge.set & JOB_SET_EPOCH) != 0);
		e->state = to;
		if (to != JOB_RUNNING)
			e->adopts = 0;
		tracker_hold_by_state(t, e);
		tracker_fire(t, e);
		wake_flow(t, parent_of(t, e));
	}
	settled(t, e);
	tracker_fire_refreshed(t, e);
	if (e->state == JOB_RUNNING && after_ms > 0 && after_ms != CLOCK_NEVER)
		tracker_poll_later(t, e, after_ms);
	else
		tracker_later(t, e, after_ms);
	tracker_idle(t, e);
	if (e->errand)
		tracker_fire_impatient(t, e, e->due_mono);
}

/* The disk is full, say: the job stays as it was, and what it needed is tried again. */
static void edge_lost(struct tracker *t, struct open_job *e, const struct store_op *op)
{
	log_error("JOB-EDGE-LOST", "job=%s %s", e->id, op->fail.text);
	tracker_unread(e);
	store_later(t, e);
	tracker_idle(t, e);
}

static void edge_done(struct store_op *op)
{
	struct edge_done *done = op->arg;
	struct tracker *t = done->t;
	struct open_job *e;

	mutex_lock(&t->lock);
	e = entries_find(&t->entries, op->edge.values.id);
	if (e != NULL && op->ok && op->changed) {
		edge_applied(t, e, op, done->after_ms);
	} else if (e != NULL && op->ok) {
		e->stale = true;
		e->again = true;
		tracker_idle(t, e);
	} else if (e != NULL) {
		edge_lost(t, e, op);
	}
	t->in_flight--;
	cond_broadcast(&t->quiet);
	mutex_unlock(&t->lock);
	free(done);
	store_op_free(op);
}

void tracker_store_edge(
	struct tracker *t, struct open_job *e, struct store_op *op, unsigned from, int64_t after_ms)
{
	struct edge_done *done = op == NULL ? NULL : malloc(sizeof(*done));

	if (done == NULL) {
		store_op_free(op);
		e->busy = ENTRY_IDLE;
		tracker_unread(e);
		store_later(t, e);
		return;
	}
	if ((op->edge.set & JOB_SET_EPOCH) != 0 && e->account != NULL) {
		op->edge.set |= JOB_SET_ACCOUNT;
		op->edge.values.account = strdup(e->account);
	}
	*done = (struct edge_done){.t = t, .after_ms = after_ms};
	op->edge.from = from;
	op->done = edge_done;
	op->arg = done;
	e->busy = ENTRY_STORING;
	entries_due(&t->entries, e, CLOCK_NEVER);
	t->in_flight++;
	mutex_unlock(&t->lock);
	store_submit(t->options.store, op);
	mutex_lock(&t->lock);
}

void tracker_move(
	struct tracker *t, struct open_job *e, enum job_state to, unsigned set, int64_t after_ms)
{
	struct store_op *op = tracker_edge(e);

	assert(!(JOB_BIT(to) & JOB_TERMINAL) || (set & JOB_SET_FINISHED));
	if (op != NULL) {
		int64_t now = clock_now_ms();

		op->edge.to = to;
		op->edge.set = set;
		op->edge.values.started_ms = now;
		op->edge.values.finished_ms = now;
		op->edge.values.cancel_ms = now;
	}
	tracker_store_edge(t, e, op, JOB_BIT(e->state), after_ms);
}

void tracker_park(struct tracker *t, struct open_job *e)
{
	struct store_op *op = tracker_edge(e);

	if (op != NULL && e->state != JOB_ORPHANED)
		op->edge.to = JOB_ORPHANED;
	if (op != NULL && e->away != NULL) {
		op->edge.set = JOB_SET_ERROR;
		op->edge.values.error = strdup(e->away);
		e->parked = e->troubled = true;
		log_warn("JOB-PARKED", "job=%s provider=%s %s", e->id, e->lane->provider, e->away);
	}
	entry_dequeue(e);
	tracker_store_edge(t, e, op, JOB_BIT(e->state), CLOCK_NEVER);
}

void tracker_unpark(struct tracker *t, struct open_job *e, enum job_state to)
{
	tracker_move(t, e, to, e->troubled ? JOB_SET_ERROR : 0, 0);
}

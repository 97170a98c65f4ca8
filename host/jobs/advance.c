/* advance - what an open job needs next, by its state. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "jobs/internal.h"
#include "jobs/journal.h"
#include "store/store.h"

static bool overdue(const struct open_job *e)
{
	return e->deadline_ms != 0 && !e->cancel && clock_now_ms() >= e->deadline_ms;
}

/* Ends a job that never reached the other side. */
static void end_unsubmitted(struct tracker *t, struct open_job *e, const char *why)
{
	struct store_op *op;

	if (why == NULL) {
		tracker_move(t, e, JOB_CANCELLED,
			JOB_SET_FINISHED | (e->troubled ? (unsigned)JOB_SET_ERROR : 0), 0);
		return;
	}
	op = tracker_edge(e);
	if (op != NULL && !outcome_failed(op, FAIL_DEADLINE, why)) {
		store_op_free(op);
		op = NULL;
	}
	tracker_store_edge(t, e, op, JOB_BIT(e->state), 0);
}

/* The deadline becomes a cancel intent; a job that still waits fails at once. */
static void stop_overdue(struct tracker *t, struct open_job *e)
{
	if (e->state == JOB_QUEUED) {
		end_unsubmitted(t, e, "its deadline passed while it waited");
		return;
	}
	tracker_move(t, e, e->state, JOB_SET_CANCEL, 0);
}

static void begin(struct tracker *t, struct open_job *e)
{
	if (e->cancel) {
		end_unsubmitted(t, e, NULL);
	} else if (!e->lane->loaded || (e->counted && !e->holding)) {
		entry_enqueue(e);
		tracker_later(t, e, CLOCK_NEVER);
	} else {
		tracker_move(t, e, JOB_SUBMITTING, JOB_SET_EPOCH, 0);
	}
}

/* Not ambiguous means: no submit was tried, or the last one certainly did nothing, or it goes on
 * with what is done. */
static void submit(struct tracker *t, struct open_job *e)
{
	if (e->unread)
		e = journal_consult(t, e);
	if (e == NULL)
		return;
	if (e->ambiguous)
		tracker_move(t, e, JOB_RECOVERING, 0, 0);
	else if (e->cancel && !e->goes_on)
		end_unsubmitted(
			t, e, e->overdue ? "its deadline passed before it could start" : NULL);
	else
		tracker_call(t, e, ACTION_SUBMIT);
}

/* Of one whose provider was away there may be nothing to be found out: it was to be submitted, or
 * ran. */
static void recover(struct tracker *t, struct open_job *e)
{
	bool asked = e->unread;

	if (asked)
		e = journal_consult(t, e);
	if (e == NULL)
		return;
	if (asked && e->ran)
		tracker_move(t, e, JOB_RUNNING, 0, 0);
	else if (asked && !e->ambiguous)
		tracker_move(t, e, JOB_SUBMITTING, e->goes_on ? 0 : JOB_SET_EPOCH, 0);
	else
		tracker_call(t, e, ACTION_FIND);
}

/* What refuses to be cancelled may have ended, which only a poll says. */
static void follow(struct tracker *t, struct open_job *e)
{
	bool ask = e->cancel && !e->look && clock_mono_ms() >= e->cancel_next_mono;

	tracker_call(t, e, ask ? ACTION_CANCEL : ACTION_POLL);
}

/* Its provider or connection may be back after a restart with another configuration. */
static void adopt(struct tracker *t, struct open_job *e)
{
	if (e->epoch == 0 && e->cancel)
		end_unsubmitted(t, e, e->overdue ? "its deadline passed while it waited" : NULL);
	else if (!entry_served(e))
		tracker_later(t, e, CLOCK_NEVER);
	else
		tracker_unpark(t, e, e->epoch == 0 ? JOB_QUEUED : JOB_RECOVERING);
}

static void rest(struct tracker *t, struct open_job *e)
{
	tracker_later(t, e, CLOCK_NEVER);
}

static void (*const by_state[JOB_STATE_COUNT])(struct tracker *t, struct open_job *e) = {
	[JOB_QUEUED] = begin,
	[JOB_SUBMITTING] = submit,
	[JOB_RECOVERING] = recover,
	[JOB_RUNNING] = follow,
	[JOB_ORPHANED] = adopt,
	[JOB_NEEDS_DECISION] = rest,
	[JOB_SUCCEEDED] = rest,
	[JOB_FAILED] = rest,
	[JOB_CANCELLED] = rest,
};

/* The store changed without us (a cancel of a waiting job): take over what it says. */
static void refresh(struct tracker *t, struct open_job *e)
{
	struct job job = {0};
	struct fail f;
	char id[ID_SIZE];
	bool ok;

	memcpy(id, e->id, sizeof(id));
	mutex_unlock(&t->lock);
	ok = store_job(t->options.store, id, &job, &f);
	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	if (e != NULL && ok && (JOB_BIT(job.state) & JOB_TERMINAL)) {
		tracker_forget(t, e, job.state);
	} else if (e != NULL && ok) {
		e->stale = false;
		e->state = job.state;
		e->epoch = job.epoch;
		e->ambiguous = e->goes_on = false;
		e->unread = job.state == JOB_SUBMITTING || job.state == JOB_RECOVERING;
		tracker_hold_by_state(t, e);
		tracker_later(t, e, 0);
	} else if (e != NULL) {
		log_error("JOB-UNREADABLE", "job=%s %s", id, f.text);
		tracker_back_off(t, e);
	}
	job_finish(&job);
}

/*
 * Is the provider of a job that was given to it missing here? A job that waits simply waits on, in
 * the queue of its provider; for its connection there is none, and it leaves the line to others.
 */
static bool is_absent(const struct open_job *e)
{
	if (e->state == JOB_NEEDS_DECISION && !e->moved)
		return false;
	if (e->away != NULL)
		return e->state == JOB_ORPHANED ? !e->parked : e->state != JOB_QUEUED || !e->cancel;
	return !e->lane->loaded && e->state != JOB_QUEUED && e->state != JOB_ORPHANED;
}

bool tracker_is_polled(const struct open_job *e)
{
	return e->state == JOB_RUNNING && e->busy == ENTRY_IDLE && !e->stale && !overdue(e) &&
	       !is_absent(e) && !e->errand && !e->flow && !e->cancel;
}

void tracker_advance(struct tracker *t, struct open_job *e)
{
	if (e->busy != ENTRY_IDLE) {
		e->again = true;
		entries_due(&t->entries, e, CLOCK_NEVER);
	} else if (e->stale) {
		refresh(t, e);
	} else if (overdue(e)) {
		stop_overdue(t, e);
	} else if (is_absent(e)) {
		tracker_park(t, e);
	} else if (e->errand) {
		tracker_advance_errand(t, e);
	} else if (e->flow && e->lane->loaded) {
		tracker_advance_flow(t, e);
	} else {
		by_state[e->state](t, e);
	}
}

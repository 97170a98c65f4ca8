/*
 * internal - what the files of the tracker share. Not for others.
 *
 * One lock guards all members below it. It is never held while the store is asked, a slot is
 * started, or a callback runs. Store callbacks run on the writer thread, call callbacks on
 * pool threads: both only take the lock, change entries and wake the tracker's own thread.
 */
#ifndef HOST_JOBS_INTERNAL_H
#define HOST_JOBS_INTERNAL_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "jobs/entry.h"
#include "jobs/outcome.h"
#include "jobs/tracker.h"
#include "platform/thread.h"
#include "store/journal.h"

struct call_result;
struct store_op;

struct watcher {
	char id[ID_SIZE];
	unsigned states;
	int64_t deadline_mono;
	int64_t patience_mono; /* it waits for no attempt after this; 0: for all */
	tracker_watched *done;
	tracker_refreshed *refreshed; /* instead of done: wants the next word of the provider */
	void *ctx;
	LIST_ENTRY(watcher) entry_link;
	TAILQ_ENTRY(watcher) link; /* of all that wait, or of the fired */
};

struct tracker {
	struct tracker_options options;
	struct thread thread;
	struct mutex lock;
	struct cond wake;
	int64_t sleeps_until; /* the thread waits so long by itself; 0: it does not wait */
	struct cond quiet;    /* nothing is in flight any more */
	struct entries entries;
	TAILQ_HEAD(watcher_queue, watcher) waiting;
	struct watcher_queue fired;
	int64_t running;   /* entries that hold capacity, all lanes */
	int64_t unsure;    /* entries still to be settled after the start */
	int64_t in_flight; /* store operations and calls of ours */
	uint64_t dice;     /* state of the jitter */
	bool stopping;
	atomic_bool ends_calls;
	bool setting;    /* the settings of a queue are being changed */
	struct cond set; /* they are no more */
};

/* --- tracker.c: lock held --- */

/* An entry for job, not yet added, that knows whether its account is there; NULL: out of memory. */
struct open_job *tracker_entry(struct tracker *t, const struct job *job);

/* --- advance.c: what an entry needs next; on the tracker's thread, lock held on entry and
 * return, given up in between. --- */

void tracker_advance(struct tracker *t, struct open_job *e);

/* Would tracker_advance() have it polled, and nothing else? [any thread] */
bool tracker_is_polled(const struct open_job *e);

/* --- edges.c: durable changes; lock held. What stores gives the lock up meanwhile, and its entry
 * may be gone afterwards: look it up again. --- */

/* Sends an edge of e to the store; e is busy until its end. op is given over. after_ms: when e
 * is due again if the edge leaves it open; where e is running, the interval of its polls. */
void tracker_store_edge(struct tracker *t, struct open_job *e, struct store_op *op, unsigned from,
	int64_t after_ms);

/* An edge that only changes the state; NULL op (out of memory) tries again later. */
void tracker_move(
	struct tracker *t, struct open_job *e, enum job_state to, unsigned set, int64_t after_ms);

/* e wants attention in after_ms, give or take a tenth; or by its deadline. */
void tracker_later(struct tracker *t, struct open_job *e, int64_t after_ms);

/* e is polled next at its time in the interval, at least half of one from now. */
void tracker_poll_later(struct tracker *t, struct open_job *e, int64_t interval_ms);

/* The same as tracker_later(), longer after each failure in a row. */
void tracker_back_off(struct tracker *t, struct open_job *e);

/* Counts a failure of e; after how long it is looked at again. */
int64_t tracker_back_off_ms(struct open_job *e);

/* What is known of the submission of e may be less than what its journal says: it is read before
 * e goes on. */
void tracker_unread(struct open_job *e);

/* e is no longer busy; what came in meanwhile is looked at now. */
void tracker_idle(struct tracker *t, struct open_job *e);

/* Takes or gives back the capacity an entry counts for. */
void tracker_hold(struct tracker *t, struct open_job *e);
void tracker_release(struct tracker *t, struct open_job *e);

/* States that hold capacity. */
#define JOB_HOLDING (JOB_BIT(JOB_SUBMITTING) | JOB_BIT(JOB_RECOVERING) | JOB_BIT(JOB_RUNNING))

/* The one or the other, by the state of e. */
void tracker_hold_by_state(struct tracker *t, struct open_job *e);

/* Forgets an entry whose job ended, waking who waited for that. */
void tracker_forget(struct tracker *t, struct open_job *e, enum job_state state);

/* The job waits for its provider, or its connection, and says so. */
void tracker_park(struct tracker *t, struct open_job *e);

/* One that waited so goes on; its error is no more. */
void tracker_unpark(struct tracker *t, struct open_job *e, enum job_state to);

/* A new empty edge for e, or NULL. */
struct store_op *tracker_edge(const struct open_job *e);

/* --- calls.c: slots; lock held on entry and return, given up in between. --- */

void tracker_call(struct tracker *t, struct open_job *e, enum job_action action);

/* Asks those that run to come back soon, and each that would begin from now on. [lock kept] */
void tracker_cancel_calls(struct tracker *t);

/* --- verdicts.c: lock held, given up where something is stored --- */

/* How a call of e ended. */
struct call_end {
	enum job_action action;
	enum verdict verdict;
	const struct call_result *result;
	int64_t settle_ms;
	int64_t begun_mono;          /* what it says is no older */
	char *dilemma;               /* with VERDICT_DECIDE: what a person is told; or NULL */
	struct store_journal before; /* rows of calls that no edge took along, yet */
	struct store_journal row;
};

/* Does what the verdict says to e, which is not busy and may be gone afterwards. */
void tracker_take_end(struct tracker *t, struct open_job *e, struct call_end *end);

/* --- flow_run.c --- */

void tracker_advance_flow(struct tracker *t, struct open_job *e);

/* --- errand_run.c: lock held on entry and return, given up in between. --- */

void tracker_advance_errand(struct tracker *t, struct open_job *e);

/* The slot of e has ended; e is not busy. It may be gone afterwards. */
void tracker_errand_end(struct tracker *t, struct open_job *e, const struct call_result *result);

/* --- errand_accept.c --- */

/* A row in the journal of parent, the job that made the object, if there is one; detail is taken
 * over. No lock needed. */
void errand_tell(struct tracker *t, const char *parent, enum journal_kind kind, json_t *detail);

/* --- accept.c --- */

/* Is there room for one more? false with FAIL_BUSY, or FAIL_UNAVAILABLE. Lock held. */
bool tracker_has_room(struct tracker *t, const struct job *job, struct fail *f);

/* --- queues.c: at start, before the jobs are there --- */

bool tracker_load_queues(struct tracker *t, struct fail *f);

/* --- watch.c: lock held, but for the last. --- */

void tracker_fire(struct tracker *t, struct open_job *e);

/* What the provider of e last said of it can be read now. */
void tracker_fire_refreshed(struct tracker *t, struct open_job *e);

/* The next attempt of e is at due_mono. */
void tracker_fire_impatient(struct tracker *t, struct open_job *e, int64_t due_mono);
int64_t tracker_watch_next(const struct tracker *t);
void tracker_watch_expire(struct tracker *t, int64_t mono_ms);

/* Answers one fired watcher: lock held on entry and return. */
bool tracker_watch_answer(struct tracker *t);

#endif

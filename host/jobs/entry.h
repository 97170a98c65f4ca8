/*
 * entry - the open jobs as the tracker keeps them in memory: found by id or submission,
 * ordered by when something is due, queued by provider and project (lane.h).
 *
 * Nothing here locks: every function is called with the tracker's lock held.
 */
#ifndef HOST_JOBS_ENTRY_H
#define HOST_JOBS_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "jobs/job.h"
#include "jobs/lane.h"

struct call_context;
struct fail;
struct watcher;

/* What an entry is in the middle of; at most one thing at a time. */
enum entry_busy {
	ENTRY_IDLE,
	ENTRY_STORING, /* an edge is on its way to the store */
	ENTRY_CALLING  /* a slot of its provider runs */
};

/* Calls of one slot in a row that ended the same way, and are not in the journal yet. */
struct tally {
	int64_t first_ms;
	uint16_t count;   /* 0: none */
	uint16_t repeats; /* requests of theirs that were sent once more */
	int16_t code;
	uint8_t action; /* enum job_action */
	bool told;      /* of another one like these */
};

struct open_job {
	char id[ID_SIZE];
	char submission[ID_SIZE];
	char parent[ID_SIZE];
	enum job_state state;
	int64_t epoch;
	int64_t deadline_ms; /* wall clock; 0: none */
	struct lane *lane;
	struct project *project; /* of lane */
	bool counted;            /* this kind of job takes capacity when it runs */
	bool holding;            /* it takes some now */
	bool queued;             /* stands in the queue of its project */
	bool flow;               /* its steps are jobs of their own */
	bool errand;             /* see errand.h */
	bool tried;              /* of an errand: an attempt may have done it */
	bool cancel;             /* a durable cancel intent is there */
	bool overdue;            /* the cancel is its deadline's */
	bool ambiguous;          /* what the last submit did is not known */
	bool unread;             /* the journal knows more of that */
	bool ran;                /* what its submission made is known: it ran already */
	bool goes_on;            /* a submit of this epoch made changes, and is to go on */
	bool unsure;             /* still to be settled before the start counts as recovered */
	bool again;              /* something happened while it was busy: look once more */
	bool troubled;           /* its error says why it cannot be asked */
	bool stale;              /* the store knows better: read the row again */
	bool moved;              /* it is away, and a person may decide */
	bool parked;             /* its error says why it is away */
	bool stalled;            /* stands in the line of its lane for a call */
	bool look;               /* a cancel failed: a poll before the next one */
	uint8_t doubts;          /* finds in a row that could not work */
	uint8_t gone;            /* polls in a row that found no object; cancels do not count; of an
	                          * errand its attempts */
	enum entry_busy busy;
	int64_t asked_mono;        /* when its provider last said how it stands; 0: not yet */
	struct call_context *call; /* while busy with it; else NULL */
	unsigned failures;         /* in a row, for the back-off */
	unsigned refusals;         /* cancels that failed, or conflicts of an errand, in a row */
	int64_t cancel_next_mono;  /* none is asked for before this */
	char *away;                /* why nothing may be sent for it (account.h); or NULL */
	int64_t gone_mono;         /* the first of those polls ended then */
	int64_t barred_mono;       /* its submit was not let in since; 0: it was */
	char *account;             /* what its next attempt keeps of that; or NULL */
	struct fail *final;        /* why its submit failed behind what it made; or NULL */
	unsigned finals;           /* how often in a row */
	int64_t sent_mono;         /* a submit that is unclear ended before this */
	int64_t due_mono;          /* CLOCK_NEVER: nothing to do by itself */
	struct tally tally;
	uint64_t adopts; /* hash of the object that somebody named and find has found; 0: none */
	uint64_t shown;  /* hash of the last state stored, so that nothing is written twice */
	size_t heap_at;  /* place in the due heap */
	uint32_t phase;  /* when in each interval it is polled: this part of 2^32 */
	int64_t poll_ms; /* the interval of its polls; 0: not known */
	TAILQ_ENTRY(open_job) stall_link;
	LIST_HEAD(watcher_list, watcher) watchers;
};

struct entries {
	void *by_id;            /* tsearch trees */
	void *by_submission;    /* where it is not the id */
	struct open_job **heap; /* earliest due first */
	size_t count;
	size_t cap;
	size_t made;     /* entries there are, with those not yet added */
	size_t errands;  /* of those */
	uint32_t phases; /* given out, all told */
	uint64_t turn;
	SLIST_HEAD(lane_list, lane) lanes;
};

void entries_init(struct entries *es);
void entries_finish(struct entries *es); /* frees all entries and lanes */

/* The lane of a provider, made when there is none; NULL: out of memory. */
struct lane *entries_lane(struct entries *es, const char *provider);

/* An entry for job, not yet added; NULL: out of memory. Counts as open from now on. */
struct open_job *entry_new(struct entries *es, const struct job *job);
void entry_free(struct entries *es, struct open_job *e); /* NULL is fine */

/* How many open jobs a project has, at all providers, without errands. */
size_t entries_open(const struct entries *es, const char *project);

/* Adds e; false: out of memory, or the id is there. Takes e over only on success. */
bool entries_add(struct entries *es, struct open_job *e);

/* Takes e out and frees it, giving back its capacity. */
void entries_remove(struct entries *es, struct open_job *e);

struct open_job *entries_find(const struct entries *es, const char *id);
struct open_job *entries_by_submission(const struct entries *es, const char *submission);

/* When e wants attention next; keeps the heap in order. */
void entries_due(struct entries *es, struct open_job *e, int64_t mono_ms);

/*
 * When e is polled next: in each interval at its own time, one of some hundred, so that polls are
 * spread evenly however their jobs came in, and a job is polled once per interval. Not before from,
 * and less than an interval after it.
 */
int64_t entry_poll_time(const struct open_job *e, int64_t from_mono, int64_t interval_ms);

/* May its provider be asked for it? */
bool entry_served(const struct open_job *e);

uint64_t entry_hash(const char *text);

/* Is text what e was shown with the last time? Remembers it. */
bool entry_same_as_shown(struct open_job *e, const char *text);

/* Puts the heap in order after due_mono of many changed. */
void entries_order(struct entries *es);

/* The entry due first, or NULL. */
struct open_job *entries_first(const struct entries *es);

/* Puts e where it belongs in the queue of its project, or takes it out. */
void entry_enqueue(struct open_job *e);
void entry_dequeue(struct open_job *e);

/* The job that is to start next, or NULL: of the providers that may start something the one of
 * the highest priority; among equals that with the fewest running jobs, then the one served
 * longest ago. */
struct open_job *entries_next(const struct entries *es);

/* Its provider has no place for a call: e stands in line until one ends. */
void entry_stall(struct open_job *e);
void entry_unstall(struct open_job *e); /* fine where it does not */

/* The first one in line whose provider has a place again, or NULL. */
struct open_job *entries_unstalled(const struct entries *es);

/* Takes or gives back the capacity e counts for. */
void entry_hold(struct entries *es, struct open_job *e);
void entry_release(struct open_job *e);

#endif

/*
 * calls - one slot that runs for a job: what it knows of the job from its beginning, which is in
 * calls.c, to its end, which is in call_end.c.
 *
 * The thread that runs the slot owns the context, and frees it in calls_finish(). Others read its
 * handle only, with the tracker's lock held.
 */
#ifndef HOST_JOBS_CALLS_H
#define HOST_JOBS_CALLS_H

#include "jobs/internal.h"
#include "jobs/terms.h"
#include "provider/provider.h"

enum {
	CALLS_AGAIN_MS = 50 /* where all places are taken */
};

struct call_context {
	struct tracker *t;
	struct call_context **next; /* where its thread looks for its next one */
	struct lane *lane;          /* which counts it */
	char id[ID_SIZE];
	enum job_action action;
	bool adopts; /* find: of the object somebody named */
	struct terms terms;
	int64_t epoch;               /* of the job when it began */
	int64_t begun_mono;          /* nothing was asked before */
	bool goes_on;                /* see struct open_job */
	unsigned failures;           /* the same */
	unsigned doubts;             /* the same */
	unsigned gone;               /* the same */
	int64_t gone_mono;           /* the same */
	int64_t barred_mono;         /* the same */
	bool stale;                  /* the job has another epoch */
	struct store_journal before; /* of a cancel: what was counted; until it is written */
	_Atomic uint64_t handle;     /* of the slot that runs; 0: none yet */
	struct call_result end;      /* of a run, while its series is being asked for */
};

/* From now on the slot can be told to stop, and is where that was said before. */
void calls_keep_handle(struct call_context *call, uint64_t handle);

/* It counts no more, and another job may have its place. Lock held. */
void calls_leave(struct call_context *call);

/* How the slot ended: what a call of it is given as done. ctx: the context. */
void calls_done(struct call_result *result, void *ctx);

/* Writes down what was counted before it. No lock held. */
void calls_tell_before(struct call_context *call);

/* The same where no series is to be asked for. No lock held. */
void calls_finish(struct call_context *call, struct call_result *result);

#endif

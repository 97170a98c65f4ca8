/*
 * tracker - moves every job from accepted to ended: starts submissions as capacity allows,
 * polls what runs, carries out cancels and deadlines, recovers after a crash.
 *
 * One thread decides; provider calls run on pooled threads; between polls a job is a row in
 * the store and an entry here, and holds no thread. All open jobs are known after start
 * (tracker_recovered()). Shutdown never cancels remote work. [any thread unless said]
 */
#ifndef HOST_JOBS_TRACKER_H
#define HOST_JOBS_TRACKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "jobs/job.h"

struct config;
struct fail;
struct providers;
struct store;
struct store_claim;
struct tracker;

struct tracker_options {
	struct store *store;
	struct providers *providers;
	const struct config *config;
};

/* Loads the open jobs and starts. */
struct tracker *tracker_start(const struct tracker_options *options, struct fail *f);

/* Starts nothing new, asks calls in flight to end and waits for them. Where one never comes
 * back the memory is left to the end of the process, which must follow. NULL is fine. */
void tracker_stop(struct tracker *t);

/* Are all jobs of the time before this start in hand again? For GET /readyz. */
bool tracker_recovered(struct tracker *t);

/* Longest name of a project, in bytes. */
#define TRACKER_PROJECT_MAX 255

/* What is asked of job_submit(); borrowed for the call. */
struct job_order {
	const char *provider;
	const char *interface;
	const char *kind;
	const char *name;         /* may be NULL */
	const char *project;      /* may be NULL */
	const char *connection;   /* name of a site connection, or NULL */
	const char *id;           /* NULL: a new one is made */
	const char *parent;       /* or NULL */
	const char *rerun_of;     /* the job this one does again, or NULL */
	const json_t *request;    /* {"spec": what the caller sent, "id"?: the object a "deploy" or
	                           * "undeploy" acts on}; becomes part of what the slots get */
	const char *request_text; /* where request is NULL: its JSON text */
	int64_t timeout_ms;       /* 0: the site's default; -1: none */
	const struct store_claim *claim; /* stored with the job (store.h), or NULL */
	const char *adopt; /* nothing is submitted: id made this object already, which find is to
	                    * look at; what it does not find waits for a decision. NULL: none */
};

/*
 * Accepts a job: done(id, f, ctx) when it is on disk (f NULL) or refused (FAIL_BUSY: the queue
 * is full, or the project has its share of it; FAIL_INVALID: the name of the project;
 * FAIL_CONFLICT: that id is there; FAIL_UNAVAILABLE: the store). Called exactly once,
 * on another thread or on this one; must not block.
 */
typedef void tracker_accepted(const char *id, const struct fail *f, void *ctx);
void tracker_submit(
	struct tracker *t, const struct job_order *order, tracker_accepted *done, void *ctx);

/*
 * Asks for a job to be cancelled: durable before done is called, carried out until the
 * provider confirms. A job that still waits is cancelled at once. *changed false (f NULL):
 * it had ended already, and stays as it is. FAIL_NOT_FOUND.
 */
typedef void tracker_cancelled(bool changed, const struct fail *f, void *ctx);
void tracker_cancel(struct tracker *t, const char *id, tracker_cancelled *done, void *ctx);

/*
 * Calls done once, with the job as it then is (borrowed): when its state is in states, or at
 * the latest after wait_ms. At once where that is so already. job NULL: no such job. done
 * runs on a thread of the tracker or of the caller and must not block.
 */
typedef void tracker_watched(const struct job *job, void *ctx);
void tracker_watch(struct tracker *t, const char *id, unsigned states, int64_t wait_ms,
	tracker_watched *done, void *ctx);

/*
 * As it is now: where the job runs and its provider was last asked more than max_age_ms ago, it
 * is asked first, for at most wait_ms. age_ms: how long ago the provider was asked; 0 for a job
 * that nobody need ask about (it waits, or has ended), -1 where it was not asked since the
 * daemon's start. done as for tracker_watch.
 */
typedef void tracker_refreshed(const struct job *job, int64_t age_ms, void *ctx);
void tracker_refresh(struct tracker *t, const char *id, int64_t max_age_ms, int64_t wait_ms,
	tracker_refreshed *done, void *ctx);

/* Something happened to the job of this submission: poll it now. */
void tracker_nudge(struct tracker *t, const char *submission);

/* A provider that could not be asked may be now: its jobs wait no longer for that. */
void tracker_look(struct tracker *t, const char *provider);

/* How many wait and run, for one provider or all (NULL). */
void tracker_count(
	struct tracker *t, const char *provider, int64_t *ret_waiting, int64_t *ret_running);

#endif

/*
 * job - the durable unit of work: what it is and which states it may pass through.
 *
 *   queued -> submitting -> running -> succeeded | failed | cancelled
 *
 * beside them recovering (a submission whose outcome is being found out), needs_decision
 * (it cannot be found out) and orphaned_provider (its provider is not loaded). Every edge is
 * one durable transaction of the store. Outside only the Essedum words are seen.
 */
#ifndef HOST_JOBS_JOB_H
#define HOST_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

enum job_state {
	JOB_QUEUED,
	JOB_SUBMITTING,
	JOB_RUNNING,
	JOB_RECOVERING,
	JOB_NEEDS_DECISION,
	JOB_ORPHANED,
	JOB_SUCCEEDED,
	JOB_FAILED,
	JOB_CANCELLED,
	JOB_STATE_COUNT
};

#define JOB_BIT(state) (1u << (unsigned)(state))
#define JOB_TERMINAL   (JOB_BIT(JOB_SUCCEEDED) | JOB_BIT(JOB_FAILED) | JOB_BIT(JOB_CANCELLED))
#define JOB_OPEN       (JOB_BIT(JOB_STATE_COUNT) - 1u - JOB_TERMINAL)

/* The durable word ("orphaned_provider"), the Essedum word ("RUNNING"), and the word of
 * GET /status ("SUBMITTED"). */
const char *job_state_word(enum job_state state);
const char *job_state_essedum(enum job_state state);
const char *job_state_short(enum job_state state);

/* The state of a durable word; false if it is none. */
bool job_state_of(const char *word, enum job_state *ret_state);

/* May a job go from one state to the other? A state to itself: yes while not terminal. */
bool job_edge_allowed(enum job_state from, enum job_state to);

/* A job as the store keeps it. Texts are heap memory of the struct, or NULL. Times are
 * clock_now_ms(), 0 for "not yet". */
struct job {
	char id[ID_SIZE];
	char submission[ID_SIZE]; /* constant over retries of one submission */
	char parent[ID_SIZE];     /* the flow this is a step of, or "" */
	char rerun_of[ID_SIZE];   /* the job this one does again, or "" */
	enum job_state state;
	int64_t epoch;    /* grows with each submission attempt; stale answers are dropped by it */
	int64_t attempts; /* submissions tried */
	int64_t created_ms;
	int64_t started_ms;
	int64_t finished_ms;  /* set in the same transaction as a terminal state */
	int64_t cancel_ms;    /* when a cancel was asked for; 0: never */
	int64_t deadline_ms;  /* when the job must have ended; 0: none */
	int64_t next_poll_ms; /* how far apart its polls are; 0: not known */
	char *block;          /* heap memory that several of the texts lie in, or NULL … */
	size_t block_n;       /* … and its bytes */
	char *provider;
	char *interface; /* "davit.training" */
	char *kind;      /* "train", "command", "deploy", … */
	char *name;
	char *project;
	char *connection;  /* name of a site connection, or "" */
	char *request;     /* JSON: what the caller asked for, after validation */
	char *remote_ref;  /* JSON: what submit answered as "ref" */
	char *remote_name; /* what the other side calls it */
	char *handle;      /* process id or the like, for people */
	char *checkpoint;  /* JSON: see davit_host_job_1 */
	char *result;      /* JSON: the last neutral object */
	char *progress;    /* JSON: {"fraction"?, "text"?, "metrics"?…} */
	char *error;       /* one sentence, with a failed job */
	char *metrics;     /* JSON: the last metrics of a run, {name: number} */
	char *decision;    /* JSON: what a person decided about its submission */
	char *account;     /* JSON: whose it is done with (account.h) */
	char *terms;       /* JSON: on what terms it was submitted (terms.h) */
	char *series;      /* JSON: [{"step"?, "time_ms"?, "values"}]; only written with a job, read
	                    * by store_job_series() */
};

/* The text at offsetof(struct job, provider) and the like, for tables. */
char **job_text_at(struct job *job, size_t offset);

/* Frees the texts; *job is zeroed. */
void job_finish(struct job *job);

/* A deep copy; false: out of memory, and *ret_job is empty. */
bool job_copy(struct job *ret_job, const struct job *job);

/* Memory it takes, with its texts. */
size_t job_bytes(const struct job *job);

#endif

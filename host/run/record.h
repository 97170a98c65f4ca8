/*
 * record - what davit-run writes into the folder: that the command started, and how it ended.
 * Each is durable when the call returns. [one thread]
 */
#ifndef HOST_RUN_RECORD_H
#define HOST_RUN_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fail;

struct record_started {
	pid_t pid; /* 0: between two starts of a served process */
	int64_t started_ms;
	int64_t restarts;
	const json_t *applied;
	bool ended;             /* the last one of a served process: */
	int last_status;        /* as waitpid() tells it */
	const char *last_limit; /* which limit ended that one, or NULL */
	const char *last_error; /* why it could not be started the last time, or NULL */
};

struct record_exit {
	int64_t started_ms; /* 0: it never ran */
	int64_t finished_ms;
	int64_t restarts;
	bool ran;          /* it ran and ended: */
	int status;        /* as waitpid() tells it */
	const char *limit; /* which limit ended it, or NULL */
	const char *error; /* why it could not be started, or NULL */
	bool cancelled;    /* asked to stop before it ended */
	bool interrupted;  /* davit-run itself was told to end */
	bool lost;         /* it had run when davit-run died: nobody knows how it ended */
	uint64_t log_lost; /* bytes of output that could not be kept */
};

bool record_started(const struct record_started *r, struct fail *f);
bool record_exit(const struct record_exit *r, struct fail *f);

/* What started.json says; NULL where there is none. The caller frees it. */
json_t *record_read_started(void);

#endif

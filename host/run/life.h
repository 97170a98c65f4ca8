/*
 * life - the loop of davit-run: starts the command, keeps its output, ends the whole tree when
 * it is time, and starts a served process again. [one thread]
 */
#ifndef HOST_RUN_LIFE_H
#define HOST_RUN_LIFE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "run/child.h"
#include "run/record.h"

struct cgroup;
struct control;
struct fail;
struct joblog;

enum life_phase {
	LIFE_WAITING, /* nothing runs; (re)start at next_mono */
	LIFE_RUNNING,
	LIFE_ENDING,  /* TERM was sent; KILL at next_mono */
	LIFE_KILLING, /* KILL again and again, at next_mono */
	LIFE_OVER
};

struct life {
	/* Filled by the caller. */
	struct child_options child;
	struct control *control;
	struct joblog *log;
	const struct cgroup *cgroup;
	int signals; /* signalfd of SIGCHLD and SIGTERM */
	int output;  /* what the command writes comes out here; not blocking */
	struct record_started started;
	struct record_exit end; /* the result */

	/* Its own. */
	enum life_phase phase;
	pid_t pid;      /* of the command; 0: it has ended */
	bool childless; /* no descendant is left */
	bool stopping;  /* no start any more */
	bool killed;    /* we sent KILL */
	int64_t start_mono;
	int64_t wall_mono;
	int64_t next_mono;
	int64_t back_off_ms;
	int64_t kill_ms; /* until KILL again: what waits for a device dies late */
	char error[512];
};

/* Runs until nothing is left of the process; then life->end says how it ended. false: it was
 * not started, and starting it again later is the right thing. */
bool life_run(struct life *life, struct fail *f);

#endif

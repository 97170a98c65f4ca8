/*
 * child - the command itself: a process that has nothing of ours, held at a gate until its
 * start is on record. [one thread]
 */
#ifndef HOST_RUN_CHILD_H
#define HOST_RUN_CHILD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "platform/sandbox.h"

struct confine_site;
struct fail;
struct run_spec;

#define CHILD_LIMITS 6

struct child_options {
	const struct run_spec *spec;
	const char *folder; /* absolute; also our own folder */
	const char *name;
	const char *socket;              /* where a served process shall listen */
	int output;                      /* its standard output and error */
	bool count_processes;            /* RLIMIT_NPROC, as no control group counts them */
	const struct confine_site *site; /* how it is confined; NULL: not at all */
};

struct child {
	pid_t pid;
	int gate;                     /* write end: one byte lets it go; closed: it ends itself */
	int report;                   /* read end: closed by the exec, or says why there was none */
	int64_t limits[CHILD_LIMITS]; /* that it has; -1: none */
	bool confined;
	struct sandbox_level level; /* if it is: what came of it */
};

/* Makes the process up to the gate. */
bool child_prepare(const struct child_options *options, struct child *ret_child, struct fail *f);

/* What limits it really has: "applied" of the answers. NULL: out of memory. */
json_t *child_applied(const struct child *c, const struct run_spec *spec);

/* Opens the gate and waits for the exec. In both cases the process is there to be waited for. */
bool child_release(struct child *c, const char *program, struct fail *f);

/* Lets it end unused. */
void child_abandon(struct child *c);

#endif

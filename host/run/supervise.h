/*
 * supervise - the life of one process under davit-run, from the lock on its folder to the
 * record of its end. docs/process.md tells the order and why. [one thread]
 */
#ifndef HOST_RUN_SUPERVISE_H
#define HOST_RUN_SUPERVISE_H

#include <stdbool.h>

struct fail;

struct supervise_options {
	const char *folder;      /* absolute; the current folder too */
	const char *runtime_dir; /* absolute */
	const char *name;
	const char *cgroup;  /* "auto", "off" or a folder */
	const char *sandbox; /* what confine_read() takes; NULL: the command is not confined */
};

/* Runs it to its end; true also where there is nothing left to do, or another one does it. */
bool supervise(const struct supervise_options *options, struct fail *f);

#endif

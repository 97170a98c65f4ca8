/*
 * cgroup - a control group (version 2) of its own for a process, where the site delegated
 * one: it makes the count of processes and the memory true limits, and the end complete.
 */
#ifndef HOST_RUN_CGROUP_H
#define HOST_RUN_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct fail;
struct run_limits;

struct cgroup {
	char leaf[PATH_MAX]; /* "": none */
	bool pids;           /* pids.max is set */
	bool memory;         /* memory.max is set */
};

/*
 * Makes the leaf davit-NAME. where: "auto" (below our own group, if it is delegated to us),
 * "off", or a folder of the cgroup file system. false only for a folder named that does not
 * work; "auto" that finds nothing leaves an empty cg.
 */
bool cgroup_create(struct cgroup *cg, const char *where, const char *name,
	const struct run_limits *limits, struct fail *f);

bool cgroup_enter(const struct cgroup *cg, pid_t pid, struct fail *f);

/* Kills all in it, also what is no descendant of ours; nothing without a leaf. */
void cgroup_kill(const struct cgroup *cg);

/* Did the kernel kill something in it for want of memory? */
bool cgroup_out_of_memory(const struct cgroup *cg);

/* Kills what is in it and deletes it, waiting a moment for the dead to leave. */
void cgroup_destroy(const struct cgroup *cg);

#endif

/*
 * busy - one thread at a time works on a process, known by its name. [any thread]
 */
#ifndef HOST_PROCESS_BUSY_H
#define HOST_PROCESS_BUSY_H

#include <stdbool.h>
#include <sys/queue.h>

#include "platform/thread.h"
#include "run/folder.h"

struct fail;

struct busy_name {
	char name[RUN_NAME_MAX + 1];
	SLIST_ENTRY(busy_name) link;
};

struct busy {
	struct mutex lock; /* guards what follows */
	struct cond released;
	SLIST_HEAD(busy_names, busy_name) names;
};

void busy_init(struct busy *b);
void busy_finish(struct busy *b);

/* Waits until nobody else works on name; FAIL_UNAVAILABLE after a minute. held is the caller's,
 * until busy_release(). */
bool busy_hold(struct busy *b, const char *name, struct busy_name *held, struct fail *f);
void busy_release(struct busy *b, struct busy_name *held);

/* Does somebody work on name now? */
bool busy_is(struct busy *b, const char *name);

#endif

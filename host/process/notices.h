/*
 * notices - names of processes on their way to the thread that watches them, and for a while
 * afterwards the davit-run that is expected to show up. [any thread]
 */
#ifndef HOST_PROCESS_NOTICES_H
#define HOST_PROCESS_NOTICES_H

#include <stdbool.h>
#include <sys/queue.h>

#include "platform/thread.h"
#include "run/folder.h"

#define NOTICE_EXPECT_MS 10000 /* a davit-run that was started shows up within */

struct notices {
	struct mutex lock; /* guards what follows */
	LIST_HEAD(notice_list, notice) list;
	bool closed;
};

void notices_init(struct notices *all);
void notices_finish(struct notices *all);

/* name is to be watched. spawned: a davit-run was started for it just now. Out of memory it is
 * not: who owns the process still sees its end by polling. */
void notices_post(struct notices *all, const char *name, bool spawned);

/* The next one that was not taken yet; false: there is none. It is expected until forgotten. */
bool notices_take(struct notices *all, char ret_name[RUN_NAME_MAX + 1], bool *ret_spawned);

/* Is a davit-run expected, as one was noticed a moment ago? */
bool notices_expect(struct notices *all, const char *name);

/* It has shown up, or will not; one that was posted again meanwhile stays. */
void notices_forget(struct notices *all, const char *name);

/* No more are to be looked at. */
void notices_close(struct notices *all);
bool notices_closed(struct notices *all);

#endif

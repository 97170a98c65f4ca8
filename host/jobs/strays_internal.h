/* strays_internal - what the files of strays share. Not for others. */
#ifndef HOST_JOBS_STRAYS_INTERNAL_H
#define HOST_JOBS_STRAYS_INTERNAL_H

#include "base/fail.h"
#include "jobs/strays.h"
#include "platform/thread.h"

struct provider;

struct strays {
	struct strays_options options;
	struct thread thread;
	struct mutex lock; /* guards what follows; never held while others are asked */
	struct cond changed;
	bool stopping;
	bool running;
	bool all;      /* the next sweep is to look everywhere */
	int64_t asked; /* number of the last sweep that was wished for */
	int64_t begun;
	int64_t due_mono; /* of the next one that nobody wishes for */
	struct stray_set set;
	struct stray_set gone; /* since the sweep that runs began */
	struct strays_report last;

	/* The list that is being asked for, by the thread; one at a time. */
	bool calling;
	uint64_t call; /* 0: not told yet */
	json_t *reply;
	struct fail fail; /* of code FAIL_NONE: it went well */
	bool transient;   /* it may go well in a moment */
};

/* A sweep in the making. */
struct sweep {
	struct strays *s;
	bool all;
	struct stray_set before; /* what the last one knew */
	struct stray_set found;
	json_t *not_listed;
	int64_t listed_ms; /* when the list it looks through was asked for */
	int64_t objects;
	int64_t lists;
};

/* --- strays_sweep.c: on the thread of strays --- */

/* Looks everywhere, until it is told to stop. */
void strays_look(struct sweep *w);

/* --- strays_list.c: on the same thread --- */

struct stray_place {
	const char *id; /* of the provider */
	struct provider *provider;
	const char *connection; /* "": none */
	const char *interface;
};

/* The items of the list there: a new array; NULL with *f, which may say nothing where stopping. */
json_t *strays_list(struct strays *s, const struct stray_place *place, struct fail *f);

/* Tells a call under way to come back; lock held. */
void strays_call_off(struct strays *s);

#endif

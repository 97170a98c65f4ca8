/*
 * lane - one provider as far as capacity goes, with a queue for each project.
 *
 * Whose turn it is: the project of the highest priority; among equals the one with the fewest
 * running jobs, then the one served longest ago. A project that waits and is not paused stands
 * in a heap by that order, so that a choice costs the logarithm of the number of projects.
 *
 * Nothing here locks: called with the tracker's lock held.
 */
#ifndef HOST_JOBS_LANE_H
#define HOST_JOBS_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "jobs/line.h"

struct lane;

/* What an operator set; all zero unless said otherwise. */
struct queue_settings {
	bool paused;      /* nothing new starts */
	int64_t priority; /* higher goes first */
};

/* One project at one provider. There as long as it has open jobs or settings of its own. */
struct project {
	char *name;
	struct lane *lane;
	struct queue_settings settings;
	size_t open;      /* jobs that have not ended, with those on their way to the store */
	size_t errands;   /* of those, the ones of errand.h */
	int64_t running;  /* jobs that hold capacity */
	uint64_t served;  /* the lane's turn at which one of its jobs last started; 0: never */
	struct line line; /* waiting for capacity */
	size_t ready_at;  /* place in the lane's heap */
	bool ready;       /* stands there */
};

/* Lives as long as the table of entries. */
struct lane {
	char *provider;
	int64_t max_running;
	int64_t running; /* entries that hold capacity */
	int64_t waiting;
	int64_t max_calls; /* of its provider at once */
	int64_t calls;     /* that run for jobs */
	TAILQ_HEAD(stalled_list, open_job) stalled;
	bool loaded;
	struct queue_settings settings;
	uint64_t served;           /* the table's turn at which one of its jobs last started */
	uint64_t turn;             /* grows with each start */
	struct project **projects; /* ordered by name */
	size_t project_count;
	struct project **ready; /* heap of those whose turn may come */
	size_t ready_count;
	size_t cap; /* of both arrays */
	SLIST_ENTRY(lane) link;
};

struct lane *lane_new(const char *provider); /* NULL: out of memory */
void lane_free(struct lane *lane);           /* none of its jobs is left */

/* The project of that name, or NULL; and made where there is none (NULL: out of memory). */
struct project *lane_project(const struct lane *lane, const char *name);
struct project *lane_project_made(struct lane *lane, const char *name);

/* The place in lane->projects of the first one whose name is not before name. */
size_t lane_project_at(const struct lane *lane, const char *name);

/* One job more or less that has not ended. join makes the room that project_wait() needs;
 * false: out of memory. leave frees a project of which nothing is left to know. */
bool project_join(struct project *p);
void project_leave(struct project *p);

/* Frees p where it has neither jobs nor settings. */
void project_forget(struct project *p);

/* A job of p waits for capacity, and waits no more. */
void project_wait(struct project *p, struct open_job *e);
void project_unwait(struct project *p, const struct open_job *e);

/* A job of p takes capacity, and gives it back. */
void project_hold(struct project *p);
void project_release(struct project *p);

void project_set(struct project *p, const struct queue_settings *settings);

/* Would a start before b of the same lane, if both could? */
bool project_before(const struct project *a, const struct project *b);

/* Can the lane start something, as far as it alone is concerned? */
bool lane_open(const struct lane *lane);

/* The project whose turn it is, or NULL. */
struct project *lane_next(const struct lane *lane);

#endif

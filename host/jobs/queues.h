/*
 * queues - what waits at the providers, why, and what an operator may change about it. The part
 * of the tracker that looks at its queues. [any thread]
 *
 * A pause or a priority is about jobs that take capacity: trainings, batch predictions and
 * pipelines. Nothing else stands in a queue: data sets, models, endpoints, deployments, and a
 * flow itself (not its training) go on while a provider or a project is paused.
 */
#ifndef HOST_JOBS_QUEUES_H
#define HOST_JOBS_QUEUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobs/queue_list.h"

struct fail;
struct tracker;

#define QUEUE_PRIORITY_MAX   100  /* and the least is as far below 0 */
#define QUEUE_PROJECTS_SHOWN 1000 /* of one provider in one list */

enum queue_because {
	WAIT_CAPACITY,   /* all places are taken */
	WAIT_PAUSED,     /* an operator said so */
	WAIT_FAIR_SHARE, /* the next of its project; others' jobs have their turn first */
	WAIT_PROVIDER    /* its provider is not loaded */
};

const char *queue_because_word(enum queue_because because);

/* How a waiting job stands. */
struct queue_wait {
	enum queue_because because;
	char text[512];   /* one sentence */
	int64_t position; /* in the queue of its project at its provider; 1: next */
	int64_t ahead;    /* jobs of this provider that start before it, as things stand */
	int64_t running;  /* of the limit that holds it: its provider's, else the site's */
	int64_t capacity;
};

/* Does the job stand in a queue? Says how; false: it runs, has ended, is about to start, or
 * takes no capacity. */
bool tracker_waiting(struct tracker *t, const char *id, struct queue_wait *ret_wait);

/* Is there a place free for a job that has just been accepted, or for the training of a flow, as
 * far as can be said? */
bool tracker_may_start(struct tracker *t, const char *id);

/* Which queues; NULL members: all. */
struct queue_filter {
	const char *provider;
	const char *project;
	const char *after; /* only projects whose name follows this one */
};

/* The queues as they are now; queue_list_finish() them. FAIL_NOT_FOUND: no such provider. */
bool tracker_queues(struct tracker *t, const struct queue_filter *filter,
	struct queue_list *ret_list, struct fail *f);

/* What is to change; the rest stays. */
struct queue_change {
	bool set_paused;
	bool paused;
	bool set_priority;
	int64_t priority;
};

/*
 * Changes the queue of a provider, or of one project (else NULL) there: durable when it returns,
 * and in effect. May wait for the store: not on a front thread. FAIL_NOT_FOUND: no such
 * provider.
 */
bool tracker_set_queue(struct tracker *t, const char *provider, const char *project,
	const struct queue_change *change, struct fail *f);

#endif

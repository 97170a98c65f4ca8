/* queue_list - the queues as they were at one moment. [one thread at a time] */
#ifndef HOST_JOBS_QUEUE_LIST_H
#define HOST_JOBS_QUEUE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A queue: of a provider, or of one project at a provider. */
struct queue_view {
	char *provider;
	char *project; /* NULL: this row is the provider's; lies in the memory of provider */
	bool paused;
	int64_t priority;
	int64_t capacity; /* of a provider */
	int64_t running;
	int64_t waiting;
	bool more; /* of a provider: it has more projects than follow */
};

struct queue_list {
	struct queue_view *rows; /* each provider, followed by its projects by name */
	size_t count;
	size_t room;
};

/* A further row with copies of the names (project may be NULL), valid until the next one; NULL:
 * out of memory. */
struct queue_view *queue_list_add(struct queue_list *l, const char *provider, const char *project);

/* Frees all; the list is empty then. */
void queue_list_finish(struct queue_list *l);

#endif /* HOST_JOBS_QUEUE_LIST_H */

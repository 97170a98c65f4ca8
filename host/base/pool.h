/*
 * pool - threads that run tasks; started when needed, ended when idle for a while. The
 * queue has a limit, and a task that does not fit is refused, never dropped. [any thread]
 */
#ifndef HOST_BASE_POOL_H
#define HOST_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct fail;
struct pool;

/* name: up to 11 bytes, for debuggers. max_threads ≥ 1, max_queue tasks may wait. */
struct pool *pool_create(const char *name, size_t max_threads, size_t max_queue, struct fail *f);

/* Do tasks wait that no idle thread is about to take? [any] */
bool pool_waits(struct pool *p);

/* Runs what is queued to its end, joins the threads. NULL is fine. */
void pool_destroy(struct pool *p);

/* Queues run(arg). FAIL_BUSY when the queue is full or the pool is ending. */
bool pool_add(struct pool *p, void (*run)(void *), void *arg, struct fail *f);

#endif

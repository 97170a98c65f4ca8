/*
 * Threads that run tasks. A thread is started when more tasks wait than threads are idle, and
 * ends after IDLE_MS without a task. Of the idle ones the last to become so gets the next task:
 * its memory is still near the processor, and threads that are too many come to their end. Each one
 * that ends joins the one that ended before it, the end of the pool the last one: so no thread
 * outlives the pool, and no stack of one that ended is kept for long. When the last of them ends
 * for want of tasks, what they freed goes back to the system: nobody wants it for now.
 */
#include "base/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/fail.h"
#include "platform/memory.h"
#include "platform/thread.h"

#define IDLE_MS    10000
#define RING_FIRST 16

struct task {
	void (*run)(void *);
	void *arg;
};

/* What a thread waits on while it has no task. It stays when its thread ends, for the next one: so
 * a thread can be woken without the mutex, which it would only have to wait for. */
struct idler {
	TAILQ_ENTRY(idler) link; /* in idlers or spare */
	struct pool *pool;
	struct cond wake;
	bool listed; /* in idlers */
};

struct pool {
	char name[12];
	size_t max_threads;
	size_t max_queue;
	struct mutex m; /* guards what follows */
	struct cond none_alive;
	TAILQ_HEAD(idler_list, idler) idlers; /* the last to become idle first */
	struct idler_list spare;              /* those of threads that ended */
	struct task *ring; /* of the tasks that wait; grows up to what the limits allow */
	size_t cap, first, queued;
	size_t alive;
	size_t busy; /* threads that run a task; the others wait for one, or will in a moment */
	bool ending;
	unsigned started;
	struct thread last; /* that ended; to be joined if has_last */
	bool has_last;
};

struct pool *pool_create(const char *name, size_t max_threads, size_t max_queue, struct fail *f)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->max_threads = max_threads;
	p->max_queue = max_queue;
	mutex_init(&p->m);
	cond_init(&p->none_alive);
	TAILQ_INIT(&p->idlers);
	TAILQ_INIT(&p->spare);
	return p;
}

/* Takes one off the list, for whom cond_signal(wake) is due; NULL: none is idle. The mutex is held.
 */
static struct idler *call_up(struct pool *p)
{
	struct idler *i = TAILQ_FIRST(&p->idlers);

	if (i == NULL)
		return NULL;
	TAILQ_REMOVE(&p->idlers, i, link);
	i->listed = false;
	return i;
}

/* False: its time is up. The mutex is held. */
static bool wait_for_task(struct pool *p, struct idler *self, int64_t until)
{
	TAILQ_INSERT_HEAD(&p->idlers, self, link);
	self->listed = true;
	while (self->listed && clock_wait(&self->wake, &p->m, until))
		;
	if (!self->listed)
		return true;
	TAILQ_REMOVE(&p->idlers, self, link);
	self->listed = false;
	return false;
}

/* The next task; false when this thread shall end. The mutex is held. */
static bool next_task(struct pool *p, struct idler *self, struct task *ret_task)
{
	int64_t until = clock_mono_ms() + IDLE_MS;

	while (p->queued == 0 && !p->ending && wait_for_task(p, self, until))
		; /* another thread may have been quicker */
	if (p->queued == 0)
		return false;
	*ret_task = p->ring[p->first];
	p->first = (p->first + 1) % p->cap;
	p->queued--;
	p->busy++;
	return true;
}

/* The mutex is held. True: *ret_before ended earlier and is to be joined without it. */
static bool end_thread(struct pool *p, struct idler *self, struct thread *ret_before)
{
	bool had = p->has_last;

	TAILQ_INSERT_HEAD(&p->spare, self, link);
	*ret_before = p->last;
	p->last = thread_self();
	p->has_last = true;
	p->alive--;
	if (p->alive == 0)
		cond_broadcast(&p->none_alive);
	return had;
}

static void serve(void *arg)
{
	struct idler *self = arg;
	struct pool *p = self->pool;
	struct thread before;
	struct task t;
	bool had, idle;

	mutex_lock(&p->m);
	while (next_task(p, self, &t)) {
		mutex_unlock(&p->m);
		t.run(t.arg);
		mutex_lock(&p->m);
		p->busy--;
	}
	had = end_thread(p, self, &before);
	idle = p->alive == 0 && !p->ending;
	mutex_unlock(&p->m);
	if (had)
		thread_join(&before);
	if (idle)
		memory_give_back();
}

/* A spare one or a new one, in the list of the spare ones; NULL: out of memory. */
static struct idler *spare_idler(struct pool *p)
{
	struct idler *i = TAILQ_FIRST(&p->spare);

	if (i != NULL)
		return i;
	i = calloc(1, sizeof(*i));
	if (i == NULL)
		return NULL;
	i->pool = p;
	cond_init(&i->wake);
	TAILQ_INSERT_HEAD(&p->spare, i, link);
	return i;
}

static bool start_one(struct pool *p, struct fail *f)
{
	struct idler *i = spare_idler(p);
	struct thread t;
	char name[16];

	if (i == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	snprintf(name, sizeof(name), "%s-%u", p->name, p->started % 1000);
	if (!thread_start(&t, name, 0, serve, i, f))
		return false;
	TAILQ_REMOVE(&p->spare, i, link);
	p->started++;
	p->alive++;
	return true;
}

/* A task that a free thread will take, also one not started yet, does not wait. */
static bool has_room(const struct pool *p)
{
	return p->queued < p->max_queue + (p->max_threads - p->busy);
}

/* Makes sure that somebody will run one task more; threads that are there may take over. */
static bool staff(struct pool *p, struct fail *f)
{
	if (p->queued + 1 <= p->alive - p->busy || p->alive == p->max_threads)
		return true;
	return start_one(p, f) || p->alive > 0;
}

/* Room for one more in the ring. */
static bool reserve(struct pool *p)
{
	size_t cap = p->cap == 0 ? RING_FIRST : p->cap * 2;
	struct task *ring;

	if (p->queued < p->cap)
		return true;
	ring = calloc(cap, sizeof(*ring));
	if (ring == NULL)
		return false;
	for (size_t i = 0, at = p->first; i < p->queued; i++) {
		ring[i] = p->ring[at];
		at = at + 1 == p->cap ? 0 : at + 1;
	}
	free(p->ring);
	p->ring = ring;
	p->cap = cap;
	p->first = 0;
	return true;
}

/* *ret_idler: who is to be woken for it. The mutex is held. */
static bool put(struct pool *p, struct task t, struct idler **ret_idler, struct fail *f)
{
	if (p->ending)
		return fail_set(f, FAIL_BUSY, "the pool is ending");
	if (!has_room(p))
		return fail_set(f, FAIL_BUSY, "%zu tasks wait already", p->max_queue);
	if (!reserve(p))
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	if (!staff(p, f))
		return false;
	p->ring[(p->first + p->queued) % p->cap] = t;
	p->queued++;
	*ret_idler = call_up(p);
	return true;
}

bool pool_add(struct pool *p, void (*run)(void *), void *arg, struct fail *f)
{
	struct idler *i = NULL;
	bool added;

	mutex_lock(&p->m);
	added = put(p, (struct task){run, arg}, &i, f);
	mutex_unlock(&p->m);
	if (i != NULL)
		cond_signal(&i->wake);
	return added;
}

bool pool_waits(struct pool *p)
{
	bool waits;

	mutex_lock(&p->m);
	waits = p->queued > p->alive - p->busy;
	mutex_unlock(&p->m);
	return waits;
}

static void free_idlers(struct pool *p)
{
	struct idler *i;

	while ((i = TAILQ_FIRST(&p->spare)) != NULL) {
		TAILQ_REMOVE(&p->spare, i, link);
		cond_finish(&i->wake);
		free(i);
	}
}

void pool_destroy(struct pool *p)
{
	struct idler *i;

	if (p == NULL)
		return;
	mutex_lock(&p->m);
	p->ending = true;
	while ((i = call_up(p)) != NULL)
		cond_signal(&i->wake);
	while (p->alive > 0) /* no thread starts any more */
		cond_wait(&p->none_alive, &p->m);
	mutex_unlock(&p->m);
	if (p->has_last)
		thread_join(&p->last);
	free_idlers(p);
	cond_finish(&p->none_alive);
	mutex_finish(&p->m);
	free(p->ring);
	free(p);
}

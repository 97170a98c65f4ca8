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

/* A thread without a task, on its own stack. */
struct idler {
	TAILQ_ENTRY(idler) link;
	struct cond wake;
	bool listed;
};

struct pool {
	char name[12];
	size_t max_threads;
	size_t max_queue;
	struct mutex m; /* guards what follows */
	struct cond none_alive;
	TAILQ_HEAD(idler_list, idler) idlers; /* the last to become idle first */
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
	return p;
}

/* Takes i off the list and lets its thread look. The mutex is held. */
static void wake(struct pool *p, struct idler *i)
{
	TAILQ_REMOVE(&p->idlers, i, link);
	i->listed = false;
	cond_signal(&i->wake);
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
static bool end_thread(struct pool *p, struct thread *ret_before)
{
	bool had = p->has_last;

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
	struct pool *p = arg;
	struct idler self = {.listed = false};
	struct thread before;
	struct task t;
	bool had, idle;

	cond_init(&self.wake);
	mutex_lock(&p->m);
	while (next_task(p, &self, &t)) {
		mutex_unlock(&p->m);
		t.run(t.arg);
		mutex_lock(&p->m);
		p->busy--;
	}
	had = end_thread(p, &before);
	idle = p->alive == 0 && !p->ending;
	mutex_unlock(&p->m);
	cond_finish(&self.wake);
	if (had)
		thread_join(&before);
	if (idle)
		memory_give_back();
}

static bool start_one(struct pool *p, struct fail *f)
{
	struct thread t;
	char name[16];

	snprintf(name, sizeof(name), "%s-%u", p->name, p->started % 1000);
	if (!thread_start(&t, name, 0, serve, p, f))
		return false;
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

static bool put(struct pool *p, struct task t, struct fail *f)
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
	if (!TAILQ_EMPTY(&p->idlers))
		wake(p, TAILQ_FIRST(&p->idlers));
	return true;
}

bool pool_add(struct pool *p, void (*run)(void *), void *arg, struct fail *f)
{
	bool added;

	mutex_lock(&p->m);
	added = put(p, (struct task){run, arg}, f);
	mutex_unlock(&p->m);
	return added;
}

void pool_destroy(struct pool *p)
{
	if (p == NULL)
		return;
	mutex_lock(&p->m);
	p->ending = true;
	while (!TAILQ_EMPTY(&p->idlers))
		wake(p, TAILQ_FIRST(&p->idlers));
	while (p->alive > 0) /* no thread starts any more */
		cond_wait(&p->none_alive, &p->m);
	mutex_unlock(&p->m);
	if (p->has_last)
		thread_join(&p->last);
	cond_finish(&p->none_alive);
	mutex_finish(&p->m);
	free(p->ring);
	free(p);
}

/*
 * Threads that run tasks. A thread is started when more tasks wait than threads are idle, and
 * ends after IDLE_MS without a task. Its place in the table is joined when it is used again or
 * when the pool ends, so that no thread outlives the pool.
 */
#include "base/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "platform/thread.h"

#define IDLE_MS    10000
#define RING_FIRST 16

struct task {
	void (*run)(void *);
	void *arg;
};

enum place_state {
	PLACE_FREE,
	PLACE_ALIVE,
	PLACE_ENDED /* to be joined */
};

struct place {
	struct pool *pool;
	struct thread thread;
	enum place_state state; /* guarded by pool->m */
};

struct pool {
	char name[12];
	size_t max_threads;
	size_t max_queue;
	struct mutex m; /* guards what follows */
	struct cond work;
	struct task *ring; /* of the tasks that wait; grows up to what the limits allow */
	size_t cap, first, queued;
	size_t alive;
	size_t busy; /* threads that run a task; the others wait for one, or will in a moment */
	bool ending;
	struct place places[];
};

struct pool *pool_create(const char *name, size_t max_threads, size_t max_queue, struct fail *f)
{
	struct pool *p = calloc(1, sizeof(*p) + max_threads * sizeof(p->places[0]));

	if (p == NULL) {
		fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->max_threads = max_threads;
	p->max_queue = max_queue;
	mutex_init(&p->m);
	cond_init(&p->work);
	for (size_t i = 0; i < max_threads; i++)
		p->places[i].pool = p;
	return p;
}

/* The next task; false when this thread shall end. The mutex is held. */
static bool next_task(struct pool *p, struct task *ret_task)
{
	int64_t until = clock_mono_ms() + IDLE_MS;

	while (p->queued == 0 && !p->ending) {
		if (!clock_wait(&p->work, &p->m, until))
			break;
	}
	if (p->queued == 0)
		return false;
	*ret_task = p->ring[p->first];
	p->first = (p->first + 1) % p->cap;
	p->queued--;
	p->busy++;
	return true;
}

static void serve(void *arg)
{
	struct place *place = arg;
	struct pool *p = place->pool;
	struct task t;

	mutex_lock(&p->m);
	while (next_task(p, &t)) {
		mutex_unlock(&p->m);
		t.run(t.arg);
		mutex_lock(&p->m);
		p->busy--;
	}
	p->alive--;
	place->state = PLACE_ENDED;
	mutex_unlock(&p->m);
}

/* Joins only a thread that has let go of the mutex for the last time: no wait to speak of. */
static bool start_one(struct pool *p, struct fail *f)
{
	struct place *place = p->places;
	char name[16];

	while (place->state == PLACE_ALIVE)
		place++;
	if (place->state == PLACE_ENDED)
		thread_join(&place->thread);
	place->state = PLACE_FREE;
	snprintf(name, sizeof(name), "%s-%u", p->name, (unsigned)(place - p->places) % 1000);
	if (!thread_start(&place->thread, name, 0, serve, place, f))
		return false;
	place->state = PLACE_ALIVE;
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
	cond_signal(&p->work);
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
	cond_broadcast(&p->work);
	mutex_unlock(&p->m);
	/* No thread starts any more, and the states are written only by threads joined here. */
	for (size_t i = 0; i < p->max_threads; i++) {
		bool used;

		mutex_lock(&p->m);
		used = p->places[i].state != PLACE_FREE;
		mutex_unlock(&p->m);
		if (used)
			thread_join(&p->places[i].thread);
	}
	cond_finish(&p->work);
	mutex_finish(&p->m);
	free(p->ring);
	free(p);
}

/*
 * Time, real or virtual.
 *
 * How no virtual wake-up is lost: a waiter enters the list while it holds its own mutex and
 * gives that up only inside cond_wait(). clock_advance() first moves the time, then locks the
 * mutex of each waiter whose time came before it broadcasts: it gets that mutex only once the
 * waiter really waits. A waiter that enters later sees the new time and does not wait at all.
 *
 * Locks are taken in the order waiter's mutex, then clock's; clock_advance() therefore lets the
 * clock's go before it takes the waiter's. What it has in hand meanwhile is pinned: a waiter
 * leaves clock_wait(), which ends the life of its entry, only when nobody pins it.
 */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"

struct waiter {
	struct waiter *next;
	struct cond *c;
	struct mutex *m;
	int64_t mono_ms;
	bool told; /* woken once; its thread may not have run yet */
	bool pinned;
};

static struct {
	atomic_bool on;
	_Atomic int64_t now_ms, mono_ms;
	struct mutex m;      /* guards what follows */
	struct cond changed; /* an entry came or was unpinned */
	bool changed_made;
	struct waiter *waiters;
} virtual = {.m = MUTEX_INIT};

static int64_t read_clock(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	return atomic_load(&virtual.on) ? atomic_load(&virtual.now_ms) : read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
	return atomic_load(&virtual.on) ? atomic_load(&virtual.mono_ms)
	                                : read_clock(CLOCK_MONOTONIC);
}

static bool is_due(int64_t mono_ms)
{
	return mono_ms <= atomic_load(&virtual.mono_ms);
}

/* False, and no entry, where there is nothing to wait for. */
static bool enter(struct waiter *w)
{
	bool wait;

	mutex_lock(&virtual.m);
	wait = atomic_load(&virtual.on) && !is_due(w->mono_ms);
	if (wait) {
		w->next = virtual.waiters;
		virtual.waiters = w;
		cond_broadcast(&virtual.changed);
	}
	mutex_unlock(&virtual.m);
	return wait;
}

/* w->m is held, before and after; in between others may have it, as during any wait. */
static void leave(struct waiter *w)
{
	struct waiter **at;

	mutex_lock(&virtual.m);
	mutex_unlock(w->m);
	while (w->pinned)
		cond_wait(&virtual.changed, &virtual.m);
	for (at = &virtual.waiters; *at != w; at = &(*at)->next)
		continue;
	*at = w->next;
	mutex_unlock(&virtual.m);
	mutex_lock(w->m);
}

static bool wait_virtual(struct cond *c, struct mutex *m, int64_t mono_ms)
{
	struct waiter w = {.c = c, .m = m, .mono_ms = mono_ms};

	if (enter(&w)) {
		cond_wait(c, m);
		leave(&w);
	}
	return !is_due(mono_ms);
}

bool clock_wait(struct cond *c, struct mutex *m, int64_t mono_ms)
{
	if (mono_ms == CLOCK_NEVER) {
		cond_wait(c, m);
		return true;
	}
	if (atomic_load(&virtual.on))
		return wait_virtual(c, m, mono_ms);
	return cond_wait_until(c, m, mono_ms);
}

void clock_virtual_start(int64_t now_ms, int64_t mono_ms)
{
	mutex_lock(&virtual.m);
	if (!virtual.changed_made)
		cond_init(&virtual.changed);
	virtual.changed_made = true;
	atomic_store(&virtual.now_ms, now_ms);
	atomic_store(&virtual.mono_ms, mono_ms);
	atomic_store(&virtual.on, true);
	mutex_unlock(&virtual.m);
}

static struct waiter *find_untold(int64_t mono_ms)
{
	struct waiter *w;

	for (w = virtual.waiters; w != NULL; w = w->next) {
		if (!w->told && !w->pinned && w->mono_ms <= mono_ms)
			return w;
	}
	return NULL;
}

/* Wakes all that wait for a time up to mono_ms; the clock's mutex is held, but not all along. */
static void wake_until(int64_t mono_ms)
{
	struct waiter *w;

	while ((w = find_untold(mono_ms)) != NULL) {
		w->told = true;
		w->pinned = true;
		mutex_unlock(&virtual.m);
		mutex_lock(w->m);
		cond_broadcast(w->c);
		mutex_unlock(w->m);
		mutex_lock(&virtual.m);
		w->pinned = false;
		cond_broadcast(&virtual.changed);
	}
}

void clock_advance(int64_t ms)
{
	mutex_lock(&virtual.m);
	atomic_fetch_add(&virtual.now_ms, ms);
	wake_until(atomic_fetch_add(&virtual.mono_ms, ms) + ms);
	mutex_unlock(&virtual.m);
}

void clock_virtual_stop(void)
{
	mutex_lock(&virtual.m);
	atomic_store(&virtual.on, false);
	wake_until(CLOCK_NEVER);
	mutex_unlock(&virtual.m);
}

int64_t clock_virtual_next(void)
{
	int64_t next = CLOCK_NEVER;

	mutex_lock(&virtual.m);
	for (struct waiter *w = virtual.waiters; w != NULL; w = w->next) {
		if (!is_due(w->mono_ms) && w->mono_ms < next)
			next = w->mono_ms;
	}
	mutex_unlock(&virtual.m);
	return next;
}

static size_t count_waiting(void)
{
	size_t n = 0;

	for (struct waiter *w = virtual.waiters; w != NULL; w = w->next) {
		if (!is_due(w->mono_ms))
			n++;
	}
	return n;
}

bool clock_virtual_await(size_t count, int64_t real_ms)
{
	int64_t end = read_clock(CLOCK_MONOTONIC) + real_ms;
	bool there;

	mutex_lock(&virtual.m);
	while (!(there = count_waiting() >= count)) {
		if (!cond_wait_until(&virtual.changed, &virtual.m, end))
			break;
	}
	mutex_unlock(&virtual.m);
	return there;
}

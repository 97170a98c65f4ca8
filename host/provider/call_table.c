/*
 * The running calls of all providers: who may start, finding one to cancel it, telling of those
 * that overrun, and the end. The lock is held for looking things up only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "config/config.h"
#include "provider/call.h"
#include "provider/internal.h"

#define PLACE_BITS   20 /* of a handle, for the place; the uses are above */
#define PLACES_FIRST 64
#define JOBS_PART    8    /* one place of so many is for jobs only */
#define CLOSE_MS     5000 /* for calls that were asked to stop */
#define STUCK_TOLD   16   /* lines, of those that did not */

/* --- overruns --- */

/* What a line says of a call that may end meanwhile. */
struct told {
	char provider[64];
	char slot[96];
	char job[ID_SIZE + 8];
	int64_t ms; /* past its deadline */
};

static void describe(const struct call *c, struct told *ret_told)
{
	(void)snprintf(
		ret_told->provider, sizeof(ret_told->provider), "%s", provider_id(c->provider));
	(void)snprintf(ret_told->slot, sizeof(ret_told->slot), "%s.%s", c->interface, c->slot_name);
	(void)snprintf(ret_told->job, sizeof(ret_told->job), "%s%s",
		c->job[0] != '\0' ? " job=" : "", c->job);
	ret_told->ms = clock_mono_ms() - c->deadline;
}

/* The first call that is late and not told of yet; else when the next one will be late. */
static bool find_overrun(struct call_table *t, struct told *ret_late, int64_t *ret_next)
{
	int64_t now = clock_mono_ms();

	*ret_next = CLOCK_NEVER;
	for (size_t i = 0; i < t->place_count; i++) {
		struct call *c = t->places[i].call;

		if (c == NULL || c->overrun_told)
			continue;
		if (now < c->deadline + CALL_OVERRUN_MS) {
			if (c->deadline + CALL_OVERRUN_MS < *ret_next)
				*ret_next = c->deadline + CALL_OVERRUN_MS;
			continue;
		}
		c->overrun_told = true;
		describe(c, ret_late);
		return true;
	}
	return false;
}

/* Refuses those that waited too long. The lock is held, but not while it does. */
static int64_t refuse_expired(struct call_table *t)
{
	struct call *c;
	int64_t next;

	while ((c = call_wait_expired(t, &next)) != NULL) {
		mutex_unlock(&t->lock);
		call_wait_refuse(t, c);
		mutex_lock(&t->lock);
	}
	return next;
}

static void watch(void *arg)
{
	struct call_table *t = arg;
	struct told late;

	mutex_lock(&t->lock);
	while (!t->watch_ends) {
		int64_t next = refuse_expired(t);

		if (!find_overrun(t, &late, &t->watch_next)) {
			t->watch_next = next < t->watch_next ? next : t->watch_next;
			(void)clock_wait(&t->watch_sooner, &t->lock, t->watch_next);
			continue;
		}
		mutex_unlock(&t->lock);
		log_warn("CALL-OVERRUN",
			"provider=%s slot=%s%s runs %lld ms past its deadline and cannot be ended",
			late.provider, late.slot, late.job, (long long)late.ms);
		mutex_lock(&t->lock);
	}
	mutex_unlock(&t->lock);
}

/* --- opening and closing --- */

static void end_threads(struct call_table *t)
{
	mutex_lock(&t->lock);
	t->watch_ends = true;
	cond_broadcast(&t->watch_sooner);
	mutex_unlock(&t->lock);
	if (t->watching)
		thread_join(&t->watch);
	for (size_t i = 0; i < CALL_LANES; i++)
		pool_destroy(t->pools[i]);
	mutex_lock(&t->lock);
	free(t->places);
	t->places = NULL;
	t->place_count = 0;
	t->first_free = 0;
	mutex_unlock(&t->lock);
}

void call_table_finish(struct call_table *t)
{
	cond_finish(&t->watch_sooner);
	cond_finish(&t->emptied);
	mutex_finish(&t->lock);
}

bool call_table_open(struct call_table *t, struct providers *all, struct fail *f)
{
	static const char *const names[CALL_LANES] = {"requests", "job-calls", "functions"};

	mutex_init(&t->lock);
	cond_init(&t->emptied);
	cond_init(&t->watch_sooner);
	t->all = all;
	t->max_alive = (size_t)all->host.config->max_threads;
	t->max_others = t->max_alive - t->max_alive / JOBS_PART;
	t->max_waits = (size_t)all->host.config->max_waiting;
	t->watch_next = CLOCK_NEVER;
	for (size_t i = 0; i < CALL_LANES; i++) {
		t->pools[i] = pool_create(names[i], t->max_alive, t->max_alive, f);
		if (t->pools[i] == NULL)
			goto out;
	}
	t->watching = thread_start(&t->watch, "call-watch", 0, watch, t, f);
	if (t->watching)
		return true;
out:
	end_threads(t);
	return false;
}

/* The lock is held. */
static bool wait_until_empty(struct call_table *t, int64_t ms)
{
	int64_t until = clock_mono_ms() + (ms > 0 ? ms : 0);

	while (t->alive + t->waits > 0 && clock_mono_ms() < until)
		(void)clock_wait(&t->emptied, &t->lock, until);
	return t->alive + t->waits == 0;
}

static void cancel(struct call *c)
{
	mutex_lock(&c->lock);
	c->cancelled = true;
	c->lets_go = false;
	cond_broadcast(&c->wake);
	mutex_unlock(&c->lock);
}

/* Those that did not come back. The lock is held, but not while it tells. */
static void tell_stuck(struct call_table *t)
{
	struct told stuck;

	for (size_t i = 0, n = 0; i < t->place_count && n < STUCK_TOLD; i++) {
		if (t->places[i].call == NULL)
			continue;
		describe(t->places[i].call, &stuck);
		n++;
		mutex_unlock(&t->lock);
		log_error("PROVIDER-STUCK", "provider=%s slot=%s%s does not end", stuck.provider,
			stuck.slot, stuck.job);
		mutex_lock(&t->lock);
	}
}

bool call_table_close(struct call_table *t, int64_t drain_ms)
{
	bool empty;

	mutex_lock(&t->lock);
	t->closing = true;
	cond_signal(&t->watch_sooner); /* it refuses those that wait */
	empty = wait_until_empty(t, drain_ms);
	t->cancelled_mono = clock_mono_ms();
	for (size_t i = 0; !empty && i < t->place_count; i++) {
		if (t->places[i].call != NULL)
			cancel(t->places[i].call);
	}
	empty = empty || wait_until_empty(t, CLOSE_MS);
	if (!empty)
		tell_stuck(t);
	mutex_unlock(&t->lock);
	if (!empty)
		return false;
	end_threads(t);
	return true;
}

/* --- entering and leaving --- */

/* How many calls of c's lane its provider may have. */
static int64_t lane_max(const struct call *c)
{
	return c->lane == CALL_LANE_FUNCTION ? CALLS_FUNCTION : c->provider->config->max_calls;
}

/* Is there a free place, or memory for one more? */
static bool reserve(struct call_table *t)
{
	size_t count = t->place_count == 0 ? PLACES_FIRST : t->place_count * 2;
	struct call_place *places;

	if (t->first_free != 0)
		return true;
	count = count < t->max_alive ? count : t->max_alive;
	places = realloc(t->places, count * sizeof(*places));
	if (places == NULL)
		return false;
	for (size_t i = count; i-- > t->place_count;) {
		places[i] = (struct call_place){.next_free = t->first_free};
		t->first_free = (uint32_t)(i + 1);
	}
	t->places = places;
	t->place_count = count;
	return true;
}

/* A place of all that may run at once, whichever provider's. */
static bool has_place(const struct call_table *t, const struct call *c, struct fail *f)
{
	if (t->alive < t->max_alive && (c->lane == CALL_LANE_JOB || t->others < t->max_others))
		return true;
	return fail_set(f, FAIL_BUSY,
		"%zu provider calls are running, the most there may be (calls.max_threads)",
		t->alive);
}

static bool has_lane(const struct call *c, struct fail *f)
{
	const struct provider *p = c->provider;

	if (c->lane == CALL_LANE_NONE || p->running[c->lane] < lane_max(c))
		return true;
	return fail_set(f, FAIL_BUSY,
		"provider '%s' is busy with %lld calls, the most it may have%s", provider_id(p),
		(long long)lane_max(c),
		c->lane == CALL_LANE_FUNCTION ? " of functions" : " (max_calls)");
}

bool call_table_may_enter(struct call_table *t, const struct call *c, struct fail *f)
{
	if (t->closing)
		return fail_set(f, FAIL_UNAVAILABLE, "the daemon is ending");
	if (has_place(t, c, f) && has_lane(c, f))
		return reserve(t) || fail_set(f, FAIL_INTERNAL, "out of memory");
	if (f != NULL)
		f->retry_after_ms = 1000;
	return false;
}

void call_table_take_place(struct call_table *t, struct call *c)
{
	size_t i = t->first_free - 1;
	struct call_place *place = &t->places[i];

	t->first_free = place->next_free;
	place->call = c;
	place->uses++;
	t->alive++;
	t->others += c->lane != CALL_LANE_JOB;
	c->handle = (uint64_t)place->uses << PLACE_BITS | (i + 1);
	c->laned = c->lane != CALL_LANE_NONE;
	if (c->laned)
		c->provider->running[c->lane]++;
	if (c->deadline + CALL_OVERRUN_MS < t->watch_next)
		cond_signal(&t->watch_sooner);
}

static void free_place(struct call_table *t, const struct call *c)
{
	size_t i = (size_t)(c->handle & ((1u << PLACE_BITS) - 1)) - 1;

	t->places[i].call = NULL;
	t->places[i].next_free = t->first_free;
	t->first_free = (uint32_t)(i + 1);
	t->alive--;
	t->others -= c->lane != CALL_LANE_JOB;
}

enum call_entry call_table_add(
	struct call_table *t, struct call *c, int64_t wait_ms, struct fail *f)
{
	enum call_entry entry = CALL_REFUSED;

	mutex_lock(&t->lock);
	if (call_table_may_enter(t, c, f)) {
		call_table_take_place(t, c);
		entry = CALL_ENTERED;
	} else if (wait_ms > 0 && call_wait_room(t, c)) {
		call_wait_add(t, c, wait_ms);
		entry = CALL_WAITS;
	}
	mutex_unlock(&t->lock);
	return entry;
}

/* The lock is held. */
static void leave_lane(struct call *c)
{
	if (c->laned)
		c->provider->running[c->lane]--;
	c->laned = false;
}

void call_table_leave_lane(struct call_table *t, struct call *c)
{
	struct call *next;

	mutex_lock(&t->lock);
	leave_lane(c);
	next = call_wait_take(t);
	mutex_unlock(&t->lock);
	call_wait_start(t, next);
}

void call_table_remove(struct call_table *t, struct call *c)
{
	struct call *next;

	mutex_lock(&t->lock);
	leave_lane(c);
	free_place(t, c);
	next = call_wait_take(t);
	if (t->alive == 0)
		cond_broadcast(&t->emptied);
	mutex_unlock(&t->lock);
	call_wait_start(t, next);
}

static void hang_up(struct call *c, const struct worker *w)
{
	mutex_lock(&c->lock);
	if (c->worker == w && !c->hung_up) {
		c->hung_up = true;
		c->lets_go = c->journal == NULL && !c->cancelled;
		c->cancelled = c->cancelled || c->lets_go;
		cond_broadcast(&c->wake);
	}
	mutex_unlock(&c->lock);
}

void call_table_hang_up(struct call_table *t, const struct worker *w)
{
	mutex_lock(&t->lock);
	for (size_t i = 0; i < t->place_count; i++) {
		if (t->places[i].call != NULL)
			hang_up(t->places[i].call, w);
	}
	mutex_unlock(&t->lock);
}

void call_cancel(struct providers *ps, uint64_t call)
{
	struct call_table *t = &ps->calls;
	size_t place = (size_t)(call & ((1u << PLACE_BITS) - 1));

	mutex_lock(&t->lock);
	if (place > 0 && place <= t->place_count && t->places[place - 1].call != NULL &&
		t->places[place - 1].call->handle == call)
		cancel(t->places[place - 1].call);
	mutex_unlock(&t->lock);
}

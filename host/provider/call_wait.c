/*
 * Calls that wait a moment for a place in their lane, where a client would only come again
 * later. Each provider has a queue per lane, so that a call that ends finds who is next without
 * a look at those who cannot start; of the first ones of all queues the oldest starts. The watch
 * of the table refuses those whose time is up: in each queue no time is up before that of the one
 * in front.
 */
#include "base/clock.h"
#include "base/fail.h"
#include "config/config.h"
#include "provider/call.h"
#include "provider/codes.h"
#include "provider/internal.h"

bool call_wait_room(const struct call_table *t, const struct call *c)
{
	const struct provider *p = c->provider;

	return !t->closing && c->lane < CALL_LANES && t->waits < t->max_waits &&
	       p->waiting < p->config->max_calls * CALL_WAIT_TIMES;
}

void call_wait_add(struct call_table *t, struct call *c, int64_t wait_ms)
{
	struct call_queue *q = &c->provider->queues[c->lane];

	c->waited = true;
	c->look = 0; /* its reader may have gone when its turn comes */
	c->turn = t->turns++;
	c->wait_until = clock_mono_ms() + wait_ms;
	c->wait_until = c->wait_until < c->deadline ? c->wait_until : c->deadline;
	if (q->first != NULL && c->wait_until < q->last->wait_until)
		c->wait_until = q->last->wait_until;
	*(q->first != NULL ? &q->last->next : &q->first) = c;
	q->last = c;
	c->provider->waiting++;
	t->waits++;
	if (c->wait_until < t->watch_next)
		cond_signal(&t->watch_sooner);
}

/* Takes off the first one of q; it still counts in t->waits. */
static struct call *take(struct call_queue *q)
{
	struct call *c = q->first;

	q->first = c->next;
	c->next = NULL;
	c->provider->waiting--;
	return c;
}

/* The queue whose first one may start and came before all others that may; NULL: none. */
static struct call_queue *next_queue(struct call_table *t)
{
	struct call_queue *best = NULL;

	for (size_t i = 0; i < 2 * t->all->count * CALL_LANES; i++) {
		struct call_queue *q = &t->all->list[i / CALL_LANES].queues[i % CALL_LANES];

		if (q->first == NULL || (best != NULL && best->first->turn < q->first->turn))
			continue;
		if (call_table_may_enter(t, q->first, NULL))
			best = q;
	}
	return best;
}

struct call *call_wait_take(struct call_table *t)
{
	struct call *list = NULL;
	struct call **end = &list;
	struct call_queue *q;

	while (t->waits > 0 && (q = next_queue(t)) != NULL) {
		*end = take(q);
		t->waits--;
		call_table_take_place(t, *end);
		end = &(*end)->next;
	}
	return list;
}

struct call *call_wait_expired(struct call_table *t, int64_t *ret_next)
{
	int64_t now = clock_mono_ms();

	*ret_next = CLOCK_NEVER;
	for (size_t i = 0; i < 2 * t->all->count * CALL_LANES; i++) {
		struct call_queue *q = &t->all->list[i / CALL_LANES].queues[i % CALL_LANES];

		if (q->first == NULL)
			continue;
		if (t->closing || q->first->wait_until <= now)
			return take(q);
		if (q->first->wait_until < *ret_next)
			*ret_next = q->first->wait_until;
	}
	return NULL;
}

static void end(struct call *c, const struct fail *why)
{
	struct call_result result = {.code = codes_of_fail(why->code), .fail = *why};

	result.retry_after_ms = why->retry_after_ms;
	call_release(c);
	c->done(&result, c->ctx);
	call_free(c);
}

void call_wait_start(struct call_table *t, struct call *list)
{
	(void)t;
	while (list != NULL) {
		struct call *c = list;
		struct fail f = {0};

		list = c->next;
		c->next = NULL;
		if (!call_dispatch(c, &f))
			end(c, &f);
	}
}

void call_wait_refuse(struct call_table *t, struct call *c)
{
	struct fail f = {0};

	mutex_lock(&t->lock);
	if (t->closing)
		(void)fail_set(&f, FAIL_UNAVAILABLE, "the daemon is ending");
	else
		(void)fail_set(&f, FAIL_BUSY,
			"provider '%s' is busy with %lld calls, the most it may have (max_calls), "
			"and none ended in time",
			provider_id(c->provider), (long long)c->provider->config->max_calls);
	mutex_unlock(&t->lock);
	f.retry_after_ms = 1000;
	end(c, &f);
	mutex_lock(&t->lock);
	t->waits--;
	if (t->alive + t->waits == 0)
		cond_broadcast(&t->emptied);
	mutex_unlock(&t->lock);
}

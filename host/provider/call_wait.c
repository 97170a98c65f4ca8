/*
 * Calls that wait a moment for a place in their lane, where a client would only come again
 * later. They are few, each for a short time, and start in the order they came as far as there
 * is room for their provider; the watch of the table refuses those whose time is up.
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

	return !t->closing && t->waits < CALLS_WAIT_MAX &&
	       p->waiting < p->config->max_calls * CALL_WAIT_TIMES;
}

void call_wait_add(struct call_table *t, struct call *c, int64_t wait_ms)
{
	struct call **end = &t->waiting;

	while (*end != NULL)
		end = &(*end)->next;
	*end = c;
	c->waited = true;
	c->look = 0; /* its reader may have gone when its turn comes */
	c->wait_until = clock_mono_ms() + wait_ms;
	c->wait_until = c->wait_until < c->deadline ? c->wait_until : c->deadline;
	c->provider->waiting++;
	t->waits++;
	if (c->wait_until < t->watch_next)
		cond_signal(&t->watch_sooner);
}

/* Takes off what link points to; it still counts in t->waits. */
static struct call *take(struct call **link)
{
	struct call *c = *link;

	*link = c->next;
	c->next = NULL;
	c->provider->waiting--;
	return c;
}

struct call *call_wait_take(struct call_table *t)
{
	struct call **link = &t->waiting;
	struct call *list = NULL;
	struct call **end = &list;

	while (*link != NULL && t->alive < CALLS_MAX) {
		if (!call_table_may_enter(t, *link, NULL)) {
			link = &(*link)->next;
			continue;
		}
		*end = take(link);
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
	for (struct call **link = &t->waiting; *link != NULL; link = &(*link)->next) {
		if (t->closing || (*link)->wait_until <= now)
			return take(link);
		if ((*link)->wait_until < *ret_next)
			*ret_next = (*link)->wait_until;
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

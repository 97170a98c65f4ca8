/* Lanes of transfers. */
#include "net/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/transfer.h"

#define LANES_MAX 256 /* more are forgotten once nobody is in them */

void gate_init(struct gate *g, int64_t per_host, int64_t streams)
{
	*g = (struct gate){.per_host = (uint64_t)per_host, .streams = (uint64_t)streams};
	TAILQ_INIT(&g->lanes);
}

static void remove_lane(struct gate *g, struct gate_lane *l)
{
	TAILQ_REMOVE(&g->lanes, l, link);
	g->count--;
	free(l);
}

void gate_finish(struct gate *g)
{
	struct gate_lane *l = TAILQ_FIRST(&g->lanes), *next;

	for (; l != NULL; l = next) {
		next = TAILQ_NEXT(l, link);
		free(l);
	}
	TAILQ_INIT(&g->lanes);
}

static bool is_empty(const struct gate_lane *l)
{
	return l->flying == 0 && TAILQ_EMPTY(&l->waiting);
}

static void forget_some(struct gate *g)
{
	struct gate_lane *l = TAILQ_LAST(&g->lanes, gate_lanes), *before;

	for (; l != NULL && g->count >= LANES_MAX; l = before) {
		before = TAILQ_PREV(l, gate_lanes, link);
		if (is_empty(l))
			remove_lane(g, l);
	}
}

static struct gate_lane *new_lane(struct gate *g, const char *key, bool shares)
{
	struct gate_lane *l;

	forget_some(g);
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	(void)snprintf(l->key, sizeof(l->key), "%s", key);
	l->shares = shares;
	TAILQ_INIT(&l->waiting);
	TAILQ_INSERT_HEAD(&g->lanes, l, link);
	g->count++;
	return l;
}

/* Streams have connections of their own, so a lane of their own. */
static struct gate_lane *lane_of(struct gate *g, const struct transfer *t)
{
	const struct transfer_options *o = &t->options;
	bool shares = o->http2 && !o->stream;
	char key[GATE_KEY_SIZE];
	struct gate_lane *l;

	(void)snprintf(key, sizeof(key), "%c%s %s", shares ? '2' : '1',
		o->origin != NULL ? o->origin : "", o->proxy != NULL ? o->proxy : "");
	TAILQ_FOREACH(l, &g->lanes, link)
	{
		if (strcmp(l->key, key) == 0) {
			TAILQ_REMOVE(&g->lanes, l, link);
			TAILQ_INSERT_HEAD(&g->lanes, l, link);
			return l;
		}
	}
	return new_lane(g, key, shares);
}

bool gate_add(struct gate *g, struct transfer *t)
{
	t->lane = lane_of(g, t);
	if (t->lane == NULL)
		return false;
	TAILQ_INSERT_TAIL(&t->lane->waiting, t, line);
	g->waiting++;
	return true;
}

/*
 * Where connections are shared: as many at once as those that are open have room for, and where
 * they have none, one. It opens the next connection, and the others follow when it is sent.
 */
static bool may_fly(const struct gate *g, const struct gate_lane *l)
{
	uint64_t sent = l->flying - l->unsent, room;

	if (!l->shares)
		return l->flying < g->per_host;
	room = (g->streams - sent % g->streams) % g->streams;
	return l->flying < g->per_host * g->streams && l->unsent < (room > 0 ? room : 1);
}

struct transfer *gate_next(struct gate *g)
{
	struct gate_lane *l;
	struct transfer *t;

	if (g->waiting == 0)
		return NULL;
	TAILQ_FOREACH(l, &g->lanes, link)
	{
		t = TAILQ_FIRST(&l->waiting);
		if (t == NULL || !may_fly(g, l))
			continue;
		TAILQ_REMOVE(&l->waiting, t, line);
		g->waiting--;
		l->flying++;
		l->unsent++;
		t->through = true;
		return t;
	}
	return NULL;
}

void gate_sent(struct transfer *t)
{
	if (t->lane == NULL || t->counted)
		return;
	t->counted = true;
	t->lane->unsent--;
}

void gate_leave(struct gate *g, struct transfer *t, bool http1)
{
	struct gate_lane *l = t->lane;

	if (l == NULL)
		return;
	if (t->through) {
		gate_sent(t);
		l->flying--;
		l->shares = l->shares && !http1;
	} else {
		TAILQ_REMOVE(&l->waiting, t, line);
		g->waiting--;
	}
	t->lane = NULL;
}

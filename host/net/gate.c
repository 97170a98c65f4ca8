/* Lanes of transfers. */
#include "net/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/transfer.h"

#define KEPT_MAX  16
#define LANES_MAX 256 /* more are forgotten once nobody is in them */

void gate_init(struct gate *g, int64_t per_host, int64_t streams, int64_t lookups)
{
	*g = (struct gate){.per_host = (uint64_t)per_host,
		.streams = (uint64_t)streams,
		.max_lookups = (uint64_t)lookups};
	g->kept = g->per_host / 8 < KEPT_MAX ? g->per_host / 8 : KEPT_MAX;
	if (g->kept == 0 && g->per_host > 1)
		g->kept = 1;
	TAILQ_INIT(&g->lanes);
}

/* What a key begins with. */
#define STREAMS 's'
#define SHARES  '2'
#define ALONE   '1'

static void free_lane(struct gate_lane *l)
{
	if (--l->host->lanes == 0)
		free(l->host);
	explicit_bzero(l->key, sizeof(l->key)); /* a proxy's password may be in it */
	free(l);
}

static void remove_lane(struct gate *g, struct gate_lane *l)
{
	TAILQ_REMOVE(&g->lanes, l, link);
	g->count--;
	free_lane(l);
}

void gate_finish(struct gate *g)
{
	struct gate_lane *l = TAILQ_FIRST(&g->lanes), *next;

	for (; l != NULL; l = next) {
		next = TAILQ_NEXT(l, link);
		free_lane(l);
	}
	TAILQ_INIT(&g->lanes);
}

static bool is_empty(const struct gate_lane *l)
{
	return l->flying == 0 && l->left == 0 && TAILQ_EMPTY(&l->waiting);
}

static void forget_left(struct gate *g, struct gate_lane *l)
{
	g->left -= l->left;
	l->left = 0;
}

static void forget_old_lookups(struct gate *g)
{
	struct gate_lane *l;

	if (g->left == 0)
		return;
	TAILQ_FOREACH(l, &g->lanes, link)
	{
		if (l->left > 0 && g->now_ms - l->left_ms >= GATE_LOOKUP_MS)
			forget_left(g, l);
	}
}

static void forget_some(struct gate *g)
{
	struct gate_lane *l = TAILQ_LAST(&g->lanes, gate_lanes), *before;

	forget_old_lookups(g);
	for (; l != NULL && g->count >= LANES_MAX; l = before) {
		before = TAILQ_PREV(l, gate_lanes, link);
		if (is_empty(l))
			remove_lane(g, l);
	}
}

/* The sort of a lane stands before the host's name. */
static struct gate_host *host_of(const struct gate *g, const char *key)
{
	const struct gate_lane *l;

	TAILQ_FOREACH(l, &g->lanes, link)
	{
		if (strcmp(l->key + 1, key + 1) == 0)
			return l->host;
	}
	return calloc(1, sizeof(struct gate_host));
}

static struct gate_lane *new_lane(struct gate *g, const char *key, bool shares)
{
	struct gate_host *host;
	struct gate_lane *l;

	forget_some(g);
	host = host_of(g, key);
	l = host != NULL ? calloc(1, sizeof(*l)) : NULL;
	if (l == NULL) {
		if (host != NULL && host->lanes == 0)
			free(host);
		return NULL;
	}
	l->gate = g;
	l->host = host;
	host->lanes++;
	(void)snprintf(l->key, sizeof(l->key), "%s", key);
	l->shares = shares;
	TAILQ_INIT(&l->waiting);
	TAILQ_INSERT_HEAD(&g->lanes, l, link);
	g->count++;
	return l;
}

static struct gate_lane *find_lane(struct gate *g, const char *key)
{
	struct gate_lane *l;

	TAILQ_FOREACH(l, &g->lanes, link)
	{
		if (strcmp(l->key, key) == 0) {
			TAILQ_REMOVE(&g->lanes, l, link);
			TAILQ_INSERT_HEAD(&g->lanes, l, link);
			return l;
		}
	}
	return NULL;
}

/* Streams have connections of their own, so a lane of their own. */
static struct gate_lane *lane_of(struct gate *g, const struct transfer *t)
{
	const struct transfer_options *o = &t->options;
	bool shares = o->http2 && !o->stream;
	char key[GATE_KEY_SIZE];
	struct gate_lane *l;

	(void)snprintf(key, sizeof(key), "%c%s %s",
		o->stream ? STREAMS
		: shares  ? SHARES
			  : ALONE,
		o->origin != NULL ? o->origin : "", o->proxy != NULL ? o->proxy : "");
	l = find_lane(g, key);
	if (l == NULL)
		l = new_lane(g, key, shares);
	explicit_bzero(key, sizeof(key));
	return l;
}

bool gate_add(struct gate *g, struct transfer *t)
{
	t->lane = lane_of(g, t);
	if (t->lane == NULL)
		return false;
	TAILQ_INSERT_TAIL(&t->lane->waiting, t, line);
	t->turn = ++g->turns;
	g->waiting++;
	return true;
}

static bool streams(const struct gate_lane *l)
{
	return l->key[0] == STREAMS;
}

/* Has a connection of the host's for one more that needs one for itself? */
static bool has_place(const struct gate *g, const struct gate_lane *l)
{
	const struct gate_host *h = l->host;

	if (streams(l) && h->streams >= g->per_host - g->kept)
		return false;
	return h->streams + h->others < g->per_host;
}

static bool may_look(const struct gate *g, const struct gate_lane *l)
{
	uint64_t own = l->lookups + l->left, all = g->lookups + g->left;

	return own < GATE_LOOKUPS && all < (own == 0 ? g->max_lookups : g->max_lookups / 2);
}

/* May l's transfer with that turn look, or does one of another lane wait longer for that? */
static bool is_next_to_look(const struct gate *g, const struct gate_lane *l, uint64_t turn)
{
	const struct gate_lane *other;
	const struct transfer *t;

	TAILQ_FOREACH(other, &g->lanes, link)
	{
		t = TAILQ_FIRST(&other->waiting);
		if (other != l && other->looks && t != NULL && t->turn < turn && may_look(g, other))
			return false;
	}
	return may_look(g, l);
}

/*
 * Where connections are shared: as many at once as those that are open have room for, and where
 * they have none, one. It opens the next connection, and the others follow when it is sent. If it
 * failed before, each of them tries by itself: one after the other they would wait for ever.
 */
static bool may_fly(const struct gate *g, const struct gate_lane *l)
{
	uint64_t sent = l->flying - l->unsent, room;

	if (l->unfound + l->left >= GATE_LOOKUPS)
		return false;
	if (l->looks && !is_next_to_look(g, l, TAILQ_FIRST(&l->waiting)->turn))
		return false;
	if (!l->shares)
		return has_place(g, l);
	if (l->doubts)
		return l->flying + l->host->streams < g->per_host;
	room = (g->streams - sent % g->streams) % g->streams;
	return l->flying < (g->per_host - l->host->streams) * g->streams &&
	       l->unsent < (room > 0 ? room : 1);
}

static void count_places(const struct gate *g, struct gate_lane *l)
{
	uint64_t each = l->shares ? g->streams : 1;
	uint64_t places = l->flying / each + (l->flying % each > 0 ? 1 : 0);
	uint64_t *of_all = streams(l) ? &l->host->streams : &l->host->others;

	*of_all = *of_all - l->places + places;
	l->places = places;
}

static void begin_lookup(struct transfer *t)
{
	t->looking = true;
	t->lane->looks = false;
	t->lane->lookups++;
	t->lane->gate->lookups++;
}

struct transfer *gate_next(struct gate *g)
{
	struct gate_lane *l;
	struct transfer *t;

	if (g->waiting == 0)
		return NULL;
	forget_old_lookups(g);
	TAILQ_FOREACH(l, &g->lanes, link)
	{
		t = TAILQ_FIRST(&l->waiting);
		if (t == NULL || !may_fly(g, l))
			continue;
		TAILQ_REMOVE(&l->waiting, t, line);
		g->waiting--;
		l->flying++;
		count_places(g, l);
		l->unsent++;
		l->unfound++;
		if (l->looks)
			begin_lookup(t);
		t->through = true;
		return t;
	}
	return NULL;
}

bool gate_look(struct transfer *t)
{
	struct gate_lane *l = t->lane;

	if (l == NULL || t->looking || t->options.literal)
		return true;
	if (t->found) { /* curl makes a new connection for it */
		t->found = false;
		l->unfound++;
	}
	t->put_back = l->looks || !is_next_to_look(l->gate, l, t->turn);
	if (t->put_back)
		l->looks = true;
	else
		begin_lookup(t);
	return !t->put_back;
}

static void end_lookup(struct transfer *t)
{
	t->found = true;
	t->lane->unfound--;
	if (!t->looking)
		return;
	t->looking = false;
	t->lane->lookups--;
	t->lane->gate->lookups--;
}

void gate_found(struct transfer *t)
{
	if (t->lane == NULL || t->found)
		return;
	if (t->looking) /* who is asked does answer */
		forget_left(t->lane->gate, t->lane);
	end_lookup(t);
}

static void count_sent(struct transfer *t)
{
	if (t->counted)
		return;
	t->counted = true;
	t->lane->unsent--;
}

void gate_sent(struct transfer *t)
{
	if (t->lane == NULL)
		return;
	gate_found(t);
	count_sent(t);
	t->lane->doubts = false;
}

/* curl goes on looking, on a thread that it does not wait for. */
static void leave_lookup(struct gate *g, struct gate_lane *l, struct transfer *t)
{
	if (t->looking) {
		l->left++;
		g->left++;
		l->left_ms = g->now_ms;
	}
	if (!t->found)
		end_lookup(t);
}

void gate_put_back(struct gate *g, struct transfer *t)
{
	struct gate_lane *l = t->lane;
	struct transfer *at = TAILQ_FIRST(&l->waiting);

	if (!t->found)
		end_lookup(t);
	count_sent(t);
	l->flying--;
	count_places(g, l);
	t->through = t->counted = t->found = false;
	while (at != NULL && at->turn < t->turn)
		at = TAILQ_NEXT(at, line);
	if (at != NULL)
		TAILQ_INSERT_BEFORE(at, t, line);
	else
		TAILQ_INSERT_TAIL(&l->waiting, t, line);
	g->waiting++;
}

void gate_leave(struct gate *g, struct transfer *t, enum gate_sort sort)
{
	struct gate_lane *l = t->lane;

	if (l == NULL)
		return;
	if (t->through) {
		l->doubts = l->doubts || !t->counted;
		l->looks = false; /* the next may have this one's connection */
		leave_lookup(g, l, t);
		count_sent(t);
		l->flying--;
		if (sort != GATE_UNKNOWN)
			l->shares = l->key[0] == SHARES && sort == GATE_SHARED;
		count_places(g, l);
	} else {
		TAILQ_REMOVE(&l->waiting, t, line);
		g->waiting--;
	}
	t->lane = NULL;
}

bool gate_waits_for_time(const struct gate *g)
{
	const struct gate_lane *l;

	if (g->waiting == 0)
		return false;
	TAILQ_FOREACH(l, &g->lanes, link)
	{
		if (l->left > 0 && !TAILQ_EMPTY(&l->waiting))
			return true;
	}
	return false;
}

/* links - see links.h. */
#include "process/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/fail.h"
#include "process/transport.h"
#include "process/trust.h"
#include "run/folder.h"

#define IDLE_MAX 64 /* kept at once, of all servers */

LIST_HEAD(link_list, link);

struct link {
	struct links *all;
	struct server *server;
	struct transport *t; /* that holds the connection; NULL: not yet */
	unsigned era;        /* of the server when it was opened */
	bool idle;
	bool reused;
	bool failed;
	bool held;        /* the server has read from it */
	bool waits;       /* it has not, for LINKS_UNREAD_MS */
	int64_t since_ms; /* idle */
	LIST_ENTRY(link) link;
};

struct server {
	char name[RUN_NAME_MAX + 1];
	unsigned era;
	pid_t pid; /* who listened last */
	struct trust trust;
	struct link_list links; /* the last used first */
	SLIST_ENTRY(server) link;
};

/* --- what is there; the lock is held in all of these --- */

static struct server *find_server(const struct links *all, const char *name)
{
	struct server *s;

	SLIST_FOREACH(s, &all->servers, link)
	{
		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static struct server *need_server(struct links *all, const char *name)
{
	struct server *s = find_server(all, name);

	if (s != NULL)
		return s;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	memcpy(s->name, name, strlen(name) + 1);
	trust_init(&s->trust);
	LIST_INIT(&s->links);
	SLIST_INSERT_HEAD(&all->servers, s, link);
	return s;
}

/* Where nothing is known of it that the next one would have to learn again. */
static void drop_server(struct links *all, struct server *s)
{
	if (!LIST_EMPTY(&s->links) || s->trust.seen > 0)
		return;
	SLIST_REMOVE(&all->servers, s, server, link);
	free(s);
}

static void set_idle(struct link *l, bool idle)
{
	l->all->idle_count += idle;
	l->all->idle_count -= l->idle;
	l->idle = idle;
}

/* Nobody finds it any more; close_all() closes it when the lock is given back. */
static void move_to(struct link_list *dead, struct link *l)
{
	set_idle(l, false);
	LIST_REMOVE(l, link);
	LIST_INSERT_HEAD(dead, l, link);
}

static bool take_out_idle(struct server *s, struct link_list *dead)
{
	struct link *l, *next;
	bool any = false;

	for (l = LIST_FIRST(&s->links); l != NULL; l = next) {
		next = LIST_NEXT(l, link);
		if (!l->idle)
			continue;
		move_to(dead, l);
		any = true;
	}
	return any;
}

static void forget(struct server *s, struct link_list *dead)
{
	(void)take_out_idle(s, dead);
	s->era++;
	trust_init(&s->trust);
}

/* Without the lock: closing is work for the kernel, and the server may go on at once. */
static void close_all(struct link_list *dead)
{
	struct link *l;

	while ((l = LIST_FIRST(dead)) != NULL) {
		LIST_REMOVE(l, link);
		if (l->failed)
			transport_free(l->t);
		else
			transport_give(l->all->transports, l->t);
		free(l);
	}
}

/* --- how many may be kept; the lock is held --- */

static size_t count(const struct server *s, bool held_alone)
{
	const struct link *l;
	size_t n = 0;

	LIST_FOREACH(l, &s->links, link)
	{
		n += l->era == s->era && (l->held || !held_alone);
	}
	return n;
}

static bool leaves_one_waiting(const struct server *s)
{
	const struct link *l;

	LIST_FOREACH(l, &s->links, link)
	{
		if (l->waits && l->era == s->era)
			return true;
	}
	return false;
}

/* May l, which was answered, stay open though it is not needed now? */
static bool may_keep(const struct link *l, int64_t now, struct link_list *dead)
{
	struct server *s = l->server;
	bool waiting = leaves_one_waiting(s);

	if (l->era != s->era || l->all->idle_count >= IDLE_MAX)
		return false;
	trust_saw(&s->trust, count(s, true));
	if (trust_allows(&s->trust, count(s, false), waiting, now))
		return true;
	if (waiting && take_out_idle(s, dead))
		trust_failed(&s->trust, count(s, true), now);
	return false;
}

/* --- for all of them --- */

void links_open(
	struct links *all, struct transports *transports, void (*idle)(void *ctx), void *ctx)
{
	*all = (struct links){.transports = transports, .idle = idle, .ctx = ctx};
	mutex_init(&all->lock);
	SLIST_INIT(&all->servers);
}

void links_close(struct links *all)
{
	struct link_list dead = LIST_HEAD_INITIALIZER(dead);
	struct server *s;

	while ((s = SLIST_FIRST(&all->servers)) != NULL) {
		forget(s, &dead);
		drop_server(all, s);
	}
	close_all(&dead);
	mutex_finish(&all->lock);
}

void links_forget(struct links *all, const char *name)
{
	struct link_list dead = LIST_HEAD_INITIALIZER(dead);
	struct server *s;

	mutex_lock(&all->lock);
	s = find_server(all, name);
	if (s != NULL) {
		forget(s, &dead);
		drop_server(all, s);
	}
	mutex_unlock(&all->lock);
	close_all(&dead);
}

/* Milliseconds that the server's next one has left, or least. */
static int64_t expire_server(struct server *s, int64_t now, int64_t least, struct link_list *dead)
{
	struct link *l, *next;

	for (l = LIST_FIRST(&s->links); l != NULL; l = next) {
		next = LIST_NEXT(l, link);
		if (!l->idle)
			continue;
		if (now - l->since_ms >= LINKS_IDLE_MS)
			move_to(dead, l);
		else if (l->since_ms + LINKS_IDLE_MS - now < least)
			least = l->since_ms + LINKS_IDLE_MS - now;
	}
	return least;
}

int links_expire(struct links *all)
{
	struct link_list dead = LIST_HEAD_INITIALIZER(dead);
	int64_t least = LINKS_IDLE_MS, now = clock_mono_ms();
	struct server *s;

	mutex_lock(&all->lock);
	if (all->idle_count > 0) {
		SLIST_FOREACH(s, &all->servers, link)
		{
			least = expire_server(s, now, least, &dead);
		}
	}
	all->told = all->idle_count > 0;
	if (!all->told)
		least = -1;
	mutex_unlock(&all->lock);
	close_all(&dead);
	return (int)least;
}

/* --- for one --- */

/* The lock is held. */
static struct link *first_idle(struct server *s)
{
	struct link *l;

	LIST_FOREACH(l, &s->links, link)
	{
		if (!l->idle)
			continue;
		set_idle(l, false);
		l->reused = true;
		return l;
	}
	return NULL;
}

/* Known from here on, so that nobody keeps one idle while this one gets in line. */
static struct link *announce(struct links *all, struct server *s)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	*l = (struct link){.all = all, .server = s, .era = s->era};
	LIST_INSERT_HEAD(&s->links, l, link);
	return l;
}

/* A server that has closed one itself may not have held it while it answered on others. */
static void discard(struct link *l)
{
	struct links *all = l->all;
	struct link_list dead = LIST_HEAD_INITIALIZER(dead);

	mutex_lock(&all->lock);
	if (l->era == l->server->era)
		trust_init(&l->server->trust);
	move_to(&dead, l);
	drop_server(all, l->server);
	mutex_unlock(&all->lock);
	close_all(&dead);
}

static struct link *find_or_announce(struct links *all, const char *name, bool fresh)
{
	struct server *s;
	struct link *l = NULL;

	mutex_lock(&all->lock);
	s = need_server(all, name);
	if (s != NULL && !fresh)
		l = first_idle(s);
	if (s != NULL && l == NULL)
		l = announce(all, s);
	mutex_unlock(&all->lock);
	return l;
}

struct link *link_take(struct links *all, const char *name, bool fresh, struct fail *f)
{
	struct link *l;

	while ((l = find_or_announce(all, name, fresh)) != NULL && l->reused) {
		if (transport_is_quiet(l->t))
			return l;
		discard(l);
	}
	if (l != NULL)
		l->t = transport_take(all->transports);
	if (l != NULL && l->t != NULL)
		return l;
	if (l != NULL)
		link_give(l, LINK_FAILED);
	fail_errno(f, ENOMEM, "ask process %s", name);
	return NULL;
}

struct transport *link_transport(const struct link *l)
{
	return l->t;
}

bool link_reused(const struct link *l)
{
	return l->reused;
}

void link_asked(struct link *l)
{
	struct link_list dead = LIST_HEAD_INITIALIZER(dead);
	struct server *s = l->server;
	pid_t peer = transport_peer(l->t);

	mutex_lock(&l->all->lock);
	if (peer != s->pid) {
		forget(s, &dead);
		s->pid = peer;
	}
	l->era = s->era;
	mutex_unlock(&l->all->lock);
	close_all(&dead);
}

void link_waits(struct link *l)
{
	struct link_list dead = LIST_HEAD_INITIALIZER(dead);
	struct server *s = l->server;
	bool unread = transport_is_unread(l->t);

	mutex_lock(&l->all->lock);
	l->held |= !unread;
	l->waits = !l->held;
	if (l->waits && l->era == s->era && take_out_idle(s, &dead))
		trust_failed(&s->trust, count(s, true), clock_mono_ms());
	mutex_unlock(&l->all->lock);
	close_all(&dead);
}

/* true: the thread that expires them is to be told. The lock is held. */
static bool keep(struct link *l, int64_t now)
{
	bool tell = !l->all->told;

	l->since_ms = now;
	LIST_REMOVE(l, link);
	LIST_INSERT_HEAD(&l->server->links, l, link);
	set_idle(l, true);
	l->all->told = true;
	return tell;
}

void link_give(struct link *l, enum link_end end)
{
	struct link_list dead = LIST_HEAD_INITIALIZER(dead);
	struct links *all = l->all;
	struct server *s = l->server;
	int64_t now = clock_mono_ms();
	bool tell = false;

	if (l->t != NULL)
		transport_clear(l->t);
	mutex_lock(&all->lock);
	l->failed = end == LINK_FAILED;
	l->held |= !l->failed;
	l->waits = false;
	if (end == LINK_FIT && l->t->fd >= 0 && may_keep(l, now, &dead))
		tell = keep(l, now);
	else
		move_to(&dead, l);
	drop_server(all, s);
	mutex_unlock(&all->lock);
	close_all(&dead);
	if (tell)
		all->idle(all->ctx);
}

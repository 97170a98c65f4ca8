/* links - see links.h. */
#include "process/links.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fail.h"
#include "process/transport.h"
#include "run/folder.h"

#define IDLE_MAX       64   /* kept at once, of all servers */
#define LOOKED_AT_MAX  256  /* of one server, when they are counted */
#define TRUST_FROM     2    /* connections seen at once from which more are expected */
#define DOUBT_FIRST_MS 1000 /* after a disappointment; then twice as long each time */
#define DOUBT_MAX_MS   64000

enum state {
	LINK_BUSY,
	LINK_DONE, /* answered whole and to be kept, but its user still reads */
	LINK_IDLE
};

struct link {
	struct links *all;
	struct server *server;
	unsigned era; /* of the server when it was opened */
	int fd;       /* -1: not yet */
	enum state state;
	struct transport *t; /* that holds the connection; NULL: not yet */
	bool reused;
	bool asked;
	bool held;        /* the server has read from it */
	int64_t since_ms; /* opened; idle */
	LIST_ENTRY(link) link;
};

struct server {
	char name[RUN_NAME_MAX + 1];
	unsigned era;
	pid_t pid;                           /* who listened last */
	size_t seen;                         /* connections that it was seen to hold at once */
	int64_t doubted_ms;                  /* until then no more than that are kept */
	int64_t doubt_ms;                    /* how long the next time */
	LIST_HEAD(server_links, link) links; /* the last used first */
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
	s->doubt_ms = DOUBT_FIRST_MS;
	LIST_INIT(&s->links);
	SLIST_INSERT_HEAD(&all->servers, s, link);
	return s;
}

/* For the server its end; curl closes the descriptor when the transport makes another one. */
static void hang_up(struct link *l)
{
	if (l->fd >= 0)
		transport_hang_up(l->t);
	l->fd = -1;
}

static void drop(struct link *l)
{
	l->all->idle_count -= l->state == LINK_IDLE;
	LIST_REMOVE(l, link); /* first: the server may go on as soon as it is closed */
	if (l->t != NULL)
		transport_hang_up(l->t);
	transport_give(l->all->transports, l->t);
	free(l);
}

static bool drop_idle(struct server *s)
{
	struct link *l, *next;
	bool any = false;

	for (l = LIST_FIRST(&s->links); l != NULL; l = next) {
		next = LIST_NEXT(l, link);
		if (l->state == LINK_BUSY)
			continue;
		if (l->state == LINK_DONE)
			hang_up(l);
		else
			drop(l);
		any = true;
	}
	return any;
}

static void forget(struct server *s)
{
	(void)drop_idle(s);
	s->era++;
	s->seen = 0;
	s->doubted_ms = 0;
	s->doubt_ms = DOUBT_FIRST_MS;
}

static void free_server(struct links *all, struct server *s)
{
	SLIST_REMOVE(&all->servers, s, server, link);
	free(s);
}

/* --- what the server holds --- */

static void look_whether_held(struct link *l)
{
	int unread = 1;

	if (!l->held && l->asked && ioctl(l->fd, SIOCOUTQ, &unread) == 0)
		l->held = unread == 0;
}

/*
 * Those it has read from and not closed. All have been read from before any of them is looked
 * at for its end, so there was a moment when it held all that are counted.
 */
static size_t count_held(struct server *s)
{
	struct pollfd fds[LOOKED_AT_MAX];
	size_t n = 0, ended = 0;
	struct link *l;

	LIST_FOREACH(l, &s->links, link)
	{
		look_whether_held(l);
		if (l->held && l->fd >= 0 && l->era == s->era && n < LOOKED_AT_MAX)
			fds[n++] = (struct pollfd){.fd = l->fd, .events = POLLRDHUP};
	}
	if (n <= s->seen)
		return n;
	if (poll(fds, n, 0) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		ended += fds[i].revents != 0;
	return n - ended;
}

static size_t count_open(const struct server *s)
{
	const struct link *l;
	size_t n = 0;

	LIST_FOREACH(l, &s->links, link)
	{
		n += l->era == s->era && (l->state != LINK_DONE || l->fd >= 0);
	}
	return n;
}

/* Is a request unread though there was time for others? */
static bool leaves_one_waiting(const struct server *s, int64_t now)
{
	const struct link *l;

	LIST_FOREACH(l, &s->links, link)
	{
		if (!l->held && l->era == s->era && now - l->since_ms >= LINKS_UNREAD_MS)
			return true;
	}
	return false;
}

static void doubt(struct server *s, int64_t now)
{
	(void)drop_idle(s);
	s->doubted_ms = now + s->doubt_ms;
	s->doubt_ms = s->doubt_ms * 2 < DOUBT_MAX_MS ? s->doubt_ms * 2 : DOUBT_MAX_MS;
}

/* May one more connection that is not needed now stay open? */
static bool may_keep(struct server *s, int64_t now)
{
	size_t n = count_open(s), held;

	if (n <= s->seen)
		return true;
	held = count_held(s);
	if (held > s->seen) {
		s->seen = held;
		s->doubt_ms = DOUBT_FIRST_MS;
	}
	if (n <= s->seen)
		return true;
	if (s->seen < TRUST_FROM || now < s->doubted_ms)
		return false;
	if (!leaves_one_waiting(s, now))
		return true;
	doubt(s, now);
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
	struct server *s;

	while ((s = SLIST_FIRST(&all->servers)) != NULL) {
		(void)drop_idle(s);
		free_server(all, s);
	}
	mutex_finish(&all->lock);
}

void links_forget(struct links *all, const char *name)
{
	struct server *s;

	mutex_lock(&all->lock);
	s = find_server(all, name);
	if (s != NULL) {
		forget(s);
		if (LIST_EMPTY(&s->links))
			free_server(all, s);
	}
	mutex_unlock(&all->lock);
}

/* Milliseconds that the server's next one has left, or least. */
static int64_t expire_server(struct server *s, int64_t now, int64_t least)
{
	struct link *l, *next;

	for (l = LIST_FIRST(&s->links); l != NULL; l = next) {
		next = LIST_NEXT(l, link);
		if (l->state != LINK_IDLE)
			continue;
		if (now - l->since_ms >= LINKS_IDLE_MS)
			drop(l);
		else if (l->since_ms + LINKS_IDLE_MS - now < least)
			least = l->since_ms + LINKS_IDLE_MS - now;
	}
	return least;
}

int links_expire(struct links *all)
{
	int64_t least = LINKS_IDLE_MS, now;
	struct server *s;

	mutex_lock(&all->lock);
	if (all->idle_count > 0) {
		now = clock_mono_ms();
		SLIST_FOREACH(s, &all->servers, link)
		{
			least = expire_server(s, now, least);
		}
	}
	all->told = all->idle_count > 0;
	if (!all->told)
		least = -1;
	mutex_unlock(&all->lock);
	return (int)least;
}

/* --- for one --- */

/* One that the server has closed, or on which it says what nobody asked, is no use. */
static bool is_quiet(const struct link *l)
{
	struct pollfd fd = {.fd = l->fd, .events = POLLIN | POLLRDHUP};

	return poll(&fd, 1, 0) == 0;
}

static struct link *take_idle(struct server *s)
{
	struct link *l, *next;

	for (l = LIST_FIRST(&s->links); l != NULL; l = next) {
		next = LIST_NEXT(l, link);
		if (l->state != LINK_IDLE)
			continue;
		if (is_quiet(l)) {
			l->all->idle_count--;
			l->state = LINK_BUSY;
			l->reused = true;
			return l;
		}
		drop(l);
	}
	return NULL;
}

/* Known from here on, so that nobody keeps one idle while this one gets in line. */
static struct link *announce(struct links *all, struct server *s)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	*l = (struct link){
		.all = all, .server = s, .era = s->era, .fd = -1, .since_ms = clock_mono_ms()};
	LIST_INSERT_HEAD(&s->links, l, link);
	return l;
}

struct link *link_take(struct links *all, const char *name, bool fresh, struct fail *f)
{
	struct server *s;
	struct link *l = NULL;

	mutex_lock(&all->lock);
	s = need_server(all, name);
	if (s != NULL && !fresh)
		l = take_idle(s);
	if (s != NULL && l == NULL)
		l = announce(all, s);
	mutex_unlock(&all->lock);
	if (l != NULL && l->t == NULL)
		l->t = transport_take(all->transports);
	if (l != NULL && l->t != NULL)
		return l;
	if (l != NULL)
		link_release(l);
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
	struct server *s = l->server;
	struct ucred peer = {0};
	socklen_t n = sizeof(peer);
	int fd = transport_fd(l->t);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n);
	mutex_lock(&l->all->lock);
	l->fd = fd;
	l->asked = true;
	if (peer.pid != s->pid) {
		forget(s);
		s->pid = peer.pid;
	}
	l->era = s->era;
	mutex_unlock(&l->all->lock);
}

void link_waits(struct link *l)
{
	struct server *s = l->server;

	mutex_lock(&l->all->lock);
	if (l->era == s->era)
		look_whether_held(l);
	if (l->era == s->era && !l->held) {
		size_t held = count_held(s);

		if (drop_idle(s)) {
			s->seen = held < s->seen ? held : s->seen;
			doubt(s, clock_mono_ms());
		}
	}
	mutex_unlock(&l->all->lock);
}

/* true: the thread that expires them is to be told. */
static bool keep(struct link *l, int64_t now)
{
	struct links *all = l->all;
	bool tell = !all->told;

	l->state = LINK_IDLE;
	l->since_ms = now;
	LIST_REMOVE(l, link);
	LIST_INSERT_HEAD(&l->server->links, l, link);
	all->idle_count++;
	all->told = true;
	return tell;
}

void link_ended(struct link *l, bool whole)
{
	struct server *s = l->server;

	mutex_lock(&l->all->lock);
	l->held = true;
	if (transport_fd(l->t) != l->fd)
		l->fd = -1; /* curl has closed it */
	if (!whole || l->era != s->era || l->all->idle_count >= IDLE_MAX ||
		!may_keep(s, clock_mono_ms()))
		hang_up(l);
	l->state = LINK_DONE;
	mutex_unlock(&l->all->lock);
}

void link_release(struct link *l)
{
	struct links *all = l->all;
	struct server *s = l->server;
	bool tell = false;

	mutex_lock(&all->lock);
	if (l->state == LINK_DONE && l->fd >= 0 && l->era == s->era)
		tell = keep(l, clock_mono_ms());
	else
		drop(l);
	if (LIST_EMPTY(&s->links) && s->seen == 0)
		free_server(all, s);
	mutex_unlock(&all->lock);
	if (tell)
		all->idle(all->ctx);
}

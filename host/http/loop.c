/* Accepts connections, sorts them, and runs the daemons that have something to do. */
#include "http/loop.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/turn.h"

#define ACCEPTS         16   /* in a row, then those that are there get their turn */
#define PEEK_BYTES      4096 /* a longer head is not short */
#define PEEK_LINES      64
#define PEEK_VALUES     64  /* keys in the address and cookies: each takes 64 bytes of the pool */
#define ACCEPT_AGAIN_MS 100 /* after an error, as for want of descriptors */

#define EVENTS 64

enum source { /* in epoll; what is more is a struct parked */
	LISTENER,
	WAKE,
	BRIEF,
	KEPT,
	SOURCES
};

static int epoll_of(struct MHD_Daemon *daemon)
{
	return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

/* --- sorting --- */

struct head {
	size_t n; /* bytes of it */
	size_t values;
	long long body_n; /* -1: not said */
	bool closes;
	bool odd; /* something that is not plain, of all that matters for the connection */
};

static bool same(const char *a, size_t n, const char *b)
{
	return n == strlen(b) && strncasecmp(a, b, n) == 0;
}

static size_t count_of(const char *line, size_t n, const char *of)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += line[i] == of[0] || line[i] == of[1];
	return count;
}

static void read_length(struct head *h, const char *value, size_t n)
{
	long long length = 0;

	h->odd = h->odd || n == 0 || n > 9 || h->body_n >= 0;
	for (size_t i = 0; i < n && !h->odd; i++) {
		h->odd = value[i] < '0' || value[i] > '9';
		length = 10 * length + (value[i] - '0');
	}
	h->body_n = length;
}

static void read_line(struct head *h, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	size_t name_n = colon != NULL ? (size_t)(colon - line) : n;
	const char *value = colon != NULL ? colon + 1 : line + n;
	size_t value_n = (size_t)(line + n - value);

	while (value_n > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		value_n--;
	}
	if (same(line, name_n, "Connection")) {
		h->closes = h->closes || same(value, value_n, "close");
		h->odd = h->odd || !same(value, value_n, "keep-alive");
	} else if (same(line, name_n, "Content-Length")) {
		read_length(h, value, value_n);
	} else if (same(line, name_n, "Cookie")) {
		h->values += count_of(value, value_n, ";,");
	} else if (colon == NULL || same(line, name_n, "Transfer-Encoding") ||
		   same(line, name_n, "Expect") || same(line, name_n, "Upgrade") || *line == ' ' ||
		   *line == '\t') {
		h->odd = true;
	}
}

static void read_request_line(struct head *h, const char *line, size_t n)
{
	static const char version[] = " HTTP/1.1";
	const size_t version_n = sizeof(version) - 1;

	h->odd = n <= version_n || memcmp(line + n - version_n, version, version_n) != 0;
	h->values = count_of(line, n, "&&");
}

/* False: the head is not whole, or long. */
static bool read_head(struct head *h, const char *bytes, size_t n)
{
	const char *end = memmem(bytes, n, "\r\n\r\n", 4);
	const char *line = bytes;

	*h = (struct head){.body_n = -1};
	for (int lines = 0; end != NULL && lines < PEEK_LINES; lines++) {
		const char *line_end = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
		size_t line_n = (size_t)(line_end - line);

		if (lines > 0)
			read_line(h, line, line_n);
		else
			read_request_line(h, line, line_n);
		h->n = (size_t)(end + 4 - bytes);
		if (line_end == end)
			return h->values <= PEEK_VALUES;
		line = line_end + 2;
	}
	return false;
}

bool loop_head_is_brief(const char *bytes, size_t n, bool parks)
{
	struct head h;

	if (!read_head(&h, bytes, n))
		return false;
	if (h.closes || !parks || h.odd)
		return h.closes;
	return (long long)n == (long long)h.n + (h.body_n > 0 ? h.body_n : 0);
}

static bool is_brief(int fd, bool parks)
{
	char bytes[PEEK_BYTES];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

	return n > 0 && loop_head_is_brief(bytes, (size_t)n, parks);
}

/* --- accepting --- */

static bool has_room(const struct loop *l)
{
	return *l->connections + l->park.count < l->most && !atomic_load(&l->quiet);
}

/* A socket that is shut down would be reported for ever, whatever is asked of it. */
static void unwatch_listener(struct loop *l)
{
	if (l->watched)
		(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->listener, NULL);
	l->watched = false;
}

static void watch_listener(struct loop *l)
{
	bool wanted = has_room(l) && (l->again_mono == 0 || clock_mono_ms() >= l->again_mono);
	struct epoll_event event = {.events = wanted ? EPOLLIN : 0, .data.u64 = LISTENER};

	if (atomic_load(&l->quiet))
		unwatch_listener(l);
	if (wanted == l->listening || !l->watched)
		return;
	if (wanted)
		l->again_mono = 0;
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->listener, &event) == 0)
		l->listening = wanted;
}

static void accept_some(struct loop *l, bool ready[SOURCES])
{
	for (int i = 0; i < ACCEPTS && has_room(l); i++) {
		union {
			struct sockaddr any;
			struct sockaddr_storage room;
		} a;
		socklen_t n = sizeof(a);
		int fd = accept4(l->listener, &a.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		bool brief;

		if (fd < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				l->again_mono = clock_mono_ms() + ACCEPT_AGAIN_MS;
			return;
		}
		brief = is_brief(fd, loop_can_park(l));
		/* It closes what it does not take. */
		(void)MHD_add_connection(brief ? l->brief : l->kept, fd, &a.any, n);
		ready[brief ? BRIEF : KEPT] = true;
	}
}

/* --- parking --- */

bool loop_can_park(const struct loop *l)
{
	return l->parks && l->park.count < (l->most + 1) / 2;
}

void loop_park(struct loop *l, struct MHD_Connection *c, int fd)
{
	(void)park_take(&l->park, c, fd, epoll_of(l->brief));
}

/* What comes next may have a long head. */
static void unpark(struct loop *l, struct parked *waiting, bool ready[SOURCES])
{
	union {
		struct sockaddr any;
		struct sockaddr_storage room;
	} a;
	socklen_t n = sizeof(a);
	int fd = park_heard(&l->park, waiting);

	if (fd < 0)
		return;
	if (getpeername(fd, &a.any, &n) != 0) {
		(void)close(fd);
		return;
	}
	(void)MHD_add_connection(l->kept, fd, &a.any, n);
	ready[KEPT] = true;
}

/* --- the thread --- */

/* When the daemon wants to run whatever happens: in milliseconds from now, or -1. */
static int timeout_of(struct MHD_Daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(daemon, &ms) != MHD_YES)
		return -1;
	return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void wait_for_any(struct loop *l, bool ready[SOURCES])
{
	int brief = timeout_of(l->brief), kept = timeout_of(l->kept);
	int timeout = sooner(sooner(brief, kept), park_timeout(&l->park));
	struct epoll_event events[EVENTS];
	int n;

	if (l->again_mono != 0)
		timeout = sooner(timeout, ACCEPT_AGAIN_MS);
	n = epoll_wait(l->epoll, events, EVENTS, timeout);
	for (int i = 0; i < n; i++)
		if (events[i].data.u64 < SOURCES)
			ready[events[i].data.u64] = true;
		else
			unpark(l, events[i].data.ptr, ready);
	park_expire(&l->park);
	ready[BRIEF] = ready[BRIEF] || brief == 0 || (n == 0 && brief >= 0);
	ready[KEPT] = ready[KEPT] || kept == 0 || (n == 0 && kept >= 0);
}

/* The mark goes before anything is looked at, so that whoever comes later writes again. */
static void wake_read(struct loop *l, bool ready[SOURCES])
{
	uint64_t count;

	(void)!read(l->wake, &count, sizeof(count));
	atomic_store(&l->woken, false);
	ready[BRIEF] = true;
	ready[KEPT] = true;
}

static void run(void *arg)
{
	struct loop *l = arg;

	while (!atomic_load(&l->ending)) {
		bool ready[SOURCES] = {false};

		watch_listener(l);
		wait_for_any(l, ready);
		if (ready[WAKE])
			wake_read(l, ready);
		if (ready[LISTENER])
			accept_some(l, ready);
		turn_begin();
		if (ready[BRIEF])
			MHD_run(l->brief);
		if (ready[KEPT])
			MHD_run(l->kept);
		turn_end();
	}
}

/* --- start and stop --- */

static bool watch(struct loop *l, int fd, enum source source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool loop_start(struct loop *l, const char *name, size_t stack_bytes, struct fail *f)
{
	atomic_init(&l->woken, false);
	atomic_init(&l->quiet, false);
	atomic_init(&l->ending, false);
	l->again_mono = 0;
	l->watched = true;
	l->listening = true;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->park.dead = -1;
	if (l->epoll < 0 || l->wake < 0 || !watch(l, l->listener, LISTENER) ||
		!watch(l, l->wake, WAKE) || !watch(l, epoll_of(l->brief), BRIEF) ||
		!watch(l, epoll_of(l->kept), KEPT))
		fail_errno(f, errno, "watch the sockets of a listener");
	else if (park_start(&l->park, l->epoll, l->idle_ms, f))
		l->started = thread_start(&l->thread, name, stack_bytes, run, l, f);
	if (!l->started)
		loop_stop(l);
	return l->started;
}

void loop_wake(struct loop *l)
{
	uint64_t one = 1;

	if (!atomic_exchange(&l->woken, true))
		(void)!write(l->wake, &one, sizeof(one));
}

void loop_quiesce(struct loop *l)
{
	if (!l->started)
		return;
	atomic_store(&l->quiet, true);
	loop_wake(l);
}

void loop_stop(struct loop *l)
{
	if (l->started) {
		atomic_store(&l->ending, true);
		loop_wake(l);
		thread_join(&l->thread);
		l->started = false;
	}
	park_stop(&l->park);
	if (l->epoll > 0)
		(void)close(l->epoll);
	if (l->wake > 0)
		(void)close(l->wake);
	l->epoll = 0;
	l->wake = 0;
}

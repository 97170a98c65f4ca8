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
#define ACCEPT_AGAIN_MS 100 /* after an error, as for want of descriptors */

enum source {
	LISTENER,
	WAKE,
	BRIEF,
	KEPT,
	SOURCES
};

/* --- sorting --- */

static bool says_close(const char *line, size_t n)
{
	static const char name[] = "Connection:";
	static const char word[] = "close";

	if (n < sizeof(name) - 1 || strncasecmp(line, name, sizeof(name) - 1) != 0)
		return false;
	line += sizeof(name) - 1;
	n -= sizeof(name) - 1;
	while (n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	return n == sizeof(word) - 1 && strncasecmp(line, word, n) == 0;
}

bool loop_head_is_brief(const char *bytes, size_t n)
{
	const char *end = memmem(bytes, n, "\r\n\r\n", 4);
	bool closes = false;

	for (int lines = 0; end != NULL && lines < PEEK_LINES; lines++) {
		const char *line_end = memmem(bytes, (size_t)(end + 2 - bytes), "\r\n", 2);

		closes = closes || says_close(bytes, (size_t)(line_end - bytes));
		if (line_end == end)
			return closes;
		bytes = line_end + 2;
	}
	return false;
}

static bool is_brief(int fd)
{
	char bytes[PEEK_BYTES];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

	return n > 0 && loop_head_is_brief(bytes, (size_t)n);
}

/* --- accepting --- */

static bool has_room(const struct loop *l)
{
	return *l->connections < l->most && !atomic_load(&l->quiet);
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
	struct epoll_event event = {.events = wanted ? EPOLLIN : 0, .data.u32 = LISTENER};

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
		brief = is_brief(fd);
		/* It closes what it does not take. */
		(void)MHD_add_connection(brief ? l->brief : l->kept, fd, &a.any, n);
		ready[brief ? BRIEF : KEPT] = true;
	}
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
	int timeout = sooner(brief, kept);
	struct epoll_event events[SOURCES];
	int n;

	if (l->again_mono != 0)
		timeout = sooner(timeout, ACCEPT_AGAIN_MS);
	n = epoll_wait(l->epoll, events, SOURCES, timeout);
	for (int i = 0; i < n; i++)
		ready[events[i].data.u32] = true;
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
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int epoll_of(struct MHD_Daemon *daemon)
{
	return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
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
	if (l->epoll < 0 || l->wake < 0 || !watch(l, l->listener, LISTENER) ||
		!watch(l, l->wake, WAKE) || !watch(l, epoll_of(l->brief), BRIEF) ||
		!watch(l, epoll_of(l->kept), KEPT))
		fail_errno(f, errno, "watch the sockets of a listener");
	else
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
	if (l->epoll > 0)
		(void)close(l->epoll);
	if (l->wake > 0)
		(void)close(l->wake);
	l->epoll = 0;
	l->wake = 0;
}

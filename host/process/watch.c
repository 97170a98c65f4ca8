/*
 * One thread that holds a connection to the davit-run of every running process. It sees the
 * end as the end of the connection, whatever the reason; the folder then says whether it is
 * one, or whether a davit-run died and another must be sent. The list of watches is that
 * thread's own; others hand it names through the inbox.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "process/internal.h"
#include "process/notices.h"

#define EVENTS       64
#define TRY_FIRST_MS 5
#define TRY_MAX_MS   1000

struct watch {
	char name[RUN_NAME_MAX + 1];
	int fd; /* -1: not connected */
	int64_t try_mono;
	int64_t try_ms;
	int64_t send_mono; /* not before: send another davit-run */
	LIST_ENTRY(watch) link;
};

struct watcher {
	struct processes *p;
	struct thread thread;
	int epoll;
	int wake;
	LIST_HEAD(watches, watch) watches; /* the thread's own */
	struct notices notices;
};

void watcher_wake(const struct watcher *w)
{
	uint64_t one = 1;

	if (write(w->wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_warn("PROCESS-WATCH", "wake: %s", strerrordesc_np(errno));
}

void watcher_add(struct watcher *w, const char *name, bool spawned)
{
	notices_post(&w->notices, name, spawned);
	watcher_wake(w);
}

bool watcher_expects(struct watcher *w, const char *name)
{
	return notices_expect(&w->notices, name);
}

/* --- watches --- */

static struct watch *find_watch(const struct watcher *w, const char *name)
{
	struct watch *x;

	LIST_FOREACH(x, &w->watches, link)
	{
		if (strcmp(x->name, name) == 0)
			return x;
	}
	return NULL;
}

static void begin_watch(struct watcher *w, const char *name, bool spawned)
{
	struct watch *x = find_watch(w, name);
	int64_t now = clock_mono_ms();

	if (x == NULL) {
		x = calloc(1, sizeof(*x));
		if (x == NULL)
			return;
		snprintf(x->name, sizeof(x->name), "%s", name);
		x->fd = -1;
		LIST_INSERT_HEAD(&w->watches, x, link);
	}
	x->try_ms = TRY_FIRST_MS;
	x->try_mono = now;
	x->send_mono = spawned ? now + NOTICE_EXPECT_MS : now;
}

/* Taken out of the epoll set by hand: a child that is being started may hold a copy of the
 * descriptor, and closing ours alone would leave the set with a pointer to what we free. */
static void disconnect(const struct watcher *w, struct watch *x)
{
	if (x->fd < 0)
		return;
	(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, x->fd, NULL);
	close(x->fd);
	x->fd = -1;
}

static void end_watch(const struct watcher *w, struct watch *x)
{
	disconnect(w, x);
	LIST_REMOVE(x, link);
	free(x);
}

static bool follow(const struct watcher *w, struct watch *x)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = x};

	x->fd = process_connect(w->p, x->name);
	if (x->fd >= 0 && epoll_ctl(w->epoll, EPOLL_CTL_ADD, x->fd, &event) != 0)
		disconnect(w, x);
	return x->fd >= 0;
}

static void send_another(const struct watcher *w, struct watch *x)
{
	char name[RUN_NAME_MAX + 1];
	struct fail f;

	memcpy(name, x->name, sizeof(name));
	x->send_mono = clock_mono_ms() + NOTICE_EXPECT_MS;
	if (!process_spawn(w->p, name, &f))
		log_warn("PROCESS-SPAWN", "process=%s %s", name, f.text);
	else
		log_info("PROCESS-SPAWN", "process=%s has a davit-run again", name);
}

static void tell_changed(const struct watcher *w, const char *name)
{
	if (w->p->options.changed != NULL)
		w->p->options.changed(name, w->p->options.ctx);
}

static void try_later(struct watch *x, int64_t now)
{
	x->try_mono = now + x->try_ms;
	x->try_ms = x->try_ms * 2 > TRY_MAX_MS ? TRY_MAX_MS : x->try_ms * 2;
}

/* Its end or its absence; true: x is gone. */
static bool is_over(struct watcher *w, struct watch *x)
{
	bool ended = process_has(w->p, x->name, RUN_EXIT);

	if (!ended && process_has(w->p, x->name, RUN_SPEC))
		return false;
	notices_forget(&w->notices, x->name);
	if (ended)
		tell_changed(w, x->name);
	end_watch(w, x);
	return true;
}

static void try_watch(struct watcher *w, struct watch *x)
{
	int64_t now = clock_mono_ms();

	if (follow(w, x)) {
		notices_forget(&w->notices, x->name);
		x->try_ms = TRY_FIRST_MS;
		return;
	}
	if (is_over(w, x))
		return;
	if (now >= x->send_mono && !process_locked(w->p, x->name)) {
		/* The lock is given back after the record of the end is written. */
		if (is_over(w, x))
			return;
		send_another(w, x);
	}
	try_later(x, now);
}

/* What it says matters little: each word is a reason to look at the folder again. */
static void hear(const struct watcher *w, struct watch *x)
{
	char bytes[256];
	ssize_t n = recv(x->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0) {
		tell_changed(w, x->name);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	disconnect(w, x);
	x->try_mono = x->send_mono = clock_mono_ms();
	x->try_ms = TRY_FIRST_MS;
}

/* --- the thread --- */

/* false: the end. */
static bool take_notices(struct watcher *w)
{
	char name[RUN_NAME_MAX + 1];
	bool spawned;

	while (notices_take(&w->notices, name, &spawned))
		begin_watch(w, name, spawned);
	return !notices_closed(&w->notices);
}

static void try_all(struct watcher *w)
{
	struct watch *x, *next;
	int64_t now = clock_mono_ms();

	for (x = LIST_FIRST(&w->watches); x != NULL; x = next) {
		next = LIST_NEXT(x, link);
		if (x->fd < 0 && x->try_mono <= now)
			try_watch(w, x);
	}
}

/* -1, for ever, where every watch is heard by its descriptor: whoever adds one wakes us. */
static int timeout_of(const struct watcher *w)
{
	const struct watch *x;
	int64_t now = clock_mono_ms(), least = INT64_MAX;

	LIST_FOREACH(x, &w->watches, link)
	{
		if (x->fd < 0 && x->try_mono - now < least)
			least = x->try_mono - now;
	}
	if (least == INT64_MAX)
		return -1;
	return least < 0 ? 0 : least < TRY_MAX_MS ? (int)least : TRY_MAX_MS;
}

/* The sooner of two times to wait; -1 is never. */
static int sooner(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static void wait_for_events(struct watcher *w)
{
	struct epoll_event events[EVENTS];
	int wait = sooner(timeout_of(w), links_expire(&w->p->links));
	int n = epoll_wait(w->epoll, events, EVENTS, wait);
	uint64_t count;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr != NULL)
			hear(w, events[i].data.ptr);
		else if (read(w->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
			log_warn("PROCESS-WATCH", "wake: %s", strerrordesc_np(errno));
	}
}

static void run(void *arg)
{
	struct watcher *w = arg;

	while (take_notices(w)) {
		try_all(w);
		wait_for_events(w);
	}
}

static bool make_fds(struct watcher *w, struct fail *f)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->epoll < 0 || w->wake < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &event) != 0)
		return fail_errno(f, errno, "watch the processes");
	return true;
}

static void destroy(struct watcher *w)
{
	struct watch *x, *next;

	for (x = LIST_FIRST(&w->watches); x != NULL; x = next) {
		next = LIST_NEXT(x, link);
		disconnect(w, x);
		free(x);
	}
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->wake >= 0)
		close(w->wake);
	notices_finish(&w->notices);
	free(w);
}

struct watcher *watcher_open(struct processes *p, struct fail *f)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		fail_errno(f, ENOMEM, "watch the processes");
		return NULL;
	}
	w->p = p;
	w->epoll = w->wake = -1;
	LIST_INIT(&w->watches);
	notices_init(&w->notices);
	/* The thread uses p->watcher through process_spawn(), but only for names it was handed. */
	if (make_fds(w, f) && thread_start(&w->thread, "process-watch", 0, run, w, f))
		return w;
	destroy(w);
	return NULL;
}

void watcher_close(struct watcher *w)
{
	if (w == NULL)
		return;
	notices_close(&w->notices);
	watcher_wake(w);
	thread_join(&w->thread);
	destroy(w);
}

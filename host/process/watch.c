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

#define EVENTS       64
#define EXPECT_MS    10000 /* a davit-run that was started shows up within */
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

/* A name on its way to the thread, and for a while afterwards a davit-run that is expected. */
struct notice {
	char name[RUN_NAME_MAX + 1];
	bool spawned;
	bool taken;         /* the thread has seen it */
	int64_t until_mono; /* expected */
	LIST_ENTRY(notice) link;
};

struct watcher {
	struct processes *p;
	struct thread thread;
	int epoll;
	int wake;
	LIST_HEAD(watches, watch) watches; /* the thread's own */

	struct mutex lock; /* guards what follows */
	LIST_HEAD(notices, notice) notices;
	bool stopping;
};

/* --- notices --- */

static struct notice *find_notice(const struct watcher *w, const char *name)
{
	struct notice *n;

	LIST_FOREACH(n, &w->notices, link)
	{
		if (strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}

void watcher_wake(const struct watcher *w)
{
	uint64_t one = 1;

	if (write(w->wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_warn("PROCESS-WATCH", "wake: %s", strerrordesc_np(errno));
}

static void post(struct watcher *w, const char *name, bool spawned)
{
	struct notice *n = find_notice(w, name);

	if (n == NULL) {
		n = calloc(1, sizeof(*n));
		if (n == NULL)
			return; /* polling by the job's owner still sees the end */
		snprintf(n->name, sizeof(n->name), "%s", name);
		LIST_INSERT_HEAD(&w->notices, n, link);
	}
	n->spawned = spawned;
	n->taken = false;
	n->until_mono = clock_mono_ms() + EXPECT_MS;
}

void watcher_add(struct watcher *w, const char *name, bool spawned)
{
	mutex_lock(&w->lock);
	post(w, name, spawned);
	mutex_unlock(&w->lock);
	watcher_wake(w);
}

bool watcher_expects(struct watcher *w, const char *name)
{
	const struct notice *n;
	bool expected;

	mutex_lock(&w->lock);
	n = find_notice(w, name);
	expected = n != NULL && clock_mono_ms() < n->until_mono;
	mutex_unlock(&w->lock);
	return expected;
}

static void forget_notice(struct watcher *w, const char *name)
{
	struct notice *n;

	mutex_lock(&w->lock);
	n = find_notice(w, name);
	if (n != NULL && n->taken) {
		LIST_REMOVE(n, link);
		free(n);
	}
	mutex_unlock(&w->lock);
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
	x->send_mono = spawned ? now + EXPECT_MS : now;
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
	x->send_mono = clock_mono_ms() + EXPECT_MS;
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
	forget_notice(w, x->name);
	if (ended)
		tell_changed(w, x->name);
	end_watch(w, x);
	return true;
}

static void try_watch(struct watcher *w, struct watch *x)
{
	int64_t now = clock_mono_ms();

	if (follow(w, x)) {
		forget_notice(w, x->name);
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

static struct notice *next_notice(struct watcher *w)
{
	struct notice *n;

	LIST_FOREACH(n, &w->notices, link)
	{
		if (!n->taken)
			return n;
	}
	return NULL;
}

/* Lock held on entry and return. */
static void take_notices(struct watcher *w)
{
	struct notice *n;

	while ((n = next_notice(w)) != NULL) {
		n->taken = true;
		begin_watch(w, n->name, n->spawned);
	}
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

	for (;;) {
		bool stopping;

		mutex_lock(&w->lock);
		take_notices(w);
		stopping = w->stopping;
		mutex_unlock(&w->lock);
		if (stopping)
			return;
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
	struct watch *x, *next_watch;
	struct notice *n, *next;

	for (x = LIST_FIRST(&w->watches); x != NULL; x = next_watch) {
		next_watch = LIST_NEXT(x, link);
		disconnect(w, x);
		free(x);
	}
	for (n = LIST_FIRST(&w->notices); n != NULL; n = next) {
		next = LIST_NEXT(n, link);
		free(n);
	}
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->wake >= 0)
		close(w->wake);
	mutex_finish(&w->lock);
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
	LIST_INIT(&w->notices);
	mutex_init(&w->lock);
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
	mutex_lock(&w->lock);
	w->stopping = true;
	mutex_unlock(&w->lock);
	watcher_wake(w);
	thread_join(&w->thread);
	destroy(w);
}

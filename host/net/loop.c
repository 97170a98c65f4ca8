/*
 * The loop's thread: epoll, the sockets and the timer of curl, and what other threads ask for.
 *
 * Whoever asks puts the transfer into a list and writes to the eventfd if nobody did since the
 * loop read it last. curl_multi_poll() and curl_multi_wakeup() are not used: they look at every
 * socket each time, and there may be thousands.
 */
#include "net/loop.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "net/gate.h"
#include "net/transfer.h"
#include "platform/thread.h"

#define EVENTS      256
#define LOOK_MS     1000                  /* whether lookups that were left came to an end */
#define STACK_BYTES ((size_t)1024 * 1024) /* TLS handshakes and the parsing of certificates */

enum ask {
	ASK_ADD = 1u << 0,
	ASK_DROP = 1u << 1,
	ASK_RESUME = 1u << 2
};

struct net_loop {
	/* The thread's own. */
	CURLM *multi;
	int epoll;
	int64_t timer_ms; /* when curl wants to be called by the real clock; -1: not by time */
	LIST_HEAD(transfers, transfer) flying;
	struct gate gate;

	int wake;
	atomic_bool woken; /* wake was written to and not yet read */
	atomic_bool interrupted;
	atomic_bool ending;
	struct thread thread;
	bool started;

	struct mutex lock; /* guards the list, and what transfers say is guarded by it */
	TAILQ_HEAD(asking, transfer) asking;
};

/* The timers of curl are by the real clock, whatever time a test lets it be for others. */
static int64_t real_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- what curl wants --- */

/* curl forgets a socket before it closes it, but its number may come back in the same turn. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct net_loop *l = arg;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		event.events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(l->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0 &&
		epoll_ctl(l->epoll, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) !=
			0)
		return -1;
	curl_multi_assign(l->multi, fd, l);
	return 0;
}

static int want_time(CURLM *multi, long ms, void *arg)
{
	struct net_loop *l = arg;

	(void)multi;
	l->timer_ms = ms < 0 ? -1 : real_ms() + ms;
	return 0;
}

/* --- transfers come and go --- */

/* Nobody else can ask for t any more once this returned. */
static void forget(struct net_loop *l, struct transfer *t)
{
	mutex_lock(&l->lock);
	if (t->queued)
		TAILQ_REMOVE(&l->asking, t, link);
	t->queued = false;
	t->landed = true;
	mutex_unlock(&l->lock);
}

/* The sort of connection that it went by. */
static enum gate_sort sort_of(const struct transfer *t, CURLcode code)
{
	long version = CURL_HTTP_VERSION_NONE;

	if (t->flying && code == CURLE_OK)
		curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	if (version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1)
		return GATE_ALONE;
	return version == CURL_HTTP_VERSION_NONE ? GATE_UNKNOWN : GATE_SHARED;
}

static void land(struct net_loop *l, struct transfer *t, CURLcode code, bool stopped)
{
	if (!stopped && code != CURLE_OPERATION_TIMEDOUT)
		gate_found(t); /* if it was looked for, that has come to an end */
	gate_leave(&l->gate, t, sort_of(t, code));
	if (t->flying)
		curl_multi_remove_handle(l->multi, t->easy);
	if (t->known)
		LIST_REMOVE(t, all);
	t->flying = false;
	forget(l, t);
	transfer_land(t, code, stopped);
}

static void queue_up(struct net_loop *l, struct transfer *t)
{
	LIST_INSERT_HEAD(&l->flying, t, all);
	t->known = true;
	if (!gate_add(&l->gate, t))
		land(l, t, CURLE_OUT_OF_MEMORY, false);
}

static void let_fly(struct net_loop *l)
{
	struct transfer *t;

	l->gate.now_ms = real_ms();
	while ((t = gate_next(&l->gate)) != NULL) {
		t->put_back = false;
		if (t->lane->doubts) /* curl, too, lets the others wait for the one that opens */
			curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, 0L);
		t->flying = curl_multi_add_handle(l->multi, t->easy) == CURLM_OK;
		if (!t->flying)
			land(l, t, CURLE_OUT_OF_MEMORY, false);
	}
}

/* It may not look for an address yet. */
static void put_back(struct net_loop *l, struct transfer *t)
{
	curl_multi_remove_handle(l->multi, t->easy);
	t->flying = false;
	t->sent_at = 0;
	t->error[0] = '\0';
	gate_put_back(&l->gate, t);
}

static void collect(struct net_loop *l)
{
	struct transfer *t;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(l->multi, &left)) != NULL) {
		CURLcode code = message->data.result;
		char *private;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		t = (void *)private;
		if (t->put_back && code != CURLE_OK)
			put_back(l, t);
		else
			land(l, t, code, false);
	}
}

/* --- what other threads want --- */

static void ask(struct net_loop *l, struct transfer *t, enum ask what)
{
	uint64_t one = 1;
	bool known;

	mutex_lock(&l->lock);
	known = !t->landed;
	if (known) {
		t->asked |= what;
		if (!t->queued)
			TAILQ_INSERT_TAIL(&l->asking, t, link);
		t->queued = true;
	}
	mutex_unlock(&l->lock);
	if (known && !atomic_exchange(&l->woken, true))
		(void)!write(l->wake, &one, sizeof(one));
}

static struct transfer *next_asking(struct net_loop *l, unsigned *ret_asked)
{
	struct transfer *t;

	mutex_lock(&l->lock);
	t = TAILQ_FIRST(&l->asking);
	if (t != NULL) {
		TAILQ_REMOVE(&l->asking, t, link);
		t->queued = false;
		*ret_asked = t->asked;
		t->asked = 0;
	}
	mutex_unlock(&l->lock);
	return t;
}

static void obey(struct net_loop *l)
{
	struct transfer *t;
	unsigned asked;

	while ((t = next_asking(l, &asked)) != NULL) {
		if ((asked & ASK_DROP) != 0 || atomic_load(&l->interrupted))
			land(l, t, CURLE_ABORTED_BY_CALLBACK, true);
		else if ((asked & ASK_ADD) != 0)
			queue_up(l, t);
		else if ((asked & ASK_RESUME) != 0)
			transfer_resume(t);
	}
}

static void drop_all(struct net_loop *l)
{
	struct transfer *t;

	while ((t = LIST_FIRST(&l->flying)) != NULL)
		land(l, t, CURLE_ABORTED_BY_CALLBACK, true);
}

/* --- the thread --- */

static int timeout_of(const struct net_loop *l)
{
	int64_t left;

	int most = gate_waits_for_time(&l->gate) ? LOOK_MS : -1;

	if (l->timer_ms < 0)
		return most;
	left = l->timer_ms - real_ms();
	if (left <= 0)
		return 0;
	if (most < 0)
		most = INT32_MAX;
	return left < most ? (int)left : most;
}

/* The mark goes before the list is looked at, so that whoever comes later writes again. */
static void read_wake(struct net_loop *l)
{
	uint64_t count;

	(void)!read(l->wake, &count, sizeof(count));
	atomic_store(&l->woken, false);
}

static void serve(struct net_loop *l, const struct epoll_event *event)
{
	int what = 0, running;

	if (event->data.fd == l->wake) {
		read_wake(l);
		return;
	}
	if ((event->events & (EPOLLIN | EPOLLHUP)) != 0)
		what |= CURL_CSELECT_IN;
	if ((event->events & EPOLLOUT) != 0)
		what |= CURL_CSELECT_OUT;
	if ((event->events & EPOLLERR) != 0)
		what |= CURL_CSELECT_ERR;
	curl_multi_socket_action(l->multi, event->data.fd, what, &running);
}

static void turn(struct net_loop *l)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(l->epoll, events, EVENTS, timeout_of(l));
	int running;

	for (int i = 0; i < n; i++)
		serve(l, &events[i]);
	if (timeout_of(l) == 0) {
		l->timer_ms = -1; /* curl says it anew */
		curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	collect(l);
	obey(l);
	if (atomic_load(&l->interrupted))
		drop_all(l);
	let_fly(l);
}

static void run(void *arg)
{
	struct net_loop *l = arg;

	while (!atomic_load(&l->ending))
		turn(l);
}

/* --- start and stop --- */

static bool set_up_multi(struct net_loop *l, const struct net_loop_options *o)
{
	l->multi = curl_multi_init();
	if (l->multi == NULL)
		return false;
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, want_time);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)o->max_connections);
	curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)o->max_connections);
	curl_multi_setopt(
		l->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)o->max_connections_per_host);
	curl_multi_setopt(l->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)o->max_streams);
	return true;
}

static bool set_up_events(struct net_loop *l)
{
	struct epoll_event event = {.events = EPOLLIN};

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	event.data.fd = l->wake;
	return l->epoll >= 0 && l->wake >= 0 &&
	       epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &event) == 0;
}

struct net_loop *net_loop_start(const struct net_loop_options *o, struct fail *f)
{
	struct net_loop *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	l->epoll = l->wake = -1;
	l->timer_ms = -1;
	LIST_INIT(&l->flying);
	TAILQ_INIT(&l->asking);
	gate_init(&l->gate, o->max_connections_per_host, o->max_streams, o->max_lookups);
	mutex_init(&l->lock);
	if (!set_up_multi(l, o))
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	else if (!set_up_events(l))
		(void)fail_errno(f, errno, "watch the sockets of requests to other machines");
	else
		l->started = thread_start(&l->thread, "net", STACK_BYTES, run, l, f);
	if (l->started)
		return l;
	net_loop_stop(l);
	return NULL;
}

static void wake_up(struct net_loop *l)
{
	uint64_t one = 1;

	(void)!write(l->wake, &one, sizeof(one));
}

void net_loop_interrupt(struct net_loop *l)
{
	atomic_store(&l->interrupted, true);
	wake_up(l);
}

void net_loop_stop(struct net_loop *l)
{
	if (l == NULL)
		return;
	if (l->started) {
		atomic_store(&l->ending, true);
		wake_up(l);
		thread_join(&l->thread);
	}
	if (l->multi != NULL)
		curl_multi_cleanup(l->multi);
	gate_finish(&l->gate);
	if (l->epoll >= 0)
		(void)close(l->epoll);
	if (l->wake >= 0)
		(void)close(l->wake);
	mutex_finish(&l->lock);
	free(l);
}

void net_loop_add(struct net_loop *l, struct transfer *t)
{
	ask(l, t, ASK_ADD);
}

void net_loop_drop(struct net_loop *l, struct transfer *t)
{
	ask(l, t, ASK_DROP);
}

void net_loop_resume(struct net_loop *l, struct transfer *t)
{
	ask(l, t, ASK_RESUME);
}

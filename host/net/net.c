/* Requests of one caller, waiting for them, and reading what comes back. */
#include "net/net.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "net/flight.h"
#include "net/loop.h"
#include "net/trust.h"
#include "net/wipe.h"
#include "platform/thread.h"

/* Asking whether the reader is still there costs a system call: soon at first, then seldom. */
#define LOOK_FIRST_MS INT64_C(100)
#define LOOK_MOST_MS  INT64_C(2000)

#define ANSWERS_TIMES 8 /* the longest answer: what all in memory may have together */

#define CLOSE_MS INT64_C(5000) /* for callers that were told to stop */

/* --- opening and closing --- */

static void net_free(struct net *n)
{
	net_loop_stop(n->loop);
	trust_close(n->trust);
	cond_finish(&n->emptied);
	mutex_finish(&n->lock);
	free(n);
}

struct net *net_open(const struct net_options *o, struct fail *f)
{
	const struct net_loop_options loop = {
		.max_connections = o->max_connections,
		.max_connections_per_host = o->max_connections_per_host,
		.max_streams = o->max_streams,
		.max_lookups = o->max_lookups,
	};
	struct net *n = calloc(1, sizeof(*n));

	if (n == NULL || !wipe_curl()) {
		free(n);
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	n->options = *o;
	n->memory.most = (size_t)o->max_answer_bytes * ANSWERS_TIMES;
	mutex_init(&n->lock);
	cond_init(&n->emptied);
	n->trust = trust_open(o->ca_file, f);
	if (n->trust != NULL)
		n->loop = net_loop_start(&loop, f);
	if (n->loop != NULL)
		return n;
	net_free(n);
	return NULL;
}

bool net_close(struct net *n)
{
	int64_t until = clock_mono_ms() + CLOSE_MS;
	bool empty;

	if (n == NULL)
		return true;
	mutex_lock(&n->lock);
	n->closing = true;
	mutex_unlock(&n->lock);
	net_loop_interrupt(n->loop);
	mutex_lock(&n->lock);
	while (n->users > 0 && clock_wait(&n->emptied, &n->lock, until))
		continue;
	empty = n->users == 0;
	mutex_unlock(&n->lock);
	if (empty)
		net_free(n);
	else
		log_error("NET-STUCK", "answers are still being read; they end with the process");
	return empty;
}

bool net_enter(struct net *n)
{
	bool open;

	mutex_lock(&n->lock);
	open = !n->closing;
	if (open)
		n->users++;
	mutex_unlock(&n->lock);
	return open;
}

void net_leave(struct net *n)
{
	mutex_lock(&n->lock);
	n->users--;
	if (n->users == 0)
		cond_broadcast(&n->emptied);
	mutex_unlock(&n->lock);
}

/* --- waiting --- */

struct watch { /* whether the caller still wants it */
	const struct net_caller *caller;
	int64_t look_ms; /* when to ask next */
	int64_t every_ms;
};

static struct watch watch_begin(const struct net_caller *c)
{
	return (struct watch){
		c, c->gone != NULL ? clock_mono_ms() + LOOK_FIRST_MS : CLOCK_NEVER, LOOK_FIRST_MS};
}

static bool is_cancelled(struct watch *w)
{
	const struct net_caller *c = w->caller;
	bool cancelled;

	mutex_lock(c->lock);
	cancelled = *c->cancelled;
	mutex_unlock(c->lock);
	if (cancelled || clock_mono_ms() < w->look_ms)
		return cancelled;
	w->every_ms = w->every_ms * 2 < LOOK_MOST_MS ? w->every_ms * 2 : LOOK_MOST_MS;
	w->look_ms = clock_mono_ms() + w->every_ms;
	cancelled = c->gone(c->ctx);
	thread_spare_stack(); /* the answer takes its time */
	return cancelled;
}

/* Until something came, or the first of all times; the caller must look why it returned. */
static void wait_for(struct watch *w, const struct flight *xs, size_t count)
{
	const struct net_caller *c = w->caller;
	int64_t until = c->deadline_ms < w->look_ms ? c->deadline_ms : w->look_ms;
	bool came = false;

	for (size_t i = 0; i < count; i++) {
		if (xs[i].phase != FLIGHT_ENDED && xs[i].at_ms < until)
			until = xs[i].at_ms;
	}
	mutex_lock(c->lock);
	for (size_t i = 0; i < count; i++)
		came = came || flight_came(&xs[i]);
	if (!came && !*c->cancelled)
		(void)clock_wait(c->wake, c->lock, until);
	mutex_unlock(c->lock);
}

/* True while one is on its way. */
static bool step_all(struct flight *xs, size_t count)
{
	bool alive = false;

	for (size_t i = 0; i < count; i++) {
		while (flight_step(&xs[i]))
			continue;
		alive = alive || xs[i].phase != FLIGHT_ENDED;
	}
	return alive;
}

/* Each ends by itself when the caller's time is over. */
static void drive(const struct net_caller *c, struct flight *xs, size_t count)
{
	struct watch w = watch_begin(c);

	while (step_all(xs, count)) {
		if (!is_cancelled(&w)) {
			wait_for(&w, xs, count);
			continue;
		}
		for (size_t i = 0; i < count; i++)
			flight_cancel(&xs[i]);
	}
}

/* --- requests --- */

static void give_result(struct flight *x, struct net_result *ret)
{
	ret->answer = flight_finish(x);
	ret->end = x->end;
	ret->attempts = x->total;
	ret->sent = x->sent;
	ret->unclear = x->unclear && x->request->mutates;
	ret->retry_after_ms = x->end == NET_THROTTLED ? x->fail->retry_after_ms : 0;
	if (ret->answer == NULL || !x->request->stream)
		net_leave(x->net);
}

static void refuse(struct net_result *ret, bool memory, struct fail *f)
{
	*ret = (struct net_result){.end = memory ? NET_CANCELLED : NET_UNSENT};
	(void)fail_set(f, FAIL_UNAVAILABLE, memory ? "the daemon is ending" : "out of memory");
}

/* Not on the stack: a thread may wait here for long, and so may thousands. */
void net_perform_many(struct net *n, const struct net_caller *c, const struct net_request *rs,
	size_t count, struct net_result *rets, struct fail *fails)
{
	struct flight *xs = calloc(count > 0 ? count : 1, sizeof(*xs));
	size_t entered = 0;

	while (xs != NULL && entered < count && net_enter(n)) {
		flight_begin(&xs[entered], n, c, &rs[entered], &fails[entered]);
		entered++;
	}
	for (size_t i = entered; i < count; i++)
		refuse(&rets[i], xs != NULL, &fails[i]);
	if (entered > 0)
		drive(c, xs, entered);
	for (size_t i = 0; i < entered; i++)
		give_result(&xs[i], &rets[i]);
	free(xs);
}

void net_perform(struct net *n, const struct net_caller *c, const struct net_request *r,
	struct net_result *ret, struct fail *f)
{
	net_perform_many(n, c, r, 1, ret, f);
}

/* --- answers --- */

int net_answer_status(const struct net_answer *a)
{
	return a->transfer->head.status;
}

const struct head *net_answer_head(const struct net_answer *a)
{
	return &a->transfer->head;
}

const char *net_answer_bytes(const struct net_answer *a, size_t *ret_n)
{
	*ret_n = a->transfer->body.n;
	return a->transfer->body.n > 0 ? a->transfer->body.p : "";
}

bool net_answer_is_stream(const struct net_answer *a)
{
	return a->stream;
}

/* Takes what is there; false: nothing yet. */
static bool take(struct net_answer *a, void *bytes, size_t cap, size_t *ret_n, bool *ret_ended)
{
	struct transfer *t = a->transfer;
	bool resume;

	mutex_lock(t->options.lock);
	*ret_n = transfer_take(t, bytes, cap, &resume);
	*ret_ended = t->ended;
	mutex_unlock(t->options.lock);
	if (resume)
		net_loop_resume(a->net->loop, t);
	return *ret_n > 0;
}

static void wait_for_more(struct watch *w, const struct transfer *t)
{
	const struct net_caller *c = w->caller;
	int64_t until = c->deadline_ms < w->look_ms ? c->deadline_ms : w->look_ms;

	mutex_lock(c->lock);
	if (!t->ended && t->read_at == t->body.n && !*c->cancelled)
		(void)clock_wait(c->wake, c->lock, until);
	mutex_unlock(c->lock);
}

bool net_answer_read(struct net_answer *a, const struct net_caller *c, void *bytes, size_t cap,
	size_t *ret_n, struct fail *f)
{
	struct watch w = watch_begin(c);
	bool ended;

	while (!take(a, bytes, cap, ret_n, &ended)) {
		if (ended && a->transfer->end == TRANSFER_ANSWERED)
			return true;
		if (ended)
			return fail_set(f, FAIL_UPSTREAM, "the answer ended before its end: %s",
				a->transfer->error);
		if (is_cancelled(&w))
			return fail_set(f, FAIL_UNAVAILABLE, "the call was stopped");
		if (clock_mono_ms() >= c->deadline_ms)
			return fail_set(
				f, FAIL_DEADLINE, "nothing more of the answer came in time");
		wait_for_more(&w, a->transfer);
	}
	return true;
}

bool net_answer_whole(struct net_answer *a, size_t max)
{
	const struct transfer *t = a->transfer;
	bool whole;

	mutex_lock(t->options.lock);
	whole = t->ended && t->end == TRANSFER_ANSWERED && t->body.n - t->read_at <= max;
	mutex_unlock(t->options.lock);
	return whole;
}

static void land_stream(struct net_answer *a)
{
	const struct net_caller c = {
		.lock = a->transfer->options.lock, .wake = a->transfer->options.wake};

	net_loop_drop(a->net->loop, a->transfer);
	flight_await(&c, a->transfer);
}

void net_answer_close(struct net_answer *a)
{
	struct net *n;

	if (a == NULL)
		return;
	n = a->net;
	if (a->stream)
		land_stream(a);
	transfer_free(a->transfer);
	curl_url_cleanup(a->url);
	free(a->headers);
	if (a->stream)
		net_leave(n);
	free(a);
}

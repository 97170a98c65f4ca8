/* Listeners, their front threads, the exchanges at work, and how all of it ends. */
#include "http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/turn.h"
#include "config/config.h"
#include "http/front.h"
#include "http/handed.h"
#include "http/internal.h"
#include "platform/fs.h"

#define FLUSH_MS 1000 /* for answers still being sent at the very end */

struct server {
	const struct config *config;
	const struct route *routes;
	size_t route_count;
	struct app *app;
	char body_dir[4096];
	struct front *fronts;
	size_t front_count;
	atomic_size_t holders;   /* the owner and every exchange */
	atomic_bool draining;    /* connections are not kept any longer */
	atomic_size_t attached;  /* exchanges that have a connection */
	atomic_size_t suspended; /* connections, until resuming them is over */

	struct mutex lock;
	struct cond changed;   /* attached or suspended is zero, and somebody may wait for it */
	struct exchange *work; /* whose handler still owes something */
	bool stopping;         /* new work is answered 503 */
	bool *defers;          /* per route: its handler has once returned without an answer */
};

void server_hold(struct server *s)
{
	atomic_fetch_add(&s->holders, 1);
}

void server_release(struct server *s)
{
	if (atomic_fetch_sub(&s->holders, 1) > 1)
		return;
	cond_finish(&s->changed);
	mutex_finish(&s->lock);
	free(s->defers);
	free(s->fronts);
	free(s);
}

struct app *server_app(const struct server *s)
{
	return s->app;
}

const struct route *server_routes(const struct server *s, size_t *ret_count)
{
	*ret_count = s->route_count;
	return s->routes;
}

bool server_draining(struct server *s)
{
	return atomic_load(&s->draining);
}

/* --- the exchanges at work --- */

/* Who waits for zero has set draining before it looks, so one of the two sees the other. */
static void count_down(struct server *s, atomic_size_t *counter)
{
	if (atomic_fetch_sub(counter, 1) > 1 || !atomic_load(&s->draining))
		return;
	mutex_lock(&s->lock);
	cond_broadcast(&s->changed);
	mutex_unlock(&s->lock);
}

void server_attach(struct server *s)
{
	atomic_fetch_add(&s->attached, 1);
}

void server_detach(struct server *s)
{
	count_down(s, &s->attached);
}

bool server_join(struct exchange *x)
{
	struct server *s = x->front->server;
	bool welcome;

	mutex_lock(&s->lock);
	x->next = s->work;
	if (s->work != NULL)
		s->work->prev = x;
	s->work = x;
	x->front->working++;
	if (x->route != NULL && !x->answered)
		s->defers[x->route - s->routes] = true;
	welcome = !s->stopping;
	x->forced = !welcome;
	mutex_unlock(&s->lock);
	return welcome;
}

void server_leave(struct exchange *x)
{
	struct server *s = x->front->server;

	mutex_lock(&s->lock);
	if (x->prev != NULL)
		x->prev->next = x->next;
	else
		s->work = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	x->front->working--;
	mutex_unlock(&s->lock);
}

bool server_busy(const struct exchange *x)
{
	struct front *front = x->front;
	struct server *s = front->server;
	bool busy;

	mutex_lock(&s->lock);
	busy = s->defers[x->route - s->routes] &&
	       front->working >= (size_t)front->config->max_requests;
	mutex_unlock(&s->lock);
	return busy;
}

void server_suspended(struct front *front)
{
	atomic_fetch_add(&front->server->suspended, 1);
}

static void wake_put_off(void *arg)
{
	struct front *front = arg;
	struct server *s = front->server;

	loop_wake(&front->loop);
	count_down(s, &s->suspended);
	server_release(s);
}

/* The writer of the store answers whole groups: their front is woken when all are answered. */
static void wake(struct front *front)
{
	enum turn_put put = turn_put_off(wake_put_off, front);

	if (put == TURN_NONE) {
		loop_wake(&front->loop);
	} else if (put == TURN_FIRST) {
		atomic_fetch_add(&front->server->suspended, 1);
		server_hold(front->server);
	}
}

/* The daemon must not end under a thread that is inside this call, so it counts as suspended
 * until the call is over, and a front as long as it is still to be woken. */
void server_resume(struct exchange *x)
{
	struct server *s = x->front->server;

	MHD_resume_connection(x->connection);
	wake(x->front);
	count_down(s, &s->suspended);
}

/* --- start --- */

static const char *admin_socket(const struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++)
		if (config->listeners[i].unix_path != NULL)
			return config->listeners[i].unix_path;
	return "none is configured";
}

static struct server *server_create(const struct config *config, const struct route *routes,
	size_t count, struct app *app, struct fail *f)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->fronts = calloc(config->listener_count, sizeof(*s->fronts))) == NULL ||
		(s->defers = calloc(count + 1, sizeof(*s->defers))) == NULL) {
		if (s != NULL)
			free(s->fronts);
		free(s);
		fail_set(f, FAIL_INTERNAL, "out of memory");
		return NULL;
	}
	s->config = config;
	s->routes = routes;
	s->route_count = count;
	s->app = app;
	atomic_init(&s->holders, 1);
	atomic_init(&s->draining, false);
	atomic_init(&s->attached, 0);
	atomic_init(&s->suspended, 0);
	mutex_init(&s->lock);
	cond_init(&s->changed);
	return s;
}

static void front_init(struct server *s, struct front *front, const struct config_listener *config)
{
	front->server = s;
	front->config = config;
	front->admin_socket = admin_socket(s->config);
	front->body_limits = (struct body_limits){
		.memory = s->config->max_body_memory_bytes,
		.total = s->config->max_body_bytes,
		.dir = s->body_dir,
	};
}

static bool start_each(struct server *s, struct handed *handed, struct fail *f)
{
	const struct config *c = s->config;

	for (size_t i = 0; i < c->listener_count; i++) {
		struct front *front = &s->fronts[i];

		front_init(s, front, &c->listeners[i]);
		if (!front_start(front, (size_t)c->max_header_bytes, handed, f))
			return false;
		s->front_count++;
	}
	return true;
}

static bool start_fronts(struct server *s, struct fail *f)
{
	struct handed handed;
	bool ok;

	handed_take(&handed);
	ok = start_each(s, &handed, f);
	handed_close(&handed);
	return ok;
}

struct server *server_start(const struct config *config, const struct route *routes, size_t count,
	struct app *app, struct fail *f)
{
	struct server *s = server_create(config, routes, count, app, f);

	if (s == NULL)
		return NULL;
	if (fs_join(s->body_dir, sizeof(s->body_dir), config->data_dir, "tmp", f) &&
		fs_mkdirs(s->body_dir, f) && start_fronts(s, f))
		return s;
	server_stop(s, 0);
	return NULL;
}

int server_port(const struct server *s, size_t listener)
{
	return listener < s->front_count ? listen_port(&s->fronts[listener].socket) : 0;
}

/* --- stop --- */

/* Waits until the counter is zero, at most until mono_ms. The lock is held. */
static bool wait_for_zero(struct server *s, const atomic_size_t *counter, int64_t mono_ms)
{
	while (atomic_load(counter) > 0)
		if (!clock_wait(&s->changed, &s->lock, mono_ms))
			return atomic_load(counter) == 0;
	return true;
}

static void drain(struct server *s, int drain_ms)
{
	atomic_store(&s->draining, true);
	for (size_t i = 0; i < s->front_count; i++)
		front_quiesce(&s->fronts[i]);
	mutex_lock(&s->lock);
	wait_for_zero(s, &s->attached, clock_mono_ms() + drain_ms);
	mutex_unlock(&s->lock);
}

/* One exchange that has not been told yet, held for the caller; NULL: none. */
static struct exchange *next_unforced(struct server *s)
{
	struct exchange *x;

	mutex_lock(&s->lock);
	for (x = s->work; x != NULL && x->forced; x = x->next)
		;
	if (x != NULL) {
		x->forced = true;
		atomic_fetch_add(&x->holders, 1);
	}
	mutex_unlock(&s->lock);
	return x;
}

/* Answers for the handlers that are late. Theirs is dropped whenever it comes. */
static void force_all(struct server *s)
{
	struct exchange *x;
	size_t n = 0;

	mutex_lock(&s->lock);
	s->stopping = true;
	mutex_unlock(&s->lock);
	for (; (x = next_unforced(s)) != NULL; n++) {
		server_refuse_stopping(x);
		exchange_release(x);
	}
	if (n > 0)
		log_warn(
			"HTTP-STOP-FORCED", "requests=%zu were answered 503: their time was up", n);
	mutex_lock(&s->lock);
	/* Every suspended connection has now been or is being resumed: this cannot hang. */
	wait_for_zero(s, &s->suspended, CLOCK_NEVER);
	wait_for_zero(s, &s->attached, clock_mono_ms() + FLUSH_MS);
	mutex_unlock(&s->lock);
}

void server_refuse_stopping(struct exchange *x)
{
	struct fail f;

	fail_set(&f, FAIL_UNAVAILABLE, "the daemon is stopping");
	exchange_force(x, &f);
}

void server_stop(struct server *s, int drain_ms)
{
	if (s == NULL)
		return;
	drain(s, drain_ms);
	force_all(s);
	for (size_t i = 0; i < s->front_count; i++)
		front_stop(&s->fronts[i]);
	server_release(s);
}

/* Shuts down connections that take too long to say what they want. */
#include "http/peers.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"

#define LOOK_EVERY_MS 500
#define LINGER_LOOKS  20 /* with nobody there, before the thread sleeps until it is woken */

struct peer {
	struct peer *next;
	struct peer *prev;
	int fd;
	int64_t bytes;                    /* of its requests */
	_Atomic int64_t deadline_mono_ms; /* set for each part of a request: without the lock */
};

/* The lock is held. A descriptor shut down twice does no harm. */
static void cut_late(struct peers *p, int64_t now)
{
	for (struct peer *peer = p->first; peer != NULL; peer = peer->next) {
		int64_t deadline = atomic_load(&peer->deadline_mono_ms);

		/* Not where it was put off meanwhile. */
		if (deadline <= now && atomic_compare_exchange_strong(
					       &peer->deadline_mono_ms, &deadline, CLOCK_NEVER))
			shutdown(peer->fd, SHUT_RDWR);
	}
}

static void watch(void *arg)
{
	struct peers *p = arg;
	int empty = LINGER_LOOKS;

	mutex_lock(&p->lock);
	while (!p->ending) {
		int64_t now = clock_mono_ms();

		cut_late(p, now);
		empty = p->first != NULL ? 0 : empty + 1;
		/* Waking it for each of many short connections would cost more than looking. */
		p->asleep = empty > LINGER_LOOKS;
		clock_wait(&p->changed, &p->lock, p->asleep ? CLOCK_NEVER : now + LOOK_EVERY_MS);
	}
	mutex_unlock(&p->lock);
}

bool peers_start(struct peers *p, struct fail *f)
{
	mutex_init(&p->lock);
	cond_init(&p->changed);
	if (thread_start(&p->thread, "http-deadlines", 0, watch, p, f))
		return true;
	cond_finish(&p->changed);
	mutex_finish(&p->lock);
	return false;
}

void peers_stop(struct peers *p)
{
	mutex_lock(&p->lock);
	p->ending = true;
	cond_signal(&p->changed);
	mutex_unlock(&p->lock);
	thread_join(&p->thread);
	cond_finish(&p->changed);
	mutex_finish(&p->lock);
}

struct peer *peers_add(struct peers *p, int fd, int64_t deadline_mono_ms)
{
	struct peer *peer = malloc(sizeof(*peer));

	if (peer == NULL)
		return NULL;
	peer->prev = NULL;
	peer->fd = fd;
	peer->bytes = 0;
	atomic_init(&peer->deadline_mono_ms, deadline_mono_ms);
	mutex_lock(&p->lock);
	peer->next = p->first;
	if (p->first != NULL)
		p->first->prev = peer;
	p->first = peer;
	if (p->asleep)
		cond_signal(&p->changed);
	mutex_unlock(&p->lock);
	return peer;
}

void peers_set(struct peer *peer, int64_t deadline_mono_ms)
{
	atomic_store_explicit(&peer->deadline_mono_ms, deadline_mono_ms, memory_order_relaxed);
}

int64_t peers_count(struct peer *peer, int64_t bytes)
{
	peer->bytes += bytes;
	return peer->bytes;
}

struct peer *peers_of(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void peers_remove(struct peers *p, struct peer *peer)
{
	if (peer == NULL)
		return;
	mutex_lock(&p->lock);
	if (peer->prev != NULL)
		peer->prev->next = peer->next;
	else
		p->first = peer->next;
	if (peer->next != NULL)
		peer->next->prev = peer->prev;
	mutex_unlock(&p->lock);
	free(peer);
}

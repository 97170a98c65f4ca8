/* transport - see transport.h. */
#include "process/transport.h"

#include <stdlib.h>

#define IDLE_MAX 16

static void transport_free(struct transport *t)
{
	curl_easy_cleanup(t->easy);
	if (t->multi != NULL)
		curl_multi_cleanup(t->multi);
	free(t->held);
	free(t);
}

static struct transport *transport_new(void)
{
	struct transport *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->multi = curl_multi_init();
	t->easy = curl_easy_init();
	t->held = malloc(TRANSPORT_HELD_MAX + CURL_MAX_WRITE_SIZE);
	if (t->multi != NULL && t->easy != NULL && t->held != NULL)
		return t;
	transport_free(t);
	return NULL;
}

void transports_open(struct transports *all)
{
	mutex_init(&all->lock);
	SLIST_INIT(&all->idle);
	all->count = 0;
}

void transports_close(struct transports *all)
{
	struct transport *t;

	while ((t = SLIST_FIRST(&all->idle)) != NULL) {
		SLIST_REMOVE_HEAD(&all->idle, link);
		transport_free(t);
	}
	mutex_finish(&all->lock);
}

struct transport *transport_take(struct transports *all)
{
	struct transport *t;

	mutex_lock(&all->lock);
	t = SLIST_FIRST(&all->idle);
	if (t != NULL) {
		SLIST_REMOVE_HEAD(&all->idle, link);
		all->count--;
	}
	mutex_unlock(&all->lock);
	return t != NULL ? t : transport_new();
}

void transport_give(struct transports *all, struct transport *t)
{
	bool kept;

	if (t == NULL)
		return;
	curl_multi_remove_handle(t->multi, t->easy); /* closes its connection */
	curl_easy_reset(t->easy);
	mutex_lock(&all->lock);
	kept = all->count < IDLE_MAX;
	if (kept) {
		SLIST_INSERT_HEAD(&all->idle, t, link);
		all->count++;
	}
	mutex_unlock(&all->lock);
	if (!kept)
		transport_free(t);
}

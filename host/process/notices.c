/* notices - see notices.h. */
#include "process/notices.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct notice {
	char name[RUN_NAME_MAX + 1];
	bool spawned;
	bool taken;         /* the thread has seen it */
	int64_t until_mono; /* expected */
	LIST_ENTRY(notice) link;
};

void notices_init(struct notices *all)
{
	mutex_init(&all->lock);
	LIST_INIT(&all->list);
	all->closed = false;
}

void notices_finish(struct notices *all)
{
	struct notice *n, *next;

	for (n = LIST_FIRST(&all->list); n != NULL; n = next) {
		next = LIST_NEXT(n, link);
		free(n);
	}
	mutex_finish(&all->lock);
}

/* The lock is held. */
static struct notice *find(const struct notices *all, const char *name)
{
	struct notice *n;

	LIST_FOREACH(n, &all->list, link)
	{
		if (strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}

void notices_post(struct notices *all, const char *name, bool spawned)
{
	struct notice *n;

	mutex_lock(&all->lock);
	n = find(all, name);
	if (n == NULL) {
		n = calloc(1, sizeof(*n));
		if (n == NULL)
			goto out;
		snprintf(n->name, sizeof(n->name), "%s", name);
		LIST_INSERT_HEAD(&all->list, n, link);
	}
	n->spawned = spawned;
	n->taken = false;
	n->until_mono = clock_mono_ms() + NOTICE_EXPECT_MS;
out:
	mutex_unlock(&all->lock);
}

bool notices_take(struct notices *all, char ret_name[RUN_NAME_MAX + 1], bool *ret_spawned)
{
	struct notice *n;

	mutex_lock(&all->lock);
	LIST_FOREACH(n, &all->list, link)
	{
		if (!n->taken)
			break;
	}
	if (n != NULL) {
		n->taken = true;
		memcpy(ret_name, n->name, sizeof(n->name));
		*ret_spawned = n->spawned;
	}
	mutex_unlock(&all->lock);
	return n != NULL;
}

bool notices_expect(struct notices *all, const char *name)
{
	const struct notice *n;
	bool expected;

	mutex_lock(&all->lock);
	n = find(all, name);
	expected = n != NULL && clock_mono_ms() < n->until_mono;
	mutex_unlock(&all->lock);
	return expected;
}

void notices_forget(struct notices *all, const char *name)
{
	struct notice *n;

	mutex_lock(&all->lock);
	n = find(all, name);
	if (n != NULL && n->taken) {
		LIST_REMOVE(n, link);
		free(n);
	}
	mutex_unlock(&all->lock);
}

void notices_close(struct notices *all)
{
	mutex_lock(&all->lock);
	all->closed = true;
	mutex_unlock(&all->lock);
}

bool notices_closed(struct notices *all)
{
	bool closed;

	mutex_lock(&all->lock);
	closed = all->closed;
	mutex_unlock(&all->lock);
	return closed;
}

/* busy - see busy.h. */
#include "process/busy.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"

#define HOLD_MS 60000

void busy_init(struct busy *b)
{
	mutex_init(&b->lock);
	cond_init(&b->released);
	SLIST_INIT(&b->names);
}

void busy_finish(struct busy *b)
{
	cond_finish(&b->released);
	mutex_finish(&b->lock);
}

/* The lock is held. */
static bool find(const struct busy *b, const char *name)
{
	const struct busy_name *n;

	SLIST_FOREACH(n, &b->names, link)
	{
		if (strcmp(n->name, name) == 0)
			return true;
	}
	return false;
}

bool busy_hold(struct busy *b, const char *name, struct busy_name *held, struct fail *f)
{
	int64_t deadline = clock_mono_ms() + HOLD_MS;
	bool good = true;

	snprintf(held->name, sizeof(held->name), "%s", name);
	mutex_lock(&b->lock);
	while (good && find(b, name))
		good = clock_wait(&b->released, &b->lock, deadline);
	if (good)
		SLIST_INSERT_HEAD(&b->names, held, link);
	mutex_unlock(&b->lock);
	return good || fail_set(f, FAIL_UNAVAILABLE, "process %s is being worked on", name);
}

void busy_release(struct busy *b, struct busy_name *held)
{
	mutex_lock(&b->lock);
	SLIST_REMOVE(&b->names, held, busy_name, link);
	cond_broadcast(&b->released);
	mutex_unlock(&b->lock);
}

bool busy_is(struct busy *b, const char *name)
{
	bool busy;

	mutex_lock(&b->lock);
	busy = find(b, name);
	mutex_unlock(&b->lock);
	return busy;
}

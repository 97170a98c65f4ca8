/* watch - who waits for a job to reach a state, and answering them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "jobs/internal.h"
#include "store/store.h"

static void fire(struct tracker *t, struct watcher *w)
{
	LIST_REMOVE(w, entry_link);
	TAILQ_REMOVE(&t->waiting, w, link);
	w->fired = true;
	TAILQ_INSERT_TAIL(&t->fired, w, link);
	cond_signal(&t->wake);
}

void tracker_fire(struct tracker *t, struct open_job *e)
{
	struct watcher *w = LIST_FIRST(&e->watchers);
	bool ended = (JOB_BIT(e->state) & JOB_TERMINAL) != 0;

	while (w != NULL) {
		struct watcher *next = LIST_NEXT(w, entry_link);

		if (ended || (w->states & JOB_BIT(e->state)))
			fire(t, w);
		w = next;
	}
}

int64_t tracker_watch_next(const struct tracker *t)
{
	int64_t next = CLOCK_NEVER;
	const struct watcher *w;

	if (!TAILQ_EMPTY(&t->fired))
		return 0;
	TAILQ_FOREACH(w, &t->waiting, link)
	{
		if (w->deadline_mono < next)
			next = w->deadline_mono;
	}
	return next;
}

void tracker_watch_expire(struct tracker *t, int64_t mono_ms)
{
	struct watcher *w = TAILQ_FIRST(&t->waiting);

	while (w != NULL) {
		struct watcher *next = TAILQ_NEXT(w, link);

		if (w->deadline_mono <= mono_ms)
			fire(t, w);
		w = next;
	}
}

/* Reads the job and tells it; no lock held. */
static void answer(struct tracker *t, const char *id, tracker_watched *done, void *ctx)
{
	struct job job = {0};
	struct fail f;

	done(store_job(t->options.store, id, &job, &f) ? &job : NULL, ctx);
	job_finish(&job);
}

bool tracker_watch_answer(struct tracker *t)
{
	struct watcher *w = TAILQ_FIRST(&t->fired);

	if (w == NULL)
		return false;
	TAILQ_REMOVE(&t->fired, w, link);
	mutex_unlock(&t->lock);
	answer(t, w->id, w->done, w->ctx);
	free(w);
	mutex_lock(&t->lock);
	return true;
}

static struct watcher *watcher_new(
	const char *id, unsigned states, int64_t wait_ms, tracker_watched *done, void *ctx)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	memcpy(w->id, id, strlen(id) + 1);
	w->states = states;
	w->deadline_mono = clock_mono_ms() + wait_ms;
	w->done = done;
	w->ctx = ctx;
	return w;
}

/* Registers a watcher where there is something to wait for. */
static bool wait_for(struct tracker *t, const char *id, unsigned states, int64_t wait_ms,
	tracker_watched *done, void *ctx)
{
	struct open_job *e;
	struct watcher *w = NULL;

	mutex_lock(&t->lock);
	e = t->stopping ? NULL : entries_find(&t->entries, id);
	if (e != NULL && !(states & JOB_BIT(e->state)) && wait_ms > 0)
		w = watcher_new(e->id, states, wait_ms, done, ctx);
	if (w != NULL) {
		LIST_INSERT_HEAD(&e->watchers, w, entry_link);
		TAILQ_INSERT_TAIL(&t->waiting, w, link);
		cond_signal(&t->wake);
	}
	mutex_unlock(&t->lock);
	return w != NULL;
}

void tracker_watch(struct tracker *t, const char *id, unsigned states, int64_t wait_ms,
	tracker_watched *done, void *ctx)
{
	if (!wait_for(t, id, states, wait_ms, done, ctx))
		answer(t, id, done, ctx);
}

/* watch - who waits for a job to reach a state, and answering them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "jobs/errand.h"
#include "jobs/internal.h"
#include "store/store.h"

static void fire(struct tracker *t, struct watcher *w)
{
	LIST_REMOVE(w, entry_link);
	TAILQ_REMOVE(&t->waiting, w, link);
	TAILQ_INSERT_TAIL(&t->fired, w, link);
	cond_signal(&t->wake);
}

/* Fires those watchers of e that wait for this: a state, or a word of the provider. */
static void fire_those(struct tracker *t, struct open_job *e, bool spoken)
{
	struct watcher *w = LIST_FIRST(&e->watchers);
	bool ended = (JOB_BIT(e->state) & JOB_TERMINAL) != 0;

	while (w != NULL) {
		struct watcher *next = LIST_NEXT(w, entry_link);

		if (ended || (spoken && w->refreshed != NULL) || (w->states & JOB_BIT(e->state)))
			fire(t, w);
		w = next;
	}
}

void tracker_fire(struct tracker *t, struct open_job *e)
{
	fire_those(t, e, false);
}

void tracker_fire_refreshed(struct tracker *t, struct open_job *e)
{
	fire_those(t, e, true);
}

void tracker_fire_impatient(struct tracker *t, struct open_job *e, int64_t due_mono)
{
	struct watcher *w = LIST_FIRST(&e->watchers);

	while (w != NULL) {
		struct watcher *next = LIST_NEXT(w, entry_link);

		if (w->patience_mono != 0 && w->patience_mono < due_mono)
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

/* As age_ms of tracker_refresh(). Lock held. */
static int64_t age_of(const struct tracker *t, const char *id)
{
	const struct open_job *e = entries_find(&t->entries, id);

	if (e == NULL || e->state != JOB_RUNNING || e->flow)
		return 0;
	return e->asked_mono == 0 ? -1 : clock_mono_ms() - e->asked_mono;
}

/* Reads the job and tells it; no lock held. */
static void answer(struct tracker *t, const struct watcher *w, int64_t age_ms)
{
	struct job job = {0};
	struct fail f;
	const struct job *found = store_job(t->options.store, w->id, &job, &f) ? &job : NULL;

	if (w->refreshed != NULL)
		w->refreshed(found, age_ms, w->ctx);
	else
		w->done(found, w->ctx);
	job_finish(&job);
}

bool tracker_watch_answer(struct tracker *t)
{
	struct watcher *w = TAILQ_FIRST(&t->fired);
	int64_t age;

	if (w == NULL)
		return false;
	TAILQ_REMOVE(&t->fired, w, link);
	age = age_of(t, w->id);
	mutex_unlock(&t->lock);
	answer(t, w, age);
	free(w);
	mutex_lock(&t->lock);
	return true;
}

/* Makes e's watchers one more, a copy of wanted; false: out of memory. Lock held. */
static bool wait_for(struct tracker *t, struct open_job *e, const struct watcher *wanted)
{
	struct watcher *w = malloc(sizeof(*w));

	if (w == NULL)
		return false;
	*w = *wanted;
	LIST_INSERT_HEAD(&e->watchers, w, entry_link);
	TAILQ_INSERT_TAIL(&t->waiting, w, link);
	cond_signal(&t->wake);
	return true;
}

static struct watcher watcher_of(const char *id, int64_t wait_ms, void *ctx)
{
	struct watcher w = {.deadline_mono = clock_mono_ms() + wait_ms, .ctx = ctx};

	(void)snprintf(w.id, sizeof(w.id), "%s", id);
	return w;
}

/* Is there something for w to wait for? Lock held. */
static bool waits_for(const struct watcher *w, const struct open_job *e)
{
	bool far = w->patience_mono != 0 && e->busy == ENTRY_IDLE && !e->stalled &&
	           e->due_mono > w->patience_mono;

	return !(w->states & JOB_BIT(e->state)) && !far;
}

/* Waits as w says, or answers it now. */
static void watch(struct tracker *t, const struct watcher *w, int64_t wait_ms)
{
	struct open_job *e;
	bool waits;

	mutex_lock(&t->lock);
	e = t->stopping ? NULL : entries_find(&t->entries, w->id);
	waits = e != NULL && waits_for(w, e) && wait_ms > 0 && wait_for(t, e, w);
	mutex_unlock(&t->lock);
	if (!waits)
		answer(t, w, 0);
}

void tracker_watch(struct tracker *t, const char *id, unsigned states, int64_t wait_ms,
	tracker_watched *done, void *ctx)
{
	struct watcher w = watcher_of(id, wait_ms, ctx);

	w.states = states;
	w.done = done;
	watch(t, &w, wait_ms);
}

void tracker_watch_errand(struct tracker *t, const char *id, int64_t patience_ms, int64_t wait_ms,
	tracker_watched *done, void *ctx)
{
	struct watcher w = watcher_of(id, wait_ms, ctx);

	w.states = JOB_TERMINAL;
	w.patience_mono = clock_mono_ms() + patience_ms;
	w.done = done;
	watch(t, &w, wait_ms);
}

/* Is the last word of the provider older than that, and can it be asked now? Lock held. */
static bool stale(const struct open_job *e, int64_t max_age_ms)
{
	return e->state == JOB_RUNNING && !e->flow && clock_mono_ms() - e->asked_mono > max_age_ms;
}

void tracker_refresh(struct tracker *t, const char *id, int64_t max_age_ms, int64_t wait_ms,
	tracker_refreshed *done, void *ctx)
{
	struct watcher w = watcher_of(id, wait_ms, ctx);
	struct open_job *e;
	int64_t age;
	bool waits;

	w.refreshed = done;
	mutex_lock(&t->lock);
	e = t->stopping ? NULL : entries_find(&t->entries, id);
	waits = e != NULL && stale(e, max_age_ms) && wait_for(t, e, &w);
	if (waits && e->busy == ENTRY_IDLE)
		entries_due(&t->entries, e, clock_mono_ms());
	age = age_of(t, id);
	mutex_unlock(&t->lock);
	if (!waits)
		answer(t, &w, age);
}

/* waiting - why a job waits, and what has its turn before it; see queues.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "config/config.h"
#include "jobs/internal.h"
#include "jobs/queues.h"

const char *queue_because_word(enum queue_because because)
{
	static const char *const words[] = {
		[WAIT_CAPACITY] = "capacity",
		[WAIT_PAUSED] = "paused",
		[WAIT_FAIR_SHARE] = "fair_share",
		[WAIT_PROVIDER] = "provider",
	};

	return words[because];
}

static int64_t clamp(int64_t value, int64_t most)
{
	if (value < 0)
		return 0;
	return value < most ? value : most;
}

/*
 * How many jobs of q start before the one that has before others of p ahead of it, if places
 * become free one by one and none of what starts ends meanwhile: q starts until it runs as
 * many as p will then.
 */
static int64_t ahead_in(const struct project *q, const struct project *p, int64_t before)
{
	int64_t waiting = (int64_t)q->line.count;
	bool first = q->served != p->served
	                     ? q->served < p->served
	                     : strcmp(line_first(&q->line)->id, line_first(&p->line)->id) < 0;

	if (q->settings.priority != p->settings.priority)
		return q->settings.priority > p->settings.priority ? waiting : 0;
	return clamp(p->running + before - q->running + (first ? 1 : 0), waiting);
}

static int64_t ahead_of(const struct project *p, int64_t before)
{
	const struct lane *lane = p->lane;
	int64_t ahead = before;

	for (size_t i = 0; i < lane->ready_count; i++) {
		if (lane->ready[i] != p)
			ahead += ahead_in(lane->ready[i], p, before);
	}
	return ahead;
}

static void say_paused(const struct lane *lane, const struct project *p, struct queue_wait *w)
{
	w->because = WAIT_PAUSED;
	if (lane->settings.paused)
		(void)snprintf(w->text, sizeof(w->text),
			"the queue of provider '%s' is paused: nothing starts until an operator "
			"resumes it",
			lane->provider);
	else
		(void)snprintf(w->text, sizeof(w->text),
			"project '%s' is paused at provider '%s': nothing of it starts until an "
			"operator resumes it",
			p->name, lane->provider);
}

static void say_full(const struct lane *lane, bool site, struct queue_wait *w)
{
	char whose[128];

	if (site)
		(void)snprintf(whose, sizeof(whose), "this site");
	else
		(void)snprintf(whose, sizeof(whose), "provider '%s'", lane->provider);
	if (w->capacity == 0)
		(void)snprintf(w->text, sizeof(w->text),
			"%s accepts jobs and starts none: max_running is 0", whose);
	else if (w->running < w->capacity)
		(void)snprintf(w->text, sizeof(w->text), "it is about to start");
	else if (w->ahead == 0)
		(void)snprintf(w->text, sizeof(w->text),
			"%" PRId64 " of %" PRId64
			" places of %s are taken; it starts when the next one is free",
			w->running, w->capacity, whose);
	else
		(void)snprintf(w->text, sizeof(w->text),
			"%" PRId64 " of %" PRId64 " places of %s are taken, and %" PRId64
			" job%s before it",
			w->running, w->capacity, whose, w->ahead,
			w->ahead == 1 ? " starts" : "s start");
}

static void explain(const struct tracker *t, const struct project *p, struct queue_wait *w)
{
	const struct lane *lane = p->lane;
	int64_t most = t->options.config->max_running;
	bool site = lane->running < lane->max_running && t->running >= most;

	w->running = site ? t->running : lane->running;
	w->capacity = site ? most : lane->max_running;
	w->because = w->position == 1 && w->ahead > 0 ? WAIT_FAIR_SHARE : WAIT_CAPACITY;
	if (!lane->loaded) {
		w->because = WAIT_PROVIDER;
		(void)snprintf(w->text, sizeof(w->text),
			"provider '%s' is not loaded: enable it and restart the daemon",
			lane->provider);
	} else if (lane->settings.paused || p->settings.paused) {
		say_paused(lane, p, w);
	} else {
		say_full(lane, site, w);
	}
}

bool tracker_waiting(struct tracker *t, const char *id, struct queue_wait *ret_wait)
{
	const struct open_job *e;
	bool waits;

	*ret_wait = (struct queue_wait){0};
	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	waits = e != NULL && e->queued;
	if (waits) {
		int64_t before = (int64_t)line_before(&e->project->line, e);

		ret_wait->position = before + 1;
		ret_wait->ahead = ahead_of(e->project, before);
		explain(t, e->project, ret_wait);
	}
	mutex_unlock(&t->lock);
	return waits;
}

/* Is there a place for e and all who wait at its provider? A flow takes none itself: the step
 * that will does not wait yet. */
static bool is_free(const struct tracker *t, const struct open_job *e)
{
	const struct lane *lane = e->lane;
	int64_t waiting = lane->waiting + (e->flow ? 1 : 0);

	return lane_open(lane) && !e->project->settings.paused &&
	       lane->running + waiting <= lane->max_running &&
	       t->running + waiting <= t->options.config->max_running;
}

bool tracker_may_start(struct tracker *t, const char *id)
{
	const struct open_job *e;
	bool may;

	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	may = e != NULL && ((!e->queued && !e->flow) || is_free(t, e));
	mutex_unlock(&t->lock);
	return may;
}

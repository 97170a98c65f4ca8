/* lane - see lane.h. */
#include "jobs/lane.h"

#include <stdlib.h>
#include <string.h>

#include "jobs/entry.h"

#define CAP_LEAST 4

struct lane *lane_new(const char *provider)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	if (lane == NULL)
		return NULL;
	lane->provider = strdup(provider);
	if (lane->provider == NULL) {
		free(lane);
		return NULL;
	}
	lane->max_calls = INT64_MAX;
	TAILQ_INIT(&lane->stalled);
	return lane;
}

static void project_free(struct project *p)
{
	line_finish(&p->line);
	free(p->name);
	free(p);
}

void lane_free(struct lane *lane)
{
	for (size_t i = 0; i < lane->project_count; i++)
		project_free(lane->projects[i]);
	free(lane->projects);
	free(lane->ready);
	free(lane->provider);
	free(lane);
}

/* --- the heap of projects whose turn may come --- */

static int order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

bool project_before(const struct project *a, const struct project *b)
{
	int by = order(b->settings.priority, a->settings.priority);

	if (by == 0)
		by = order(a->running, b->running);
	if (by == 0)
		by = order((int64_t)a->served, (int64_t)b->served);
	if (by == 0 && a->line.count > 0 && b->line.count > 0)
		by = strcmp(line_first(&a->line)->id, line_first(&b->line)->id);
	return by < 0;
}

static void ready_put(struct lane *lane, size_t at, struct project *p)
{
	lane->ready[at] = p;
	p->ready_at = at;
}

static void ready_up(struct lane *lane, struct project *p)
{
	size_t at = p->ready_at;

	while (at > 0 && project_before(p, lane->ready[(at - 1) / 2])) {
		ready_put(lane, at, lane->ready[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	ready_put(lane, at, p);
}

static void ready_down(struct lane *lane, struct project *p)
{
	size_t at = p->ready_at;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= lane->ready_count)
			break;
		if (child + 1 < lane->ready_count &&
			project_before(lane->ready[child + 1], lane->ready[child]))
			child++;
		if (!project_before(lane->ready[child], p))
			break;
		ready_put(lane, at, lane->ready[child]);
		at = child;
	}
	ready_put(lane, at, p);
}

static void ready_add(struct project *p)
{
	struct lane *lane = p->lane;

	p->ready = true;
	ready_put(lane, lane->ready_count++, p);
	ready_up(lane, p);
}

static void ready_remove(struct project *p)
{
	struct lane *lane = p->lane;
	struct project *last = lane->ready[--lane->ready_count];

	p->ready = false;
	if (last == p)
		return;
	ready_put(lane, p->ready_at, last);
	ready_up(lane, last);
	ready_down(lane, last);
}

/* Something p is ordered by has changed. */
static void ready_mend(struct project *p)
{
	bool may = p->line.count > 0 && !p->settings.paused;

	if (may && !p->ready) {
		ready_add(p);
	} else if (!may && p->ready) {
		ready_remove(p);
	} else if (may) {
		ready_up(p->lane, p);
		ready_down(p->lane, p);
	}
}

/* --- projects by name --- */

size_t lane_project_at(const struct lane *lane, const char *name)
{
	size_t low = 0;
	size_t high = lane->project_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(lane->projects[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct project *lane_project(const struct lane *lane, const char *name)
{
	size_t at = lane_project_at(lane, name);

	return at < lane->project_count && strcmp(lane->projects[at]->name, name) == 0
	               ? lane->projects[at]
	               : NULL;
}

static bool resize(struct project ***array, size_t cap)
{
	struct project **bigger = realloc(*array, cap * sizeof(struct project *));

	if (bigger == NULL)
		return false;
	*array = bigger;
	return true;
}

/* Room for one more project in both arrays. */
static bool lane_grow(struct lane *lane)
{
	size_t cap = lane->cap == 0 ? CAP_LEAST : lane->cap * 2;

	if (lane->project_count < lane->cap)
		return true;
	if (!resize(&lane->projects, cap) || !resize(&lane->ready, cap))
		return false;
	lane->cap = cap;
	return true;
}

static void lane_shrink(struct lane *lane)
{
	size_t cap = lane->cap / 2;

	if (cap < CAP_LEAST || lane->project_count > lane->cap / 8)
		return;
	if (!resize(&lane->projects, cap))
		return;
	lane->cap = cap; /* of the smaller one, should the other stay as it is */
	(void)resize(&lane->ready, cap);
}

struct project *lane_project_made(struct lane *lane, const char *name)
{
	struct project *p = lane_project(lane, name);
	size_t at;

	if (p != NULL)
		return p;
	p = lane_grow(lane) ? calloc(1, sizeof(*p)) : NULL;
	if (p == NULL)
		return NULL;
	p->name = strdup(name);
	if (p->name == NULL) {
		free(p);
		return NULL;
	}
	p->lane = lane;
	at = lane_project_at(lane, name);
	memmove(&lane->projects[at + 1], &lane->projects[at],
		(lane->project_count - at) * sizeof(struct project *));
	lane->projects[at] = p;
	lane->project_count++;
	return p;
}

void project_forget(struct project *p)
{
	struct lane *lane = p->lane;
	size_t at;

	if (p->open > 0 || p->settings.paused || p->settings.priority != 0)
		return;
	at = lane_project_at(lane, p->name);
	lane->project_count--;
	memmove(&lane->projects[at], &lane->projects[at + 1],
		(lane->project_count - at) * sizeof(struct project *));
	project_free(p);
	lane_shrink(lane);
}

/* --- its jobs --- */

bool project_join(struct project *p)
{
	if (!line_reserve(&p->line, p->open + 1))
		return false;
	p->open++;
	return true;
}

void project_leave(struct project *p)
{
	p->open--;
	line_trim(&p->line, p->open);
	project_forget(p);
}

void project_wait(struct project *p, struct open_job *e)
{
	p->lane->waiting++;
	line_add(&p->line, e);
	ready_mend(p);
}

void project_unwait(struct project *p, const struct open_job *e)
{
	p->lane->waiting--;
	line_remove(&p->line, e);
	ready_mend(p);
}

void project_hold(struct project *p)
{
	p->lane->running++;
	p->running++;
	p->served = ++p->lane->turn;
	ready_mend(p);
}

void project_release(struct project *p)
{
	p->lane->running--;
	p->running--;
	ready_mend(p);
}

void project_set(struct project *p, const struct queue_settings *settings)
{
	p->settings = *settings;
	ready_mend(p);
}

bool lane_open(const struct lane *lane)
{
	return lane->loaded && !lane->settings.paused && lane->running < lane->max_running;
}

struct project *lane_next(const struct lane *lane)
{
	return lane->ready_count == 0 ? NULL : lane->ready[0];
}

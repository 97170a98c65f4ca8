/* entry - see entry.h. Trees are the C library's tsearch; the due order is a binary heap. */
#include "jobs/entry.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "jobs/errand.h"

/* In an interval: of many jobs those of one turn are polled together, so that each thread which
 * has to do with it wakes once for all of them. */
#define POLL_TURNS   100
#define POLL_TURN_MS 600 /* most, so that each second of a long interval has its share */

/* 2^32 by the golden ratio: multiples of it divide the circle evenly, however many there are. */
#define GOLDEN UINT32_C(2654435769)

/* Jobs of these interfaces compute; the others are short and must not wait behind them. */
static const char *const counted_interfaces[] = {
	"davit.training", "davit.inference", "davit.pipelines"};

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct open_job *)a)->id, ((const struct open_job *)b)->id);
}

static int by_submission(const void *a, const void *b)
{
	return strcmp(
		((const struct open_job *)a)->submission, ((const struct open_job *)b)->submission);
}

void entries_init(struct entries *es)
{
	*es = (struct entries){0};
	SLIST_INIT(&es->lanes);
}

void entries_finish(struct entries *es)
{
	while (es->count > 0)
		entries_remove(es, es->heap[es->count - 1]);
	while (!SLIST_EMPTY(&es->lanes)) {
		struct lane *lane = SLIST_FIRST(&es->lanes);

		SLIST_REMOVE_HEAD(&es->lanes, link);
		lane_free(lane);
	}
	free(es->heap);
	entries_init(es);
}

struct lane *entries_lane(struct entries *es, const char *provider)
{
	struct lane *before = NULL; /* they are ordered by name */
	struct lane *lane;

	SLIST_FOREACH(lane, &es->lanes, link)
	{
		int by = strcmp(lane->provider, provider);

		if (by == 0)
			return lane;
		if (by < 0)
			before = lane;
	}
	lane = lane_new(provider);
	if (lane == NULL)
		return NULL;
	if (before == NULL)
		SLIST_INSERT_HEAD(&es->lanes, lane, link);
	else
		SLIST_INSERT_AFTER(before, lane, link);
	return lane;
}

static bool counts(const char *interface, const char *kind)
{
	if (errand_is_kind(kind))
		return false;
	for (size_t i = 0; i < COUNT(counted_interfaces); i++) {
		if (strcmp(counted_interfaces[i], interface) == 0)
			return true;
	}
	return false;
}

/* Finds e its place by provider and project. */
static bool join(struct entries *es, struct open_job *e, const struct job *job)
{
	e->lane = entries_lane(es, job->provider);
	if (e->lane == NULL)
		return false;
	e->project = lane_project_made(e->lane, job->project == NULL ? "" : job->project);
	if (e->project == NULL)
		return false;
	if (!project_join(e->project)) {
		project_forget(e->project);
		return false;
	}
	es->made++;
	return true;
}

struct open_job *entry_new(struct entries *es, const struct job *job)
{
	struct open_job *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	if (!join(es, e, job)) {
		free(e);
		return NULL;
	}
	memcpy(e->id, job->id, sizeof(e->id));
	memcpy(e->submission, job->submission, sizeof(e->submission));
	memcpy(e->parent, job->parent, sizeof(e->parent));
	e->state = job->state;
	e->epoch = job->epoch;
	e->deadline_ms = job->deadline_ms;
	e->cancel = job->cancel_ms != 0;
	e->overdue = e->cancel && job->deadline_ms != 0 && job->cancel_ms >= job->deadline_ms;
	e->counted = counts(job->interface, job->kind);
	e->errand = errand_is_kind(job->kind);
	es->errands += e->errand ? 1 : 0;
	e->project->errands += e->errand ? 1 : 0;
	e->flow = strcmp(job->interface, "davit.flow") == 0;
	e->due_mono = CLOCK_NEVER;
	e->phase = es->phases++ * GOLDEN;
	e->poll_ms = job->next_poll_ms;
	e->troubled = job->error != NULL;
	if (job->result != NULL)
		(void)entry_same_as_shown(e, job->result);
	LIST_INIT(&e->watchers);
	return e;
}

void entry_free(struct entries *es, struct open_job *e)
{
	if (e == NULL)
		return;
	es->made--;
	es->errands -= e->errand ? 1 : 0;
	e->project->errands -= e->errand ? 1 : 0;
	project_leave(e->project);
	free(e->away);
	free(e->account);
	free(e->final);
	free(e);
}

size_t entries_open(const struct entries *es, const char *project)
{
	const struct lane *lane;
	size_t open = 0;

	SLIST_FOREACH(lane, &es->lanes, link)
	{
		const struct project *p = lane_project(lane, project);

		open += p == NULL ? 0 : p->open - p->errands;
	}
	return open;
}

static void heap_put(struct entries *es, size_t at, struct open_job *e)
{
	es->heap[at] = e;
	e->heap_at = at;
}

static void heap_up(struct entries *es, struct open_job *e)
{
	size_t at = e->heap_at;

	while (at > 0 && es->heap[(at - 1) / 2]->due_mono > e->due_mono) {
		heap_put(es, at, es->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(es, at, e);
}

static void heap_down(struct entries *es, struct open_job *e)
{
	size_t at = e->heap_at;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= es->count)
			break;
		if (child + 1 < es->count &&
			es->heap[child + 1]->due_mono < es->heap[child]->due_mono)
			child++;
		if (es->heap[child]->due_mono >= e->due_mono)
			break;
		heap_put(es, at, es->heap[child]);
		at = child;
	}
	heap_put(es, at, e);
}

static bool heap_grow(struct entries *es)
{
	size_t cap = es->cap == 0 ? 64 : es->cap * 2;
	struct open_job **heap;

	if (es->count < es->cap)
		return true;
	heap = realloc(es->heap, cap * sizeof(struct open_job *));
	if (heap == NULL)
		return false;
	es->heap = heap;
	es->cap = cap;
	return true;
}

/* tsearch answers NULL when out of memory, else where the equal element stands. */
static bool tree_add(void **root, struct open_job *e, int (*order)(const void *, const void *))
{
	struct open_job **at = tsearch(e, root, order);

	return at != NULL && *at == e;
}

/* Most submissions have the id of their job, and are found by it. */
static bool named_apart(const struct open_job *e)
{
	return strcmp(e->submission, e->id) != 0;
}

bool entries_add(struct entries *es, struct open_job *e)
{
	if (!heap_grow(es) || !tree_add(&es->by_id, e, by_id))
		return false;
	if (named_apart(e) && !tree_add(&es->by_submission, e, by_submission)) {
		tdelete(e, &es->by_id, by_id);
		return false;
	}
	heap_put(es, es->count++, e);
	heap_up(es, e);
	return true;
}

void entries_remove(struct entries *es, struct open_job *e)
{
	struct open_job *last = es->heap[--es->count];

	entry_dequeue(e);
	entry_unstall(e);
	entry_release(e);
	tdelete(e, &es->by_id, by_id);
	if (named_apart(e))
		tdelete(e, &es->by_submission, by_submission);
	if (last != e) {
		heap_put(es, e->heap_at, last);
		heap_up(es, last);
		heap_down(es, last);
	}
	entry_free(es, e);
}

static struct open_job *tree_find(
	void *const *root, const struct open_job *key, int (*order)(const void *, const void *))
{
	struct open_job **at = tfind(key, root, order);

	return at == NULL ? NULL : *at;
}

static bool copy_id(char to[ID_SIZE], const char *from)
{
	size_t n = strnlen(from, ID_SIZE);

	if (n >= ID_SIZE)
		return false;
	memcpy(to, from, n + 1);
	return true;
}

struct open_job *entries_find(const struct entries *es, const char *id)
{
	struct open_job key;

	return copy_id(key.id, id) ? tree_find(&es->by_id, &key, by_id) : NULL;
}

struct open_job *entries_by_submission(const struct entries *es, const char *submission)
{
	struct open_job *e = entries_find(es, submission);
	struct open_job key;

	if (e != NULL && !named_apart(e))
		return e;
	if (!copy_id(key.submission, submission))
		return NULL;
	return tree_find(&es->by_submission, &key, by_submission);
}

void entries_due(struct entries *es, struct open_job *e, int64_t mono_ms)
{
	e->due_mono = mono_ms;
	heap_up(es, e);
	heap_down(es, e);
}

void entries_order(struct entries *es)
{
	for (size_t i = es->count / 2; i-- > 0;)
		heap_down(es, es->heap[i]);
}

static int64_t turn_ms(int64_t interval_ms)
{
	int64_t ms = interval_ms / POLL_TURNS;

	if (ms > POLL_TURN_MS)
		return POLL_TURN_MS;
	return ms > 0 ? ms : 1;
}

int64_t entry_poll_time(const struct open_job *e, int64_t from_mono, int64_t interval_ms)
{
	int64_t together = turn_ms(interval_ms);
	int64_t turn = (int64_t)((uint64_t)e->phase * (uint64_t)(interval_ms / together) >> 32);
	int64_t phase = turn * together;
	int64_t past = (from_mono - phase) % interval_ms;

	return past == 0 ? from_mono : from_mono + (past < 0 ? 0 : interval_ms) - past;
}

bool entry_served(const struct open_job *e)
{
	return e->lane->loaded && e->away == NULL;
}

uint64_t entry_hash(const char *text)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (const char *p = text; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	return hash;
}

bool entry_same_as_shown(struct open_job *e, const char *text)
{
	uint64_t hash = entry_hash(text);
	bool same;

	same = hash == e->shown;
	e->shown = hash;
	return same;
}

void entry_stall(struct open_job *e)
{
	if (e->stalled)
		return;
	e->stalled = true;
	TAILQ_INSERT_TAIL(&e->lane->stalled, e, stall_link);
}

void entry_unstall(struct open_job *e)
{
	if (!e->stalled)
		return;
	e->stalled = false;
	TAILQ_REMOVE(&e->lane->stalled, e, stall_link);
}

struct open_job *entries_unstalled(const struct entries *es)
{
	const struct lane *lane;

	SLIST_FOREACH(lane, &es->lanes, link)
	{
		if (lane->calls < lane->max_calls && !TAILQ_EMPTY(&lane->stalled))
			return TAILQ_FIRST(&lane->stalled);
	}
	return NULL;
}

struct open_job *entries_first(const struct entries *es)
{
	return es->count == 0 ? NULL : es->heap[0];
}

void entry_enqueue(struct open_job *e)
{
	if (e->queued)
		return;
	e->queued = true;
	project_wait(e->project, e);
}

void entry_dequeue(struct open_job *e)
{
	if (!e->queued)
		return;
	e->queued = false;
	project_unwait(e->project, e);
}

/* Does a go before b? Both have a job that may start. */
static bool lane_before(const struct lane *a, const struct lane *b)
{
	if (a->settings.priority != b->settings.priority)
		return a->settings.priority > b->settings.priority;
	if (a->running != b->running)
		return a->running < b->running;
	if (a->served != b->served)
		return a->served < b->served;
	return strcmp(line_first(&lane_next(a)->line)->id, line_first(&lane_next(b)->line)->id) < 0;
}

struct open_job *entries_next(const struct entries *es)
{
	const struct lane *best = NULL;
	const struct lane *lane;

	SLIST_FOREACH(lane, &es->lanes, link)
	{
		if (lane_open(lane) && lane_next(lane) != NULL &&
			(best == NULL || lane_before(lane, best)))
			best = lane;
	}
	return best == NULL ? NULL : line_first(&lane_next(best)->line);
}

void entry_hold(struct entries *es, struct open_job *e)
{
	if (e->holding || !e->counted)
		return;
	e->holding = true;
	e->lane->served = ++es->turn;
	project_hold(e->project);
}

void entry_release(struct open_job *e)
{
	if (!e->holding)
		return;
	e->holding = false;
	project_release(e->project);
}

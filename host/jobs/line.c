/* line - see line.h. An array with room at both ends: the side that is shorter moves. */
#include "jobs/line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/entry.h"

#define CAP_LEAST 4

void line_finish(struct line *l)
{
	free(l->jobs);
	*l = (struct line){0};
}

static void move(struct line *l, size_t to, size_t from, size_t n)
{
	if (n > 0)
		memmove(&l->jobs[to], &l->jobs[from], n * sizeof(struct open_job *));
}

static void to_front(struct line *l)
{
	move(l, 0, l->head, l->count);
	l->head = 0;
}

static bool resize(struct line *l, size_t cap)
{
	struct open_job **jobs;

	to_front(l);
	jobs = realloc(l->jobs, cap * sizeof(struct open_job *));
	if (jobs == NULL)
		return false;
	l->jobs = jobs;
	l->cap = cap;
	return true;
}

/* Twice what is needed: whoever runs into the end of the array finds half of it free before
 * the head, so that moving to the front is rare. */
bool line_reserve(struct line *l, size_t jobs)
{
	size_t cap = l->cap == 0 ? CAP_LEAST : l->cap;

	while (cap < 2 * jobs)
		cap *= 2;
	return cap == l->cap || resize(l, cap);
}

void line_trim(struct line *l, size_t jobs)
{
	size_t cap = l->cap;

	while (cap > CAP_LEAST && cap / 8 >= jobs)
		cap /= 2;
	if (cap < l->cap)
		(void)resize(l, cap); /* what could not shrink stays as it is */
}

size_t line_before(const struct line *l, const struct open_job *e)
{
	size_t low = 0;
	size_t high = l->count;

	if (l->count > 0 && strcmp(l->jobs[l->head + l->count - 1]->id, e->id) < 0)
		return l->count; /* the newest, as nearly always */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(l->jobs[l->head + middle]->id, e->id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void line_add(struct line *l, struct open_job *e)
{
	size_t at = line_before(l, e);

	assert(l->count < l->cap);
	if (l->head > 0 && (at < l->count - at || l->head + l->count == l->cap)) {
		if (at > l->count - at) {
			to_front(l);
			move(l, at + 1, at, l->count - at);
		} else {
			l->head--;
			move(l, l->head, l->head + 1, at);
		}
	} else {
		move(l, l->head + at + 1, l->head + at, l->count - at);
	}
	l->jobs[l->head + at] = e;
	l->count++;
}

void line_remove(struct line *l, const struct open_job *e)
{
	size_t at = line_before(l, e);

	assert(at < l->count && l->jobs[l->head + at] == e);
	l->count--;
	if (at < l->count - at) {
		move(l, l->head + 1, l->head, at);
		l->head++;
	} else {
		move(l, l->head + at, l->head + at + 1, l->count - at);
	}
}

struct open_job *line_first(const struct line *l)
{
	return l->count == 0 ? NULL : l->jobs[l->head];
}

/*
 * line - jobs that wait, in the order of their ids, which is the order they were accepted in.
 *
 * First out and last in cost nothing; where a job stands takes a binary search. Nothing here
 * locks: called with the tracker's lock held.
 */
#ifndef HOST_JOBS_LINE_H
#define HOST_JOBS_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct open_job;

struct line {
	struct open_job **jobs; /* those at head … head + count - 1, ordered by id */
	size_t head;
	size_t count;
	size_t cap;
};

void line_finish(struct line *l); /* an all-zero line is an empty one */

/* Makes room for that many jobs, so that line_add() cannot fail; false: out of memory. */
bool line_reserve(struct line *l, size_t jobs);

/* Gives back memory that so many jobs, at least those in it, do not need. */
void line_trim(struct line *l, size_t jobs);

/* Puts e, which is not in it, where its id belongs. */
void line_add(struct line *l, struct open_job *e);
void line_remove(struct line *l, const struct open_job *e); /* e is in it */

struct open_job *line_first(const struct line *l); /* NULL: it is empty */

/* How many stand before e, or before where it would stand. */
size_t line_before(const struct line *l, const struct open_job *e);

#endif

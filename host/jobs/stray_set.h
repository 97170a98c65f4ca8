/*
 * stray_set - remote objects that carry a label of this site and that no job here follows, and a
 * set of them, newest submission first. [a set belongs to one thread at a time]
 */
#ifndef HOST_JOBS_STRAY_SET_H
#define HOST_JOBS_STRAY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "jobs/job.h"

#define STRAYS_MAX    10000 /* in a set */
#define STRAY_ID_SIZE (ID_SIZE + 9)

enum stray_why {
	STRAY_NOT,   /* it is none */
	STRAY_LOST,  /* no job has its submission */
	STRAY_ENDED, /* the job of its submission has ended, and follows nothing, or not this to
	              * its end */
	STRAY_SECOND /* the job of its submission follows another object */
};

struct stray {
	/* That of its submission, which is what its job was called; where several objects carry
	 * one label, or there is a job, with '-' and eight hexadecimal digits of what it is behind
	 * that. */
	char id[STRAY_ID_SIZE];
	char submission[ID_SIZE];
	enum stray_why why;
	char job[ID_SIZE]; /* of its submission; STRAY_NOT: the one that follows it. "": none */
	enum job_state job_state;
	int64_t created_ms; /* 0: not told */
	int64_t seen_ms;    /* when the list that had it was asked for */
	/* Texts; of one that was copied in the memory of block. */
	const char *provider;
	const char *connection; /* "" : none */
	const char *interface;
	const char *kind;   /* of job that made it; "": not told */
	const char *object; /* what the provider calls it */
	const char *name;
	const char *state; /* "RUNNING"; "": not told */
	char *block;
};

/* The submission of a label that this site gave; false for any other text, also NULL. */
bool stray_label(const char *site, const char *label, char submission[ID_SIZE]);

/* A deep copy; false: out of memory. */
bool stray_copy(struct stray *ret_stray, const struct stray *stray);
void stray_finish(struct stray *stray);

/* Are they one object, whichever connection showed it? */
bool stray_same(const struct stray *a, const struct stray *b);

struct stray_set {
	struct stray *all; /* heap memory */
	size_t count;
	size_t room;
	bool full; /* there were more */
};

void stray_set_finish(struct stray_set *set); /* also of one that is zeroed; it is empty then */

/* Adds a copy, in no order; false: out of memory. */
bool stray_set_add(struct stray_set *set, const struct stray *stray);

/* Puts the set in order, takes out what is there twice and gives the ids. */
void stray_set_order(struct stray_set *set);

/* The one of that id; NULL. Borrowed. */
const struct stray *stray_set_find(const struct stray_set *set, const char *id);

/* Takes that object out, if it is there. */
void stray_set_drop(struct stray_set *set, const struct stray *stray);

#endif

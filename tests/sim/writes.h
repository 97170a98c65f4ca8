/*
 * writes - every durable write of the daemon by name, and what comes of it if it is lost: either
 * somebody notices, or there is a reason why nothing is lost with it.
 */
#ifndef SIM_WRITES_H
#define SIM_WRITES_H

#include <stdbool.h>
#include <stddef.h>

struct store_op;

/* A write as the store gets it. */
struct write {
	struct store_op *op;
	bool errand; /* of a job that is one: see jobs/errand.h */
};

struct write_sort {
	const char *name;
	bool (*is)(const struct write *w);
	/* Takes it out of what is written with it; NULL: the whole operation is left out. */
	void (*leave_out)(struct store_op *op);
	/* Why it may be lost: not made at all, or not made durable. NULL: it may not. */
	const char *unmade_why, *unsynced_why;
};

/* All sorts; a write is of at least one. */
extern const struct write_sort write_sorts[];
extern const size_t write_sort_count;

/* The sort of that name, or NULL. name need not end at its n bytes. */
const struct write_sort *write_sort_named(const char *name, size_t n);

/* Is there a sort for it? */
bool write_is_known(const struct write *w);

/* One that the simulation itself does: see thief.h. */
bool write_is_theft(const struct store_op *op);

#endif

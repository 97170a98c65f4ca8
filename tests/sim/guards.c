/* guards - see guards.h. */
#include "sim/guards.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "store/store.h"

enum guard {
	GUARD_NONE,
	GUARD_SENT_EPOCH,   /* the store writes a row 'sent' of any attempt */
	GUARD_SENT_REFUSED, /* nobody looks whether it did */
	GUARD_EDGE_EPOCH,   /* the store takes the answer to any attempt */
	GUARD_COUNT
};

static const char *const names[GUARD_COUNT] = {
	[GUARD_SENT_EPOCH] = "lease_of_sent",
	[GUARD_SENT_REFUSED] = "lease_refused",
	[GUARD_EDGE_EPOCH] = "lease_of_answer",
};

static enum guard lifted;

bool guards_lift(const char *name)
{
	for (size_t i = GUARD_NONE + 1; i < COUNT(names); i++) {
		if (strcmp(names[i], name) == 0)
			lifted = (enum guard)i;
	}
	return lifted != GUARD_NONE;
}

void guards_list(void)
{
	for (size_t i = GUARD_NONE + 1; i < COUNT(names); i++)
		(void)puts(names[i]);
}

static bool is_sent(const struct store_op *op)
{
	return op->kind == STORE_JOURNAL && op->journal.kind == JOURNAL_SENT;
}

/* The epoch that the store is to look at; NULL: it may. */
static int64_t *guarded(struct store_op *op)
{
	if (lifted == GUARD_SENT_EPOCH && is_sent(op))
		return &op->journal.epoch;
	return lifted == GUARD_EDGE_EPOCH && op->kind == STORE_JOB_EDGE ? &op->edge.epoch : NULL;
}

int64_t guards_open(struct store_op *op)
{
	int64_t *epoch = guarded(op);
	int64_t was = epoch != NULL ? *epoch : 0;

	if (epoch != NULL)
		*epoch = -1; /* any */
	return was;
}

void guards_close(struct store_op *op, int64_t epoch)
{
	if (guarded(op) != NULL)
		*guarded(op) = epoch;
}

void guards_report(struct store_op *op)
{
	op->changed = op->changed || (lifted == GUARD_SENT_REFUSED && is_sent(op) && op->ok);
}

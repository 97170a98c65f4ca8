/*
 * leases - may a change leave? Its row 'sent' must be on disk, without an end, and of an attempt
 * that had the lease of its job when it was written; of a cancel the intent. It is gone by what the
 * store wrote and synced, whatever it answered. Of one life: what began before is read.
 */
#ifndef SIM_LEASES_H
#define SIM_LEASES_H

#include <stdbool.h>

struct daemon_parts;
struct letter;
struct store_op;
struct transfer_options;

/* What the jobs of the lives before have. */
void leases_read(struct daemon_parts *d);

/* op was made, and counts once what it is in is committed; theft: by somebody else. */
void leases_note(const struct store_op *op, bool theft);
void leases_commit(bool durable);
void leases_drop(void);

/* A request leaves now. */
void leases_check(const struct transfer_options *o, const struct letter *l);

#endif

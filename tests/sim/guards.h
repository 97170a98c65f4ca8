/*
 * guards - what keeps an attempt that lost the lease of its job from doing anything more, taken
 * away on purpose, one at a time: as if the line in the daemon that looks were not there.
 */
#ifndef SIM_GUARDS_H
#define SIM_GUARDS_H

#include <stdbool.h>
#include <stdint.h>

struct store_op;

/* Takes the guard of that name away; false: there is none. */
bool guards_lift(const char *name);

/* Prints their names, one a line. */
void guards_list(void);

/* Around the write of op; what the first answers is for the second. */
int64_t guards_open(struct store_op *op);
void guards_close(struct store_op *op, int64_t epoch);

/* What the daemon is told of op. */
void guards_report(struct store_op *op);

#endif

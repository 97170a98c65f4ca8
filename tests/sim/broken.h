/*
 * broken - the store of the simulation: the real one, watched. What it reports as written is noted,
 * so that the checks can go by that; and it can break a promise on purpose, so that it can be seen
 * that somebody notices: DAVIT_BREAK=WRITE, or DAVIT_BREAK=WRITE:unsynced. The write is reported as
 * done, and was not made, or not made durable. See writes.h for what writes there are. Or it lets
 * an attempt write that has lost its job: DAVIT_BREAK=GUARD.
 */
#ifndef SIM_BROKEN_H
#define SIM_BROKEN_H

#include <stdbool.h>

struct store_driver;

/* False: there is no such write, nor such a guard: see guards.h. */
bool broken_choose(const char *text);

/* Does it say that something is written which is not? */
bool broken_lies(void);

const struct store_driver *broken_driver(void);

/* Prints what can be broken, one a line; or the same with why the others need not be. */
void broken_list(void);
void broken_explain(void);

#endif

/*
 * removal - clients that have what their job made deleted, once it has ended; and who is told that
 * it is, has another object of that name made.
 */
#ifndef SIM_REMOVAL_H
#define SIM_REMOVAL_H

#include <stdbool.h>

struct daemon_parts;
struct item;

/* Draws whether a client of that item is one. */
void removal_plan(struct item *item);

/* Is there something to ask for, or to ask again for? */
bool removal_wanted(const struct item *item);

/* Asks; the answer comes by itself. [a thread of a client] */
void removal_ask(struct daemon_parts *d, struct item *item);

#endif

/*
 * broken - a store that breaks a promise on purpose, so that it can be seen that somebody notices:
 * DAVIT_BREAK=WRITE, or DAVIT_BREAK=WRITE:unsynced. The write is reported as done, and was not,
 * or not made durable.
 */
#ifndef SIM_BROKEN_H
#define SIM_BROKEN_H

#include <stdbool.h>
#include <stddef.h>

struct store_driver;

/* False: there is no such write. */
bool broken_choose(const char *text);

const struct store_driver *broken_driver(void);

/* The names of all writes that can be broken; NULL: there is no nth one. */
const char *broken_name(size_t n);

#endif

/*
 * pace - how patient the daemon is with clouds: the pauses before it asks again, how long it looks
 * for what is not there, and has a caller wait meanwhile. A test of many such waits makes them
 * shorter: DAVIT_PACE=N in the environment divides each by N. Exists in builds for testing
 * (DAVIT_TESTING) alone; in what is shipped it is nothing. How long they are by themselves is what
 * the unit tests look at.
 */
#ifndef HOST_BASE_PACE_H
#define HOST_BASE_PACE_H

#include <stdint.h>

#ifdef DAVIT_TESTING

/* Reads the environment. [once, while there is one thread] */
void pace_open(void);

/* ms, or the part of it that a test wants. [any] */
int64_t pace(int64_t ms);

#define PACE(ms) pace(ms)

#else

#define PACE(ms) ((int64_t)(ms))

#endif

#endif

/*
 * work - what clients of the simulated daemon want: jobs of all kinds and classes, and cancels of
 * some. They know only what they were told, and remember it when the daemon is killed.
 */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/world.h"

struct daemon_parts;

/* How a second submit is kept from making a second object: the class of the kind. */
enum way {
	WAY_TOKEN,
	WAY_NAME,
	WAY_SEARCH,
	WAY_HIDDEN, /* by a search nobody knows the delay of */
	WAY_NONE
};

/* What a schedule is about. */
enum theme {
	THEME_ANY,
	THEME_DOUBT,
	THEME_CHAIN,
	THEME_UNSENT, /* the same as doubt, and requests that do not leave */
	THEME_REMOVAL,
	THEME_ACCEPT,
	THEMES
};

/* A sort of job. */
struct wish {
	const char *interface;
	const char *kind;
	enum way way;
	bool has_times; /* behaves as it is told */
	bool takes_off; /* makes nothing, but takes away */
	enum collection makes;
	const char *spec; /* with one %s: the marker, and one: the behaviour, if it has times */
};

/* Draws what the schedule is about. */
void work_plan(void);

/* The clients of this life; they go on with what is not yet asked for. */
void work_start(struct daemon_parts *d);

/* They ask for nothing more; returns when none is in the middle of it. */
void work_stop(void);

/* False: nobody is to ask for anything more. [a thread of a client] */
bool work_wait_until(int64_t at);

/* Is nothing left to ask for? */
bool work_done(void);

#endif

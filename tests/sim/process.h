/*
 * process - the workers of the simulated daemon: davit-worker's own code in threads of their own,
 * from platform/spawn.h's spawn_child() to the signal that ends them. They are killed, end by
 * themselves or stop doing anything, by chance at any step and around each frame.
 */
#ifndef SIM_PROCESS_H
#define SIM_PROCESS_H

#include <stdint.h>

/* Where a frame is. */
enum phase {
	PHASE_GOES, /* before it is sent */
	PHASE_WENT,
	PHASE_CAME, /* to who receives it */
	PHASE_COUNT
};

/* A life begins, with the worker of before the first one: when will that one end? */
void process_plan(void);

/* Moments at which a worker may end, and with it the calling thread. frame: enum frame_kind. */
void process_frame(unsigned frame, enum phase phase);
void process_point(void);
void process_time(void);

/* After the daemon ended in order: no worker is there any more. */
void process_check_none(void);

#endif

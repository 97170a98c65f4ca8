/*
 * sweep - looks for strays as the daemon does, when nothing is left to do: what a cloud has of a
 * job and no job follows must be shown, and nothing else.
 */
#ifndef SIM_SWEEP_H
#define SIM_SWEEP_H

struct daemon_parts;

/* Sets shown of the objects in the world. [the thread that supervises] */
void sweep_check(struct daemon_parts *d);

#endif

/*
 * check - what was promised: no job that was accepted is lost, none makes two objects, what was
 * told stays so, the cloud and the rows agree in the end, and nothing happens there that nobody
 * wanted. What does not hold is said by world_wrong().
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include <stdbool.h>

struct daemon_parts;

/* After a daemon ended, before the next one starts: what was told is on disk. */
void check_promises(struct daemon_parts *d);

/* Has each job come to its end, or to a decision? */
bool check_settled(struct daemon_parts *d);

/* When nothing is left to do. */
void check_end(struct daemon_parts *d);

#endif

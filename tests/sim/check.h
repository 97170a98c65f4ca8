/*
 * check - what was promised: no job that was accepted is lost, none makes two objects, what was
 * told stays so, the cloud and the rows agree in the end, and nothing happens there that nobody
 * wanted. What does not hold is said by world_wrong().
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include <stdbool.h>

struct daemon_parts;
struct item;

/* After a daemon ended, before the next one starts: what was told is on disk. */
void check_promises(struct daemon_parts *d);

/* Looks at all jobs; false: they cannot be read. The next two go by that. */
bool check_look(struct daemon_parts *d);

/* Has each job come to its end, or to a decision? */
bool check_settled(void);

/* Does an item's job wait for a decision? */
bool check_is_parked(const struct item *item);

/* Is something still on its way to the cloud? */
bool check_letters_left(void);

/* When nothing is left to do. */
void check_end(struct daemon_parts *d);

#endif

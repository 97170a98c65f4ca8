/*
 * thief - somebody else who gives a job another epoch, while its submission may be on its way: a
 * second daemon on the same database, say. What the one before does from then on must not count.
 */
#ifndef SIM_THIEF_H
#define SIM_THIEF_H

struct daemon_parts;

/* Are there thieves? */
void thief_plan(void);

/* Those of this life; they end with the clients. */
void thief_start(struct daemon_parts *d);
void thief_join(void);

#endif

/*
 * thief - somebody else who gives a job another epoch, while its submission may be on its way: a
 * second daemon on the same database, say. What the one before does from then on must not count.
 * Some come at any time, some just before the daemon writes down what it is about to send, or what
 * became of that.
 */
#ifndef SIM_THIEF_H
#define SIM_THIEF_H

struct daemon_parts;
struct store_op;

/* Are there thieves? */
void thief_plan(void);

/* Those of this life; they end with the clients. */
void thief_start(struct daemon_parts *d);
void thief_join(void);

/* The daemon is about to write op: what comes to the store before it, or NULL. */
struct store_op *thief_strikes(const struct store_op *op);

#endif

/*
 * loop - the one thread that talks to other machines. Everything that curl does between the
 * sending of a request and the end of its answer happens on it; other threads hand transfers
 * over and wait on conditions of their own.
 */
#ifndef HOST_NET_LOOP_H
#define HOST_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct fail;
struct net_loop;
struct transfer;

struct net_loop_options {
	int64_t max_connections;
	int64_t max_connections_per_host;
	int64_t max_streams; /* of HTTP/2 in one connection */
	int64_t max_lookups; /* of addresses of hosts */
};

/* Starts the thread. */
struct net_loop *net_loop_start(const struct net_loop_options *o, struct fail *f);

/* Stops all transfers, and those that are added from now on. [any] */
void net_loop_interrupt(struct net_loop *l);

/* Ends the thread. All transfers have landed, and none is added any more. NULL is fine. */
void net_loop_stop(struct net_loop *l);

/* --- each by the owner of the transfer, who does not hold its lock --- */

/* Hands t over, until t->ended. */
void net_loop_add(struct net_loop *l, struct transfer *t);

/* t ends soon, if it has not ended. */
void net_loop_drop(struct net_loop *l, struct transfer *t);

/* What transfer_take() asks for. */
void net_loop_resume(struct net_loop *l, struct transfer *t);

#endif

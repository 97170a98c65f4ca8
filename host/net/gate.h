/*
 * gate - when a transfer is given to curl. curl would open a connection for each request that finds
 * the others full, thousands of them in a burst that a few connections of HTTP/2 could carry; and
 * of requests to several hosts that wait for connections it tries one at a time, which may be of a
 * host that is still busy while another's is free. So they wait here, each host in its own lane.
 * [the loop's thread]
 */
#ifndef HOST_NET_GATE_H
#define HOST_NET_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct transfer;

#define GATE_KEY_SIZE 320

struct gate_lane {
	TAILQ_ENTRY(gate_lane) link;
	char key[GATE_KEY_SIZE];
	bool shares;     /* its connections may carry several requests, as far as we know */
	uint64_t flying; /* with curl */
	uint64_t unsent; /* of them, those that have no connection yet */
	TAILQ_HEAD(gate_line, transfer) waiting;
};

struct gate {
	TAILQ_HEAD(gate_lanes, gate_lane) lanes; /* the one used last first */
	size_t count;
	uint64_t waiting; /* of all lanes */
	uint64_t per_host;
	uint64_t streams;
};

void gate_init(struct gate *g, int64_t per_host, int64_t streams);
void gate_finish(struct gate *g); /* nothing waits or flies any more */

/* Puts t at the end of its lane. False: out of memory. */
bool gate_add(struct gate *g, struct transfer *t);

/* The next that may fly; it counts as flying. NULL: none. */
struct transfer *gate_next(struct gate *g);

/* t, which flies, is being sent. */
void gate_sent(struct transfer *t);

/* t waits or flies no more. http1: its connection turned out to carry one request at a time. */
void gate_leave(struct gate *g, struct transfer *t, bool http1);

#endif

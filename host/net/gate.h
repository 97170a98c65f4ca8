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

/*
 * A lookup of an address is a thread of curl's, for as long as the server of names likes. Of one
 * host there are at most GATE_LOOKUPS, of all as many as the site says; and a host that has one
 * leaves half of them to hosts that have none, so that a few slow ones keep no other waiting.
 */
#define GATE_LOOKUPS   32
#define GATE_LOOKUP_MS INT64_C(30000) /* so long one may go on that nobody waits for any more */

/* What the lanes of one origin have between them. */
struct gate_host {
	unsigned lanes;
	uint64_t streams; /* flying, each with a connection of its own */
	uint64_t others;  /* connections that the rest of what flies needs, at most */
};

struct gate_lane {
	TAILQ_ENTRY(gate_lane) link;
	char key[GATE_KEY_SIZE];
	struct gate *gate;
	struct gate_host *host;
	bool shares;      /* its connections may carry several requests, as far as we know */
	bool doubts;      /* the last to open one failed, so nobody waits for the next who tries */
	uint64_t flying;  /* with curl */
	uint64_t places;  /* connections that they need at most, as counted with the host */
	uint64_t unsent;  /* of them, those that have no connection yet */
	uint64_t unfound; /* of them, those that have no address yet, as far as we know, */
	uint64_t lookups; /* and of these, those that look for it */
	uint64_t left;    /* lookups that nobody waits for any more, and may go on */
	int64_t left_ms;  /* since when, of the last one */
	bool looks;       /* who goes next needs an address, and may not look for it yet */
	TAILQ_HEAD(gate_line, transfer) waiting;
};

struct gate {
	TAILQ_HEAD(gate_lanes, gate_lane) lanes; /* the one used last first */
	size_t count;
	uint64_t waiting; /* of all lanes */
	uint64_t turns;
	uint64_t lookups; /* of all lanes, */
	uint64_t left;    /* and so */
	uint64_t max_lookups;
	uint64_t per_host;
	uint64_t streams;
	uint64_t kept;  /* places of a host that streams may not take */
	int64_t now_ms; /* by the real clock; its owner sets it */
};

void gate_init(struct gate *g, int64_t per_host, int64_t streams, int64_t lookups);
void gate_finish(struct gate *g); /* nothing waits or flies any more */

/* Puts t at the end of its lane. False: out of memory. */
bool gate_add(struct gate *g, struct transfer *t);

/* The next that may fly; it counts as flying. NULL: none. */
struct transfer *gate_next(struct gate *g);

/* t, which flies, needs the address of its host: may it look for it now? If not, curl is to let go
 * of it, for gate_put_back(). */
bool gate_look(struct transfer *t);

/* It waits again, in its old place. */
void gate_put_back(struct gate *g, struct transfer *t);

/* t, which flies, has an address. */
void gate_found(struct transfer *t);

/* t, which flies, is being sent. */
void gate_sent(struct transfer *t);

/* What its connection turned out to be. */
enum gate_sort {
	GATE_UNKNOWN,
	GATE_ALONE, /* carries one request at a time */
	GATE_SHARED
};

/* t waits or flies no more. */
void gate_leave(struct gate *g, struct transfer *t, enum gate_sort sort);

/* May some go once time has passed, though nothing else happens? */
bool gate_waits_for_time(const struct gate *g);

#endif

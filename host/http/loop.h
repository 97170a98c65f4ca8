/*
 * loop - a listener's thread: accepts connections and runs the two daemons that serve them.
 *
 * libmicrohttpd maps a pool of more than 32 KiB afresh for each connection, and writes zeros over
 * all of it for each further request: with room for 64 KiB of headers that costs more than all
 * the rest of a short answer. A smaller pool comes from the heap. So a connection whose first
 * bytes are already there, with a short head that is whole, goes to a daemon of small pools.
 * Its next request may have a larger head: once the first is answered its socket is parked
 * (park.h), and when there is more to read it goes to the daemon whose pools take any head that
 * is allowed, for good. So do all other connections at once.
 *
 * The library reads what is there. Where that was more than one request, what is left lies in
 * its memory, and the connection stays where it is until all of it is answered: only a head that
 * does not fit the small pool is then refused. A client has to send two requests without waiting,
 * and the second within the microseconds between the look at the first and the library's.
 */
#ifndef HOST_HTTP_LOOP_H
#define HOST_HTTP_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/park.h"
#include "platform/thread.h"

#define LOOP_BRIEF_POOL ((size_t)32 << 10) /* bytes; the most that comes from the heap */

struct fail;
struct MHD_Connection;
struct MHD_Daemon;

struct loop {
	struct MHD_Daemon *brief;  /* of small pools */
	struct MHD_Daemon *kept;   /* of large ones */
	bool parks;                /* it is TCP: what was read of a socket can be told */
	int64_t idle_ms;           /* so long a connection may be parked */
	int listener;              /* not blocking; stays the caller's */
	size_t most;               /* connections at once */
	const size_t *connections; /* that there are; changed by callbacks on the loop's thread */

	int epoll;
	int wake;
	struct park park;
	bool watched;       /* the listener is in epoll */
	bool listening;     /* and looked at */
	int64_t again_mono; /* accept nothing before */
	atomic_bool woken;  /* wake was written to and not yet read */
	atomic_bool quiet;
	atomic_bool ending;
	bool started;
	struct thread thread;
};

/* Fill in the members up to connections before; the daemons stay the caller's and must not listen
 * nor have threads. */
bool loop_start(struct loop *l, const char *name, size_t stack_bytes, struct fail *f);

/* A connection was resumed: the daemons must run. [any thread] */
void loop_wake(struct loop *l);

/* No new connections from now on. [any thread] */
void loop_quiesce(struct loop *l);

/* Ends the thread; neither daemon runs any more. Fine where it was not started. */
void loop_stop(struct loop *l);

/* May a connection of the small pools be kept, and be parked when its answer is sent? Not where
 * so many are that new ones could be kept out. [loop's thread] */
bool loop_can_park(const struct loop *l);

/* The answer of a connection of the small pools is sent, and nothing was read beyond its
 * request. [loop's thread] */
void loop_park(struct loop *l, struct MHD_Connection *c, int fd);

/* Do these bytes begin with a whole head of few lines, which says that the connection ends after
 * its request, or (parks) are they one request of which the end can be told? */
bool loop_head_is_brief(const char *bytes, size_t n, bool parks);

#endif

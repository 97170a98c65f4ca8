/*
 * loop - a listener's thread: accepts connections and runs the two daemons that serve them.
 *
 * libmicrohttpd maps a pool of more than 32 KiB afresh for each connection, and writes to half
 * of it for each request: with room for 64 KiB of headers that costs more than all the rest of
 * a short answer. A smaller pool comes from the heap. So a connection whose first bytes are
 * already there, with a whole short head that says "Connection: close", goes to a daemon of
 * small pools; it will see no second request, which might be larger. All others, and those
 * that are kept, go to the daemon whose pools take any head that is allowed.
 */
#ifndef HOST_HTTP_LOOP_H
#define HOST_HTTP_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/thread.h"

#define LOOP_BRIEF_POOL ((size_t)32 << 10) /* bytes; the most that comes from the heap */

struct fail;
struct MHD_Daemon;

struct loop {
	struct MHD_Daemon *brief;  /* one request a connection */
	struct MHD_Daemon *kept;   /* all others */
	int listener;              /* not blocking; stays the caller's */
	size_t most;               /* connections at once */
	const size_t *connections; /* that there are; changed by callbacks on the loop's thread */

	int epoll;
	int wake;
	bool watched;       /* the listener is in epoll */
	bool listening;     /* and looked at */
	int64_t again_mono; /* accept nothing before */
	atomic_bool woken;  /* wake was written to and not yet read */
	atomic_bool quiet;
	atomic_bool ending;
	bool started;
	struct thread thread;
};

/* Fill in the first five members before; the daemons stay the caller's and must not listen nor
 * have threads. */
bool loop_start(struct loop *l, const char *name, size_t stack_bytes, struct fail *f);

/* A connection was resumed: the daemons must run. [any thread] */
void loop_wake(struct loop *l);

/* No new connections from now on. [any thread] */
void loop_quiesce(struct loop *l);

/* Ends the thread; neither daemon runs any more. Fine where it was not started. */
void loop_stop(struct loop *l);

/* Do these bytes begin with a whole head of few lines, one of which says that the connection
 * ends after it? */
bool loop_head_is_brief(const char *bytes, size_t n);

#endif

/*
 * links - the connections to served processes, and which of them are kept for the next request.
 *
 * Many servers give each of a few workers one connection and stay with it to its end. There an
 * idle connection shuts out who has just connected. So as many are kept as the server was seen
 * to hold at once: it holds what it has read a request from, until that connection ends. More
 * are kept on trial, until a request on a new one is left unread for LINKS_UNREAD_MS; then the
 * idle ones end at once, and the next trial comes later, each time twice as late.
 * docs/process.md, "Served processes".
 *
 * What is known of a server is forgotten when another process listens at its socket.
 * [any thread; one link has one user; the lock is held over lists in memory alone]
 */
#ifndef HOST_PROCESS_LINKS_H
#define HOST_PROCESS_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "platform/thread.h"

#define LINKS_IDLE_MS   1000 /* an idle one is closed after */
#define LINKS_UNREAD_MS 50   /* a request that is unread so long may be waiting for another */

struct fail;
struct link;
struct server;
struct transport;
struct transports;

struct links {
	struct transports *transports;
	void (*idle)(void *ctx); /* there is one to be expired: call links_expire() */
	void *ctx;
	struct mutex lock; /* guards what follows */
	SLIST_HEAD(servers, server) servers;
	size_t idle_count;
	bool told; /* idle() was called, and links_expire() has not said -1 since */
};

/* idle() is called on any thread, with nothing held; it must not block. */
void links_open(
	struct links *all, struct transports *transports, void (*idle)(void *ctx), void *ctx);
void links_close(struct links *all); /* all must be given back */

/* An idle connection to the server of a process, unless fresh; else a place for a new one, which
 * the caller opens. NULL: out of memory. */
struct link *link_take(struct links *all, const char *name, bool fresh, struct fail *f);

bool link_reused(const struct link *l);                 /* was it used before? */
struct transport *link_transport(const struct link *l); /* that has, or is to open it; borrowed */

/* A new connection is open, and bytes of the request were sent. */
void link_asked(struct link *l);

/* The request has no answer yet, LINKS_UNREAD_MS after it was sent: if the server has not read
 * it either, no idle connection shall be the reason. */
void link_waits(struct link *l);

enum link_end {
	LINK_FAILED,
	LINK_USED_UP, /* answered, but not fit for another request */
	LINK_FIT      /* all of the answer has come, and all of the request was read */
};

/* Ends the use of l and its transport, whose connection is kept where it may be. */
void link_give(struct link *l, enum link_end end);

/* Closes idle connections of a process and forgets its server. */
void links_forget(struct links *all, const char *name);

/* Closes what has been idle too long; milliseconds until the next, or -1. */
int links_expire(struct links *all);

#endif

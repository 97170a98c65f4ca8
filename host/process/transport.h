/*
 * transport - curl's handles for one connection to a process, which cost more to make than to
 * use again: a few are kept. Whether one that has a connection is used again, links.h decides.
 * [any thread; one transport has one user]
 */
#ifndef HOST_PROCESS_TRANSPORT_H
#define HOST_PROCESS_TRANSPORT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "platform/thread.h"

struct transport {
	CURLM *multi;
	CURL *easy; /* without options and not in multi, between two requests */
	int fd;     /* of its connection; -1: none */
	SLIST_ENTRY(transport) link;
};

struct transports {
	struct mutex lock; /* guards what follows */
	SLIST_HEAD(idle_transports, transport) idle;
	size_t count; /* of the idle ones */
};

void transports_open(struct transports *all);
void transports_close(struct transports *all); /* all must be given back */

struct transport *transport_take(struct transports *all); /* NULL: out of memory */

/* Ends the connection of one that was cleared, and keeps its handles. NULL is fine. */
void transport_give(struct transports *all, struct transport *t);

/* Ends all of it: after a failure, whose traces stay in curl's handle. NULL is fine. */
void transport_free(struct transport *t);

/* The options that open and close its one connection. opens: it may make one. */
void transport_aim(struct transport *t, bool opens);

/* Is there nothing to be read, and no end, on a connection that is not in use? */
bool transport_is_quiet(const struct transport *t);

/* Has the other side not read all that was sent? */
bool transport_is_unread(const struct transport *t);

pid_t transport_peer(const struct transport *t); /* who listened; 0: not known */

/* Takes the request out of curl; its connection stays. */
void transport_clear(struct transport *t);

#endif

/*
 * transport - the parts of a request to a process that cost more to make than to use again:
 * curl's handles and the memory for an answer on its way. They are kept, a few, from one
 * request to the next. Which of them have a connection of use, links.h knows. [any thread; one
 * transport has one user]
 */
#ifndef HOST_PROCESS_TRANSPORT_H
#define HOST_PROCESS_TRANSPORT_H

#include <curl/curl.h>
#include <sys/queue.h>

#include "platform/thread.h"

#define TRANSPORT_HELD_MAX ((size_t)256 * 1024) /* bytes of the answer that wait to be read */

struct transport {
	CURLM *multi;
	CURL *easy; /* without options; not in multi */
	struct mutex lock;
	int fd;     /* of its connection, by the lock; -1: none */
	char *held; /* TRANSPORT_HELD_MAX + CURL_MAX_WRITE_SIZE bytes */
	SLIST_ENTRY(transport) link;
};

struct transports {
	struct mutex lock; /* guards what follows */
	SLIST_HEAD(idle_transports, transport) idle;
	size_t count; /* of the idle ones */
};

void transports_open(struct transports *all);
void transports_close(struct transports *all); /* all must be given back */

/* The options that open and close its one connection. opens: it may make one. */
void transport_aim(struct transport *t, bool opens);

/* Ends the connection for the other side. curl may go on using it on another thread. */
void transport_hang_up(struct transport *t);
int transport_fd(struct transport *t); /* -1: closed */

struct transport *transport_take(struct transports *all); /* NULL: out of memory */

/* t may be in any state; NULL is fine. */
void transport_give(struct transports *all, struct transport *t);

#endif

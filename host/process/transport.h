/*
 * transport - the parts of a request to a process that cost more to make than to use again:
 * curl's handles and the memory for an answer on its way. They are kept, a few, from one
 * request to the next; no connection is. [any thread; one transport has one user]
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

struct transport *transport_take(struct transports *all); /* NULL: out of memory */

/* t may be in any state; NULL is fine. */
void transport_give(struct transports *all, struct transport *t);

#endif

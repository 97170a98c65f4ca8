/*
 * reply - what curl hands over of a process's answer: whether its head is complete, whether its
 * connection is fit for another request, and a piece of its body that waits to be read. While
 * that is not read nothing more is taken from the socket. [one thread]
 */
#ifndef HOST_PROCESS_REPLY_H
#define HOST_PROCESS_REPLY_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define REPLY_HEAD_MAX ((size_t)64 * 1024)  /* bytes */
#define REPLY_HELD_MAX ((size_t)256 * 1024) /* bytes that wait to be read; curl may add a piece */

struct reply {
	CURL *easy; /* borrowed, while it is being asked */
	size_t head_bytes;
	bool head_done;
	bool too_long;  /* the head */
	bool delimited; /* it says where it ends */
	bool closes;    /* the server ends the connection after it */
	bool paused;
	struct buf held;
	size_t at; /* of held, to be read next */
};

void reply_init(struct reply *r);
void reply_finish(struct reply *r);

/* Starts over, with what easy gets; before the transfer. */
void reply_listen(struct reply *r, CURL *easy);

/* {"status", "content_type"}, once head_done, while easy lives; NULL: out of memory. */
json_t *reply_head(const struct reply *r);

/* Did it say where it ends, and leave the connection open? After its end, while easy lives. */
bool reply_reusable(const struct reply *r);

size_t reply_waiting(const struct reply *r); /* bytes */

/* Up to cap of them. */
size_t reply_read(struct reply *r, void *bytes, size_t cap);

/* Lets curl go on where it waited for a reader and none of the bytes wait. */
void reply_resume(struct reply *r);

#endif

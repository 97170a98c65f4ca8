/*
 * park - connections between two requests, out of the library's hands.
 *
 * A connection of the library whose request is answered gives its socket back: what the library
 * has instead is one whose other end is gone, so that it reads the end and is through with it.
 * The socket waits in an epoll of ours, and costs no more than that, until there is something to
 * read or its time is up. All calls are the loop's thread's.
 */
#ifndef HOST_HTTP_PARK_H
#define HOST_HTTP_PARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;
struct MHD_Connection;
struct parked;

struct park {
	struct parked *first; /* the one that waits longest */
	struct parked *last;
	size_t count;
	int64_t idle_ms; /* so long one may wait */
	int epoll;       /* the caller's */
	int dead;        /* a socket whose other end is gone; -1: not started */
};

bool park_start(struct park *p, int epoll, int64_t idle_ms, struct fail *f);

/* Closes all that wait. Fine where it was not started. */
void park_stop(struct park *p);

/* Takes the socket of a connection whose daemon has library_epoll. In the epoll its data.ptr is
 * what park_heard() wants. False: the library still has it. */
bool park_take(struct park *p, struct MHD_Connection *c, int fd, int library_epoll);

/* Something is to be read: returns the socket, the caller's from now on. -1: that was the end,
 * the socket is closed; or there is nothing. */
int park_heard(struct park *p, struct parked *waiting);

/* Milliseconds until the first one's time is up; -1: none waits. */
int park_timeout(const struct park *p);

/* Closes those whose time is up. */
void park_expire(struct park *p);

/* How many bytes have been read from a TCP socket since it was connected, by whomever. Nobody may
 * read from it meanwhile. -1: it cannot be told. *ret_ended: the other side sends no more. */
int64_t park_bytes_read(int fd, bool *ret_ended);

#endif

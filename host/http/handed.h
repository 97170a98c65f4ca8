/*
 * handed - listening sockets that whoever started us made and keeps, so that connections wait
 * in them while one daemon ends and the next begins. As service managers do it: LISTEN_PID is
 * our process, LISTEN_FDS the number of descriptors, which begin at 3. [main thread]
 */
#ifndef HOST_HTTP_HANDED_H
#define HOST_HTTP_HANDED_H

#include <stddef.h>
#include <sys/socket.h>

#define HANDED_MAX 64

struct handed {
	int fds[HANDED_MAX]; /* ours to close; -1: taken */
	size_t count;
};

/* Takes over what was handed to this process, if anything was, and removes the variables that
 * say so. Nothing of it is inherited further. */
void handed_take(struct handed *h);

/* The socket that listens at that address, now the caller's; -1: none. */
int handed_find(struct handed *h, const struct sockaddr *address);

/* Closes what nobody took, and logs it. */
void handed_close(struct handed *h);

#endif

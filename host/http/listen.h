/*
 * listen - the sockets connections come in by: handed over (handed.h), or else made here.
 */
#ifndef HOST_HTTP_LISTEN_H
#define HOST_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_listener;
struct fail;
struct handed;

struct listen_socket {
	int fd;           /* -1: none */
	const char *path; /* of a Unix socket; config's */
	uint64_t device;  /* which file path was when we made it */
	uint64_t inode;
	bool handed; /* others have it too: it goes on listening when we end */
};

/* Listening, not blocking, not inherited. TCP on loopback addresses only: whoever reaches a
 * listener may use it, as long as listeners have no access rules. What handed has for the
 * address is taken from it; only else a socket is made. */
bool listen_open(struct listen_socket *s, const struct config_listener *config,
	struct handed *handed, struct fail *f);

/* Lets nobody in any more, and removes the Unix socket's file if it still is ours; the
 * descriptor stays open, for the thread that may be polling it. A socket that was handed over
 * is left alone: connections wait in it for our successor. */
void listen_shut(struct listen_socket *s);

void listen_close(struct listen_socket *s);

/* The TCP port it really has; 0 for a Unix socket. */
int listen_port(const struct listen_socket *s);

#endif

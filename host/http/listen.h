/*
 * listen - the sockets connections come in by. In a place of its own, so that sockets made
 * by a service manager can be taken over here too.
 */
#ifndef HOST_HTTP_LISTEN_H
#define HOST_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_listener;
struct fail;

struct listen_socket {
	int fd;           /* -1: none */
	const char *path; /* of a Unix socket; config's */
	uint64_t device;  /* which file path was when we made it */
	uint64_t inode;
};

/* Listening, not blocking, not inherited. TCP on loopback addresses only: whoever reaches a
 * listener may use it, as long as listeners have no access rules. */
bool listen_open(struct listen_socket *s, const struct config_listener *config, struct fail *f);

/* Lets nobody in any more, and removes the Unix socket's file if it still is ours; the
 * descriptor stays open, for the thread that may be polling it. */
void listen_shut(struct listen_socket *s);

void listen_close(struct listen_socket *s);

/* Raises this process's limit of open files to what the system allows, and warns where that
 * is less than connections need. */
void listen_raise_limit(size_t connections);

/* The TCP port it really has; 0 for a Unix socket. */
int listen_port(const struct listen_socket *s);

#endif

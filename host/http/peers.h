/*
 * peers - the open connections of a listener and until when each must have made progress.
 *
 * The HTTP library closes a connection that is silent; one that sends a byte now and then
 * would stay for ever. Here each has a deadline for its whole header, and for its body one
 * that moves with the bytes. A thread shuts down what is late. [any thread]
 */
#ifndef HOST_HTTP_PEERS_H
#define HOST_HTTP_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/thread.h"

struct fail;
struct MHD_Connection;
struct peer;

struct peers {
	struct mutex lock;
	struct cond changed;
	struct peer *first;
	bool ending;
	bool asleep; /* the thread, until it is signalled */
	struct thread thread;
};

bool peers_start(struct peers *p, struct fail *f);
void peers_stop(struct peers *p); /* all peers must be removed */

/* fd stays the caller's and must be open until peers_remove. NULL: out of memory. */
struct peer *peers_add(struct peers *p, int fd, int64_t deadline_mono_ms);
void peers_set(struct peer *peer, int64_t deadline_mono_ms);

/* Counts bytes of its requests; returns how many they are by now. One thread for each peer. */
int64_t peers_count(struct peer *peer, int64_t bytes);

/* The socket context of a connection. [its daemon's thread] */
struct peer *peers_of(struct MHD_Connection *c);

void peers_remove(struct peers *p, struct peer *peer); /* NULL is fine */

#endif

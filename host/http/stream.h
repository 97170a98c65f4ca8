/*
 * stream - the bytes of a streamed answer on their way from the thread that makes them to
 * the front thread that sends them. Guarded by its owner's lock.
 */
#ifndef HOST_HTTP_STREAM_H
#define HOST_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#define STREAM_WAITING_MAX ((size_t)1 << 20)

struct stream_chunk;

struct stream {
	struct stream_chunk *first;
	struct stream_chunk *last;
	size_t waiting; /* bytes */
};

/* Takes as many of the n bytes as fit; how many in *ret_taken. False: out of memory. */
bool stream_put(struct stream *s, const void *bytes, size_t n, size_t *ret_taken);

/* Moves at most n bytes out; how many. */
size_t stream_take(struct stream *s, void *bytes, size_t n);

void stream_finish(struct stream *s); /* drops what waits; of a zeroed one too */

#endif

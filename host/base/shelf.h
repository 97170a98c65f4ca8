/*
 * shelf - blocks of one size that are made on one thread and freed on another, kept for the next
 * one that wants such a block. The C library would take its locks and sort its lists for each
 * of them. Sanitizers get every block from the library, so that they see each use. [any thread]
 */
#ifndef HOST_BASE_SHELF_H
#define HOST_BASE_SHELF_H

#include <stddef.h>

#include "platform/thread.h"

struct shelf {
	struct mutex lock;
	void *first; /* each block begins with the address of the next */
	size_t count;
	size_t bytes; /* of a block */
	size_t most;  /* blocks kept */
};

/* For one that lives as long as the process. */
#define SHELF_INIT(block_bytes, blocks)                                                            \
	{                                                                                          \
		.lock = MUTEX_INIT, .bytes = (block_bytes), .most = (blocks)                       \
	}

/* A block with zeros in it, or NULL: out of memory. */
void *shelf_take(struct shelf *s);

/* Keeps the block, or frees it where there are enough. NULL is fine. */
void shelf_give(struct shelf *s, void *block);

#endif

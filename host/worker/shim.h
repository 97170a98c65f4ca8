/*
 * shim - the host as a provider sees it from inside a worker: the tables of davit/host.h, whose
 * functions ask the host over the lane of the call that runs on the calling thread.
 */
#ifndef HOST_WORKER_SHIM_H
#define HOST_WORKER_SHIM_H

#include <davit/host.h>
#include <stdint.h>

#include "provider/arena.h"
#include "worker/frame.h"

#define SHIM_FILES 4

/* A file the provider reads, without asking for each piece. */
struct shim_file {
	davit_blob blob; /* 0: none */
	int fd;
	unsigned reads; /* since the host was asked last */
};

/* The way of one call; belongs to one thread. */
struct lane {
	int socket;
	davit_call call;                    /* that runs */
	struct arena arena;                 /* of it */
	struct shim_file files[SHIM_FILES]; /* of the call, too */
	struct frame_in in;
};

/* lane is that of this thread from now on. */
void shim_enter(struct lane *lane);

/* The call is over: closes what it had open here. */
void shim_leave(struct lane *lane);

/* Only the tables whose bits are set are given to the provider: 1 << SERVICE_TABLE_…. [before the
 * first create()] */
void shim_offer(uint64_t tables);

/* For create(). Constant. */
const void *DAVIT_CALL shim_query(const char *id, uint32_t major);

#endif

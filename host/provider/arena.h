/* arena - scratch memory of one call, freed as a whole. [one thread] */
#ifndef HOST_PROVIDER_ARENA_H
#define HOST_PROVIDER_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t used;                /* bytes handed out */
	size_t limit;
};

void arena_init(struct arena *a, size_t limit);
void arena_finish(struct arena *a);

/* The same, and nothing is left where it was. */
void arena_wipe(struct arena *a);

/* Zeroed and fit for any type; NULL past the limit or out of memory. */
void *arena_alloc(struct arena *a, size_t n);

/* A copy of n bytes with a NUL behind; NULL as above. */
char *arena_copy(struct arena *a, const void *bytes, size_t n);

#endif

/* Small pieces share chunks, each a quarter of what was given before, larger ones have their own:
 * thousands of calls that wait at once mostly need little. */
#include "provider/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_LEAST ((size_t)512 - 64) /* with what it and the C library put before it: 512 */
#define CHUNK_MOST  ((size_t)16 * 1024)
#define ALIGN       _Alignof(max_align_t)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	size_t used;
	max_align_t bytes[];
};

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){.limit = limit};
}

void arena_finish(struct arena *a)
{
	struct arena_chunk *next;

	for (struct arena_chunk *c = a->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	arena_init(a, a->limit);
}

void arena_wipe(struct arena *a)
{
	for (struct arena_chunk *c = a->chunks; c != NULL; c = c->next)
		explicit_bzero(c->bytes, c->used);
	arena_finish(a);
}

static struct arena_chunk *chunk_for(struct arena *a, size_t n)
{
	struct arena_chunk *c = a->chunks;
	size_t shared = a->used / 4 / ALIGN * ALIGN;
	size_t size;

	if (c != NULL && c->size - c->used >= n)
		return c;
	shared = shared < CHUNK_MOST ? shared : CHUNK_MOST;
	shared = shared > CHUNK_LEAST ? shared : CHUNK_LEAST;
	size = n > shared ? n : shared;
	c = calloc(1, sizeof(*c) + size);
	if (c == NULL)
		return NULL;
	c->size = size;
	if (n > shared && a->chunks != NULL) { /* full at once: keep the open one in front */
		c->next = a->chunks->next;
		a->chunks->next = c;
	} else {
		c->next = a->chunks;
		a->chunks = c;
	}
	return c;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_chunk *c;
	char *p;

	if (n > a->limit - a->used || n > SIZE_MAX - ALIGN)
		return NULL;
	n = n == 0 ? ALIGN : (n + ALIGN - 1) / ALIGN * ALIGN;
	if (n > a->limit - a->used)
		return NULL;
	c = chunk_for(a, n);
	if (c == NULL)
		return NULL;
	p = (char *)c->bytes + c->used;
	c->used += n;
	a->used += n;
	return p;
}

char *arena_copy(struct arena *a, const void *bytes, size_t n)
{
	char *p = n == SIZE_MAX ? NULL : arena_alloc(a, n + 1);

	if (p != NULL && n > 0)
		memcpy(p, bytes, n);
	return p;
}

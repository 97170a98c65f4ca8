/* A list of chunks; small writes fill up the last one. */
#include "http/stream.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)32768)

struct stream_chunk {
	struct stream_chunk *next;
	size_t begin;
	size_t end;
	char bytes[CHUNK_BYTES];
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The chunk that has room; NULL: out of memory. */
static struct stream_chunk *room(struct stream *s)
{
	struct stream_chunk *c;

	if (s->last != NULL && s->last->end < CHUNK_BYTES)
		return s->last;
	c = malloc(sizeof(*c));
	if (c == NULL)
		return NULL;
	c->next = NULL;
	c->begin = c->end = 0;
	if (s->last != NULL)
		s->last->next = c;
	else
		s->first = c;
	s->last = c;
	return c;
}

bool stream_put(struct stream *s, const void *bytes, size_t n, size_t *ret_taken)
{
	size_t fits = smaller(n, STREAM_WAITING_MAX - s->waiting), done = 0;

	while (done < fits) {
		struct stream_chunk *c = room(s);
		size_t part;

		if (c == NULL)
			return false;
		part = smaller(fits - done, CHUNK_BYTES - c->end);
		memcpy(c->bytes + c->end, (const char *)bytes + done, part);
		c->end += part;
		s->waiting += part;
		done += part;
	}
	*ret_taken = done;
	return true;
}

static void drop_first(struct stream *s)
{
	struct stream_chunk *c = s->first;

	s->first = c->next;
	if (s->first == NULL)
		s->last = NULL;
	free(c);
}

size_t stream_take(struct stream *s, void *bytes, size_t n)
{
	size_t done = 0;

	while (s->first != NULL && done < n) {
		struct stream_chunk *c = s->first;
		size_t part = smaller(n - done, c->end - c->begin);

		memcpy((char *)bytes + done, c->bytes + c->begin, part);
		c->begin += part;
		done += part;
		if (c->begin == c->end)
			drop_first(s);
	}
	s->waiting -= done;
	return done;
}

void stream_finish(struct stream *s)
{
	while (s->first != NULL)
		drop_first(s);
	s->waiting = 0;
}

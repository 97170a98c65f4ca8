/*
 * clip - text of any length kept in bounded memory: its beginning and its end, with a line
 * between them that says how much was left out. [one thread]
 */
#ifndef HOST_API_CLIP_H
#define HOST_API_CLIP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct clip {
	size_t half; /* bytes kept at either end */
	struct buf head;
	char *tail;      /* a ring of half bytes; NULL while the head has room */
	uint64_t beyond; /* bytes that came after the head */
	bool failed;     /* out of memory */
};

void clip_init(struct clip *c, size_t limit);
void clip_finish(struct clip *c);
void clip_add(struct clip *c, const char *bytes, size_t n);

/* All of it as a JSON string, whatever bytes it has; NULL: out of memory. */
json_t *clip_json(const struct clip *c);

#endif

/* shelf - see shelf.h. */
#include "base/shelf.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS 0
#else
#define KEEPS 1
#endif

void *shelf_take(struct shelf *s)
{
	void *block;

	mutex_lock(&s->lock);
	block = s->first;
	if (block != NULL) {
		memcpy(&s->first, block, sizeof(s->first));
		s->count--;
	}
	mutex_unlock(&s->lock);
	return block != NULL ? memset(block, 0, s->bytes) : calloc(1, s->bytes);
}

void shelf_give(struct shelf *s, void *block)
{
	if (block == NULL)
		return;
	mutex_lock(&s->lock);
	if (KEEPS && s->count < s->most) {
		memcpy(block, &s->first, sizeof(s->first));
		s->first = block;
		s->count++;
		block = NULL;
	}
	mutex_unlock(&s->lock);
	free(block);
}

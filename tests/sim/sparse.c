/* sparse - net/sparse.h as the C library has it: where a block lies says which locks are taken, and
 * a schedule must not depend on that. */
#include "net/sparse.h"

#include <malloc.h>
#include <stdlib.h>

void *sparse_malloc(size_t n)
{
	return malloc(n);
}

void *sparse_realloc(void *p, size_t n)
{
	return realloc(p, n);
}

void sparse_free(void *p)
{
	free(p);
}

size_t sparse_usable(void *p)
{
	return malloc_usable_size(p);
}

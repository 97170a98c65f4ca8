/*
 * The C library of GNU. It keeps freed memory in arenas: up to eight for each processor, and at the
 * end of each as much as twice the largest block that was ever freed (up to 64 MiB). Both grow with
 * the load and the machine, so both are told here; a limit that is told no longer grows. The end of
 * an arena, but for the first, is given back by nothing else.
 */
#include "platform/memory.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>

#include "base/attr.h"

static const struct {
	int parameter;
	int value;
} limits[] = {
	{M_ARENA_MAX, 4},
	{M_MMAP_THRESHOLD, 128 * 1024},  /* such a block is unmapped when it is freed */
	{M_TRIM_THRESHOLD, 1024 * 1024}, /* at the end of an arena, for clients that come and go */
};

void memory_keep_little(void)
{
	for (size_t i = 0; i < COUNT(limits); i++) {
		// NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet
		(void)mallopt(limits[i].parameter, limits[i].value);
	}
}

void memory_give_back(void)
{
	(void)malloc_trim(0);
}

#else

void memory_keep_little(void)
{
}

void memory_give_back(void)
{
}

#endif

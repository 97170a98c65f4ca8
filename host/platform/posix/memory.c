/*
 * The C library of GNU. It keeps freed memory in arenas: up to eight for each processor, and at the
 * end of each as much as twice the largest block that was ever freed (up to 64 MiB). Both grow with
 * the load and the machine, so both are told here; a limit that is told no longer grows.
 */
#include "platform/memory.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>

#define ARENAS_MOST 8
#define LARGE_BYTES (128 * 1024) /* such a block is mapped, and unmapped when it is freed */
#define END_BYTES   (128 * 1024) /* kept free at the end of an arena */

void memory_keep_little(void)
{
	(void)mallopt(M_ARENA_MAX, ARENAS_MOST);
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, END_BYTES);
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

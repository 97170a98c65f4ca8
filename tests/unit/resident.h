/*
 * resident - how much memory this process has, and a heap with holes in it, for tests of what is
 * given back.
 */
#ifndef UNIT_RESIDENT_H
#define UNIT_RESIDENT_H

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIEVE_HOLES      512
#define SIEVE_HOLE_BYTES ((size_t)32 * 1024)
#define SIEVE_FREED      (SIEVE_HOLES * SIEVE_HOLE_BYTES)

/* Not where valgrind or a sanitizer has put its own allocator in place of the C library's. */
static inline bool resident_tells(void)
{
	char *p = malloc(100);
	struct mallinfo2 now = mallinfo2();

	free(p);
	return now.uordblks > 0;
}

/* Of memory that is no file's. */
static inline size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long size, resident = 0, shared = 0;

	if (file == NULL || fscanf(file, "%lu %lu %lu", &size, &resident, &shared) != 3)
		abort();
	(void)fclose(file);
	return (size_t)(resident - shared) * (size_t)sysconf(_SC_PAGESIZE);
}

struct sieve {
	char *between[SIEVE_HOLES];
};

/* Frees large pieces of a heap whose small pieces between them stay in use. */
static inline void sieve_fill(struct sieve *s)
{
	char *holes[SIEVE_HOLES];

	for (size_t i = 0; i < SIEVE_HOLES; i++) {
		holes[i] = malloc(SIEVE_HOLE_BYTES);
		s->between[i] = malloc(100);
		if (holes[i] == NULL || s->between[i] == NULL)
			abort();
		memset(holes[i], 1, SIEVE_HOLE_BYTES);
	}
	for (size_t i = 0; i < SIEVE_HOLES; i++)
		free(holes[i]);
}

static inline void sieve_empty(struct sieve *s)
{
	for (size_t i = 0; i < SIEVE_HOLES; i++)
		free(s->between[i]);
}

#endif

/* Slabs begin at a multiple of their size, so that a block tells which it may be of. */
#include "net/sparse.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "net/wipe.h"
#include "platform/thread.h"

#define SLAB_BYTES  ((size_t)1024 * 1024)
#define SLAB_PLACES (SLAB_BYTES / SPARSE_MOST) /* the first is the slab's own */
#define PAGE_LEAST  ((uintptr_t)4096)
#define NONE_USED   (UINT64_MAX << SLAB_PLACES | 1)
#define ALL_USED    UINT64_MAX

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLABS 0 /* they are to see the end of each block */
#else
#define SLABS 1
#endif

struct slab {
	LIST_ENTRY(slab) link; /* in roomy, unless all places are in use */
	uint64_t used;         /* a bit for each place */
	size_t at;             /* in all */
};

static struct mutex lock = MUTEX_INIT; /* guards what follows */
static LIST_HEAD(slabs, slab) roomy = LIST_HEAD_INITIALIZER(roomy);
static struct slab **all;
static size_t count, room; /* in all */
static size_t unused;      /* of them, those without a block */

/* --- slabs; with the lock held --- */

static bool make_room(void)
{
	size_t more = room > 0 ? room * 2 : 8;
	struct slab **moved;

	if (count < room)
		return true;
	moved = reallocarray(all, more, sizeof(struct slab *));
	if (moved == NULL)
		return false;
	all = moved;
	room = more;
	return true;
}

static struct slab *slab_new(void)
{
	struct slab *s = make_room() ? aligned_alloc(SLAB_BYTES, SLAB_BYTES) : NULL;

	if (s == NULL)
		return NULL;
	*s = (struct slab){.used = NONE_USED, .at = count};
	all[count++] = s;
	unused++;
	LIST_INSERT_HEAD(&roomy, s, link);
	return s;
}

static void slab_free(struct slab *s)
{
	all[s->at] = all[--count];
	all[s->at]->at = s->at;
	unused--;
	LIST_REMOVE(s, link);
	free(s);
}

/* The slab that p is a block of; NULL: none. Who asks has looked at may_be_ours(). */
static struct slab *slab_of(char *p)
{
	struct slab *s = (struct slab *)(void *)(p - (uintptr_t)p % SLAB_BYTES);

	for (size_t i = 0; i < count; i++) {
		if (all[i] == s)
			return s;
	}
	return NULL;
}

/* The lowest place that is free: so few pages are touched while few blocks are in use. */
static void *take(void)
{
	struct slab *s = LIST_FIRST(&roomy);
	unsigned place;

	if (s == NULL)
		s = slab_new();
	if (s == NULL)
		return NULL;
	if (s->used == NONE_USED)
		unused--;
	place = (unsigned)__builtin_ctzll(~s->used);
	s->used |= UINT64_C(1) << place;
	if (s->used == ALL_USED)
		LIST_REMOVE(s, link);
	return (char *)s + place * SPARSE_MOST;
}

static void give(struct slab *s, const char *p)
{
	if (s->used == ALL_USED)
		LIST_INSERT_HEAD(&roomy, s, link);
	s->used &= ~(UINT64_C(1) << (size_t)(p - (char *)s) / SPARSE_MOST);
	if (s->used != NONE_USED)
		return;
	unused++;
	if (unused > 1)
		slab_free(s);
}

/* --- blocks --- */

/* Few that the C library gave begin with a page. */
static bool may_be_ours(const void *p)
{
	return SLABS && (uintptr_t)p % PAGE_LEAST == 0;
}

void *sparse_malloc(size_t n)
{
	void *p;

	if (!SLABS || n < SPARSE_LEAST || n > SPARSE_MOST)
		return malloc(n);
	mutex_lock(&lock);
	p = take();
	mutex_unlock(&lock);
	return p != NULL ? p : malloc(n);
}

void sparse_free(void *p)
{
	struct slab *s = NULL;

	if (p != NULL && may_be_ours(p)) {
		mutex_lock(&lock);
		s = slab_of(p);
		if (s != NULL)
			give(s, p);
		mutex_unlock(&lock);
	}
	if (s == NULL)
		free(p);
}

static bool is_ours(void *p)
{
	bool ours = false;

	if (may_be_ours(p)) {
		mutex_lock(&lock);
		ours = slab_of(p) != NULL;
		mutex_unlock(&lock);
	}
	return ours;
}

size_t sparse_usable(void *p)
{
	return is_ours(p) ? SPARSE_MOST : malloc_usable_size(p);
}

void *sparse_realloc(void *p, size_t n)
{
	void *moved;

	if (p == NULL)
		return sparse_malloc(n);
	if (!is_ours(p))
		return realloc(p, n);
	moved = malloc(n);
	if (moved == NULL)
		return NULL;
	memcpy(moved, p, n < SPARSE_MOST ? n : SPARSE_MOST);
	sparse_free(p);
	return moved;
}

size_t sparse_slabs(void)
{
	size_t n;

	mutex_lock(&lock);
	n = count;
	mutex_unlock(&lock);
	return n;
}

/* --- for OpenSSL, which says where in its code it asks, and takes nothing for no memory --- */

static void *take_for(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n > 0 ? sparse_malloc(n) : NULL;
}

static void *change_for(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n > 0)
		return sparse_realloc(p, n);
	sparse_free(p);
	return NULL;
}

static void free_for(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	sparse_free(p);
}

void sparse_install(void)
{
	/* Where it has memory already it refuses, and all is as it would be without. */
	(void)CRYPTO_set_mem_functions(take_for, change_for, free_for);
	(void)wipe_curl();
}

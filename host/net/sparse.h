/*
 * sparse - memory for curl and OpenSSL, whose buffers of 16 KiB are long for what mostly lies in
 * them: curl has one for the body of a request until its answer is there, OpenSSL one for each
 * record that comes or goes. On the heap the first would lie between shorter blocks of others,
 * and so would all that must stay beside the second, on pages that were touched once for nothing.
 * So blocks of such a length have places of their own, in slabs of 50, and begin with a page.
 * All others are the C library's. [any thread]
 */
#ifndef HOST_NET_SPARSE_H
#define HOST_NET_SPARSE_H

#include <stddef.h>

#define SPARSE_LEAST ((size_t)16 * 1024) /* bytes of a block with a place, */
#define SPARSE_MOST  ((size_t)20 * 1024) /* and of the place */

/* Lets both take all memory here. [before either is used, while there is one thread] */
void sparse_install(void);

/* As malloc(), realloc() and free(), among themselves. */
void *sparse_malloc(size_t n);
void *sparse_realloc(void *p, size_t n);
void sparse_free(void *p);

/* Bytes of a block, as malloc_usable_size(). */
size_t sparse_usable(void *p);

/* How many slabs there are: one without a block stays for the next. */
size_t sparse_slabs(void);

#endif

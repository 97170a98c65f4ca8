/*
 * buf - growing bytes with a ceiling. Once it ran past the ceiling or out of memory it
 * takes nothing more, so that many appends need one check at the end. [one thread]
 */
#ifndef HOST_BASE_BUF_H
#define HOST_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct buf {
	char *p; /* NUL after n bytes, or NULL while empty */
	size_t n;
	size_t cap;
	size_t limit;
	bool failed; /* something did not fit */
	bool secret; /* set after buf_init(): memory is overwritten before it is given back */
};

void buf_init(struct buf *b, size_t limit);
void buf_finish(struct buf *b); /* frees; b may be used again after buf_init */
void buf_clear(struct buf *b);  /* keeps the memory */
void buf_add(struct buf *b, const void *bytes, size_t n);
/* One byte: for what comes byte by byte. */
static inline void buf_byte(struct buf *b, char byte)
{
	if (b->failed || b->n + 1 >= b->cap) {
		buf_add(b, &byte, 1);
		return;
	}
	b->p[b->n++] = byte;
	b->p[b->n] = '\0';
}

void buf_text(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* Hands the bytes (NUL-terminated, never NULL) to the caller, who frees them; NULL if failed. */
char *buf_take(struct buf *b, size_t *ret_n);

#endif

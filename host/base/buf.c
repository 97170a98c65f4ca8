/* Growing bytes with a ceiling and a failure that sticks. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 256

void buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){.limit = limit < SIZE_MAX / 4 ? limit : SIZE_MAX / 4};
}

void buf_finish(struct buf *b)
{
	if (b->secret && b->p != NULL)
		explicit_bzero(b->p, b->cap);
	free(b->p);
	*b = (struct buf){.limit = b->limit};
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

/* Makes room for n more bytes and the NUL. */
static bool reserve(struct buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (b->failed || n > b->limit - b->n) {
		b->failed = true;
		return false;
	}
	need = b->n + n + 1;
	if (need <= b->cap)
		return true;
	cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap * 2;
	if (cap > b->limit + 1)
		cap = b->limit + 1;
	if (cap < need)
		cap = need;
	p = b->secret ? malloc(cap) : realloc(b->p, cap);
	if (p == NULL) {
		b->failed = true;
		return false;
	}
	if (b->secret && b->p != NULL) { /* realloc() would leave what was there behind */
		memcpy(p, b->p, b->n + 1);
		explicit_bzero(b->p, b->cap);
		free(b->p);
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n > 0)
		memcpy(b->p + b->n, bytes, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->failed || b->p == NULL ? 0 : b->cap - b->n;
	va_list args;
	int n;

	/* Once where it fits; else that only told how long it is. */
	va_start(args, fmt);
	n = vsnprintf(room > 0 ? b->p + b->n : NULL, room, fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n < room && (size_t)n <= b->limit - b->n) {
		b->n += (size_t)n;
		return;
	}
	if (room > 0)
		b->p[b->n] = '\0';
	if (n < 0)
		b->failed = true;
	if (n < 0 || !reserve(b, (size_t)n))
		return;
	va_start(args, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, args);
	va_end(args);
	b->n += (size_t)n;
}

char *buf_take(struct buf *b, size_t *ret_n)
{
	char *p;

	buf_add(b, "", 0); /* an empty buffer is an empty text, not NULL */
	if (b->failed) {
		buf_finish(b);
		return NULL;
	}
	p = b->p;
	if (ret_n != NULL)
		*ret_n = b->n;
	*b = (struct buf){.limit = b->limit};
	return p;
}

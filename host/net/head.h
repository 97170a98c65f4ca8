/*
 * head - status and headers of an answer, line by line as they come in. What another machine
 * says: any bytes, in any order, as many as fit. Pure. [one thread at a time]
 */
#ifndef HOST_NET_HEAD_H
#define HOST_NET_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define HEAD_BYTES_MAX ((size_t)64 * 1024) /* names and values, and all lines of a head */

#define HEAD_LINES_MAX 256

struct head {
	int status;      /* of the last status line; 0: none yet */
	bool complete;   /* of the answer, not of "100 Continue" and the like */
	size_t seen;     /* bytes of lines */
	size_t lines;    /* with a header */
	struct buf text; /* name, NUL, value, NUL, and so on; names in lower case */
};

void head_init(struct head *h);
void head_finish(struct head *h);

/* Takes one line with its end, of n bytes. What comes after the head (trailers) is passed over.
 * False: the head is too long or has too many lines, or there is no memory. */
bool head_line(struct head *h, const char *line, size_t n);

/* The next header: *at begins at 0. False: that was all. The texts are h's. */
bool head_next(const struct head *h, size_t *at, const char **ret_name, const char **ret_value);

/* The value of the first header of that name (in lower case), or NULL. */
const char *head_get(const struct head *h, const char *name);

#endif

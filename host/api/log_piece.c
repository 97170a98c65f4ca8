/* log_piece - see log_piece.h. */
#include "api/log_piece.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void log_piece_head(struct log_piece *p, const char *content_type)
{
	static const char word[] = "; offset=";
	const char *at = content_type != NULL ? strstr(content_type, word) : NULL;
	uint64_t begin = 0;

	p->cut = 0;
	p->placed = at != NULL && isdigit((unsigned char)at[sizeof(word) - 1]);
	if (p->placed)
		begin = strtoull(at + sizeof(word) - 1, NULL, 10);
	if (p->placed && begin > p->offset) {
		p->cut = begin - p->offset;
		p->offset = begin;
	}
	p->skip = p->offset - begin;
}

const char *log_piece_bytes(struct log_piece *p, const void *bytes, size_t *n)
{
	size_t passed = *n < p->skip ? *n : (size_t)p->skip;

	p->skip -= passed;
	*n -= passed;
	p->offset += *n;
	return (const char *)bytes + passed;
}

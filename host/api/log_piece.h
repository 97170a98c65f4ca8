/*
 * log_piece - the answer of a logs slot from an offset on, whether the provider can begin there
 * or only sends the whole log. [any thread, one at a time]
 */
#ifndef HOST_API_LOG_PIECE_H
#define HOST_API_LOG_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_piece {
	uint64_t offset; /* in: where to begin; out: what to ask for next */
	uint64_t skip;   /* bytes still to be passed over */
	uint64_t cut;    /* bytes before the first one that are kept no more */
	bool placed;     /* it said where its answer begins */
};

/* Reads the head of an answer: "text/plain; charset=utf-8; offset=12". */
void log_piece_head(struct log_piece *p, const char *content_type);

/* Passes over what lies before the offset: the bytes that are wanted, *n of them. */
const char *log_piece_bytes(struct log_piece *p, const void *bytes, size_t *n);

#endif

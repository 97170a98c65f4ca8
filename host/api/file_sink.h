/*
 * file_sink - the bytes of a provider's file as an answer, of any size and whatever they are.
 * [the call's thread]
 */
#ifndef HOST_API_FILE_SINK_H
#define HOST_API_FILE_SINK_H

#include <stdbool.h>

#include "provider/provider.h"

#define FILE_SINK_CALL_MS 3600000 /* a large file read by a slow reader */

struct exchange;

struct file_sink {
	struct exchange *x;
	struct call_sink sink; /* for the call; points to this */
	bool begun;            /* x is being answered; end it by exchange_stream_end() */
};

/* s stays where it is until the call is done. */
void file_sink_init(struct file_sink *s, struct exchange *x);

#endif

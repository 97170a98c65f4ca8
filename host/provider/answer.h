/* answer - what a provider answered in one call so far, and streaming it to the reader.
 * [the thread of the call] */
#ifndef HOST_PROVIDER_ANSWER_H
#define HOST_PROVIDER_ANSWER_H

#include <davit/abi.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "provider/call_blobs.h"

struct call;

enum answer_kind {
	ANSWER_NONE,
	ANSWER_JSON,
	ANSWER_STATE,
	ANSWER_BLOB,   /* sent when the slot has returned */
	ANSWER_CHUNKS, /* begun, the last one is missing */
	ANSWER_CHUNKS_DONE
};

struct answer {
	enum answer_kind kind;
	json_t *json;
	int32_t state;
	int64_t next_poll_ms;
	int status;               /* of bytes */
	const char *content_type; /* in the call's arena, as is model */
	const char *model;        /* that answers, as the provider calls it; NULL: not said */
	struct call_blob blob;    /* with ANSWER_BLOB */
	bool reader_gone;
};

void answer_finish(struct answer *a);

/* The services of davit_host_core_1; each returns a DAVIT_ code. */
int32_t answer_json(struct call *c, davit_buf json);
int32_t answer_state(struct call *c, int32_t state, int64_t next_poll_ms, davit_buf json);
int32_t answer_blob(struct call *c, davit_buf head, davit_blob blob);
int32_t answer_chunk(struct call *c, davit_buf head, davit_buf bytes, bool last);

/* After the slot returned DAVIT_OK: sends what ANSWER_BLOB promised. Returns a code. */
int32_t answer_send(struct call *c);

#endif

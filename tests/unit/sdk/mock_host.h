/* A host of one call at a time for the SDK's tests: keeps what was answered, a small kv and
 * one blob. All its state is in struct mock, which the handle of the call names. */
#ifndef TESTS_UNIT_SDK_MOCK_HOST_H
#define TESTS_UNIT_SDK_MOCK_HOST_H

#include <davit/abi.h>
#include <davit/host.h>
#include <stdbool.h>

#define MOCK_PAIRS 8
#define MOCK_TEXT  8192

struct mock_pair {
	char key[64];
	char value[1024];
	int64_t version; /* 0: deleted, or never there */
};

struct mock {
	size_t arena_left; /* what the call may still have */
	void *pieces[512]; /* handed out */
	size_t piece_count;
	int32_t answer_code; /* what reply… return */
	int32_t kv_code;     /* what kv returns, unless DAVIT_OK */
	uint32_t page;       /* keys of one list page */

	int64_t clock_ms;

	char reply[MOCK_TEXT];
	size_t replies;
	int32_t state;
	int64_t next_poll_ms;
	char head[256];
	davit_blob blob;

	char fail_text[MOCK_TEXT];
	char fail_detail[MOCK_TEXT];
	int32_t fail_code;
	size_t fails;
	char log[MOCK_TEXT];

	struct mock_pair pairs[MOCK_PAIRS];
	const char *blob_bytes;
	size_t blob_n;
	size_t blob_step; /* bytes a read gives at most */
	bool blob_stream; /* nobody knows its length */
};

void mock_init(struct mock *m);
void mock_finish(struct mock *m);
davit_call mock_call(struct mock *m);

extern const davit_host_core_1 mock_core;
extern const davit_host_kv_1 mock_kv;
extern const davit_host_blob_1 mock_blob;

/* Answers the three tables above. */
const void *DAVIT_CALL mock_query(const char *id, uint32_t major);

#endif

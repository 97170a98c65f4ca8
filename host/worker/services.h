/*
 * services - every function of davit/host.h as a row: what it takes and gives. This is all that
 * the way between a worker and the host knows of them: a new function is a row at the end of its
 * table's list, a new table a list and a row at the end of WORKER_TABLES. A function without a row
 * does not compile (services.c).
 *
 * Of a SERVICE frame slot says table and row. Its payload: eight bytes for each argument, then the
 * bytes of those that are texts, in their order. A text has its length there, or SERVICE_NULL; what
 * the function is to write has 1 if it is wanted. The ANSWER: eight bytes of what the function
 * returned, eight for each argument (of what was written: the number, or the length of the bytes),
 * then the bytes.
 */
#ifndef HOST_WORKER_SERVICES_H
#define HOST_WORKER_SERVICES_H

#include <davit/host.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A row: ROW(table, function, returns, count, arguments…). OWN: the worker has code of its own
 * before or instead of the general way (worker/shim.c). HERE: the host is not asked at all.
 *
 * Where count is 0 the one argument is NOTHING.
 *
 * returns  CODE int32_t · NONE void · TIME int64_t · WORD uint32_t
 * IN_TEXT davit_buf · I32, U32, I64, U64 numbers · SIZE size_t
 * TEXT davit_buf * · NUMBER uint64_t * · SIGNED int64_t * · COUNTED size_t *
 * BYTES void *, room for as many as the SIZE behind it says; a COUNTED behind that says how many
 */
#define WORKER_CORE(ROW, OWN, HERE)                                                                \
	ROW(core, reply, CODE, 1, IN_TEXT)                                                         \
	ROW(core, reply_state, CODE, 3, I32, I64, IN_TEXT)                                         \
	ROW(core, reply_blob, CODE, 2, IN_TEXT, U64)                                               \
	OWN(core, reply_chunk, CODE, 3, IN_TEXT, IN_TEXT, U32)                                     \
	ROW(core, fail, CODE, 3, I32, IN_TEXT, IN_TEXT)                                            \
	ROW(core, log, NONE, 2, I32, IN_TEXT)                                                      \
	ROW(core, now_ms, TIME, 0, NOTHING)                                                        \
	ROW(core, mono_ms, TIME, 0, NOTHING)                                                       \
	ROW(core, deadline_ms, TIME, 0, NOTHING)                                                   \
	ROW(core, cancelled, WORD, 0, NOTHING)                                                     \
	ROW(core, sleep_ms, CODE, 1, I64)                                                          \
	OWN(core, random, CODE, 2, BYTES, SIZE)                                                    \
	HERE(core, arena, NONE, 0, NOTHING)

#define WORKER_KV(ROW, OWN, HERE)                                                                  \
	ROW(kv, get, CODE, 3, IN_TEXT, TEXT, SIGNED)                                               \
	ROW(kv, put, CODE, 2, IN_TEXT, IN_TEXT)                                                    \
	ROW(kv, cas, CODE, 3, IN_TEXT, IN_TEXT, I64)                                               \
	ROW(kv, del, CODE, 1, IN_TEXT)                                                             \
	ROW(kv, list, CODE, 4, IN_TEXT, IN_TEXT, U32, TEXT)

#define WORKER_BLOB(ROW, OWN, HERE)                                                                \
	ROW(blob, create, CODE, 1, NUMBER)                                                         \
	OWN(blob, write, CODE, 2, U64, IN_TEXT)                                                    \
	ROW(blob, seal, CODE, 2, U64, TEXT)                                                        \
	ROW(blob, open, CODE, 2, IN_TEXT, NUMBER)                                                  \
	ROW(blob, resolve, CODE, 2, IN_TEXT, NUMBER)                                               \
	OWN(blob, read, CODE, 5, U64, U64, BYTES, SIZE, COUNTED)                                   \
	ROW(blob, length, CODE, 2, U64, NUMBER)                                                    \
	OWN(blob, close, NONE, 1, U64)                                                             \
	ROW(blob, save, CODE, 3, IN_TEXT, IN_TEXT, TEXT)

#define WORKER_JOB(ROW, OWN, HERE) ROW(job, checkpoint, CODE, 1, IN_TEXT)

#define WORKER_PROCESS(ROW, OWN, HERE)                                                             \
	ROW(process, start, CODE, 2, IN_TEXT, IN_TEXT)                                             \
	ROW(process, inspect, CODE, 2, IN_TEXT, TEXT)                                              \
	ROW(process, stop, CODE, 1, IN_TEXT)                                                       \
	ROW(process, remove, CODE, 1, IN_TEXT)                                                     \
	ROW(process, open_file, CODE, 3, IN_TEXT, IN_TEXT, NUMBER)                                 \
	ROW(process, list_files, CODE, 3, IN_TEXT, IN_TEXT, TEXT)                                  \
	ROW(process, request, CODE, 5, IN_TEXT, IN_TEXT, U64, TEXT, NUMBER)

#define WORKER_HTTP(ROW, OWN, HERE)                                                                \
	ROW(http, perform, CODE, 5, U32, IN_TEXT, U64, TEXT, NUMBER)                               \
	ROW(http, perform_many, CODE, 3, U32, IN_TEXT, TEXT)

#define WORKER_SECRET(ROW, OWN, HERE)                                                              \
	ROW(secret, open, CODE, 2, IN_TEXT, NUMBER)                                                \
	ROW(secret, digest, CODE, 3, IN_TEXT, IN_TEXT, TEXT)                                       \
	ROW(secret, hmac, CODE, 4, U64, IN_TEXT, IN_TEXT, TEXT)                                    \
	ROW(secret, hmac_key, CODE, 4, U64, IN_TEXT, IN_TEXT, NUMBER)                              \
	ROW(secret, sign, CODE, 4, U64, IN_TEXT, IN_TEXT, TEXT)                                    \
	ROW(secret, reveal, CODE, 2, U64, TEXT)                                                    \
	ROW(secret, join, CODE, 4, IN_TEXT, U64, IN_TEXT, NUMBER)                                  \
	ROW(secret, decode, CODE, 3, U64, IN_TEXT, NUMBER)                                         \
	ROW(secret, member, CODE, 3, U64, IN_TEXT, NUMBER)                                         \
	ROW(secret, mint, CODE, 2, IN_TEXT, NUMBER)                                                \
	ROW(secret, keep, CODE, 3, IN_TEXT, U64, I64)                                              \
	ROW(secret, digest_value, CODE, 3, IN_TEXT, IN_TEXT, TEXT)                                 \
	ROW(secret, compose, CODE, 2, IN_TEXT, NUMBER)

#define WORKER_TOKEN(ROW, OWN, HERE)                                                               \
	ROW(token, get, CODE, 2, IN_TEXT, NUMBER)                                                  \
	ROW(token, put, CODE, 3, IN_TEXT, U64, I64)                                                \
	ROW(token, drop, CODE, 2, IN_TEXT, U64)

/* TABLE(name, list, id) */
#define WORKER_TABLES(TABLE)                                                                       \
	TABLE(core, WORKER_CORE, DAVIT_HOST_CORE)                                                  \
	TABLE(kv, WORKER_KV, DAVIT_HOST_KV)                                                        \
	TABLE(blob, WORKER_BLOB, DAVIT_HOST_BLOB)                                                  \
	TABLE(job, WORKER_JOB, DAVIT_HOST_JOB)                                                     \
	TABLE(process, WORKER_PROCESS, DAVIT_HOST_PROCESS)                                         \
	TABLE(http, WORKER_HTTP, DAVIT_HOST_HTTP)                                                  \
	TABLE(secret, WORKER_SECRET, DAVIT_HOST_SECRET)                                            \
	TABLE(token, WORKER_TOKEN, DAVIT_HOST_TOKEN)

#define SERVICE_TABLE(name, list, id) SERVICE_TABLE_##name,
enum service_table {
	WORKER_TABLES(SERVICE_TABLE) SERVICE_TABLE_COUNT
};
#undef SERVICE_TABLE

#define SERVICE_ROW(table, function, ...) SERVICE_##table##_##function,
#define SERVICE_ROWS(name, list, id)                                                               \
	enum service_##name{list(SERVICE_ROW, SERVICE_ROW, SERVICE_ROW) SERVICE_##name##_COUNT};
WORKER_TABLES(SERVICE_ROWS)
#undef SERVICE_ROWS
#undef SERVICE_ROW

enum service_kind {
	SERVICE_IN_TEXT,
	SERVICE_I32,
	SERVICE_U32,
	SERVICE_I64,
	SERVICE_U64,
	SERVICE_SIZE,
	SERVICE_TEXT,
	SERVICE_NUMBER,
	SERVICE_SIGNED,
	SERVICE_COUNTED,
	SERVICE_BYTES
};

#define SERVICE_ARGS_MAX 5

/* What is known of a function; name NULL: it never leaves the worker. */
struct service_row {
	const char *name; /* "kv.get", for messages */
	uint8_t count;
	uint8_t kinds[SERVICE_ARGS_MAX]; /* enum service_kind */
};

struct service_list {
	const char *id;
	const struct service_row *rows;
	size_t count;
};

extern const struct service_list worker_lists[SERVICE_TABLE_COUNT];

/* The row of a slot of a SERVICE frame; NULL: there is none. */
const struct service_row *worker_row(uint16_t slot);

/* One argument. */
struct service_value {
	davit_buf text; /* IN_TEXT, TEXT; and of BYTES in an answer */
	uint64_t u;     /* I32 to U64, NUMBER */
	int64_t i;      /* SIGNED */
	size_t size;    /* SIZE, COUNTED */
	void *at;       /* where the worker wants it, or the room of BYTES; NULL: not wanted */
	bool wanted;    /* by who reads it: what is written to */
};

#define SERVICE_NULL       UINT64_MAX       /* a text that is NULL and said to have bytes */
#define SERVICE_NULL_EMPTY (UINT64_MAX - 1) /* NULL, and none */

/* Does the function write it? */
bool worker_writes(uint8_t kind);

/*
 * Reads the payload of a SERVICE frame into values; texts point into it. BYTES get no room yet:
 * wanted, and how much the SIZE behind it says. False: it is not what the row says, or asks for
 * more than FRAME_PIECE bytes. This is what a hostile worker sends.
 */
bool worker_read(const struct service_row *row, const char *payload, size_t n,
	struct service_value values[SERVICE_ARGS_MAX]);

#endif

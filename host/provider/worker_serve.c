/*
 * What a worker asks for: a function of a table of services, called as the provider would have
 * called it. All that comes from a worker is looked at before it is used, and every function looks
 * at its arguments anyway.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/killpoint.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "provider/worker_internal.h"
#include "worker/services.h"

uint64_t worker_services(const struct provider *p)
{
	davit_host_query query = services_query(p->may_process);
	uint64_t tables = 0;

	for (size_t i = 0; i < SERVICE_TABLE_COUNT; i++)
		tables |= (uint64_t)(query(worker_lists[i].id, 1) != NULL) << i;
	return tables;
}

/* --- a function for each row --- */

#define WANTED(v, member) ((v).wanted ? &(v).member : NULL)
#define ARG_IN_TEXT(v)    (v).text
#define ARG_I32(v)        (int32_t)(v).u
#define ARG_U32(v)        (uint32_t)(v).u
#define ARG_I64(v)        (int64_t)(v).u
#define ARG_U64(v)        (v).u
#define ARG_SIZE(v)       (v).size
#define ARG_TEXT(v)       WANTED(v, text)
#define ARG_NUMBER(v)     WANTED(v, u)
#define ARG_SIGNED(v)     WANTED(v, i)
#define ARG_COUNTED(v)    WANTED(v, size)
#define ARG_BYTES(v)      (v).at

#define ARGS_0(none)
#define ARGS_1(a)             , ARG_##a(v[0])
#define ARGS_2(a, b)          ARGS_1(a), ARG_##b(v[1])
#define ARGS_3(a, b, c)       ARGS_2(a, b), ARG_##c(v[2])
#define ARGS_4(a, b, c, d)    ARGS_3(a, b, c), ARG_##d(v[3])
#define ARGS_5(a, b, c, d, e) ARGS_4(a, b, c, d), ARG_##e(v[4])

#define RETURN_CODE(called) return (called)
#define RETURN_TIME(called) return (called)
#define RETURN_WORD(called) return (called)
#define RETURN_NONE(called)                                                                        \
	do {                                                                                       \
		(called);                                                                          \
		return 0;                                                                          \
	} while (0)

#define CALLS(table, function, returns, n, ...)                                                    \
	static int64_t serve_##table##_##function(davit_call call, struct service_value *v)        \
	{                                                                                          \
		(void)v;                                                                           \
		RETURN_##returns(service_##table.function(call ARGS_##n(__VA_ARGS__)));            \
	}
#define SKIP(...)
#define FUNCTIONS(name, list, id) list(CALLS, CALLS, SKIP)
WORKER_TABLES(FUNCTIONS)

typedef int64_t serve_fn(davit_call call, struct service_value *v);

#define ENTRY(table, function, ...) serve_##table##_##function,
#define NONE(...)                   NULL,
#define LIST(name, list, id)        static serve_fn *const list_##name[] = {list(ENTRY, ENTRY, NONE)};
WORKER_TABLES(LIST)

#define ADDRESS(name, list, id) list_##name,
static serve_fn *const *const functions[SERVICE_TABLE_COUNT] = {WORKER_TABLES(ADDRESS)};

/* --- from frame to frame --- */

/* The argument that the function writes bytes to, whose room the next one says; NULL: none. */
static struct service_value *bytes_of(
	const struct service_row *row, struct service_value values[SERVICE_ARGS_MAX])
{
	for (size_t i = 0; i + 1 < row->count; i++) {
		if (row->kinds[i] == SERVICE_BYTES && values[i].wanted)
			return &values[i];
	}
	return NULL;
}

/* How many of the bytes at i were written. */
static size_t bytes_written(
	const struct service_row *row, const struct service_value *values, size_t i)
{
	size_t room = values[i + 1].size;

	if (i + 2 >= row->count || row->kinds[i + 2] != SERVICE_COUNTED)
		return room;
	return values[i + 2].size < room ? values[i + 2].size : room;
}

/* The eight bytes of what was written, and the bytes behind them. */
static uint64_t give_value(const struct service_row *row, const struct service_value *values,
	size_t i, struct frame_out *out)
{
	const struct service_value *v = &values[i];

	switch (row->kinds[i]) {
	case SERVICE_TEXT:
		frame_add(out, v->text.p, v->text.n);
		return v->text.n;
	case SERVICE_BYTES:
		frame_add(out, v->at, bytes_written(row, values, i));
		return bytes_written(row, values, i);
	case SERVICE_NUMBER:
		return v->u;
	case SERVICE_SIGNED:
		return (uint64_t)v->i;
	default:
		return v->size;
	}
}

static void give(const struct service_row *row, const struct service_value *values, int64_t code,
	struct worker_answer *answer, struct frame_out *out)
{
	memset(answer->words, 0, sizeof(answer->words));
	memcpy(answer->words, &code, sizeof(code));
	frame_add(out, answer->words, (1 + (size_t)row->count) * sizeof(*answer->words));
	for (size_t i = 0; i < row->count && code == DAVIT_OK; i++) {
		if (worker_writes(row->kinds[i]) && values[i].wanted)
			answer->words[1 + i] = give_value(row, values, i, out);
	}
}

_Static_assert(COUNT(((struct worker_answer *)0)->words) > SERVICE_ARGS_MAX, "one word more");

#define CORE      "core."
#define REPLIES   CORE "reply"
#define GIVE_FROM (256 * 1024L) /* bytes; a smaller file is read by pieces */

static int64_t refuse_long(struct call *c, const struct service_row *row)
{
	if (strncmp(row->name, REPLIES, sizeof(REPLIES) - 1) == 0)
		call_violation(c, "its answer is longer than any may be");
	return service_refuse(c, DAVIT_QUOTA, "%s() takes up to %zu bytes", row->name,
		FRAME_TO_HOST_MAX - SERVICE_ARGS_MAX * sizeof(uint64_t));
}

/* Those of core are many, and change nothing. */
#define SERVICE_POINT(point, row)                                                                  \
	do {                                                                                       \
		if (strncmp((row)->name, CORE, sizeof(CORE) - 1) != 0)                             \
			KILLPOINT(point, "%s", (row)->name);                                       \
	} while (0)

static bool make_room(struct worker_answer *answer, size_t n)
{
	if (n <= answer->room_bytes)
		return true;
	if (answer->room != NULL)
		explicit_bzero(answer->room, answer->room_bytes);
	free(answer->room);
	answer->room = calloc(1, n);
	answer->room_bytes = answer->room != NULL ? n : 0;
	return answer->room != NULL;
}

/*
 * Of a large file the worker gets a descriptor with the first piece, and reads the rest by itself.
 * Opened anew: the place and the right to write of ours are not for it. -1: none.
 */
static int file_to_give(struct call *c, const struct service_row *row,
	const struct service_value *values, uint16_t slot)
{
	struct call_blob *b;
	struct stat st;
	char path[40];

	if (slot != FRAME_SLOT(SERVICE_TABLE_blob, SERVICE_blob_read) || row->count < 1)
		return -1;
	b = call_blobs_find(&c->blobs, values[0].u);
	if (b == NULL || b->kind != CALL_BLOB_FILE || b->given || fstat(b->fd, &st) != 0 ||
		!S_ISREG(st.st_mode) || st.st_size <= GIVE_FROM)
		return -1;
	b->given = true;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", b->fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

const char *worker_serve(const struct provider *p, struct call *c, struct frame_in *in,
	struct worker_answer *answer, struct frame_out *out)
{
	uint16_t slot = in->head.slot;
	const struct service_row *row = worker_row(slot);
	struct service_value values[SERVICE_ARGS_MAX] = {0};
	struct service_value *bytes;
	int64_t code;

	if (row == NULL || (worker_services(p) >> FRAME_SLOT_TABLE(slot) & 1) == 0)
		return "it asked for a service that it was not given";
	if (in->head.kind == FRAME_LONG) {
		code = refuse_long(c, row);
	} else {
		if (!worker_read(row, frame_payload(in), in->head.length, values))
			return "it asked for a service with arguments that cannot be";
		bytes = bytes_of(row, values);
		if (bytes != NULL && !make_room(answer, bytes[1].size))
			return "the host is out of memory";
		if (bytes != NULL)
			bytes->at = answer->room;
		SERVICE_POINT("worker_before_service", row);
		code = functions[FRAME_SLOT_TABLE(slot)][FRAME_SLOT_INDEX(slot)](
			in->head.call, values);
		SERVICE_POINT("worker_after_service", row);
	}
	*out = (struct frame_out){
		.head = {.kind = FRAME_ANSWER, .slot = slot, .call = in->head.call},
		.fd = code == DAVIT_OK ? file_to_give(c, row, values, slot) : -1};
	give(row, values, code, answer, out);
	return NULL;
}

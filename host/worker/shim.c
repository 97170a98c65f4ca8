/*
 * Asking the host. All functions go the same way by their rows; a few have something of their own
 * to do, as what they hand over may be of any length.
 */
#include "worker/shim.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "worker/services.h"

#define READS_ALONE 64 /* of a file, until the host is asked again */

static _Thread_local struct lane *here;
static _Atomic uint64_t offered;

void shim_enter(struct lane *lane)
{
	here = lane;
}

void shim_offer(uint64_t tables)
{
	atomic_store(&offered, tables);
}

/* --- the general way --- */

static uint64_t length_of(davit_buf text)
{
	if (text.p == NULL)
		return text.n > 0 ? SERVICE_NULL : SERVICE_NULL_EMPTY;
	return text.n;
}

/* The eight bytes of an argument. */
static uint64_t word_of(uint8_t kind, const struct service_value *v)
{
	if (worker_writes(kind))
		return v->at != NULL;
	if (kind == SERVICE_IN_TEXT)
		return length_of(v->text);
	return kind == SERVICE_SIZE ? v->size : v->u;
}

/* Adds the arguments to out; false: they are too long, and *words has how long. */
static bool add_arguments(struct frame_out *out, const struct service_row *row,
	const struct service_value *values, uint64_t words[SERVICE_ARGS_MAX])
{
	uint64_t whole = 0;

	for (size_t i = 0; i < row->count; i++)
		words[i] = word_of(row->kinds[i], &values[i]);
	frame_add(out, words, row->count * sizeof(*words));
	for (size_t i = 0; i < row->count; i++) {
		if (row->kinds[i] != SERVICE_IN_TEXT || values[i].text.p == NULL)
			continue;
		frame_add(out, values[i].text.p, values[i].text.n);
		whole = values[i].text.n > UINT64_MAX - whole ? UINT64_MAX
		                                              : whole + values[i].text.n;
	}
	if (whole <= FRAME_TO_HOST_MAX - SERVICE_ARGS_MAX * sizeof(*words))
		return true;
	words[0] = whole;
	return false;
}

/* Nobody is there to hear of it, and what the call did so far is the host's to sort out. */
_Noreturn static void host_is_gone(void)
{
	_exit(0);
}

static void send_request(struct lane *lane, uint16_t slot, davit_call call,
	const struct service_row *row, const struct service_value *values)
{
	struct frame_out out = {
		.head = {.kind = FRAME_SERVICE, .slot = slot, .call = call}, .fd = -1};
	uint64_t words[SERVICE_ARGS_MAX];

	if (!add_arguments(&out, row, values, words)) {
		out.head.kind = FRAME_LONG;
		out.count = 0;
		frame_add(&out, words, sizeof(*words));
	}
	if (frame_send(lane->socket, &out) != FRAME_DONE)
		host_is_gone();
}

/* What the function wrote, of which v gets n bytes at *at or the number n. */
static bool take_value(
	struct lane *lane, uint8_t kind, struct service_value *v, uint64_t n, const char **at)
{
	davit_buf *text = v->at;

	switch (kind) {
	case SERVICE_NUMBER:
		*(uint64_t *)v->at = n;
		break;
	case SERVICE_SIGNED:
		*(int64_t *)v->at = (int64_t)n;
		break;
	case SERVICE_COUNTED:
		*(size_t *)v->at = (size_t)n;
		break;
	case SERVICE_BYTES:
		memcpy(v->at, *at, (size_t)n);
		*at += n;
		break;
	default:
		text->p = arena_copy(&lane->arena, *at, (size_t)n);
		text->n = (size_t)n;
		*at += n;
		return text->p != NULL;
	}
	return true;
}

/* The host's word is believed: it could do with us what it likes. */
static int64_t take_answer(
	struct lane *lane, const struct service_row *row, struct service_value *values)
{
	const char *payload = frame_payload(&lane->in);
	const char *at = payload + (1 + (size_t)row->count) * sizeof(uint64_t);
	uint64_t word;
	int64_t code;

	memcpy(&code, payload, sizeof(code));
	for (size_t i = 0; i < row->count; i++) {
		if (!worker_writes(row->kinds[i]) || values[i].at == NULL || code != DAVIT_OK)
			continue;
		memcpy(&word, payload + (1 + i) * sizeof(word), sizeof(word));
		if (!take_value(lane, row->kinds[i], &values[i], word, &at))
			return DAVIT_INTERNAL;
	}
	return code;
}

/* Asks the host; what it returned. none: where there is no call on this thread. */
static int64_t ask(uint16_t slot, davit_call call, struct service_value *values, int64_t none)
{
	const struct service_row *row = worker_row(slot);
	struct lane *lane = here;

	if (lane == NULL || row == NULL)
		return none;
	send_request(lane, slot, call, row, values);
	if (frame_receive(lane->socket, &lane->in, FRAME_TO_WORKER_MAX) != FRAME_DONE ||
		lane->in.head.kind != FRAME_ANSWER)
		host_is_gone();
	return take_answer(lane, row, values);
}

/* --- a function for each row --- */

#define TYPE_IN_TEXT davit_buf
#define TYPE_I32     int32_t
#define TYPE_U32     uint32_t
#define TYPE_I64     int64_t
#define TYPE_U64     uint64_t
#define TYPE_SIZE    size_t
#define TYPE_TEXT    davit_buf *
#define TYPE_NUMBER  uint64_t *
#define TYPE_SIGNED  int64_t *
#define TYPE_COUNTED size_t *
#define TYPE_BYTES   void *

#define VALUE_IN_TEXT(v)                                                                           \
	{                                                                                          \
		.text = (v)                                                                        \
	}
#define VALUE_I32(v)                                                                               \
	{                                                                                          \
		.u = (uint64_t)(int64_t)(v)                                                        \
	}
#define VALUE_U32(v)                                                                               \
	{                                                                                          \
		.u = (v)                                                                           \
	}
#define VALUE_I64(v)                                                                               \
	{                                                                                          \
		.u = (uint64_t)(v)                                                                 \
	}
#define VALUE_U64(v)                                                                               \
	{                                                                                          \
		.u = (v)                                                                           \
	}
#define VALUE_SIZE(v)                                                                              \
	{                                                                                          \
		.size = (v)                                                                        \
	}
#define VALUE_TEXT(v)                                                                              \
	{                                                                                          \
		.at = (v)                                                                          \
	}
#define VALUE_NUMBER(v)                                                                            \
	{                                                                                          \
		.at = (v)                                                                          \
	}
#define VALUE_SIGNED(v)                                                                            \
	{                                                                                          \
		.at = (v)                                                                          \
	}
#define VALUE_COUNTED(v)                                                                           \
	{                                                                                          \
		.at = (v)                                                                          \
	}
#define VALUE_BYTES(v)                                                                             \
	{                                                                                          \
		.at = (v)                                                                          \
	}

#define TAKES_0(none)
#define TAKES_1(a)             , TYPE_##a v1
#define TAKES_2(a, b)          TAKES_1(a), TYPE_##b v2
#define TAKES_3(a, b, c)       TAKES_2(a, b), TYPE_##c v3
#define TAKES_4(a, b, c, d)    TAKES_3(a, b, c), TYPE_##d v4
#define TAKES_5(a, b, c, d, e) TAKES_4(a, b, c, d), TYPE_##e v5

#define VALUES_0(none)                                                                             \
	{                                                                                          \
		.u = 0                                                                             \
	}
#define VALUES_1(a)             VALUE_##a(v1)
#define VALUES_2(a, b)          VALUES_1(a), VALUE_##b(v2)
#define VALUES_3(a, b, c)       VALUES_2(a, b), VALUE_##c(v3)
#define VALUES_4(a, b, c, d)    VALUES_3(a, b, c), VALUE_##d(v4)
#define VALUES_5(a, b, c, d, e) VALUES_4(a, b, c, d), VALUE_##e(v5)

#define RETURNS_CODE int32_t
#define RETURNS_NONE void
#define RETURNS_TIME int64_t
#define RETURNS_WORD uint32_t

#define RETURN_CODE(asked) return (int32_t)(asked)
#define RETURN_NONE(asked) (void)(asked)
#define RETURN_TIME(asked) return (asked)
#define RETURN_WORD(asked) return (uint32_t)(asked)

#define NOBODY_CODE DAVIT_INVALID
#define NOBODY_NONE 0
#define NOBODY_TIME 0
#define NOBODY_WORD 1

#define ASKS(table, function, returns, n, ...)                                                     \
	static RETURNS_##returns DAVIT_CALL ask_##table##_##function(                              \
		davit_call call TAKES_##n(__VA_ARGS__))                                            \
	{                                                                                          \
		struct service_value values[] = {VALUES_##n(__VA_ARGS__)};                         \
                                                                                                   \
		RETURN_##returns(                                                                  \
			ask(FRAME_SLOT(SERVICE_TABLE_##table, SERVICE_##table##_##function), call, \
				values, NOBODY_##returns));                                        \
	}
#define SKIP(...)
#define FUNCTIONS(name, list, id) list(ASKS, ASKS, SKIP)
WORKER_TABLES(FUNCTIONS)

/* --- those with something of their own --- */

static bool is_piece(davit_buf bytes)
{
	return bytes.p == NULL || bytes.n <= FRAME_PIECE;
}

static int32_t DAVIT_CALL own_core_reply_chunk(
	davit_call call, davit_buf head, davit_buf bytes, uint32_t last)
{
	while (!is_piece(bytes)) {
		int32_t code =
			ask_core_reply_chunk(call, head, (davit_buf){bytes.p, FRAME_PIECE}, 0);

		if (code != DAVIT_OK)
			return code;
		bytes.p += FRAME_PIECE;
		bytes.n -= FRAME_PIECE;
	}
	return ask_core_reply_chunk(call, head, bytes, last);
}

static int32_t DAVIT_CALL own_core_random(davit_call call, void *bytes, size_t n)
{
	char *to = bytes;
	int32_t code = DAVIT_OK;

	if (bytes == NULL)
		return n == 0 ? DAVIT_OK : DAVIT_INVALID;
	while (n > FRAME_PIECE && code == DAVIT_OK) {
		code = ask_core_random(call, to, FRAME_PIECE);
		to += FRAME_PIECE;
		n -= FRAME_PIECE;
	}
	return code == DAVIT_OK ? ask_core_random(call, to, n) : code;
}

static int32_t DAVIT_CALL own_blob_write(davit_call call, davit_blob blob, davit_buf bytes)
{
	while (!is_piece(bytes)) {
		int32_t code = ask_blob_write(call, blob, (davit_buf){bytes.p, FRAME_PIECE});

		if (code != DAVIT_OK)
			return code;
		bytes.p += FRAME_PIECE;
		bytes.n -= FRAME_PIECE;
	}
	return ask_blob_write(call, blob, bytes);
}

/* Of a large file the host sends a descriptor along with the first piece. */

static struct shim_file *find_file(davit_call call, davit_blob blob)
{
	for (size_t i = 0; here != NULL && here->call == call && i < SHIM_FILES; i++) {
		if (here->files[i].blob == blob)
			return &here->files[i];
	}
	return NULL;
}

static void close_file(struct shim_file *file)
{
	if (file == NULL || file->blob == 0)
		return;
	(void)close(file->fd);
	file->blob = 0;
}

void shim_leave(struct lane *lane)
{
	for (size_t i = 0; i < SHIM_FILES; i++)
		close_file(&lane->files[i]);
}

/* The descriptor that came with the last answer, if there is a place for it. */
static void keep_file(davit_call call, davit_blob blob)
{
	struct shim_file *place = find_file(call, 0);

	if (here == NULL || here->in.fd < 0 || place == NULL)
		return;
	*place = (struct shim_file){.blob = blob, .fd = here->in.fd};
	here->in.fd = -1;
}

/* Now and then the host is asked, as a read ends when the call is to stop. */
static bool read_here(
	struct shim_file *file, uint64_t offset, void *bytes, size_t cap, size_t *ret_n)
{
	ssize_t n;

	if (file == NULL || ++file->reads % READS_ALONE == 0 || offset > INT64_MAX ||
		bytes == NULL || ret_n == NULL)
		return false;
	do
		n = pread(file->fd, bytes, cap < SSIZE_MAX ? cap : SSIZE_MAX, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		*ret_n = (size_t)n;
	return n >= 0;
}

static int32_t DAVIT_CALL own_blob_read(
	davit_call call, davit_blob blob, uint64_t offset, void *bytes, size_t cap, size_t *ret_n)
{
	int32_t code;

	if (blob != 0 && read_here(find_file(call, blob), offset, bytes, cap, ret_n))
		return DAVIT_OK;
	code = ask_blob_read(
		call, blob, offset, bytes, cap < FRAME_PIECE ? cap : FRAME_PIECE, ret_n);
	if (blob != 0)
		keep_file(call, blob);
	return code;
}

static void DAVIT_CALL own_blob_close(davit_call call, davit_blob blob)
{
	if (blob != 0)
		close_file(find_file(call, blob));
	ask_blob_close(call, blob);
}

static void *DAVIT_CALL here_core_arena(davit_call call, size_t n)
{
	return here != NULL && here->call == call ? arena_alloc(&here->arena, n) : NULL;
}

/* --- the tables --- */

#define ENTRY_ROW(table, function, ...)  .function = ask_##table##_##function,
#define ENTRY_OWN(table, function, ...)  .function = own_##table##_##function,
#define ENTRY_HERE(table, function, ...) .function = here_##table##_##function,
#define TABLE(name, list, id)                                                                      \
	static const davit_host_##name##_1 table_##name = {                                        \
		.size = sizeof(davit_host_##name##_1), list(ENTRY_ROW, ENTRY_OWN, ENTRY_HERE)};
WORKER_TABLES(TABLE)

#define ADDRESS(name, list, id) &table_##name,
static const void *const tables[SERVICE_TABLE_COUNT] = {WORKER_TABLES(ADDRESS)};

const void *DAVIT_CALL shim_query(const char *id, uint32_t major)
{
	for (size_t i = 0; id != NULL && major == 1 && i < COUNT(tables); i++) {
		if (strcmp(worker_lists[i].id, id) == 0)
			return atomic_load(&offered) >> i & 1 ? tables[i] : NULL;
	}
	return NULL;
}

/* Running slots: a lane is a loop of frames, and what a slot asks for meanwhile is in shim.c. */
#include "worker/serve.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/thread.h"
#include "provider/tables.h"
#include "worker/services.h"
#include "worker/shim.h"

#define STACK_BYTES ((size_t)256 * 1024)
#define ARENA_MAX   ((size_t)72 * 1024 * 1024) /* what the host gives is counted there, too */

_Static_assert(TABLE_COUNT <= FRAME_TABLES_MAX, "HELLO has a word for each interface");

static davit_provider_query_fn provider_query;
static const davit_core_1 *core;
static _Atomic davit_instance instance; /* made on one lane, used on all */
static atomic_uint ended;               /* calls; what they did comes before the end of it */

void serve_provider(davit_provider_query_fn query)
{
	provider_query = query;
	core = query(DAVIT_CORE, 1);
}

static uint32_t slots_of(const struct table_interface *t)
{
	const void *table = provider_query(t->id, t->major);
	uint32_t bits = table != NULL ? FRAME_TABLE_THERE : 0;

	for (size_t i = 0; i < t->slot_count; i++) {
		if (table_op(table, &t->slots[i]) != NULL)
			bits |= 1u << i;
	}
	return bits;
}

void serve_tables(uint32_t tables[FRAME_TABLES_MAX])
{
	uint32_t *own = &tables[table_index(DAVIT_CORE)];

	for (size_t i = 0; i < TABLE_COUNT; i++)
		tables[i] = slots_of(&table_interfaces[i]);
	if (core != NULL && DAVIT_HAS(core, davit_core_1, create))
		*own |= FRAME_HAS_CREATE;
	if (core != NULL && DAVIT_HAS(core, davit_core_1, destroy))
		*own |= FRAME_HAS_DESTROY;
}

/* --- one call --- */

/* The host sends nothing but what serve_tables() said. */
static int64_t run_slot(davit_call call, uint16_t slot, davit_buf request)
{
	size_t table = FRAME_SLOT_TABLE(slot), index = FRAME_SLOT_INDEX(slot);
	const struct table_interface *t = table < TABLE_COUNT ? &table_interfaces[table] : NULL;
	davit_op op = NULL;
	int64_t code;

	if (t != NULL && index < t->slot_count)
		op = table_op(provider_query(t->id, t->major), &t->slots[index]);
	code = op != NULL ? op(instance, call, request) : DAVIT_UNSUPPORTED;
	atomic_fetch_add(&ended, 1);
	return code;
}

/* That no call is under way is known to the host alone, but in what order, to us, too. */
static void run_destroy(void)
{
	(void)atomic_load(&ended);
	if (core != NULL)
		core->destroy(instance);
}

static int64_t run_create(davit_call call, davit_buf payload)
{
	davit_instance made = 0;
	uint64_t tables = 0;
	int64_t code;

	if (core == NULL || payload.n < sizeof(tables))
		return DAVIT_INTERNAL;
	memcpy(&tables, payload.p, sizeof(tables));
	payload.p += sizeof(tables);
	payload.n -= sizeof(tables);
	shim_offer(tables);
	code = core->create(shim_query, call, payload, &made);
	if (code == DAVIT_OK)
		instance = made;
	return code;
}

static int64_t run(const struct frame_head *head, davit_buf payload)
{
	switch (head->kind) {
	case FRAME_CALL:
		return run_slot(head->call, head->slot, payload);
	case FRAME_CREATE:
		return run_create(head->call, payload);
	case FRAME_DESTROY:
		run_destroy();
		return DAVIT_OK;
	default:
		_exit(1); /* no host of ours */
	}
}

/* The payload of the frame that came, out of the way of the answers to come; NULL: no memory. */
static char *take_payload(struct frame_in *in)
{
	char *bytes = in->far != NULL ? in->far : malloc((size_t)in->head.length + 1);

	if (bytes != NULL && in->far == NULL)
		memcpy(bytes, frame_payload(in), in->head.length);
	in->far = NULL; /* its bytes are the caller's, to be wiped and freed */
	return bytes;
}

static bool serve(struct lane *lane)
{
	struct frame_head head = lane->in.head;
	char *bytes = take_payload(&lane->in);
	struct frame_return end = {.code = DAVIT_INTERNAL};
	struct frame_out out = {
		.head = {.kind = FRAME_RETURN, .slot = head.slot, .call = head.call}, .fd = -1};

	lane->call = head.call;
	if (bytes != NULL)
		end.code = run(&head, (davit_buf){bytes, head.length});
	end.instance = head.kind == FRAME_CREATE ? instance : 0;
	shim_leave(lane);
	arena_wipe(&lane->arena);
	if (bytes != NULL)
		explicit_bzero(bytes, head.length);
	free(bytes);
	frame_wipe(&lane->in);
	frame_add(&out, &end, sizeof(end));
	return frame_send(lane->socket, &out) == FRAME_DONE;
}

/* --- lanes --- */

static void lane_free(struct lane *lane)
{
	frame_drop(&lane->in);
	arena_finish(&lane->arena);
	(void)close(lane->socket);
	free(lane);
}

static void run_lane(void *arg)
{
	struct lane *lane = arg;

	shim_enter(lane);
	while (frame_receive(lane->socket, &lane->in, FRAME_TO_WORKER_MAX) == FRAME_DONE)
		if (!serve(lane))
			break;
	lane_free(lane);
}

static void refuse(int socket, const char *why)
{
	struct frame_out out = {.head = {.kind = FRAME_REFUSED}, .fd = -1};

	frame_add(&out, why, strnlen(why, FRAME_TEXT_MAX));
	(void)frame_send(socket, &out);
}

void serve_lane(int socket)
{
	struct lane *lane = malloc(sizeof(*lane));
	struct thread thread;
	struct fail f = {0};

	if (lane == NULL) {
		refuse(socket, "out of memory");
		(void)close(socket);
		return;
	}
	memset(lane, 0, offsetof(struct lane, in) + offsetof(struct frame_in, near));
	lane->socket = socket;
	lane->in.fd = -1;
	lane->in.takes_fd = true;
	arena_init(&lane->arena, ARENA_MAX);
	if (!thread_start(&thread, "lane", STACK_BYTES, run_lane, lane, &f)) {
		refuse(socket, f.text);
		lane_free(lane);
		return;
	}
	(void)pthread_detach(thread.t);
}

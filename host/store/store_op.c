/*
 * store_op.c - making, weighing and freeing one write.
 */
#include "store/store_op.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/shelf.h"

#define OPS_KEPT 128 /* of 1 KiB */

/* Made on any thread, freed on the writer's mostly. */
static struct shelf ops = SHELF_INIT(sizeof(struct store_op), OPS_KEPT);

struct store_op *store_op_new(enum store_kind kind, bool durable)
{
	struct store_op *op = shelf_take(&ops);

	if (op == NULL)
		return NULL;
	op->kind = kind;
	op->durable = durable;
	if (kind == STORE_JOB_EDGE) {
		op->edge.to = JOB_STATE_COUNT;
		op->edge.epoch = -1;
	} else if (kind == STORE_JOURNAL) {
		op->journal.epoch = -1;
	} else if (kind == STORE_KV_PUT || kind == STORE_KV_DELETE) {
		op->kv.version = -1;
	}
	return op;
}

void store_op_free(struct store_op *op)
{
	if (op == NULL)
		return;
	switch (op->kind) {
	case STORE_JOB_ADD:
		job_finish(&op->job);
		break;
	case STORE_JOB_EDGE:
		job_finish(&op->edge.values);
		free(op->edge.before.detail);
		free(op->edge.row.detail);
		break;
	case STORE_KV_PUT:
	case STORE_KV_DELETE:
		free(op->kv.instance);
		free(op->kv.key);
		free(op->kv.value);
		break;
	case STORE_CLAIM_ANSWER:
	case STORE_CLAIM_SWEEP:
		free(op->claimed.answer);
		break;
	case STORE_JOURNAL:
		free(op->journal.detail);
		break;
	}
	shelf_give(&ops, op);
}

static size_t text_bytes(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

size_t store_op_bytes(const struct store_op *op)
{
	switch (op->kind) {
	case STORE_JOB_ADD:
		return sizeof(*op) + job_bytes(&op->job);
	case STORE_JOB_EDGE:
		return sizeof(*op) + job_bytes(&op->edge.values) +
		       text_bytes(op->edge.before.detail) + text_bytes(op->edge.row.detail);
	case STORE_KV_PUT:
	case STORE_KV_DELETE:
		return sizeof(*op) + text_bytes(op->kv.instance) + text_bytes(op->kv.key) +
		       text_bytes(op->kv.value);
	case STORE_JOURNAL:
		return sizeof(*op) + text_bytes(op->journal.detail);
	case STORE_CLAIM_ANSWER:
	case STORE_CLAIM_SWEEP:
		break;
	}
	return sizeof(*op) + text_bytes(op->claimed.answer);
}

static bool edge_sound(const struct job_edge *e)
{
	bool stays = e->to == JOB_STATE_COUNT;
	bool ends = !stays && (JOB_BIT(e->to) & JOB_TERMINAL) != 0;
	bool from_end = (e->from & JOB_TERMINAL) != 0;

	return e->values.id[0] != '\0' && e->from != 0 && (unsigned)e->to <= JOB_STATE_COUNT &&
	       (e->set & ~(unsigned)JOB_SET_ALL) == 0 &&
	       ends == ((e->set & JOB_SET_FINISHED) != 0) && (!ends || e->values.finished_ms > 0) &&
	       (!from_end || (stays && (e->set & ~(unsigned)JOB_SET_AFTER_END) == 0));
}

bool store_op_sound(const struct store_op *op)
{
	switch (op->kind) {
	case STORE_JOB_ADD:
		return op->job.id[0] != '\0' && op->job.provider != NULL;
	case STORE_JOB_EDGE:
		return edge_sound(&op->edge);
	case STORE_KV_PUT:
		return op->kv.instance != NULL && op->kv.key != NULL && op->kv.value != NULL;
	case STORE_KV_DELETE:
		return op->kv.instance != NULL && op->kv.key != NULL;
	case STORE_CLAIM_ANSWER:
		return op->claimed.status != 0 && op->claimed.answer != NULL;
	case STORE_CLAIM_SWEEP:
		return op->claimed.claim.made_ms > 0;
	case STORE_JOURNAL:
		return op->journal.job[0] != '\0' && op->journal.kind != JOURNAL_NONE &&
		       (unsigned)op->journal.kind < JOURNAL_KIND_COUNT;
	}
	return false;
}

/* What a write is called at a kill point. Part of builds for testing alone. */
#include "store/store_point.h"

#include <stdbool.h>

#include "base/killpoint.h"

static void row_point(const char *point, const struct store_journal *row)
{
	KILLPOINT(point, "journal %s %s", journal_word(row->kind), row->job);
}

/* An edge, or a row, that is not of the state or the submission attempt it is for writes nothing.
 */
static bool writes(const struct store_op *op)
{
	return op->ok && (op->changed || (op->kind != STORE_JOB_EDGE && op->kind != STORE_JOURNAL));
}

/* The states it may come from, of which there mostly is one, and where it leads. */
static void edge_point(const char *point, const struct job_edge *e)
{
	const char *to = e->to < JOB_STATE_COUNT ? job_state_word(e->to) : "stays";
	const char *intent = (e->set & JOB_SET_CANCEL) != 0 ? " cancel" : "";
	const char *from = "any";

	for (int state = 0; state < (int)JOB_STATE_COUNT; state++) {
		if (e->from == JOB_BIT(state))
			from = job_state_word((enum job_state)state);
	}
	KILLPOINT(point, "edge %s>%s%s %s", from, to, intent, e->values.id);
	if (e->before.kind != JOURNAL_NONE)
		row_point(point, &e->before);
	if (e->row.kind != JOURNAL_NONE)
		row_point(point, &e->row);
}

static void pass(const char *point, const struct store_op *op)
{
	switch (op->kind) {
	case STORE_JOB_ADD:
		KILLPOINT(point, "job_add %s %s", op->job.kind, op->job.id);
		break;
	case STORE_JOB_EDGE:
		edge_point(point, &op->edge);
		break;
	case STORE_KV_PUT:
		KILLPOINT(point, "kv_put %s", op->kv.key);
		break;
	case STORE_KV_DELETE:
		KILLPOINT(point, "kv_delete %s", op->kv.key);
		break;
	case STORE_CLAIM_ANSWER:
		KILLPOINT(point, "claim_answer %s", op->claimed.job);
		break;
	case STORE_CLAIM_SWEEP:
		KILLPOINT(point, "claim_sweep");
		break;
	case STORE_JOURNAL:
		row_point(point, &op->journal);
		break;
	}
}

void store_point(const char *point, const struct store_op *first)
{
	if (!killpoint_wanted())
		return;
	for (const struct store_op *op = first; op != NULL; op = op->next) {
		if (writes(op))
			pass(point, op);
	}
}

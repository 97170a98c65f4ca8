/* writes - see writes.h. */
#include "sim/writes.h"

#include <string.h>

#include "base/attr.h"
#include "jobs/errand.h"
#include "store/store.h"

static bool is_add(const struct write *w)
{
	return w->op->kind == STORE_JOB_ADD && !errand_is_kind(w->op->job.kind);
}

static bool is_claim(const struct write *w)
{
	return w->op->kind == STORE_JOB_ADD && w->op->claim.until_ms != 0;
}

static void without_claim(struct store_op *op)
{
	op->claim.until_ms = 0;
}

static bool is_claim_answer(const struct write *w)
{
	return w->op->kind == STORE_CLAIM_ANSWER;
}

static bool is_claim_sweep(const struct write *w)
{
	return w->op->kind == STORE_CLAIM_SWEEP;
}

static bool is_adopt(const struct write *w)
{
	return is_add(w) && w->op->job.decision != NULL;
}

static bool is_remove(const struct write *w)
{
	return w->op->kind == STORE_JOB_ADD && errand_is_kind(w->op->job.kind);
}

/* --- edges --- */

static bool is_row(const struct write *w, enum journal_kind kind)
{
	return w->op->kind == STORE_JOURNAL && w->op->journal.kind == kind;
}

static bool decides(const struct store_op *op)
{
	return op->kind == STORE_JOB_EDGE && op->edge.row.kind == JOURNAL_DECISION;
}

static bool moves_to(const struct write *w, unsigned states)
{
	const struct job_edge *e = &w->op->edge;

	return w->op->kind == STORE_JOB_EDGE && !decides(w->op) && e->to != JOB_STATE_COUNT &&
	       (JOB_BIT(e->to) & states) != 0 && (e->from & ~JOB_BIT(e->to)) != 0;
}

static bool is_submitting(const struct write *w)
{
	return !w->errand && moves_to(w, JOB_BIT(JOB_SUBMITTING));
}

static bool is_attempt(const struct write *w)
{
	return w->errand && w->op->kind == STORE_JOB_EDGE &&
	       ((w->op->edge.set & JOB_SET_EPOCH) != 0 || moves_to(w, JOB_BIT(JOB_SUBMITTING)));
}

static bool is_running(const struct write *w)
{
	return moves_to(w, JOB_BIT(JOB_RUNNING));
}

static bool is_recovering(const struct write *w)
{
	return moves_to(w, JOB_BIT(JOB_RECOVERING));
}

static bool is_question(const struct write *w)
{
	return moves_to(w, JOB_BIT(JOB_NEEDS_DECISION));
}

static bool is_orphaned(const struct write *w)
{
	return moves_to(w, JOB_BIT(JOB_ORPHANED));
}

static bool is_queued(const struct write *w)
{
	return moves_to(w, JOB_BIT(JOB_QUEUED));
}

static bool is_terminal(const struct write *w)
{
	return !w->errand && moves_to(w, JOB_TERMINAL);
}

static bool is_errand_end(const struct write *w)
{
	return w->errand && moves_to(w, JOB_TERMINAL);
}

static bool is_cancel(const struct write *w)
{
	return w->op->kind == STORE_JOB_EDGE && (w->op->edge.set & JOB_SET_CANCEL) != 0;
}

static bool is_checkpoint(const struct write *w)
{
	return w->op->kind == STORE_JOB_EDGE && (w->op->edge.set & JOB_SET_CHECKPOINT) != 0;
}

static bool is_terms(const struct write *w)
{
	return w->op->kind == STORE_JOB_EDGE && (w->op->edge.set & JOB_SET_TERMS) != 0;
}

static bool is_decision(const struct write *w)
{
	return decides(w->op);
}

static bool is_hidden(const struct write *w)
{
	const struct job_edge *e = &w->op->edge;

	return w->op->kind == STORE_JOB_EDGE && e->to == JOB_STATE_COUNT &&
	       (e->from & JOB_TERMINAL) != 0 && (e->set & JOB_SET_RESULT) != 0;
}

#define SEEN                                                                                       \
	(JOB_SET_STARTED | JOB_SET_NEXT_POLL | JOB_SET_REMOTE_REF | JOB_SET_REMOTE_NAME |          \
		JOB_SET_HANDLE | JOB_SET_RESULT | JOB_SET_PROGRESS | JOB_SET_ERROR |               \
		JOB_SET_METRICS | JOB_SET_SERIES)

/* Of a job that goes on as it did. */
static bool is_seen(const struct write *w)
{
	const struct job_edge *e = &w->op->edge;

	return w->op->kind == STORE_JOB_EDGE && !is_attempt(w) && (e->from & JOB_TERMINAL) == 0 &&
	       (e->to == JOB_STATE_COUNT || e->from == JOB_BIT(e->to)) &&
	       (e->set & ~(unsigned)SEEN) == 0;
}

/* --- rows of the journal --- */

static bool is_sent(const struct write *w)
{
	return is_row(w, JOURNAL_SENT);
}

static bool is_unsent(const struct write *w)
{
	return is_row(w, JOURNAL_UNSENT);
}

static bool is_answered(const struct write *w)
{
	return is_row(w, JOURNAL_ANSWERED);
}

static bool is_unclear(const struct write *w)
{
	return is_row(w, JOURNAL_UNCLEAR);
}

static bool is_missing(const struct write *w)
{
	return w->op->kind == STORE_JOB_EDGE && w->op->edge.row.kind == JOURNAL_MISSING;
}

static void without_row(struct store_op *op)
{
	op->edge.row.kind = JOURNAL_NONE;
}

/* What recovery does not read. */
static bool is_story(const struct write *w)
{
	static const enum journal_kind kinds[] = {
		JOURNAL_FOUND, JOURNAL_CALL, JOURNAL_REMOVE, JOURNAL_NOTE, JOURNAL_DECISION};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (is_row(w, kinds[i]))
			return true;
	}
	return false;
}

/* --- pairs --- */

static bool is_pair(const struct write *w)
{
	return w->op->kind == STORE_KV_PUT;
}

static bool is_pair_gone(const struct write *w)
{
	return w->op->kind == STORE_KV_DELETE;
}

#define AGAIN(what) "the next start " what

const struct write_sort write_sorts[] = {
	/* accepting */
	{"add", is_add, NULL, NULL, NULL},
	{"adopt", is_adopt, NULL, NULL, NULL},
	{"claim", is_claim, without_claim, NULL, NULL},
	{"claim_answer", is_claim_answer, NULL, NULL, NULL},
	{"claim_sweep", is_claim_sweep, NULL, "what it deletes has ended and is not looked at",
		"what it deletes has ended and is not looked at"},
	/* a submission */
	{"submitting", is_submitting, NULL, NULL, NULL},
	{"sent", is_sent, NULL, NULL, NULL},
	{"unsent", is_unsent, NULL, NULL, NULL},
	{"answered", is_answered, NULL, NULL, NULL},
	{"unclear", is_unclear, NULL, "the row 'sent' without an end says the same",
		"the row 'sent' without an end says the same"},
	{"checkpoint", is_checkpoint, NULL, NULL, NULL},
	{"terms", is_terms, NULL, "the manifest says the same until there is another plugin file",
		"the manifest says the same until there is another plugin file"},
	{"recovering", is_recovering, NULL, NULL, AGAIN("reads the same in the journal")},
	{"missing", is_missing, without_row,
		"the edge with it begins another epoch, of which nothing was sent",
		"the edge with it is 'submitting'"},
	{"running", is_running, NULL, NULL, NULL},
	{"terminal", is_terminal, NULL, NULL, NULL},
	{"seen", is_seen, NULL, "the other side says it again", "the other side says it again"},
	/* people */
	{"cancel", is_cancel, NULL, NULL, NULL},
	{"needs_decision", is_question, NULL, NULL, AGAIN("finds nothing either, and asks")},
	{"decision", is_decision, NULL, NULL, NULL},
	{"story", is_story, NULL, "it is for people: nothing goes by it",
		"it is for people: nothing goes by it"},
	/* a provider that is away */
	{"orphaned", is_orphaned, NULL, AGAIN("sees by itself who is there"),
		AGAIN("sees by itself who is there")},
	{"queued", is_queued, NULL, NULL, AGAIN("moves it again")},
	/* deletes */
	{"remove", is_remove, NULL, NULL, NULL},
	{"attempt", is_attempt, NULL, NULL, AGAIN("begins another one")},
	{"errand_end", is_errand_end, NULL, NULL, NULL},
	{"hidden", is_hidden, NULL, NULL,
		"the end of its delete is synced behind it, and it with that, or done again"},
	/* what providers keep, and how queues are set */
	{"pair", is_pair, NULL, NULL, NULL},
	{"pair_gone", is_pair_gone, NULL, NULL, NULL},
};

const size_t write_sort_count = COUNT(write_sorts);

const struct write_sort *write_sort_named(const char *name, size_t n)
{
	for (size_t i = 0; i < COUNT(write_sorts); i++) {
		const char *other = write_sorts[i].name;

		if (strlen(other) == n && memcmp(other, name, n) == 0)
			return &write_sorts[i];
	}
	return NULL;
}

bool write_is_known(const struct write *w)
{
	for (size_t i = 0; i < COUNT(write_sorts); i++) {
		if (write_sorts[i].is(w))
			return true;
	}
	return false;
}

bool write_is_theft(const struct store_op *op)
{
	return op->kind == STORE_JOB_EDGE && op->edge.to == JOB_RECOVERING &&
	       (op->edge.set & JOB_SET_EPOCH) != 0;
}

/* verdicts - what the end of a slot call does to its job. */
#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pace.h"
#include "jobs/internal.h"
#include "jobs/journal.h"
#include "provider/provider.h"
#include "store/store.h"

enum {
	NEXT_POLL_DEFAULT_MS = 2000,
	NEXT_POLL_LEAST_MS = 50,
	NEXT_POLL_MOST_MS = 300000,
	CANCEL_POLL_MS = 200,
	FINALS = 3, /* submits that failed behind what they made: one read may have come too early
	             */
	TROUBLE_AFTER = 3, /* failures in a row: the job says so */
	ERROR_SIZE = 640,
	CANCEL_AGAIN_MS = 5000,
	CANCEL_REFUSED_MS = 500, /* doubled with each refusal */
	CANCEL_DOUBLINGS = 7,    /* the longest is a minute */
	GRACE_MS = 15000         /* for what is on its way when its job is to be cancelled */
};

/* What was in the way is no more; op sets the error again if there is one. */
static void clear_trouble(struct open_job *e, struct store_op *op)
{
	if (e->troubled)
		op->edge.set |= JOB_SET_ERROR;
	e->troubled = false;
}

static void move_row(struct store_journal *to, struct store_journal *from)
{
	*to = *from;
	*from = (struct store_journal){.kind = JOURNAL_NONE};
}

/* The edge takes along what is to be told of calls: one that moves the job, of this one at once. */
static void store_with_rows(struct tracker *t, struct open_job *e, struct call_end *end,
	struct store_op *op, int64_t after)
{
	bool moves = op->edge.to != JOB_STATE_COUNT && op->edge.to != e->state;

	if (end->row.kind == JOURNAL_NONE)
		end->row = moves ? journal_told(e, end->result) : journal_due(e);
	move_row(&op->edge.before, &end->before);
	move_row(&op->edge.row, &end->row);
	tracker_store_edge(t, e, op, JOB_BIT(e->state), after);
}

static int64_t poll_interval(const struct call_result *result)
{
	int64_t ms = result->next_poll_ms > 0 ? result->next_poll_ms : NEXT_POLL_DEFAULT_MS;

	ms = ms < NEXT_POLL_LEAST_MS ? NEXT_POLL_LEAST_MS : ms;
	return ms > NEXT_POLL_MOST_MS ? NEXT_POLL_MOST_MS : ms;
}

/* What is to be cancelled is looked at often, but one that refuses only when it is asked again. */
static int64_t next_look(const struct open_job *e, int64_t interval)
{
	int64_t soon = CANCEL_POLL_MS;

	if (!e->cancel)
		return interval;
	if (e->refusals > 0 && e->cancel_next_mono - clock_mono_ms() > soon)
		soon = e->cancel_next_mono - clock_mono_ms();
	return interval < soon ? interval : soon;
}

/* Out of memory: the journal knows what the call did, and is read before it is called again. */
static void take_later(struct tracker *t, struct open_job *e, struct store_op *op)
{
	store_op_free(op);
	tracker_unread(e);
	tracker_back_off(t, e);
}

static void take_state(struct tracker *t, struct open_job *e, struct call_end *end)
{
	const struct call_result *result = end->result;
	struct store_op *op = tracker_edge(e);
	int64_t after = poll_interval(result);
	bool same;

	if (end->action == ACTION_FIND)
		end->row = journal_found(e, result, true);
	if (op == NULL || !outcome_edge(op, result, e->overdue)) {
		take_later(t, e, op);
		return;
	}
	e->failures = 0;
	e->asked_mono = clock_mono_ms();
	e->poll_ms = after;
	op->edge.values.next_poll_ms = after;
	op->edge.set |= JOB_SET_NEXT_POLL;
	after = next_look(e, after);
	same = entry_same_as_shown(e, op->edge.values.result) && !e->troubled;
	clear_trouble(e, op);
	if (op->edge.to == e->state && same) {
		store_op_free(op);
		if (end->row.kind == JOURNAL_NONE)
			end->row = journal_due(e);
		tracker_poll_later(t, e, after);
		tracker_fire_refreshed(t, e);
		return;
	}
	if (!outcome_hide(op)) {
		take_later(t, e, op);
		return;
	}
	if (op->edge.to == e->state)
		op->durable = false;
	else if (op->edge.to == JOB_RUNNING && !(op->edge.set & JOB_SET_STARTED)) {
		op->edge.set |= JOB_SET_STARTED;
		op->edge.values.started_ms = clock_now_ms();
	}
	store_with_rows(t, e, end, op, after);
}

static void take_failure(struct tracker *t, struct open_job *e, struct call_end *end)
{
	const struct call_result *result = end->result;
	struct store_op *op = tracker_edge(e);
	bool gone = end->action == ACTION_POLL && result->code == DAVIT_NOT_FOUND && e->cancel &&
	            !e->overdue;

	if (op == NULL || !outcome_failed(op, result->fail.code, result->fail.text)) {
		take_later(t, e, op);
		return;
	}
	if (gone) /* what was to be cancelled runs no more */
		op->edge.to = JOB_CANCELLED;
	store_with_rows(t, e, end, op, 0);
}

/* All places are taken: not worth a line. */
static bool is_ours(const struct call_result *result)
{
	return result->code == DAVIT_RETRY && result->fail.code == FAIL_BUSY;
}

static bool is_news(const struct open_job *e, const struct call_end *end)
{
	return end->action != ACTION_CANCEL && !e->troubled &&
	       (e->failures >= TROUBLE_AFTER || end->result->held) &&
	       end->result->code != DAVIT_CANCELLED && !is_ours(end->result);
}

/* A job that cannot be submitted or asked says why, so that nobody takes it for one that goes on
 * well. */
static bool say_trouble(struct tracker *t, struct open_job *e, struct call_end *end, int64_t after)
{
	struct store_op *op = is_news(e, end) ? tracker_edge(e) : NULL;
	char text[ERROR_SIZE];

	if (op == NULL)
		return false;
	(void)snprintf(text, sizeof(text), "%s: %s",
		end->action == ACTION_SUBMIT
			? "it cannot be submitted now, so that is tried again"
			: "nobody can say how it stands now, so it is asked again",
		end->result->fail.text);
	op->durable = false;
	op->edge.set = JOB_SET_ERROR;
	op->edge.values.error = strdup(text);
	e->troubled = true;
	store_with_rows(t, e, end, op, after);
	return true;
}

/* The next call looks how it stands; the next cancel comes later with each that fails. */
static void take_refusal(struct tracker *t, struct open_job *e, const struct call_result *result)
{
	unsigned doublings = e->refusals < CANCEL_DOUBLINGS ? e->refusals : CANCEL_DOUBLINGS;
	int64_t ms = PACE((int64_t)CANCEL_REFUSED_MS << doublings);

	e->refusals++;
	e->look = true;
	e->cancel_next_mono =
		clock_mono_ms() + (result->retry_after_ms > ms ? result->retry_after_ms : ms);
	tracker_later(t, e, CANCEL_POLL_MS);
}

/* It was asked for: nobody needs to wait with the start until there is an answer, as one cloud may
 * be away for long, and what may be an object of this job is taken for no stray meanwhile. */
static void in_hand(struct tracker *t, struct open_job *e)
{
	if (e->unsure)
		t->unsure--;
	e->unsure = false;
}

static void take_retry(struct tracker *t, struct open_job *e, struct call_end *end)
{
	const struct call_result *result = end->result;
	int64_t after = result->retry_after_ms;

	if (end->action == ACTION_SUBMIT && result->trace.done > 0)
		e->goes_on = true;
	if (!is_ours(result))
		log_warn("JOB-RETRY", "job=%s provider=%s %s", e->id, e->lane->provider,
			result->fail.text);
	if (!is_ours(result) && result->code != DAVIT_CANCELLED)
		in_hand(t, e);
	if (end->action == ACTION_CANCEL && !is_ours(result)) {
		take_refusal(t, e, result);
		return;
	}
	if (after > 0 && end->action != ACTION_POLL && !is_ours(result))
		e->failures++;
	if (after <= 0)
		after = tracker_back_off_ms(e);
	if (!say_trouble(t, e, end, after))
		tracker_later(t, e, after);
}

/* Out of memory it is submitted again, and says it once more. */
static void keep_final(struct open_job *e, const struct call_result *result)
{
	if (e->final == NULL)
		e->final = malloc(sizeof(*e->final));
	if (e->final != NULL)
		*e->final = result->fail;
	e->finals++;
}

static void take_unclear(struct tracker *t, struct open_job *e, struct call_end *end)
{
	log_warn("JOB-UNCLEAR", "job=%s the submission ended unclear: %s", e->id,
		end->result->fail.text);
	e->ambiguous = true;
	if (end->action == ACTION_SUBMIT && outcome_final(end->result))
		keep_final(e, end->result);
	else
		e->finals = 0;
	tracker_back_off(t, e);
}

/*
 * Nothing was found, but the other side may not know yet of what the last submit made: it is
 * asked once more when it must. That goes by when it was asked, as an answer may be long on its
 * way, and tells of a list that was read before. Where that is to be cancelled nobody submits it
 * again, which would bring a request to light that is still on its way: it is looked for that long,
 * and cancelled as soon as it is there. Nobody needs to wait with the start for that.
 */
static bool settles(struct tracker *t, struct open_job *e, const struct call_end *end)
{
	int64_t least = e->cancel ? PACE(GRACE_MS) : 0;
	int64_t settled = e->sent_mono + (end->settle_ms < least ? least : end->settle_ms);
	int64_t left = settled - clock_mono_ms();
	int64_t look;

	if (end->result->code != DAVIT_NOT_FOUND || end->begun_mono >= settled)
		return false;
	in_hand(t, e);
	look = e->cancel ? tracker_back_off_ms(e) : left;
	look = look < left ? look : left;
	tracker_later(t, e, look > 0 ? look : 0);
	return true;
}

/* Its submission ended so more than once, and made nothing that lasts. */
static bool is_final(const struct open_job *e, const struct call_end *end)
{
	return e->final != NULL && e->finals >= FINALS && end->result->code == DAVIT_NOT_FOUND;
}

static void take_missing(struct tracker *t, struct open_job *e, struct call_end *end)
{
	bool final = is_final(e, end);
	struct store_op *op;

	if (settles(t, e, end))
		return;
	op = tracker_edge(e);
	if (op == NULL || (final && !outcome_failed(op, e->final->code, e->final->text))) {
		take_later(t, e, op);
		return;
	}
	clear_trouble(e, op);
	if (!final) {
		op->edge.to = JOB_SUBMITTING;
		op->edge.set |= JOB_SET_EPOCH;
	}
	if (end->result->code == DAVIT_NOT_FOUND)
		end->row = journal_found(e, end->result, false);
	store_with_rows(t, e, end, op, 0);
}

/* Nobody but a person knows how it goes on. */
static void take_dilemma(struct tracker *t, struct open_job *e, struct call_end *end)
{
	const char *why = end->dilemma != NULL ? end->dilemma : end->result->fail.text;
	struct store_op *op = tracker_edge(e);

	if (op == NULL) {
		take_later(t, e, op);
		return;
	}
	op->edge.to = JOB_NEEDS_DECISION;
	op->edge.set = JOB_SET_ERROR;
	op->edge.values.error = strdup(why);
	store_with_rows(t, e, end, op, CLOCK_NEVER);
}

static void take_asked(struct tracker *t, struct open_job *e, struct call_end *end)
{
	(void)end;
	e->refusals = 0;
	e->cancel_next_mono = clock_mono_ms() + PACE(CANCEL_AGAIN_MS);
	tracker_later(t, e, CANCEL_POLL_MS);
}

static void count_doubt(struct open_job *e, const struct call_end *end)
{
	bool doubted = end->verdict == VERDICT_RETRY && outcome_gives_up(end->result);

	e->doubts = doubted ? (uint8_t)(e->doubts + 1) : 0;
}

static void count_barred(struct open_job *e, const struct call_end *end)
{
	if (end->verdict != VERDICT_RETRY || end->result->code != DAVIT_AUTH)
		e->barred_mono = 0;
	else if (e->barred_mono == 0)
		e->barred_mono = clock_mono_ms();
}

/* A cancel that finds nothing says nothing, and neither does a poll that nobody answered. */
static void count_gone(struct open_job *e, const struct call_end *end)
{
	const struct call_result *result = end->result;
	bool gone = result->said && result->code == DAVIT_NOT_FOUND;

	if (gone && e->gone == 0)
		e->gone_mono = clock_mono_ms();
	if (gone && e->gone < UINT8_MAX)
		e->gone++;
	if (result->code == DAVIT_OK)
		e->gone = 0;
}

void tracker_take_end(struct tracker *t, struct open_job *e, struct call_end *end)
{
	static void (*const verdicts[])(
		struct tracker * t, struct open_job * e, struct call_end * end) = {
		[VERDICT_STATE] = take_state,
		[VERDICT_FAILED] = take_failure,
		[VERDICT_RETRY] = take_retry,
		[VERDICT_RECOVER] = take_unclear,
		[VERDICT_RESUBMIT] = take_missing,
		[VERDICT_DECIDE] = take_dilemma,
		[VERDICT_ASKED] = take_asked,
	};
	bool calm = end->verdict == VERDICT_RETRY || end->verdict == VERDICT_RECOVER ||
	            end->verdict == VERDICT_ASKED;

	if (end->action == ACTION_POLL && !is_ours(end->result))
		e->look = false;
	if (end->action == ACTION_SUBMIT && !is_ours(end->result))
		count_barred(e, end);
	if (end->action == ACTION_POLL)
		count_gone(e, end);
	if (end->action == ACTION_FIND && !is_ours(end->result))
		count_doubt(e, end);
	if (!is_ours(end->result))
		journal_count(e, end->action, end->result, &end->before);
	if (calm && !is_ours(end->result))
		end->row = journal_news(e, end->result);
	verdicts[end->verdict](t, e, end);
}

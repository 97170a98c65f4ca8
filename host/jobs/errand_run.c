/* errand_run - carries errands out; see errand.h. */
#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/pace.h"
#include "jobs/errand.h"
#include "jobs/internal.h"
#include "provider/provider.h"
#include "store/ledger.h"
#include "store/store.h"

enum {
	PAUSE_FIRST_MS = 500,
	PAUSE_DOUBLINGS = 11, /* the longest is 17 minutes */
	PAUSE_BUSY_MS = 50,
	PAUSE_GONE_MS =
		1000 /* until its object, which is said not to be there, is asked for again */
};

/* --- a job that made no object, and is hidden by its removal --- */

static bool hide(struct tracker *t, const struct job *job, struct fail *f)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);
	char *text = errand_mark_removed(job);
	bool ok;

	if (op == NULL || text == NULL) {
		store_op_free(op);
		free(text);
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	}
	op->edge.from = JOB_TERMINAL;
	op->edge.set = JOB_SET_RESULT;
	memcpy(op->edge.values.id, job->id, sizeof(job->id));
	op->edge.values.result = text;
	ok = store_run(t->options.store, op, f);
	store_op_free(op);
	return ok;
}

/* Where parent is a job that ended without an object: reads it. No lock held. */
static bool read_unmade(struct tracker *t, const char *parent, struct job *ret_job)
{
	struct fail f;

	if (parent[0] == '\0' || !store_job(t->options.store, parent, ret_job, &f))
		return false;
	if (ret_job->remote_name == NULL && (JOB_BIT(ret_job->state) & JOB_TERMINAL) != 0)
		return true;
	job_finish(ret_job);
	return false;
}

/* The verdict on result, which *why explains where it is a failure. No lock held. */
static enum errand_verdict judge(struct tracker *t, const char *parent, struct errand_past past,
	const struct call_result *result, struct fail *why)
{
	enum errand_verdict verdict;
	struct job job = {0};

	past.unmade = read_unmade(t, parent, &job);
	verdict = errand_verdict(result->code, result->said, &past);
	if (result->code != DAVIT_OK)
		*why = result->fail;
	else if (verdict != ERRAND_DONE)
		(void)fail_set(why, FAIL_UNAVAILABLE,
			"the other side does not know the object: asked again, to be sure of it");
	if (verdict == ERRAND_DONE && past.unmade && !hide(t, &job, why))
		verdict = ERRAND_UNCLEAR;
	job_finish(&job);
	return verdict;
}

static char *compacted(json_t *value)
{
	char *text = value != NULL ? json_compact(value, NULL) : NULL;

	json_decref(value);
	return text;
}

/* --- the end of a slot; lock held --- */

/* Its end is on disk before anybody hears of it: an errand that is done once more after a power cut
 * would meet what has the name of its object by then. */

static void succeed(struct tracker *t, struct open_job *e, const json_t *reply)
{
	struct store_op *op = tracker_edge(e);

	if (op != NULL) {
		op->edge.to = JOB_SUCCEEDED;
		op->edge.set = JOB_SET_FINISHED | JOB_SET_RESULT | JOB_SET_ERROR;
		op->edge.values.finished_ms = clock_now_ms();
		op->edge.values.result = reply != NULL ? json_compact(reply, NULL) : NULL;
	}
	tracker_store_edge(t, e, op, JOB_BIT(e->state), 0);
}

static void refuse(struct tracker *t, struct open_job *e, struct fail *why)
{
	struct store_op *op = tracker_edge(e);

	if (why->field[0] != '\0')
		(void)fail_wrap(why, "%s", why->field);
	if (op != NULL && !outcome_failed(op, why->code, why->text)) {
		store_op_free(op);
		op = NULL;
	}
	tracker_store_edge(t, e, op, JOB_BIT(e->state), 0);
}

/* With what result says of its last attempt. */
static struct errand_past past_of(const struct open_job *e, const struct call_result *result)
{
	return (struct errand_past){.failed = e->failures > 0,
		.tried = e->tried,
		.unclear = result->trace.unclear > 0,
		.missed = result->trace.refused && !result->trace.conflict,
		.refusals = e->refusals,
		.gone = e->gone};
}

static int64_t pause_of(struct open_job *e, const struct call_result *result)
{
	unsigned doublings = e->failures < PAUSE_DOUBLINGS ? e->failures : PAUSE_DOUBLINGS;

	e->failures++;
	if (e->gone > 0)
		return PACE(PAUSE_GONE_MS);
	return result->retry_after_ms > 0 ? result->retry_after_ms
	                                  : PACE((int64_t)PAUSE_FIRST_MS << doublings);
}

static char *call_detail(const struct fail *why)
{
	return compacted(json_pack("{s:s, s:s, s:s}", "slot", "attempt", "code",
		fail_word(why->code), "why", why->text));
}

static void again(struct tracker *t, struct open_job *e, const struct call_result *result,
	const struct fail *why)
{
	int64_t pause = pause_of(e, result);
	struct store_op *op = tracker_edge(e);

	log_warn("JOB-RETRY", "job=%s provider=%s again in %lld ms: %s", e->id, e->lane->provider,
		(long long)pause, why->text);
	if (op != NULL) {
		op->durable = false; /* after a start it is tried again all the same */
		op->edge.set = JOB_SET_EPOCH | JOB_SET_ERROR;
		op->edge.values.error = strdup(why->text);
		op->edge.row = (struct store_journal){.kind = JOURNAL_CALL,
			.times = 1,
			.repeats = result->repeats,
			.detail = call_detail(why)};
	}
	tracker_store_edge(t, e, op, JOB_BIT(e->state), pause);
}

/* By the other side, with what may have passed when it is asked again. */
static bool refused_once_more(const struct call_result *result)
{
	return result->said && (result->code == DAVIT_CONFLICT || result->code == DAVIT_INVALID);
}

static void count_gone(struct open_job *e, const struct call_result *result)
{
	struct errand_past past = past_of(e, result);

	if (!errand_is_gone(result->code, result->said, &past))
		e->gone = 0;
	else if (e->gone < UINT8_MAX)
		e->gone++;
}

static void take(struct tracker *t, struct open_job *e, enum errand_verdict verdict,
	const struct call_result *result, struct fail *why)
{
	if (verdict == ERRAND_DONE) {
		succeed(t, e, result->reply);
	} else if (verdict == ERRAND_REFUSED) {
		refuse(t, e, why);
	} else {
		e->refusals = refused_once_more(result) ? e->refusals + 1 : 0;
		count_gone(e, result);
		e->tried |= verdict == ERRAND_UNCLEAR || result->trace.done > 0;
		again(t, e, result, why);
	}
}

void tracker_errand_end(struct tracker *t, struct open_job *e, const struct call_result *result)
{
	struct errand_past past = past_of(e, result);
	struct fail why = {0};
	enum errand_verdict verdict;
	char id[ID_SIZE], parent[ID_SIZE];

	if (result->code == DAVIT_RETRY && result->fail.code == FAIL_BUSY) {
		tracker_later(t, e, PAUSE_BUSY_MS); /* all places are taken: it was not called */
		return;
	}
	memcpy(id, e->id, sizeof(id));
	memcpy(parent, e->parent, sizeof(parent));
	e->busy = ENTRY_STORING;
	mutex_unlock(&t->lock);
	verdict = judge(t, parent, past, result, &why);
	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	if (e != NULL)
		take(t, e, verdict, result, &why);
	if (verdict != ERRAND_DONE)
		return;
	mutex_unlock(&t->lock);
	/* Behind its end, which must not be lost when this is read. */
	errand_tell(t, parent, JOURNAL_NOTE,
		json_pack("{s:s}", "text", "the delete of its object is confirmed"));
	mutex_lock(&t->lock);
}

/* --- what was done before a start --- */

/* What a journal says of the attempts since somebody decided where they go. */
struct since {
	bool decided;
	bool open;  /* a mutation has no end */
	bool maybe; /* one may have done it */
};

static bool look_at_row(const struct store_journal *row, void *ctx)
{
	struct since *since = ctx;

	switch (row->kind) {
	case JOURNAL_DECISION:
		*since = (struct since){.decided = true};
		break;
	case JOURNAL_SENT:
		since->maybe |= since->open;
		since->open = true;
		break;
	case JOURNAL_UNSENT:
		since->open = false;
		break;
	case JOURNAL_ANSWERED:
		since->open = false;
		since->maybe |= ledger_state_of(row->status) != LEDGER_REFUSED;
		break;
	case JOURNAL_UNCLEAR:
	case JOURNAL_GAP: /* it may have been among the rows that are not there */
		since->maybe = true;
		break;
	default:
		break;
	}
	return true;
}

/* Of one that is done elsewhere, as a person said, only what was sent since then counts. Gives the
 * lock up; NULL: there is nothing to go on with. */
static struct open_job *look_back(struct tracker *t, struct open_job *e)
{
	struct since since = {0};
	struct fail f = {0};
	char id[ID_SIZE];
	bool read;

	memcpy(id, e->id, sizeof(id));
	mutex_unlock(&t->lock);
	read = store_journal(t->options.store, id, 0, 0, look_at_row, &since, &f);
	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	if (e == NULL || e->busy != ENTRY_IDLE)
		return NULL;
	if (read && since.decided && !since.open && !since.maybe)
		e->tried = false;
	e->unread = false;
	return e;
}

/* --- its way --- */

/* After a start, or back with its provider: the next attempt is one of its own. */
static void resume(struct tracker *t, struct open_job *e)
{
	if (e->unread)
		e = look_back(t, e);
	if (e == NULL)
		return;
	if (!entry_served(e) && e->state == JOB_ORPHANED)
		tracker_later(t, e, CLOCK_NEVER);
	else if (!entry_served(e))
		tracker_park(t, e);
	else if (e->state == JOB_ORPHANED)
		tracker_unpark(t, e, JOB_QUEUED);
	else
		tracker_move(t, e, JOB_SUBMITTING, JOB_SET_EPOCH, 0);
}

void tracker_advance_errand(struct tracker *t, struct open_job *e)
{
	if (e->cancel)
		tracker_move(t, e, JOB_CANCELLED, JOB_SET_FINISHED, 0);
	else if (e->state == JOB_SUBMITTING && !e->unread)
		tracker_call(t, e, ACTION_ERRAND);
	else
		resume(t, e);
}

/* errand_run - takes errands in and carries them out; see errand.h. */
#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sha256.h"
#include "jobs/account.h"
#include "jobs/errand.h"
#include "jobs/internal.h"
#include "provider/provider.h"
#include "store/store.h"

enum {
	PAUSE_FIRST_MS = 500,
	PAUSE_DOUBLINGS = 11, /* the longest is 17 minutes */
	PAUSE_BUSY_MS = 50
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

/* --- what the job that made the object is told --- */

static void free_op(struct store_op *op)
{
	store_op_free(op);
}

/* A row in the journal of parent, if there is one; detail is taken over. */
static void tell(struct tracker *t, const char *parent, enum journal_kind kind, json_t *detail)
{
	struct store_op *op = parent[0] != '\0' ? store_op_new(STORE_JOURNAL, false) : NULL;

	if (op != NULL) {
		memcpy(op->journal.job, parent, ID_SIZE);
		op->journal.kind = kind;
		op->journal.detail = compacted(detail);
		op->done = free_op;
		store_submit(t->options.store, op);
	} else {
		json_decref(detail);
	}
}

/* --- the end of a slot; lock held --- */

/* Should this edge be lost by a power cut, the errand is done again, and nothing found. */
static struct store_op *end_edge(const struct open_job *e)
{
	struct store_op *op = tracker_edge(e);

	if (op != NULL)
		op->durable = false;
	return op;
}

static void succeed(struct tracker *t, struct open_job *e, const json_t *reply)
{
	struct store_op *op = end_edge(e);

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
	struct store_op *op = end_edge(e);

	if (why->field[0] != '\0')
		(void)fail_wrap(why, "%s", why->field);
	if (op != NULL && !outcome_failed(op, why->code, why->text)) {
		store_op_free(op);
		op = NULL;
	}
	tracker_store_edge(t, e, op, JOB_BIT(e->state), 0);
}

static int64_t pause_of(struct open_job *e, const struct call_result *result)
{
	unsigned doublings = e->failures < PAUSE_DOUBLINGS ? e->failures : PAUSE_DOUBLINGS;

	e->failures++;
	return result->retry_after_ms > 0 ? result->retry_after_ms
	                                  : (int64_t)PAUSE_FIRST_MS << doublings;
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
	struct store_op *op = end_edge(e);

	log_warn("JOB-RETRY", "job=%s provider=%s again in %lld ms: %s", e->id, e->lane->provider,
		(long long)pause, why->text);
	if (op != NULL) {
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

static void take(struct tracker *t, struct open_job *e, enum errand_verdict verdict,
	const struct call_result *result, struct fail *why)
{
	if (verdict == ERRAND_DONE) {
		succeed(t, e, result->reply);
	} else if (verdict == ERRAND_REFUSED) {
		refuse(t, e, why);
	} else {
		e->refusals = refused_once_more(result) ? e->refusals + 1 : 0;
		e->tried |= verdict == ERRAND_UNCLEAR || result->trace.done > 0;
		again(t, e, result, why);
	}
}

void tracker_errand_end(struct tracker *t, struct open_job *e, const struct call_result *result)
{
	struct errand_past past = {.failed = e->failures > 0,
		.tried = e->tried,
		.unclear = result->trace.unclear > 0,
		.conflicts = e->refusals};
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
	if (verdict == ERRAND_DONE)
		tell(t, parent, JOURNAL_NOTE,
			json_pack("{s:s}", "text", "the delete of its object is confirmed"));
	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	if (e != NULL)
		take(t, e, verdict, result, &why);
}

/* --- its way --- */

/* After a start, or back with its provider: the next attempt is one of its own. */
static void resume(struct tracker *t, struct open_job *e)
{
	e->unread = false;
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

/* --- taking one in --- */

struct intent {
	struct tracker *t;
	tracker_accepted *done;
	void *ctx;
};

/* What is the same errand has the same submission, and no other job has that. */
static void submission_of(const struct errand_order *order, char submission[ID_SIZE])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	const char *const texts[] = {
		order->kind, order->provider, order->interface, order->connection, order->object};
	struct sha256 *s = sha256_begin();
	uint8_t digest[SHA256_BYTES] = {0};

	for (size_t i = 0; s != NULL && i < COUNT(texts); i++) {
		const char *text = texts[i] != NULL ? texts[i] : "";

		sha256_add(s, text, strlen(text) + 1);
	}
	if (s != NULL)
		sha256_end(s, digest);
	for (size_t i = 0; i < ID_LENGTH; i++)
		submission[i] = digits[digest[i] & 31];
	submission[ID_LENGTH] = '\0';
	if (s == NULL) /* better twice than never */
		id_make(submission);
}

static char *copy(const char *text)
{
	return strdup(text != NULL ? text : "");
}

static bool fill(struct job *job, const struct errand_order *order)
{
	json_t *request = json_pack("{s:s}", "id", order->object);

	id_make(job->id);
	submission_of(order, job->submission);
	if (order->parent != NULL)
		(void)snprintf(job->parent, sizeof(job->parent), "%s", order->parent);
	job->state = JOB_SUBMITTING;
	job->epoch = job->attempts = 1;
	job->created_ms = job->started_ms = clock_now_ms();
	job->provider = copy(order->provider);
	job->interface = copy(order->interface);
	job->kind = copy(order->kind);
	job->name = copy(order->object);
	job->project = copy(order->project);
	job->connection = copy(order->connection);
	job->request = request != NULL ? json_compact(request, NULL) : NULL;
	json_decref(request);
	return job->provider != NULL && job->interface != NULL && job->kind != NULL &&
	       job->name != NULL && job->project != NULL && job->connection != NULL &&
	       job->request != NULL;
}

static void intent_stored(struct store_op *op)
{
	struct intent *in = op->arg;
	struct tracker *t = in->t;
	struct open_job *e;

	mutex_lock(&t->lock);
	e = entries_find(&t->entries, op->job.id);
	if (e != NULL && op->ok) {
		e->busy = ENTRY_IDLE;
		tracker_later(t, e, 0);
	} else if (e != NULL) {
		tracker_forget(t, e, JOB_FAILED);
	}
	cond_signal(&t->wake);
	mutex_unlock(&t->lock);
	if (op->ok) /* not before: the row says what is so */
		tell(t, op->job.parent, JOURNAL_REMOVE, json_pack("{s:s}", "by", op->job.id));
	in->done(op->ok ? op->job.id : NULL, op->ok ? NULL : &op->fail, in->ctx);
	store_op_free(op);
	free(in);
	mutex_lock(&t->lock);
	t->in_flight--;
	cond_broadcast(&t->quiet);
	mutex_unlock(&t->lock);
}

/* Makes the entry of job, busy until it is on disk: so others find it. Lock held. */
static bool enter(struct tracker *t, const struct job *job, struct fail *f)
{
	struct open_job *e;

	if (!tracker_has_room(t, job, f))
		return false;
	e = tracker_entry(t, job);
	if (e == NULL || !entries_add(&t->entries, e)) {
		entry_free(&t->entries, e);
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	}
	e->busy = ENTRY_STORING;
	t->in_flight++;
	return true;
}

/* Enters the errand of op. false: it is under way as *ret_under_way, or ("") cannot be entered. */
static bool begin(
	struct tracker *t, const struct store_op *op, char ret_under_way[ID_SIZE], struct fail *f)
{
	const struct open_job *other;
	bool entered = false;

	ret_under_way[0] = '\0';
	mutex_lock(&t->lock);
	other = t->stopping ? NULL : entries_by_submission(&t->entries, op->job.submission);
	if (other != NULL)
		memcpy(ret_under_way, other->id, ID_SIZE);
	else
		entered = enter(t, &op->job, f);
	mutex_unlock(&t->lock);
	return entered;
}

bool tracker_errand_under_way(struct tracker *t, const struct errand_order *order)
{
	char submission[ID_SIZE];
	bool under_way;

	submission_of(order, submission);
	mutex_lock(&t->lock);
	under_way = entries_by_submission(&t->entries, submission) != NULL;
	mutex_unlock(&t->lock);
	return under_way;
}

void tracker_errand(
	struct tracker *t, const struct errand_order *order, tracker_accepted *done, void *ctx)
{
	struct store_op *op = store_op_new(STORE_JOB_ADD, true);
	struct intent *in = malloc(sizeof(*in));
	char under_way[ID_SIZE] = "";
	struct fail f = {0};

	(void)fail_set(&f, FAIL_UNAVAILABLE, "out of memory");
	if (op != NULL && in != NULL && fill(&op->job, order) &&
		account_now(&t->options, &op->job, &op->job.account) &&
		begin(t, op, under_way, &f)) {
		*in = (struct intent){.t = t, .done = done, .ctx = ctx};
		op->done = intent_stored;
		op->arg = in;
		store_submit(t->options.store, op);
		return;
	}
	store_op_free(op);
	free(in);
	done(under_way[0] != '\0' ? under_way : NULL, under_way[0] != '\0' ? NULL : &f, ctx);
}

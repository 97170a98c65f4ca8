/* errand_accept - takes errands in; see errand.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/sha256.h"
#include "jobs/account.h"
#include "jobs/errand.h"
#include "jobs/internal.h"
#include "store/store.h"

void errand_tell(struct tracker *t, const char *parent, enum journal_kind kind, json_t *detail)
{
	struct store_op *op = parent[0] != '\0' ? store_op_new(STORE_JOURNAL, false) : NULL;

	if (op != NULL) {
		memcpy(op->journal.job, parent, ID_SIZE);
		op->journal.kind = kind;
		op->journal.detail = detail != NULL ? json_compact(detail, NULL) : NULL;
		op->done = store_op_free;
		store_submit(t->options.store, op);
	}
	json_decref(detail);
}

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

static bool fill(struct tracker *t, struct job *job, const struct errand_order *order)
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
	       job->request != NULL && account_now(&t->options, job, &job->account);
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
		errand_tell(
			t, op->job.parent, JOURNAL_REMOVE, json_pack("{s:s}", "by", op->job.id));
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
	if (op != NULL && in != NULL && fill(t, &op->job, order) && begin(t, op, under_way, &f)) {
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

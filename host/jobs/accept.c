/* accept - taking a job in, and taking a cancel in: durable first, then acted upon. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "jobs/account.h"
#include "jobs/decide.h"
#include "jobs/errand.h"
#include "jobs/internal.h"
#include "jobs/terms.h"
#include "store/store.h"

/* --- submit --- */

struct accept {
	struct tracker *t;
	struct open_job *entry; /* made before the write, so that nothing can fail after it */
	tracker_accepted *done;
	void *ctx;
};

/* The texts that an order gives a job, and those of the job. */
static const struct {
	size_t from;
	size_t to;
} texts[] = {
	{offsetof(struct job_order, provider), offsetof(struct job, provider)},
	{offsetof(struct job_order, interface), offsetof(struct job, interface)},
	{offsetof(struct job_order, kind), offsetof(struct job, kind)},
	{offsetof(struct job_order, name), offsetof(struct job, name)},
	{offsetof(struct job_order, project), offsetof(struct job, project)},
	{offsetof(struct job_order, connection), offsetof(struct job, connection)},
};

static const char *text_of(const struct job_order *order, size_t offset)
{
	const char *text = *(const char *const *)(const void *)((const char *)order + offset);

	return text == NULL ? "" : text;
}

/* All texts are one block: the thread that frees it is not the one that makes it. */
static bool fill_texts(struct job *job, const struct job_order *order)
{
	struct buf block;
	char *at;

	buf_init(&block, SIZE_MAX);
	if (order->request != NULL)
		json_compact_to(&block, order->request);
	else
		buf_text(&block, order->request_text);
	buf_add(&block, "", 1);
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *text = text_of(order, texts[i].from);

		buf_add(&block, text, strlen(text) + 1);
	}
	at = job->block = buf_take(&block, &job->block_n);
	if (at == NULL)
		return false;
	job->request = at;
	for (size_t i = 0; i < COUNT(texts); i++) {
		at += strlen(at) + 1;
		*job_text_at(job, texts[i].to) = at;
	}
	return true;
}

/* As if it had been submitted: it never is. */
static bool fill_adopted(struct job *job, const char *remote)
{
	job->state = JOB_RECOVERING;
	job->epoch = 1;
	job->decision = decide_adopt_text(remote);
	return job->decision != NULL;
}

static bool fill(struct tracker *t, struct job *job, const struct job_order *order)
{
	int64_t most_ms = t->options.config->job_timeout_seconds * 1000;
	int64_t timeout = order->timeout_ms != 0 ? order->timeout_ms : most_ms;

	if (order->id != NULL)
		(void)snprintf(job->id, sizeof(job->id), "%s", order->id);
	else
		id_make(job->id);
	memcpy(job->submission, job->id, sizeof(job->submission));
	if (order->parent != NULL)
		(void)snprintf(job->parent, sizeof(job->parent), "%s", order->parent);
	if (order->rerun_of != NULL)
		(void)snprintf(job->rerun_of, sizeof(job->rerun_of), "%s", order->rerun_of);
	job->state = JOB_QUEUED;
	job->created_ms = clock_now_ms();
	job->deadline_ms = timeout > 0 ? job->created_ms + timeout : 0;
	return fill_texts(job, order) && account_now(&t->options, job, &job->account) &&
	       terms_now(&t->options, job, &job->terms) &&
	       (order->adopt == NULL || fill_adopted(job, order->adopt));
}

/* What e needs first. The thread is not woken where e can only wait. Lock held. */
static void first_step(struct tracker *t, struct open_job *e)
{
	if (e->state == JOB_RECOVERING)
		tracker_hold(t, e);
	if (!e->counted || e->state == JOB_RECOVERING || e->away != NULL) {
		tracker_later(t, e, 0);
		return;
	}
	entry_enqueue(e);
	if (e->deadline_ms != 0)
		tracker_later(t, e, CLOCK_NEVER);
	if (t->running < t->options.config->max_running && entries_next(&t->entries) != NULL)
		cond_signal(&t->wake);
}

/* The job is on disk: from now on it is ours to bring to its end. Writer thread. */
static void take_in(struct tracker *t, struct open_job *e)
{
	mutex_lock(&t->lock);
	if (entries_add(&t->entries, e)) {
		first_step(t, e);
	} else {
		log_error("JOB-UNTRACKED", "job=%s out of memory; it runs after a restart", e->id);
		entry_free(&t->entries, e);
	}
	mutex_unlock(&t->lock);
}

/* It did not reach the disk. */
static void drop(struct tracker *t, struct open_job *e)
{
	mutex_lock(&t->lock);
	entry_free(&t->entries, e);
	mutex_unlock(&t->lock);
}

static void accept_end(struct accept *a)
{
	struct tracker *t = a->t;

	free(a);
	mutex_lock(&t->lock);
	t->in_flight--;
	cond_broadcast(&t->quiet);
	mutex_unlock(&t->lock);
}

/* For its timeline. */
static void note_adopted(struct tracker *t, const struct job *job)
{
	struct store_op *op = store_op_new(STORE_JOURNAL, true);

	if (op == NULL)
		return;
	memcpy(op->journal.job, job->id, sizeof(job->id));
	op->journal.kind = JOURNAL_DECISION;
	op->journal.epoch = -1;
	op->journal.detail = strdup(job->decision);
	op->done = store_op_free;
	store_submit(t->options.store, op);
}

static void accept_stored(struct store_op *op)
{
	struct accept *a = op->arg;

	if (op->ok && op->job.decision != NULL)
		note_adopted(a->t, &op->job);
	if (op->ok) {
		take_in(a->t, a->entry);
		a->done(op->job.id, NULL, a->ctx);
	} else {
		drop(a->t, a->entry);
		a->done(NULL, &op->fail, a->ctx);
	}
	store_op_free(op);
	accept_end(a);
}

static bool busy(struct fail *f, const char *whose, size_t open)
{
	(void)fail_set(f, FAIL_BUSY, "%zu jobs %s; try again later", open, whose);
	f->retry_after_ms = 5000;
	return false;
}

/* The steps of a flow were let in with it: were they refused, flows that fill the queue would wait
 * for room that only their own end makes. Errands and other jobs keep each other out of nothing. */
bool tracker_has_room(struct tracker *t, const struct job *job, struct fail *f)
{
	const struct config *c = t->options.config;
	bool errand = errand_is_kind(job->kind);
	size_t open = errand ? t->entries.errands : t->entries.made - t->entries.errands;

	if (t->stopping)
		return fail_set(f, FAIL_UNAVAILABLE, "the daemon is ending; try again shortly");
	if (job->parent[0] != '\0' && !errand)
		return true;
	if (open >= (size_t)c->max_queued)
		return busy(f,
			errand ? "that delete or stop something are open, the limit of this site"
			       : "are open, the limit of this site",
			open);
	if (errand)
		return true;
	open = entries_open(&t->entries, job->project);
	if (open >= (size_t)c->max_queued_per_project)
		return busy(f, "of this project are open, its limit", open);
	return true;
}

static struct accept *accept_new(
	struct tracker *t, const struct job *job, tracker_accepted *done, void *ctx, struct fail *f)
{
	struct accept *a = malloc(sizeof(*a));

	mutex_lock(&t->lock);
	if (a != NULL && tracker_has_room(t, job, f)) {
		*a = (struct accept){
			.t = t, .entry = tracker_entry(t, job), .done = done, .ctx = ctx};
		if (a->entry != NULL) {
			t->in_flight++;
			mutex_unlock(&t->lock);
			return a;
		}
	}
	mutex_unlock(&t->lock);
	free(a);
	return NULL;
}

/* A queue keeps the name of its project. */
static bool name_fits(const struct job_order *order, struct fail *f)
{
	if (order->project == NULL || strlen(order->project) <= TRACKER_PROJECT_MAX)
		return true;
	return fail_set(f, FAIL_INVALID, "the name of the project is longer than %d bytes",
		TRACKER_PROJECT_MAX);
}

void tracker_submit(
	struct tracker *t, const struct job_order *order, tracker_accepted *done, void *ctx)
{
	struct store_op *op = store_op_new(STORE_JOB_ADD, true);
	struct accept *a = NULL;
	struct fail f;

	f.code = FAIL_NONE; /* the rest of it is long, and rarely wanted */
	if (op != NULL && name_fits(order, &f) && fill(t, &op->job, order))
		a = accept_new(t, &op->job, done, ctx, &f);
	if (a == NULL) {
		if (f.code == FAIL_NONE)
			(void)fail_set(&f, FAIL_UNAVAILABLE, "accept a job: out of memory");
		store_op_free(op);
		done(NULL, &f, ctx);
		return;
	}
	if (order->claim != NULL)
		op->claim = *order->claim;
	op->done = accept_stored;
	op->arg = a;
	store_submit(t->options.store, op);
}

/* --- cancel --- */

struct cancel {
	struct tracker *t;
	tracker_cancelled *done;
	void *ctx;
	char id[ID_SIZE];
};

static void cancel_end(struct cancel *c, bool changed, const struct fail *f)
{
	struct tracker *t = c->t;

	c->done(changed, f, c->ctx);
	free(c);
	mutex_lock(&t->lock);
	t->in_flight--;
	cond_broadcast(&t->quiet);
	mutex_unlock(&t->lock);
}

/* The intent is on disk: carry it out, or forget a job that was still waiting. */
static void cancel_take(struct tracker *t, const char *id, bool waited)
{
	struct open_job *e;

	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	if (e != NULL && waited && e->busy == ENTRY_IDLE) {
		tracker_forget(t, e, JOB_CANCELLED);
	} else if (e != NULL) {
		e->cancel = true;
		e->again = e->busy != ENTRY_IDLE;
		entries_due(&t->entries, e, e->again ? CLOCK_NEVER : clock_mono_ms());
	}
	cond_signal(&t->wake);
	mutex_unlock(&t->lock);
}

static void cancel_intended(struct store_op *op)
{
	struct cancel *c = op->arg;

	if (op->ok && op->changed)
		cancel_take(c->t, c->id, false);
	cancel_end(c, op->ok && op->changed, op->ok ? NULL : &op->fail);
	store_op_free(op);
}

static struct store_op *cancel_op(
	struct cancel *c, enum job_state to, unsigned from, unsigned set, store_done *done)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);

	if (op == NULL)
		return NULL;
	memcpy(op->edge.values.id, c->id, sizeof(c->id));
	op->edge.from = from;
	op->edge.to = to;
	op->edge.epoch = -1;
	op->edge.set = set;
	op->edge.values.cancel_ms = clock_now_ms();
	op->edge.values.finished_ms = op->edge.values.cancel_ms;
	op->done = done;
	op->arg = c;
	return op;
}

static void cancel_send(struct cancel *c, struct store_op *op)
{
	struct fail f;

	if (op != NULL) {
		store_submit(c->t->options.store, op);
		return;
	}
	(void)fail_set(&f, FAIL_UNAVAILABLE, "cancel job %s: out of memory", c->id);
	cancel_end(c, false, &f);
}

/* First try: it still waits. If not, the intent is noted for what runs. */
static void cancel_waiting(struct store_op *op)
{
	struct cancel *c = op->arg;

	if (op->ok && !op->changed) {
		store_op_free(op);
		cancel_send(c,
			cancel_op(c, JOB_STATE_COUNT, JOB_OPEN, JOB_SET_CANCEL, cancel_intended));
		return;
	}
	if (op->ok)
		cancel_take(c->t, c->id, true);
	cancel_end(c, op->ok, op->ok ? NULL : &op->fail);
	store_op_free(op);
}

/* Is there something to cancel? Else *f says so, or is empty where the job has ended. */
static bool cancellable(struct tracker *t, const char *id, struct fail *f)
{
	struct job_status status;

	if (!store_job_status(t->options.store, id, &status, f))
		return false;
	f->code = FAIL_NONE;
	return (JOB_BIT(status.state) & JOB_OPEN) != 0;
}

void tracker_cancel(struct tracker *t, const char *id, tracker_cancelled *done, void *ctx)
{
	struct fail f = {0};
	struct cancel *c;

	if (!cancellable(t, id, &f)) {
		done(false, f.code == FAIL_NONE ? NULL : &f, ctx);
		return;
	}
	c = malloc(sizeof(*c));
	if (c == NULL) {
		(void)fail_set(&f, FAIL_UNAVAILABLE, "cancel job %s: out of memory", id);
		done(false, &f, ctx);
		return;
	}
	*c = (struct cancel){.t = t, .done = done, .ctx = ctx};
	(void)snprintf(c->id, sizeof(c->id), "%s", id);
	mutex_lock(&t->lock);
	t->in_flight++;
	mutex_unlock(&t->lock);
	cancel_send(c, cancel_op(c, JOB_CANCELLED, JOB_BIT(JOB_QUEUED),
			       JOB_SET_CANCEL | JOB_SET_FINISHED, cancel_waiting));
}

/* decide - see decide.h. */
#include "jobs/decide.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "jobs/account.h"
#include "jobs/errand.h"
#include "jobs/holder.h"
#include "jobs/internal.h"
#include "provider/provider.h"
#include "store/store.h"

struct decide {
	struct tracker *t;
	tracker_decided *done;
	void *ctx;
	char id[ID_SIZE];
};

static const struct choice {
	const char *word;
	enum job_state to;
} choices[] = {
	[JOB_ADOPT] = {"adopt", JOB_RECOVERING},
	[JOB_RESUBMIT] = {"resubmit", JOB_QUEUED},
	[JOB_GIVE_UP] = {"give_up", JOB_FAILED},
};

/* Lock held. One that is busy reads the store when it is not. */
static void go_on(struct tracker *t, struct open_job *e, enum job_state to)
{
	e->failures = 0;
	e->troubled = false; /* the edge took its error away */
	if (e->moved) {      /* decided, too: this is its account now */
		free(e->away);
		e->away = NULL;
		e->moved = e->parked = false;
		e->tried = false; /* nothing was, there */
		e->gone = 0;
		e->refusals = 0;
	}
	e->ambiguous = e->unread = e->goes_on = false;
	e->stale = e->busy != ENTRY_IDLE;
	e->again = e->stale;
	if (!e->stale)
		e->state = to;
	if (to == JOB_RECOVERING)
		tracker_hold(t, e);
	entries_due(&t->entries, e, e->again ? CLOCK_NEVER : clock_mono_ms());
	cond_signal(&t->wake);
}

static void take_over(struct tracker *t, const char *id, enum job_state to)
{
	struct open_job *e;

	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	if (e != NULL && e->busy == ENTRY_IDLE && (JOB_BIT(to) & JOB_TERMINAL))
		tracker_forget(t, e, to);
	else if (e != NULL)
		go_on(t, e, to);
	mutex_unlock(&t->lock);
}

static void decided(struct store_op *op)
{
	struct decide *d = op->arg;
	struct tracker *t = d->t;

	if (op->ok && !op->changed)
		(void)fail_set(&op->fail, FAIL_CONFLICT,
			"job %s has gone on meanwhile: there is nothing to decide", d->id);
	if (op->ok && op->changed)
		take_over(t, d->id, op->edge.to);
	d->done(op->ok && op->changed ? NULL : &op->fail, d->ctx);
	free(d);
	store_op_free(op);
	mutex_lock(&t->lock);
	t->in_flight--;
	cond_broadcast(&t->quiet);
	mutex_unlock(&t->lock);
}

/* --- the edge, with its row of the journal --- */

static char *detail_of(const struct job_decision *decision)
{
	json_t *detail = json_pack(
		"{s:s, s:s*}", "what", choices[decision->choice].word, "remote", decision->remote);
	char *text = detail != NULL ? json_compact(detail, NULL) : NULL;

	json_decref(detail);
	return text;
}

char *decide_adopt_text(const char *remote)
{
	return detail_of(&(struct job_decision){JOB_ADOPT, remote});
}

/* What the other account made is nothing to the next attempt. */
#define JOB_SET_MADE                                                                               \
	(JOB_SET_REMOTE_REF | JOB_SET_REMOTE_NAME | JOB_SET_HANDLE | JOB_SET_CHECKPOINT)

static bool fill_moved(
	struct tracker *t, struct job_edge *edge, const struct job *job, enum job_choice choice)
{
	edge->set |= JOB_SET_ACCOUNT | (choice == JOB_RESUBMIT ? JOB_SET_MADE : 0);
	return account_now(&t->options, job, &edge->values.account);
}

static bool fill(struct tracker *t, struct store_op *op, const struct job *job,
	const struct job_decision *decision, bool moved)
{
	struct job_edge *edge = &op->edge;

	memcpy(edge->values.id, job->id, sizeof(job->id));
	edge->from = JOB_BIT(job->state);
	edge->epoch = job->epoch;
	edge->row.kind = JOURNAL_DECISION;
	edge->row.detail = detail_of(decision);
	if (edge->row.detail == NULL)
		return false;
	if (decision->choice == JOB_GIVE_UP)
		return outcome_failed(op, FAIL_CONFLICT,
			moved ? "given up: it was begun at another account or address"
			      : "given up: nobody could say whether its submission made something");
	edge->to = choices[decision->choice].to;
	edge->set = JOB_SET_DECISION | JOB_SET_ERROR; /* no error any more */
	if (decision->choice == JOB_ADOPT)
		edge->values.decision = detail_of(decision);
	return (decision->choice != JOB_ADOPT || edge->values.decision != NULL) &&
	       (!moved || fill_moved(t, edge, job, decision->choice));
}

static struct store_op *decision_op(struct tracker *t, const struct job *job,
	const struct job_decision *decision, bool moved, struct fail *f)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);

	if (op != NULL && fill(t, op, job, decision, moved))
		return op;
	store_op_free(op);
	(void)fail_set(f, FAIL_UNAVAILABLE, "decide about job %s: out of memory", job->id);
	return NULL;
}

/* --- checks --- */

/* Nobody knows what an adopted stray was asked to be. */
static bool can_be_submitted(const struct job *job, struct fail *f)
{
	json_t *request = json_parse(job->request, strlen(job->request), f);
	bool can = request != NULL && !json_bool_or(request, "adopted", false);

	json_decref(request);
	return can || fail_set(f, FAIL_CONFLICT,
			      "job %s was a stray: what it was asked to do is not known, so it "
			      "cannot be submitted again",
			      job->id);
}

/* Is it away as its account is another one now? */
static bool has_moved(struct tracker *t, const char *id)
{
	const struct open_job *e;
	bool moved;

	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	moved = e != NULL && e->moved;
	mutex_unlock(&t->lock);
	return moved;
}

/* Of a delete there is nothing to be adopted. */
static bool waits_for_it(const struct job *job, enum job_choice choice, bool moved, struct fail *f)
{
	return job->state == JOB_NEEDS_DECISION ||
	       (job->state == JOB_ORPHANED && moved &&
		       (choice != JOB_ADOPT || !errand_is_kind(job->kind))) ||
	       fail_set(f, FAIL_CONFLICT, "job %s is %s: there is nothing to decide", job->id,
		       job_state_word(job->state));
}

/* Does no other job of that kind and account follow it, or has it to its end? */
static bool nobodys(struct tracker *t, const struct job *job, const char *remote, struct fail *f)
{
	struct job other = {0};
	bool free;

	if (!holder_find(&t->options,
		    &(struct job_remote){.provider = job->provider,
			    .name = remote,
			    .interface = job->interface,
			    .kind = job->kind,
			    .but = job->id},
		    job->connection, &other, f))
		return f->code == FAIL_NOT_FOUND;
	free = outcome_left(&other) ||
	       fail_set(f, FAIL_CONFLICT, "'%.200s' is the object of job %s: name another one",
		       remote, other.id);
	job_finish(&other);
	return free;
}

/* The same of those that are about to follow it, of which the store knows nothing yet. */
static bool claim(struct tracker *t, const char *id, uint64_t object, struct fail *f)
{
	struct open_job *e;
	bool free = true;

	mutex_lock(&t->lock);
	for (size_t i = 0; i < t->entries.count && free; i++) {
		e = t->entries.heap[i];
		if (e->adopts == object && strcmp(e->id, id) != 0)
			free = fail_set(f, FAIL_CONFLICT,
				"the object is that of job %s: name another one", e->id);
	}
	e = entries_find(&t->entries, id);
	if (e != NULL && free)
		e->adopts = object;
	mutex_unlock(&t->lock);
	return free;
}

/* Another account may call another object so. */
static uint64_t object_hash(const struct tracker *t, const struct job *job, const char *remote)
{
	char *account = NULL;
	struct buf text;
	uint64_t hash;

	(void)account_now(&t->options, job, &account);
	buf_init(&text, SIZE_MAX);
	buf_printf(&text, "%s\n%s\n%s\n%s\n%s", job->provider, job->interface, job->kind, remote,
		account != NULL ? account : "");
	hash = entry_hash(text.failed ? remote : text.p);
	buf_finish(&text);
	free(account);
	return hash != 0 ? hash : 1;
}

char *decide_taken(struct tracker *t, const char *id, const struct call_result *result)
{
	const char *remote = json_text_or(result->reply, "resource",
		json_text_or(result->reply, "id", NULL)); /* as outcome_edge() keeps them */
	struct job job = {0};
	struct fail f = {0};
	bool free;

	if (remote == NULL || !store_job(t->options.store, id, &job, &f))
		return NULL;
	free = nobodys(t, &job, remote, &f) && claim(t, id, object_hash(t, &job, remote), &f);
	job_finish(&job);
	return free ? NULL : strdup(f.text);
}

static bool check(struct tracker *t, const char *id, const struct job_decision *decision,
	struct job *ret_job, bool *ret_moved, struct fail *f)
{
	if (!store_job(t->options.store, id, ret_job, f)) {
		if (f->code == FAIL_NOT_FOUND)
			(void)fail_set(f, FAIL_NOT_FOUND, "there is no job '%.100s'", id);
		return false;
	}
	*ret_moved = has_moved(t, id);
	return waits_for_it(ret_job, decision->choice, *ret_moved, f) &&
	       (decision->choice != JOB_RESUBMIT || can_be_submitted(ret_job, f)) &&
	       (decision->choice != JOB_ADOPT || nobodys(t, ret_job, decision->remote, f));
}

void tracker_decide(struct tracker *t, const char *id, const struct job_decision *decision,
	tracker_decided *done, void *ctx)
{
	struct decide *d = malloc(sizeof(*d));
	struct store_op *op = NULL;
	struct job job = {0};
	struct fail f = {0};
	bool moved = false;

	if (d == NULL)
		(void)fail_set(&f, FAIL_UNAVAILABLE, "decide about job %s: out of memory", id);
	else if (check(t, id, decision, &job, &moved, &f))
		op = decision_op(t, &job, decision, moved, &f);
	if (op == NULL) {
		job_finish(&job);
		free(d);
		done(&f, ctx);
		return;
	}
	*d = (struct decide){.t = t, .done = done, .ctx = ctx};
	memcpy(d->id, job.id, sizeof(d->id));
	job_finish(&job);
	op->done = decided;
	op->arg = d;
	mutex_lock(&t->lock);
	t->in_flight++;
	mutex_unlock(&t->lock);
	store_submit(t->options.store, op);
}

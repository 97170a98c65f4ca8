/* terms - see terms.h. */
#include "jobs/terms.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "jobs/job.h"
#include "jobs/tracker.h"
#include "provider/provider.h"
#include "store/ledger.h"
#include "store/store.h"

/* What the manifest says now. */
static void read_manifest(const struct job *job, const struct provider *p, struct terms *terms)
{
	*terms = (struct terms){
		.settle_ms = provider_settle_ms(p, job->interface, "submit", job->kind)};
	(void)snprintf(terms->idempotency, sizeof(terms->idempotency), "%s",
		provider_idempotency(p, job->interface, "submit", job->kind));
	provider_derived_name(
		p, job->interface, "submit", job->submission, terms->name, sizeof(terms->name));
}

static json_t *kept_of(const struct job *job)
{
	struct fail f;

	return job->terms != NULL ? json_parse(job->terms, strlen(job->terms), &f) : NULL;
}

static void keep_name(const json_t *kept, struct terms *terms)
{
	const char *name = json_text_or(kept, "name", NULL);

	if (name != NULL)
		(void)snprintf(terms->name, sizeof(terms->name), "%s", name);
}

static void weaken(struct terms *terms)
{
	(void)snprintf(terms->idempotency, sizeof(terms->idempotency), "none");
	terms->settle_ms = -1;
	terms->changed = true;
}

static bool same_class(const json_t *kept, const struct terms *terms)
{
	return strcmp(json_text_or(kept, "class", terms->idempotency), terms->idempotency) == 0;
}

void terms_of(const struct job *job, const struct provider *p, struct terms *ret_terms)
{
	json_t *kept = kept_of(job);
	int64_t settle_ms;

	read_manifest(job, p, ret_terms);
	settle_ms = json_int_or(kept, "settle_ms", ret_terms->settle_ms);
	keep_name(kept, ret_terms);
	if (!same_class(kept, ret_terms))
		weaken(ret_terms);
	else if (settle_ms < 0 || (ret_terms->settle_ms >= 0 && settle_ms > ret_terms->settle_ms))
		ret_terms->settle_ms = settle_ms;
	json_decref(kept);
}

static char *text_of(const struct terms *terms)
{
	json_t *text = json_pack("{s:s, s:s, s:I}", "name", terms->name, "class",
		terms->idempotency, "settle_ms", (json_int_t)terms->settle_ms);
	char *made = text != NULL ? json_compact(text, NULL) : NULL;

	json_decref(text);
	return made;
}

bool terms_now(const struct tracker_options *o, const struct job *job, char **ret_text)
{
	bool flow = strcmp(job->interface, "davit.flow") == 0;
	const struct provider *p = flow ? NULL : providers_find(o->providers, job->provider);
	struct terms terms;

	*ret_text = NULL;
	if (p == NULL)
		return true;
	read_manifest(job, p, &terms);
	*ret_text = text_of(&terms);
	return *ret_text != NULL;
}

/* Has nothing of this job ever left the machine? Not known: no. */
static bool is_unsent(struct store *s, const struct job *job)
{
	struct ledger l = {0};
	struct fail f;
	bool unsent;

	if (job->epoch > 1 || !ledger_read(s, job->id, job->epoch, false, &l, &f))
		return false;
	unsent = l.count == 0;
	ledger_finish(&l);
	return unsent;
}

/* What was found out of the attempts before counts no more; what is gone on with is of both plugin
 * files then. */
static void next_terms(struct store *s, const struct job *job, const struct provider *p,
	bool goes_on, struct terms *next)
{
	json_t *kept = kept_of(job);

	read_manifest(job, p, next);
	if (kept != NULL) {
		if (goes_on && !same_class(kept, next))
			weaken(next);
		if (strcmp(json_text_or(kept, "name", next->name), next->name) != 0 &&
			!is_unsent(s, job))
			keep_name(kept, next);
	}
	json_decref(kept);
}

static bool write_terms(struct store *s, const struct job *job, const char *text, struct fail *f)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);
	bool ok;

	if (op == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "submit job %s: out of memory", job->id);
	memcpy(op->edge.values.id, job->id, sizeof(job->id));
	op->edge.from = JOB_BIT(JOB_SUBMITTING);
	op->edge.to = JOB_STATE_COUNT;
	op->edge.epoch = job->epoch;
	op->edge.set = JOB_SET_TERMS;
	op->edge.values.terms = strdup(text);
	ok = op->edge.values.terms != NULL
	             ? store_run(s, op, f)
	             : fail_set(f, FAIL_UNAVAILABLE, "submit job %s: out of memory", job->id);
	if (ok && !op->changed)
		ok = fail_set(f, FAIL_CONFLICT, "job %s has another submission now", job->id);
	store_op_free(op);
	return ok;
}

bool terms_begin(
	struct store *s, struct job *job, const struct provider *p, bool goes_on, struct fail *f)
{
	struct terms next;
	char *text;

	next_terms(s, job, p, goes_on, &next);
	text = text_of(&next);
	if (text == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "submit job %s: out of memory", job->id);
	if (job->terms != NULL && strcmp(job->terms, text) == 0) {
		free(text);
		return true;
	}
	if (!write_terms(s, job, text, f)) {
		free(text);
		return false;
	}
	free(job->terms);
	job->terms = text;
	return true;
}

/* call_journal - see call_journal.h. */
#include "provider/call_journal.h"

#include <assert.h>
#include <davit/abi.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/killpoint.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "store/store.h"

#define HTTP_CONFLICT 409

bool call_journal_open(struct call *c, bool goes_on)
{
	c->journal = calloc(1, sizeof(*c->journal));
	if (c->journal == NULL)
		return false;
	c->journal->goes_on = goes_on;
	return true;
}

void call_journal_finish(struct call *c)
{
	if (c->journal == NULL)
		return;
	ledger_finish(&c->journal->ledger);
	free(c->journal);
	c->journal = NULL;
}

struct call_trace call_journal_trace(const struct call_journal *j)
{
	struct call_trace trace = j->trace;

	trace.left = j->goes_on && !j->loaded;
	for (size_t i = 0; i < j->ledger.count; i++) {
		const struct ledger_entry *e = &j->ledger.entries[i];

		if (e->state != LEDGER_DONE || e->used)
			continue;
		if (e->covered)
			trace.covered = true;
		else
			trace.left = true;
	}
	return trace;
}

static struct store *store_of(const struct call *c)
{
	return c->provider->all->host.store;
}

/* --- what was done before --- */

/* Ends of changes are not waited for: what was given to the store before this is readable after it.
 */
static bool settle(struct call *c, struct fail *f)
{
	struct store_op *op = store_op_new(STORE_JOURNAL, false);
	bool ok;

	if (op == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	memcpy(op->journal.job, c->job, sizeof(op->journal.job));
	op->journal.kind = JOURNAL_NOTE;
	op->journal.from = JOB_BIT(JOB_STATE_COUNT); /* no job is: nothing is written */
	ok = store_run(store_of(c), op, f);
	store_op_free(op);
	return ok;
}

static int32_t diverged(struct call *c, const struct ledger_entry *e, const char *what)
{
	c->journal->trace.diverged = true;
	return service_refuse(c, DAVIT_INTERNAL, "the change %lld (%s) of an attempt before %s",
		(long long)e->k, json_text_or(e->sent, "operation", "?"), what);
}

/* What a checkpoint told the provider needs not be asked for again. */
static int32_t load(struct call *c)
{
	struct call_journal *j = c->journal;
	struct fail f = {0};

	if (j->trace.diverged)
		return DAVIT_INTERNAL;
	if (j->loaded || !j->goes_on)
		return DAVIT_OK;
	if (!settle(c, &f) || !ledger_read(store_of(c), c->job, c->epoch, true, &j->ledger, &f)) {
		call_keep_reason(&c->service_fail, &f);
		c->service_code = DAVIT_RETRY;
		return DAVIT_RETRY;
	}
	j->loaded = true;
	for (size_t i = 0; i < j->ledger.count; i++) {
		const struct ledger_entry *e = &j->ledger.entries[i];

		if (e->state == LEDGER_DONE && e->k > j->k)
			j->k = e->k; /* numbers of what had no effect are used again */
	}
	if (ledger_unclear(&j->ledger) != NULL)
		return diverged(c, ledger_unclear(&j->ledger), "is unclear");
	return DAVIT_OK;
}

static bool is_same(const struct ledger_entry *e, const struct mutation_wish *wish)
{
	return wish->print[0] != '\0' &&
	       strcmp(json_text_or(e->sent, "fingerprint", ""), wish->print) == 0 &&
	       strcmp(json_text_or(e->sent, "operation", ""), wish->operation) == 0;
}

/* It is done again rather than answered: see struct mutation_wish. */
static bool is_repeatable(const struct ledger_entry *e)
{
	return json_text_or(e->sent, "method", "")[0] == '\0';
}

/* The next one that was done and the provider knows nothing of, or NULL. */
static struct ledger_entry *next_done(struct ledger *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct ledger_entry *e = &l->entries[i];

		if (e->state == LEDGER_DONE && !e->covered && !e->used && !is_repeatable(e))
			return e;
	}
	return NULL;
}

/* One that a checkpoint tells of, and which is asked for all the same. */
static struct ledger_entry *covered(struct ledger *l, const struct mutation_wish *wish)
{
	for (size_t i = 0; i < l->count; i++) {
		struct ledger_entry *e = &l->entries[i];

		if (e->covered && !e->used && e->kept && is_same(e, wish))
			return e;
	}
	return NULL;
}

static void use_repeated(struct ledger *l, const struct mutation_wish *wish)
{
	for (size_t i = 0; i < l->count; i++) {
		if (is_same(&l->entries[i], wish))
			l->entries[i].used = true;
	}
}

/* The one that was done already, or NULL; false: it is another one that should be. */
static bool find_done(struct call *c, const struct mutation_wish *wish, struct ledger_entry **ret)
{
	struct ledger *l = &c->journal->ledger;
	struct ledger_entry *next = next_done(l);

	*ret = NULL;
	if (wish->method[0] == '\0') {
		use_repeated(l, wish);
		return true;
	}
	*ret = next != NULL && next->kept && is_same(next, wish) ? next : covered(l, wish);
	if (*ret != NULL)
		(*ret)->used = true;
	return *ret != NULL || next == NULL;
}

/* --- what is to be sent --- */

static struct store_op *row_new(
	const struct call *c, enum journal_kind kind, int64_t k, int64_t status, json_t *detail)
{
	struct store_op *op = store_op_new(STORE_JOURNAL, true);

	if (op != NULL) {
		memcpy(op->journal.job, c->job, sizeof(op->journal.job));
		op->journal.kind = kind;
		op->journal.epoch = c->epoch;
		op->journal.k = k;
		op->journal.status = status;
		op->journal.detail = detail != NULL ? json_compact(detail, NULL) : NULL;
	}
	if (op != NULL && detail != NULL && op->journal.detail == NULL) {
		store_op_free(op);
		op = NULL;
	}
	json_decref(detail);
	return op;
}

static struct store_op *row_sent(const struct call *c, const struct mutation_wish *wish, int64_t k)
{
	json_t *detail = json_pack("{s:s, s:s, s:s, s:s}", "operation", wish->operation, "method",
		wish->method, "target", wish->target, "fingerprint", wish->print);
	struct store_op *op;

	if (detail == NULL)
		return NULL;
	op = row_new(c, JOURNAL_SENT, k, 0, detail);
	if (op != NULL)
		op->journal.from = JOB_BIT(JOB_SUBMITTING);
	return op;
}

int32_t call_journal_plan(
	struct call *c, const struct mutation_wish *wish, struct mutation *ret_mutation)
{
	struct call_journal *j = c->journal;
	struct ledger_entry *e;
	int32_t code;

	*ret_mutation = (struct mutation){0};
	if (j == NULL)
		return DAVIT_OK;
	code = load(c);
	if (code != DAVIT_OK)
		return code;
	if (!find_done(c, wish, &e))
		return diverged(
			c, next_done(&j->ledger), "was done, and this attempt asks for another");
	if (e != NULL) {
		j->trace.done++;
		j->trace.refused = j->trace.conflict = false;
		*ret_mutation = (struct mutation){.k = e->k, .before = e};
		return DAVIT_OK;
	}
	if (j->k >= CALL_JOURNAL_MAX) {
		j->trace.diverged = true;
		return service_refuse(c, DAVIT_INTERNAL,
			"a submission may make %d changes, and this is one more", CALL_JOURNAL_MAX);
	}
	*ret_mutation = (struct mutation){.k = ++j->k, .op = row_sent(c, wish, j->k)};
	return ret_mutation->op != NULL ? DAVIT_OK
	                                : service_refuse(c, DAVIT_RETRY, "out of memory");
}

void call_journal_drop(struct mutation *m)
{
	store_op_free(m->op);
	m->op = NULL;
}

static void forget(struct store_op *op)
{
	store_op_free(op);
}

static void submit(struct call *c, struct store_op *op)
{
	op->done = forget;
	store_submit(store_of(c), op);
}

/* None of them leaves after all, but some are written down. */
static void take_back(struct call *c, const struct mutation *ms, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct store_op *op = ms[i].op != NULL && ms[i].op->ok && ms[i].op->changed
		                              ? row_new(c, JOURNAL_UNSENT, ms[i].k, 0, NULL)
		                              : NULL;

		if (op != NULL)
			submit(c, op);
	}
}

/* The store may have some of them and not others: it wrote them in more than one go. */
static int32_t look_at_all(struct call *c, const struct mutation *ms, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (ms[i].op != NULL && !ms[i].op->changed)
			return service_refuse(
				c, DAVIT_CANCELLED, "the job has gone on without this submission");
	}
	return DAVIT_OK;
}

int32_t call_journal_send(struct call *c, struct mutation *ms, size_t count)
{
	struct store_op *ops[CALL_JOURNAL_AT_ONCE];
	struct fail f = {0};
	int32_t code = DAVIT_OK;
	size_t n = 0;

	assert(count <= CALL_JOURNAL_AT_ONCE);
	for (size_t i = 0; i < count; i++) {
		if (ms[i].op != NULL)
			ops[n++] = ms[i].op;
	}
	if (n > 0 && !store_run_all(store_of(c), ops, n, &f)) {
		call_keep_reason(&c->service_fail, &f);
		c->service_code = code = DAVIT_RETRY;
	} else if (n > 0) {
		code = look_at_all(c, ms, count);
	}
	if (code != DAVIT_OK)
		take_back(c, ms, count);
	for (size_t i = 0; i < count; i++)
		call_journal_drop(&ms[i]);
	return code;
}

static void count_end(struct call_trace *t, enum journal_kind kind, int64_t status)
{
	if (kind == JOURNAL_UNCLEAR) {
		t->unclear++;
	} else if (kind == JOURNAL_ANSWERED) {
		t->refused = ledger_state_of(status) == LEDGER_REFUSED;
		t->conflict = status == HTTP_CONFLICT;
		t->done += ledger_state_of(status) == LEDGER_DONE;
	}
}

void call_journal_ended(struct call *c, const struct mutation *m, const struct mutation_end *end)
{
	struct store_op *op;

	if (c->journal == NULL || m->k == 0 || m->before != NULL) {
		json_decref(end->detail);
		return;
	}
	count_end(&c->journal->trace, end->kind, end->status);
	op = row_new(c, end->kind, m->k, end->status, end->detail);
	if (op == NULL)
		return;
	op->journal.repeats = end->repeats;
	submit(c, op);
}

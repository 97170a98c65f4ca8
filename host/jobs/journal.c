/* journal - see journal.h. */
#include "jobs/journal.h"

#include <davit/abi.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "jobs/internal.h"
#include "provider/codes.h"
#include "provider/provider.h"
#include "store/ledger.h"
#include "store/store.h"

#define SENTENCE_MAX 4096

/* Of calls that are counted a kill loses so many, or those of so long, at most. */
enum {
	DUE_CALLS = 100,
	DUE_MS = 600000,
	DUE_SPREAD_MS = 120000
};

/* --- reading --- */

/* One that cannot be read says nothing: what was done must be found out. False: try again. */
static bool read_ledger(
	struct store *s, const char *id, int64_t epoch, enum ledger_says *ret_says, bool *ret_ran)
{
	struct ledger l;
	struct fail f = {0};

	*ret_says = LEDGER_SAYS_UNCLEAR;
	*ret_ran = false;
	if (ledger_read(s, id, epoch, false, &l, &f)) {
		*ret_says = ledger_says(&l);
		*ret_ran = l.ran;
		ledger_finish(&l);
		return true;
	}
	log_error("JOB-JOURNAL", "job=%s its journal cannot be read: %s", id, f.text);
	return f.code != FAIL_UNAVAILABLE;
}

struct open_job *journal_consult(struct tracker *t, struct open_job *e)
{
	enum job_state state = e->state;
	int64_t epoch = e->epoch;
	enum ledger_says says;
	char id[ID_SIZE];
	bool read, ran;

	memcpy(id, e->id, sizeof(id));
	mutex_unlock(&t->lock);
	read = read_ledger(t->options.store, id, epoch, &says, &ran);
	mutex_lock(&t->lock);
	e = entries_find(&t->entries, id);
	if (e == NULL || e->busy != ENTRY_IDLE)
		return NULL;
	if (!read) {
		tracker_back_off(t, e);
		return NULL;
	}
	if (e->state != state || e->epoch != epoch) {
		tracker_later(t, e, 0);
		return NULL;
	}
	e->unread = false;
	e->ambiguous = says == LEDGER_SAYS_UNCLEAR;
	e->goes_on = says == LEDGER_SAYS_DONE;
	e->ran = ran;
	return e;
}

void journal_moved(struct open_job *e, enum job_state to, bool new_epoch)
{
	e->ambiguous = false;
	e->goes_on = false;
	e->unread = (e->state == JOB_ORPHANED && to == JOB_RECOVERING) ||
	            (to == JOB_SUBMITTING && !new_epoch);
}

/* --- what is said of calls --- */

/* {"slot", "code", "why"?, "first_ms"} */
static struct store_journal row_of(const struct tally *tally, const char *why)
{
	struct store_journal row = {.kind = JOURNAL_NONE,
		.epoch = -1,
		.times = tally->count,
		.repeats = tally->repeats,
		.goes_on = tally->told};
	json_t *detail;

	if (tally->count == 0)
		return row;
	detail = json_pack("{s:s, s:s, s:s*, s:I}", "slot",
		job_action_slot((enum job_action)tally->action), "code", codes_word(tally->code),
		"why", why, "first_ms", (json_int_t)tally->first_ms);
	row.detail = detail != NULL ? json_compact(detail, NULL) : NULL;
	json_decref(detail);
	if (row.detail != NULL)
		row.kind = JOURNAL_CALL;
	return row;
}

static uint16_t more(uint16_t n, unsigned by)
{
	return by < (unsigned)(UINT16_MAX - n) ? (uint16_t)(n + by) : UINT16_MAX;
}

void journal_count(struct open_job *e, enum job_action action, const struct call_result *result,
	struct store_journal *ret_before)
{
	struct tally *tally = &e->tally;
	bool same = tally->action == action && tally->code == (int16_t)result->code;

	*ret_before = (struct store_journal){.kind = JOURNAL_NONE};
	if (!same) {
		*ret_before = row_of(tally, NULL);
		*tally = (struct tally){0};
	}
	if (tally->count == 0)
		tally->first_ms = clock_now_ms();
	tally->action = (uint8_t)action;
	tally->code = (int16_t)result->code;
	tally->count = more(tally->count, 1);
	tally->repeats = more(tally->repeats, result->repeats);
}

struct store_journal journal_counted(struct open_job *e)
{
	struct store_journal row = row_of(&e->tally, NULL);

	e->tally = (struct tally){0};
	return row;
}

/* What is counted is told now. */
static struct store_journal tell(struct tally *tally, const char *why)
{
	struct store_journal row = row_of(tally, why);

	tally->count = tally->repeats = 0;
	tally->told = true;
	return row;
}

struct store_journal journal_told(struct open_job *e, const struct call_result *result)
{
	return tell(&e->tally, result->code != DAVIT_OK ? result->fail.text : NULL);
}

/* Jobs that began together do not write together for ever. */
struct store_journal journal_due(struct open_job *e)
{
	int64_t wait_ms = DUE_MS - (int64_t)((uint64_t)e->phase * DUE_SPREAD_MS >> 32);
	int64_t age_ms = clock_now_ms() - e->tally.first_ms;

	if (e->tally.count == 0 || (e->tally.count < DUE_CALLS && age_ms >= 0 && age_ms < wait_ms))
		return (struct store_journal){.kind = JOURNAL_NONE};
	return tell(&e->tally, NULL);
}

struct store_journal journal_news(struct open_job *e, const struct call_result *result)
{
	return result->code == DAVIT_OK || e->tally.told ? journal_due(e) : journal_told(e, result);
}

struct store_journal journal_found(struct open_job *e, const struct call_result *result, bool found)
{
	struct store_journal row = {.kind = found ? JOURNAL_FOUND : JOURNAL_MISSING, .epoch = -1};
	json_t *detail = found ? json_pack("{s:O*}", "ref", json_object_get(result->reply, "ref"))
	                       : json_pack("{s:s}", "why", result->fail.text);

	row.detail = detail != NULL ? json_compact(detail, NULL) : NULL;
	json_decref(detail);
	e->tally.count = e->tally.repeats = 0; /* this says more */
	return row;
}

static void forget(struct store_op *op)
{
	store_op_free(op);
}

void journal_write(struct store *s, const char *job, struct store_journal *row)
{
	struct store_op *op = row->kind != JOURNAL_NONE ? store_op_new(STORE_JOURNAL, false) : NULL;

	if (op == NULL) {
		free(row->detail);
		return;
	}
	op->journal = *row;
	memcpy(op->journal.job, job, sizeof(op->journal.job));
	op->done = forget;
	store_submit(s, op);
}

/* A kill may come at once, and then this is all that tells of the call. */
void journal_begins(struct store *s, const char *job, int64_t epoch, const char *slot)
{
	struct store_op *op = store_op_new(STORE_JOURNAL, false);
	json_t *detail = json_pack("{s:s}", "slot", slot);
	struct fail f = {0};

	if (op != NULL) {
		memcpy(op->journal.job, job, sizeof(op->journal.job));
		op->journal.kind = JOURNAL_CALL;
		op->journal.epoch = epoch;
		op->journal.detail = detail != NULL ? json_compact(detail, NULL) : NULL;
	}
	json_decref(detail);
	if (op != NULL && op->journal.detail != NULL && !store_run(s, op, &f))
		log_warn("JOB-JOURNAL", "job=%s that its %s begins cannot be written: %s", job,
			slot, f.text);
	store_op_free(op);
}

/* --- what a person is asked --- */

static void put_unclear(struct buf *out, const struct ledger_entry *e)
{
	const char *operation = json_text_or(e->sent, "operation", "?");
	const char *target = json_text_or(e->sent, "target", "the other side");
	char when[CLOCK_TEXT_SIZE];

	buf_printf(out,
		"it is not known whether mutation %" PRId64 " of its submission (%.*s, sent to "
		"%.*s at %s) was done",
		e->k, utf8_fit(operation, 100), operation, utf8_fit(target, 500), target,
		clock_text_rfc3339(e->time_ms, when));
}

char *journal_dilemma(struct store *s, const char *job, int64_t epoch, const char *why)
{
	struct ledger l = {0};
	const struct ledger_entry *unclear = NULL;
	struct fail f;
	struct buf out;

	if (ledger_read(s, job, epoch, false, &l, &f))
		unclear = ledger_unclear(&l);
	buf_init(&out, SENTENCE_MAX);
	if (unclear != NULL)
		put_unclear(&out, unclear);
	else
		buf_text(&out, "it is not known what its submission made");
	buf_printf(&out,
		": %.*s. Look there, then say 'davit decide %s' with --adopt REMOTE for what it "
		"made, --resubmit if it made nothing, or --give-up",
		utf8_fit(why, 1000), why, job);
	ledger_finish(&l);
	return buf_take(&out, NULL);
}

/* ledger - see ledger.h. */
#include "store/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "store/store.h"

struct reading {
	struct ledger l;
	bool answers; /* are read; else one that is there is one that was kept */
	bool failed;  /* no memory */
};

static void entry_finish(struct ledger_entry *e)
{
	json_decref(e->sent);
	json_decref(e->answer);
	*e = (struct ledger_entry){0};
}

void ledger_finish(struct ledger *l)
{
	for (size_t i = 0; i < l->count; i++)
		entry_finish(&l->entries[i]);
	free(l->entries);
	*l = (struct ledger){.epoch = l->epoch};
}

enum ledger_state ledger_state_of(int64_t status)
{
	if (status >= 200 && status <= 299)
		return LEDGER_DONE;
	return status >= 400 && status <= 499 && status != 408 ? LEDGER_REFUSED : LEDGER_UNCLEAR;
}

static struct ledger_entry *entry_of(struct ledger *l, int64_t k)
{
	if (k > l->last_k) /* as most are */
		return NULL;
	for (size_t i = l->count; i-- > 0;) {
		if (l->entries[i].k == k)
			return &l->entries[i];
	}
	return NULL;
}

static bool make_room(struct ledger *l)
{
	size_t room = l->room > 0 ? 2 * l->room : 8;
	struct ledger_entry *more;

	if (l->count < l->room)
		return true;
	more = realloc(l->entries, room * sizeof(struct ledger_entry));
	if (more == NULL)
		return false;
	l->entries = more;
	l->room = room;
	return true;
}

static struct ledger_entry *entry_new(struct reading *r, int64_t k)
{
	if (!make_room(&r->l)) {
		r->failed = true;
		return NULL;
	}
	r->l.last_k = k > r->l.last_k ? k : r->l.last_k;
	r->l.entries[r->l.count] = (struct ledger_entry){.k = k};
	return &r->l.entries[r->l.count++];
}

/* Details of a row are ours: what cannot be read is as if it were not there. */
static json_t *detail_of(const struct store_journal *row)
{
	struct fail f;

	return row->detail != NULL ? json_parse(row->detail, strlen(row->detail), &f) : NULL;
}

static void read_edge(struct reading *r, const struct store_journal *row)
{
	json_t *detail = detail_of(row);
	const char *to = json_text_or(detail, "to", "");

	r->l.begun = r->l.begun || strcmp(to, job_state_word(JOB_SUBMITTING)) == 0;
	r->l.ran = r->l.ran || strcmp(to, job_state_word(JOB_RUNNING)) == 0;
	json_decref(detail);
}

static void read_sent(struct reading *r, const struct store_journal *row)
{
	struct ledger_entry *e = entry_of(&r->l, row->k);

	if (e == NULL)
		e = entry_new(r, row->k);
	if (e == NULL)
		return;
	entry_finish(e);
	*e = (struct ledger_entry){.k = row->k, .time_ms = row->time_ms, .sent = detail_of(row)};
}

static void read_end(struct reading *r, const struct store_journal *row)
{
	struct ledger_entry *e = entry_of(&r->l, row->k);

	if (e == NULL && row->kind != JOURNAL_UNSENT) /* it left, though its begin is not there */
		e = entry_new(r, row->k);
	if (e == NULL)
		return;
	if (row->kind == JOURNAL_UNSENT) {
		e->state = LEDGER_UNSENT;
		return;
	}
	e->state = LEDGER_UNCLEAR;
	e->status = row->status;
	if (row->kind != JOURNAL_ANSWERED)
		return;
	e->state = ledger_state_of(row->status);
	e->answer = detail_of(row);
	e->kept = e->state == LEDGER_DONE &&
	          (e->answer != NULL ? json_bool_or(e->answer, "kept", false)
				     : row->has_detail && !r->answers);
}

/* What came before is void: another attempt begins. */
static void read_end_of_all(struct reading *r, const struct store_journal *row)
{
	(void)row;
	ledger_finish(&r->l);
}

static void read_checkpoint(struct reading *r, const struct store_journal *row)
{
	(void)row;
	for (size_t i = 0; i < r->l.count; i++)
		r->l.entries[i].covered = r->l.entries[i].state == LEDGER_DONE;
}

static bool read_row(const struct store_journal *row, void *ctx)
{
	static void (*const kinds[JOURNAL_KIND_COUNT])(
		struct reading * r, const struct store_journal *row) = {
		[JOURNAL_EDGE] = read_edge,
		[JOURNAL_SENT] = read_sent,
		[JOURNAL_UNSENT] = read_end,
		[JOURNAL_ANSWERED] = read_end,
		[JOURNAL_UNCLEAR] = read_end,
		[JOURNAL_CHECKPOINT] = read_checkpoint,
		[JOURNAL_MISSING] = read_end_of_all,
		[JOURNAL_DECISION] = read_end_of_all,
	};
	struct reading *r = ctx;

	if (kinds[row->kind] != NULL)
		kinds[row->kind](r, row);
	return !r->failed;
}

bool ledger_read(struct store *s, const char *job, int64_t epoch, bool answers,
	struct ledger *ret_ledger, struct fail *f)
{
	struct reading r = {.l = {.epoch = epoch}, .answers = answers};
	bool ok = store_journal_attempt(s, job, epoch, answers, read_row, &r, f);

	if (ok && r.failed)
		ok = fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	if (!ok)
		ledger_finish(&r.l);
	*ret_ledger = r.l;
	return ok;
}

static bool is_unclear(const struct ledger_entry *e)
{
	return e->state == LEDGER_SENT || e->state == LEDGER_UNCLEAR;
}

const struct ledger_entry *ledger_unclear(const struct ledger *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (is_unclear(&l->entries[i]))
			return &l->entries[i];
	}
	return NULL;
}

enum ledger_says ledger_says(const struct ledger *l)
{
	enum ledger_says says = LEDGER_SAYS_NOTHING;

	if (!l->begun || l->ran || ledger_unclear(l) != NULL)
		return LEDGER_SAYS_UNCLEAR;
	for (size_t i = 0; i < l->count; i++) {
		const struct ledger_entry *e = &l->entries[i];

		if (e->state == LEDGER_DONE && !e->kept && !e->covered)
			return LEDGER_SAYS_UNCLEAR;
		if (e->state == LEDGER_DONE)
			says = LEDGER_SAYS_DONE;
	}
	return says;
}

/* store_journal_test - what happened to a job: in order, with the edge it belongs to, of the right
 * submission attempt only. */
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "store/ledger.h"
#include "store/sqlite.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

#define SUBMITTING JOB_BIT(JOB_SUBMITTING)

struct seen {
	struct store_journal rows[8];
	size_t count;
	size_t most; /* then it stops */
};

static bool see(const struct store_journal *row, void *ctx)
{
	struct seen *seen = ctx;

	if (seen->count < COUNT(seen->rows)) {
		seen->rows[seen->count] = *row;
		seen->rows[seen->count].detail = row->detail != NULL ? strdup(row->detail) : NULL;
	}
	seen->count++;
	return seen->count != seen->most;
}

static struct seen look(struct store *s, unsigned n, int64_t after, size_t limit, size_t most)
{
	struct seen seen = {.most = most};
	char id[ID_SIZE];

	assert_true(store_journal(s, kit_id(id, n), after, limit, see, &seen, NULL));
	return seen;
}

static void forget(struct seen *seen)
{
	for (size_t i = 0; i < COUNT(seen->rows); i++)
		free(seen->rows[i].detail);
}

static struct store_op *row(unsigned n, enum journal_kind kind, int64_t k, const char *detail)
{
	struct store_op *op = store_op_new(STORE_JOURNAL, true);

	assert_non_null(op);
	kit_id(op->journal.job, n);
	op->journal.kind = kind;
	op->journal.k = k;
	op->journal.detail = detail != NULL ? strdup(detail) : NULL;
	return op;
}

static void write_row(struct store *s, unsigned n, enum journal_kind kind, int64_t k)
{
	assert_int_equal(kit_run(s, row(n, kind, k, NULL), NULL), FAIL_NONE);
}

static void expect_text(const char *detail, const char *member, const char *text)
{
	struct fail f;
	json_t *v = json_parse(detail, strlen(detail), &f);

	assert_non_null(v);
	if (text != NULL)
		assert_string_equal(json_string_value(json_object_get(v, member)), text);
	else
		assert_null(json_object_get(v, member));
	json_decref(v);
}

static void an_edge_writes_its_row_with_itself(void **state)
{
	struct kit_room *r = *state;
	struct store_op *op;
	struct seen seen;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	seen = look(r->store, 1, 0, 0, 0);
	assert_int_equal(seen.count, 0); /* accepting a job costs no row */
	op = kit_edge(1, JOB_OPEN, JOB_SUBMITTING, JOB_SET_EPOCH);
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	op = kit_edge(1, JOB_OPEN, JOB_STATE_COUNT, JOB_SET_PROGRESS); /* moves nothing */
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	op = kit_edge(1, JOB_OPEN, JOB_FAILED, JOB_SET_FINISHED | JOB_SET_ERROR);
	op->edge.values.error = strdup("it broke");
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	seen = look(r->store, 1, 0, 0, 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.rows[0].kind, JOURNAL_EDGE);
	assert_int_equal(seen.rows[0].seq, 1);
	assert_int_equal(seen.rows[0].epoch, 1);
	assert_true(seen.rows[0].time_ms > 0);
	expect_text(seen.rows[0].detail, "from", "queued");
	expect_text(seen.rows[0].detail, "to", "submitting");
	expect_text(seen.rows[0].detail, "why", NULL);
	assert_int_equal(seen.rows[1].seq, 2);
	expect_text(seen.rows[1].detail, "to", "failed");
	expect_text(seen.rows[1].detail, "why", "it broke");
	forget(&seen);
}

static void an_edge_that_is_refused_writes_no_row(void **state)
{
	struct kit_room *r = *state;
	struct store_op *op;
	bool changed = true;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	op = kit_edge(1, JOB_BIT(JOB_RUNNING), JOB_RECOVERING, JOB_SET_CANCEL);
	op->edge.row = (struct store_journal){.kind = JOURNAL_DECISION};
	assert_int_equal(kit_run(r->store, op, &changed), FAIL_NONE);
	assert_false(changed);
	assert_int_equal(look(r->store, 1, 0, 0, 0).count, 0);
}

static void what_an_edge_sets_and_brings_has_rows(void **state)
{
	static const enum journal_kind kinds[] = {
		JOURNAL_CANCEL, JOURNAL_CHECKPOINT, JOURNAL_DECISION, JOURNAL_EDGE};
	struct kit_room *r = *state;
	struct store_op *op;
	struct seen seen;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	op = kit_edge(1, JOB_OPEN, JOB_SUBMITTING, JOB_SET_CANCEL | JOB_SET_CHECKPOINT);
	op->edge.row = (struct store_journal){
		.kind = JOURNAL_DECISION, .detail = strdup("{\"what\":\"resubmit\"}")};
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	seen = look(r->store, 1, 0, 0, 0);
	assert_int_equal(seen.count, COUNT(kinds));
	for (size_t i = 0; i < COUNT(kinds); i++) {
		assert_int_equal(seen.rows[i].kind, kinds[i]);
		assert_int_equal(seen.rows[i].seq, i + 1);
	}
	expect_text(seen.rows[2].detail, "what", "resubmit");
	forget(&seen);
}

static void answers_are_kept_until_the_job_runs(void **state)
{
	struct kit_room *r = *state;
	struct seen seen;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	assert_int_equal(
		kit_run(r->store, kit_edge(1, JOB_OPEN, JOB_SUBMITTING, 0), NULL), FAIL_NONE);
	assert_int_equal(kit_run(r->store, row(1, JOURNAL_SENT, 1, "{\"a\":1}"), NULL), FAIL_NONE);
	assert_int_equal(
		kit_run(r->store, row(1, JOURNAL_ANSWERED, 1, "{\"kept\":true}"), NULL), FAIL_NONE);
	assert_int_equal(
		kit_run(r->store, kit_edge(1, JOB_OPEN, JOB_RECOVERING, 0), NULL), FAIL_NONE);
	seen = look(r->store, 1, 2, 2, 0);
	assert_int_equal(seen.rows[0].kind, JOURNAL_ANSWERED);
	assert_non_null(seen.rows[0].detail);
	forget(&seen);
	assert_int_equal(kit_run(r->store, kit_edge(1, JOB_OPEN, JOB_RUNNING, 0), NULL), FAIL_NONE);
	seen = look(r->store, 1, 1, 2, 0);
	assert_non_null(seen.rows[0].detail);
	assert_int_equal(seen.rows[1].kind, JOURNAL_ANSWERED);
	assert_null(seen.rows[1].detail);
	forget(&seen);
}

static void of_a_job_that_ended_no_answer_is_kept(void **state)
{
	static const enum job_state ends[] = {JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED};
	struct kit_room *r = *state;

	for (unsigned n = 1; n <= COUNT(ends); n++) {
		struct store_op *op = row(n, JOURNAL_ANSWERED, 1, "{\"kept\":true}");
		struct seen seen;

		op->journal.repeats = 2;
		assert_int_equal(kit_run(r->store, kit_add(n), NULL), FAIL_NONE);
		assert_int_equal(kit_run(r->store, kit_edge(n, JOB_OPEN, JOB_SUBMITTING, 0), NULL),
			FAIL_NONE);
		write_row(r->store, n, JOURNAL_SENT, 1);
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
		op = kit_edge(n, JOB_OPEN, ends[n - 1], JOB_SET_FINISHED);
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
		seen = look(r->store, n, 0, 0, 0);
		assert_int_equal(seen.count, 4); /* the rows stay */
		assert_int_equal(seen.rows[2].kind, JOURNAL_ANSWERED);
		assert_null(seen.rows[2].detail);
		assert_int_equal(seen.rows[2].repeats, 2);
		assert_non_null(seen.rows[3].detail);
		forget(&seen);
	}
}

static void a_row_of_another_attempt_or_state_is_dropped(void **state)
{
	static const struct {
		int64_t epoch;
		unsigned from;
		bool written;
	} rows[] = {
		{1, SUBMITTING, true},
		{-1, 0, true},
		{1, 0, true},
		{0, SUBMITTING, false},
		{2, SUBMITTING, false},
		{1, JOB_BIT(JOB_RUNNING), false},
	};
	struct kit_room *r = *state;
	struct store_op *op;
	bool changed;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	op = kit_edge(1, JOB_OPEN, JOB_SUBMITTING, JOB_SET_EPOCH);
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t before = look(r->store, 1, 1, 0, 0).count;

		op = row(1, JOURNAL_SENT, 1, NULL);
		op->journal.epoch = rows[i].epoch;
		op->journal.from = rows[i].from;
		assert_int_equal(kit_run(r->store, op, &changed), FAIL_NONE);
		assert_int_equal(changed, rows[i].written);
		assert_int_equal(look(r->store, 1, 1, 0, 0).count, before + rows[i].written);
	}
	assert_int_equal(kit_run(r->store, row(2, JOURNAL_NOTE, 0, NULL), NULL), FAIL_NOT_FOUND);
}

static void rows_are_read_in_pages_and_of_one_job(void **state)
{
	struct kit_room *r = *state;
	struct seen seen;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(r->store, kit_add(2), NULL), FAIL_NONE);
	for (int64_t k = 1; k <= 5; k++) {
		write_row(r->store, 1, JOURNAL_SENT, k);
		write_row(r->store, 2, JOURNAL_NOTE, 0);
	}
	seen = look(r->store, 1, 2, 2, 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.rows[0].k, 3);
	assert_int_equal(seen.rows[1].k, 4);
	assert_int_equal(look(r->store, 1, 0, 0, 1).count, 1);
	assert_int_equal(look(r->store, 1, 5, 0, 0).count, 0);
	assert_int_equal(look(r->store, 3, 0, 0, 0).count, 0);
}

static void past_its_limit_a_journal_keeps_what_recovery_needs(void **state)
{
	struct kit_room *r = *state;
	struct seen seen;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	for (int i = 0; i < JOURNAL_ROWS_MAX + 3; i++) {
		struct store_op *op = row(1, JOURNAL_NOTE, 0, NULL);

		op->durable = false;
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	}
	write_row(r->store, 1, JOURNAL_SENT, 1);
	write_row(r->store, 1, JOURNAL_CALL, 0);
	write_row(r->store, 1, JOURNAL_ANSWERED, 1);
	seen = look(r->store, 1, JOURNAL_ROWS_MAX, 0, 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.rows[0].kind, JOURNAL_GAP);
	assert_int_equal(seen.rows[1].kind, JOURNAL_SENT);
	assert_int_equal(seen.rows[2].kind, JOURNAL_ANSWERED);
}

static void write_status(struct store *s, int64_t k, int64_t status)
{
	struct store_op *op = row(1, JOURNAL_ANSWERED, k, NULL);

	op->journal.status = status;
	write_row(s, 1, JOURNAL_SENT, k);
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
}

static void begin_attempt(struct store *s)
{
	struct store_op *op = kit_edge(1, SUBMITTING, JOB_RECOVERING, 0);

	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	op = kit_edge(1, JOB_OPEN, JOB_SUBMITTING, JOB_SET_EPOCH);
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
}

/* "kind k, …" from the last row that is of no use to recovery on. */
static void expect_rest(struct store *s, const char *want)
{
	struct seen seen = look(s, 1, JOURNAL_ROWS_MAX, 0, 0);
	char text[256] = "";
	size_t n = 0;

	assert_in_range(seen.count, 1, COUNT(seen.rows));
	for (size_t i = 0; i < seen.count; i++) {
		assert_true(i == 0 || seen.rows[i].seq > seen.rows[i - 1].seq);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %d", i > 0 ? ", " : "",
			journal_word(seen.rows[i].kind), (int)seen.rows[i].k);
	}
	assert_string_equal(text, want);
	forget(&seen);
}

static void past_its_limit_a_journal_keeps_nothing_that_is_void(void **state)
{
	struct kit_room *r = *state;
	size_t last;
	struct ledger l;
	struct fail f;
	char id[ID_SIZE];

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	for (int i = 0; i < JOURNAL_ROWS_MAX; i++) {
		struct store_op *op = row(1, JOURNAL_NOTE, 0, NULL);

		op->durable = false;
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	}
	begin_attempt(r->store);
	write_status(r->store, 1, 201);
	for (int i = 0; i < 10; i++)
		write_status(r->store, 2, 429);
	expect_rest(r->store, "gap 0, edge 0, sent 1, answered 1, sent 2, answered 2");
	assert_true(ledger_read(r->store, kit_id(id, 1), 1, true, &l, &f));
	assert_int_equal(l.count, 2);
	assert_int_equal(l.entries[0].state, LEDGER_DONE);
	assert_int_equal(l.entries[1].state, LEDGER_REFUSED);
	ledger_finish(&l);
	write_row(r->store, 1, JOURNAL_DECISION, 0);
	last = look(r->store, 1, 0, 0, 0).count; /* of what there is */
	for (int i = 0; i < 10; i++)
		begin_attempt(r->store);
	expect_rest(r->store, "gap 0, decision 0, edge 0");
	write_status(r->store, 1, 201);
	expect_rest(r->store, "gap 0, decision 0, edge 0, sent 1, answered 1");
	assert_in_range(look(r->store, 1, 0, 0, 0).count, 0, last);
}

/* What the ledger says of job 1 in that attempt; -1: it cannot be read. */
static int says(struct store *s, int64_t epoch, bool answers, bool *ret_answer)
{
	struct ledger l;
	enum ledger_says says;
	struct fail f;
	char id[ID_SIZE];

	if (!ledger_read(s, kit_id(id, 1), epoch, answers, &l, &f))
		return -1;
	says = ledger_says(&l);
	*ret_answer = l.count > 0 && l.entries[0].answer != NULL;
	ledger_finish(&l);
	return says;
}

/* Nobody can read a detail then. */
static void spoil(const char *folder, const char *where)
{
	char path[PATH_MAX], sql[200];
	struct conn c = {0};

	assert_true(conn_open(&c, kit_join(path, folder, "davit.db"), NULL));
	(void)snprintf(sql, sizeof(sql),
		"UPDATE journal SET detail = zeroblob(length(detail)) WHERE %s", where);
	assert_true(conn_exec(&c, sql, NULL));
	conn_close(&c);
}

static void a_ledger_reads_its_attempt_and_the_answers_where_they_are_wanted(void **state)
{
	struct kit_room *r = *state;
	char answer[1200];
	bool there;

	(void)snprintf(answer, sizeof(answer), "{\"kept\":true,\"body\":\"%01000d\"}", 0);
	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	for (int i = 0; i < 2; i++) {
		struct store_op *op = kit_edge(1, JOB_OPEN, JOB_SUBMITTING, JOB_SET_EPOCH);

		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
		op = row(1, JOURNAL_SENT, 1, "{\"operation\":\"a\"}");
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
		op = row(1, JOURNAL_CALL, 0, "{\"slot\":\"submit\"}");
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
		op = row(1, JOURNAL_ANSWERED, 1, i == 0 ? "{\"kept\":false}" : answer);
		op->journal.status = 201;
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
		op = kit_edge(1, JOB_OPEN, JOB_RECOVERING, 0);
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	}
	assert_int_equal(says(r->store, 1, false, &there), LEDGER_SAYS_UNCLEAR);
	assert_int_equal(says(r->store, 2, false, &there), LEDGER_SAYS_DONE);
	assert_false(there);
	assert_int_equal(says(r->store, 2, true, &there), LEDGER_SAYS_DONE);
	assert_true(there);
	spoil(r->folder, "epoch = 1 OR kind = 'call'");
	assert_int_equal(says(r->store, 2, true, &there), LEDGER_SAYS_DONE);
	spoil(r->folder, "kind = 'answered'");
	assert_int_equal(says(r->store, 2, false, &there), LEDGER_SAYS_DONE);
	assert_int_equal(says(r->store, 2, true, &there), -1);
}

/* A row of calls that counts on. */
static void write_calls(struct store *s, unsigned n, int64_t times, int64_t repeats)
{
	struct store_op *op = row(n, JOURNAL_CALL, 0, "{}");

	op->journal.times = times;
	op->journal.repeats = repeats;
	op->journal.goes_on = true;
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
}

static void calls_count_on_in_the_last_row(void **state)
{
	struct kit_room *r = *state;
	struct seen seen;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(r->store, kit_add(2), NULL), FAIL_NONE);
	write_calls(r->store, 1, 3, 1);
	write_calls(r->store, 2, 100, 0);
	write_calls(r->store, 1, 4, 1);
	write_row(r->store, 1, JOURNAL_NOTE, 0); /* what comes between ends it */
	write_calls(r->store, 1, 5, 0);
	assert_int_equal(
		kit_run(r->store, kit_edge(1, JOB_OPEN, JOB_STATE_COUNT, JOB_SET_EPOCH), NULL),
		FAIL_NONE);
	write_calls(r->store, 1, 6, 0);          /* as another attempt does */
	write_row(r->store, 1, JOURNAL_CALL, 0); /* and what begins anew */
	seen = look(r->store, 1, 0, 0, 0);
	assert_int_equal(seen.count, 5);
	assert_int_equal(seen.rows[0].times, 7);
	assert_int_equal(seen.rows[0].repeats, 2);
	assert_int_equal(seen.rows[2].times, 5);
	assert_int_equal(seen.rows[3].times, 6);
	assert_int_equal(seen.rows[4].times, 0);
	forget(&seen);
}

static void calls_count_on_past_the_limit(void **state)
{
	struct kit_room *r = *state;
	struct seen seen;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	for (int i = 1; i < JOURNAL_ROWS_MAX; i++) {
		struct store_op *op = row(1, JOURNAL_NOTE, 0, NULL);

		op->durable = false;
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	}
	write_calls(r->store, 1, 1, 0);
	write_calls(r->store, 1, 1, 0);
	seen = look(r->store, 1, JOURNAL_ROWS_MAX - 1, 0, 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.rows[0].times, 2);
	forget(&seen);
}

static bool job_has(struct store *s, const char *submission, unsigned n)
{
	struct job job;
	char id[ID_SIZE];
	bool ok;

	if (!store_job_by_submission(s, submission, &job, NULL))
		return false;
	ok = strcmp(job.id, kit_id(id, n)) == 0;
	job_finish(&job);
	return ok;
}

static void a_job_is_found_by_its_submission(void **state)
{
	struct kit_room *r = *state;
	struct store_op *same = kit_add(2);
	struct fail f = {0};
	struct job job;
	char id[ID_SIZE];

	memcpy(same->job.submission, same->job.id, sizeof(same->job.id));
	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	assert_int_equal(kit_run(r->store, same, NULL), FAIL_NONE);
	assert_true(job_has(r->store, kit_id(id, 1000001), 1));
	assert_true(job_has(r->store, kit_id(id, 2), 2));
	assert_false(store_job_by_submission(r->store, kit_id(id, 1), &job, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
}

static void a_decision_is_kept(void **state)
{
	struct kit_room *r = *state;
	struct store_op *op;
	struct job job;
	char id[ID_SIZE];

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	op = kit_edge(1, JOB_OPEN, JOB_STATE_COUNT, JOB_SET_DECISION);
	op->edge.values.decision = strdup("{\"remote\":\"far/1\"}");
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	assert_true(store_job(r->store, kit_id(id, 1), &job, NULL));
	assert_string_equal(job.decision, "{\"remote\":\"far/1\"}");
	job_finish(&job);
}

static void a_site_has_one_name_for_ever(void **state)
{
	struct kit_room *r = *state, other = {0};
	char site[16];

	assert_int_equal(strlen(store_site(r->store)), 8);
	assert_int_equal(strspn(store_site(r->store), "0123456789abcdefghijklmnopqrstuvwxyz"), 8);
	(void)snprintf(site, sizeof(site), "%s", store_site(r->store));
	store_close(r->store);
	r->store = kit_open(r->folder);
	assert_string_equal(store_site(r->store), site);
	kit_folder(other.folder);
	other.store = kit_open(other.folder);
	assert_string_not_equal(store_site(other.store), site);
	store_close(other.store);
	kit_remove(other.folder);
}

/* A database as version 4 left it. */
static void make_old(const char *folder)
{
	char path[PATH_MAX], key[PATH_MAX];
	struct store *s = kit_open(folder); /* makes the key */
	struct conn c = {0};

	store_close(s);
	kit_join(path, folder, "davit.db");
	kit_join(key, folder, "secret.key");
	assert_true(conn_open(&c, path, NULL));
	assert_true(conn_exec(&c,
		"DROP TABLE journal; DROP INDEX job_submission; DROP INDEX job_connection;"
		"DROP TABLE site;"
		"ALTER TABLE job DROP COLUMN decision;"
		"ALTER TABLE job DROP COLUMN account;"
		"ALTER TABLE job DROP COLUMN terms;"
		"INSERT INTO job (id, state, created_ms, started_ms, finished_ms, provider, epoch,"
		" attempts, cancel_ms, deadline_ms, next_poll_ms, submission)"
		" VALUES (printf('%024d', 1), 'running', 1, 2, 0, 'p', 1, 1, 0, 0, 0,"
		" printf('%024d', 1000001));"
		"PRAGMA user_version = 4",
		NULL));
	conn_close(&c);
}

static void a_database_without_journals_gets_them(void **state)
{
	struct kit_room *r = *state;
	struct store_op *op;
	struct seen seen;
	char id[ID_SIZE];

	store_close(r->store);
	kit_remove(r->folder);
	kit_folder(r->folder);
	make_old(r->folder);
	r->store = kit_open(r->folder);
	assert_int_equal(strlen(store_site(r->store)), 8);
	assert_true(job_has(r->store, kit_id(id, 1000001), 1));
	op = kit_edge(1, JOB_OPEN, JOB_SUCCEEDED, JOB_SET_FINISHED);
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	seen = look(r->store, 1, 0, 0, 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.rows[0].epoch, 1);
	forget(&seen);
}

static void kinds_have_words_of_their_own(void **state)
{
	(void)state;
	for (int kind = JOURNAL_NONE + 1; kind < JOURNAL_KIND_COUNT; kind++) {
		enum journal_kind back = JOURNAL_NONE;

		assert_true(journal_kind_of(journal_word((enum journal_kind)kind), &back));
		assert_int_equal(back, kind);
	}
	assert_false(journal_kind_of("", &(enum journal_kind){JOURNAL_NONE}));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_set_up, kit_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_edge_writes_its_row_with_itself),
		TEST(an_edge_that_is_refused_writes_no_row),
		TEST(what_an_edge_sets_and_brings_has_rows),
		TEST(answers_are_kept_until_the_job_runs),
		TEST(of_a_job_that_ended_no_answer_is_kept),
		TEST(a_row_of_another_attempt_or_state_is_dropped),
		TEST(rows_are_read_in_pages_and_of_one_job),
		TEST(past_its_limit_a_journal_keeps_what_recovery_needs),
		TEST(a_ledger_reads_its_attempt_and_the_answers_where_they_are_wanted),
		TEST(past_its_limit_a_journal_keeps_nothing_that_is_void),
		TEST(calls_count_on_in_the_last_row),
		TEST(calls_count_on_past_the_limit),
		TEST(a_job_is_found_by_its_submission),
		TEST(a_decision_is_kept),
		TEST(a_site_has_one_name_for_ever),
		TEST(a_database_without_journals_gets_them),
		cmocka_unit_test(kinds_have_words_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * sqlite_journal.c - the journal in SQLite. Its rows lie in the order of their jobs, so that
 * those of one are read together. The number of a row is part of the place it is sealed for.
 */
#include "store/sqlite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "secret/seal.h"

#define NUMBER_SIZE 24

static struct seal_place place_of(const char *job, int64_t seq, char number[NUMBER_SIZE])
{
	(void)snprintf(number, NUMBER_SIZE, "%" PRId64, seq);
	return (struct seal_place){"journal.detail", job, number};
}

/* --- writes: false only when the transaction is lost --- */

struct last {
	int64_t seq; /* 0: there is none */
	int64_t epoch;
	enum journal_kind kind;
};

static bool last_row(struct conn *c, const char *job, struct last *ret_last, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_JOURNAL_LAST,
		"SELECT seq, epoch, kind FROM journal WHERE job = ? ORDER BY seq DESC LIMIT 1", f);
	const char *word;
	int rc;

	*ret_last = (struct last){0};
	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, job, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		ret_last->seq = sqlite3_column_int64(stmt, 0);
		ret_last->epoch = sqlite3_column_int64(stmt, 1);
		word = (const char *)sqlite3_column_text(stmt, 2);
		if (word == NULL || !journal_kind_of(word, &ret_last->kind))
			ret_last->kind = JOURNAL_NONE;
	}
	stmt_done(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE || conn_fail(c, rc, f);
}

static int64_t time_of(const struct store_journal *row)
{
	return row->time_ms != 0 ? row->time_ms : clock_now_ms();
}

/* Counts on in a row that is there. */
static bool count_on(struct conn *c, int64_t seq, const struct store_journal *row, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_JOURNAL_COUNT,
		"UPDATE journal SET time_ms = ?3, times = times + ?4, repeats = repeats + ?5"
		" WHERE job = ?1 AND seq = ?2",
		f);
	int rc;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, row->job, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, seq);
	sqlite3_bind_int64(stmt, 3, time_of(row));
	sqlite3_bind_int64(stmt, 4, row->times);
	sqlite3_bind_int64(stmt, 5, row->repeats);
	rc = conn_run(stmt);
	return rc == SQLITE_OK || conn_fail(c, rc, f);
}

static bool insert(
	struct conn *c, int64_t seq, int64_t epoch, const struct store_journal *row, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(
		c, SQL_JOURNAL_ADD, "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", f);
	char number[NUMBER_SIZE];
	struct seal_place place = place_of(row->job, seq, number);
	int rc;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, row->job, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, seq);
	sqlite3_bind_int64(stmt, 3, time_of(row));
	sqlite3_bind_text(stmt, 4, journal_word(row->kind), -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 5, epoch);
	sqlite3_bind_int64(stmt, 6, row->k);
	sqlite3_bind_int64(stmt, 7, row->status);
	sqlite3_bind_int64(stmt, 9, row->times);
	sqlite3_bind_int64(stmt, 10, row->repeats);
	rc = sqlite_seal_bind(c, stmt, 8, &place, row->detail);
	if (rc == SQLITE_OK)
		rc = conn_run(stmt);
	else
		stmt_done(stmt);
	return rc == SQLITE_OK || conn_fail(c, rc, f);
}

/* Past the limit only what counts is kept: of this attempt, and of each of its mutations the last
 * time; and what somebody wanted. The numbers of rows go on all the same. */
static bool drop_void(
	struct conn *c, const struct store_journal *row, int64_t epoch, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_JOURNAL_VOID,
		"DELETE FROM journal WHERE job = ?1 AND seq > ?2"
		" AND (epoch < ?3 OR (epoch = ?3 AND k = ?4 AND k > 0))"
		" AND kind <> 'cancel' AND kind <> 'remove' AND kind <> 'decision'",
		f);
	int rc;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, row->job, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, JOURNAL_ROWS_MAX + 1);
	sqlite3_bind_int64(stmt, 3, epoch);
	sqlite3_bind_int64(stmt, 4, row->k);
	rc = conn_run(stmt);
	return rc == SQLITE_OK || conn_fail(c, rc, f);
}

/* Does this row make void what was before it? */
static bool begins(const struct store_journal *row)
{
	return row->kind == JOURNAL_SENT || row->kind == JOURNAL_EDGE;
}

bool sqlite_journal_add(
	struct conn *c, const struct store_journal *row, int64_t epoch, struct fail *f)
{
	struct store_journal gap = {.kind = JOURNAL_GAP, .time_ms = row->time_ms};
	struct last last;

	if (!last_row(c, row->job, &last, f))
		return false;
	if (row->goes_on && last.kind == row->kind && last.epoch == epoch)
		return count_on(c, last.seq, row, f);
	if (last.seq == JOURNAL_ROWS_MAX) {
		memcpy(gap.job, row->job, sizeof(gap.job));
		if (!insert(c, ++last.seq, epoch, &gap, f))
			return false;
	}
	if (last.seq > JOURNAL_ROWS_MAX && !journal_needed(row->kind))
		return true;
	if (last.seq > JOURNAL_ROWS_MAX && begins(row) && !drop_void(c, row, epoch, f))
		return false;
	return insert(c, last.seq + 1, epoch, row, f);
}

bool sqlite_journal_write(struct conn *c, struct store_op *op, struct fail *f)
{
	const struct store_journal *row = &op->journal;
	enum job_state now = JOB_QUEUED;
	int64_t epoch = 0;

	if (!sqlite_job_look(c, op, row->job, &now, &epoch, f))
		return false;
	if (!op->ok || (row->from != 0 && (row->from & JOB_BIT(now)) == 0) ||
		(row->epoch >= 0 && row->epoch != epoch))
		return true;
	op->changed = true;
	return sqlite_journal_add(c, row, epoch, f);
}

/* {"from", "to", "why"?} */
static char *edge_detail(const struct job_edge *e, enum job_state from)
{
	const char *why = (e->set & JOB_SET_ERROR) != 0 ? e->values.error : NULL;
	json_t *detail = json_pack("{s:s, s:s, s:s*}", "from", job_state_word(from), "to",
		job_state_word(e->to), "why", why);
	char *text = detail != NULL ? json_compact(detail, NULL) : NULL;

	json_decref(detail);
	return text;
}

static bool edge_row(struct conn *c, const struct job_edge *e, enum job_state from, int64_t epoch,
	struct fail *f)
{
	struct store_journal row = {.kind = JOURNAL_EDGE, .detail = edge_detail(e, from)};
	bool ok;

	memcpy(row.job, e->values.id, sizeof(row.job));
	ok = row.detail != NULL ? sqlite_journal_add(c, &row, epoch, f)
	                        : fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	free(row.detail);
	return ok;
}

/* Kinds that stand for a member which an edge sets. */
static const struct {
	unsigned set;
	enum journal_kind kind;
} marks[] = {
	{JOB_SET_CANCEL, JOURNAL_CANCEL},
	{JOB_SET_CHECKPOINT, JOURNAL_CHECKPOINT},
};

static bool brought(struct conn *c, const struct job_edge *e, const struct store_journal *from,
	int64_t epoch, struct fail *f)
{
	struct store_journal row = *from;

	if (row.kind == JOURNAL_NONE)
		return true;
	memcpy(row.job, e->values.id, sizeof(row.job));
	return sqlite_journal_add(c, &row, epoch, f);
}

/* What was answered is given again to an attempt that goes on; to one that ended never. */
static bool drop_answers(struct conn *c, const char *job, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_JOURNAL_DROP,
		"UPDATE journal SET detail = NULL"
		" WHERE job = ? AND kind = ? AND detail IS NOT NULL",
		f);
	int rc;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, job, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, journal_word(JOURNAL_ANSWERED), -1, SQLITE_STATIC);
	rc = conn_run(stmt);
	return rc == SQLITE_OK || conn_fail(c, rc, f);
}

static bool ends_attempt(const struct job_edge *e, enum job_state from)
{
	unsigned ends = JOB_BIT(JOB_RUNNING) | JOB_TERMINAL;

	return e->to != JOB_STATE_COUNT && e->to != from && (JOB_BIT(e->to) & ends) != 0 &&
	       (JOB_BIT(from) & ends) == 0;
}

bool sqlite_journal_edge(struct conn *c, const struct job_edge *e, enum job_state from,
	int64_t epoch, struct fail *f)
{
	struct store_journal row = {0};

	epoch += (e->set & JOB_SET_EPOCH) != 0;
	memcpy(row.job, e->values.id, sizeof(row.job));
	for (size_t i = 0; i < COUNT(marks); i++) {
		row.kind = marks[i].kind;
		if ((e->set & marks[i].set) != 0 && !sqlite_journal_add(c, &row, epoch, f))
			return false;
	}
	return brought(c, e, &e->before, epoch, f) && brought(c, e, &e->row, epoch, f) &&
	       (e->to == JOB_STATE_COUNT || e->to == from || edge_row(c, e, from, epoch, f)) &&
	       (!ends_attempt(e, from) || drop_answers(c, e->values.id, f));
}

/* --- reads --- */

static bool row_read(struct conn *c, sqlite3_stmt *stmt, struct store_journal *row, struct fail *f)
{
	const char *word = (const char *)sqlite3_column_text(stmt, 2);
	char number[NUMBER_SIZE];
	struct seal_place place;

	row->seq = sqlite3_column_int64(stmt, 0);
	row->time_ms = sqlite3_column_int64(stmt, 1);
	if (word == NULL || !journal_kind_of(word, &row->kind))
		return fail_set(f, FAIL_INTERNAL, "the journal of job %s has the unknown kind %s",
			row->job, word != NULL ? word : "");
	row->epoch = sqlite3_column_int64(stmt, 3);
	row->k = sqlite3_column_int64(stmt, 4);
	row->status = sqlite3_column_int64(stmt, 5);
	row->times = sqlite3_column_int64(stmt, 7);
	row->repeats = sqlite3_column_int64(stmt, 8);
	row->has_detail = sqlite3_column_int(stmt, 9) != 0;
	place = place_of(row->job, row->seq, number);
	return sqlite_seal_read(c, stmt, 6, &place, &row->detail, f);
}

static bool rows_each(struct conn *c, sqlite3_stmt *stmt, const char *job,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f)
{
	bool more = true;
	int rc = SQLITE_ROW;

	while (more && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct store_journal row = {0};

		(void)snprintf(row.job, sizeof(row.job), "%s", job);
		if (!row_read(c, stmt, &row, f))
			return false;
		more = each(&row, ctx);
		free(row.detail);
	}
	return rc == SQLITE_ROW || rc == SQLITE_DONE || conn_fail(c, rc, f);
}

/* The last columns of what row_read() takes. The type of a detail, and its length, are told without
 * reading it. */
#define COUNTS "times, repeats, typeof(detail) <> 'null'"

#define SHORT "256" /* so that all that is longer has an answer in it */

bool sqlite_journal(void *reader, const char *job, int64_t after_seq, size_t limit,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(reader, SQL_JOURNAL_GET,
		"SELECT seq, time_ms, kind, epoch, k, status, detail, " COUNTS " FROM journal"
		" WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?",
		f);
	bool ok;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, job, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, after_seq);
	sqlite3_bind_int64(stmt, 3, limit > 0 ? (int64_t)limit : -1);
	ok = rows_each(reader, stmt, job, each, ctx, f);
	stmt_done(stmt);
	return ok;
}

bool sqlite_journal_attempt(void *reader, const char *job, int64_t epoch, bool answers,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(reader, SQL_JOURNAL_ATTEMPT,
		"SELECT seq, time_ms, kind, epoch, k, status,"
		" CASE WHEN ?3 OR kind <> 'answered' OR length(detail) < " SHORT
		"  THEN detail END, " COUNTS " FROM journal"
		" WHERE job = ?1 AND epoch = ?2 AND kind NOT IN ('call', 'note') ORDER BY seq",
		f);
	bool ok;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, job, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, epoch);
	sqlite3_bind_int(stmt, 3, answers);
	ok = rows_each(reader, stmt, job, each, ctx, f);
	stmt_done(stmt);
	return ok;
}

/*
 * sqlite_claims.c - what requests that name themselves made, and what they were answered.
 */
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "secret/seal.h"

#define SWEEP_FEW  16   /* old claims that go with each new one: faster than they come in */
#define SWEEP_MANY 1000 /* and with each write of the sweeper */
#define RETRY_MS   60000

#define ROW_SIZE (2 * STORE_CLAIM_BYTES + 1)

static void digest_bind(sqlite3_stmt *stmt, int at, const uint8_t digest[STORE_CLAIM_BYTES])
{
	sqlite3_bind_blob(stmt, at, digest, STORE_CLAIM_BYTES, SQLITE_STATIC);
}

/* Where an answer is sealed for; row is as hex(name) of SQL. */
static struct seal_place place_of(const uint8_t name[STORE_CLAIM_BYTES], char row[ROW_SIZE])
{
	for (size_t i = 0; i < STORE_CLAIM_BYTES; i++)
		(void)snprintf(row + 2 * i, 3, "%02X", name[i]);
	return (struct seal_place){"claim.answer", row, NULL};
}

/* Runs a statement that is bound. As the slots: false only when the transaction is lost. */
static bool run(struct conn *c, sqlite3_stmt *stmt, struct store_op *op, struct fail *f)
{
	int rc = conn_run(stmt);

	return rc == SQLITE_OK || conn_op_failed(c, rc, op, f);
}

/* Deletes at most so many that ended by now_ms, and in any case the one of that name if it did. */
static bool end_old(struct conn *c, enum sql_id id, const uint8_t *name, int64_t now_ms, int most,
	struct store_op *op, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, id,
		"DELETE FROM claim WHERE (name = ?1 AND until_ms <= ?2) OR rowid IN"
		" (SELECT rowid FROM claim WHERE until_ms <= ?2 ORDER BY until_ms LIMIT ?3)",
		f);

	if (stmt == NULL)
		return false;
	digest_bind(stmt, 1, name);
	sqlite3_bind_int64(stmt, 2, now_ms);
	sqlite3_bind_int(stmt, 3, most);
	return run(c, stmt, op, f);
}

static bool use_read(struct conn *c, int64_t *ret_claims, int64_t *ret_bytes, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_CLAIM_USE, "SELECT claims, bytes FROM claim_use", f);
	int rc;

	if (stmt == NULL)
		return false;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*ret_claims = sqlite3_column_int64(stmt, 0);
		*ret_bytes = sqlite3_column_int64(stmt, 1);
	}
	stmt_done(stmt);
	return rc == SQLITE_ROW || conn_fail(c, rc, f);
}

static bool insert(struct conn *c, struct store_op *op, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_CLAIM_ADD,
		"INSERT INTO claim (name, made_ms, until_ms, status, job, body)"
		" VALUES (?, ?, ?, 0, ?, ?)",
		f);

	if (stmt == NULL)
		return false;
	digest_bind(stmt, 1, op->claim.name);
	sqlite3_bind_int64(stmt, 2, op->claim.made_ms);
	sqlite3_bind_int64(stmt, 3, op->claim.until_ms);
	sqlite3_bind_text(stmt, 4, op->job.id, -1, SQLITE_STATIC);
	digest_bind(stmt, 5, op->claim.body);
	return run(c, stmt, op, f);
}

bool sqlite_claim_add(struct conn *c, struct store_op *op, struct fail *f)
{
	int64_t claims = 0;
	int64_t bytes = 0;

	if (!end_old(c, SQL_CLAIM_END, op->claim.name, op->claim.made_ms, SWEEP_FEW, op, f) ||
		!use_read(c, &claims, &bytes, f))
		return false;
	if (claims < STORE_CLAIMS_MAX)
		return insert(c, op, f);
	op->ok = fail_set(&op->fail, FAIL_BUSY,
		"%d idempotency keys are kept, the most there may be: send the request without "
		"one, or later",
		STORE_CLAIMS_MAX);
	op->fail.retry_after_ms = RETRY_MS;
	return true;
}

bool sqlite_claim_drop(struct conn *c, const struct store_op *op, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_CLAIM_DROP, "DELETE FROM claim WHERE name = ?", f);
	int rc;

	if (stmt == NULL)
		return false;
	digest_bind(stmt, 1, op->claim.name);
	rc = conn_run(stmt);
	return rc == SQLITE_OK || conn_fail(c, rc, f);
}

static bool answer_fits(struct conn *c, struct store_op *op, struct fail *f)
{
	size_t n = strlen(op->claimed.answer);
	int64_t claims = 0;
	int64_t bytes = 0;

	if (!use_read(c, &claims, &bytes, f))
		return false;
	if (n > STORE_CLAIM_ANSWER_MAX || bytes + (int64_t)(n + SEAL_EXTRA) > STORE_CLAIM_BYTES_MAX)
		op->ok = fail_set(&op->fail, FAIL_TOO_LARGE, "the answer is too long to be kept");
	return true;
}

bool sqlite_claim_answer(struct conn *c, struct store_op *op, struct fail *f)
{
	const struct store_claimed *claimed = &op->claimed;
	sqlite3_stmt *stmt = conn_stmt(
		c, SQL_CLAIM_ANSWER, "UPDATE claim SET status = ?, answer = ? WHERE name = ?", f);
	char row[ROW_SIZE];
	struct seal_place place = place_of(claimed->claim.name, row);
	int rc;

	if (stmt == NULL || !answer_fits(c, op, f))
		return false;
	if (!op->ok)
		return true;
	sqlite3_bind_int(stmt, 1, claimed->status);
	rc = sqlite_seal_bind(c, stmt, 2, &place, claimed->answer);
	if (rc != SQLITE_OK) {
		stmt_done(stmt);
		return conn_op_failed(c, rc, op, f);
	}
	digest_bind(stmt, 3, claimed->claim.name);
	if (!run(c, stmt, op, f))
		return false;
	op->changed = op->ok && sqlite3_changes(c->db) > 0;
	return true;
}

bool sqlite_claim_sweep(struct conn *c, struct store_op *op, struct fail *f)
{
	const struct store_claim *claim = &op->claimed.claim;

	if (!end_old(c, SQL_CLAIM_SWEEP, claim->name, claim->made_ms, SWEEP_MANY, op, f))
		return false;
	op->changed = op->ok && sqlite3_changes(c->db) > 0;
	return true;
}

/* --- reads --- */

static bool digest_read(sqlite3_stmt *stmt, int at, uint8_t digest[STORE_CLAIM_BYTES])
{
	const void *bytes = sqlite3_column_blob(stmt, at);

	if (bytes == NULL || sqlite3_column_bytes(stmt, at) != STORE_CLAIM_BYTES)
		return false;
	memcpy(digest, bytes, STORE_CLAIM_BYTES);
	return true;
}

static bool answer_read(
	struct conn *c, sqlite3_stmt *stmt, int at, struct store_claimed *claimed, struct fail *f)
{
	char row[ROW_SIZE];
	struct seal_place place = place_of(claimed->claim.name, row);

	if (claimed->status == 0)
		return true;
	return sqlite_seal_read(c, stmt, at, &place, &claimed->answer, f) &&
	       (claimed->answer != NULL ||
		       fail_set(f, FAIL_INTERNAL, "an answer that was kept is not there"));
}

static bool row_read(struct conn *c, sqlite3_stmt *stmt, const uint8_t name[STORE_CLAIM_BYTES],
	struct store_claimed *ret, struct fail *f)
{
	struct store_claimed claimed = {0};
	const char *job = (const char *)sqlite3_column_text(stmt, 3);

	memcpy(claimed.claim.name, name, STORE_CLAIM_BYTES);
	claimed.claim.made_ms = sqlite3_column_int64(stmt, 0);
	claimed.claim.until_ms = sqlite3_column_int64(stmt, 1);
	claimed.status = sqlite3_column_int(stmt, 2);
	if (job == NULL || strlen(job) >= sizeof(claimed.job) ||
		!digest_read(stmt, 4, claimed.claim.body))
		return fail_set(f, FAIL_UNAVAILABLE, "an idempotency key cannot be read back");
	memcpy(claimed.job, job, strlen(job) + 1);
	if (!answer_read(c, stmt, 5, &claimed, f))
		return false;
	*ret = claimed;
	return true;
}

bool sqlite_claim(void *reader, const uint8_t name[STORE_CLAIM_BYTES], int64_t now_ms,
	struct store_claimed *ret_claimed, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(reader, SQL_CLAIM_GET,
		"SELECT made_ms, until_ms, status, job, body, answer FROM claim"
		" WHERE name = ? AND until_ms > ?",
		f);
	bool ok;
	int rc;

	if (stmt == NULL)
		return false;
	digest_bind(stmt, 1, name);
	sqlite3_bind_int64(stmt, 2, now_ms);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		ok = row_read(reader, stmt, name, ret_claimed, f);
	else if (rc == SQLITE_DONE)
		ok = fail_set(f, FAIL_NOT_FOUND, "this key has not been used");
	else
		ok = conn_fail(reader, rc, f);
	stmt_done(stmt);
	return ok;
}

/*
 * sqlite_kv.c - the key-value pairs of providers in SQLite, with versions and a quota.
 */
#include "store/sqlite.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define COLUMN "kv.value" /* as a place to be sealed for */

/* What is stored before a write. */
struct kv_before {
	int64_t version; /* 0: absent */
	int64_t bytes;
	int64_t use_keys; /* of the instance */
	int64_t use_bytes;
	int64_t retired;
};

static void key_bind(sqlite3_stmt *stmt, const struct store_kv *kv)
{
	sqlite3_bind_text(stmt, 1, kv->instance, -1, SQLITE_STATIC);
	if (sqlite3_bind_parameter_count(stmt) > 1)
		sqlite3_bind_text(stmt, 2, kv->key, -1, SQLITE_STATIC);
}

/* Reads up to three integers of the one row there may be; they stay 0 where there is none. */
static bool ints_read(struct conn *c, enum sql_id id, const char *sql, const struct store_kv *kv,
	int64_t *const ret[3], struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, id, sql, f);
	int rc;

	if (stmt == NULL)
		return false;
	key_bind(stmt, kv);
	rc = sqlite3_step(stmt);
	for (int i = 0; rc == SQLITE_ROW && i < 3 && ret[i] != NULL; i++)
		*ret[i] = sqlite3_column_int64(stmt, i);
	stmt_done(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE || conn_fail(c, rc, f);
}

static bool before_read(
	struct conn *c, const struct store_kv *kv, struct kv_before *ret, struct fail *f)
{
	struct kv_before b = {0};
	int64_t *const one[3] = {&b.version, &b.bytes, NULL};
	int64_t *const use[3] = {&b.use_keys, &b.use_bytes, &b.retired};

	if (!ints_read(c, SQL_KV_STATE,
		    "SELECT version, bytes FROM kv WHERE instance = ? AND key = ?", kv, one, f) ||
		!ints_read(c, SQL_KV_USE,
			"SELECT keys, bytes, retired FROM kv_use WHERE instance = ?", kv, use, f))
		return false;
	*ret = b;
	return true;
}

static bool quota_check(
	const struct store_kv *kv, const struct kv_before *b, int64_t bytes, struct fail *f)
{
	int64_t keys = b->use_keys + (b->version == 0);
	int64_t all = b->use_bytes - b->bytes + bytes;

	if (keys > STORE_KV_KEYS_MAX && b->version == 0)
		return fail_set(f, FAIL_TOO_LARGE,
			"%s already keeps %d keys, the most it may: delete some", kv->instance,
			STORE_KV_KEYS_MAX);
	if (all > STORE_KV_BYTES_MAX && bytes > b->bytes)
		return fail_set(f, FAIL_TOO_LARGE,
			"%s would keep %" PRId64 " bytes, and may keep %d: delete some",
			kv->instance, all, STORE_KV_BYTES_MAX);
	return true;
}

static int put_run(struct conn *c, sqlite3_stmt *stmt, const struct store_kv *kv, int64_t version,
	int64_t bytes)
{
	struct seal_place place = {COLUMN, kv->instance, kv->key};
	int rc;

	key_bind(stmt, kv);
	sqlite3_bind_int64(stmt, 3, version);
	sqlite3_bind_int64(stmt, 4, bytes);
	rc = sqlite_seal_bind(c, stmt, 5, &place, kv->value);
	if (rc == SQLITE_OK)
		return conn_run(stmt);
	stmt_done(stmt);
	return rc;
}

static bool put_write(
	struct conn *c, struct store_op *op, int64_t version, int64_t bytes, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_KV_PUT,
		"INSERT INTO kv (instance, key, version, bytes, value) VALUES (?, ?, ?, ?, ?)"
		" ON CONFLICT (instance, key) DO UPDATE SET"
		" version = excluded.version, bytes = excluded.bytes, value = excluded.value",
		f);
	int rc;

	if (stmt == NULL)
		return false;
	rc = put_run(c, stmt, &op->kv, version, bytes);
	if (rc != SQLITE_OK)
		return conn_op_failed(c, rc, op, f);
	op->kv.version = version;
	op->changed = true;
	return true;
}

bool sqlite_kv_put(struct conn *c, struct store_op *op, struct fail *f)
{
	const struct store_kv *kv = &op->kv;
	int64_t bytes = (int64_t)(strlen(kv->key) + strlen(kv->value));
	struct kv_before before;

	if (!before_read(c, kv, &before, f))
		return false;
	if (kv->version >= 0 && kv->version != before.version)
		return true;
	op->ok = quota_check(kv, &before, bytes, &op->fail);
	if (!op->ok)
		return true;
	return put_write(
		c, op, 1 + (before.version > 0 ? before.version : before.retired), bytes, f);
}

bool sqlite_kv_delete(struct conn *c, struct store_op *op, struct fail *f)
{
	sqlite3_stmt *stmt =
		conn_stmt(c, SQL_KV_DELETE, "DELETE FROM kv WHERE instance = ? AND key = ?", f);
	int rc;

	if (stmt == NULL)
		return false;
	key_bind(stmt, &op->kv);
	rc = conn_run(stmt);
	if (rc != SQLITE_OK)
		return conn_op_failed(c, rc, op, f);
	op->changed = sqlite3_changes(c->db) > 0;
	return true;
}

/* --- reads --- */

bool sqlite_kv_get(void *reader, const char *instance, const char *key, char **ret_value,
	int64_t *ret_version, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(reader, SQL_KV_GET,
		"SELECT value, version FROM kv WHERE instance = ? AND key = ?", f);
	struct seal_place place = {COLUMN, instance, key};
	bool ok;
	int rc;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, instance, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*ret_value = NULL;
		ok = sqlite_seal_read(reader, stmt, 0, &place, ret_value, f);
		if (ret_version != NULL)
			*ret_version = sqlite3_column_int64(stmt, 1);
	} else if (rc == SQLITE_DONE)
		ok = fail_set(f, FAIL_NOT_FOUND, "there is no key %s", key);
	else
		ok = conn_fail(reader, rc, f);
	stmt_done(stmt);
	return ok;
}

/* Keys in byte order from a first one on, or after one, whichever of prefix and after lies
 * further; the end of the prefix ends the walk. */
static sqlite3_stmt *list_stmt(
	struct conn *c, const char *prefix, const char *after, struct fail *f)
{
	bool past = after != NULL && strcmp(after, prefix) >= 0;
	sqlite3_stmt *stmt =
		past ? conn_stmt(c, SQL_KV_AFTER,
			       "SELECT key, value FROM kv WHERE instance = ? AND key > ?"
			       " ORDER BY key",
			       f)
		     : conn_stmt(c, SQL_KV_FROM,
			       "SELECT key, value FROM kv WHERE instance = ? AND key >= ?"
			       " ORDER BY key",
			       f);

	if (stmt != NULL)
		sqlite3_bind_text(stmt, 2, past ? after : prefix, -1, SQLITE_STATIC);
	return stmt;
}

/* Gives the pair of a row to each; *ret_more: it wants another. */
static bool pair_give(struct conn *c, sqlite3_stmt *stmt, const char *instance,
	bool (*each)(const char *key, const char *value, void *ctx), void *ctx, bool *ret_more,
	struct fail *f)
{
	const char *key = (const char *)sqlite3_column_text(stmt, 0);
	struct seal_place place = {COLUMN, instance, key};
	char *value = NULL;

	if (key == NULL || instance == NULL)
		return conn_fail(c, SQLITE_NOMEM, f);
	if (!sqlite_seal_read(c, stmt, 1, &place, &value, f))
		return false;
	*ret_more = each(key, value, ctx);
	free(value);
	return true;
}

bool sqlite_kv_list(void *reader, const char *instance, const char *prefix, const char *after,
	size_t limit, bool (*each)(const char *key, const char *value, void *ctx), void *ctx,
	struct fail *f)
{
	sqlite3_stmt *stmt = list_stmt(reader, prefix, after, f);
	int rc = SQLITE_DONE;
	bool more = true, ok = true;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, instance, -1, SQLITE_STATIC);
	for (size_t n = 0; ok && more && (limit == 0 || n < limit); n++) {
		const char *key;

		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		key = (const char *)sqlite3_column_text(stmt, 0);
		if (key != NULL && strncmp(key, prefix, strlen(prefix)) != 0)
			break;
		ok = pair_give(reader, stmt, instance, each, ctx, &more, f);
	}
	stmt_done(stmt);
	return ok && (rc == SQLITE_ROW || rc == SQLITE_DONE || conn_fail(reader, rc, f));
}

bool sqlite_kv_all(void *reader, bool (*each)(const char *key, const char *value, void *ctx),
	void *ctx, struct fail *f)
{
	sqlite3_stmt *stmt =
		conn_stmt(reader, SQL_KV_ALL, "SELECT key, value, instance FROM kv", f);
	bool more = true, ok = true;
	int rc = SQLITE_ROW;

	if (stmt == NULL)
		return false;
	while (ok && more && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		ok = pair_give(reader, stmt, (const char *)sqlite3_column_text(stmt, 2), each, ctx,
			&more, f);
	stmt_done(stmt);
	return ok && (rc == SQLITE_ROW || rc == SQLITE_DONE || conn_fail(reader, rc, f));
}

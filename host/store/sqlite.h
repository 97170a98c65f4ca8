/*
 * sqlite - what the files of the SQLite driver share. A connection belongs to one thread at
 * a time; its statements are prepared once, when first needed.
 */
#ifndef HOST_STORE_SQLITE_H
#define HOST_STORE_SQLITE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secret/seal.h"
#include "store/driver.h"

enum sql_id {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_JOB_BY_ID,
	SQL_JOB_BY_REMOTE,
	SQL_JOB_BY_SUBMISSION,
	SQL_JOB_STATUS,
	SQL_JOB_SERIES,
	SQL_JOB_PLAIN,
	SQL_JOB_CONNECTION,
	SQL_JOB_STATE,
	SQL_JOB_ADD,
	SQL_JOURNAL_LAST,
	SQL_JOURNAL_COUNT,
	SQL_JOURNAL_ADD,
	SQL_JOURNAL_GET,
	SQL_JOURNAL_ATTEMPT,
	SQL_JOURNAL_VOID,
	SQL_JOURNAL_DROP,
	SQL_CLAIM_GET,
	SQL_CLAIM_USE,
	SQL_CLAIM_END,
	SQL_CLAIM_ADD,
	SQL_CLAIM_DROP,
	SQL_CLAIM_ANSWER,
	SQL_CLAIM_SWEEP,
	SQL_KV_GET,
	SQL_KV_FROM,
	SQL_KV_AFTER,
	SQL_KV_ALL,
	SQL_KV_STATE,
	SQL_KV_USE,
	SQL_KV_PUT,
	SQL_KV_DELETE,
	SQL_COUNT
};

#define SQLITE_SITE_SIZE 9
#define CONN_EDGES       16

/* The statement of one sort of edge; sorts are few, see sqlite_jobs.c. */
struct conn_edge {
	unsigned sort;
	sqlite3_stmt *stmt; /* NULL: free */
};

struct conn {
	sqlite3 *db;
	const char *path; /* borrowed, for messages */
	sqlite3_stmt *stmt[SQL_COUNT];
	struct conn_edge edges[CONN_EDGES];
	size_t next_edge;      /* to be replaced when all are taken */
	struct sealer *sealer; /* NULL: nothing sealed can be read or written */
};

struct sqlite_db {
	struct conn writer;
	struct seal *seal;
	char *path;
	char site[SQLITE_SITE_SIZE];
	bool full_sync; /* what PRAGMA synchronous of the writer now is */
	bool suspect;   /* a write to the log failed: see begin() in sqlite.c */
};

/* sqlite_conn.c */

/* Opens path, which is there, without changing anything. *c is closed on failure. */
bool conn_open(struct conn *c, const char *path, struct fail *f);
void conn_close(struct conn *c); /* also one that is zeroed or closed */

bool conn_exec(struct conn *c, const char *sql, struct fail *f);
bool conn_pragma_int(struct conn *c, const char *sql, int64_t *ret_value, struct fail *f);

/* Prepares a statement that is used many times. */
sqlite3_stmt *conn_prepare(struct conn *c, const char *sql, struct fail *f);

/* The statement of id, prepared from sql when first needed; NULL on failure. */
sqlite3_stmt *conn_stmt(struct conn *c, enum sql_id id, const char *sql, struct fail *f);

/* Steps a statement that returns no row. The SQLite code; the statement is done after it. */
int conn_run(sqlite3_stmt *stmt);
void stmt_done(sqlite3_stmt *stmt); /* unbinds and rewinds; NULL is fine */

/* Says in a sentence what rc means for the user, and what to do. Returns false. */
bool conn_fail(const struct conn *c, int rc, struct fail *f);

/* After a failed step of op's statement. True: op alone is at fault, op->fail says why; false:
 * the transaction is lost and *f says why. */
bool conn_op_failed(const struct conn *c, int rc, struct store_op *op, struct fail *f);

/* sqlite_schema.c */

#define SQLITE_APPLICATION_ID 0x44617674 /* "Davt" */

struct sqlite_migration {
	const char *const *sql; /* statements, run in one transaction */
	size_t count;
};

/* Is the database ours, of a version in 0..known (0: empty)? Changes nothing. */
bool sqlite_schema_check(struct conn *c, int64_t known, int64_t *ret_version, struct fail *f);

/* Runs what is missing of steps (steps[0] makes version 1), each in its own transaction. */
bool sqlite_migrate(struct conn *c, const struct sqlite_migration *steps, size_t count,
	int64_t version, struct fail *f);

extern const struct sqlite_migration sqlite_migrations[];
extern const size_t sqlite_migration_count;

/* Which jobs are runs: the words of the index job_run, which serves queries that use them. */
#define SQLITE_RUNS "interface = 'davit.training' AND kind IN ('train', 'custom_script')"

/* sqlite_seal.c */

/* Takes the keys (NULL: secret.key beside the database, made where nothing is sealed yet) and
 * checks them by a database of that version. */
bool sqlite_seal_open(
	struct sqlite_db *d, const struct store_keys *keys, int64_t version, struct fail *f);

/* After migrating: removes what an older version left in plain text, seals anew after the key was
 * changed. */
bool sqlite_seal_finish(struct sqlite_db *d, const struct store_keys *keys, struct fail *f);

/* Makes c able to read and write sealed values. */
bool sqlite_seal_conn(struct conn *c, const struct seal *seal, struct fail *f);

/* A text as a parameter, NULL as null; and back, where null leaves *ret_text as it is. */
int sqlite_seal_bind(struct conn *c, sqlite3_stmt *stmt, int at, const struct seal_place *place,
	const char *text);
bool sqlite_seal_read(struct conn *c, sqlite3_stmt *stmt, int at, const struct seal_place *place,
	char **ret_text, struct fail *f);

/* sqlite_jobs.c, for sqlite_list.c too */
extern const char sqlite_job_select[]; /* SELECT of all columns FROM job, without conditions */

/* The job of a row of that select. */
bool sqlite_job_row(struct conn *c, sqlite3_stmt *stmt, struct job *ret_job, struct fail *f);

/* What the stored job of that id is in now. True also where op ends here: op->ok is false then. */
bool sqlite_job_look(struct conn *c, struct store_op *op, const char *id, enum job_state *ret_state,
	int64_t *ret_epoch, struct fail *f);

/* sqlite_journal.c, for sqlite_jobs.c: adds a row; and the rows of an edge that was written, whose
 * job was in that state and epoch before. False: the transaction is lost. */
bool sqlite_journal_add(
	struct conn *c, const struct store_journal *row, int64_t epoch, struct fail *f);
bool sqlite_journal_edge(struct conn *c, const struct job_edge *e, enum job_state from,
	int64_t epoch, struct fail *f);

/* sqlite_claims.c, for sqlite_jobs.c: op->claim is written before its job and taken back where the
 * job is refused. */
bool sqlite_claim_add(struct conn *c, struct store_op *op, struct fail *f);
bool sqlite_claim_drop(struct conn *c, const struct store_op *op, struct fail *f);

/* sqlite_jobs.c, sqlite_list.c, sqlite_claims.c, sqlite_journal.c, sqlite_kv.c: the slots of struct
 * store_driver, on a connection. apply functions return false only when the transaction is lost. */
bool sqlite_job_add(struct conn *c, struct store_op *op, struct fail *f);
bool sqlite_job_edge(struct conn *c, struct store_op *op, struct fail *f);
bool sqlite_job(void *reader, const char *id, struct job *ret_job, struct fail *f);
bool sqlite_job_by_remote(
	void *reader, const struct job_remote *remote, struct job *ret_job, struct fail *f);
bool sqlite_job_by_submission(
	void *reader, const char *submission, struct job *ret_job, struct fail *f);
bool sqlite_job_status(void *reader, const char *id, struct job_status *ret_status, struct fail *f);
bool sqlite_job_series(void *reader, const char *id, char **ret_text, struct fail *f);
bool sqlite_jobs(void *reader, const struct job_filter *filter,
	bool (*each)(const struct job *job, void *ctx), void *ctx, struct fail *f);
bool sqlite_connections(void *reader, const char *provider,
	bool (*each)(const char *connection, void *ctx), void *ctx, struct fail *f);
bool sqlite_journal_write(struct conn *c, struct store_op *op, struct fail *f);
bool sqlite_journal(void *reader, const char *job, int64_t after_seq, size_t limit,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f);
bool sqlite_journal_attempt(void *reader, const char *job, int64_t epoch, bool answers,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f);
bool sqlite_claim_answer(struct conn *c, struct store_op *op, struct fail *f);
bool sqlite_claim_sweep(struct conn *c, struct store_op *op, struct fail *f);
bool sqlite_claim(void *reader, const uint8_t name[STORE_CLAIM_BYTES], int64_t now_ms,
	struct store_claimed *ret_claimed, struct fail *f);
bool sqlite_kv_put(struct conn *c, struct store_op *op, struct fail *f);
bool sqlite_kv_delete(struct conn *c, struct store_op *op, struct fail *f);
bool sqlite_kv_get(void *reader, const char *instance, const char *key, char **ret_value,
	int64_t *ret_version, struct fail *f);
bool sqlite_kv_list(void *reader, const char *instance, const char *prefix, const char *after,
	size_t limit, bool (*each)(const char *key, const char *value, void *ctx), void *ctx,
	struct fail *f);
bool sqlite_kv_all(void *reader, bool (*each)(const char *key, const char *value, void *ctx),
	void *ctx, struct fail *f);

#endif

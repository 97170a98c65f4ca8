/*
 * sqlite_conn.c - one connection: opening, cached statements, and what SQLite's error codes
 * mean for the one who runs the daemon.
 */
#include "store/sqlite.h"

#include <errno.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"

#define BUSY_MS     5000 /* how long another program (a backup, a shell) may hold a lock */
#define RETRY_MS    5000
#define UNAVAILABLE FAIL_UNAVAILABLE

/* Error codes in words; the first row that fits counts. %s is the path. */
struct sentence {
	int rc;     /* extended, or primary if below 256 */
	int errnum; /* 0: any */
	enum fail_code code;
	const char *text;
};

static const struct sentence sentences[] = {
	{SQLITE_FULL, 0, UNAVAILABLE,
		"the disk that holds %s is full: free space; nothing accepted was lost"},
	{SQLITE_IOERR, ENOSPC, UNAVAILABLE,
		"the disk that holds %s is full: free space; nothing accepted was lost"},
	{SQLITE_IOERR, EDQUOT, UNAVAILABLE,
		"the disk quota for %s is used up: free space or raise it; nothing accepted was lost"},
	{SQLITE_IOERR, EFBIG, UNAVAILABLE,
		"%s has reached the file size limit of the process (ulimit -f): raise it; "
		"nothing accepted was lost"},
	{SQLITE_IOERR, EROFS, UNAVAILABLE,
		"%s is on a file system that is mounted read-only: mount it writable"},
	{SQLITE_IOERR_NOMEM, 0, UNAVAILABLE, "out of memory while working on %s"},
	{SQLITE_NOMEM, 0, UNAVAILABLE, "out of memory while working on %s"},
	{SQLITE_READONLY_DBMOVED, 0, UNAVAILABLE,
		"%s was moved or deleted while in use: stop davitd and put it back"},
	{SQLITE_READONLY_DIRECTORY, 0, UNAVAILABLE,
		"the folder of %s is read-only: make it writable for the user davitd runs as"},
	{SQLITE_READONLY, 0, UNAVAILABLE,
		"%s is read-only: make it writable for the user davitd runs as"},
	{SQLITE_CORRUPT, 0, UNAVAILABLE,
		"the database %s is damaged: stop davitd and restore a backup"},
	{SQLITE_NOTADB, 0, FAIL_INVALID,
		"%s is not a database: name another file, or move this one away"},
	{SQLITE_BUSY, 0, UNAVAILABLE, "another program keeps %s locked: end it"},
	{SQLITE_LOCKED, 0, UNAVAILABLE, "another program keeps %s locked: end it"},
	{SQLITE_PERM, 0, UNAVAILABLE,
		"%s may not be opened: make it readable and writable for the user davitd runs as"},
	{SQLITE_CANTOPEN, 0, UNAVAILABLE,
		"%s cannot be opened: check that its folder is there and may be written"},
};

static const struct sentence *sentence_for(int rc, int errnum)
{
	for (size_t i = 0; i < COUNT(sentences); i++) {
		const struct sentence *s = &sentences[i];

		if ((s->rc == rc || s->rc == (rc & 0xff)) &&
			(s->errnum == 0 || s->errnum == errnum))
			return s;
	}
	return NULL;
}

/* SQLite does not keep the system's error of a failed COMMIT; errno still has it then, as
 * conn_run() cleared it before and calls that work leave it alone. */
static int conn_errno(const struct conn *c)
{
	int kept = errno;
	int errnum = c->db != NULL ? sqlite3_system_errno(c->db) : 0;

	return errnum != 0 ? errnum : kept;
}

bool conn_fail(const struct conn *c, int rc, struct fail *f)
{
	int errnum = conn_errno(c);
	const struct sentence *s = sentence_for(rc, errnum);

	if (s != NULL) {
		/* The texts of the table have one %s each. */
		char text[sizeof(f->text)];

		sqlite3_snprintf((int)sizeof(text), text, s->text, c->path);
		fail_set(f, s->code, "%s", text);
	} else if ((rc & 0xff) == SQLITE_IOERR) {
		fail_set(f, FAIL_UNAVAILABLE, "reading or writing %s failed (%s): check the disk",
			c->path, errnum != 0 ? strerrordesc_np(errnum) : sqlite3_errstr(rc));
	} else {
		fail_set(f, FAIL_INTERNAL, "%s: %s", c->path,
			c->db != NULL ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc));
	}
	if (f != NULL && f->code == FAIL_UNAVAILABLE)
		f->retry_after_ms = RETRY_MS;
	return false;
}

bool conn_op_failed(const struct conn *c, int rc, struct store_op *op, struct fail *f)
{
	op->ok = false;
	op->changed = false;
	if (rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_UNIQUE) {
		fail_set(&op->fail, FAIL_CONFLICT, "there is one of that id already");
		return true;
	}
	if (rc == SQLITE_TOOBIG) {
		fail_set(&op->fail, FAIL_TOO_LARGE, "too long for the database");
		return true;
	}
	if ((rc & 0xff) == SQLITE_CONSTRAINT) {
		fail_set(&op->fail, FAIL_INTERNAL, "%s", sqlite3_errmsg(c->db));
		return true;
	}
	return conn_fail(c, rc, f);
}

bool conn_exec(struct conn *c, const char *sql, struct fail *f)
{
	int rc;

	errno = 0;
	rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK || conn_fail(c, rc, f);
}

bool conn_pragma_int(struct conn *c, const char *sql, int64_t *ret_value, struct fail *f)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret_value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || conn_fail(c, rc, f);
}

bool conn_open(struct conn *c, const char *path, struct fail *f)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc;

	memset(c, 0, sizeof(*c));
	c->path = path;
	rc = sqlite3_open_v2(path, &c->db, flags, NULL);
	if (rc != SQLITE_OK) {
		conn_fail(c, rc, f);
		conn_close(c);
		return false;
	}
	sqlite3_busy_timeout(c->db, BUSY_MS);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	return true;
}

void conn_close(struct conn *c)
{
	for (size_t i = 0; i < COUNT(c->stmt); i++)
		sqlite3_finalize(c->stmt[i]);
	for (size_t i = 0; i < COUNT(c->edges); i++)
		sqlite3_finalize(c->edges[i].stmt);
	sqlite3_close_v2(c->db);
	sealer_free(c->sealer);
	memset(c, 0, sizeof(*c));
}

sqlite3_stmt *conn_prepare(struct conn *c, const char *sql, struct fail *f)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);

	if (rc != SQLITE_OK)
		conn_fail(c, rc, f);
	return stmt;
}

sqlite3_stmt *conn_stmt(struct conn *c, enum sql_id id, const char *sql, struct fail *f)
{
	if (c->stmt[id] == NULL)
		c->stmt[id] = conn_prepare(c, sql, f);
	return c->stmt[id];
}

int conn_run(sqlite3_stmt *stmt)
{
	int rc;

	errno = 0; /* see conn_errno() */
	rc = sqlite3_step(stmt);
	stmt_done(stmt);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

void stmt_done(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

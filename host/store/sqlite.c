/*
 * sqlite.c - the SQLite driver: opening a file that may be missing, foreign, newer or
 * read-only, and the transactions of the writer.
 *
 * The database is in write-ahead mode: readers never wait for the writer. A commit is on disk
 * with synchronous FULL; with NORMAL it survives our crash, and a later FULL commit takes
 * it along.
 */
#include "store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/fs.h"

/* Small caches: an idle daemon shall stay small, and the system caches the file too. */
static const char writer_setup[] =
	"PRAGMA cache_size = -1024;"
	"PRAGMA wal_autocheckpoint = 1000;"     /* pages: 4 MiB */
	"PRAGMA journal_size_limit = 16777216;" /* what a storm leaves of the log */
	"PRAGMA cell_size_check = ON;"
	"PRAGMA synchronous = FULL;";
static const char reader_setup[] = "PRAGMA cache_size = -256; PRAGMA query_only = ON;";

static void folder_of(const char *path, char folder[PATH_MAX])
{
	size_t n = (size_t)(strrchr(path, '/') - path);

	if (n == 0)
		n = 1; /* the root */
	memcpy(folder, path, n);
	folder[n] = '\0';
}

static bool path_check(const char *path, struct fail *f)
{
	if (path[0] != '/' || strlen(path) + sizeof("-journal") > PATH_MAX)
		return fail_set(f, FAIL_INVALID,
			"sqlite:%s: give the absolute path of a file, as in sqlite:/var/lib/davit.db",
			path);
	return true;
}

/* The log and the index of the log are made beside the database: its folder must be writable
 * even where the file is. Tells why opening cannot work better than SQLite does. */
static bool folder_check(const char *path, struct fail *f)
{
	char folder[PATH_MAX];

	folder_of(path, folder);
	if (access(folder, W_OK | X_OK) == 0)
		return true;
	if (errno == EROFS)
		return fail_set(f, FAIL_UNAVAILABLE,
			"the folder %s is on a file system that is mounted read-only: mount it writable",
			folder);
	if (errno == EACCES)
		return fail_set(f, FAIL_UNAVAILABLE,
			"the folder %s is read-only: make it writable for the user davitd runs as",
			folder);
	return fail_set(f, FAIL_UNAVAILABLE, "the folder %s is not there: make it", folder);
}

/* Makes an empty file for us alone where there is none (SQLite would let others read it). */
static bool file_make(const char *path, bool *ret_made, struct fail *f)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	*ret_made = fd >= 0;
	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (errno == EEXIST)
		return true;
	fail_errno(f, errno, "making %s", path);
	if (f != NULL)
		f->code = FAIL_UNAVAILABLE;
	return false;
}

static bool file_check(const char *path, struct fail *f)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return fail_set(
			f, FAIL_INVALID, "%s is not a file: name one for the database", path);
	if (access(path, R_OK | W_OK) == 0)
		return true;
	if (access(path, R_OK) == 0)
		return fail_set(f, FAIL_UNAVAILABLE,
			"%s is read-only: make it writable for the user davitd runs as", path);
	return fail_set(f, FAIL_UNAVAILABLE,
		"%s may not be read: make it readable and writable for the user davitd runs as",
		path);
}

static bool wal_on(struct conn *c, struct fail *f)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(c->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
	bool on = false;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		on = strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
	sqlite3_finalize(stmt);
	if (rc != SQLITE_ROW)
		return conn_fail(c, rc, f);
	return on || fail_set(f, FAIL_UNAVAILABLE,
			     "%s: its file system cannot keep a write-ahead log: use a local disk",
			     c->path);
}

/* A log that a crash left must stay as it is where we refuse the file: as the last connection
 * we would otherwise carry it over into the database. */
static void keep_log(struct conn *c)
{
	char log[PATH_MAX];
	struct stat st;

	sqlite3_snprintf((int)sizeof(log), log, "%s-wal", c->path);
	if (stat(log, &st) == 0 && st.st_size > 0)
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

static bool writer_open(struct sqlite_db *d, const struct store_keys *keys, struct fail *f)
{
	struct conn *c = &d->writer;
	int64_t version = 0;

	if (!conn_open(c, d->path, f))
		return false;
	keep_log(c);
	if (!sqlite_schema_check(c, (int64_t)sqlite_migration_count, &version, f) ||
		!sqlite_seal_open(d, keys, version, f))
		return false;
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return wal_on(c, f) && conn_exec(c, writer_setup, f) &&
	       sqlite_migrate(c, sqlite_migrations, sqlite_migration_count, version, f) &&
	       sqlite_seal_finish(d, keys, f);
}

static bool site_read(struct sqlite_db *d, struct fail *f)
{
	sqlite3_stmt *stmt = conn_prepare(&d->writer, "SELECT id FROM site", f);
	const char *text = NULL;

	if (stmt == NULL)
		return false;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		text = (const char *)sqlite3_column_text(stmt, 0);
	if (text != NULL && strlen(text) == sizeof(d->site) - 1)
		memcpy(d->site, text, sizeof(d->site));
	sqlite3_finalize(stmt);
	return d->site[0] != '\0' ||
	       fail_set(f, FAIL_INVALID, "%s does not say which site it is: restore a backup",
		       d->path);
}

static bool file_sync(const char *path, struct fail *f)
{
	char folder[PATH_MAX];

	folder_of(path, folder);
	return fs_sync_dir(folder, f);
}

static void sqlite_close(void *db)
{
	struct sqlite_db *d = db;

	conn_close(&d->writer);
	seal_close(d->seal);
	free(d->path);
	free(d);
}

static void *sqlite_open(const char *path, const struct store_keys *keys, struct fail *f)
{
	bool made = false;
	struct sqlite_db *d;

	if (!path_check(path, f) || !folder_check(path, f))
		return NULL;
	d = calloc(1, sizeof(*d));
	if (d == NULL || (d->path = strdup(path)) == NULL) {
		free(d);
		fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		return NULL;
	}
	d->full_sync = true;
	/* Nobody asks how much memory SQLite has, and counting takes a lock for each block. It can
	 * be said only before the first database of a process. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (file_make(path, &made, f) && file_check(path, f) && writer_open(d, keys, f) &&
		site_read(d, f) && file_sync(path, f))
		return d;
	sqlite_close(d);
	if (made)
		unlink(path);
	return NULL;
}

/*
 * After a failed write to the log its pages in memory may look written while they are not,
 * and a later commit would build on a hole. So everything is first carried over into the
 * database and the log begun anew.
 */
static bool log_renew(struct sqlite_db *d, struct fail *f)
{
	int rc = sqlite3_wal_checkpoint_v2(
		d->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	if (rc != SQLITE_OK)
		return conn_fail(&d->writer, rc, f);
	d->suspect = false;
	return true;
}

static bool sync_set(struct sqlite_db *d, bool full, struct fail *f)
{
	if (d->full_sync == full)
		return true;
	if (!conn_exec(&d->writer,
		    full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", f))
		return false;
	d->full_sync = full;
	return true;
}

static bool simple(struct sqlite_db *d, enum sql_id id, const char *sql, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(&d->writer, id, sql, f);
	int rc;

	if (stmt == NULL)
		return false;
	rc = conn_run(stmt);
	return rc == SQLITE_OK || conn_fail(&d->writer, rc, f);
}

static bool sqlite_begin(void *db, bool durable, struct fail *f)
{
	struct sqlite_db *d = db;

	assert(sqlite3_get_autocommit(d->writer.db));
	if (d->suspect && (!sync_set(d, true, f) || !log_renew(d, f)))
		return false;
	return sync_set(d, durable, f) && simple(d, SQL_BEGIN, "BEGIN IMMEDIATE", f);
}

/* Writing the version it has already is a write all the same. */
static bool sqlite_touch(void *db, struct fail *f)
{
	struct sqlite_db *d = db;
	char sql[64];

	sqlite3_snprintf((int)sizeof(sql), sql, "PRAGMA user_version = %lld",
		(long long)sqlite_migration_count);
	return conn_exec(&d->writer, sql, f);
}

/* The last few writes of a disk that fills up go where the log has room already; what takes more
 * would fail. So room is asked for in a file of its own, gone before it is made larger. */
static bool sqlite_room(void *db, uint64_t bytes, struct fail *f)
{
	struct sqlite_db *d = db;
	char path[PATH_MAX];
	int fd, err;

	sqlite3_snprintf((int)sizeof(path), path, "%s-room", d->path);
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	err = fd < 0 ? errno : 0;
	if (fd >= 0) {
		(void)unlink(path);
		err = posix_fallocate(fd, 0, (off_t)bytes);
		close(fd);
	}
	if (err == ENOSPC || err == EDQUOT)
		return conn_fail(&d->writer, SQLITE_FULL, f);
	if (err != 0) {
		fail_errno(f, err, "looking for room for %s", d->path);
		f->code = FAIL_UNAVAILABLE;
	}
	return err == 0;
}

static bool sqlite_apply(void *db, struct store_op *op, struct fail *f)
{
	static bool (*const kinds[])(struct conn *, struct store_op *, struct fail *) = {
		[STORE_JOB_ADD] = sqlite_job_add,
		[STORE_JOB_EDGE] = sqlite_job_edge,
		[STORE_KV_PUT] = sqlite_kv_put,
		[STORE_KV_DELETE] = sqlite_kv_delete,
		[STORE_CLAIM_ANSWER] = sqlite_claim_answer,
		[STORE_CLAIM_SWEEP] = sqlite_claim_sweep,
		[STORE_JOURNAL] = sqlite_journal_write,
	};
	struct sqlite_db *d = db;

	op->ok = true;
	op->changed = false;
	return kinds[op->kind](&d->writer, op, f);
}

static bool sqlite_commit(void *db, struct fail *f)
{
	return simple(db, SQL_COMMIT, "COMMIT", f);
}

static void sqlite_rollback(void *db)
{
	struct sqlite_db *d = db;

	d->suspect = true;
	if (!sqlite3_get_autocommit(d->writer.db)) /* SQLite may have done it by itself */
		(void)simple(d, SQL_ROLLBACK, "ROLLBACK", NULL);
}

static const char *sqlite_site(void *db)
{
	const struct sqlite_db *d = db;

	return d->site;
}

static void reader_close(void *reader)
{
	conn_close(reader);
	free(reader);
}

static void *reader_open(void *db, struct fail *f)
{
	const struct sqlite_db *d = db;
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		fail_set(f, FAIL_UNAVAILABLE, "out of memory");
		return NULL;
	}
	if (conn_open(c, d->path, f) && conn_exec(c, reader_setup, f) &&
		sqlite_seal_conn(c, d->seal, f))
		return c;
	reader_close(c);
	return NULL;
}

const struct store_driver store_sqlite = {
	.scheme = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.site = sqlite_site,
	.begin = sqlite_begin,
	.touch = sqlite_touch,
	.room = sqlite_room,
	.apply = sqlite_apply,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.reader_open = reader_open,
	.reader_close = reader_close,
	.job = sqlite_job,
	.job_by_remote = sqlite_job_by_remote,
	.job_by_submission = sqlite_job_by_submission,
	.job_status = sqlite_job_status,
	.job_series = sqlite_job_series,
	.jobs = sqlite_jobs,
	.connections = sqlite_connections,
	.journal = sqlite_journal,
	.journal_attempt = sqlite_journal_attempt,
	.claim = sqlite_claim,
	.kv_get = sqlite_kv_get,
	.kv_list = sqlite_kv_list,
	.kv_all = sqlite_kv_all,
};

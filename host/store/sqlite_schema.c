/*
 * sqlite_schema.c - the schema: how each version is made from the one before, and whether a
 * file is a database of ours at all. A step that was released is never edited; add one.
 */
#include "store/sqlite.h"

#include <inttypes.h>

#include "base/attr.h"
#include "base/fail.h"

/*
 * A job is open as long as finished_ms is 0, and the database itself refuses a terminal
 * state without its times. Short columns come first: a status poll then reads no more
 * than the first page of a row. SQLite builds a table of its own, each time, for IN with more
 * than two words: that was a sixth of an insert.
 */
static const char *const version_1[] = {
	"CREATE TABLE job ("
	" id TEXT NOT NULL PRIMARY KEY,"
	" state TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" started_ms INTEGER NOT NULL,"
	" finished_ms INTEGER NOT NULL,"
	" provider TEXT NOT NULL,"
	" handle TEXT,"
	" epoch INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL,"
	" submission TEXT,"
	" parent TEXT,"
	" cancel_ms INTEGER NOT NULL,"
	" deadline_ms INTEGER NOT NULL,"
	" next_poll_ms INTEGER NOT NULL,"
	" interface TEXT,"
	" kind TEXT,"
	" name TEXT,"
	" project TEXT,"
	" connection TEXT,"
	" remote_name TEXT,"
	" error TEXT,"
	" remote_ref TEXT,"
	" progress TEXT,"
	" checkpoint TEXT,"
	" request TEXT,"
	" result TEXT,"
	" CONSTRAINT terminal_is_finished CHECK"
	"  ((state IN ('succeeded', 'failed') OR state = 'cancelled') = (finished_ms > 0)),"
	" CONSTRAINT finished_was_started CHECK (finished_ms = 0 OR started_ms > 0)"
	") STRICT",
	"CREATE INDEX job_open ON job (id) WHERE finished_ms = 0",
	"CREATE INDEX job_provider ON job (provider, id)",
	"CREATE INDEX job_project ON job (project, id) WHERE project IS NOT NULL",
	"CREATE INDEX job_parent ON job (parent, id) WHERE parent IS NOT NULL",
	"CREATE INDEX job_remote ON job (remote_name, provider, id) WHERE remote_name IS NOT NULL",

	"CREATE TABLE kv ("
	" instance TEXT NOT NULL,"
	" key TEXT NOT NULL,"
	" version INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL,"
	" value TEXT NOT NULL,"
	" PRIMARY KEY (instance, key)"
	") STRICT",
	/* What an instance uses, kept by triggers; retired: the highest version of a deleted key.
         */
	"CREATE TABLE kv_use ("
	" instance TEXT NOT NULL PRIMARY KEY,"
	" keys INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL,"
	" retired INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID",
	"CREATE TRIGGER kv_insert AFTER INSERT ON kv BEGIN"
	" INSERT INTO kv_use VALUES (NEW.instance, 1, NEW.bytes, 0)"
	"  ON CONFLICT (instance) DO UPDATE SET keys = keys + 1, bytes = bytes + excluded.bytes;"
	"END",
	"CREATE TRIGGER kv_update AFTER UPDATE ON kv BEGIN"
	" UPDATE kv_use SET bytes = bytes + NEW.bytes - OLD.bytes WHERE instance = NEW.instance;"
	"END",
	"CREATE TRIGGER kv_delete AFTER DELETE ON kv BEGIN"
	" UPDATE kv_use SET keys = keys - 1, bytes = bytes - OLD.bytes,"
	"  retired = max(retired, OLD.version) WHERE instance = OLD.instance;"
	"END",
};

/*
 * Runs. Their metrics stand beside the result, and in the index with all that a list of runs
 * is filtered by: finding the best of many reads no rows.
 */
static const char *const version_2[] = {
	"ALTER TABLE job ADD COLUMN rerun_of TEXT",
	"ALTER TABLE job ADD COLUMN metrics TEXT",
	"ALTER TABLE job ADD COLUMN series TEXT",
	/* Anything but an object would be no JSON once it is taken out, and end each query. */
	"UPDATE job SET metrics = CASE WHEN NOT json_valid(result) THEN NULL"
	" WHEN json_type(result, '$.metrics') = 'object' THEN json_extract(result, '$.metrics')"
	" END WHERE " SQLITE_RUNS,
	"CREATE INDEX job_run ON job (id, interface, kind, provider, project, name, metrics)"
	" WHERE " SQLITE_RUNS,
};

/*
 * Sealed columns: what they held is sealed, and cleaned away after this (sqlite_seal.c).
 */
#define SEAL_JOB(column)                                                                           \
	"ALTER TABLE job ADD COLUMN sealed_" column " BLOB",                                       \
		"UPDATE job SET sealed_" column " = davit_seal('job." column                       \
		"', id, NULL, " column ")",                                                        \
		"ALTER TABLE job DROP COLUMN " column,                                             \
		"ALTER TABLE job RENAME COLUMN sealed_" column " TO " column

static const char *const version_3[] = {
	SEAL_JOB("progress"),
	SEAL_JOB("checkpoint"),
	SEAL_JOB("request"),
	SEAL_JOB("result"),
	"ALTER TABLE kv ADD COLUMN sealed_value BLOB NOT NULL DEFAULT x''",
	"UPDATE kv SET sealed_value = davit_seal('kv.value', instance, key, value)",
	"ALTER TABLE kv DROP COLUMN value",
	"ALTER TABLE kv RENAME COLUMN sealed_value TO value",
	"CREATE TABLE seal ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" clean INTEGER NOT NULL,"
	" value BLOB NOT NULL"
	") STRICT",
	"INSERT INTO seal SELECT 1,"
	" NOT EXISTS (SELECT 1 FROM job) AND NOT EXISTS (SELECT 1 FROM kv),"
	" davit_seal('seal.value', '1', NULL, 'davit')",
};

/* Claims: what requests that name themselves made, until until_ms. Of status 0 no answer is kept;
 * the others are sealed. */
static const char *const version_4[] = {
	"CREATE TABLE claim ("
	" name BLOB NOT NULL PRIMARY KEY,"
	" made_ms INTEGER NOT NULL,"
	" until_ms INTEGER NOT NULL,"
	" status INTEGER NOT NULL,"
	" job TEXT NOT NULL,"
	" body BLOB NOT NULL,"
	" answer BLOB"
	") STRICT",
	"CREATE INDEX claim_until ON claim (until_ms)",
	/* What all of them use, kept by triggers. */
	"CREATE TABLE claim_use (claims INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT",
	"INSERT INTO claim_use VALUES (0, 0)",
	"CREATE TRIGGER claim_insert AFTER INSERT ON claim BEGIN"
	" UPDATE claim_use SET claims = claims + 1, bytes = bytes + ifnull(length(NEW.answer), 0);"
	"END",
	"CREATE TRIGGER claim_update AFTER UPDATE OF answer ON claim BEGIN"
	" UPDATE claim_use SET"
	"  bytes = bytes + ifnull(length(NEW.answer), 0) - ifnull(length(OLD.answer), 0);"
	"END",
	"CREATE TRIGGER claim_delete AFTER DELETE ON claim BEGIN"
	" UPDATE claim_use SET claims = claims - 1, bytes = bytes - ifnull(length(OLD.answer), 0);"
	"END",
};

/*
 * The journal of each job, in the order of jobs; what a person decided; which site this is. Most
 * submissions have the id of their job and need no index: taking one in costs nothing more.
 */
#define SITE_CHARACTER                                                                             \
	"substr('0123456789abcdefghijklmnopqrstuvwxyz', 1 + (random() & 65535) % 36, 1)"

static const char *const version_5[] = {
	"CREATE TABLE journal ("
	" job TEXT NOT NULL,"
	" seq INTEGER NOT NULL,"
	" time_ms INTEGER NOT NULL,"
	" kind TEXT NOT NULL,"
	" epoch INTEGER NOT NULL,"
	" k INTEGER NOT NULL,"
	" status INTEGER NOT NULL,"
	" detail BLOB,"
	" PRIMARY KEY (job, seq)"
	") STRICT, WITHOUT ROWID",
	"ALTER TABLE job ADD COLUMN decision BLOB",
	"CREATE INDEX job_submission ON job (submission) WHERE submission <> id",
	"CREATE INDEX job_connection ON job (provider, connection) WHERE connection <> ''",
	"CREATE TABLE site (id TEXT NOT NULL) STRICT",
	"INSERT INTO site SELECT " SITE_CHARACTER " || " SITE_CHARACTER " || " SITE_CHARACTER
	" || " SITE_CHARACTER " || " SITE_CHARACTER " || " SITE_CHARACTER " || " SITE_CHARACTER
	" || " SITE_CHARACTER,
};

/* How often: calls that a row stands for, requests that were sent once more. Unlike details they
 * may be counted on, and outlive them. */
static const char *const version_6[] = {
	"ALTER TABLE journal ADD COLUMN times INTEGER NOT NULL DEFAULT 0",
	"ALTER TABLE journal ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0",
};

/* Whose account at which cloud a job is done with, as digests. */
static const char *const version_7[] = {
	"ALTER TABLE job ADD COLUMN account TEXT",
};

/* On what terms a job was submitted: its name at the other side, its class, its settle delay. */
static const char *const version_8[] = {
	"ALTER TABLE job ADD COLUMN terms TEXT",
};

const struct sqlite_migration sqlite_migrations[] = {
	{version_1, COUNT(version_1)},
	{version_2, COUNT(version_2)},
	{version_3, COUNT(version_3)},
	{version_4, COUNT(version_4)},
	{version_5, COUNT(version_5)},
	{version_6, COUNT(version_6)},
	{version_7, COUNT(version_7)},
	{version_8, COUNT(version_8)},
};
const size_t sqlite_migration_count = COUNT(sqlite_migrations);

static bool application_check(struct conn *c, struct fail *f)
{
	int64_t application = 0;
	int64_t objects = 0;

	if (!conn_pragma_int(c, "PRAGMA application_id", &application, f) ||
		!conn_pragma_int(c, "SELECT count(*) FROM sqlite_schema", &objects, f))
		return false;
	if (application == SQLITE_APPLICATION_ID || (application == 0 && objects == 0))
		return true;
	return fail_set(f, FAIL_INVALID, "%s is the database of another program: name another file",
		c->path);
}

bool sqlite_schema_check(struct conn *c, int64_t known, int64_t *ret_version, struct fail *f)
{
	int64_t version = 0;

	if (!application_check(c, f) || !conn_pragma_int(c, "PRAGMA user_version", &version, f))
		return false;
	if (version > known)
		return fail_set(f, FAIL_CONFLICT,
			"%s: database schema %" PRId64
			" is newer than this davitd understands (%" PRId64
			"): use the newer davitd or restore a backup",
			c->path, version, known);
	if (version < 0)
		return fail_set(f, FAIL_INVALID,
			"%s: schema version %" PRId64 " makes no sense: "
			"restore a backup",
			c->path, version);
	*ret_version = version;
	return true;
}

static bool step_run(
	struct conn *c, const struct sqlite_migration *step, int64_t version, struct fail *f)
{
	char marks[96];

	for (size_t i = 0; i < step->count; i++) {
		if (!conn_exec(c, step->sql[i], f))
			return false;
	}
	sqlite3_snprintf((int)sizeof(marks), marks,
		"PRAGMA application_id = %d; PRAGMA user_version = %lld", SQLITE_APPLICATION_ID,
		(long long)version);
	return conn_exec(c, marks, f);
}

bool sqlite_migrate(struct conn *c, const struct sqlite_migration *steps, size_t count,
	int64_t version, struct fail *f)
{
	for (int64_t to = version + 1; to <= (int64_t)count; to++) {
		if (!conn_exec(c, "BEGIN IMMEDIATE", f))
			return false;
		if (!step_run(c, &steps[to - 1], to, f) || !conn_exec(c, "COMMIT", f)) {
			sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
			return fail_wrap(f, "bringing the database to schema %" PRId64, to);
		}
	}
	return true;
}

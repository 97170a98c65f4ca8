/*
 * sqlite_list.c - lists of jobs in SQLite: a filter becomes a statement of constant pieces, its
 * values are bound; and what jobs were accepted with.
 */
#include "store/sqlite.h"

#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"

#define SQL_LIMIT 4096 /* bytes of a statement made here; far above any */

struct clause {
	const char *sql;
	const char *value; /* NULL: the clause is not wanted */
};

#define FILTER_CLAUSES 8

static void filter_clauses(const struct job_filter *filter, struct clause clauses[FILTER_CLAUSES])
{
	const struct clause all[FILTER_CLAUSES] = {
		{" AND provider = ?", filter->provider},
		{" AND interface = ?", filter->interface},
		{" AND kind = ?", filter->kind},
		{" AND project = ?", filter->project},
		{" AND parent = ?", filter->parent},
		{" AND name = ?", filter->name},
		{" AND id >= ?", filter->since},
		{filter->oldest_first ? " AND id > ?" : " AND id < ?",
			filter->metric == NULL ? filter->before : NULL},
	};

	memcpy(clauses, all, sizeof(all));
}

static void states_text(struct buf *sql, unsigned states)
{
	const char *comma = "";

	if (states == 0)
		return;
	if ((states & ~(unsigned)JOB_OPEN) == 0)
		buf_text(sql, " AND finished_ms = 0"); /* for the index of open jobs */
	buf_text(sql, " AND state IN (");
	for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
		if ((states & JOB_BIT(i)) != 0) {
			buf_printf(sql, "%s?", comma);
			comma = ", ";
		}
	}
	buf_text(sql, ")");
}

static void where_text(struct buf *sql, const struct job_filter *filter,
	const struct clause clauses[FILTER_CLAUSES])
{
	bool open = filter->states != 0 && (filter->states & ~(unsigned)JOB_OPEN) == 0;

	/* Left to itself the planner takes the index of the project, and reads every row. Of what
	 * is open there is little. */
	if (open && (filter->runs || filter->metric != NULL))
		buf_text(sql, " INDEXED BY job_open WHERE " SQLITE_RUNS);
	else if (filter->runs || filter->metric != NULL)
		buf_text(sql, " INDEXED BY job_run WHERE " SQLITE_RUNS);
	else
		buf_text(sql, " WHERE 1");
	states_text(sql, filter->states);
	if (filter->kind == NULL && !filter->errands)
		buf_text(sql, " AND kind IS NOT 'remove' AND kind IS NOT 'cancel'");
	if (filter->unmade)
		buf_text(sql, " AND remote_name IS NULL");
	for (size_t i = 0; i < FILTER_CLAUSES; i++) {
		if (clauses[i].value != NULL)
			buf_text(sql, clauses[i].sql);
	}
}

/* The rows are read when it is known which ones: the ordering sees the index alone. ?1 is the
 * path of the metric in the JSON object. */
static void best_text(struct buf *sql, const struct job_filter *filter,
	const struct clause clauses[FILTER_CLAUSES])
{
	const char *way = filter->lowest_first ? "" : " DESC";

	buf_text(sql, sqlite_job_select);
	buf_text(sql, " JOIN (SELECT id AS best, json_extract(metrics, ?1) AS value FROM job");
	where_text(sql, filter, clauses);
	buf_text(sql, " AND json_type(metrics, ?1) IN ('integer', 'real')");
	buf_printf(sql, " ORDER BY value%s, id DESC LIMIT %zu OFFSET %zu", way,
		filter->limit != 0 ? filter->limit : (size_t)INT32_MAX, filter->skip);
	buf_printf(sql, ") ON id = best ORDER BY value%s, best DESC", way);
}

static sqlite3_stmt *filter_prepare(struct conn *c, const struct job_filter *filter,
	const struct clause clauses[FILTER_CLAUSES], struct fail *f)
{
	sqlite3_stmt *stmt = NULL;
	struct buf sql;
	int rc;

	buf_init(&sql, SQL_LIMIT);
	if (filter->metric != NULL) {
		best_text(&sql, filter, clauses);
	} else {
		buf_text(&sql, sqlite_job_select);
		where_text(&sql, filter, clauses);
		buf_text(&sql, filter->oldest_first ? " ORDER BY id" : " ORDER BY id DESC");
	}
	if (sql.failed) {
		fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	} else {
		rc = sqlite3_prepare_v2(c->db, sql.p, -1, &stmt, NULL);
		if (rc != SQLITE_OK)
			conn_fail(c, rc, f);
	}
	buf_finish(&sql);
	return stmt;
}

static void filter_bind(sqlite3_stmt *stmt, const struct job_filter *filter,
	const struct clause clauses[FILTER_CLAUSES])
{
	int at = 1;

	if (filter->metric != NULL) {
		char *path = sqlite3_mprintf("$.\"%s\"", filter->metric);

		sqlite3_bind_text(stmt, at++, path, -1, sqlite3_free);
	}
	for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
		if ((filter->states & JOB_BIT(i)) != 0)
			sqlite3_bind_text(
				stmt, at++, job_state_word((enum job_state)i), -1, SQLITE_STATIC);
	}
	for (size_t i = 0; i < FILTER_CLAUSES; i++) {
		if (clauses[i].value != NULL)
			sqlite3_bind_text(stmt, at++, clauses[i].value, -1, SQLITE_STATIC);
	}
}

static bool rows_each(struct conn *c, sqlite3_stmt *stmt, size_t limit,
	bool (*each)(const struct job *job, void *ctx), void *ctx, struct fail *f)
{
	bool more = true;
	struct job job;
	int rc = SQLITE_DONE;

	for (size_t n = 0; more && (limit == 0 || n < limit); n++) {
		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		if (!sqlite_job_row(c, stmt, &job, f))
			return false;
		more = each(&job, ctx);
		job_finish(&job);
	}
	return rc == SQLITE_ROW || rc == SQLITE_DONE || conn_fail(c, rc, f);
}

bool sqlite_jobs(void *reader, const struct job_filter *filter,
	bool (*each)(const struct job *job, void *ctx), void *ctx, struct fail *f)
{
	struct clause clauses[FILTER_CLAUSES];
	sqlite3_stmt *stmt;
	bool ok;

	filter_clauses(filter, clauses);
	stmt = filter_prepare(reader, filter, clauses, f);
	if (stmt == NULL)
		return false;
	filter_bind(stmt, filter, clauses);
	ok = rows_each(reader, stmt, filter->limit, each, ctx, f);
	sqlite3_finalize(stmt);
	return ok;
}

/* --- connections --- */

#define SQLITE_NAME_SIZE 512 /* of a connection that is listed; a longer one ends the list */

/* Was a job lately accepted without a connection? */
static bool plain_look(struct conn *c, const char *provider, bool *ret_is, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_JOB_PLAIN,
		"SELECT 1 FROM (SELECT connection FROM job WHERE provider = ?"
		" ORDER BY id DESC LIMIT 10000) WHERE ifnull(connection, '') = '' LIMIT 1",
		f);
	int rc;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, provider, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	*ret_is = rc == SQLITE_ROW;
	stmt_done(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE || conn_fail(c, rc, f);
}

/* The first connection behind name, which it replaces; "": there is none. One look at the index
 * each, however many jobs had it. */
static bool connection_next(
	struct conn *c, const char *provider, char name[SQLITE_NAME_SIZE], struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(c, SQL_JOB_CONNECTION,
		"SELECT connection FROM job INDEXED BY job_connection WHERE connection <> ''"
		" AND provider = ? AND connection > ? ORDER BY connection LIMIT 1",
		f);
	const char *text = NULL;
	int rc;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, provider, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		text = (const char *)sqlite3_column_text(stmt, 0);
	name[0] = '\0';
	if (text != NULL && strlen(text) < SQLITE_NAME_SIZE)
		memcpy(name, text, strlen(text) + 1);
	stmt_done(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE || conn_fail(c, rc, f);
}

bool sqlite_connections(void *reader, const char *provider,
	bool (*each)(const char *connection, void *ctx), void *ctx, struct fail *f)
{
	char name[SQLITE_NAME_SIZE] = "";
	bool more = false;

	if (!plain_look(reader, provider, &more, f))
		return false;
	if (more && !each("", ctx))
		return true;
	do {
		if (!connection_next(reader, provider, name, f))
			return false;
	} while (name[0] != '\0' && each(name, ctx));
	return true;
}

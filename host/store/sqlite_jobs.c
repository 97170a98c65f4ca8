/*
 * sqlite_jobs.c - jobs in SQLite: one table of columns serves inserting, reading and the
 * edges.
 */
#include "store/sqlite.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"

#define SQL_LIMIT 4096 /* bytes of a statement made here; far above any */

enum column_kind {
	COLUMN_INT,
	COLUMN_ID, /* "" is NULL in the database */
	COLUMN_TEXT,
	COLUMN_SEALED, /* a text */
	COLUMN_STATE
};

struct column {
	const char *name;
	size_t offset; /* in struct job */
	enum column_kind kind;
	unsigned set;       /* enum job_set bit; 0: no edge writes it, or not as a value */
	const char *sealed; /* its name as a place to be sealed for */
};

/* All columns but id, in the order of sqlite_schema.c. */
#define COLUMNS(X)                                                                                 \
	X(state, STATE, 0)                                                                         \
	X(created_ms, INT, 0)                                                                      \
	X(started_ms, INT, JOB_SET_STARTED)                                                        \
	X(finished_ms, INT, JOB_SET_FINISHED)                                                      \
	X(provider, TEXT, 0)                                                                       \
	X(handle, TEXT, JOB_SET_HANDLE)                                                            \
	X(epoch, INT, 0)                                                                           \
	X(attempts, INT, 0)                                                                        \
	X(submission, ID, 0)                                                                       \
	X(parent, ID, 0)                                                                           \
	X(cancel_ms, INT, JOB_SET_CANCEL)                                                          \
	X(deadline_ms, INT, JOB_SET_DEADLINE)                                                      \
	X(next_poll_ms, INT, JOB_SET_NEXT_POLL)                                                    \
	X(interface, TEXT, 0)                                                                      \
	X(kind, TEXT, 0)                                                                           \
	X(name, TEXT, 0)                                                                           \
	X(project, TEXT, 0)                                                                        \
	X(connection, TEXT, 0)                                                                     \
	X(remote_name, TEXT, JOB_SET_REMOTE_NAME)                                                  \
	X(error, TEXT, JOB_SET_ERROR)                                                              \
	X(remote_ref, TEXT, JOB_SET_REMOTE_REF)                                                    \
	X(progress, SEALED, JOB_SET_PROGRESS)                                                      \
	X(checkpoint, SEALED, JOB_SET_CHECKPOINT)                                                  \
	X(request, SEALED, JOB_SET_REQUEST)                                                        \
	X(result, SEALED, JOB_SET_RESULT)                                                          \
	X(rerun_of, ID, 0)                                                                         \
	X(metrics, TEXT, JOB_SET_METRICS)                                                          \
	X(decision, SEALED, JOB_SET_DECISION)                                                      \
	X(account, TEXT, JOB_SET_ACCOUNT)                                                          \
	X(terms, TEXT, JOB_SET_TERMS)

#define COLUMN_NAME(name, kind, set) ", " #name
#define COLUMN_MARK(name, kind, set) ", ?"
#define COLUMN_ROW(name, kind, set)                                                                \
	{#name, offsetof(struct job, name), COLUMN_##kind, set, "job." #name},
#define JOB_NAMES "id" COLUMNS(COLUMN_NAME)
#define JOB_MARKS "?" COLUMNS(COLUMN_MARK)

/* The last one is long and rarely wanted: it is written only, and has a read of its own. */
static const struct column columns[] = {{"id", offsetof(struct job, id), COLUMN_ID, 0, NULL},
	COLUMNS(COLUMN_ROW){
		"series", offsetof(struct job, series), COLUMN_TEXT, JOB_SET_SERIES, NULL}};

#define COLUMNS_READ (COUNT(columns) - 1)

const char sqlite_job_select[] = "SELECT " JOB_NAMES " FROM job";

/* --- values --- */

static struct seal_place place_of(const struct column *col, const struct job *job)
{
	return (struct seal_place){col->sealed, job->id, NULL};
}

static int seal_bind(
	struct conn *c, sqlite3_stmt *stmt, int at, const struct column *col, const struct job *job)
{
	struct seal_place place = place_of(col, job);
	const void *p = (const char *)job + col->offset;

	return sqlite_seal_bind(c, stmt, at, &place, *(char *const *)p);
}

static int value_bind(
	struct conn *c, sqlite3_stmt *stmt, int at, const struct column *col, const struct job *job)
{
	const void *p = (const char *)job + col->offset;
	const char *text = NULL;

	switch (col->kind) {
	case COLUMN_INT:
		return sqlite3_bind_int64(stmt, at, *(const int64_t *)p);
	case COLUMN_ID:
		text = *(const char *)p != '\0' ? p : NULL;
		break;
	case COLUMN_TEXT:
		text = *(char *const *)p;
		break;
	case COLUMN_SEALED:
		return seal_bind(c, stmt, at, col, job);
	case COLUMN_STATE:
		text = job_state_word(*(const enum job_state *)p);
		break;
	}
	return sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

/* A text of a row cut to size, between characters. NULL reads as "". */
static void text_cut(sqlite3_stmt *stmt, int at, char *text, size_t size)
{
	const char *all = (const char *)sqlite3_column_text(stmt, at);
	size_t n = all != NULL ? strlen(all) : 0;

	if (n >= size) {
		n = size - 1;
		while (n > 0 && ((unsigned char)all[n] & 0xc0) == 0x80)
			n--;
	}
	if (n > 0)
		memcpy(text, all, n);
	text[n] = '\0';
}

static bool state_read(sqlite3_stmt *stmt, int at, enum job_state *ret_state, struct fail *f)
{
	const char *word = (const char *)sqlite3_column_text(stmt, at);

	if (word == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	return job_state_of(word, ret_state) ||
	       fail_set(f, FAIL_INTERNAL, "the database holds a job of the unknown state %s", word);
}

/* A text that is NULL leaves *ret_text as it is. */
static bool text_read(sqlite3_stmt *stmt, int at, char **ret_text, struct fail *f)
{
	const char *text;
	char *own;

	if (sqlite3_column_type(stmt, at) == SQLITE_NULL)
		return true;
	text = (const char *)sqlite3_column_text(stmt, at);
	own = text != NULL ? strdup(text) : NULL;
	if (own == NULL)
		return fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	*ret_text = own;
	return true;
}

static bool value_read(struct conn *c, sqlite3_stmt *stmt, int at, const struct column *col,
	struct job *job, struct fail *f)
{
	struct seal_place place = place_of(col, job);
	void *p = (char *)job + col->offset;

	switch (col->kind) {
	case COLUMN_INT:
		*(int64_t *)p = sqlite3_column_int64(stmt, at);
		return true;
	case COLUMN_ID:
		text_cut(stmt, at, p, ID_SIZE);
		return true;
	case COLUMN_STATE:
		return state_read(stmt, at, p, f);
	case COLUMN_SEALED: /* the id was read first */
		return sqlite_seal_read(c, stmt, at, &place, p, f);
	case COLUMN_TEXT:
		break;
	}
	return text_read(stmt, at, p, f);
}

bool sqlite_job_row(struct conn *c, sqlite3_stmt *stmt, struct job *ret_job, struct fail *f)
{
	struct job job = {0};

	for (size_t i = 0; i < COLUMNS_READ; i++) {
		if (!value_read(c, stmt, (int)i, &columns[i], &job, f)) {
			job_finish(&job);
			return false;
		}
	}
	*ret_job = job;
	return true;
}

/* --- writes --- */

static bool job_insert(struct conn *c, struct store_op *op, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(
		c, SQL_JOB_ADD, "INSERT INTO job (" JOB_NAMES ") VALUES (" JOB_MARKS ")", f);
	int rc = SQLITE_OK;

	if (stmt == NULL)
		return false;
	/* A job may come in with its end: an old one that is carried over. */
	if ((JOB_BIT(op->job.state) & JOB_TERMINAL) != 0 && op->job.started_ms == 0)
		op->job.started_ms = op->job.finished_ms;
	for (size_t i = 0; i < COLUMNS_READ && rc == SQLITE_OK; i++)
		rc = value_bind(c, stmt, (int)i + 1, &columns[i], &op->job);
	if (rc == SQLITE_OK)
		rc = conn_run(stmt);
	else
		stmt_done(stmt);
	if (rc != SQLITE_OK)
		return conn_op_failed(c, rc, op, f);
	op->changed = true;
	return true;
}

bool sqlite_job_add(struct conn *c, struct store_op *op, struct fail *f)
{
	if (op->claim.until_ms == 0)
		return job_insert(c, op, f);
	if (!sqlite_claim_add(c, op, f))
		return false;
	if (!op->ok)
		return true;
	return job_insert(c, op, f) && (op->ok || sqlite_claim_drop(c, op, f));
}

/*
 * Edges that write the same columns share a statement: its sort is the set bits and the two
 * below. An UPDATE that names only what changes leaves the other indexes alone.
 */
#define SORT_STATE   (1u << 30) /* writes the state */
#define SORT_STARTED (1u << 29) /* a terminal state: started becomes finished where it is 0 */

static bool edge_ends(const struct job_edge *e)
{
	return e->to != JOB_STATE_COUNT && (JOB_BIT(e->to) & JOB_TERMINAL) != 0;
}

static unsigned edge_sort(const struct job_edge *e)
{
	unsigned sort = e->set;

	if (e->to != JOB_STATE_COUNT)
		sort |= SORT_STATE;
	if (edge_ends(e) && ((e->set & JOB_SET_STARTED) == 0 || e->values.started_ms == 0))
		sort = (sort & ~(unsigned)JOB_SET_STARTED) | SORT_STARTED;
	return sort;
}

static sqlite3_stmt *edge_prepare(struct conn *c, unsigned sort, struct fail *f)
{
	sqlite3_stmt *stmt = NULL;
	struct buf sql;

	buf_init(&sql, SQL_LIMIT);
	buf_text(&sql, "UPDATE job SET epoch = epoch + ?, attempts = attempts + ?");
	if ((sort & SORT_STATE) != 0)
		buf_text(&sql, ", state = ?");
	if ((sort & SORT_STARTED) != 0)
		buf_text(&sql, ", started_ms = iif(started_ms = 0, ?, started_ms)");
	for (size_t i = 0; i < COUNT(columns); i++) {
		if ((columns[i].set & sort) != 0)
			buf_printf(&sql, ", %s = ?", columns[i].name);
	}
	buf_text(&sql, " WHERE id = ?");
	if (sql.failed)
		fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	else
		stmt = conn_prepare(c, sql.p, f);
	buf_finish(&sql);
	return stmt;
}

static sqlite3_stmt *edge_stmt(struct conn *c, unsigned sort, struct fail *f)
{
	struct conn_edge *slot;

	for (size_t i = 0; i < CONN_EDGES; i++) {
		if (c->edges[i].stmt != NULL && c->edges[i].sort == sort)
			return c->edges[i].stmt;
	}
	slot = &c->edges[c->next_edge];
	c->next_edge = (c->next_edge + 1) % CONN_EDGES;
	sqlite3_finalize(slot->stmt);
	slot->stmt = edge_prepare(c, sort, f);
	slot->sort = sort;
	return slot->stmt;
}

static int edge_bind(struct conn *c, sqlite3_stmt *stmt, unsigned sort, const struct job_edge *e)
{
	int step = (e->set & JOB_SET_EPOCH) != 0;
	int at = 1;
	int rc = sqlite3_bind_int(stmt, at++, step);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(stmt, at++, step);
	if (rc == SQLITE_OK && (sort & SORT_STATE) != 0)
		rc = sqlite3_bind_text(stmt, at++, job_state_word(e->to), -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && (sort & SORT_STARTED) != 0)
		rc = sqlite3_bind_int64(stmt, at++, e->values.finished_ms);
	for (size_t i = 0; i < COUNT(columns) && rc == SQLITE_OK; i++) {
		if ((columns[i].set & sort) != 0)
			rc = value_bind(c, stmt, at++, &columns[i], &e->values);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, at, e->values.id, -1, SQLITE_STATIC);
	return rc;
}

static bool edge_write(struct conn *c, struct store_op *op, struct fail *f)
{
	unsigned sort = edge_sort(&op->edge);
	sqlite3_stmt *stmt = edge_stmt(c, sort, f);
	int rc;

	if (stmt == NULL)
		return false;
	rc = edge_bind(c, stmt, sort, &op->edge);
	if (rc == SQLITE_OK)
		rc = conn_run(stmt);
	else
		stmt_done(stmt);
	if (rc != SQLITE_OK)
		return conn_op_failed(c, rc, op, f);
	op->changed = true;
	return true;
}

bool sqlite_job_look(struct conn *c, struct store_op *op, const char *id, enum job_state *ret_state,
	int64_t *ret_epoch, struct fail *f)
{
	sqlite3_stmt *stmt =
		conn_stmt(c, SQL_JOB_STATE, "SELECT state, epoch FROM job WHERE id = ?", f);
	int rc;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		op->ok = state_read(stmt, 0, ret_state, &op->fail);
		*ret_epoch = sqlite3_column_int64(stmt, 1);
	} else if (rc == SQLITE_DONE) {
		op->ok = fail_set(&op->fail, FAIL_NOT_FOUND, "there is no job %s", id);
	}
	stmt_done(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE || conn_op_failed(c, rc, op, f);
}

/* Is the edge one that may ever be made? store_submit() asserts the same. */
static bool edge_sound(const struct store_op *op, enum job_state now)
{
	const struct job_edge *e = &op->edge;

	if (edge_ends(e) != ((e->set & JOB_SET_FINISHED) != 0))
		return false;
	if (e->to != JOB_STATE_COUNT)
		return job_edge_allowed(now, e->to);
	return (JOB_BIT(now) & JOB_TERMINAL) == 0 || (e->set & ~(unsigned)JOB_SET_AFTER_END) == 0;
}

bool sqlite_job_edge(struct conn *c, struct store_op *op, struct fail *f)
{
	const struct job_edge *e = &op->edge;
	enum job_state now = JOB_QUEUED;
	int64_t epoch = 0;

	if (!sqlite_job_look(c, op, e->values.id, &now, &epoch, f))
		return false;
	if (!op->ok || (JOB_BIT(now) & e->from) == 0 || (e->epoch >= 0 && e->epoch != epoch))
		return true;
	if (edge_sound(op, now))
		return edge_write(c, op, f) &&
		       (!op->ok || sqlite_journal_edge(c, e, now, epoch, f));
	op->ok = fail_set(&op->fail, FAIL_INTERNAL, "job %s may not go from %s to %s%s",
		e->values.id, job_state_word(now),
		e->to == JOB_STATE_COUNT ? "itself" : job_state_word(e->to),
		edge_ends(e) == ((e->set & JOB_SET_FINISHED) != 0) ? ""
								   : " with this finished time");
	return true;
}

/* --- reads --- */

/* One job that stmt, bound, finds. */
static bool job_one(
	struct conn *c, sqlite3_stmt *stmt, const char *name, struct job *ret_job, struct fail *f)
{
	int rc = sqlite3_step(stmt);
	bool ok;

	if (rc == SQLITE_ROW)
		ok = sqlite_job_row(c, stmt, ret_job, f);
	else if (rc == SQLITE_DONE)
		ok = fail_set(f, FAIL_NOT_FOUND, "there is no job %s", name);
	else
		ok = conn_fail(c, rc, f);
	stmt_done(stmt);
	return ok;
}

bool sqlite_job(void *reader, const char *id, struct job *ret_job, struct fail *f)
{
	sqlite3_stmt *stmt =
		conn_stmt(reader, SQL_JOB_BY_ID, "SELECT " JOB_NAMES " FROM job WHERE id = ?", f);

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	return job_one(reader, stmt, id, ret_job, f);
}

bool sqlite_job_by_remote(
	void *reader, const struct job_remote *remote, struct job *ret_job, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(reader, SQL_JOB_BY_REMOTE,
		"SELECT " JOB_NAMES " FROM job WHERE remote_name = ?1 AND provider = ?2"
		" AND (?3 IS NULL OR interface = ?3) AND (?4 IS NULL OR kind = ?4)"
		" AND (?5 IS NULL OR id <> ?5) AND (?7 IS NULL OR id < ?7)"
		" AND (?8 IS NULL OR coalesce(connection, '') = ?8)"
		" ORDER BY ?6 AND finished_ms = 0 DESC, id DESC LIMIT 1",
		f);

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, remote->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, remote->provider, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, remote->interface, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, remote->kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 5, remote->but, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 6, remote->open_first);
	sqlite3_bind_text(stmt, 7, remote->before, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 8, remote->connection, -1, SQLITE_STATIC);
	return job_one(reader, stmt, remote->name, ret_job, f);
}

/* Most have the id of their job, and are not in the index of the others. */
bool sqlite_job_by_submission(
	void *reader, const char *submission, struct job *ret_job, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(reader, SQL_JOB_BY_SUBMISSION,
		"SELECT " JOB_NAMES " FROM job WHERE id = ?1 AND submission = ?1 UNION ALL"
		" SELECT " JOB_NAMES " FROM job WHERE submission = ?1 AND submission <> id LIMIT 1",
		f);

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, submission, -1, SQLITE_STATIC);
	return job_one(reader, stmt, submission, ret_job, f);
}

static bool status_read(sqlite3_stmt *stmt, struct job_status *ret_status, struct fail *f)
{
	struct job_status s = {0};

	if (!state_read(stmt, 0, &s.state, f))
		return false;
	s.created_ms = sqlite3_column_int64(stmt, 1);
	s.started_ms = sqlite3_column_int64(stmt, 2);
	s.finished_ms = sqlite3_column_int64(stmt, 3);
	text_cut(stmt, 4, s.provider, sizeof(s.provider));
	text_cut(stmt, 5, s.handle, sizeof(s.handle));
	*ret_status = s;
	return true;
}

bool sqlite_job_status(void *reader, const char *id, struct job_status *ret_status, struct fail *f)
{
	sqlite3_stmt *stmt = conn_stmt(reader, SQL_JOB_STATUS,
		"SELECT state, created_ms, started_ms, finished_ms, provider, handle FROM job"
		" WHERE id = ?",
		f);
	bool ok;
	int rc;

	if (stmt == NULL)
		return false;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		ok = status_read(stmt, ret_status, f);
	else if (rc == SQLITE_DONE)
		ok = fail_set(f, FAIL_NOT_FOUND, "there is no job %s", id);
	else
		ok = conn_fail(reader, rc, f);
	stmt_done(stmt);
	return ok;
}

bool sqlite_job_series(void *reader, const char *id, char **ret_text, struct fail *f)
{
	sqlite3_stmt *stmt =
		conn_stmt(reader, SQL_JOB_SERIES, "SELECT series FROM job WHERE id = ?", f);
	bool ok;
	int rc;

	if (stmt == NULL)
		return false;
	*ret_text = NULL;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		ok = text_read(stmt, 0, ret_text, f);
	else if (rc == SQLITE_DONE)
		ok = fail_set(f, FAIL_NOT_FOUND, "there is no job %s", id);
	else
		ok = conn_fail(reader, rc, f);
	stmt_done(stmt);
	return ok;
}

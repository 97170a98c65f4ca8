/*
 * commit - the least a durable write of jobs can cost: copies of one row of a database that
 * davitd made, with its schema, its indexes and its log, in groups of 64, each on disk before
 * the next begins.
 *
 *     commit DATABASE SECONDS
 *
 * The row copied is the newest one; only id and submission differ. Prints rows and seconds.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUP   64
#define ID_SIZE 25
#define SQL_MAX 8192

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void die(sqlite3 *db, const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
	exit(1);
}

static void exec(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
		die(db, sql);
	return stmt;
}

/* INSERT INTO job (columns of the row) VALUES (?, …), with the row's values bound for good. */
static sqlite3_stmt *prepare_copy(sqlite3 *db, int *ret_id, int *ret_submission)
{
	sqlite3_stmt *row = prepare(db, "SELECT * FROM job ORDER BY id DESC LIMIT 1");
	char names[SQL_MAX / 2] = "", marks[SQL_MAX / 4] = "", sql[SQL_MAX];
	sqlite3_stmt *copy;
	int columns;

	if (sqlite3_step(row) != SQLITE_ROW)
		die(db, "there is no job to copy");
	columns = sqlite3_column_count(row);
	for (int i = 0; i < columns; i++) {
		size_t n = strlen(names), m = strlen(marks);

		(void)snprintf(names + n, sizeof(names) - n, "%s%s", i > 0 ? ", " : "",
			sqlite3_column_name(row, i));
		(void)snprintf(marks + m, sizeof(marks) - m, "%s?", i > 0 ? ", " : "");
	}
	(void)snprintf(sql, sizeof(sql), "INSERT INTO job (%s) VALUES (%s)", names, marks);
	copy = prepare(db, sql);
	*ret_submission = 0;
	for (int i = 0; i < columns; i++) {
		if (strcmp(sqlite3_column_name(row, i), "id") == 0)
			*ret_id = i + 1;
		else if (strcmp(sqlite3_column_name(row, i), "submission") == 0 &&
			 sqlite3_column_type(row, i) != SQLITE_NULL)
			*ret_submission = i + 1;
		sqlite3_bind_value(copy, i + 1, sqlite3_column_value(row, i));
	}
	sqlite3_finalize(row);
	return copy;
}

/* As long as the daemon's and, like those, growing with time. */
static void make_id(char id[ID_SIZE], long long number)
{
	(void)snprintf(id, ID_SIZE, "z%023lld", number);
}

int main(int argc, char **argv)
{
	sqlite3_stmt *copy, *begin, *commit;
	int id_at = 0, submission_at = 0;
	long long rows = 0;
	double from, seconds;
	sqlite3 *db = NULL;
	long long first;

	if (argc != 3) {
		(void)fprintf(stderr, "commit DATABASE SECONDS\n");
		return 2;
	}
	seconds = strtod(argv[2], NULL);
	if (sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
		SQLITE_OK)
		die(db, argv[1]);
	exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		 "PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -1024;");
	copy = prepare_copy(db, &id_at, &submission_at);
	begin = prepare(db, "BEGIN IMMEDIATE");
	commit = prepare(db, "COMMIT");
	first = (long long)time(NULL) * 1000000000; /* above those of an earlier run */
	for (from = now(); now() - from < seconds;) {
		sqlite3_step(begin);
		sqlite3_reset(begin);
		for (int i = 0; i < GROUP; i++, rows++) {
			char id[ID_SIZE];

			make_id(id, first + rows);
			sqlite3_bind_text(copy, id_at, id, -1, SQLITE_STATIC);
			if (submission_at > 0)
				sqlite3_bind_text(copy, submission_at, id, -1, SQLITE_STATIC);
			if (sqlite3_step(copy) != SQLITE_DONE)
				die(db, "insert");
			sqlite3_reset(copy);
		}
		if (sqlite3_step(commit) != SQLITE_DONE)
			die(db, "commit");
		sqlite3_reset(commit);
	}
	printf("%lld %.6f\n", rows, now() - from);
	sqlite3_finalize(copy);
	sqlite3_finalize(begin);
	sqlite3_finalize(commit);
	sqlite3_close(db);
	return 0;
}

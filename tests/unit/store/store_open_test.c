/* store_open_test - what the store says to a file it cannot or must not use, and that it then
 * leaves it alone; and how a schema is brought up to date. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/sha256.h"
#include "platform/fs.h"
#include "store/sqlite.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

struct room {
	char folder[PATH_MAX];
	char db[PATH_MAX];
};

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	kit_folder(r->folder);
	kit_join(r->db, r->folder, "davit.db");
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct room *r = *state;

	kit_remove(r->folder);
	free(r);
	return 0;
}

static void sql_run(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void ours(const struct room *r)
{
	struct store *s = kit_open(r->folder);

	assert_int_equal(kit_run(s, kit_add(1), NULL), FAIL_NONE);
	store_close(s);
}

static void newer(const struct room *r)
{
	ours(r);
	sql_run(r->db, "PRAGMA user_version = 9");
}

static void negative(const struct room *r)
{
	ours(r);
	sql_run(r->db, "PRAGMA user_version = -1");
}

static void foreign_id(const struct room *r)
{
	sql_run(r->db, "PRAGMA application_id = 4711; CREATE TABLE t (x)");
}

static void foreign_tables(const struct room *r)
{
	sql_run(r->db, "CREATE TABLE t (x)");
}

static void text_file(const struct room *r)
{
	char text[8192];

	memset(text, 'x', sizeof(text));
	assert_true(fs_write_durable(r->db, text, sizeof(text), NULL));
}

static void a_folder(const struct room *r)
{
	assert_int_equal(mkdir(r->db, 0700), 0);
}

static const struct {
	void (*make)(const struct room *r);
	enum fail_code code;
	const char *sentence;
} refused[] = {
	{newer, FAIL_CONFLICT,
		"database schema 9 is newer than this davitd understands (8): use the newer davitd or "
		"restore a backup"},
	{negative, FAIL_INVALID, "schema version -1 makes no sense: restore a backup"},
	{foreign_id, FAIL_INVALID, "is the database of another program: name another file"},
	{foreign_tables, FAIL_INVALID, "is the database of another program: name another file"},
	{text_file, FAIL_INVALID, "is not a database: name another file, or move this one away"},
	{a_folder, FAIL_INVALID, "is not a file: name one for the database"},
};

/* Names and contents of all files of a folder, as one number. */
static bool sum_file(const char *name, uint64_t bytes, void *ctx)
{
	uint64_t *sum = ctx;

	for (const char *p = name; *p != '\0'; p++)
		*sum = *sum * 31 + (unsigned char)*p;
	*sum = *sum * 31 + bytes;
	return true;
}

static void folder_sum(const struct room *r, char hex[SHA256_HEX_SIZE], uint64_t *ret_sum)
{
	int fd = open(r->db, O_RDONLY | O_CLOEXEC);
	struct stat st;

	*ret_sum = 0;
	assert_true(fs_walk(r->folder, "", 100, sum_file, ret_sum, NULL));
	assert_true(fd >= 0);
	hex[0] = '\0';
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		assert_true(sha256_of_fd(fd, hex, NULL));
	close(fd);
}

static void refused_and_untouched(const struct room *r, enum fail_code code, const char *sentence)
{
	char before[SHA256_HEX_SIZE];
	char after[SHA256_HEX_SIZE];
	uint64_t names_before;
	uint64_t names_after;
	struct fail f = {0};

	folder_sum(r, before, &names_before);
	assert_null(store_open_driver(&store_sqlite, r->db, &f));
	folder_sum(r, after, &names_after);
	if (f.code != code || strstr(f.text, sentence) == NULL)
		fail_msg("%s: %s", fail_word(f.code), f.text);
	assert_non_null(strstr(f.text, r->db));
	assert_string_equal(after, before);
	assert_true(names_before == names_after);
}

static void a_file_that_is_not_for_us_is_refused_and_untouched(void **state)
{
	struct room *r = *state;

	for (size_t i = 0; i < COUNT(refused); i++) {
		refused[i].make(r);
		refused_and_untouched(r, refused[i].code, refused[i].sentence);
		kit_remove(r->folder);
		assert_int_equal(mkdir(r->folder, 0700), 0);
	}
}

static void copy(const char *from, const char *to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(fs_copy_fd(fd, to, NULL));
	close(fd);
}

/* A crashed davitd's database in folder: its newest version is in the log only. */
static void crashed(const struct room *r, const char *folder)
{
	char path[PATH_MAX];
	char log[PATH_MAX];
	sqlite3 *db = NULL;

	ours(r);
	assert_int_equal(sqlite3_open(r->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 9", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(mkdir(folder, 0700), 0);
	copy(r->db, kit_join(path, folder, "davit.db"));
	copy(kit_join(log, r->folder, "davit.db-wal"), kit_join(path, folder, "davit.db-wal"));
	sqlite3_close(db);
}

static void file_sum(const char *path, char hex[SHA256_HEX_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(sha256_of_fd(fd, hex, NULL));
	close(fd);
}

static void a_newer_version_in_the_log_is_seen_and_the_log_left_alone(void **state)
{
	static const char *const names[] = {"davit.db", "davit.db-wal"};
	struct room *r = *state;
	char before[COUNT(names)][SHA256_HEX_SIZE];
	char after[SHA256_HEX_SIZE];
	char folder[PATH_MAX];
	char path[PATH_MAX];
	struct fail f = {0};

	crashed(r, kit_join(folder, r->folder, "crashed"));
	for (size_t i = 0; i < COUNT(names); i++)
		file_sum(kit_join(path, folder, names[i]), before[i]);
	assert_null(store_open_driver(&store_sqlite, kit_join(path, folder, "davit.db"), &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	assert_non_null(strstr(f.text, "schema 9 is newer"));
	for (size_t i = 0; i < COUNT(names); i++) {
		file_sum(kit_join(path, folder, names[i]), after);
		assert_string_equal(before[i], after);
	}
}

static void a_target_that_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *target;
		enum fail_code code;
		const char *sentence;
	} rows[] = {
		{"sqlite:davit.db", FAIL_INVALID, "give the absolute path"},
		{"sqlite::memory:", FAIL_INVALID, "give the absolute path"},
		{"sqlite:", FAIL_INVALID, "give the absolute path"},
		{"paper:/x", FAIL_INVALID, "known is sqlite:PATH"},
		{"/var/lib/davit.db", FAIL_INVALID, "known is sqlite:PATH"},
		{"sqlite:/no/such/folder/davit.db", FAIL_UNAVAILABLE,
			"the folder /no/such/folder is not there: make it"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};

		assert_null(store_open(rows[i].target, &f));
		assert_int_equal(f.code, rows[i].code);
		assert_non_null(strstr(f.text, rows[i].sentence));
	}
}

static void a_target_opens_by_its_scheme(void **state)
{
	struct room *r = *state;
	char target[PATH_MAX + 8];
	struct store *s;
	struct stat st;

	(void)snprintf(target, sizeof(target), "sqlite:%s", r->db);
	s = store_open(target, NULL);
	assert_non_null(s);
	assert_true(store_ready(s, NULL));
	store_close(s);
	assert_int_equal(stat(r->db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static bool says(const char *db, enum fail_code code, const char *sentence)
{
	struct fail f = {0};
	struct store *s = store_open_driver(&store_sqlite, db, &f);

	if (s == NULL && f.code == code && strstr(f.text, sentence) != NULL)
		return true;
	print_error("says: %s\n", s != NULL ? "it opened" : f.text);
	store_close(s);
	return false;
}

static bool says_file_read_only(const char *db)
{
	return says(db, FAIL_UNAVAILABLE,
		"davit.db is read-only: make it writable for the user davitd runs as");
}

static bool says_folder_read_only(const char *db)
{
	return says(db, FAIL_UNAVAILABLE,
		       "is read-only: make it writable for the user davitd runs as") &&
	       says(db, FAIL_UNAVAILABLE, "the folder /");
}

static bool says_file_unreadable(const char *db)
{
	return says(db, FAIL_UNAVAILABLE, "davit.db may not be read");
}

static void permissions_have_their_sentences(void **state)
{
	static const struct {
		mode_t folder;
		mode_t file;
		bool (*says)(const char *db);
	} rows[] = {
		{0777, 0444, says_file_read_only},
		{0555, 0666, says_folder_read_only},
		{0777, 0000, says_file_unreadable},
	};
	struct room *r = *state;
	struct store *s;

	ours(r);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(chmod(r->db, rows[i].file), 0);
		assert_int_equal(chmod(r->folder, rows[i].folder), 0);
		assert_true(kit_as_nobody(rows[i].says, r->db));
	}
	assert_int_equal(chmod(r->folder, 0700), 0);
	/* Nothing was lost by it. */
	assert_int_equal(chmod(r->db, 0600), 0);
	s = kit_open(r->folder);
	assert_int_equal(kit_run(s, kit_add(1), NULL), FAIL_CONFLICT);
	store_close(s);
}

/* --- migrations --- */

static const char *const one[] = {"CREATE TABLE a (x)", "INSERT INTO a VALUES (1)"};
static const char *const two[] = {"ALTER TABLE a ADD COLUMN y", "UPDATE a SET y = x + 1"};
static const char *const bad[] = {"CREATE TABLE b (x)", "UPDATE nothing SET x = 1"};
static const struct sqlite_migration good_steps[] = {{one, 2}, {two, 2}};
static const struct sqlite_migration bad_steps[] = {{one, 2}, {bad, 2}};

static int64_t number(struct conn *c, const char *sql)
{
	int64_t n = -1;

	assert_true(conn_pragma_int(c, sql, &n, NULL));
	return n;
}

static void each_missing_step_runs_once_and_in_order(void **state)
{
	struct room *r = *state;
	int64_t version = -1;
	struct conn c;

	sql_run(r->db, "");
	for (size_t known = 1; known <= 2; known++) {
		for (int again = 0; again < 2; again++) {
			sql_run(r->db, "VACUUM"); /* makes the file, changes no version */
			assert_true(conn_open(&c, r->db, NULL));
			assert_true(sqlite_schema_check(&c, (int64_t)known, &version, NULL));
			assert_int_equal(version, again ? (int64_t)known : (int64_t)known - 1);
			assert_true(sqlite_migrate(&c, good_steps, known, version, NULL));
			assert_int_equal(number(&c, "PRAGMA user_version"), known);
			assert_int_equal(
				number(&c, "PRAGMA application_id"), SQLITE_APPLICATION_ID);
			conn_close(&c);
		}
	}
	assert_true(conn_open(&c, r->db, NULL));
	assert_int_equal(number(&c, "SELECT sum(y) FROM a"), 2);
	conn_close(&c);
}

static void a_step_that_fails_leaves_the_version_before_it(void **state)
{
	struct room *r = *state;
	struct fail f = {0};
	struct conn c;

	sql_run(r->db, "VACUUM");
	assert_true(conn_open(&c, r->db, NULL));
	assert_false(sqlite_migrate(&c, bad_steps, 2, 0, &f));
	assert_non_null(strstr(f.text, "schema 2"));
	assert_int_equal(number(&c, "PRAGMA user_version"), 1);
	assert_int_equal(number(&c, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
	assert_int_equal(number(&c, "SELECT count(*) FROM a"), 1);
	conn_close(&c);
}

static void the_database_itself_refuses_an_end_without_times(void **state)
{
	static const char *const sqls[] = {
		"UPDATE job SET state = 'succeeded'",
		"UPDATE job SET state = 'failed', finished_ms = 5",
		"UPDATE job SET state = 'running', started_ms = 4, finished_ms = 5",
	};
	struct room *r = *state;
	struct conn c;

	ours(r);
	assert_true(conn_open(&c, r->db, NULL));
	for (size_t i = 0; i < COUNT(sqls); i++)
		assert_int_equal(
			sqlite3_exec(c.db, sqls[i], NULL, NULL, NULL), SQLITE_CONSTRAINT_CHECK);
	assert_true(conn_exec(
		&c, "UPDATE job SET state = 'failed', started_ms = 4, finished_ms = 5", NULL));
	conn_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_that_is_not_for_us_is_refused_and_untouched),
		TEST(a_newer_version_in_the_log_is_seen_and_the_log_left_alone),
		TEST(a_target_that_cannot_be_is_refused),
		TEST(a_target_opens_by_its_scheme),
		TEST(permissions_have_their_sentences),
		TEST(each_missing_step_runs_once_and_in_order),
		TEST(a_step_that_fails_leaves_the_version_before_it),
		TEST(the_database_itself_refuses_an_end_without_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

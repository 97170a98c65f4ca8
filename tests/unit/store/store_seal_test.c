/* store_seal_test - sealed columns: nothing of them is in the files, and only the right key opens.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "platform/fs.h"
#include "store/sqlite.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

#define CANARY "canary-4711-of-the-test"

struct room {
	char folder[PATH_MAX];
	char db[PATH_MAX];
	char target[PATH_MAX + 8];
	char key[PATH_MAX];
	char old[PATH_MAX];
};

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	kit_folder(r->folder);
	kit_join(r->db, r->folder, "davit.db");
	kit_join(r->key, r->folder, "secret.key");
	kit_join(r->old, r->folder, "old.key");
	sqlite3_snprintf((int)sizeof(r->target), r->target, "sqlite:%s", r->db);
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

static bool has_canary(const char *name, uint64_t bytes, void *ctx)
{
	const struct room *r = ctx;
	char path[PATH_MAX];
	char *text = NULL;
	size_t n = 0;

	(void)bytes;
	assert_true(fs_read(kit_join(path, r->folder, name), (size_t)64 << 20, &text, &n, NULL));
	bytes = memmem(text, n, CANARY, strlen(CANARY)) != NULL;
	free(text);
	return bytes == 0;
}

/* In any file of the folder, the log among them. */
static bool canary_is_there(struct room *r)
{
	return !fs_walk(r->folder, "", 100, has_canary, r, NULL);
}

static void sql(const struct room *r, const char *text)
{
	sqlite3 *db = NULL;
	char *error = NULL;

	assert_int_equal(sqlite3_open(r->db, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", text, error);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static struct store *open_with(const struct room *r, const char *old, struct fail *f)
{
	const struct store_keys keys = {r->key, old};

	*f = (struct fail){0};
	return store_open_keyed(r->target, &keys, f);
}

static struct store *opened(const struct room *r, const char *old)
{
	struct fail f;
	struct store *s = open_with(r, old, &f);

	if (s == NULL)
		fail_msg("%s", f.text);
	return s;
}

static void refused(const struct room *r, const char *sentence)
{
	struct fail f;

	assert_null(open_with(r, NULL, &f));
	if (strstr(f.text, sentence) == NULL)
		fail_msg("%s", f.text);
	assert_non_null(strstr(f.text, r->key));
}

static void add(struct store *s, unsigned n, const char *request)
{
	struct store_op *op = kit_add(n);

	free(op->job.request);
	op->job.request = strdup(request);
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	assert_int_equal(kit_run(s, kit_put("one", "key", request, -1), NULL), FAIL_NONE);
}

static void holds(struct store *s, unsigned n, const char *request)
{
	struct job job;
	char id[ID_SIZE];
	char *value = NULL;
	struct fail f = {0};

	if (!store_job(s, kit_id(id, n), &job, &f) ||
		!store_kv_get(s, "one", "key", &value, NULL, &f))
		fail_msg("%s", f.text);
	assert_string_equal(job.request, request);
	assert_string_equal(value, request);
	free(value);
	job_finish(&job);
}

static void what_is_stored_is_in_no_file(void **state)
{
	static const char request[] = "{\"password\":\"" CANARY "\"}";
	struct room *r = *state;
	struct store *s = opened(r, NULL);
	struct stat st;

	add(s, 1, request);
	holds(s, 1, request);
	assert_false(canary_is_there(r)); /* while the log has it */
	store_close(s);
	assert_false(canary_is_there(r));
	s = opened(r, NULL);
	holds(s, 1, request);
	store_close(s);
	assert_int_equal(stat(r->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* A database as version 2 left it, with deleted rows too. */
static void make_old(const struct room *r)
{
	struct conn c = {0};
	struct fail f = {0};

	sql(r, "PRAGMA journal_mode = WAL");
	assert_true(conn_open(&c, r->db, &f));
	assert_true(sqlite_migrate(&c, sqlite_migrations, 2, 0, &f));
	assert_true(conn_exec(&c,
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
		" INSERT INTO job (id, state, created_ms, started_ms, finished_ms, provider, epoch,"
		" attempts, cancel_ms, deadline_ms, next_poll_ms, request, result, progress, checkpoint)"
		" SELECT printf('%024d', i), 'queued', 1, 0, 0, 'p', 0, 0, 0, 0, 0,"
		" '{\"password\":\"" CANARY "\"}', '[\"" CANARY "\"]', '\"" CANARY
		"\"', NULL FROM n;"
		"DELETE FROM job WHERE id > printf('%024d', 400);"
		"INSERT INTO kv (instance, key, version, bytes, value)"
		" VALUES ('one', 'key', 1, 30, '{\"password\":\"" CANARY "\"}')",
		&f));
	conn_close(&c);
}

static void an_older_database_keeps_its_jobs_and_loses_its_plain_text(void **state)
{
	static const char request[] = "{\"password\":\"" CANARY "\"}";
	struct room *r = *state;
	struct store *s;

	make_old(r);
	assert_true(canary_is_there(r));
	s = opened(r, NULL);
	assert_false(canary_is_there(r));
	holds(s, 1, request);
	holds(s, 400, request);
	store_close(s);
	assert_false(canary_is_there(r));
}

static void a_cleaning_that_was_cut_off_is_done_at_the_next_start(void **state)
{
	struct room *r = *state;
	struct store *s = opened(r, NULL);

	add(s, 1, "{}");
	store_close(s);
	sql(r, "PRAGMA secure_delete = OFF; CREATE TABLE plain (x); INSERT INTO plain VALUES ('" CANARY
	       "'); DROP TABLE plain;"
	       "UPDATE seal SET clean = 0");
	assert_true(canary_is_there(r));
	s = opened(r, NULL);
	assert_false(canary_is_there(r));
	holds(s, 1, "{}");
	store_close(s);
}

static void a_missing_or_wrong_key_is_told_by_its_file(void **state)
{
	struct room *r = *state;
	struct store *s = opened(r, NULL);
	struct stat st;

	add(s, 1, "{}");
	store_close(s);
	assert_int_equal(rename(r->key, r->old), 0);
	refused(r, "cannot be read without its key");
	refused(r, "put it back from a backup");
	assert_int_not_equal(stat(r->key, &st), 0); /* a new one would hide the loss */
	assert_true(fs_write_durable(r->key,
		"davit-key-1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
		77, NULL));
	refused(r, "was sealed with another key than that of");
	assert_int_equal(rename(r->old, r->key), 0);
	assert_int_equal(chmod(r->key, 0644), 0);
	refused(r, "give it mode 600");
	assert_int_equal(chmod(r->key, 0600), 0);
	s = opened(r, NULL);
	holds(s, 1, "{}");
	store_close(s);
}

/* A job with a claim whose answer is kept. */
static void add_claim(struct store *s, unsigned n, const char *answer)
{
	struct store_op *op = kit_add(n);

	memset(op->claim.name, 0xa5, sizeof(op->claim.name));
	op->claim.made_ms = 1;
	op->claim.until_ms = 2;
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	op = store_op_new(STORE_CLAIM_ANSWER, true);
	assert_non_null(op);
	memset(op->claimed.claim.name, 0xa5, sizeof(op->claimed.claim.name));
	op->claimed.status = 200;
	op->claimed.answer = strdup(answer);
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
}

static void claim_holds(struct store *s, const char *answer)
{
	struct store_claimed claimed;
	uint8_t name[STORE_CLAIM_BYTES];
	struct fail f = {0};

	memset(name, 0xa5, sizeof(name));
	if (!store_claim(s, name, 1, &claimed, &f))
		fail_msg("%s", f.text);
	assert_string_equal(claimed.answer, answer);
	free(claimed.answer);
}

/* Job n gets a decision, and a row of its journal. */
static void add_row(struct store *s, unsigned n, const char *text)
{
	struct store_op *op = kit_edge(n, JOB_OPEN, JOB_STATE_COUNT, JOB_SET_DECISION);

	op->edge.values.decision = strdup(text);
	op->edge.row = (struct store_journal){.kind = JOURNAL_NOTE, .detail = strdup(text)};
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
}

static bool row_is(const struct store_journal *row, void *ctx)
{
	assert_string_equal(row->detail, ctx);
	return true;
}

static void row_holds(struct store *s, unsigned n, char *text)
{
	struct fail f = {0};
	struct job job;
	char id[ID_SIZE];

	if (!store_journal(s, kit_id(id, n), 0, 0, row_is, text, &f) || !store_job(s, id, &job, &f))
		fail_msg("%s", f.text);
	assert_string_equal(job.decision, text);
	job_finish(&job);
}

static void a_key_is_changed_by_naming_the_old_one_once(void **state)
{
	struct room *r = *state;
	struct store *s = opened(r, NULL);
	char note[] = "{\"text\":\"kept\"}";

	add(s, 1, "{\"a\":1}");
	add_claim(s, 3, "answer");
	add_row(s, 3, note);
	store_close(s);
	assert_int_equal(rename(r->key, r->old), 0);
	assert_true(fs_write_durable(r->key,
		"davit-key-1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
		77, NULL));
	s = opened(r, r->old);
	holds(s, 1, "{\"a\":1}");
	add(s, 2, "{\"a\":1}");
	store_close(s);
	assert_int_equal(unlink(r->old), 0);
	s = opened(r, NULL);
	holds(s, 1, "{\"a\":1}");
	holds(s, 2, "{\"a\":1}");
	claim_holds(s, "answer");
	row_holds(s, 3, note);
	store_close(s);
}

static void what_was_moved_to_another_row_is_not_believed(void **state)
{
	struct room *r = *state;
	struct store *s = opened(r, NULL);
	struct fail f = {0};
	struct job job;
	char id[ID_SIZE];

	add(s, 1, "{\"a\":1}");
	add(s, 2, "{\"a\":2}");
	store_close(s);
	sql(r, "UPDATE job SET request = (SELECT request FROM job ORDER BY id LIMIT 1)");
	s = opened(r, NULL);
	assert_true(store_job(s, kit_id(id, 1), &job, &f));
	job_finish(&job);
	assert_false(store_job(s, kit_id(id, 2), &job, &f));
	assert_non_null(strstr(f.text, "job.request"));
	assert_non_null(strstr(f.text, "was changed"));
	store_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_stored_is_in_no_file),
		TEST(an_older_database_keeps_its_jobs_and_loses_its_plain_text),
		TEST(a_cleaning_that_was_cut_off_is_done_at_the_next_start),
		TEST(a_missing_or_wrong_key_is_told_by_its_file),
		TEST(a_key_is_changed_by_naming_the_old_one_once),
		TEST(what_was_moved_to_another_row_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

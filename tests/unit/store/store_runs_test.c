/* Runs in the store: which jobs they are, their best by a metric, their series. */
#include "unit/cmocka.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite.h"
#include "unit/store/kit.h"

struct room {
	char folder[PATH_MAX];
	struct store *s;
};

static int enter(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	kit_folder(r->folder);
	r->s = kit_open(r->folder);
	*state = r;
	return 0;
}

static int leave(void **state)
{
	struct room *r = *state;

	store_close(r->s);
	kit_remove(r->folder);
	free(r);
	return 0;
}

static void put(char **text, const char *value)
{
	free(*text);
	*text = value != NULL ? strdup(value) : NULL;
}

static void add(
	struct store *s, unsigned n, const char *kind, const char *name, const char *metrics)
{
	struct store_op *op = kit_add(n);

	put(&op->job.kind, kind);
	put(&op->job.name, name);
	put(&op->job.metrics, metrics);
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
}

struct seen {
	char ids[256];
	size_t n;
};

static bool see(const struct job *job, void *ctx)
{
	struct seen *seen = ctx;

	seen->n += (size_t)snprintf(seen->ids + seen->n, sizeof(seen->ids) - seen->n, "%s%ld",
		seen->n == 0 ? "" : " ", strtol(job->id, NULL, 10));
	return true;
}

static void expect(struct store *s, const struct job_filter *filter, const char *ids)
{
	struct seen seen = {0};
	struct fail f = {0};

	if (!store_jobs(s, filter, see, &seen, &f))
		fail_msg("%s", f.text);
	assert_string_equal(seen.ids, ids);
}

static void fill(struct store *s)
{
	add(s, 1, "train", "a", "{\"loss\":0.5,\"accuracy\":1}");
	add(s, 2, "command", "a", "{\"loss\":0.1}");
	add(s, 3, "custom_script", "b", "{\"loss\":0.25,\"it's, odd.\":-3}");
	add(s, 4, "train", "b", NULL);
	add(s, 5, "train", "a", "{\"loss\":0.5,\"accuracy\":0.75}");
	add(s, 6, "train", "a", "{\"accuracy\":true,\"loss\":\"low\"}");
	add(s, 7, "train", "c", "{}");
	add(s, 8, "train", "c", "{\"loss\":10,\"p\\u00e9\":1,\"\303\266\":2e-3}");
}

static void runs_are_trainings_by_a_script(void **state)
{
	struct room *r = *state;
	char id[ID_SIZE];

	fill(r->s);
	expect(r->s, &(struct job_filter){.runs = true}, "8 7 6 5 4 3 1");
	expect(r->s, &(struct job_filter){.runs = true, .limit = 2}, "8 7");
	expect(r->s, &(struct job_filter){.runs = true, .name = "b"}, "4 3");
	expect(r->s, &(struct job_filter){.name = "a"}, "6 5 2 1");
	expect(r->s, &(struct job_filter){.runs = true, .provider = "far"}, "");
	expect(r->s, &(struct job_filter){.since = kit_id(id, 6)}, "8 7 6");
	expect(r->s, &(struct job_filter){.runs = true, .before = kit_id(id, 4)}, "3 1");
}

static void the_best_come_first_and_the_newest_of_equal_ones(void **state)
{
	struct room *r = *state;

	fill(r->s);
	expect(r->s, &(struct job_filter){.metric = "loss"}, "8 5 1 3");
	expect(r->s, &(struct job_filter){.metric = "loss", .lowest_first = true}, "3 5 1 8");
	expect(r->s, &(struct job_filter){.metric = "loss", .lowest_first = true, .limit = 2},
		"3 5");
	expect(r->s,
		&(struct job_filter){.metric = "loss", .lowest_first = true, .limit = 2, .skip = 2},
		"1 8");
	expect(r->s, &(struct job_filter){.metric = "loss", .name = "a"}, "5 1");
	expect(r->s, &(struct job_filter){.metric = "accuracy"}, "1 5");
	expect(r->s, &(struct job_filter){.metric = "it's, odd."}, "3");
	expect(r->s, &(struct job_filter){.metric = "\303\266"}, "8");
	expect(r->s, &(struct job_filter){.metric = "nothing"}, "");
	expect(r->s, &(struct job_filter){.metric = "loss", .states = JOB_TERMINAL}, "");
	expect(r->s, &(struct job_filter){.metric = "loss", .states = JOB_OPEN}, "8 5 1 3");
	expect(r->s, &(struct job_filter){.runs = true, .states = JOB_BIT(JOB_QUEUED), .name = "b"},
		"4 3");
}

static void a_series_is_kept_with_the_end_and_read_alone(void **state)
{
	struct room *r = *state;
	struct store_op *op;
	struct fail f = {0};
	char *text = NULL;
	struct job job;
	char id[ID_SIZE];

	add(r->s, 1, "train", "a", NULL);
	assert_true(store_job_series(r->s, kit_id(id, 1), &text, &f));
	assert_null(text);
	op = kit_edge(1, JOB_OPEN, JOB_FAILED, JOB_SET_FINISHED | JOB_SET_METRICS | JOB_SET_SERIES);
	op->edge.values.metrics = strdup("{\"loss\":2}");
	op->edge.values.series = strdup("[{\"values\":{\"loss\":2}}]");
	assert_int_equal(kit_run(r->s, op, NULL), FAIL_NONE);
	assert_true(store_job_series(r->s, id, &text, &f));
	assert_string_equal(text, "[{\"values\":{\"loss\":2}}]");
	free(text);
	assert_true(store_job(r->s, id, &job, &f));
	assert_null(job.series);
	assert_string_equal(job.metrics, "{\"loss\":2}");
	job_finish(&job);
	assert_false(store_job_series(r->s, kit_id(id, 2), &text, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
}

static void which_job_is_done_again_survives(void **state)
{
	struct room *r = *state;
	struct store_op *op = kit_add(2);
	struct fail f = {0};
	struct job job;
	char id[ID_SIZE];

	kit_id(op->job.rerun_of, 1);
	assert_int_equal(kit_run(r->s, op, NULL), FAIL_NONE);
	assert_true(store_job(r->s, kit_id(id, 2), &job, &f));
	assert_string_equal(job.rerun_of, "000000000000000000000001");
	job_finish(&job);
}

static void run(struct conn *c, const char *sql)
{
	struct fail f = {0};

	if (!conn_exec(c, sql, &f))
		fail_msg("%s", f.text);
}

static void runs_of_an_older_database_keep_their_metrics(void **state)
{
	struct room *r = *state;
	char path[PATH_MAX];
	struct conn c = {0};
	struct fail f = {0};
	sqlite3 *db;

	kit_join(path, r->folder, "old.db");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_true(conn_open(&c, path, &f));
	assert_true(sqlite_migrate(&c, sqlite_migrations, 1, 0, &f));
	run(&c, "INSERT INTO job (id, state, created_ms, started_ms, finished_ms, provider, epoch,"
		" attempts, cancel_ms, deadline_ms, next_poll_ms, interface, kind, result) VALUES"
		" ('a', 'queued', 1, 0, 0, 'p', 0, 0, 0, 0, 0, 'davit.training', 'train', NULL),"
		" ('b', 'queued', 1, 0, 0, 'p', 0, 0, 0, 0, 0, 'davit.training', 'train', 'no'),"
		" ('c', 'queued', 1, 0, 0, 'p', 0, 0, 0, 0, 0, 'davit.training', 'train',"
		"  '{\"metrics\":{\"loss\":3}}'),"
		" ('d', 'queued', 1, 0, 0, 'p', 0, 0, 0, 0, 0, 'davit.training', 'train',"
		"  '{\"metrics\":\"good\"}')");
	assert_true(sqlite_migrate(&c, sqlite_migrations, 2, 1, &f));
	conn_close(&c);
	store_close(r->s);
	r->s = kit_open_driver(&store_sqlite, r->folder);
	assert_true(conn_open(&c, path, &f));
	run(&c, "CREATE TEMP TABLE seen AS SELECT 1 / (count(*) = 1) AS one FROM job"
		" WHERE metrics = '{\"loss\":3}' AND id = 'c'");
	run(&c, "CREATE TEMP TABLE one (n CHECK (n = 1))");
	run(&c, "INSERT INTO one SELECT count(metrics) FROM job");
	run(&c, "INSERT INTO one SELECT one FROM seen");
	conn_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(runs_are_trainings_by_a_script, enter, leave),
		cmocka_unit_test_setup_teardown(
			the_best_come_first_and_the_newest_of_equal_ones, enter, leave),
		cmocka_unit_test_setup_teardown(
			a_series_is_kept_with_the_end_and_read_alone, enter, leave),
		cmocka_unit_test_setup_teardown(which_job_is_done_again_survives, enter, leave),
		cmocka_unit_test_setup_teardown(
			runs_of_an_older_database_keep_their_metrics, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

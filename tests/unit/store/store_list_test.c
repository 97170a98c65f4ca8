/* store_list_test - lists of jobs: filters, pages, order, and the index each of them uses. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "store/sqlite.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

#define JOBS 60

struct room {
	char folder[PATH_MAX];
	struct store *store;
};

static char *choose(unsigned i, const char *a, const char *b)
{
	return strdup(i % 2 == 0 ? a : b);
}

/* Job i: provider by i, project by i/2, kind by i/4, parent by i/8; every third has ended. */
static void add_all(struct store *s)
{
	for (unsigned i = 0; i < JOBS; i++) {
		struct store_op *op = kit_add(i);

		free(op->job.provider);
		free(op->job.kind);
		free(op->job.interface);
		op->job.provider = choose(i, "near", "far");
		op->job.project = choose(i / 2, "red", "blue");
		op->job.kind = choose(i / 4, "train", "deploy");
		op->job.interface = choose(i / 4, "davit.training", "davit.deployment");
		if (i / 8 % 2 == 1)
			kit_id(op->job.parent, 777);
		if (i % 3 == 0) {
			op->job.state = i % 2 == 0 ? JOB_SUCCEEDED : JOB_FAILED;
			op->job.finished_ms = 9;
		}
		assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	}
}

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	kit_folder(r->folder);
	r->store = kit_open(r->folder);
	add_all(r->store);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct room *r = *state;

	store_close(r->store);
	kit_remove(r->folder);
	free(r);
	return 0;
}

struct found {
	unsigned n[JOBS + 1];
	size_t count;
	size_t stop_at; /* 0: never */
};

static bool note(const struct job *job, void *ctx)
{
	struct found *found = ctx;

	assert_true(found->count < JOBS);
	assert_non_null(job->request);
	found->n[found->count++] = (unsigned)(job->created_ms - 1000);
	return found->count != found->stop_at;
}

/* What the filter must find, by the rule of add_all(). */
static bool matches(const struct job_filter *filter, unsigned i)
{
	enum job_state is = i % 3 != 0 ? JOB_QUEUED : i % 2 == 0 ? JOB_SUCCEEDED : JOB_FAILED;
	char id[ID_SIZE];
	int order = filter->before != NULL ? strcmp(kit_id(id, i), filter->before) : 0;

	if (filter->before != NULL && (filter->oldest_first ? order <= 0 : order >= 0))
		return false;
	return (filter->states == 0 || (filter->states & JOB_BIT(is)) != 0) &&
	       (filter->provider == NULL || !strcmp(filter->provider, i % 2 ? "far" : "near")) &&
	       (filter->project == NULL || !strcmp(filter->project, i / 2 % 2 ? "blue" : "red")) &&
	       (filter->kind == NULL || !strcmp(filter->kind, i / 4 % 2 ? "deploy" : "train")) &&
	       (filter->interface == NULL ||
		       !strcmp(filter->interface,
			       i / 4 % 2 ? "davit.deployment" : "davit.training")) &&
	       (filter->parent == NULL || i / 8 % 2 == 1);
}

static void expect(const struct job_filter *filter, struct found *want)
{
	want->count = 0;
	for (unsigned k = 0; k < JOBS; k++) {
		unsigned i = filter->oldest_first ? k : JOBS - 1 - k;

		if (matches(filter, i) && (filter->limit == 0 || want->count < filter->limit))
			want->n[want->count++] = i;
	}
}

#define PARENT "000000000000000000000777"
#define MIDDLE "000000000000000000000030"

static const struct job_filter filters[] = {
	{0},
	{.limit = 7},
	{.provider = "near"},
	{.provider = "near", .limit = 5},
	{.project = "blue"},
	{.kind = "deploy"},
	{.interface = "davit.training"},
	{.parent = PARENT},
	{.parent = PARENT, .oldest_first = true},
	{.states = JOB_OPEN},
	{.states = JOB_TERMINAL},
	{.states = JOB_BIT(JOB_FAILED)},
	{.states = JOB_BIT(JOB_FAILED) | JOB_BIT(JOB_QUEUED)},
	{.states = JOB_BIT(JOB_RUNNING)},
	{.states = JOB_OPEN, .oldest_first = true, .limit = 4},
	{.before = MIDDLE},
	{.before = MIDDLE, .oldest_first = true},
	{.before = MIDDLE,
		.provider = "far",
		.project = "red",
		.kind = "train",
		.interface = "davit.training",
		.parent = PARENT,
		.states = JOB_OPEN},
	{.provider = "far", .project = "red", .limit = 3},
	{.provider = "none"},
};

static void each_filter_finds_exactly_its_jobs_in_order(void **state)
{
	struct room *r = *state;

	for (size_t i = 0; i < COUNT(filters); i++) {
		struct found found = {0};
		struct found want = {0};

		expect(&filters[i], &want);
		assert_true(store_jobs(r->store, &filters[i], note, &found, NULL));
		if (found.count != want.count || memcmp(found.n, want.n, sizeof(want.n)) != 0)
			fail_msg("filter %zu: %zu jobs, want %zu", i, found.count, want.count);
	}
}

static void pages_show_every_job_once(void **state)
{
	struct room *r = *state;
	struct job_filter filter = {.provider = "near", .limit = 7};
	struct found all = {0};
	char last[ID_SIZE];

	for (;;) {
		size_t before = all.count;

		assert_true(store_jobs(r->store, &filter, note, &all, NULL));
		if (all.count == before)
			break;
		filter.before = kit_id(last, all.n[all.count - 1]);
	}
	assert_int_equal(all.count, JOBS / 2);
	for (size_t i = 1; i < all.count; i++)
		assert_true(all.n[i] < all.n[i - 1]);
}

static void a_list_ends_where_the_caller_has_enough(void **state)
{
	struct room *r = *state;
	struct job_filter filter = {0};
	struct found found = {.stop_at = 3};

	assert_true(store_jobs(r->store, &filter, note, &found, NULL));
	assert_int_equal(found.count, 3);
}

/* How SQLite carries out sql, in its own words. */
static void plan_of(sqlite3 *db, const char *sql, char plan[1024])
{
	sqlite3_stmt *stmt = NULL;
	char text[512];
	size_t n = 0;

	(void)snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	plan[0] = '\0';
	while (sqlite3_step(stmt) == SQLITE_ROW && n < 1024)
		n += (size_t)snprintf(
			plan + n, 1024 - n, "%s; ", (const char *)sqlite3_column_text(stmt, 3));
	sqlite3_finalize(stmt);
}

static void the_common_lists_use_an_index_and_never_sort(void **state)
{
	static const struct {
		const char *where;
		const char *index;
	} rows[] = {
		{"WHERE 1 AND finished_ms = 0 AND state IN (?, ?) ORDER BY id DESC", "job_open"},
		{"WHERE 1 AND provider = ? ORDER BY id DESC", "job_provider"},
		{"WHERE 1 AND provider = ? AND id < ? ORDER BY id DESC", "job_provider"},
		{"WHERE 1 AND project = ? ORDER BY id DESC", "job_project"},
		{"WHERE 1 AND parent = ? ORDER BY id", "job_parent"},
		{"WHERE 1 AND id < ? ORDER BY id DESC", "sqlite_autoindex_job_1"},
		{"WHERE remote_name = ? AND provider = ? ORDER BY id DESC LIMIT 1", "job_remote"},
	};
	struct room *r = *state;
	char path[PATH_MAX];
	struct conn c;

	assert_true(conn_open(&c, kit_join(path, r->folder, "davit.db"), NULL));
	for (size_t i = 0; i < COUNT(rows); i++) {
		char sql[256];
		char plan[1024];

		(void)snprintf(sql, sizeof(sql), "SELECT request FROM job %s", rows[i].where);
		plan_of(c.db, sql, plan);
		if (strstr(plan, rows[i].index) == NULL || strstr(plan, "TEMP B-TREE") != NULL)
			fail_msg("%s: %s", rows[i].where, plan);
	}
	conn_close(&c);
}

struct names {
	char text[64];
	size_t stop_at; /* bytes; 0: never */
};

static bool note_name(const char *name, void *ctx)
{
	struct names *names = ctx;

	size_t n = strlen(names->text);

	(void)snprintf(names->text + n, sizeof(names->text) - n, "%s,", name);
	return names->stop_at == 0 || strlen(names->text) < names->stop_at;
}

static const char *connections_of(struct store *s, const char *provider, struct names *names)
{
	struct fail f = {0};

	names->text[0] = '\0';
	assert_true(store_connections(s, provider, note_name, names, &f));
	return names->text;
}

static void every_connection_that_jobs_had_is_told_once(void **state)
{
	static const char *const given[] = {"b", "a", "b", "", "c"};
	struct room *r = *state;
	struct names names = {0};

	for (unsigned i = 0; i < 20; i++) {
		struct store_op *op = kit_add(JOBS + i);

		free(op->job.provider);
		op->job.provider = strdup(i < 10 ? "cloud" : "bare");
		op->job.connection = strdup(i < 10 ? given[i % 5] : "");
		assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	}
	assert_string_equal(connections_of(r->store, "cloud", &names), ",a,b,c,");
	assert_string_equal(connections_of(r->store, "bare", &names), ",");
	assert_string_equal(connections_of(r->store, "none", &names), "");
	assert_string_equal(connections_of(r->store, "near", &names), ","); /* it was null */
	names.stop_at = 2;
	assert_string_equal(connections_of(r->store, "cloud", &names), ",a,");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_filter_finds_exactly_its_jobs_in_order),
		TEST(pages_show_every_job_once),
		TEST(a_list_ends_where_the_caller_has_enough),
		TEST(the_common_lists_use_an_index_and_never_sort),
		TEST(every_connection_that_jobs_had_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* store_jobs_test - jobs through the store: adding, edges, and what a reader sees. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "store/sqlite.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

static struct store *store_of(void **state)
{
	return ((struct kit_room *)*state)->store;
}

static struct job read_job(struct store *s, unsigned n)
{
	struct job job = {0};
	char id[ID_SIZE];

	assert_true(store_job(s, kit_id(id, n), &job, NULL));
	return job;
}

static void number_text(char **text, int n)
{
	char *own = strdup("a0");

	assert_non_null(own);
	own[1] = (char)('0' + n);
	*text = own;
}

/* Every member of struct job, so that a column that is forgotten shows. */
static void fill(struct job *job)
{
	char **const texts[] = {&job->name, &job->project, &job->connection, &job->remote_ref,
		&job->remote_name, &job->handle, &job->checkpoint, &job->result, &job->progress,
		&job->error};
	int64_t *const numbers[] = {&job->epoch, &job->attempts, &job->started_ms, &job->cancel_ms,
		&job->deadline_ms, &job->next_poll_ms};

	for (size_t i = 0; i < COUNT(texts); i++)
		number_text(texts[i], (int)i);
	for (size_t i = 0; i < COUNT(numbers); i++)
		*numbers[i] = 100 + (int64_t)i;
	kit_id(job->parent, 77);
	job->state = JOB_RECOVERING;
}

static void text_equal(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL)
		assert_string_equal(a, b);
}

static void job_equal(const struct job *a, const struct job *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->submission, b->submission);
	assert_string_equal(a->parent, b->parent);
	assert_int_equal(a->state, b->state);
	assert_memory_equal(
		&a->epoch, &b->epoch, offsetof(struct job, provider) - offsetof(struct job, epoch));
	for (size_t at = offsetof(struct job, provider); at < sizeof(*a); at += sizeof(char *)) {
		const char *x;
		const char *y;

		memcpy(&x, (const char *)a + at, sizeof(x));
		memcpy(&y, (const char *)b + at, sizeof(y));
		text_equal(x, y);
	}
}

static void a_job_comes_back_with_every_member(void **state)
{
	struct store *s = store_of(state);
	struct store_op *op = kit_add(1);
	struct job before;
	struct job after;

	fill(&op->job);
	assert_true(job_copy(&before, &op->job));
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	after = read_job(s, 1);
	job_equal(&after, &before);
	job_finish(&after);
	job_finish(&before);
}

static void texts_that_are_null_come_back_null(void **state)
{
	struct store *s = store_of(state);
	struct job job;

	assert_int_equal(kit_run(s, kit_add(1), NULL), FAIL_NONE);
	job = read_job(s, 1);
	assert_null(job.name);
	assert_null(job.result);
	assert_string_equal(job.parent, "");
	job_finish(&job);
}

static void a_second_job_of_the_same_id_conflicts(void **state)
{
	struct store *s = store_of(state);
	bool changed = true;

	assert_int_equal(kit_run(s, kit_add(1), &changed), FAIL_NONE);
	assert_true(changed);
	assert_int_equal(kit_run(s, kit_add(1), &changed), FAIL_CONFLICT);
	assert_false(changed);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct store *s = store_of(state);
	struct job_status status;
	struct fail f = {0};
	struct job job;

	assert_false(store_job(s, "nothing", &job, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(store_job_status(s, "nothing", &status, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_false(store_job_by_remote(
		s, &(struct job_remote){.provider = "near", .name = "nothing"}, &job, &f));
	assert_int_equal(f.code, FAIL_NOT_FOUND);
	assert_int_equal(kit_run(s, kit_edge(9, JOB_OPEN, JOB_RUNNING, 0), NULL), FAIL_NOT_FOUND);
}

#define Q JOB_BIT(JOB_QUEUED)
#define R JOB_BIT(JOB_RUNNING)

/* One edge each on a fresh job. */
static const struct edge_row {
	const char *claim;
	enum job_state was;
	int64_t was_started;
	unsigned from;
	enum job_state to;
	int64_t epoch; /* the stored one is 5 */
	unsigned set;
	enum fail_code code;
	bool changed;
	enum job_state is;
	int64_t started;
	int64_t finished;
} edges[] = {
	{"from its state", JOB_QUEUED, 0, Q, JOB_SUBMITTING, -1, 0, FAIL_NONE, true, JOB_SUBMITTING,
		0, 0},
	{"from another state", JOB_QUEUED, 0, R, JOB_SUCCEEDED, -1, JOB_SET_FINISHED, FAIL_NONE,
		false, JOB_QUEUED, 0, 0},
	{"from one of several", JOB_QUEUED, 0, Q | R, JOB_CANCELLED, -1, JOB_SET_FINISHED,
		FAIL_NONE, true, JOB_CANCELLED, 3000, 3000},
	{"right epoch", JOB_QUEUED, 0, Q, JOB_SUBMITTING, 5, 0, FAIL_NONE, true, JOB_SUBMITTING, 0,
		0},
	{"stale epoch", JOB_QUEUED, 0, Q, JOB_SUBMITTING, 4, 0, FAIL_NONE, false, JOB_QUEUED, 0, 0},
	{"starts", JOB_SUBMITTING, 0, JOB_OPEN, JOB_RUNNING, -1, JOB_SET_STARTED, FAIL_NONE, true,
		JOB_RUNNING, 2000, 0},
	{"ends, having started", JOB_RUNNING, 1500, R, JOB_FAILED, -1, JOB_SET_FINISHED, FAIL_NONE,
		true, JOB_FAILED, 1500, 3000},
	{"ends, never started", JOB_RUNNING, 0, R, JOB_FAILED, -1, JOB_SET_FINISHED, FAIL_NONE,
		true, JOB_FAILED, 3000, 3000},
	{"ends and starts at once", JOB_SUBMITTING, 0, JOB_OPEN, JOB_SUCCEEDED, -1,
		JOB_SET_STARTED | JOB_SET_FINISHED, FAIL_NONE, true, JOB_SUCCEEDED, 2000, 3000},
	{"stays", JOB_RUNNING, 1500, R, JOB_STATE_COUNT, -1, JOB_SET_CANCEL, FAIL_NONE, true,
		JOB_RUNNING, 1500, 0},
	{"to itself", JOB_RUNNING, 1500, R, JOB_RUNNING, -1, JOB_SET_CANCEL, FAIL_NONE, true,
		JOB_RUNNING, 1500, 0},
	{"no such edge", JOB_QUEUED, 0, Q, JOB_RUNNING, -1, 0, FAIL_INTERNAL, false, JOB_QUEUED, 0,
		0},
	{"after the end", JOB_SUCCEEDED, 1500, JOB_OPEN, JOB_RUNNING, -1, 0, FAIL_NONE, false,
		JOB_SUCCEEDED, 1500, 2999},
	{"a second end", JOB_SUCCEEDED, 1500, JOB_OPEN, JOB_CANCELLED, -1, JOB_SET_FINISHED,
		FAIL_NONE, false, JOB_SUCCEEDED, 1500, 2999},
	{"progress after the end", JOB_SUCCEEDED, 1500, JOB_TERMINAL, JOB_STATE_COUNT, -1,
		JOB_SET_PROGRESS, FAIL_NONE, true, JOB_SUCCEEDED, 1500, 2999},
};

static void edge_check(struct store *s, unsigned n, const struct edge_row *row)
{
	struct store_op *op = kit_add(n);
	bool changed = false;
	struct job job;

	op->job.state = row->was;
	op->job.epoch = 5;
	op->job.started_ms = row->was_started;
	op->job.finished_ms = (JOB_BIT(row->was) & JOB_TERMINAL) != 0 ? 2999 : 0;
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	op = kit_edge(n, row->from, row->to, row->set);
	op->edge.epoch = row->epoch;
	if (kit_run(s, op, &changed) != row->code || changed != row->changed)
		fail_msg("%s: changed is %d", row->claim, changed);
	job = read_job(s, n);
	if (job.state != row->is || job.started_ms != row->started ||
		job.finished_ms != row->finished)
		fail_msg("%s: %s, started %lld, finished %lld", row->claim,
			job_state_word(job.state), (long long)job.started_ms,
			(long long)job.finished_ms);
	job_finish(&job);
}

static void an_edge_happens_only_under_its_condition(void **state)
{
	for (unsigned i = 0; i < COUNT(edges); i++)
		edge_check(store_of(state), i, &edges[i]);
}

static void an_edge_writes_what_it_names_and_nothing_else(void **state)
{
	struct store *s = store_of(state);
	struct store_op *op = kit_add(1);
	struct job want;
	struct job job;

	fill(&op->job);
	assert_true(job_copy(&want, &op->job));
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	op = kit_edge(1, JOB_OPEN, JOB_RUNNING,
		JOB_SET_EPOCH | JOB_SET_HANDLE | JOB_SET_RESULT | JOB_SET_NEXT_POLL);
	op->edge.values.handle = strdup("4711");
	op->edge.values.next_poll_ms = 99;
	op->edge.values.name = strdup("not named by set");
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	want.state = JOB_RUNNING;
	want.epoch++;
	want.attempts++;
	want.next_poll_ms = 99;
	memcpy(want.handle, "47", 2);
	free(want.result);
	want.result = NULL;
	job = read_job(s, 1);
	assert_string_equal(job.handle, "4711");
	job.handle[2] = '\0';
	job_equal(&job, &want);
	job_finish(&job);
	job_finish(&want);
}

/* More sorts of edges than a connection keeps statements for. */
static void any_mix_of_members_can_be_written(void **state)
{
	static const unsigned bits[] = {JOB_SET_CANCEL, JOB_SET_DEADLINE, JOB_SET_NEXT_POLL,
		JOB_SET_REMOTE_REF, JOB_SET_PROGRESS};
	struct store *s = store_of(state);
	unsigned mixes = 1u << COUNT(bits);

	assert_true(mixes > CONN_EDGES);
	assert_int_equal(kit_run(s, kit_add(1), NULL), FAIL_NONE);
	for (unsigned mix = 0; mix < 2 * mixes; mix++) {
		struct store_op *op = kit_edge(1, JOB_OPEN, JOB_STATE_COUNT, 0);
		struct job job;

		for (unsigned i = 0; i < COUNT(bits); i++)
			op->edge.set |= (mix >> i & 1) != 0 ? bits[i] : 0;
		op->edge.set |= JOB_SET_EPOCH;
		op->edge.values.cancel_ms = mix;
		assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
		job = read_job(s, 1);
		assert_int_equal(job.epoch, mix + 1);
		if ((mix & 1) != 0)
			assert_int_equal(job.cancel_ms, mix);
		job_finish(&job);
	}
}

/* The rules hold also where asserts are compiled out: straight at the driver. */
static void the_driver_itself_keeps_a_terminal_state_final(void **state)
{
	static const struct {
		enum job_state to;
		unsigned set;
	} rows[] = {
		{JOB_RUNNING, 0},
		{JOB_SUCCEEDED, JOB_SET_FINISHED},
		{JOB_CANCELLED, JOB_SET_FINISHED},
		{JOB_STATE_COUNT, JOB_SET_ERROR},
		{JOB_STATE_COUNT, JOB_SET_FINISHED},
	};
	struct kit_room *r = *state;
	char path[PATH_MAX];
	void *db;

	store_close(r->store);
	db = store_sqlite.open(kit_join(path, r->folder, "davit.db"), NULL, NULL);
	assert_non_null(db);
	assert_true(store_sqlite.begin(db, true, NULL));
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct store_op *add = kit_add(i);
		struct store_op *op = kit_edge(i, JOB_TERMINAL | JOB_OPEN, rows[i].to, rows[i].set);

		add->job.state = JOB_SUCCEEDED;
		add->job.finished_ms = 5;
		assert_true(store_sqlite.apply(db, add, NULL));
		assert_true(add->ok);
		assert_true(store_sqlite.apply(db, op, NULL));
		assert_false(op->ok);
		assert_false(op->changed);
		assert_int_equal(op->fail.code, FAIL_INTERNAL);
		store_op_free(add);
		store_op_free(op);
	}
	assert_true(store_sqlite.commit(db, NULL));
	store_sqlite.close(db);
	r->store = kit_open(r->folder);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct job job = read_job(r->store, i);

		assert_int_equal(job.state, JOB_SUCCEEDED);
		assert_int_equal(job.started_ms, 5);
		job_finish(&job);
	}
}

static void a_status_has_the_members_of_its_job(void **state)
{
	struct store *s = store_of(state);
	struct store_op *op = kit_add(1);
	struct job_status status;
	char id[ID_SIZE];

	op->job.handle = strdup("4711");
	op->job.state = JOB_RUNNING;
	op->job.started_ms = 1002;
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	assert_true(store_job_status(s, kit_id(id, 1), &status, NULL));
	assert_int_equal(status.state, JOB_RUNNING);
	assert_int_equal(status.created_ms, 1001);
	assert_int_equal(status.started_ms, 1002);
	assert_int_equal(status.finished_ms, 0);
	assert_string_equal(status.provider, "near");
	assert_string_equal(status.handle, "4711");
}

static void a_long_handle_is_cut_between_characters(void **state)
{
	struct store *s = store_of(state);
	struct store_op *op = kit_add(1);
	struct job_status status;
	char id[ID_SIZE];

	/* 62 bytes and a character of two: one byte too many for 63. */
	op->job.handle =
		strdup("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789\xc3\xa9x");
	assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	assert_true(store_job_status(s, kit_id(id, 1), &status, NULL));
	assert_string_equal(
		status.handle, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789");
}

/* Which of kit_add()'s that is, at the provider "near"; 0: none. */
static unsigned remote_job(struct store *s, struct job_remote remote)
{
	struct fail f = {0};
	struct job job;
	unsigned n;

	remote.provider = "near";
	if (!store_job_by_remote(s, &remote, &job, &f)) {
		assert_int_equal(f.code, FAIL_NOT_FOUND);
		return 0;
	}
	n = (unsigned)(job.created_ms - 1000);
	job_finish(&job);
	return n;
}

static void the_newest_job_of_a_remote_name_is_found(void **state)
{
	struct store *s = store_of(state);

	for (unsigned i = 1; i <= 4; i++) {
		struct store_op *op = kit_add(i);

		op->job.remote_name = strdup(i == 4 ? "other" : "far/away");
		if (i == 3)
			memcpy(op->job.provider, "same", sizeof("same"));
		assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	}
	assert_int_equal(remote_job(s, (struct job_remote){.name = "far/away"}), 2);
}

static void set_text(char **at, const char *text)
{
	free(*at);
	*at = strdup(text);
}

static void the_job_of_a_remote_name_is_one_of_the_interface_and_kind_asked_for(void **state)
{
	static const struct {
		const char *interface;
		const char *kind;
		bool open;
	} rows[] = {
		{"davit.training", "train", true},
		{"davit.training", "train", false},
		{"davit.training", "custom", false},
		{"davit.models", "import", false},
	};
	struct store *s = store_of(state);
	struct job_remote r = {.name = "x"};
	char id[ID_SIZE];

	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct store_op *op = kit_add(i + 1);

		op->job.remote_name = strdup("x");
		set_text(&op->job.interface, rows[i].interface);
		set_text(&op->job.kind, rows[i].kind);
		op->job.state = rows[i].open ? JOB_RUNNING : JOB_SUCCEEDED;
		op->job.started_ms = 1;
		op->job.finished_ms = rows[i].open ? 0 : 2;
		assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	}
	assert_int_equal(remote_job(s, r), 4);
	r.open_first = true;
	assert_int_equal(remote_job(s, r), 1);
	r.interface = "davit.models";
	assert_int_equal(remote_job(s, r), 4);
	r = (struct job_remote){.name = "x", .interface = "davit.training"};
	assert_int_equal(remote_job(s, r), 3);
	r.kind = "train";
	assert_int_equal(remote_job(s, r), 2);
	r.but = kit_id(id, 2);
	assert_int_equal(remote_job(s, r), 1);
	r.kind = "nothing";
	assert_int_equal(remote_job(s, r), 0);
}

static void the_job_of_a_remote_name_is_one_of_the_connection_and_age_asked_for(void **state)
{
	static const char *const connections[] = {"a", "b", "", "a"};
	struct store *s = store_of(state);
	char id[ID_SIZE];

	for (unsigned i = 0; i < COUNT(connections); i++) {
		struct store_op *op = kit_add(i + 1);

		op->job.remote_name = strdup("x");
		set_text(&op->job.connection, connections[i]);
		assert_int_equal(kit_run(s, op, NULL), FAIL_NONE);
	}
	assert_int_equal(remote_job(s, (struct job_remote){.name = "x"}), 4);
	assert_int_equal(remote_job(s, (struct job_remote){.name = "x", .connection = "b"}), 2);
	assert_int_equal(remote_job(s, (struct job_remote){.name = "x", .connection = ""}), 3);
	assert_int_equal(remote_job(s, (struct job_remote){.name = "x", .connection = "c"}), 0);
	assert_int_equal(
		remote_job(s, (struct job_remote){.name = "x", .before = kit_id(id, 4)}), 3);
	assert_int_equal(remote_job(s,
				 (struct job_remote){
					 .name = "x", .before = kit_id(id, 4), .connection = "a"}),
		1);
}

static void what_was_stored_is_there_after_a_restart(void **state)
{
	struct kit_room *r = *state;
	struct job job;

	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	store_close(r->store);
	r->store = kit_open(r->folder);
	job = read_job(r->store, 1);
	assert_string_equal(job.kind, "train");
	job_finish(&job);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_set_up, kit_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_comes_back_with_every_member),
		TEST(texts_that_are_null_come_back_null),
		TEST(a_second_job_of_the_same_id_conflicts),
		TEST(what_is_not_there_is_not_found),
		TEST(an_edge_happens_only_under_its_condition),
		TEST(an_edge_writes_what_it_names_and_nothing_else),
		TEST(any_mix_of_members_can_be_written),
		TEST(the_driver_itself_keeps_a_terminal_state_final),
		TEST(a_status_has_the_members_of_its_job),
		TEST(a_long_handle_is_cut_between_characters),
		TEST(the_newest_job_of_a_remote_name_is_found),
		TEST(the_job_of_a_remote_name_is_one_of_the_interface_and_kind_asked_for),
		TEST(the_job_of_a_remote_name_is_one_of_the_connection_and_age_asked_for),
		TEST(what_was_stored_is_there_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

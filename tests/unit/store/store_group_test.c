/* store_group_test - group commit: what waits becomes one transaction, in order, each with its
 * own outcome; and the limits of the queue. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/turn.h"
#include "platform/thread.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

/* A driver over SQLite that counts, and whose begin() can be held. One test at a time. */
static struct {
	struct mutex lock;
	struct cond moved;
	bool held;    /* begin() waits */
	bool reached; /* it does */
	unsigned begins;
	unsigned durable;
	unsigned commits;
	unsigned applied;
	unsigned break_at; /* the apply() that loses the transaction; 0: none */
} eye = {.lock = MUTEX_INIT};

static bool eye_begin(void *db, bool durable, struct fail *f)
{
	mutex_lock(&eye.lock);
	eye.begins++;
	eye.durable += durable;
	eye.reached = true;
	cond_broadcast(&eye.moved);
	while (eye.held)
		cond_wait(&eye.moved, &eye.lock);
	mutex_unlock(&eye.lock);
	return store_sqlite.begin(db, durable, f);
}

static bool eye_apply(void *db, struct store_op *op, struct fail *f)
{
	bool ok = store_sqlite.apply(db, op, f);

	if (++eye.applied == eye.break_at)
		return fail_set(f, FAIL_UNAVAILABLE, "the disk is gone");
	return ok;
}

static bool eye_commit(void *db, struct fail *f)
{
	eye.commits++;
	return store_sqlite.commit(db, f);
}

/* Pretends, for tests of the queue alone. */
static bool blind_apply(void *db, struct store_op *op, struct fail *f)
{
	(void)db;
	(void)f;
	op->ok = true;
	op->changed = true;
	return true;
}

struct room {
	char folder[PATH_MAX];
	struct store *store;
	struct store_driver driver;
};

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	kit_folder(r->folder);
	r->driver = store_sqlite;
	r->driver.begin = eye_begin;
	r->driver.apply = eye_apply;
	r->driver.commit = eye_commit;
	eye.held = false;
	eye.reached = false;
	eye.begins = eye.durable = eye.commits = eye.applied = eye.break_at = 0;
	r->store = kit_open_driver(&r->driver, r->folder);
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

/* What came back, in order. */
static struct {
	atomic_uint count;
	int64_t order[2000];
	enum fail_code code[2000];
	bool changed[2000];
} answers;

static void note(struct store_op *op)
{
	unsigned at = atomic_load(&answers.count);

	if (at < COUNT(answers.order)) {
		answers.order[at] = (intptr_t)op->arg;
		answers.code[at] = op->ok ? FAIL_NONE : op->fail.code;
		answers.changed[at] = op->changed;
	}
	atomic_store(&answers.count, at + 1);
	store_op_free(op);
}

static void submit(struct store *s, struct store_op *op, intptr_t n)
{
	op->done = note;
	op->arg = (void *)n; /* NOLINT(performance-no-int-to-ptr) */
	store_submit(s, op);
}

static bool all_answered(void *arg)
{
	return atomic_load(&answers.count) == *(unsigned *)arg;
}

static void wait_for(unsigned n)
{
	assert_true(kit_wait(all_answered, &n));
}

/* The writer is kept in the begin() of a first write until hold_end(). */
static void hold_begin(struct store *s)
{
	atomic_store(&answers.count, 0);
	eye.held = true;
	submit(s, kit_put("hold", "k", "1", -1), -1);
	mutex_lock(&eye.lock);
	while (!eye.reached)
		cond_wait(&eye.moved, &eye.lock);
	mutex_unlock(&eye.lock);
}

static void hold_end(void)
{
	mutex_lock(&eye.lock);
	eye.held = false;
	cond_broadcast(&eye.moved);
	mutex_unlock(&eye.lock);
}

#define SUBMITTERS 64

struct submitter {
	struct thread thread;
	struct store *store;
	unsigned n;
};

static void submit_one(void *arg)
{
	struct submitter *me = arg;

	submit(me->store, kit_add(me->n), (intptr_t)me->n);
}

static void writes_of_64_threads_that_wait_share_one_commit(void **state)
{
	struct room *r = *state;
	struct submitter all[SUBMITTERS];
	char id[ID_SIZE];
	struct job job;

	hold_begin(r->store);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		all[i] = (struct submitter){.store = r->store, .n = i};
		assert_true(
			thread_start(&all[i].thread, "submitter", 0, submit_one, &all[i], NULL));
	}
	for (unsigned i = 0; i < SUBMITTERS; i++)
		thread_join(&all[i].thread);
	assert_int_equal(atomic_load(&answers.count), 0);
	hold_end();
	wait_for(SUBMITTERS + 1);
	assert_int_equal(eye.commits, 2); /* the held one, and one for all others */
	assert_int_equal(eye.applied, SUBMITTERS + 1);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		assert_true(store_job(r->store, kit_id(id, i), &job, NULL));
		job_finish(&job);
	}
}

#define RUNS 25

static void run_some(void *arg)
{
	struct submitter *me = arg;

	for (unsigned i = 0; i < RUNS; i++)
		kit_run(me->store, kit_add(me->n * RUNS + i), NULL);
}

static void threads_that_each_wait_for_their_write_share_commits(void **state)
{
	struct room *r = *state;
	struct submitter all[SUBMITTERS];

	for (unsigned i = 0; i < SUBMITTERS; i++) {
		all[i] = (struct submitter){.store = r->store, .n = i};
		assert_true(thread_start(&all[i].thread, "submitter", 0, run_some, &all[i], NULL));
	}
	for (unsigned i = 0; i < SUBMITTERS; i++)
		thread_join(&all[i].thread);
	assert_int_equal(eye.applied, SUBMITTERS * RUNS);
	print_message("%u writes, %u commits\n", eye.applied, eye.commits);
	assert_true(eye.commits < eye.applied / 2);
}

static void waiting_for_a_write_within_a_turn_does_not_wait_for_its_end(void **state)
{
	struct room *r = *state;

	turn_begin();
	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	turn_end();
}

/* The state of the writer's thread, by its name, as the system tells it. */
static bool writer_sleeps(void *arg)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	bool sleeps = false;

	(void)arg;
	assert_non_null(tasks);
	while ((task = readdir(tasks)) != NULL) {
		char path[320], line[256] = "";
		FILE *file;

		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/stat", task->d_name);
		file = fopen(path, "re");
		if (file == NULL)
			continue;
		(void)!fgets(line, sizeof(line), file);
		(void)fclose(file);
		sleeps = sleeps || strstr(line, "(store-writer) S") != NULL;
	}
	(void)closedir(tasks);
	return sleeps;
}

static void many_writes_within_a_turn_do_not_wait_for_its_end(void **state)
{
	struct room *r = *state;

	atomic_store(&answers.count, 0);
	assert_true(kit_wait(writer_sleeps, NULL));
	turn_begin();
	for (unsigned i = 0; i < SUBMITTERS; i++)
		submit(r->store, kit_add(i), (intptr_t)i);
	wait_for(SUBMITTERS);
	turn_end();
}

static atomic_uint woken;

static void note_wake(void *arg)
{
	(void)arg;
	atomic_fetch_add(&woken, 1);
}

static void note_and_wake(struct store_op *op)
{
	assert_int_equal(atomic_load(&woken), 0);
	assert_int_not_equal(turn_put_off(note_wake, NULL), TURN_NONE);
	note(op);
}

static bool was_woken(void *arg)
{
	(void)arg;
	return atomic_load(&woken) > 0;
}

static void a_batch_wakes_others_once_when_all_of_it_is_answered(void **state)
{
	struct room *r = *state;

	atomic_store(&woken, 0);
	hold_begin(r->store);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		struct store_op *op = kit_add(i);

		op->done = note_and_wake;
		store_submit(r->store, op);
	}
	hold_end();
	assert_true(kit_wait(was_woken, NULL));
	assert_int_equal(atomic_load(&answers.count), SUBMITTERS + 1);
	assert_int_equal(atomic_load(&woken), 1);
}

static void a_batch_has_a_limit(void **state)
{
	struct room *r = *state;

	hold_begin(r->store);
	for (intptr_t i = 0; i < 600; i++)
		submit(r->store, kit_put("a", "k", "1", -1), i);
	hold_end();
	wait_for(601);
	assert_int_equal(eye.commits, 1 + 3); /* 256, 256, 88 */
}

static void answers_come_in_the_order_of_submission(void **state)
{
	struct room *r = *state;

	hold_begin(r->store);
	for (intptr_t i = 0; i < 600; i++)
		submit(r->store, kit_put("a", "k", "1", i), i);
	hold_end();
	wait_for(601);
	for (unsigned i = 0; i < 601; i++) {
		assert_int_equal(answers.order[i], (int64_t)i - 1);
		assert_true(answers.changed[i]); /* each saw the version of the one before */
	}
}

static void a_write_that_conflicts_does_not_spoil_its_neighbours(void **state)
{
	static const enum fail_code want[] = {
		FAIL_NONE, FAIL_NONE, FAIL_CONFLICT, FAIL_INTERNAL, FAIL_NOT_FOUND, FAIL_NONE};
	struct room *r = *state;
	struct store_op *odd = kit_add(8);
	struct job_status status;
	char id[ID_SIZE];

	odd->job.finished_ms = 5; /* against a rule of the schema */
	hold_begin(r->store);
	submit(r->store, kit_add(1), 0);
	submit(r->store, kit_add(1), 1);
	submit(r->store, odd, 2);
	submit(r->store, kit_edge(9, JOB_OPEN, JOB_RUNNING, 0), 3);
	submit(r->store, kit_add(2), 4);
	hold_end();
	wait_for(6);
	assert_int_equal(eye.commits, 2);
	for (size_t i = 0; i < COUNT(want); i++)
		assert_int_equal(answers.code[i], want[i]);
	assert_true(store_job_status(r->store, kit_id(id, 1), &status, NULL));
	assert_true(store_job_status(r->store, kit_id(id, 2), &status, NULL));
	assert_false(store_job_status(r->store, kit_id(id, 8), &status, NULL));
	assert_true(store_ready(r->store, NULL));
}

static void a_lost_transaction_takes_back_all_its_writes(void **state)
{
	struct room *r = *state;
	struct job_status status;
	struct fail f = {0};
	char id[ID_SIZE];

	hold_begin(r->store);
	eye.break_at = 4; /* the held one, two that go well, and this */
	for (unsigned i = 0; i < 5; i++)
		submit(r->store, kit_add(i), i);
	hold_end();
	wait_for(6);
	assert_int_equal(answers.code[0], FAIL_NONE);
	for (unsigned i = 1; i < 6; i++) {
		assert_int_equal(answers.code[i], FAIL_UNAVAILABLE);
		assert_false(answers.changed[i]);
		assert_false(store_job_status(r->store, kit_id(id, i - 1), &status, NULL));
	}
	assert_false(store_ready(r->store, &f));
	assert_string_equal(f.text, "the disk is gone");
	assert_int_equal(kit_run(r->store, kit_add(0), NULL), FAIL_NONE);
	assert_true(store_ready(r->store, NULL));
}

static void a_batch_is_durable_where_one_of_its_writes_is(void **state)
{
	struct room *r = *state;

	for (unsigned durable = 0; durable < 2; durable++) {
		unsigned before = eye.durable + 1; /* the held one is */

		hold_begin(r->store);
		for (intptr_t i = 0; i < 3; i++) {
			struct store_op *op = kit_put("a", "k", "1", -1);

			op->durable = durable == 1 && i == 1;
			submit(r->store, op, i);
		}
		hold_end();
		wait_for(4);
		assert_int_equal(eye.durable - before, durable);
		eye.reached = false;
	}
}

static void closing_commits_what_was_submitted(void **state)
{
	struct room *r = *state;

	hold_begin(r->store);
	for (intptr_t i = 0; i < 300; i++)
		submit(r->store, kit_add((unsigned)i), i);
	hold_end();
	store_close(r->store);
	assert_int_equal(atomic_load(&answers.count), 301);
	for (unsigned i = 0; i < 301; i++)
		assert_int_equal(answers.code[i], FAIL_NONE);
	r->store = kit_open_driver(&r->driver, r->folder);
	assert_int_equal(kit_run(r->store, kit_add(299), NULL), FAIL_CONFLICT);
}

#define LIMIT 65536

static atomic_uint busy;
static atomic_uint fine;

static void count(struct store_op *op)
{
	atomic_fetch_add(op->ok ? &fine : &busy, 1);
	if (!op->ok) {
		assert_int_equal(op->fail.code, FAIL_BUSY);
		assert_true(op->fail.retry_after_ms > 0);
	}
	store_op_free(op);
}

static bool all_fine(void *arg)
{
	return atomic_load(&fine) == *(unsigned *)arg;
}

static void a_full_queue_answers_at_once_and_drops_nothing(void **state)
{
	struct room *r = *state;
	unsigned want = LIMIT;

	atomic_store(&busy, 0);
	atomic_store(&fine, 0);
	r->driver.apply = blind_apply;
	hold_begin(r->store);
	for (unsigned i = 0; i < LIMIT + 3; i++) {
		struct store_op *op = kit_delete("a", "k");

		op->done = count;
		store_submit(r->store, op);
	}
	assert_int_equal(atomic_load(&busy), 3);
	assert_int_equal(atomic_load(&fine), 0);
	hold_end();
	assert_true(kit_wait(all_fine, &want));
}

static void more_memory_than_the_queue_may_hold_is_refused(void **state)
{
	struct room *r = *state;
	size_t big = (size_t)256 * 1024 * 1024;
	struct store_op *op = kit_put("a", "k", "1", -1);

	free(op->kv.value);
	op->kv.value = malloc(big + 1);
	assert_non_null(op->kv.value);
	memset(op->kv.value, '1', big);
	op->kv.value[big] = '\0';
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_BUSY);
	assert_int_equal(kit_run(r->store, kit_put("a", "k", "1", -1), NULL), FAIL_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_of_64_threads_that_wait_share_one_commit),
		TEST(threads_that_each_wait_for_their_write_share_commits),
		TEST(waiting_for_a_write_within_a_turn_does_not_wait_for_its_end),
		TEST(many_writes_within_a_turn_do_not_wait_for_its_end),
		TEST(a_batch_wakes_others_once_when_all_of_it_is_answered),
		TEST(a_batch_has_a_limit),
		TEST(answers_come_in_the_order_of_submission),
		TEST(a_write_that_conflicts_does_not_spoil_its_neighbours),
		TEST(a_lost_transaction_takes_back_all_its_writes),
		TEST(a_batch_is_durable_where_one_of_its_writes_is),
		TEST(closing_commits_what_was_submitted),
		TEST(a_full_queue_answers_at_once_and_drops_nothing),
		TEST(more_memory_than_the_queue_may_hold_is_refused),
	};
	int failed;

	cond_init(&eye.moved);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	cond_finish(&eye.moved);
	return failed;
}

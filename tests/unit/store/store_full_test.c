/* store_full_test - a store that cannot write says why, loses nothing it accepted, and goes on
 * by itself when it can again. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "store/sqlite.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

/* SQLite with a limit of pages that a test sets; the writer takes it up with its next begin. */
static atomic_int page_limit;
static atomic_int begins_to_fail; /* as a disk that gives errors */

static bool limited_begin(void *db, bool durable, struct fail *f)
{
	struct sqlite_db *d = db;
	char sql[64];

	if (atomic_load(&begins_to_fail) > 0) {
		atomic_fetch_sub(&begins_to_fail, 1);
		return conn_fail(&d->writer, SQLITE_IOERR_WRITE, f);
	}
	(void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d", atomic_load(&page_limit));
	return conn_exec(&d->writer, sql, f) && store_sqlite.begin(db, durable, f);
}

static atomic_int touches_to_fail;

static bool limited_touch(void *db, struct fail *f)
{
	if (atomic_load(&touches_to_fail) == 0)
		return store_sqlite.touch(db, f);
	atomic_fetch_sub(&touches_to_fail, 1);
	return fail_set(f, FAIL_UNAVAILABLE, "the disk takes no writes");
}

static atomic_bool no_room;
static atomic_ullong room_wanted;

static bool limited_room(void *db, uint64_t bytes, struct fail *f)
{
	atomic_store(&room_wanted, bytes);
	if (!atomic_load(&no_room))
		return store_sqlite.room(db, bytes, f);
	return fail_set(f, FAIL_UNAVAILABLE, "the disk is all but full");
}

struct room {
	char folder[PATH_MAX];
	struct store_driver driver;
	struct store *store;
	unsigned accepted;
};

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	kit_folder(r->folder);
	r->driver = store_sqlite;
	r->driver.begin = limited_begin;
	r->driver.touch = limited_touch;
	r->driver.room = limited_room;
	atomic_store(&page_limit, 0x3fffffff);
	atomic_store(&begins_to_fail, 0);
	atomic_store(&touches_to_fail, 0);
	atomic_store(&no_room, false);
	*state = r;
	return 0;
}

static struct store_op *job_of(unsigned n, size_t bytes)
{
	struct store_op *op = kit_add(n);

	free(op->job.request);
	op->job.request = malloc(bytes + 1);
	assert_non_null(op->job.request);
	memset(op->job.request, 'x', bytes);
	op->job.request[bytes] = '\0';
	return op;
}

static struct store_op *big_job(unsigned n)
{
	return job_of(n, 20000);
}

/* Adds jobs until two in a row are refused, for what the first leaves may be room for a
 * while: the store tidies its log then. The reason in *f. */
static void fill_up(struct room *r, struct fail *f)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < 5000 && refused < 2; i++) {
		struct store_op *op = big_job(r->accepted);

		if (store_run(r->store, op, f)) {
			r->accepted++;
			refused = 0;
		} else {
			refused++;
		}
		store_op_free(op);
	}
	assert_int_equal(refused, 2);
}

static void file_limit(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int tear_down(void **state)
{
	struct room *r = *state;

	file_limit(RLIM_INFINITY);
	(void)umount2(r->folder, MNT_DETACH); /* where a test mounted one */
	kit_remove(r->folder);
	free(r);
	return 0;
}

static void all_accepted_are_there(struct room *r)
{
	for (unsigned i = 0; i < r->accepted; i++) {
		char id[ID_SIZE];
		struct job job;

		assert_true(store_job(r->store, kit_id(id, i), &job, NULL));
		assert_int_equal(strlen(job.request), 20000);
		job_finish(&job);
	}
}

static void not_ready(struct room *r, const struct fail *why)
{
	struct fail f = {0};

	assert_int_equal(why->code, FAIL_UNAVAILABLE);
	assert_true(why->retry_after_ms > 0);
	assert_false(store_ready(r->store, &f));
	assert_string_equal(f.text, why->text);
}

static void restart(struct room *r)
{
	store_close(r->store);
	r->store = kit_open_driver(&r->driver, r->folder);
}

static void a_full_database_refuses_and_recovers_with_the_next_write(void **state)
{
	struct room *r = *state;
	struct fail f = {0};

	r->store = kit_open_driver(&r->driver, r->folder);
	atomic_store(&page_limit, 100);
	fill_up(r, &f);
	assert_non_null(strstr(f.text, "is full: free space; nothing accepted was lost"));
	assert_non_null(strstr(f.text, r->folder));
	not_ready(r, &f);
	all_accepted_are_there(r);
	/* Still full: still refused. Then there is room again, and nobody tells the store. */
	assert_int_equal(kit_run(r->store, big_job(r->accepted), NULL), FAIL_UNAVAILABLE);
	atomic_store(&page_limit, 1000);
	assert_int_equal(kit_run(r->store, big_job(r->accepted++), NULL), FAIL_NONE);
	assert_true(store_ready(r->store, NULL));
	restart(r);
	all_accepted_are_there(r);
	store_close(r->store);
}

static atomic_uint failed;

static void count_refused(struct store_op *op)
{
	assert_false(op->ok);
	assert_false(op->changed);
	assert_int_equal(op->fail.code, FAIL_UNAVAILABLE);
	atomic_fetch_add(&failed, 1);
	store_op_free(op);
}

static bool ten_refused(void *arg)
{
	(void)arg;
	return atomic_load(&failed) == 10;
}

static void every_write_of_a_failed_batch_is_answered(void **state)
{
	struct room *r = *state;

	r->store = kit_open_driver(&r->driver, r->folder);
	atomic_store(&begins_to_fail, 10);
	for (unsigned i = 0; i < 10; i++) {
		struct store_op *op = kit_add(i);

		op->done = count_refused;
		store_submit(r->store, op);
	}
	assert_true(kit_wait(ten_refused, NULL));
	atomic_store(&begins_to_fail, 0);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(kit_run(r->store, kit_add(i), NULL), FAIL_NONE);
	store_close(r->store);
}

static bool is_ready(void *arg)
{
	return store_ready(arg, NULL);
}

static void a_failing_store_recovers_without_any_write(void **state)
{
	struct room *r = *state;

	clock_virtual_start(1000000, 1000);
	r->store = kit_open_driver(&r->driver, r->folder);
	atomic_store(&begins_to_fail, 2);
	atomic_store(&touches_to_fail, 1);
	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_UNAVAILABLE);
	for (int i = 0; i < 2; i++) { /* two trials: one cannot begin, one cannot write */
		assert_true(clock_virtual_await(1, KIT_WAIT_MS));
		assert_false(store_ready(r->store, NULL));
		clock_advance(5000);
	}
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	assert_int_equal(atomic_load(&begins_to_fail), 0);
	assert_int_equal(atomic_load(&touches_to_fail), 0);
	assert_false(store_ready(r->store, NULL));
	clock_advance(5000);
	assert_true(kit_wait(is_ready, r->store));
	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	store_close(r->store);
	clock_virtual_stop();
}

static void a_failing_store_is_not_ready_for_a_small_write_that_works(void **state)
{
	struct room *r = *state;
	struct fail f = {0};

	clock_virtual_start(1000000, 1000);
	r->store = kit_open_driver(&r->driver, r->folder);
	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	atomic_store(&begins_to_fail, 1);
	assert_int_equal(kit_run(r->store, big_job(2), NULL), FAIL_UNAVAILABLE);
	atomic_store(&no_room, true);
	assert_int_equal(kit_run(r->store, kit_add(3), NULL), FAIL_NONE);
	assert_false(store_ready(r->store, &f));
	assert_string_equal(f.text, "the disk is all but full");
	assert_true(atomic_load(&room_wanted) > 1000000 + 20000);
	atomic_store(&no_room, false);
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	clock_advance(5000);
	assert_true(kit_wait(is_ready, r->store));
	store_close(r->store);
	clock_virtual_stop();
}

static void a_trial_does_not_take_a_full_disk_for_free(void **state)
{
	struct room *r = *state;
	struct fail f = {0};

	clock_virtual_start(1000000, 1000);
	(void)signal(SIGXFSZ, SIG_IGN);
	r->store = kit_open_driver(&r->driver, r->folder);
	file_limit(300000);
	fill_up(r, &f);
	assert_non_null(strstr(f.text, "file size limit of the process (ulimit -f): raise it"));
	for (int i = 0; i < 3; i++) {
		not_ready(r, &f);
		assert_true(clock_virtual_await(1, KIT_WAIT_MS));
		clock_advance(5000);
	}
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	not_ready(r, &f);
	all_accepted_are_there(r);
	file_limit(RLIM_INFINITY);
	assert_int_equal(kit_run(r->store, big_job(r->accepted++), NULL), FAIL_NONE);
	assert_true(store_ready(r->store, NULL));
	restart(r);
	all_accepted_are_there(r);
	store_close(r->store);
	clock_virtual_stop();
}

/* A disk of our own, seen by this process alone. */
static bool small_disk(const char *folder)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0 &&
	       mount("davit-test", folder, "tmpfs", 0, "size=1m") == 0;
}

static void a_full_disk_refuses_loses_nothing_and_recovers_by_itself(void **state)
{
	struct room *r = *state;
	struct fail f = {0};

	if (!small_disk(r->folder))
		skip();
	clock_virtual_start(1000000, 1000);
	r->store = kit_open(r->folder);
	fill_up(r, &f);
	assert_non_null(strstr(f.text, "is full: free space; nothing accepted was lost"));
	not_ready(r, &f);
	all_accepted_are_there(r);
	assert_int_equal(mount("none", r->folder, "none", MS_REMOUNT, "size=8m"), 0);
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	clock_advance(5000);
	assert_true(kit_wait(is_ready, r->store));
	assert_int_equal(kit_run(r->store, big_job(r->accepted++), NULL), FAIL_NONE);
	store_close(r->store);
	r->store = kit_open(r->folder);
	all_accepted_are_there(r);
	store_close(r->store);
	clock_virtual_stop();
}

static void a_disk_with_room_for_a_page_is_not_ready_for_a_job(void **state)
{
	struct room *r = *state;

	if (!small_disk(r->folder))
		skip();
	clock_virtual_start(1000000, 1000);
	r->store = kit_open(r->folder);
	assert_int_equal(kit_run(r->store, job_of(1, 1200000), NULL), FAIL_UNAVAILABLE);
	for (int i = 0; i < 3; i++) {
		assert_true(clock_virtual_await(1, KIT_WAIT_MS));
		assert_false(store_ready(r->store, NULL));
		clock_advance(5000);
	}
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	assert_int_equal(mount("none", r->folder, "none", MS_REMOUNT, "size=8m"), 0);
	clock_advance(5000);
	assert_true(kit_wait(is_ready, r->store));
	assert_int_equal(kit_run(r->store, job_of(1, 1200000), NULL), FAIL_NONE);
	store_close(r->store);
	clock_virtual_stop();
}

static void a_disk_that_becomes_read_only_has_its_sentence(void **state)
{
	struct room *r = *state;
	struct fail f = {0};
	struct store_op *op;
	char path[PATH_MAX];

	if (!small_disk(r->folder))
		skip();
	r->store = kit_open(r->folder);
	assert_int_equal(kit_run(r->store, kit_add(1), NULL), FAIL_NONE);
	store_close(r->store);
	assert_int_equal(mount("none", r->folder, "none", MS_REMOUNT | MS_RDONLY, "size=1m"), 0);
	assert_null(store_open_driver(&store_sqlite, kit_join(path, r->folder, "davit.db"), &f));
	assert_int_equal(f.code, FAIL_UNAVAILABLE);
	assert_non_null(strstr(f.text, "mounted read-only"));
	assert_int_equal(mount("none", r->folder, "none", MS_REMOUNT, "size=1m"), 0);
	r->store = kit_open(r->folder);
	op = kit_add(1);
	assert_false(store_run(r->store, op, &f));
	assert_int_equal(f.code, FAIL_CONFLICT);
	store_op_free(op);
	store_close(r->store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_database_refuses_and_recovers_with_the_next_write),
		TEST(every_write_of_a_failed_batch_is_answered),
		TEST(a_failing_store_recovers_without_any_write),
		TEST(a_failing_store_is_not_ready_for_a_small_write_that_works),
		TEST(a_trial_does_not_take_a_full_disk_for_free),
		TEST(a_full_disk_refuses_loses_nothing_and_recovers_by_itself),
		TEST(a_disk_with_room_for_a_page_is_not_ready_for_a_job),
		TEST(a_disk_that_becomes_read_only_has_its_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

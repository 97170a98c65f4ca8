/* sweep_test - what nobody refers to is deleted, and nothing else. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fail.h"
#include "store/blobs.h"
#include "store/sweep.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

struct room {
	char folder[PATH_MAX];
	struct store *store;
	struct blobs *blobs;
};

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	kit_folder(r->folder);
	r->store = kit_open(r->folder);
	r->blobs = blobs_open(r->folder, NULL);
	assert_non_null(r->blobs);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct room *r = *state;

	blobs_close(r->blobs);
	store_close(r->store);
	kit_remove(r->folder);
	free(r);
	return 0;
}

static void seal(struct room *r, const char *text, char digest[SHA256_HEX_SIZE])
{
	struct blob_writer *w = blob_begin(r->blobs, NULL);

	assert_non_null(w);
	assert_true(blob_write(w, text, strlen(text), NULL));
	assert_true(blob_seal(w, digest, NULL));
}

static const char *path_of(const struct room *r, const char *digest, char path[PATH_MAX])
{
	assert_true(snprintf(path, PATH_MAX, "%s/blobs/%.2s/%s", r->folder, digest, digest + 2) <
		    PATH_MAX);
	return path;
}

static bool there(const struct room *r, const char *digest)
{
	char path[PATH_MAX];

	return access(path_of(r, digest, path), F_OK) == 0;
}

/* As if the blob had been sealed two hours ago. */
static void make_old(const struct room *r, const char *digest)
{
	char path[PATH_MAX];
	struct timespec times[2];

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_sec -= 7200;
	times[1] = times[0];
	assert_int_equal(utimensat(AT_FDCWD, path_of(r, digest, path), times, 0), 0);
}

static struct sweep_result sweep(struct room *r, int64_t age_ms)
{
	struct sweep_result result;
	struct fail f = {0};

	if (!sweep_blobs(r->store, r->blobs, age_ms, &result, &f))
		fail_msg("%s", f.text);
	return result;
}

static void put(struct room *r, const char *instance, const char *key, const char *before,
	const char *digest, const char *behind)
{
	char value[1000];

	(void)snprintf(value, sizeof(value), "%s%s%s", before, digest, behind);
	assert_int_equal(kit_run(r->store, kit_put(instance, key, value, -1), NULL), FAIL_NONE);
}

static void what_is_in_a_pair_of_any_provider_stays(void **state)
{
	struct room *r = *state;
	char digests[4][SHA256_HEX_SIZE];
	struct sweep_result result;

	seal(r, "one", digests[0]);
	seal(r, "two", digests[1]);
	seal(r, "three", digests[2]);
	seal(r, "nobody's", digests[3]);
	put(r, "a", "x", "{\"sha256\":\"", digests[0], "\"}");
	put(r, "b", "y", "[{\"deep\":[\"sha256:", digests[1], "\"]}]");
	put(r, "b", "z", "\"0", digests[2], "f\""); /* somewhere in a longer run of digits */
	result = sweep(r, 0);
	assert_int_equal(result.deleted, 1);
	assert_int_equal(result.kept, 3);
	assert_int_equal(result.bytes, strlen("nobody's"));
	for (size_t i = 0; i < COUNT(digests); i++)
		assert_int_equal(there(r, digests[i]), i < 3);
	assert_int_equal(kit_run(r->store, kit_delete("a", "x"), NULL), FAIL_NONE);
	assert_int_equal(sweep(r, 0).deleted, 1);
	assert_false(there(r, digests[0]));
}

static void a_long_run_of_digits_is_data(void **state)
{
	struct room *r = *state;
	char run[900];
	char digest[SHA256_HEX_SIZE];

	memset(run, 'a', sizeof(run) - 1);
	run[sizeof(run) - 1] = '\0';
	seal(r, "nobody's", digest);
	memcpy(run + 100, digest, strlen(digest));
	put(r, "a", "x", "\"", run, "\"");
	assert_int_equal(sweep(r, 0).deleted, 1);
}

static void what_an_open_job_asks_for_stays_until_it_ends(void **state)
{
	struct room *r = *state;
	char digest[SHA256_HEX_SIZE];
	char request[200];
	struct store_op *op = kit_add(1);

	seal(r, "upload", digest);
	(void)snprintf(request, sizeof(request), "{\"spec\":{\"blob\":\"%s\"}}", digest);
	free(op->job.request);
	op->job.request = strdup(request);
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	assert_int_equal(sweep(r, 0).kept, 1);
	op = kit_edge(1, JOB_OPEN, JOB_CANCELLED, JOB_SET_FINISHED);
	op->edge.values.finished_ms = clock_now_ms();
	assert_int_equal(kit_run(r->store, op, NULL), FAIL_NONE);
	assert_int_equal(sweep(r, 0).deleted, 1);
}

static void what_is_young_stays(void **state)
{
	struct room *r = *state;
	char young[SHA256_HEX_SIZE];
	char old[SHA256_HEX_SIZE];
	char again[SHA256_HEX_SIZE];
	char opened[SHA256_HEX_SIZE];
	struct sweep_result result;
	int fd;

	seal(r, "young", young);
	seal(r, "old", old);
	seal(r, "again", again);
	seal(r, "opened", opened);
	make_old(r, old);
	make_old(r, again);
	make_old(r, opened);
	seal(r, "again", again);
	assert_true(blob_open(r->blobs, opened, &fd, NULL));
	assert_int_equal(close(fd), 0);
	result = sweep(r, SWEEP_AGE_MS);
	assert_int_equal(result.deleted, 1);
	assert_false(there(r, old));
	assert_true(there(r, young) && there(r, again) && there(r, opened));
}

static void what_is_no_blob_stays(void **state)
{
	struct room *r = *state;
	char path[PATH_MAX];
	char digest[SHA256_HEX_SIZE];
	FILE *file;

	seal(r, "blob", digest);
	(void)path_of(r, digest, path);
	memcpy(strrchr(path, '/') + 1, "README", sizeof("README"));
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(sweep(r, 0).deleted, 1);
	assert_int_equal(access(path, F_OK), 0);
}

static bool broken_kv_all(void *reader, bool (*each)(const char *key, const char *value, void *ctx),
	void *ctx, struct fail *f)
{
	(void)reader;
	(void)each;
	(void)ctx;
	return fail_set(f, FAIL_UNAVAILABLE, "the disk is broken");
}

static void what_cannot_be_read_deletes_nothing(void **state)
{
	struct room *r = *state;
	struct store_driver driver = store_sqlite;
	struct sweep_result result;
	struct fail f = {0};
	char digest[SHA256_HEX_SIZE];

	seal(r, "kept", digest);
	store_close(r->store);
	driver.kv_all = broken_kv_all;
	r->store = kit_open_driver(&driver, r->folder);
	assert_false(sweep_blobs(r->store, r->blobs, 0, &result, &f));
	assert_non_null(strstr(f.text, "the disk is broken"));
	assert_true(there(r, digest));
	store_close(r->store);
	r->store = kit_open(r->folder);
}

/* --- when --- */

static bool waits_less_than_a_day(void *arg)
{
	(void)arg;
	return clock_virtual_next() - clock_mono_ms() < INT64_C(86400000);
}

static void after_a_delete_it_sweeps_when_the_rest_is_old(void **state)
{
	struct room *r = *state;
	struct sweeper *w;
	char digest[SHA256_HEX_SIZE];
	int64_t start = clock_now_ms();

	seal(r, "gone", digest);
	clock_virtual_start(start, 1000);
	w = sweeper_start(r->store, r->blobs, 60000, NULL);
	assert_non_null(w);
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	assert_in_range(clock_virtual_next(), 1000 + SWEEP_AGE_MS, 1000 + 2 * SWEEP_AGE_MS);
	clock_advance(SWEEP_AGE_MS / 2);
	sweeper_wish(w); /* looked at when the first sweep is over */
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	clock_advance(clock_virtual_next() - clock_mono_ms());
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	assert_false(there(r, digest));
	assert_in_range(clock_virtual_next() - clock_mono_ms(), SWEEP_AGE_MS / 4, SWEEP_AGE_MS);
	clock_advance(clock_virtual_next() - clock_mono_ms());
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	assert_int_equal(clock_virtual_next() - clock_mono_ms(), INT64_C(86400000));
	sweeper_wish(w);
	assert_true(kit_wait(waits_less_than_a_day, NULL));
	assert_in_range(clock_virtual_next() - clock_mono_ms(), SWEEP_AGE_MS, 2 * SWEEP_AGE_MS);
	clock_virtual_stop();
	sweeper_stop(w);
}

/* A call may run as long as a day, and refer to what it was given when it ends. */
static void what_a_long_call_may_use_is_kept_till_it_must_have_ended(void **state)
{
	const int64_t call_ms = INT64_C(86400000);
	struct room *r = *state;
	struct sweeper *w;
	char digest[SHA256_HEX_SIZE];

	seal(r, "in use", digest);
	clock_virtual_start(clock_now_ms(), 1000);
	w = sweeper_start(r->store, r->blobs, call_ms, NULL);
	assert_non_null(w);
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	assert_in_range(clock_virtual_next(), call_ms + SWEEP_AGE_MS, call_ms + 2 * SWEEP_AGE_MS);
	clock_advance(call_ms + SWEEP_AGE_MS / 2);
	assert_true(there(r, digest));
	clock_advance(clock_virtual_next() - clock_mono_ms());
	assert_true(clock_virtual_await(1, KIT_WAIT_MS));
	assert_false(there(r, digest));
	clock_virtual_stop();
	sweeper_stop(w);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_in_a_pair_of_any_provider_stays),
		TEST(a_long_run_of_digits_is_data),
		TEST(what_an_open_job_asks_for_stays_until_it_ends),
		TEST(what_is_young_stays),
		TEST(what_is_no_blob_stays),
		TEST(what_cannot_be_read_deletes_nothing),
		TEST(after_a_delete_it_sweeps_when_the_rest_is_old),
		TEST(what_a_long_call_may_use_is_kept_till_it_must_have_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

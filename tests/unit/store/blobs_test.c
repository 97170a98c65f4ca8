/* blobs_test - sealed bytes: found by digest, whole or not at all, one file per content. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "platform/fs.h"
#include "platform/thread.h"
#include "store/blobs.h"
#include "unit/cmocka.h"
#include "unit/store/kit.h"

#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" /* "hello" */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct room {
	char folder[PATH_MAX];
	struct blobs *blobs;
};

static int set_up(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	kit_folder(r->folder);
	r->blobs = blobs_open(r->folder, NULL);
	assert_non_null(r->blobs);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct room *r = *state;

	blobs_close(r->blobs);
	kit_remove(r->folder);
	free(r);
	return 0;
}

static void seal(struct blobs *b, const char *text, char digest[SHA256_HEX_SIZE])
{
	struct blob_writer *w = blob_begin(b, NULL);

	assert_non_null(w);
	assert_true(blob_write(w, text, strlen(text), NULL));
	assert_true(blob_seal(w, digest, NULL));
}

static void content_is(struct blobs *b, const char *digest, const char *want)
{
	char text[64] = "";
	int fd = -1;

	assert_true(blob_open(b, digest, &fd, NULL));
	assert_int_equal(read(fd, text, sizeof(text)), strlen(want));
	assert_string_equal(text, want);
	close(fd);
}

struct files {
	unsigned count;
	uint64_t bytes;
};

static bool count_file(const char *name, uint64_t bytes, void *ctx)
{
	struct files *files = ctx;

	(void)name;
	files->count++;
	files->bytes += bytes;
	return true;
}

static struct files files_of(const struct room *r)
{
	struct files files = {0};

	assert_true(fs_walk(r->folder, "blobs", 1000, count_file, &files, NULL));
	return files;
}

static void a_sealed_blob_is_found_by_the_sha256_of_its_bytes(void **state)
{
	struct room *r = *state;
	char digest[SHA256_HEX_SIZE];

	seal(r->blobs, "hello", digest);
	assert_string_equal(digest, HELLO);
	content_is(r->blobs, HELLO, "hello");
	seal(r->blobs, "", digest);
	assert_string_equal(digest, EMPTY);
	content_is(r->blobs, EMPTY, "");
}

static void a_blob_written_in_pieces_can_be_read_while_it_grows(void **state)
{
	struct room *r = *state;
	struct blob_writer *w = blob_begin(r->blobs, NULL);
	char digest[SHA256_HEX_SIZE];
	char text[8] = "";

	assert_non_null(w);
	assert_true(blob_write(w, "he", 2, NULL));
	assert_int_equal(pread(blob_writer_fd(w), text, sizeof(text), 0), 2);
	assert_true(blob_write(w, "l", 1, NULL));
	assert_int_equal(pread(blob_writer_fd(w), text, sizeof(text), 1), 2);
	assert_string_equal(text, "el");
	assert_true(blob_write(w, "lo", 2, NULL));
	assert_true(blob_seal(w, digest, NULL));
	assert_string_equal(digest, HELLO);
}

static void the_same_content_twice_is_one_file(void **state)
{
	struct room *r = *state;
	char digest[SHA256_HEX_SIZE];
	int fd = -1;
	char text[8] = "";

	seal(r->blobs, "hello", digest);
	assert_true(blob_open(r->blobs, HELLO, &fd, NULL));
	seal(r->blobs, "hello", digest);
	assert_int_equal(files_of(r).count, 1);
	content_is(r->blobs, HELLO, "hello");
	assert_int_equal(read(fd, text, sizeof(text)), 5); /* who had it open still has it */
	close(fd);
}

static void an_abandoned_blob_leaves_nothing(void **state)
{
	struct room *r = *state;
	struct blob_writer *w = blob_begin(r->blobs, NULL);

	assert_true(blob_write(w, "hello", 5, NULL));
	assert_int_equal(files_of(r).count, 1);
	blob_abandon(w);
	blob_abandon(NULL);
	assert_int_equal(files_of(r).count, 0);
}

static void unfinished_blobs_are_swept_at_start_and_sealed_ones_kept(void **state)
{
	struct room *r = *state;
	char path[PATH_MAX];
	char digest[SHA256_HEX_SIZE];

	seal(r->blobs, "hello", digest);
	kit_join(path, r->folder, "blobs/tmp/rest");
	assert_true(fs_write_durable(path, "x", 1, NULL));
	assert_int_equal(files_of(r).count, 2);
	blobs_close(r->blobs);
	r->blobs = blobs_open(r->folder, NULL);
	assert_non_null(r->blobs);
	assert_int_equal(files_of(r).count, 1);
	content_is(r->blobs, HELLO, "hello");
}

static void a_sealed_file_is_read_only_and_ours_alone(void **state)
{
	struct room *r = *state;
	char digest[SHA256_HEX_SIZE];
	char path[PATH_MAX];
	struct stat st;

	seal(r->blobs, "hello", digest);
	assert_int_equal(
		stat(kit_join(path, r->folder,
			     "blobs/2c/f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
			&st),
		0);
	assert_int_equal(st.st_mode & 0777, 0400);
	assert_int_equal(stat(kit_join(path, r->folder, "blobs"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_name_that_is_no_digest_is_refused(void **state)
{
	static const struct {
		const char *digest;
		enum fail_code code;
	} rows[] = {
		{HELLO, FAIL_NOT_FOUND},
		{"", FAIL_INVALID},
		{"2cf24dba", FAIL_INVALID},
		{HELLO "0", FAIL_INVALID},
		{"../../../../../../../../../../../../../../../../../../etc/passwd", FAIL_INVALID},
		{"2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824", FAIL_INVALID},
		{"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b982/", FAIL_INVALID},
	};
	struct room *r = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fail f = {0};
		int fd = -1;

		assert_false(blob_open(r->blobs, rows[i].digest, &fd, &f));
		assert_int_equal(f.code, rows[i].code);
		assert_int_equal(fd, -1);
	}
}

static int file_with(const struct room *r, const char *text)
{
	char path[PATH_MAX];
	int fd;

	kit_join(path, r->folder, "source");
	assert_true(fs_write_durable(path, text, strlen(text), NULL));
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void an_imported_file_is_a_copy(void **state)
{
	struct room *r = *state;
	char digest[SHA256_HEX_SIZE];
	int fd = file_with(r, "hello");

	assert_true(blob_import_fd(r->blobs, fd, digest, NULL));
	assert_string_equal(digest, HELLO);
	assert_int_equal(pwrite(fd, "jelly", 5, 0), 5);
	content_is(r->blobs, HELLO, "hello");
	close(fd);
	assert_int_equal(files_of(r).count, 1);
}

static void an_import_that_fails_leaves_nothing(void **state)
{
	struct room *r = *state;
	char digest[SHA256_HEX_SIZE] = "-";
	struct fail f = {0};

	assert_false(blob_import_fd(r->blobs, -1, digest, &f));
	assert_int_not_equal(f.code, FAIL_NONE);
	assert_string_equal(digest, "-");
	assert_int_equal(files_of(r).count, 0);
}

static void a_blob_that_did_not_fit_is_never_sealed(void **state)
{
	struct room *r = *state;
	struct blob_writer *w = blob_begin(r->blobs, NULL);
	char digest[SHA256_HEX_SIZE] = "-";
	char bytes[4096] = "";
	struct rlimit limit;
	struct rlimit small;
	struct fail f = {0};
	bool ok = true;

	assert_non_null(w);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 200000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 100 && ok; i++)
		ok = blob_write(w, bytes, sizeof(bytes), &f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_false(ok);
	assert_non_null(strstr(f.text, "file size limit"));
	/* Now there would be room; a part is missing all the same. */
	assert_true(blob_write(w, bytes, sizeof(bytes), NULL));
	assert_false(blob_seal(w, digest, &f));
	assert_string_equal(digest, "-");
	assert_int_equal(files_of(r).count, 0);
}

struct sealer {
	struct thread thread;
	struct blobs *blobs;
	unsigned ok;
};

static void seal_many(void *arg)
{
	struct sealer *me = arg;

	for (unsigned i = 0; i < 20; i++) {
		struct blob_writer *w = blob_begin(me->blobs, NULL);
		char digest[SHA256_HEX_SIZE];
		char text[16];
		int fd = -1;

		(void)snprintf(text, sizeof(text), "%u", i);
		if (w != NULL && blob_write(w, text, strlen(text), NULL) &&
			blob_seal(w, digest, NULL) && blob_open(me->blobs, digest, &fd, NULL))
			me->ok++;
		if (fd >= 0)
			close(fd);
	}
}

static void many_threads_may_seal_the_same_contents(void **state)
{
	struct room *r = *state;
	struct sealer sealers[4];

	for (size_t i = 0; i < COUNT(sealers); i++) {
		sealers[i] = (struct sealer){.blobs = r->blobs};
		assert_true(thread_start(
			&sealers[i].thread, "sealer", 0, seal_many, &sealers[i], NULL));
	}
	for (size_t i = 0; i < COUNT(sealers); i++) {
		thread_join(&sealers[i].thread);
		assert_int_equal(sealers[i].ok, 20);
	}
	assert_int_equal(files_of(r).count, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sealed_blob_is_found_by_the_sha256_of_its_bytes),
		TEST(a_blob_written_in_pieces_can_be_read_while_it_grows),
		TEST(the_same_content_twice_is_one_file),
		TEST(an_abandoned_blob_leaves_nothing),
		TEST(unfinished_blobs_are_swept_at_start_and_sealed_ones_kept),
		TEST(a_sealed_file_is_read_only_and_ours_alone),
		TEST(a_name_that_is_no_digest_is_refused),
		TEST(an_imported_file_is_a_copy),
		TEST(an_import_that_fails_leaves_nothing),
		TEST(a_blob_that_did_not_fit_is_never_sealed),
		TEST(many_threads_may_seal_the_same_contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

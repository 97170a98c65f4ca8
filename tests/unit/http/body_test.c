/* Tests of body: memory, file, too much, no room. */
#include "http/body.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "support/scratch.h"
#include "unit/cmocka.h"

static char dir[SCRATCH_SIZE];

static int open_dir(void **state)
{
	(void)state;
	scratch_open(dir);
	return 0;
}

static int close_dir(void **state)
{
	(void)state;
	scratch_close(dir);
	return 0;
}

static char byte_at(size_t i)
{
	return (char)('a' + i * 7 % 26 + i / 1000 % 3);
}

static void fill(struct body *b, size_t n, size_t step)
{
	char piece[4096];

	for (size_t i = 0; i < n;) {
		size_t part = n - i < step ? n - i : step;

		for (size_t k = 0; k < part; k++)
			piece[k] = byte_at(i + k);
		body_add(b, piece, part);
		i += part;
	}
}

static void check_fd(int fd, size_t from, size_t n)
{
	char *bytes = malloc(n + 1);
	size_t got = 0;
	ssize_t part;

	assert_non_null(bytes);
	assert_true(fd >= 0);
	while ((part = read(fd, bytes + got, n + 1 - got)) > 0)
		got += (size_t)part;
	assert_int_equal(got, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(bytes[i], byte_at(from + i));
	free(bytes);
	close(fd);
}

static void check_whole(size_t n, size_t step, bool in_file)
{
	struct body_limits limits = {.memory = 10000, .total = 1000000, .dir = dir};
	struct body b;
	struct fail f = {0};
	const char *view;
	int first, second;

	body_init(&b, &limits);
	fill(&b, n, step);
	assert_true(body_end(&b, &f));
	assert_int_equal(b.bytes, n);
	assert_int_equal(b.fd >= 0, in_file);
	view = body_view(&b);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(view[i], byte_at(i));
	/* Two readers do not disturb each other. */
	first = body_open(&b);
	second = body_open(&b);
	check_fd(first, 0, n);
	check_fd(second, 0, n);
	if (n > 10)
		check_fd(body_open_part(&b, 5, n - 10), 5, n - 10);
	assert_int_equal(body_open_part(&b, 1, n), -1);
	body_finish(&b);
}

static void bodies_of_every_size_can_be_read_back(void **state)
{
	static const size_t sizes[] = {
		0, 1, 4095, 4096, 9999, 10000, 10001, 65536, 200000, 1000000};
	static const size_t steps[] = {1, 1000, 4096};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
			check_whole(sizes[i], steps[k], sizes[i] > 10000);
}

static void one_byte_too_many_is_refused_and_frees_what_was_kept(void **state)
{
	struct body_limits limits = {.memory = 100, .total = 1000, .dir = dir};
	struct body b;
	struct fail f = {0};

	(void)state;
	body_init(&b, &limits);
	fill(&b, 1001, 100);
	assert_null(b.memory);
	assert_int_equal(b.fd, -1);
	assert_false(body_end(&b, &f));
	assert_int_equal(f.code, FAIL_TOO_LARGE);
	assert_int_equal(b.bytes, 1001);
	body_finish(&b);
}

/* /dev/full plays the disk: it opens as a file would and takes nothing. */
static void a_full_disk_is_an_answer_and_no_crash(void **state)
{
	struct body_limits limits = {.memory = 100, .total = 1000000, .dir = dir};
	struct body b;
	struct fail f = {0};
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(full >= 0);
	body_init(&b, &limits);
	fill(&b, 200, 100);
	assert_true(b.fd >= 0);
	assert_true(dup2(full, b.fd) == b.fd);
	close(full);
	fill(&b, 200000, 1000);
	assert_false(body_end(&b, &f));
	assert_int_equal(f.code, FAIL_UNAVAILABLE);
	assert_non_null(strstr(f.text, "No space left"));
	body_finish(&b);
}

static void a_missing_folder_is_named(void **state)
{
	struct body_limits limits = {.memory = 1, .total = 1000, .dir = "/nowhere/tmp"};
	struct body b;
	struct fail f = {0};

	(void)state;
	body_init(&b, &limits);
	fill(&b, 10, 10);
	assert_false(body_end(&b, &f));
	assert_int_equal(f.code, FAIL_UNAVAILABLE);
	assert_non_null(strstr(f.text, "/nowhere/tmp"));
	body_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_of_every_size_can_be_read_back),
		cmocka_unit_test(one_byte_too_many_is_refused_and_frees_what_was_kept),
		cmocka_unit_test(a_full_disk_is_an_answer_and_no_crash),
		cmocka_unit_test(a_missing_folder_is_named),
	};

	return cmocka_run_group_tests(tests, open_dir, close_dir);
}

/* The bounded log: what is kept, what is cut, and what a reader sees meanwhile. */
#include "run/joblog.h"
#include "run/joblog_view.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "unit/cmocka.h"
#include "unit/run/run_help.h"

#define LIMIT 4096
#define HALF  (LIMIT / 2)

/* Byte i of the output of all tests: a line of 16 bytes tells its own position. */
static void output_line(size_t line, char text[17])
{
	for (size_t i = 15; i > 0; i--, line /= 10)
		text[i - 1] = (char)('0' + line % 10);
	text[15] = '\n';
	text[16] = '\0';
}

static void write_lines(struct joblog *log, size_t from, size_t to)
{
	char text[17];

	for (size_t i = from; i < to; i++) {
		output_line(i, text);
		joblog_write(log, text, 16);
	}
}

static struct joblog open_log(const struct run_place *p)
{
	struct joblog log;
	struct fail f;

	assert_true(joblog_open(&log, p->folder, LIMIT, &f));
	return log;
}

static char *view_text(const struct run_place *p, size_t *ret_n)
{
	struct stat st;
	struct fail f;
	char *text;
	int fd;

	if (!joblog_view(p->folder, LIMIT, &fd, &f))
		fail_msg("%s", f.text);
	assert_int_equal(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_n = (size_t)st.st_size;
	return text;
}

/* What a log of that many lines looks like. */
static char *expected_text(size_t lines, size_t *ret_n)
{
	size_t total = lines * 16;
	char *all = calloc(1, total + LIMIT + 128);
	char text[17];
	int n;

	assert_non_null(all);
	for (size_t i = 0; i < lines; i++) {
		output_line(i, text);
		memcpy(all + i * 16, text, 16);
	}
	*ret_n = total;
	if (total > LIMIT) {
		char *tail = strdup(all + total - HALF);

		assert_non_null(tail);
		n = snprintf(all + HALF, LIMIT + 128, "\n[davit: %zu bytes cut here]\n%s",
			total - LIMIT, tail);
		*ret_n = HALF + (size_t)n;
		free(tail);
	}
	return all;
}

static void assert_view(const struct run_place *p, size_t lines)
{
	size_t n, want_n;
	char *text = view_text(p, &n);
	char *want = expected_text(lines, &want_n);

	assert_string_equal(text, want);
	assert_int_equal(n, want_n);
	free(text);
	free(want);
}

static void keeps_the_first_and_the_last_half(void **state)
{
	static const size_t counts[] = {0, 1, HALF / 16, HALF / 16 + 1, LIMIT / 16, LIMIT / 16 + 1,
		LIMIT / 16 + 7, 1000, 5000};
	const struct run_place *p = *state;
	size_t written = 0;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct joblog log = open_log(p);

		write_lines(&log, written, counts[i]);
		written = counts[i];
		assert_view(p, written); /* while it is open */
		joblog_close(&log);
		assert_view(p, written); /* and the next writer goes on behind it */
	}
}

static void takes_a_write_of_any_size(void **state)
{
	const struct run_place *p = *state;
	struct joblog log = open_log(p);
	size_t n, lines = 3000;
	char *all = calloc(lines + 1, 16);
	char text[17];

	assert_non_null(all);
	for (size_t i = 0; i < lines; i++) {
		output_line(i, text);
		memcpy(all + i * 16, text, 16);
	}
	n = lines * 16;
	joblog_write(&log, all, n);
	assert_int_equal(log.total, n);
	assert_int_equal(log.lost, 0);
	joblog_close(&log);
	assert_view(p, lines);
	free(all);
}

static void never_takes_much_more_room_than_its_limit(void **state)
{
	const struct run_place *p = *state;
	struct joblog log = open_log(p);

	for (size_t i = 0; i < 3000; i++) {
		struct dirent *entry;
		size_t bytes = 0;
		DIR *dir;

		write_lines(&log, i, i + 1);
		if (i % 50 != 0)
			continue;
		dir = opendir(p->folder);
		assert_non_null(dir);
		while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
			struct stat st;

			if (strncmp(entry->d_name, "log.", 4) == 0 &&
				fstatat(dirfd(dir), entry->d_name, &st, 0) == 0)
				bytes += (size_t)st.st_size;
		}
		closedir(dir);
		assert_in_range(bytes, 0, LIMIT + LIMIT / 16);
	}
	joblog_close(&log);
}

struct writing {
	const struct run_place *place;
	atomic_bool done;
};

static void *write_all(void *arg)
{
	struct writing *w = arg;
	struct joblog log;

	if (joblog_open(&log, w->place->folder, LIMIT, NULL)) {
		write_lines(&log, 0, 60000);
		joblog_close(&log);
	}
	atomic_store(&w->done, true);
	return NULL;
}

/* Head from the start, marker with the right count, tail without a gap. */
static void assert_consistent(const char *text, size_t n)
{
	const char *mark = strstr(text, "\n[davit: ");
	size_t shown = n, cut = 0;
	const char *tail;

	for (size_t i = 0; i < n / 16 && i < HALF / 16; i++)
		assert_int_equal(strtoul(text + i * 16, NULL, 10), i);
	if (mark == NULL)
		return;
	assert_int_equal(mark - text, HALF);
	assert_int_equal(sscanf(mark, "\n[davit: %zu bytes cut here]\n", &cut), 1);
	tail = strchr(mark + 1, '\n') + 1;
	shown = n - (size_t)(tail - text);
	assert_in_range(shown, 1, HALF);
	for (size_t at = 0; at < shown; at++) {
		size_t position = HALF + cut + at;
		char line[17];

		output_line(position / 16, line);
		assert_int_equal(tail[at], line[position % 16]);
	}
}

static void a_reader_beside_the_writer_sees_no_torn_log(void **state)
{
	struct writing w = {.place = *state};
	size_t looks = 0;
	pthread_t thread;

	atomic_init(&w.done, false);
	assert_int_equal(pthread_create(&thread, NULL, write_all, &w), 0);
	while (!atomic_load(&w.done)) {
		struct fail f;
		size_t n;
		char *text;
		int fd;

		if (!joblog_view(w.place->folder, LIMIT, &fd, &f)) {
			assert_int_equal(f.code, FAIL_UNAVAILABLE);
			continue;
		}
		close(fd);
		text = view_text(w.place, &n);
		assert_consistent(text, n);
		free(text);
		looks++;
	}
	pthread_join(thread, NULL);
	assert_in_range(looks, 1, SIZE_MAX);
	assert_view(w.place, 60000);
}

static void a_folder_without_a_log_reads_as_empty(void **state)
{
	size_t n;
	char *text = view_text(*state, &n);

	assert_int_equal(n, 0);
	free(text);
}

static void a_stranger_among_the_segments_is_passed_over(void **state)
{
	const struct run_place *p = *state;
	struct joblog log = open_log(p);
	char path[HELP_PATH];

	put_file(place_file(p, "log.123", path), "no segment");
	put_file(place_file(p, "log.0000000000000002048x", path), "no segment");
	write_lines(&log, 0, 1000);
	joblog_close(&log);
	assert_view(p, 1000);
}

/* The piece from a byte on, and its place. */
static char *piece(const struct run_place *p, uint64_t from, uint64_t *ret_at, size_t *ret_n)
{
	struct stat st;
	struct fail f;
	char *text, *end;
	int fd;

	if (!joblog_from(p->folder, from, &fd, &f))
		fail_msg("%s", f.text);
	assert_int_equal(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_at = strtoull(text, &end, 10);
	assert_int_equal(*end, '\n');
	*ret_n = (size_t)st.st_size - (size_t)(end + 1 - text);
	memmove(text, end + 1, *ret_n + 1);
	return text;
}

static void assert_output(const char *text, uint64_t at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char line[17];

		output_line((size_t)(at + i) / 16, line);
		assert_int_equal(text[i], line[(at + i) % 16]);
	}
}

static void who_follows_gets_every_byte_that_is_kept_once(void **state)
{
	const struct run_place *p = *state;
	struct joblog log = open_log(p);
	uint64_t next = 0, cut = 0, at;
	size_t n;
	char *text;

	for (size_t lines = 0; lines < 3000; lines += 30) {
		write_lines(&log, lines, lines + 30);
		if (lines > 1500 && lines < 2500)
			continue; /* it is slow for a while, and misses what is cut */
		do {
			text = piece(p, next, &at, &n);
			assert_true(at >= next);
			assert_output(text, at, n);
			cut += at - next;
			next = at + n;
			free(text);
		} while (n > 0);
		assert_int_equal(next, (lines + 30) * 16);
	}
	assert_in_range(cut, 1, 1000 * 16);
	joblog_close(&log);
}

static void a_piece_of_nothing_is_empty(void **state)
{
	const struct run_place *p = *state;
	struct joblog log;
	uint64_t at;
	size_t n;

	free(piece(p, 7, &at, &n));
	assert_int_equal(at, 7);
	assert_int_equal(n, 0);
	log = open_log(p);
	write_lines(&log, 0, 2);
	free(piece(p, 30, &at, &n));
	assert_int_equal(at, 30);
	assert_int_equal(n, 2);
	free(piece(p, 32, &at, &n));
	assert_int_equal(n, 0);
	write_lines(&log, 2, 1000);
	free(piece(p, 999999, &at, &n));
	assert_int_equal(at, 999999);
	assert_int_equal(n, 0);
	joblog_close(&log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(keeps_the_first_and_the_last_half),
		TEST(takes_a_write_of_any_size),
		TEST(never_takes_much_more_room_than_its_limit),
		TEST(a_reader_beside_the_writer_sees_no_torn_log),
		TEST(a_folder_without_a_log_reads_as_empty),
		TEST(who_follows_gets_every_byte_that_is_kept_once),
		TEST(a_piece_of_nothing_is_empty),
		TEST(a_stranger_among_the_segments_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Why a run failed: what its log says last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

#define TRACEBACK "Traceback (most recent call last):\n"
#define FRAME     "  File \"train.py\", line 3, in <module>\n    fit(rows)\n"

/* A training that ended with exit code 1 and that log, as a poll tells it. */
static void fail_limited(struct mock *m, int n, const char *applied, const char *log, size_t bytes)
{
	struct mock_process *p;
	json_t *ref;

	kit_trained(m, n);
	ref = kit_ref(m);
	p = mock_process(m, kit_id(n));
	p->exit_code = 1;
	p->applied = applied;
	mock_write(p->files, "log", log, bytes);
	assert_int_equal(kit_again(m, DAVIT_TRAINING, "poll", "train", ref), DAVIT_OK);
	assert_int_equal(m->state, DAVIT_STATE_FAILED);
	json_decref(ref);
}

static void fail_with(struct mock *m, int n, const char *log, size_t bytes)
{
	fail_limited(m, n, NULL, log, bytes);
}

static const char *line_at(const struct mock *m, size_t at)
{
	char pointer[40];

	snprintf(pointer, sizeof(pointer), "/reason/lines/%zu", at);
	return kit_text(m->reply, pointer);
}

static size_t line_count(const struct mock *m)
{
	return json_array_size(json_at(m->reply, "/reason/lines"));
}

/* Rows: the exception, the limits that were set, how the sentence goes on, and the limit told. */
static void a_limit_that_the_exception_is_about_is_told(void **state)
{
	static const char set[] =
		"{\"file_bytes\": 9, \"open_files\": 8, \"address_space_bytes\": 7}";
	static const struct {
		const char *exception;
		const char *applied;
		const char *end;
		const char *limit;
	} rows[] = {
		{"OSError: [Errno 27] File too large", set, " (limit file_bytes: 9)", "file_bytes"},
		{"OSError: [Errno 24] Too many open files: 'x'", set, " (limit open_files: 8)",
			"open_files"},
		{"OSError: [Errno 12] Cannot allocate memory", set,
			" (limit address_space_bytes: 7)", "address_space_bytes"},
		{"MemoryError", set, " (limit address_space_bytes: 7)", "address_space_bytes"},
		{"numpy._ArrayMemoryError: Unable to allocate", set,
			" (limit address_space_bytes: 7)", "address_space_bytes"},
		{"OSError: [Errno 27] File too large", "{\"open_files\": 8}", "", NULL},
		{"MemoryError", "{}", "", NULL},
		{"OSError: [Errno 28] No space left on device", set, "", NULL},
	};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[256];
		const json_t *limit;

		snprintf(text, sizeof(text), TRACEBACK FRAME "%s\n", rows[i].exception);
		fail_limited(m, (int)i, rows[i].applied, text, strlen(text));
		snprintf(text, sizeof(text), "exit code 1: %s%s", rows[i].exception, rows[i].end);
		assert_string_equal(kit_text(m->reply, "/error"), text);
		limit = json_at(m->reply, "/reason/limit");
		if (rows[i].limit == NULL)
			assert_null(limit);
		else
			assert_string_equal(json_string_value(limit), rows[i].limit);
	}
	fail_limited(m, 9, set, "MemoryError\n", 12); /* said by a program, not by its end */
	assert_string_equal(kit_text(m->reply, "/error"), "exit code 1: MemoryError");
}

/* Rows: the log, the sentence, and the first line told. */
static void the_exception_is_told_first(void **state)
{
	static const struct {
		const char *log;
		const char *error;
		const char *first;
		size_t lines;
	} rows[] = {
		{"epoch 1\n" TRACEBACK FRAME "ValueError: no rows\n",
			"exit code 1: ValueError: no rows",
			"Traceback (most recent call last):", 4},
		{"a\n" TRACEBACK FRAME "my.Error: one\ntwo\n\nthree\n",
			"exit code 1: my.Error: one", "Traceback (most recent call last):", 6},
		{TRACEBACK FRAME "KeyError: 'a'\n\nDuring handling of the above exception, another "
				 "exception occurred:\n\n" TRACEBACK FRAME "OSError: b\n",
			"exit code 1: OSError: b", "Traceback (most recent call last):", 4},
		{TRACEBACK FRAME "E: a\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", "exit code 1: 11",
			"2", 10},
		{TRACEBACK FRAME FRAME FRAME FRAME FRAME "E: deep\n", "exit code 1: E: deep",
			"    fit(rows)", 10},
		{TRACEBACK "  File \"cut", "exit code 1: File \"cut",
			"Traceback (most recent call last):", 2},
		{"one\ntwo\n[davit: 12 bytes cut here]\n", "exit code 1: two", "one", 2},
		{" 10%|#   |\r 50%|##  |\rdone  \r\n", "exit code 1: done", "done", 1},
		{"\x1b[31mred\x1b[0m\x01\n", "exit code 1: [31mred[0m", "[31mred[0m", 1},
		{"a\tb\n", "exit code 1: a b", "a b", 1},
	};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		fail_with(m, (int)i, rows[i].log, strlen(rows[i].log));
		assert_string_equal(kit_text(m->reply, "/error"), rows[i].error);
		assert_string_equal(line_at(m, 0), rows[i].first);
		assert_int_equal(line_count(m), rows[i].lines);
		assert_int_equal(kit_int(m->reply, "/reason/exit_code"), 1);
	}
}

static void a_log_without_words_has_no_lines(void **state)
{
	struct mock *m = *state;

	fail_with(m, 1, "", 0);
	assert_string_equal(kit_text(m->reply, "/error"), "exit code 1");
	assert_int_equal(line_count(m), 0);
	fail_with(m, 2, "\n \n\r\n", 5);
	assert_int_equal(line_count(m), 0);
}

/* 239 bytes and a letter of two: it is not cut in the middle. */
static void a_long_line_is_cut_between_characters(void **state)
{
	struct mock *m = *state;
	char log[1024];
	size_t n;

	memset(log, 'x', 239);
	snprintf(log + 239, sizeof(log) - 239, "\xc3\xbc and more\n");
	fail_with(m, 1, log, strlen(log));
	n = strlen(line_at(m, 0));
	assert_int_equal(n, 242);
	assert_string_equal(line_at(m, 0) + 239, "...");
}

static void bytes_that_are_no_text_do_not_hurt(void **state)
{
	static const char log[] = "a\0b\xff\xfe\xc3\nlast \xe2\x82";
	struct mock *m = *state;

	fail_with(m, 1, log, sizeof(log) - 1);
	assert_int_equal(line_count(m), 2);
	assert_string_equal(line_at(m, 1), "last \xef\xbf\xbd\xef\xbf\xbd");
}

/* Only the end of a log that is long is read: its first line there may be a part of one. */
static void a_long_log_is_told_by_its_end(void **state)
{
	struct mock *m = *state;
	size_t n = (size_t)64 * 1024;
	char *log = malloc(n + 64);

	assert_non_null(log);
	memset(log, 'x', n);
	snprintf(log + n, 64, "\nlast\n");
	fail_with(m, 1, log, n + 6);
	assert_string_equal(kit_text(m->reply, "/error"), "exit code 1: last");
	assert_int_equal(line_count(m), 2);
	free(log);
}

static void a_signal_and_a_limit_are_told_as_data(void **state)
{
	struct mock *m = *state;
	struct mock_process *p;
	json_t *ref;

	kit_trained(m, 1);
	ref = kit_ref(m);
	p = mock_process(m, kit_id(1));
	p->signal = 9;
	p->limit = "wall";
	assert_int_equal(kit_again(m, DAVIT_TRAINING, "poll", "train", ref), DAVIT_OK);
	assert_int_equal(kit_int(m->reply, "/reason/signal"), 9);
	assert_string_equal(kit_text(m->reply, "/reason/limit"), "wall_seconds");
	assert_null(json_at(m->reply, "/reason/exit_code"));
	json_decref(ref);
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SITE(the_exception_is_told_first),
		ON_SITE(a_limit_that_the_exception_is_about_is_told),
		ON_SITE(a_log_without_words_has_no_lines),
		ON_SITE(a_long_line_is_cut_between_characters),
		ON_SITE(bytes_that_are_no_text_do_not_hurt),
		ON_SITE(a_long_log_is_told_by_its_end),
		ON_SITE(a_signal_and_a_limit_are_told_as_data),
	};

	return cmocka_run_group_tests_name("local_why", tests, NULL, NULL);
}

/* Tests of log: the form of a line, what is dropped, what is kept. */
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/veil.h"
#include "platform/thread.h"
#include "unit/cmocka.h"

static int own_stderr;
static FILE *caught; /* stands where standard error was */

static int catch_stderr(void **state)
{
	(void)state;
	own_stderr = dup(STDERR_FILENO);
	caught = tmpfile();
	if (own_stderr < 0 || caught == NULL || dup2(fileno(caught), STDERR_FILENO) < 0)
		return -1;
	return ftruncate(fileno(caught), 0);
}

static int give_back_stderr(void **state)
{
	(void)state;
	dup2(own_stderr, STDERR_FILENO);
	close(own_stderr);
	fclose(caught);
	log_set_level(LOG_INFO);
	clock_virtual_stop();
	return 0;
}

static void read_caught(char *text, size_t size)
{
	ssize_t n = pread(fileno(caught), text, size - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
}

static void a_line_has_time_level_id_and_text(void **state)
{
	char text[400];

	(void)state;
	clock_virtual_start(1763712000123, 0);
	log_info("JOB-EDGE", "job=%s n=%d", "abc", 7);
	log_warn("X-Y", "warned");
	log_error("X-Z", "%s", "");
	read_caught(text, sizeof(text));
	assert_string_equal(text, "2025-11-21T08:00:00.123Z INFO  JOB-EDGE job=abc n=7\n"
				  "2025-11-21T08:00:00.123Z WARN  X-Y warned\n"
				  "2025-11-21T08:00:00.123Z ERROR X-Z \n");
}

static void lines_below_the_level_are_dropped(void **state)
{
	char text[400];
	char *kept;

	(void)state;
	log_debug("D-ONE", "not seen");
	log_set_level(LOG_DEBUG);
	log_debug("D-TWO", "seen");
	log_set_level(LOG_ERROR);
	log_warn("W-ONE", "not seen");
	read_caught(text, sizeof(text));
	assert_null(strstr(text, "not seen"));
	assert_non_null(strstr(text, " DEBUG D-TWO seen\n"));
	kept = log_recent();
	assert_null(strstr(kept, "not seen"));
	free(kept);
}

static void one_event_is_one_line_whatever_it_says(void **state)
{
	char text[400];

	(void)state;
	log_info("ODD", "%s", "a\nb\rc\x1b[31m\x7f\xff \xc3\xa4\\");
	read_caught(text, sizeof(text));
	assert_non_null(strstr(text, "ODD a\\nb\\x0dc\\x1b[31m\\x7f\\xff \xc3\xa4\\\n"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void a_long_line_is_cut_and_marked(void **state)
{
	static char text[20000];
	char *lots = calloc(1, 10001);

	(void)state;
	assert_non_null(lots);
	memset(lots, '\n', 10000); /* each becomes two bytes */
	log_info("LONG", "%s", lots);
	read_caught(text, sizeof(text));
	assert_in_range(strlen(text), 4000, 4096);
	assert_string_equal(text + strlen(text) - 6, "\\n...\n");
	assert_non_null(strchr(text, '\n'));
	free(lots);
}

static void words_name_levels(void **state)
{
	static const struct {
		const char *word;
		enum log_level level;
	} rows[] = {
		{"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN}, {"error", LOG_ERROR}};
	enum log_level level = LOG_WARN;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(log_level_of(rows[i].word, &level));
		assert_int_equal(level, rows[i].level);
	}
	assert_false(log_level_of("loud", &level));
	assert_false(log_level_of("INFO", &level));
	assert_int_equal(level, LOG_ERROR);
}

static void the_last_lines_are_kept_whole_and_in_order(void **state)
{
	char *kept, *line;
	long expected;

	(void)state;
	for (int i = 0; i < 10000; i++)
		log_info("RING", "%06d %.*s", i, i % 97,
			"-------------------------------------------------------------------------"
			"------------------------");
	kept = log_recent();
	assert_non_null(kept);
	assert_in_range(strlen(kept), 250 * 1024, 256 * 1024);
	expected = strtol(strstr(kept, "RING ") + 5, NULL, 10);
	for (line = kept; *line != '\0'; line = strchr(line, '\n') + 1) {
		assert_memory_equal(line + 24, " INFO  RING ", 12);
		assert_int_equal(strtol(line + 36, NULL, 10), expected);
		expected++;
	}
	assert_int_equal(expected, 10000);
	free(kept);
}

static void log_some(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_info("MANY", "%s", (const char *)arg);
}

static void lines_of_many_threads_do_not_mix(void **state)
{
	static char words[4][100];
	struct thread threads[COUNT(words)];
	static char text[1 << 20];
	size_t lines = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		memset(words[i], (int)('a' + i), sizeof(words[i]) - 1);
		assert_true(thread_start(&threads[i], "log", 0, log_some, words[i], NULL));
	}
	for (size_t i = 0; i < COUNT(words); i++)
		thread_join(&threads[i]);
	read_caught(text, sizeof(text));
	for (char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		char *word = strstr(line, "MANY ") + 5;

		assert_memory_equal(word, words[word[0] - 'a'], sizeof(words[0]) - 1);
		assert_int_equal(word[sizeof(words[0]) - 1], '\n');
		lines++;
	}
	assert_int_equal(lines, 2000);
}

/* As the registry of secrets does, which is further up. */
static size_t hide(char *text, size_t n, bool cut)
{
	char *at = strstr(text, "hunter2");

	(void)cut;
	if (at == NULL)
		return n;
	memcpy(at, "***", 3);
	memmove(at + 3, at + 7, strlen(at + 7) + 1);
	return n - 4;
}

static void what_must_not_be_seen_is_in_no_line(void **state)
{
	char text[400];
	char *kept;

	(void)state;
	veil_set(hide);
	log_warn("X-Y", "job=%s the password %s is wrong", "abc", "hunter2");
	veil_set(NULL);
	read_caught(text, sizeof(text));
	assert_non_null(strstr(text, "WARN  X-Y job=abc the password *** is wrong\n"));
	kept = log_recent();
	assert_null(strstr(kept, "hunter2"));
	free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_line_has_time_level_id_and_text, catch_stderr, give_back_stderr),
		cmocka_unit_test_setup_teardown(
			what_must_not_be_seen_is_in_no_line, catch_stderr, give_back_stderr),
		cmocka_unit_test_setup_teardown(
			lines_below_the_level_are_dropped, catch_stderr, give_back_stderr),
		cmocka_unit_test_setup_teardown(
			one_event_is_one_line_whatever_it_says, catch_stderr, give_back_stderr),
		cmocka_unit_test_setup_teardown(
			a_long_line_is_cut_and_marked, catch_stderr, give_back_stderr),
		cmocka_unit_test(words_name_levels),
		cmocka_unit_test_setup_teardown(
			the_last_lines_are_kept_whole_and_in_order, catch_stderr, give_back_stderr),
		cmocka_unit_test_setup_teardown(
			lines_of_many_threads_do_not_mix, catch_stderr, give_back_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Functions that callers send, against a host of the test's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "unit/cmocka.h"
#include "unit/local/kit.h"

static int32_t execute(struct mock *m, const char *script)
{
	return mock_run(m, DAVIT_FUNCTIONS, "execute",
		json_pack("{s:{}, s:[], s:[], s:s, s:s, s:{s:i}}", "connection", "imports",
			"requirements", "script", script, "connection_details", "{\"key\":\"k\"}",
			"body", "n", 1));
}

static void assert_nothing_is_left(struct mock *m)
{
	assert_int_equal(mock_process_count(m), 0);
	assert_int_equal(json_object_size(m->kv), 0);
}

static void what_it_returned_or_else_printed_is_its_output(void **state)
{
	static const struct {
		const char *returned; /* NULL: nothing */
		const char *printed;
		const char *output;
	} rows[] = {
		{"value", "noise\n", "value"},
		{"", "noise\n", ""},
		{NULL, "noise\n", "noise\n"},
		{NULL, "", ""},
	};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mock_process born = {.state = "exited"};

		mock_write(born.files, "log", rows[i].printed, strlen(rows[i].printed));
		if (rows[i].returned != NULL)
			mock_write(born.files, "outputs/returned", rows[i].returned,
				strlen(rows[i].returned));
		m->born = &born;
		assert_int_equal(execute(m, "s"), DAVIT_OK);
		assert_string_equal(kit_text(m->reply, "/output"), rows[i].output);
		assert_nothing_is_left(m);
	}
}

static void a_byte_that_is_no_text_does_no_harm(void **state)
{
	struct mock *m = *state;
	struct mock_process born = {.state = "exited"};

	mock_write(born.files, "outputs/returned", "a\0b\xff", 4);
	m->born = &born;
	assert_int_equal(execute(m, "s"), DAVIT_OK);
	assert_string_equal(kit_text(m->reply, "/output"), "a b\xef\xbf\xbd");
}

static void its_values_are_a_file_and_nothing_else(void **state)
{
	struct mock *m = *state;
	struct mock_process born = {.state = NULL};
	struct mock_process *p;
	json_t *call;
	char *text;

	m->born = &born;
	m->remove_code = DAVIT_CONFLICT; /* so that the test can look at it */
	assert_int_equal(execute(m, "def execute(a, b): pass"), DAVIT_DEADLINE);
	assert_int_equal(mock_process_count(m), 1);
	p = mock_process(m, "function-01010101010101010101");
	assert_non_null(p);
	assert_string_equal(kit_text(p->spec, "/inputs/1/as"), "call/call.json");
	call = json_loads(kit_text(p->spec, "/inputs/1/text"), 0, NULL);
	assert_string_equal(kit_text(call, "/script"), "def execute(a, b): pass");
	assert_string_equal(kit_text(call, "/connection_details"), "{\"key\":\"k\"}");
	assert_int_equal(kit_int(call, "/body/n"), 1);
	json_decref(call);
	text = json_dumps(json_object_get(p->spec, "argv"), JSON_COMPACT);
	assert_string_equal(
		text, "[\"python3\",\"../call/driver.py\",\"../call/call.json\",\"../outputs\"]");
	free(text);
	assert_int_equal(json_object_size(json_object_get(p->spec, "environment")), 0);
	assert_int_equal(kit_int(p->spec, "/limits/wall_seconds"), 61);
}

static void a_failure_is_told_as_the_driver_says(void **state)
{
	static const struct {
		const char *failed;
		int32_t code;
		const char *text;
	} rows[] = {
		{"{\"stage\":\"compile\",\"error\":\"no script\"}", DAVIT_INVALID, "no script"},
		{"{\"stage\":\"import\",\"error\":\"no module\"}", DAVIT_INVALID, "no module"},
		{"{\"stage\":\"execute\",\"error\":\"none\"}", DAVIT_INVALID, "none"},
		{"{\"stage\":\"raise\",\"error\":\"it %s\"}", DAVIT_PERMANENT, "it %s"},
		{"{}", DAVIT_PERMANENT, "the function failed"},
		{"half {", DAVIT_PERMANENT, "the function failed: exit code 1"},
		{NULL, DAVIT_PERMANENT, "the function failed: exit code 1"},
	};
	struct mock *m = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mock_process born = {.state = "exited", .exit_code = 1};

		mock_write(born.files, "log", "secret\n", 7);
		if (rows[i].failed != NULL)
			mock_write(born.files, "outputs/failed", rows[i].failed,
				strlen(rows[i].failed));
		m->born = &born;
		assert_int_equal(execute(m, "s"), rows[i].code);
		assert_string_equal(m->fail_text, rows[i].text);
		assert_nothing_is_left(m);
	}
}

static void a_limit_is_told_before_what_the_driver_says(void **state)
{
	struct mock *m = *state;
	struct mock_process born = {.state = "exited", .signal = 24, .limit = "cpu"};

	mock_write(born.files, "outputs/failed", "{\"stage\":\"raise\"}", 17);
	m->born = &born;
	assert_int_equal(execute(m, "s"), DAVIT_PERMANENT);
	assert_string_equal(m->fail_text,
		"the function failed: stopped at its limit of CPU time (cpu_seconds)");
}

static void an_output_that_was_cut_is_too_long(void **state)
{
	static const char cut[] = "a\n[davit: 99 bytes cut here]\nb\n";
	struct mock *m = *state;
	struct mock_process born = {.state = "exited"};

	mock_write(born.files, "log", cut, strlen(cut));
	m->born = &born;
	assert_int_equal(execute(m, "s"), DAVIT_PERMANENT);
	assert_non_null(strstr(m->fail_text, "longer than"));
	assert_nothing_is_left(m);
}

static void one_that_does_not_end_is_stopped_before_the_calls_deadline(void **state)
{
	struct mock *m = *state;

	assert_int_equal(execute(m, "s"), DAVIT_DEADLINE);
	assert_non_null(strstr(m->fail_text, "did not end within 58 s"));
	assert_true(m->mono_ms < m->deadline_ms);
	assert_nothing_is_left(m);
}

static void what_cannot_be_started_leaves_nothing(void **state)
{
	struct mock *m = *state;

	m->start_code = DAVIT_RETRY;
	assert_int_equal(execute(m, "s"), DAVIT_RETRY);
	assert_nothing_is_left(m);
}

static void what_an_earlier_daemon_left_is_cleared_at_the_start(void **state)
{
	struct mock *m = *state;
	struct mock_process born = {.state = NULL};

	m->born = &born;
	m->remove_code = DAVIT_CONFLICT;
	assert_int_equal(execute(m, "s"), DAVIT_DEADLINE);
	assert_int_equal(mock_process_count(m), 1);
	m->remove_code = DAVIT_OK;
	mock_destroy(m);
	assert_int_equal(mock_create(m, "{}"), DAVIT_OK);
	assert_nothing_is_left(m);
}

static void what_could_not_be_cleared_is_cleared_by_the_next(void **state)
{
	struct mock *m = *state;
	struct mock_process born = {.state = "exited"};

	m->remove_code = DAVIT_CONFLICT;
	assert_int_equal(execute(m, "s"), DAVIT_DEADLINE);
	m->remove_code = DAVIT_OK;
	m->mono_ms = 0;
	m->born = &born;
	assert_int_equal(execute(m, "s"), DAVIT_OK);
	assert_nothing_is_left(m);
}

static void too_many_at_once_are_asked_to_wait(void **state)
{
	struct mock *m = *state;
	char key[40];

	for (int i = 0; i < 32; i++) {
		(void)snprintf(key, sizeof(key), "function/function-%02d", i);
		json_object_set_new(m->kv, key,
			json_pack("[i, {s:I}]", i + 1, "until_ms", (json_int_t)m->now_ms + 1000));
	}
	assert_int_equal(execute(m, "s"), DAVIT_THROTTLED);
	assert_int_equal(json_object_size(m->kv), 32);
}

static void values_beyond_the_bound_are_refused(void **state)
{
	struct mock *m = *state;
	size_t n = 5 << 20;
	char *script = malloc(n + 1);

	assert_non_null(script);
	memset(script, 'x', n);
	script[n] = '\0';
	assert_int_equal(execute(m, script), DAVIT_INVALID);
	free(script);
	assert_nothing_is_left(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_it_returned_or_else_printed_is_its_output),
		TEST(a_byte_that_is_no_text_does_no_harm),
		TEST(its_values_are_a_file_and_nothing_else),
		TEST(a_failure_is_told_as_the_driver_says),
		TEST(a_limit_is_told_before_what_the_driver_says),
		TEST(an_output_that_was_cut_is_too_long),
		TEST(one_that_does_not_end_is_stopped_before_the_calls_deadline),
		TEST(what_cannot_be_started_leaves_nothing),
		TEST(what_an_earlier_daemon_left_is_cleared_at_the_start),
		TEST(what_could_not_be_cleared_is_cleared_by_the_next),
		TEST(too_many_at_once_are_asked_to_wait),
		TEST(values_beyond_the_bound_are_refused),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of args and of the table of commands. */
#include "args.h"

#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "command.h"
#include "unit/cmocka.h"

static const struct option_row rows[] = {
	{'f', "follow", NULL, "A flag."},
	{'o', "output", "FILE", "A value."},
	{0, "set", "NAME=VALUE", "Many."},
	{0, NULL, NULL, NULL},
};
static const struct command plain = {
	.name = "plain", .words = "WORD...", .min_words = 1, .max_words = 3, .options = rows};
static const struct command rest = {
	.name = "rest", .min_words = 1, .max_words = WORDS_ANY, .rest = true, .options = rows};

static bool parse(
	struct args *a, const struct command *command, const char **argv, size_t n, struct fail *f)
{
	char *copy[16];

	for (size_t i = 0; i < n; i++)
		copy[i] = (char *)(uintptr_t)argv[i];
	copy[n] = NULL;
	return args_parse(a, command, (int)n, copy, f);
}

#define PARSE(a, command, f, ...)                                                                  \
	parse(a, command, (const char *[]){__VA_ARGS__}, COUNT(((const char *[]){__VA_ARGS__})), f)

static void options_are_read_in_every_form(void **state)
{
	struct args a;
	struct fail f = {0};
	size_t at = 0;

	(void)state;
	assert_true(PARSE(&a, &plain, &f, "one", "--set", "a=1", "-f", "--set=b=2", "-oX", "two",
		"--host", "h"));
	assert_int_equal(a.word_count, 2);
	assert_string_equal(args_word(&a, 1), "two");
	assert_null(args_word(&a, 2));
	assert_true(args_has(&a, "follow"));
	assert_false(args_has(&a, "json"));
	assert_string_equal(args_text(&a, "output"), "X");
	assert_string_equal(args_text(&a, "host"), "h");
	assert_string_equal(args_next(&a, "set", &at), "a=1");
	assert_string_equal(args_next(&a, "set", &at), "b=2");
	assert_null(args_next(&a, "set", &at));
	args_finish(&a);
}

static void a_command_line_within_words_is_left_alone(void **state)
{
	struct args a;
	struct fail f = {0};

	(void)state;
	assert_true(PARSE(&a, &rest, &f, "-f", "ls", "-l", "--output", "-f"));
	assert_int_equal(a.word_count, 4);
	assert_int_equal(a.given_count, 1);
	args_finish(&a);
	assert_true(PARSE(&a, &plain, &f, "--", "-f", "--json"));
	assert_int_equal(a.word_count, 2);
	args_finish(&a);
	assert_true(PARSE(&a, &rest, &f, "printf", ""));
	args_finish(&a);
	assert_false(PARSE(&a, &rest, &f, ""));
	args_finish(&a);
}

static void numbers_and_a_dash_are_words(void **state)
{
	struct args a;
	struct fail f = {0};

	(void)state;
	assert_true(PARSE(&a, &plain, &f, "-", "-10"));
	assert_int_equal(a.word_count, 2);
	args_finish(&a);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *argv[4];
		size_t n;
		const char *part;
	} wrong[] = {
		{{"w", "--folow"}, 2, "did you mean '--follow'"},
		{{"w", "--xyzzy"}, 2, "unknown option '--xyzzy'"},
		{{"w", "-x"}, 2, "unknown option '-x'"},
		{{"w", "--output"}, 2, "needs a value (FILE)"},
		{{"w", "--follow=1"}, 2, "takes no value"},
		{{"a", "b", "c", "d"}, 4, "'d' is one word too many"},
		{{"-f"}, 1, "WORD... is missing"},
		{{"a", ""}, 2, "word 2 is empty"},
		{{"a\xff.csv"}, 1, "'a?.csv' is not UTF-8"},
		{{"w", "--output=\xc3"}, 2, "is not UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct args a;
		struct fail f = {0};

		assert_false(
			parse(&a, &plain, (const char **)(uintptr_t)wrong[i].argv, wrong[i].n, &f));
		assert_int_equal(f.code, FAIL_INVALID);
		assert_non_null(strstr(f.text, wrong[i].part));
		args_finish(&a);
	}
}

static void numbers_keep_their_limits(void **state)
{
	static const char *const bad[] = {"0", "11", "x", "1x", "", "99999999999999999999"};
	struct args a;
	struct fail f = {0};
	int64_t n = 5;

	(void)state;
	assert_true(PARSE(&a, &plain, &f, "w"));
	assert_true(args_int(&a, "output", 1, 10, &n, &f));
	assert_int_equal(n, 5);
	args_finish(&a);
	assert_true(PARSE(&a, &plain, &f, "w", "-o", "10"));
	assert_true(args_int(&a, "output", 1, 10, &n, &f));
	assert_int_equal(n, 10);
	args_finish(&a);
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_true(PARSE(&a, &plain, &f, "w", "-o", bad[i]));
		assert_false(args_int(&a, "output", 1, 10, &n, &f));
		args_finish(&a);
	}
}

static const struct command *find(const char *first, const char *second, int *used)
{
	char *argv[] = {(char *)(uintptr_t)first, (char *)(uintptr_t)second, NULL};

	return command_find(second != NULL ? 2 : 1, argv, used);
}

static void commands_are_found_by_one_or_two_words(void **state)
{
	int used;

	(void)state;
	assert_string_equal(find("jobs", "x", &used)->name, "jobs");
	assert_int_equal(used, 1);
	assert_string_equal(find("datasets", "create", &used)->name, "datasets create");
	assert_int_equal(used, 2);
	assert_string_equal(find("datasets", NULL, &used)->name, "datasets list");
	assert_string_equal(find("datasets", "--json", &used)->name, "datasets list");
	assert_int_equal(used, 1);
	assert_string_equal(find("runs", "compare", &used)->name, "runs compare");
	assert_string_equal(find("runs", "digits", &used)->name, "runs");
	assert_null(find("datasets", "creat", &used));
	assert_int_equal(used, 1);
	assert_string_equal(command_nearest("datasets", "creat"), "create");
	assert_null(find("jobz", NULL, &used));
	assert_int_equal(used, 0);
	assert_string_equal(command_nearest(NULL, "datsets"), "datasets");
}

static void the_table_keeps_its_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];

		assert_non_null(c->run);
		assert_non_null(c->examples);
		assert_true(c->summary[strlen(c->summary) - 1] == '.');
		assert_true(c->min_words <= c->max_words);
		assert_ptr_equal(command_by_name(c->name), c);
		for (const struct option_row *o = c->options; o != NULL && o->name != NULL; o++) {
			assert_true(o->help[strlen(o->help) - 1] == '.');
			for (const struct option_row *e = command_options; e->name != NULL; e++) {
				assert_string_not_equal(o->name, e->name);
				assert_true(o->letter == 0 || o->letter != e->letter);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read_in_every_form),
		cmocka_unit_test(a_command_line_within_words_is_left_alone),
		cmocka_unit_test(numbers_and_a_dash_are_words),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(numbers_keep_their_limits),
		cmocka_unit_test(commands_are_found_by_one_or_two_words),
		cmocka_unit_test(the_table_keeps_its_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of what goes to the daemon: places, paths, command lines, pairs of options. */
#include <stdlib.h>
#include <string.h>

#include "again.h"
#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "cli.h"
#include "command.h"
#include "http.h"
#include "unit/cmocka.h"
#include "work.h"

static void hosts_are_sockets_or_urls(void **state)
{
	struct http_place place;
	struct fail f = {0};

	(void)state;
	assert_true(http_place_of("unix:///run/x.sock", &place, &f));
	assert_string_equal(place.socket, "/run/x.sock");
	assert_true(http_place_of("/run/x.sock", &place, &f));
	assert_string_equal(place.socket, "/run/x.sock");
	assert_string_equal(place.base, "http://davit");
	assert_true(http_place_of("http://h:1//", &place, &f));
	assert_string_equal(place.base, "http://h:1");
	assert_string_equal(place.socket, "");
	assert_false(http_place_of("h:1", &place, &f));
	assert_int_equal(f.code, FAIL_INVALID);
	assert_false(http_place_of("unix://", &place, &f));
}

static void what_makes_something_is_named(void **state)
{
	static const char *const making[] = {"/execute", "/v1/jobs/a%2Fb/rerun",
		SERVICE "/datasets", SERVICE "/datasets?project=p",
		SERVICE "/endpoints/a%2Fb/deploy_model", SERVICE "/pipelines/training/train"};
	static const char *const others[] = {"/execute/x/stop", "/v1/jobs/x/cancel",
		SERVICE "/function/execute", SERVICE "/datasets/x/tags",
		SERVICE "/datasets/x/export", SERVICE "/endpoints/x/infer",
		SERVICE "/pipelines/training/x/cancel"};

	(void)state;
	for (size_t i = 0; i < COUNT(making); i++)
		assert_true(again_makes(making[i]));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(again_makes(others[i]));
}

static void words_in_a_path_are_encoded(void **state)
{
	const char *words[] = {"a/b c", "ü?&"};
	struct buf path;

	(void)state;
	buf_init(&path, 1000);
	http_path(&path, "/x/%s/y/%s", words);
	http_query(&path, "k", "a b&c=d");
	http_query(&path, "absent", NULL);
	http_query(&path, "l", "2");
	assert_string_equal(path.p, "/x/a%2Fb%20c/y/%C3%BC%3F%26?k=a%20b%26c%3Dd&l=2");
	buf_finish(&path);
}

static void assert_line(const char *expected, const char *const *words, size_t n)
{
	char *line = work_command_line(words, n);

	assert_string_equal(line, expected);
	free(line);
}

static void words_reach_the_shell_rules_unchanged(void **state)
{
	static const char *const many[] = {
		"python3", "-c", "print('a b')", "", "x=$HOME", "a;b", "50%", "A=1"};
	static const char *const one[] = {"python train.py --epochs 3"};

	(void)state;
	assert_line("python3 -c 'print('\\''a b'\\'')' '' 'x=$HOME' 'a;b' 50% 'A=1'", many,
		COUNT(many));
	assert_line("python train.py --epochs 3", one, 1);
}

static json_t *pairs_of(const char *const *values, size_t n, bool typed, bool *ok, int *ret_code)
{
	static const struct option_row row = {0, "set", "NAME=VALUE", ""};
	struct args_given given[8];
	struct cli c = {.args = {.given = given, .given_count = n}};
	json_t *pairs;

	for (size_t i = 0; i < n; i++)
		given[i] = (struct args_given){&row, values[i]};
	pairs = cli_pairs(&c, "set", typed, ok);
	*ret_code = c.code;
	return pairs;
}

static void values_of_options_have_types_where_they_should(void **state)
{
	static const char *const values[] = {
		"a=1", "b=0.5", "c=true", "d=null", "e=x=y", "f=\"1\"", "g="};
	int code;
	bool ok;
	json_t *pairs = pairs_of(values, COUNT(values), true, &ok, &code);
	char *text = json_compact(pairs, NULL);

	(void)state;
	assert_true(ok);
	assert_string_equal(text,
		"{\"a\":1,\"b\":0.5,\"c\":true,\"d\":null,\"e\":\"x=y\",\"f\":\"\\\"1\\\"\",\"g\":\"\"}");
	free(text);
	json_decref(pairs);
	pairs = pairs_of(values, 1, false, &ok, &code);
	assert_string_equal(json_text_or(pairs, "a", ""), "1");
	json_decref(pairs);
	assert_null(pairs_of(values, 0, true, &ok, &code));
	assert_true(ok);
}

static void a_pair_without_a_name_is_wrong_usage(void **state)
{
	static const char *const values[] = {"=1", "a"};
	int code;
	bool ok;

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		assert_null(pairs_of(&values[i], 1, true, &ok, &code));
		assert_false(ok);
		assert_int_equal(code, EXIT_USAGE);
	}
}

static void names_come_from_files(void **state)
{
	static const char *const cases[][2] = {
		{"a/b/train.py", "train"}, {"x", "x"}, {".hidden", ".hidden"}, {"a.b.csv", "a.b"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *stem = cli_stem(cases[i][0]);

		assert_string_equal(stem, cases[i][1]);
		free(stem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_sockets_or_urls),
		cmocka_unit_test(what_makes_something_is_named),
		cmocka_unit_test(words_in_a_path_are_encoded),
		cmocka_unit_test(words_reach_the_shell_rules_unchanged),
		cmocka_unit_test(values_of_options_have_types_where_they_should),
		cmocka_unit_test(a_pair_without_a_name_is_wrong_usage),
		cmocka_unit_test(names_come_from_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Command lines become the words a POSIX shell would make of them, or are refused. */
#include "local/command.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "unit/cmocka.h"

#define TEXT(literal) literal, sizeof(literal) - 1

/* words: each followed by "|". */
static const struct {
	const char *text;
	size_t n;
	const char *words;
} good[] = {
	{TEXT("python train.py"), "python|train.py|"},
	{TEXT("  python\ttrain.py  \r\n\n "), "python|train.py|"},
	{TEXT("a 'b c' d"), "a|b c|d|"},
	{TEXT("a \"b c\" d"), "a|b c|d|"},
	{TEXT("a b\\ c"), "a|b c|"},
	{TEXT("a b\\ "), "a|b |"},
	{TEXT("a ''"), "a||"},
	{TEXT("a \"\"''"), "a||"},
	{TEXT("a'b'\"c\"d"), "abcd|"},
	{TEXT("a '|&;<>()$`#\"\\'"), "a||&;<>()$`#\"\\|"},
	{TEXT("a \"|&;<>()#'\""), "a||&;<>()#'|"},
	{TEXT("a \\|\\&\\;\\<\\>\\(\\)\\$\\`\\#"), "a||&;<>()$`#|"},
	{TEXT("a \"\\$\\`\\\"\\\\\""), "a|$`\"\\|"},
	{TEXT("a \"\\n\""), "a|\\n|"},
	{TEXT("a 'it'\\''s'"), "a|it's|"},
	{TEXT("a b\\\nc"), "a|bc|"},
	{TEXT("a \"b\\\nc\""), "a|bc|"},
	{TEXT("a 'b\nc'"), "a|b\nc|"},
	{TEXT("a b\\\\\n"), "a|b\\|"},
	{TEXT("a --x=1 y=2"), "a|--x=1|y=2|"},
	{TEXT("'A'=1 b"), "A=1|b|"},
	{TEXT("./a=1 b"), "./a=1|b|"},
	{TEXT("1a=1 b"), "1a=1|b|"},
	{TEXT("a *.csv ~ b?[c]"), "a|*.csv|~|b?[c]|"},
	{TEXT("a b#c"), "a|b#c|"},
	{TEXT("gr\xc3\xbc\xc3\x9f e"), "gr\xc3\xbc\xc3\x9f|e|"},
};

static const struct {
	const char *text;
	size_t n;
	enum command_fault fault;
	size_t at;
} bad[] = {
	{TEXT(""), COMMAND_EMPTY, 0},
	{TEXT(" \t\r\n"), COMMAND_EMPTY, 4},
	{TEXT("a 'b"), COMMAND_QUOTE, 2},
	{TEXT("a \"b"), COMMAND_QUOTE, 2},
	{TEXT("a \"b\\\""), COMMAND_QUOTE, 2},
	{TEXT("a \"b\\"), COMMAND_QUOTE, 2},
	{TEXT("a b\\"), COMMAND_QUOTE, 3},
	{TEXT("a\0b"), COMMAND_NUL, 1},
	{TEXT("a | b"), COMMAND_OPERATOR, 2},
	{TEXT("a&"), COMMAND_OPERATOR, 1},
	{TEXT("a && b"), COMMAND_OPERATOR, 2},
	{TEXT("a; b"), COMMAND_OPERATOR, 1},
	{TEXT("a <b"), COMMAND_OPERATOR, 2},
	{TEXT("a 2>b"), COMMAND_OPERATOR, 3},
	{TEXT("(a)"), COMMAND_OPERATOR, 0},
	{TEXT("a )"), COMMAND_OPERATOR, 2},
	{TEXT("a $B"), COMMAND_OPERATOR, 2},
	{TEXT("a \"$B\""), COMMAND_OPERATOR, 3},
	{TEXT("a `b`"), COMMAND_OPERATOR, 2},
	{TEXT("a \"`b`\""), COMMAND_OPERATOR, 3},
	{TEXT("a # b"), COMMAND_OPERATOR, 2},
	{TEXT("a\nb"), COMMAND_OPERATOR, 1},
	{TEXT("a \r\n b"), COMMAND_OPERATOR, 2},
	{TEXT("A=1 b"), COMMAND_ASSIGNMENT, 1},
	{TEXT("_a1=1 b"), COMMAND_ASSIGNMENT, 3},
};

/* The words in one text; the memory given to command_split is as small as promised, so that
 * a sanitizer sees a byte too many. */
static enum command_fault split(const char *text, size_t n, char *shown, size_t size, size_t *at)
{
	char *copy = malloc(n + (n == 0));
	char *words = malloc(n + 1);
	size_t count = 0;
	size_t used = 0;
	enum command_fault fault;

	assert_non_null(copy);
	assert_non_null(words);
	memcpy(copy, text, n);
	fault = command_split(copy, n, words, &count, at);
	for (const char *w = words; fault == COMMAND_OK && count > 0; count--) {
		assert_true(used + strlen(w) + 2 <= size);
		memcpy(shown + used, w, strlen(w));
		used += strlen(w);
		shown[used++] = '|';
		w += strlen(w) + 1;
	}
	shown[used] = '\0';
	free(words);
	free(copy);
	return fault;
}

static void words_are_those_of_a_shell(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char shown[256];
		size_t at = 0;

		assert_int_equal(
			split(good[i].text, good[i].n, shown, sizeof(shown), &at), COMMAND_OK);
		assert_string_equal(shown, good[i].words);
	}
}

static void what_needs_a_shell_is_refused_where_it_stands(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char shown[256];
		size_t at = SIZE_MAX;

		assert_int_equal(
			split(bad[i].text, bad[i].n, shown, sizeof(shown), &at), bad[i].fault);
		assert_int_equal(at, bad[i].at);
		assert_non_null(command_fault_text(bad[i].fault));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_those_of_a_shell),
		cmocka_unit_test(what_needs_a_shell_is_refused_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

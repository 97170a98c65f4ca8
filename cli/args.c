/* args - see args.h. */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/schema.h"
#include "base/utf8.h"
#include "command.h"
#include "print.h"

#define OPTIONS_MAX 64 /* of one command */

struct reading {
	struct args *a;
	int argc;
	char *const *argv;
	int at;
	struct fail *f;
};

static bool same(const char *name, const char *text, size_t n)
{
	return strlen(name) == n && memcmp(name, text, n) == 0;
}

/* The row of a long name of n bytes, or of a letter. */
static const struct option_row *find_in(
	const struct option_row *rows, char letter, const char *name, size_t n)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		if (letter != 0 ? rows->letter == letter : same(rows->name, name, n))
			return rows;
	}
	return NULL;
}

static const struct option_row *find_option(
	const struct command *command, char letter, const char *name, size_t n)
{
	const struct option_row *row = find_in(command->options, letter, name, n);

	return row != NULL ? row : find_in(command_options, letter, name, n);
}

static void collect(const struct option_row *rows, const char **names, size_t *n)
{
	for (; rows != NULL && rows->name != NULL && *n < OPTIONS_MAX; rows++)
		names[(*n)++] = rows->name;
}

static bool unknown(const struct reading *r, const char *text)
{
	const char *names[OPTIONS_MAX];
	char word[64];
	size_t n = 0;
	const char *nearest;

	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(text + strspn(text, "-"), "="),
		text + strspn(text, "-"));
	collect(r->a->command->options, names, &n);
	collect(command_options, names, &n);
	nearest = schema_nearest(word, names, n);
	if (nearest != NULL)
		return fail_set(r->f, FAIL_INVALID, "unknown option '%s'; did you mean '--%s'?",
			text, nearest);
	return fail_set(r->f, FAIL_INVALID, "unknown option '%s'", text);
}

/* Takes the option; value: what stands behind '=' or the letter, or NULL. */
static bool take(struct reading *r, const struct option_row *row, const char *value)
{
	if (row->value == NULL && value != NULL)
		return fail_set(r->f, FAIL_INVALID, "option '--%s' takes no value", row->name);
	if (row->value != NULL && value == NULL) {
		if (r->at + 1 >= r->argc)
			return fail_set(r->f, FAIL_INVALID, "option '--%s' needs a value (%s)",
				row->name, row->value);
		value = r->argv[++r->at];
	}
	r->a->given[r->a->given_count++] = (struct args_given){row, value};
	return true;
}

static bool take_long(struct reading *r, const char *text)
{
	size_t n = strcspn(text + 2, "=");
	const struct option_row *row = find_option(r->a->command, 0, text + 2, n);

	if (row == NULL)
		return unknown(r, text);
	return take(r, row, text[2 + n] == '=' ? text + 2 + n + 1 : NULL);
}

/* "-f", "-oFILE", "-o FILE": one letter each. */
static bool take_short(struct reading *r, const char *text)
{
	const struct option_row *row = find_option(r->a->command, text[1], NULL, 0);

	if (row == NULL)
		return unknown(r, text);
	return take(r, row, text[2] != '\0' ? text + 2 : NULL);
}

static bool read_all(struct reading *r)
{
	bool words_only = false;

	for (; r->at < r->argc; r->at++) {
		const char *text = r->argv[r->at];
		bool number = text[0] == '-' && isdigit((unsigned char)text[1]);
		bool option = !words_only && !number && text[0] == '-' && text[1] != '\0';

		if (option && strcmp(text, "--") == 0) {
			words_only = true;
		} else if (!option) {
			r->a->words[r->a->word_count++] = text;
			words_only = words_only || r->a->command->rest;
		} else if (!(text[1] == '-' ? take_long(r, text) : take_short(r, text))) {
			return false;
		}
	}
	return true;
}

/* An empty word is an unset variable of a script: as a name it would mean anything. Words of a
 * command line may be empty. */
static bool check_empty(const struct args *a, struct fail *f)
{
	size_t n = a->command->rest && a->word_count > 1 ? 1 : a->word_count;

	for (size_t i = 0; i < n; i++) {
		if (a->words[i][0] == '\0')
			return fail_set(f, FAIL_INVALID,
				"word %zu is empty: is a variable of a script not set?", i + 1);
	}
	return true;
}

static bool is_text(const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t n = utf8_length(text, left);

		if (n == 0)
			return false;
		text += n;
		left -= n;
	}
	return true;
}

/* All that is said goes into JSON, which has no other text. */
static bool check_text(int argc, char *const *argv, struct fail *f)
{
	for (int i = 0; i < argc; i++) {
		char shown[64];

		if (is_text(argv[i]))
			continue;
		(void)snprintf(shown, sizeof(shown), "%s", argv[i]);
		print_tame(shown);
		return fail_set(f, FAIL_INVALID, "'%s' is not UTF-8 text", shown);
	}
	return true;
}

static bool check_words(const struct args *a, struct fail *f)
{
	const struct command *command = a->command;

	if (args_has(a, "help"))
		return true;
	if (a->word_count < (size_t)command->min_words)
		return fail_set(f, FAIL_INVALID, "%s is missing",
			command->words != NULL ? command->words : "a word");
	if (a->word_count > (size_t)command->max_words)
		return fail_set(
			f, FAIL_INVALID, "'%s' is one word too many", a->words[command->max_words]);
	return check_empty(a, f);
}

bool args_parse(
	struct args *a, const struct command *command, int argc, char *const *argv, struct fail *f)
{
	struct reading r = {.a = a, .argc = argc, .argv = argv, .f = f};
	size_t room = (size_t)argc + 1;

	*a = (struct args){.command = command};
	a->words = calloc(room, sizeof(*a->words));
	a->given = calloc(room, sizeof(*a->given));
	if (a->words == NULL || a->given == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	return check_text(argc, argv, f) && read_all(&r) && check_words(a, f);
}

void args_finish(struct args *a)
{
	free(a->words);
	free(a->given);
	*a = (struct args){0};
}

const char *args_next(const struct args *a, const char *name, size_t *at)
{
	while (*at < a->given_count) {
		const struct args_given *g = &a->given[(*at)++];

		if (strcmp(g->option->name, name) == 0)
			return g->value != NULL ? g->value : "";
	}
	return NULL;
}

const char *args_text(const struct args *a, const char *name)
{
	const char *last = NULL;
	const char *value;
	size_t at = 0;

	while ((value = args_next(a, name, &at)) != NULL)
		last = value;
	return last;
}

bool args_has(const struct args *a, const char *name)
{
	return args_text(a, name) != NULL;
}

bool args_int(const struct args *a, const char *name, int64_t min, int64_t max, int64_t *value,
	struct fail *f)
{
	const char *text = args_text(a, name);
	char *end = NULL;
	long long read;

	if (text == NULL)
		return true;
	errno = 0;
	read = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || read < min || read > max)
		return fail_set(f, FAIL_INVALID,
			"--%s must be a number from %" PRId64 " to %" PRId64 ", not '%s'", name,
			min, max, text);
	*value = read;
	return true;
}

const char *args_word(const struct args *a, size_t i)
{
	return i < a->word_count ? a->words[i] : NULL;
}

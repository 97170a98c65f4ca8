/*
 * args - the words and options of one command line, by the tables of command.h. Values are
 * borrowed from argv. [one thread]
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct fail;
struct option_row;

struct args {
	const struct command *command;
	const char **words;
	size_t word_count;
	struct args_given {
		const struct option_row *option;
		const char *value; /* NULL: a flag */
	} * given;
	size_t given_count;
};

/* FAIL_INVALID: an unknown option (the nearest one is named), a value that is missing or not
 * taken, too few or too many words, an empty word, what is not UTF-8. After --help words are not
 * counted. */
bool args_parse(
	struct args *a, const struct command *command, int argc, char *const *argv, struct fail *f);
void args_finish(struct args *a);

/* Is the option given? Its last value, or NULL. */
bool args_has(const struct args *a, const char *name);
const char *args_text(const struct args *a, const char *name);

/* The next value of an option that may be repeated; *at begins with 0. NULL: no more. */
const char *args_next(const struct args *a, const char *name, size_t *at);

/* Reads a number within limits; *value stays where the option is absent. */
bool args_int(const struct args *a, const char *name, int64_t min, int64_t max, int64_t *value,
	struct fail *f);

/* The word, or NULL where there are fewer. */
const char *args_word(const struct args *a, size_t i);

#endif

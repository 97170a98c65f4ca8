/*
 * command - the one table of commands. Help, man pages, bash completion, docs/cli.md and the
 * tests of every example are made from it. [constant]
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

#define WORDS_ANY 1000 /* as max_words: as many as there are */

struct option_row {
	char letter; /* of the short form, or 0 */
	const char *name;
	const char *value; /* what stands for the value in help; NULL: there is none */
	const char *help;
};

/* Examples run one after the other in order; the tests do just that. */
struct example_row {
	int order;
	const char *line;
	const char *what;
};

struct command {
	const char *name;    /* "datasets create": one or two words */
	const char *summary; /* a sentence */
	const char *words;   /* what follows the options, for the synopsis */
	int min_words;
	int max_words;
	bool rest; /* the first word ends the options: it begins a command line */
	bool text; /* what it prints is no JSON: --json is refused */
	const struct option_row *options; /* up to a row without a name; may be NULL */
	const char *more;                 /* paragraphs for help, or NULL */
	const struct example_row *examples;
	int (*run)(struct cli *c); /* the exit code */
};

/* Words that only begin names of commands. */
struct command_group {
	const char *name;
	const char *summary;
};

extern const struct command commands[];
extern const size_t command_count;
extern const struct command_group command_groups[];
extern const size_t command_group_count;
extern const struct option_row command_options[]; /* those every command takes */

struct exit_row {
	int code;
	const char *meaning;
};

extern const struct exit_row command_exits[];
extern const size_t command_exit_count;

/* The command that argv begins with, and how many words its name took. NULL: there is none;
 * *ret_used is then 0 or, where the first word is a group, 1. */
const struct command *command_find(int argc, char *const *argv, int *ret_used);

/* The command of that whole name, or NULL. */
const struct command *command_by_name(const char *name);

/* The first word of a command's name; its length. */
size_t command_top(const struct command *command);

/* The group of that name, or NULL. */
const struct command_group *command_group_find(const char *name, size_t n);

/* The command of two words that stand the other way round: "datasets create" of "create" and
 * "dataset"; where the second is one by itself, that: "jobs" of "list" and "jobs". NULL: none. */
const char *command_turned(const char *word, const char *after);

/* The name nearest to what was typed: of commands, or where group is not NULL of second words
 * of its commands. NULL: none is near. */
const char *command_nearest(const char *group, const char *word);

#endif

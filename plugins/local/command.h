/*
 * command - a command line to its words by the quoting rules of POSIX sh, without a shell.
 *
 * Single quotes, double quotes and the backslash work as in sh. What sh would act upon
 * (operators, $ and ` also in double quotes, comments, a NAME=value before the command, a line
 * break) is refused rather than passed on as text: a command never means something else here than
 * it does in a shell. Patterns (* ? [) and ~ are text. Pure. [any]
 */
#ifndef PLUGINS_LOCAL_COMMAND_H
#define PLUGINS_LOCAL_COMMAND_H

#include <stddef.h>

enum command_fault {
	COMMAND_OK,
	COMMAND_EMPTY,      /* not one word */
	COMMAND_QUOTE,      /* a quote is not closed, or a backslash ends the line */
	COMMAND_NUL,        /* a NUL byte, which no argument can hold */
	COMMAND_OPERATOR,   /* needs a shell; *ret_at says where */
	COMMAND_ASSIGNMENT, /* NAME=value before the command */
	COMMAND_FAULT_COUNT
};

/*
 * Writes the words of text, each followed by a NUL, to words (n + 1 bytes at least) and how
 * many there are to *ret_count. After a fault words and *ret_count mean nothing; *ret_at is
 * then the offset of the byte at fault.
 */
enum command_fault command_split(
	const char *text, size_t n, char *words, size_t *ret_count, size_t *ret_at);

/* "a command must not be empty": one sentence without its stop. Constant. */
const char *command_fault_text(enum command_fault fault);

#endif

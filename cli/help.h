/* help - the texts made from the table of commands. [one thread] */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct command;
struct fail;

void help_overview(FILE *out);                /* davit help */
void help_group(FILE *out, const char *name); /* davit help datasets */
void help_command(FILE *out, const struct command *command);
void help_examples(FILE *out); /* in an order that works */
void help_names(FILE *out);    /* every command, a line each */
void help_markdown(FILE *out); /* docs/cli.md */

/* Said of a command whose output is no JSON. */
extern const char help_text_only[];

/* "davit datasets create [OPTION]... FILE|-"; returns text. */
const char *help_synopsis(const struct command *command, char *text, size_t size);

/* Where a form of an option stands in help: "-f, --follow", "--set NAME=VALUE". */
struct option_row;
const char *help_option(const struct option_row *row, char *text, size_t size);

/* The page of a command's first word, or of davit itself for "". False: there is none. */
bool man_page(FILE *out, const char *top);

/* Writes davit.1 and davit-COMMAND.1 into a folder. */
bool man_pages(const char *folder, struct fail *f);

void completion_bash(FILE *out);

#endif

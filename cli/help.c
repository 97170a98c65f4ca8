/* help - see help.h. */
#include "help.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"

const char help_text_only[] = "What it prints is text: --json is refused.";

const char *help_synopsis(const struct command *command, char *text, size_t size)
{
	(void)snprintf(text, size, "davit %s%s%s%s", command->name,
		command->options != NULL && command->options->name != NULL ? " [OPTION]..." : "",
		command->words != NULL ? " " : "", command->words != NULL ? command->words : "");
	return text;
}

const char *help_option(const struct option_row *row, char *text, size_t size)
{
	char letter[8] = "";

	if (row->letter != 0)
		(void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	(void)snprintf(text, size, "%s--%s%s%s", letter, row->name, row->value != NULL ? " " : "",
		row->value != NULL ? row->value : "");
	return text;
}

static void put_row(FILE *out, const char *left, const char *right)
{
	int width = 26;

	if ((int)strlen(left) >= width)
		(void)fprintf(out, "  %s\n  %*s%s\n", left, width, "", right);
	else
		(void)fprintf(out, "  %-*s%s\n", width, left, right);
}

static void put_options(FILE *out, const struct option_row *rows)
{
	char text[128];

	for (; rows != NULL && rows->name != NULL; rows++)
		put_row(out, help_option(rows, text, sizeof(text)), rows->help);
}

static bool is_json(const struct option_row *row)
{
	return strcmp(row->name, "json") == 0;
}

/* The options every command takes; one that prints text takes no --json. */
static void put_everywhere(FILE *out, const struct command *command)
{
	char text[128];

	for (const struct option_row *row = command_options; row->name != NULL; row++) {
		if (!command->text || !is_json(row))
			put_row(out, help_option(row, text, sizeof(text)), row->help);
	}
}

static bool in_group(const struct command *command, const char *group)
{
	size_t n = command_top(command);

	return strlen(group) == n && strncmp(command->name, group, n) == 0;
}

void help_overview(FILE *out)
{
	const char *last = "";
	size_t last_n = 0;

	(void)fputs("usage: davit [--host HOST] COMMAND [OPTION]... [WORD]...\n\n"
		    "Runs machine learning through davitd. The commands:\n",
		out);
	for (size_t i = 0; i < command_count; i++) {
		size_t n = command_top(&commands[i]);
		const struct command_group *group = command_group_find(commands[i].name, n);
		char top[32];

		if (n == last_n && strncmp(last, commands[i].name, n) == 0)
			continue;
		last = commands[i].name;
		last_n = n;
		(void)snprintf(top, sizeof(top), "%.*s", (int)n, last);
		put_row(out, top, group != NULL ? group->summary : commands[i].summary);
	}
	(void)fputs("\n'davit help COMMAND' tells more, with examples. Everywhere:\n", out);
	put_options(out, command_options);
	(void)fputs("\nExit codes:\n", out);
	for (size_t i = 0; i < command_exit_count; i++) {
		char code[16];

		(void)snprintf(code, sizeof(code), "%d", command_exits[i].code);
		put_row(out, code, command_exits[i].meaning);
	}
}

void help_group(FILE *out, const char *name)
{
	const struct command_group *group = command_group_find(name, strlen(name));
	char text[256];

	(void)fprintf(out, "davit %s - %s\n\n", name, group != NULL ? group->summary : "");
	for (size_t i = 0; i < command_count; i++) {
		if (in_group(&commands[i], name))
			(void)fprintf(out, "  %s\n      %s\n",
				help_synopsis(&commands[i], text, sizeof(text)),
				commands[i].summary);
	}
	(void)fprintf(out, "\n'davit help %s WORD' tells more of one.\n", name);
}

void help_command(FILE *out, const struct command *command)
{
	char text[256];

	(void)fprintf(out, "usage: %s\n\n%s\n", help_synopsis(command, text, sizeof(text)),
		command->summary);
	if (command->more != NULL)
		(void)fprintf(out, "\n%s\n", command->more);
	if (command->text)
		(void)fprintf(out, "\n%s\n", help_text_only);
	(void)fputs("\nOptions:\n", out);
	put_options(out, command->options);
	put_everywhere(out, command);
	if (command->examples != NULL && command->examples->line != NULL)
		(void)fputs("\nExamples:\n", out);
	for (const struct example_row *e = command->examples; e != NULL && e->line != NULL; e++)
		(void)fprintf(out, "  # %s\n  %s\n", e->what, e->line);
}

/* --- lists for tests and tools --- */

static int by_order(const void *a, const void *b)
{
	const struct example_row *const *x = a;
	const struct example_row *const *y = b;

	return ((*x)->order > (*y)->order) - ((*x)->order < (*y)->order);
}

void help_examples(FILE *out)
{
	const struct example_row *all[256] = {NULL};
	size_t n = 0;

	for (size_t i = 0; i < command_count; i++) {
		for (const struct example_row *e = commands[i].examples;
			e != NULL && e->line != NULL && n < 256; e++)
			all[n++] = e;
	}
	qsort(all, n, sizeof(const struct example_row *), by_order);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "%s\n", all[i]->line);
}

void help_names(FILE *out)
{
	for (size_t i = 0; i < command_count; i++)
		(void)fprintf(out, "%s\n", commands[i].name);
}

static void markdown_options(FILE *out, const struct option_row *rows)
{
	char text[128];

	if (rows == NULL || rows->name == NULL)
		return;
	(void)fputs("\n| option | |\n|---|---|\n", out);
	for (; rows->name != NULL; rows++) {
		(void)fputs("| `", out);
		for (const char *p = help_option(rows, text, sizeof(text)); *p != '\0'; p++)
			(void)fprintf(out, *p == '|' ? "\\%c" : "%c", *p);
		(void)fprintf(out, "` | %s |\n", rows->help);
	}
}

static void markdown_command(FILE *out, const struct command *command)
{
	char text[256];

	(void)fprintf(out, "\n## davit %s\n\n%s\n\n    %s\n", command->name, command->summary,
		help_synopsis(command, text, sizeof(text)));
	if (command->more != NULL)
		(void)fprintf(out, "\n%s\n", command->more);
	if (command->text)
		(void)fprintf(out, "\n%s\n", help_text_only);
	markdown_options(out, command->options);
	if (command->examples == NULL || command->examples->line == NULL)
		return;
	(void)fputs("\n```\n", out);
	for (const struct example_row *e = command->examples; e->line != NULL; e++)
		(void)fprintf(out, "# %s\n%s\n", e->what, e->line);
	(void)fputs("```\n", out);
}

void help_markdown(FILE *out)
{
	(void)fputs("# The command line\n\n"
		    "Written by `davit help --markdown` from the table of commands "
		    "(`cli/commands.c`). A test runs every example.\n\n"
		    "    davit [--host HOST] COMMAND [OPTION]... [WORD]...\n\n"
		    "Everywhere:\n",
		out);
	markdown_options(out, command_options);
	(void)fputs("\n| exit code | |\n|---|---|\n", out);
	for (size_t i = 0; i < command_exit_count; i++)
		(void)fprintf(
			out, "| %d | %s |\n", command_exits[i].code, command_exits[i].meaning);
	for (size_t i = 0; i < command_count; i++)
		markdown_command(out, &commands[i]);
}

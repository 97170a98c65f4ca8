/* man - manual pages from the table of commands, in man(7). */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/fail.h"
#include "command.h"
#include "help.h"

/* Text of a page: what roff would take for its own is escaped, lines stay lines. */
static void put(FILE *out, const char *text)
{
	bool start = true;

	for (; *text != '\0'; text++) {
		if (start && (*text == '.' || *text == '\''))
			(void)fputs("\\&", out);
		if (*text == '\\')
			(void)fputs("\\e", out);
		else if (*text == '-')
			(void)fputs("\\-", out);
		else if (*text == '\'')
			(void)fputs("\\(aq", out);
		else
			(void)fputc(*text, out);
		start = *text == '\n';
	}
}

static void put_line(FILE *out, const char *text)
{
	put(out, text);
	(void)fputc('\n', out);
}

/* Paragraphs: a line without text begins the next. */
static void put_paragraphs(FILE *out, const char *text)
{
	(void)fputs(".PP\n", out);
	while (*text != '\0') {
		char line[1024];
		size_t n = strcspn(text, "\n");

		(void)snprintf(line, sizeof(line), "%.*s", (int)n, text);
		if (n == 0)
			(void)fputs(".PP\n", out);
		else
			put_line(out, line);
		text += text[n] == '\n' ? n + 1 : n;
	}
}

static void put_head(FILE *out, const char *title, const char *name, const char *summary)
{
	(void)fprintf(
		out, ".TH %s 1 \"\" \"davit " DAVIT_VERSION "\" \"Davit\"\n.SH NAME\n", title);
	put(out, name);
	(void)fputs(" \\- ", out);
	put_line(out, summary);
}

static void put_options(FILE *out, const struct option_row *rows)
{
	char text[128];

	for (; rows != NULL && rows->name != NULL; rows++) {
		(void)fputs(".TP\n.B ", out);
		put_line(out, help_option(rows, text, sizeof(text)));
		put_line(out, rows->help);
	}
}

static void put_examples(FILE *out, const struct example_row *e)
{
	for (; e != NULL && e->line != NULL; e++) {
		(void)fputs(".PP\n", out);
		put(out, e->what);
		(void)fputs(e->what[strlen(e->what) - 1] == '?' ? "\n" : ":\n", out);
		(void)fputs(".PP\n.nf\n.RS 4\n", out);
		put_line(out, e->line);
		(void)fputs(".RE\n.fi\n", out);
	}
}

static void put_exits(FILE *out)
{
	(void)fputs(".SH EXIT STATUS\n", out);
	for (size_t i = 0; i < command_exit_count; i++) {
		(void)fprintf(out, ".TP\n.B %d\n", command_exits[i].code);
		put_line(out, command_exits[i].meaning);
	}
}

static void put_environment(FILE *out)
{
	(void)fputs(".SH ENVIRONMENT\n.TP\n.B DAVIT_HOST\n"
		    "The daemon to talk to where \\-\\-host does not say.\n",
		out);
}

static bool of_top(const struct command *command, const char *top)
{
	size_t n = command_top(command);

	return strlen(top) == n && strncmp(command->name, top, n) == 0;
}

static void put_command(FILE *out, const struct command *command)
{
	char text[256];

	(void)fputs(".SS ", out);
	put_line(out, help_synopsis(command, text, sizeof(text)));
	put_line(out, command->summary);
	if (command->more != NULL)
		put_paragraphs(out, command->more);
	if (command->text)
		put_paragraphs(out, help_text_only);
	put_options(out, command->options);
	put_examples(out, command->examples);
}

static void upper(const char *text, char *title, size_t size)
{
	size_t i;

	for (i = 0; text[i] != '\0' && i + 1 < size; i++)
		title[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
	title[i] = '\0';
}

static void page_of_davit(FILE *out)
{
	char text[256];

	put_head(out, "DAVIT", "davit", "runs machine learning through davitd");
	(void)fputs(".SH SYNOPSIS\n.B davit\n[\\-\\-host HOST] COMMAND [OPTION]... [WORD]...\n"
		    ".SH DESCRIPTION\nTalks to the daemon davitd over its Unix socket or a URL. "
		    "Each command has a page: davit\\-COMMAND(1).\n.SH COMMANDS\n",
		out);
	for (size_t i = 0; i < command_count; i++) {
		(void)fputs(".TP\n.B ", out);
		put_line(out, help_synopsis(&commands[i], text, sizeof(text)));
		put_line(out, commands[i].summary);
	}
	(void)fputs(".SH OPTIONS\n", out);
	put_options(out, command_options);
	put_environment(out);
	put_exits(out);
}

static void page_of_top(FILE *out, const char *top, const struct command *first)
{
	const struct command_group *group = command_group_find(top, strlen(top));
	char name[64], title[64];

	(void)snprintf(name, sizeof(name), "davit-%s", top);
	upper(name, title, sizeof(title));
	put_head(out, title, name, group != NULL ? group->summary : first->summary);
	(void)fputs(".SH COMMANDS\n", out);
	for (size_t i = 0; i < command_count; i++) {
		if (of_top(&commands[i], top))
			put_command(out, &commands[i]);
	}
	(void)fputs(".SH OPTIONS OF ALL COMMANDS\n", out);
	put_options(out, command_options);
	put_environment(out);
	put_exits(out);
	(void)fputs(".SH SEE ALSO\n.BR davit (1)\n", out);
}

bool man_page(FILE *out, const char *top)
{
	if (top[0] == '\0') {
		page_of_davit(out);
		return true;
	}
	for (size_t i = 0; i < command_count; i++) {
		if (of_top(&commands[i], top)) {
			page_of_top(out, top, &commands[i]);
			return true;
		}
	}
	return false;
}

static bool write_page(const char *folder, const char *top, struct fail *f)
{
	char path[PATH_MAX];
	FILE *out;
	int bad;

	if (snprintf(path, sizeof(path), "%s/davit%s%s.1", folder, top[0] != '\0' ? "-" : "",
		    top) >= (int)sizeof(path))
		return fail_set(f, FAIL_INVALID, "the path of the folder is too long");
	out = fopen(path, "we");
	if (out == NULL)
		return fail_errno(f, errno, "write %s", path);
	bad = !man_page(out, top) || ferror(out) != 0;
	if (fclose(out) != 0 || bad)
		return fail_set(f, FAIL_INTERNAL, "cannot write %s", path);
	return true;
}

bool man_pages(const char *folder, struct fail *f)
{
	bool ok = write_page(folder, "", f);

	for (size_t i = 0; i < command_count && ok; i++) {
		char top[32];

		(void)snprintf(
			top, sizeof(top), "%.*s", (int)command_top(&commands[i]), commands[i].name);
		if (i == 0 || !of_top(&commands[i - 1], top))
			ok = write_page(folder, top, f);
	}
	return ok;
}

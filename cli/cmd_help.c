/* cmd_help - help, version, completion. */
#include <string.h>

#include "base/fail.h"
#include "cli.h"
#include "cmd.h"
#include "command.h"
#include "help.h"

static int write_pages(struct cli *c, const char *folder)
{
	struct fail f = {0};

	if (man_pages(folder, &f))
		return EXIT_DONE;
	(void)cli_failed(c, &f);
	return c->code;
}

/* The forms for tools; -1: none was asked for. */
static int special(struct cli *c)
{
	const char *word = args_word(&c->args, 0);

	if (args_has(&c->args, "man-pages"))
		return write_pages(c, args_text(&c->args, "man-pages"));
	if (args_has(&c->args, "man"))
		return man_page(stdout, word != NULL ? word : "")
		               ? EXIT_DONE
		               : cli_usage(c, "there is no command '%s'", word);
	if (args_has(&c->args, "examples"))
		help_examples(stdout);
	else if (args_has(&c->args, "names"))
		help_names(stdout);
	else if (args_has(&c->args, "markdown"))
		help_markdown(stdout);
	else
		return -1;
	return EXIT_DONE;
}

int cmd_help(struct cli *c)
{
	const char *top = args_word(&c->args, 0);
	const char *second = args_word(&c->args, 1);
	int done = special(c);
	const struct command *command;
	char name[128];
	bool group;

	if (done >= 0)
		return done;
	if (top == NULL) {
		help_overview(stdout);
		return EXIT_DONE;
	}
	(void)snprintf(name, sizeof(name), "%.60s%s%.60s", top, second != NULL ? " " : "",
		second != NULL ? second : "");
	command = command_by_name(name);
	group = second == NULL && command_group_find(top, strlen(top)) != NULL;
	if (command != NULL)
		help_command(stdout, command);
	if (command != NULL && group) /* "runs" is both */
		(void)fputc('\n', stdout);
	if (group)
		help_group(stdout, top);
	if (command == NULL && !group)
		return cli_usage(c, "there is no command '%s'", name);
	return EXIT_DONE;
}

int cmd_version(struct cli *c)
{
	if (c->json)
		return cli_json(json_pack("{s:s, s:s}", "name", "davit", "version", DAVIT_VERSION));
	(void)puts("davit " DAVIT_VERSION);
	return EXIT_DONE;
}

int cmd_completion(struct cli *c)
{
	const char *shell = args_word(&c->args, 0);

	if (strcmp(shell, "bash") != 0)
		return cli_usage(c, "there is no completion for '%s', only for bash", shell);
	completion_bash(stdout);
	return EXIT_DONE;
}

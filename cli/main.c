/* davit - the command line of davitd: finds the command, reads its words, runs it. */
#include <curl/curl.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "cli.h"
#include "command.h"
#include "help.h"
#include "http.h"

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	http_interrupted = 1;
}

/* The first Ctrl-C ends a request or a wait in order, the second ends the program. */
static void catch_interrupt(void)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

	(void)sigaction(SIGINT, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int run_command(struct cli *c, const struct command *command, int argc, char *const *argv)
{
	struct fail f = {0};
	int code;

	if (!args_parse(&c->args, command, argc, argv, &f))
		return cli_usage(c, "%s", f.text);
	if (args_has(&c->args, "help")) {
		help_command(stdout, command);
		return EXIT_DONE;
	}
	c->json = args_has(&c->args, "json");
	if (c->json && command->text)
		return cli_usage(c, "what it prints is text, not JSON: leave --json out");
	code = command->run(c);
	http_close(c->http);
	return code;
}

/* How many of the words before the command are options of all commands, with their values. */
static int leading_options(int argc, char *const *argv)
{
	int n = 1;

	while (n < argc && argv[n][0] == '-') {
		bool apart = strcmp(argv[n], "--host") == 0 || strcmp(argv[n], "-H") == 0;

		n += apart && n + 1 < argc ? 2 : 1;
	}
	return n;
}

/* No command of that name; after: the word behind it, or NULL. */
static int unknown(struct cli *c, const char *group, const char *word, const char *after)
{
	const char *nearest = command_nearest(group, word);
	const char *turned = group == NULL && after != NULL ? command_turned(word, after) : NULL;
	const char *before = group != NULL ? group : "";
	const char *gap = group != NULL ? " " : "";

	if (turned != NULL)
		return cli_usage(c, "there is no command '%s'; did you mean '%s'?", word, turned);
	if (nearest != NULL)
		return cli_usage(c, "there is no command '%s%s%s'; did you mean '%s%s%s'?", before,
			gap, word, before, gap, nearest);
	return cli_usage(c, "there is no command '%s%s%s'", before, gap, word);
}

/* There are options at most. */
static int without_command(struct cli *c, int argc, char *const *argv)
{
	const char *last = argc > 1 ? argv[argc - 1] : "";

	if (strcmp(last, "--version") == 0)
		return command_by_name("version")->run(c);
	if (strcmp(last, "--help") == 0 || strcmp(last, "-h") == 0) {
		help_overview(stdout);
		return EXIT_DONE;
	}
	if (argc > 1)
		return cli_usage(c, "a command is missing behind '%s'", last);
	help_overview(stderr);
	return EXIT_USAGE;
}

static int dispatch(struct cli *c, int argc, char **argv)
{
	int first = leading_options(argc, argv);
	const struct command *command;
	const char *after;
	char **rest;
	int used, code;

	if (first >= argc)
		return without_command(c, argc, argv);
	after = first + 1 < argc ? argv[first + 1] : NULL;
	command = command_find(argc - first, argv + first, &used);
	if (command == NULL && used == 1 && first + 1 < argc && argv[first + 1][0] == '-' &&
		strncmp(argv[first + 1], "--help", 6) == 0) {
		help_group(stdout, argv[first]);
		return EXIT_DONE;
	}
	if (command == NULL)
		return used == 1 ? unknown(c, argv[first], after != NULL ? after : "", NULL)
		                 : unknown(c, NULL, argv[first], after);
	rest = calloc((size_t)argc + 1, sizeof(*rest));
	if (rest == NULL)
		return EXIT_NEGATIVE;
	memcpy(rest, argv + 1, (size_t)(first - 1) * sizeof(*rest));
	memcpy(rest + first - 1, argv + first + used,
		(size_t)(argc - first - used) * sizeof(*rest));
	code = run_command(c, command, argc - 1 - used, rest);
	free(rest);
	return code;
}

/* What was printed is whole only once it is written: an earlier failure stays in the stream, the
 * last one comes with its end. */
static int end_output(struct cli *c, int code)
{
	bool bad = fflush(stdout) != 0 || ferror(stdout) != 0;

	if (!bad)
		bad = close(STDOUT_FILENO) != 0 && errno != EBADF;
	if (!bad || code != EXIT_DONE)
		return code;
	return cli_unread() ? EXIT_UNREAD : cli_fail(c, EXIT_NEGATIVE, "cannot write the output");
}

int main(int argc, char **argv)
{
	struct cli c = {
		.terminal = isatty(STDOUT_FILENO) == 1,
		.progress = isatty(STDERR_FILENO) == 1,
	};
	int code;

	// NOLINTBEGIN(concurrency-mt-unsafe): one thread yet
	if (setlocale(LC_CTYPE, "") == NULL || MB_CUR_MAX == 1)
		(void)setlocale(LC_CTYPE, "C.UTF-8"); /* tables measure what is UTF-8 */
	// NOLINTEND(concurrency-mt-unsafe)
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	catch_interrupt();
	code = end_output(&c, dispatch(&c, argc, argv));
	args_finish(&c.args);
	curl_global_cleanup();
	return code;
}

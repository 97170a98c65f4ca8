/* commands - see command.h. Keep the order: it is that of help, man pages and docs/cli.md; the
 * commands of a group stand together. */
#include "command.h"

#include "base/attr.h"
#include "cmd.h"

/* clang-format off */
#define OPTIONS(...)  .options = (const struct option_row[]){__VA_ARGS__, {0, NULL, NULL, NULL}}
#define EXAMPLES(...) .examples = (const struct example_row[]){__VA_ARGS__, {0, NULL, NULL}}

#define OPTION_PROJECT {0, "project", "NAME", "The project it belongs to."}
#define OPTION_WAIT    {0, "wait", NULL, "Stay until it has ended; Ctrl-C leaves it running."}
#define OPTION_FOLLOW  {0, "follow", NULL, "Stay until it has ended and show its log."}

#define A_JOB "A JOB is an id, what its provider calls it, or the name of the newest job that ran something."

const struct option_row command_options[] = {
	{'H', "host", "HOST", "The daemon: unix:///PATH or http://NAME:PORT."},
	{0, "json", NULL, "Print the answer as JSON."},
	{'h', "help", NULL, "Tell about the command."},
	{0, NULL, NULL, NULL},
};

const struct exit_row command_exits[] = {
	{0, "Done."},
	{1, "The answer is no: the job failed, the file is refused, a row was not predicted."},
	{2, "Wrong usage, or a file that cannot be read."},
	{3, "The daemon cannot be reached."},
	{4, "The daemon refused the request (status 4xx)."},
	{5, "The daemon or what is behind it failed (status 5xx)."},
	{130, "Interrupted by Ctrl-C; what the daemon took runs on."},
};
const size_t command_exit_count = COUNT(command_exits);

const struct command_group command_groups[] = {
	{"none", "Nothing."},
};
const size_t command_group_count = COUNT(command_groups);

const struct command commands[] = {
	{
		.name = "serve", .run = cmd_serve,
		.summary = "Starts davitd.",
		.more = "Without --config it works on a site in a folder, made at the first start: the local\n"
			"provider behind a Unix socket that only you can reach. The daemon takes the place of\n"
			"this program; Ctrl-C ends it, jobs run on and are found again by the next start.",
		OPTIONS({'c', "config", "FILE", "Start with this configuration and nothing else."},
			{'d', "data", "DIR", "The folder of the site (default: ~/.local/share/davit)."},
			{0, "port", "N", "At the first start: listen on 127.0.0.1:N, too (0: any port)."},
			{0, "import", "DIR", "At the first start: a folder in which requests may name files; may be repeated."}),
		EXAMPLES({10, "davit serve --data site --import examples", "A site in ./site"}),
	},
	{
		.name = "status", .run = cmd_status,
		.summary = "Shows the daemon, its providers and how many jobs wait and run.",
		EXAMPLES({20, "davit status", "Is all well?"}),
	},
	{
		.name = "providers", .run = cmd_providers,
		.summary = "Lists the providers and their states.",
		EXAMPLES({21, "davit providers", "What can run jobs?"}),
	},
	{
		.name = "jobs", .run = cmd_jobs, .words = "[JOB]", .max_words = 1,
		.summary = "Lists jobs, newest first, or shows one: first why it failed or waits.",
		.more = A_JOB,
		OPTIONS({0, "state", "STATE,...", "Only in these states: queued, running, succeeded, failed, cancelled, ..."},
			{0, "provider", "NAME", "Only of this provider."},
			{0, "project", "NAME", "Only of this project."},
			{0, "kind", "KIND", "Only of this kind: train, command, deploy, ..."},
			{'n', "limit", "N", "At most so many (default 20)."}),
		EXAMPLES({80, "davit jobs --state succeeded --limit 5", "The newest five that went well"},
			{81, "davit jobs digits", "One job"}),
	},
	{
		.name = "logs", .run = cmd_logs, .words = "JOB", .min_words = 1, .max_words = 1,
		.summary = "Prints the log of a job.",
		.more = A_JOB,
		OPTIONS({'f', "follow", NULL, "Go on until the job has ended."}),
		EXAMPLES({82, "davit logs -f digits", "Watch a job"}),
	},
	{
		.name = "cancel", .run = cmd_cancel, .words = "JOB...", .min_words = 1, .max_words = WORDS_ANY,
		.summary = "Cancels jobs.",
		.more = A_JOB,
		EXAMPLES({83, "davit cancel digits", "End a job; one that has ended stays as it is"}),
	},
	{
		.name = "submit", .run = cmd_submit, .words = "COMMAND [WORD]...", .min_words = 1, .max_words = WORDS_ANY,
		.rest = true,
		.summary = "Runs a command line as a job.",
		.more = "Several words are passed on as they are; one word alone is a whole command line, split by\n"
			"the quoting rules of POSIX sh.",
		OPTIONS({0, "folder", "FOLDER", "A folder below an import root of the daemon; the command runs in a copy."},
			{0, "env", "NAME=VALUE", "A variable for the command; may be repeated."},
			{0, "name", "NAME", "A name for people (default: the first word)."},
			OPTION_PROJECT, OPTION_WAIT, OPTION_FOLLOW),
		EXAMPLES({40, "davit submit --follow python3 -c 'print(6 * 7)'", "Something small"},
			{41, "davit submit --folder digits --name look --wait ls -l", "In a folder below an import root"}),
	},
	{
		.name = "train", .run = cmd_train, .words = "SCRIPT", .min_words = 1, .max_words = 1,
		.summary = "Trains with a Python script.",
		.more = "The script is sent along. A data set given as a file is uploaded under the name of the\n"
			"file, unless one of that name and content is there.",
		OPTIONS({0, "dataset", "DATASET", "A file, or a data set: id, NAME, NAME@vN, NAME@TAG."},
			{0, "set", "NAME=VALUE", "A parameter of the script; numbers, true, false and null are such."},
			{0, "env", "NAME=VALUE", "A variable for the script."},
			{0, "limit", "NAME=VALUE", "A limit: wall_seconds, cpu_seconds, memory_bytes, ..."},
			{0, "requirements", "FILE", "A requirements.txt: an environment with these packages."},
			{0, "entry", "LINE", "The command line to run instead of the script alone."},
			{0, "name", "NAME", "A name for people (default: that of the script)."},
			OPTION_PROJECT, OPTION_WAIT, OPTION_FOLLOW),
		EXAMPLES({50, "davit train examples/digits/train.py --dataset examples/digits/train.csv --name digits --set epochs=3 --wait",
			"A first model of handwritten digits"}),
	},
	{
		.name = "completion", .run = cmd_completion, .words = "bash", .min_words = 1, .max_words = 1,
		.summary = "Prints the script that completes commands and options.",
		EXAMPLES({1, "davit completion bash", "For ~/.bashrc: source <(davit completion bash)"}),
	},
	{
		.name = "help", .run = cmd_help, .words = "[COMMAND [WORD]]", .max_words = 2,
		.summary = "Tells about the commands.",
		OPTIONS({0, "examples", NULL, "All examples, in an order that works."},
			{0, "names", NULL, "All commands, one per line."},
			{0, "man", NULL, "The manual page of the command, in man(7)."},
			{0, "man-pages", "DIR", "Write all manual pages into a folder."},
			{0, "markdown", NULL, "The reference, as docs/cli.md."}),
		EXAMPLES({2, "davit help jobs", "What can jobs do?"}),
	},
	{
		.name = "version", .run = cmd_version,
		.summary = "Prints the version.",
		EXAMPLES({3, "davit version --json", "For scripts"}),
	},
};
const size_t command_count = COUNT(commands);
/* clang-format on */

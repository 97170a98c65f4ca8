/* commands - see command.h. Keep the order: it is that of help, man pages and docs/cli.md; the
 * commands of a group stand together. */
#include "command.h"

#include "base/attr.h"
#include "cmd.h"

/* clang-format off */
#define OPTIONS(...)  .options = (const struct option_row[]){__VA_ARGS__, {0, NULL, NULL, NULL}}
#define EXAMPLES(...) .examples = (const struct example_row[]){__VA_ARGS__, {0, NULL, NULL}}

#define OPTION_PROJECT {0, "project", "NAME", "The project it belongs to (default: default)."}
#define OPTION_WAIT    {0, "wait", NULL, "Stay until it has ended; Ctrl-C leaves it running."}
#define OPTION_FOLLOW  {0, "follow", NULL, "Stay until it has ended and show its log."}

#define A_JOB "A JOB is an id, what its provider calls it, or the name of the newest job that ran something."

#define A_BATCH   "BATCH is an id or the name of the newest that has it."
#define A_RUN     "RUN is an id, NAME (the newest of that name) or NAME~N (N before the newest)."
#define A_DATASET "DATASET is an id, NAME (the newest version), NAME@vN, NAME@TAG or NAME:TAG."
#define A_MODEL   "MODEL is an id, NAME (the newest version), NAME@vN, NAME@ALIAS or NAME:ALIAS."

#define THE_SOCKET_ONLY "The daemon takes this over its Unix socket alone, not over http."
#define SOCKET_ONLY     "\n" THE_SOCKET_ONLY

const struct option_row command_options[] = {
	{'H', "host", "HOST", "unix:///PATH or http://NAME:PORT; else DAVIT_HOST, the system's socket, or that of 'davit serve'."},
	{0, "json", NULL, "Print the answer as JSON. What is fetched then goes to a file."},
	{'h', "help", NULL, "Tell about the command."},
	{0, NULL, NULL, NULL},
};

const struct exit_row command_exits[] = {
	{0, "Done."},
	{1, "The answer is no: the job failed, the file is refused, a row was not predicted. Or an "
	    "output cannot be written."},
	{2, "Wrong usage, or a file that cannot be read."},
	{3, "The daemon cannot be reached."},
	{4, "The daemon refused the request (status 4xx)."},
	{5, "The daemon or what is behind it failed (status 5xx)."},
	{130, "Interrupted by Ctrl-C; what the daemon took runs on."},
	{141, "Who read the output has gone, as in 'davit jobs | head -1'."},
};
const size_t command_exit_count = COUNT(command_exits);

const struct command_group command_groups[] = {
	{"datasets", "Data sets: versions, tags, upload and export."},
	{"runs", "Trainings with parameters and metrics: a table, one over time, several compared."},
	{"batch", "Batch predictions: a model over a whole data set, as a job."},
	{"queues", "Who runs and waits; pause, resume and order providers and projects."},
	{"providers", "What runs jobs, and letting it out of quarantine."},
	{"strays", "What clouds have of this site and no job follows: look, adopt, delete."},
	{"venvs", "Python environments of trainings."},
	{"models", "Models: versions, aliases, where they come from."},
	{"endpoints", "Where models answer; 'davit deploy' puts them there."},
};
const size_t command_group_count = COUNT(command_groups);

const struct command commands[] = {
	{
		.name = "serve", .run = cmd_serve, .text = true,
		.summary = "Starts davitd.",
		.more = "Without --config it works on a site in a folder, made at the first start: the local\n"
			"provider behind a Unix socket that only you can reach. The daemon takes the place of\n"
			"this program; Ctrl-C ends it, jobs run on and are found again by the next start.\n"
			"A site that is there is started as it is: --port and --import change nothing then,\n"
			"and its davit.yaml is what to edit.",
		OPTIONS({'c', "config", "FILE", "Start with this configuration and nothing else."},
			{'d', "data", "DIR", "The folder of the site (default: ~/.local/share/davit)."},
			{0, "port", "N", "At the first start: listen on 127.0.0.1:N, too (0: any port)."},
			{0, "import", "DIR", "At the first start: a folder in which requests may name files; may be repeated."}),
		EXAMPLES({10, "davit serve --data site --import examples", "A site in ./site"}),
	},
	{
		.name = "status", .run = cmd_status,
		.summary = "Shows the daemon, its providers and how many jobs wait and run.",
		OPTIONS({0, "wait", NULL, "First wait until it takes work, at most 30 seconds."}),
		EXAMPLES({20, "davit status", "Is all well?"},
			{20, "davit status --wait", "After a start"}),
	},
	{
		.name = "providers", .run = cmd_providers,
		.summary = "Lists the providers and their states.",
		EXAMPLES({21, "davit providers", "What can run jobs?"}),
	},
	{
		.name = "providers lift", .run = cmd_providers_lift, .words = "PROVIDER", .min_words = 1, .max_words = 1,
		.summary = "Lets the file of a provider out of its quarantine: it is started again, and its jobs go on.",
		.more = "A file whose workers die too often is not started any more, and the one its provider had before\n"
			"serves instead, if there is one. 'davit providers' says why.\n" THE_SOCKET_ONLY,
		EXAMPLES({22, "davit providers lift local", "Have its file tried again"}),
	},
	{
		.name = "jobs", .run = cmd_jobs, .words = "[JOB]", .max_words = 1,
		.summary = "Lists jobs, newest first, or shows one: first why it failed or waits.",
		.more = A_JOB,
		OPTIONS({0, "state", "STATE,...", "Only in these states: queued, running, succeeded, failed, cancelled, ..."},
			{0, "provider", "NAME", "Only of this provider."},
			{0, "project", "NAME", "Only of this project."},
			{0, "kind", "KIND", "Only of this kind: train, command, deploy, ..."},
			{0, "name", "NAME", "Only of this name."},
			{'n', "limit", "N", "At most so many (default 20)."}),
		EXAMPLES({80, "davit jobs --state succeeded --limit 5", "The newest five that went well"},
			{81, "davit jobs digits", "One job"}),
	},
	{
		.name = "job", .run = cmd_job, .words = "JOB", .min_words = 1, .max_words = 1,
		.summary = "Shows one job, or all that happened to it.",
		.more = A_JOB,
		OPTIONS({0, "timeline", NULL, "Every state, request to the other side and decision, oldest first."}),
		EXAMPLES({81, "davit job digits --timeline", "What happened to a job, and when?"}),
	},
	{
		.name = "decide", .run = cmd_decide, .words = "JOB", .min_words = 1, .max_words = 1,
		.summary = "Decides about a job that waits for it.",
		.more = "A job in needs_decision: the daemon could not find out whether its submission made something\n"
			"at the other side, so it waits for somebody who looks there. One in orphaned_provider: it\n"
			"was begun at another account or address than the configuration leads to now, as its error\n"
			"says. " A_JOB SOCKET_ONLY,
		OPTIONS({0, "adopt", "REMOTE", "It made this: follow what is called so where the configuration leads."},
			{0, "resubmit", NULL, "It made nothing, or nothing that counts: submit once more."},
			{0, "give-up", NULL, "Whatever it made: the job has failed."}),
		EXAMPLES({81, "davit decide digits --resubmit || davit job digits", "Submit once more; where there is nothing to decide, look at the job"}),
	},
	{
		.name = "logs", .run = cmd_logs, .text = true, .words = "JOB", .min_words = 1, .max_words = 1,
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
			"A first model of handwritten digits"},
			{52, "echo pip > needs.txt; davit train examples/digits/train.py --dataset train --set epochs=1 --requirements needs.txt --name packaged --wait",
			"In an environment with packages of its own"}),
	},
	{
		.name = "rerun", .run = cmd_rerun, .words = "JOB", .min_words = 1, .max_words = 1,
		.summary = "Does a job again, with other parameters or variables.",
		.more = A_JOB SOCKET_ONLY,
		OPTIONS({0, "set", "NAME=VALUE", "A parameter in place of the old one; may be repeated."},
			{0, "env", "NAME=VALUE", "A variable in place of the old one."},
			OPTION_WAIT, OPTION_FOLLOW),
		EXAMPLES({51, "davit rerun digits --set learning_rate=0.05 --wait", "The same training, slower steps"}),
	},
	{
		.name = "outputs", .run = cmd_outputs, .words = "JOB [FILE]", .min_words = 1, .max_words = 2,
		.summary = "Lists the files a job left, or fetches one.",
		.more = A_JOB,
		OPTIONS({'o', "output", "FILE", "Where it goes (default: standard output)."}),
		EXAMPLES({84, "davit outputs digits", "What is there?"},
			{85, "davit outputs digits model.json -o model.json", "One file"}),
	},
	{
		.name = "runs", .run = cmd_runs, .words = "[RUN]", .max_words = 1,
		.summary = "Shows trainings as a table of parameters and metrics, or one with its metrics over time.",
		.more = A_RUN "\nOf several runs the table shows the parameters that differ. Where runs are there but none of\n"
			"them reported the METRIC of --best, the exit code is 1 and the metrics there are are told.",
		OPTIONS({0, "best", "METRIC", "The best by this metric first: the highest."},
			{0, "lowest", NULL, "With --best: the lowest."},
			{0, "series", NULL, "Of one run: every step as a table."},
			{0, "project", "NAME", "Only of this project."},
			{0, "provider", "NAME", "Only of this provider."},
			{0, "name", "NAME", "Only of this name."},
			{0, "state", "STATE,...", "Only in these states."},
			{'n', "limit", "N", "At most so many (default 20)."}),
		EXAMPLES({70, "davit runs --best accuracy", "Which parameters were best?"},
			{71, "davit runs digits", "The newest run of that name"}),
	},
	{
		.name = "runs compare", .run = cmd_runs_compare, .words = "RUN RUN...", .min_words = 2, .max_words = 50,
		.summary = "Puts runs side by side; what differs comes first.",
		.more = A_RUN,
		EXAMPLES({72, "davit runs compare digits digits~1", "The newest two of that name"}),
	},
	{
		.name = "datasets list", .run = cmd_datasets_list,
		.summary = "Lists the data sets.",
		EXAMPLES({64, "davit datasets list", "All versions of all"}),
	},
	{
		.name = "datasets show", .run = cmd_datasets_show, .words = "DATASET", .min_words = 1, .max_words = 1,
		.summary = "Shows a data set and who used it.",
		.more = A_DATASET,
		EXAMPLES({65, "davit datasets show heldout", "The newest version"}),
	},
	{
		.name = "datasets create", .run = cmd_datasets_create, .words = "FILE|-", .min_words = 1, .max_words = 1,
		.summary = "Uploads a data set: the next version of its name.",
		OPTIONS({0, "name", "NAME", "Its name (default: that of the file)."},
			{0, "format", "csv|jsonl", "How the rows are written (default: told from the file)."},
			{0, "description", "TEXT", "For people."},
			{0, "tag", "TAG", "A tag of this version; may be repeated."},
			OPTION_PROJECT),
		EXAMPLES({60, "davit datasets create examples/digits/heldout.csv", "From a file"},
			{61, "head -20 examples/digits/heldout.csv | davit datasets create - --name few --format csv", "From standard input"}),
	},
	{
		.name = "datasets tag", .run = cmd_datasets_tag, .words = "DATASET [TAG]...", .min_words = 1, .max_words = WORDS_ANY,
		.summary = "Puts tags on a version of a data set; a tag that another version has moves.",
		.more = A_DATASET,
		OPTIONS({0, "remove", "TAG", "Take a tag off; may be repeated."}),
		EXAMPLES({62, "davit datasets tag heldout@v1 golden", "Now heldout@golden is version 1"}),
	},
	{
		.name = "datasets export", .run = cmd_datasets_export, .words = "DATASET", .min_words = 1, .max_words = 1,
		.summary = "Fetches the bytes of a data set, or lets the daemon write them.",
		.more = A_DATASET,
		OPTIONS({'o', "output", "FILE", "Where they go (default: standard output)."},
			{0, "to", "PATH|URI", "A folder of the daemon's machine, below one of its export_roots."}),
		EXAMPLES({66, "davit datasets export heldout@golden -o golden.csv", "To a file"}),
	},
	{
		.name = "datasets delete", .run = cmd_datasets_delete, .words = "DATASET...", .min_words = 1, .max_words = WORDS_ANY,
		.summary = "Deletes versions of data sets.",
		.more = A_DATASET,
		EXAMPLES({910, "davit datasets delete few heldout@v1", "Two at once"}),
	},
	{
		.name = "models list", .run = cmd_models_list,
		.summary = "Lists the models.",
		EXAMPLES({105, "davit models list", "All versions of all"}),
	},
	{
		.name = "models show", .run = cmd_models_show, .words = "MODEL", .min_words = 1, .max_words = 1,
		.summary = "Shows a model and where it comes from: data, script, parameters.",
		.more = A_MODEL,
		EXAMPLES({106, "davit models show digits", "The newest version"}),
	},
	{
		.name = "models register", .run = cmd_models_register, .words = "TRAINING", .min_words = 1, .max_words = 1,
		.summary = "Makes what a training left a model: the next version of its name.",
		.more = "TRAINING is an id, a name, or digits~1 for the one before the newest of that name. The server script is sent along; it answers for the model.",
		OPTIONS({0, "server", "SCRIPT", "The Python script that answers for the model."},
			{0, "command", "LINE", "The command line to run, with the script or alone."},
			{0, "env", "NAME=VALUE", "A variable for the server."},
			{0, "requirements", "FILE", "Its packages, a requirements.txt (default: those of the training)."},
			{0, "no-requirements", NULL, "No packages, whatever the training had."},
			{0, "alias", "ALIAS", "An alias of this version; may be repeated."},
			{0, "name", "NAME", "Its name (default: that of the training)."},
			OPTION_PROJECT),
		EXAMPLES({100, "davit models register digits --server examples/digits/serve.py", "What the newest training made"},
			{101, "davit models register digits --server examples/digits/serve.py --alias next", "The same as digits@v2 and digits:next"},
			{103, "davit models register packaged --server examples/digits/serve.py --requirements needs.txt",
			"With packages of its own"}),
	},
	{
		.name = "models alias", .run = cmd_models_alias, .words = "MODEL [ALIAS]...", .min_words = 1, .max_words = WORDS_ANY,
		.summary = "Gives a version of a model aliases; one that another version has moves.",
		.more = A_MODEL,
		OPTIONS({0, "remove", "ALIAS", "Take an alias off; may be repeated."}),
		EXAMPLES({102, "davit models alias digits@v1 prod", "Now digits:prod is version 1"}),
	},
	{
		.name = "models export", .run = cmd_models_export, .words = "MODEL", .min_words = 1, .max_words = 1,
		.summary = "Fetches the files of a model, or lets the daemon write them.",
		.more = A_MODEL,
		OPTIONS({'o', "output", "DIR", "The folder they go to."},
			{0, "to", "PATH|URI", "A folder of the daemon's machine, below one of its export_roots."}),
		EXAMPLES({107, "davit models export digits:prod -o model", "To ./model"}),
	},
	{
		.name = "models delete", .run = cmd_models_delete, .words = "MODEL...", .min_words = 1, .max_words = WORDS_ANY,
		.summary = "Deletes versions of models that are not deployed.",
		.more = A_MODEL,
		EXAMPLES({911, "davit models delete digits@v1 digits@v2", "Two at once"}),
	},
	{
		.name = "deploy", .run = cmd_deploy, .words = "MODEL [ENDPOINT] | --split ... ENDPOINT | --rollback ENDPOINT", .min_words = 1, .max_words = 2,
		.summary = "Puts a model on an endpoint and waits until it answers.",
		.more = "An endpoint that is not there is made; without a name it has that of the model.",
		OPTIONS({0, "traffic", "PERCENT", "Its share; the model deployed before keeps the rest (default 100)."},
			{0, "split", "MODEL=PERCENT,MODEL=PERCENT", "Change the shares of the two models of ENDPOINT."},
			{0, "rollback", NULL, "Bring back what was deployed on ENDPOINT before."},
			{0, "no-wait", NULL, "Do not wait."},
			OPTION_PROJECT),
		EXAMPLES({110, "davit deploy digits:prod", "On endpoint digits"},
			{112, "davit deploy digits:next digits --traffic 10", "A tenth of the requests for another version"},
			{113, "davit deploy --split digits@v1=50,digits@v2=50 digits", "Half and half"},
			{114, "davit deploy --rollback digits", "Back to what was before"}),
	},
	{
		.name = "endpoints list", .run = cmd_endpoints_list,
		.summary = "Lists the endpoints.",
		EXAMPLES({120, "davit endpoints list", "What answers where?"}),
	},
	{
		.name = "endpoints show", .run = cmd_endpoints_show, .words = "ENDPOINT", .min_words = 1, .max_words = 1,
		.summary = "Shows an endpoint and the models on it.",
		.more = "ENDPOINT is an id or a name.",
		EXAMPLES({121, "davit endpoints show digits", "One of them"}),
	},
	{
		.name = "endpoints create", .run = cmd_endpoints_create, .words = "NAME", .min_words = 1, .max_words = 1,
		.summary = "Makes an endpoint without a model; refused where one has that name.",
		OPTIONS(OPTION_PROJECT),
		EXAMPLES({122, "davit endpoints create spare", "One for later"}),
	},
	{
		.name = "endpoints undeploy", .run = cmd_endpoints_undeploy, .words = "ENDPOINT [MODEL]", .min_words = 1, .max_words = 2,
		.summary = "Takes models off an endpoint: the one named, or all.",
		OPTIONS({0, "no-wait", NULL, "Do not wait."}),
		EXAMPLES({900, "davit endpoints undeploy digits", "It answers no more"}),
	},
	{
		.name = "endpoints delete", .run = cmd_endpoints_delete, .words = "ENDPOINT...", .min_words = 1, .max_words = WORDS_ANY,
		.summary = "Deletes endpoints; their models are taken off first.",
		EXAMPLES({901, "davit endpoints delete digits spare", "Two at once"}),
	},
	{
		.name = "predict", .run = cmd_predict, .words = "ENDPOINT", .min_words = 1, .max_words = 1,
		.summary = "Sends the rows of a file to an endpoint, many at once, and writes the answers in order.",
		.more = "A row of CSV becomes an array of its cells without the blanks around them: numbers, however\n"
			"they are written (5., .5, +5, 007), as numbers, an empty cell as null, all else as text; a\n"
			"line of JSON Lines is an instance as it is. The first row is a header where none of its\n"
			"cells is a number. Each row gives a line of JSON: its prediction, or {\"error\": ...}.\n"
			"Batches that are answered 503 are sent again, after the pause the daemon asks for\n"
			"(30 seconds at most). A 429 makes it send fewer at once; it counts as a try of the\n"
			"batch only where nothing is answered meanwhile.",
		OPTIONS({0, "file", "FILE", "The rows; -: standard input."},
			{0, "format", "csv|jsonl", "How they are written (default: told from the file's name)."},
			{0, "concurrency", "N", "Requests at once (default 4)."},
			{0, "batch", "N", "Rows per request (default 16)."},
			{'o', "output", "FILE", "Where the predictions go (default: standard output)."},
			{0, "exclude", "COLUMN", "A column left out: its name, or its number from 0; may be repeated."},
			{0, "header", NULL, "The first row is a header."},
			{0, "no-header", NULL, "The first row is no header."},
			{0, "objects", NULL, "Send rows as objects by the names of the header."},
			{0, "retries", "N", "How often a batch is sent again (default 5)."},
			{0, "timeout", "SECONDS", "For one request (default 300)."}),
		EXAMPLES({130, "davit predict digits --file examples/digits/heldout.csv --exclude label --concurrency 8 -o predictions.jsonl",
			"All rows but their labels"}),
	},
	{
		.name = "batch create", .run = cmd_batch_create, .words = "MODEL DATASET", .min_words = 2, .max_words = 2,
		.summary = "Predicts every row of a data set as a job, without an endpoint.",
		.more = A_MODEL "\nThe data set is a file, which is uploaded, or named like a model.",
		OPTIONS({0, "exclude", "COLUMN", "A column left out: its name, or its number from 0; may be repeated."},
			{0, "skip-errors", NULL, "Go on where a row cannot be predicted; its line says why."},
			{0, "batch", "N", "Rows per request (default 16)."},
			{0, "concurrency", "N", "Requests at once (default 1)."},
			{0, "env", "NAME=VALUE", "A variable for the model's server."},
			{0, "requirements", "FILE", "Its packages, a requirements.txt (default: those of the model)."},
			{0, "limit", "NAME=VALUE", "A limit: wall_seconds, cpu_seconds, memory_bytes, ..."},
			{0, "name", "NAME", "A name for people (default: that of the model)."},
			OPTION_PROJECT, OPTION_WAIT, OPTION_FOLLOW),
		EXAMPLES({170, "davit batch create digits:prod heldout --exclude label --name evening --wait", "All rows of heldout"}),
	},
	{
		.name = "batch list", .run = cmd_batch_list,
		.summary = "Lists the batch predictions.",
		EXAMPLES({171, "davit batch list", "All of them"}),
	},
	{
		.name = "batch show", .run = cmd_batch_show, .words = "BATCH", .min_words = 1, .max_words = 1,
		.summary = "Shows a batch prediction.",
		.more = A_BATCH,
		EXAMPLES({172, "davit batch show evening", "How far is it?"}),
	},
	{
		.name = "batch results", .run = cmd_batch_results, .words = "BATCH", .min_words = 1, .max_words = 1,
		.summary = "Fetches the predictions: a line of JSON per row, in order.",
		.more = A_BATCH,
		OPTIONS({'o', "output", "FILE", "Where they go (default: standard output)."}),
		EXAMPLES({173, "davit batch results evening -o evening.jsonl", "To a file"}),
	},
	{
		.name = "batch cancel", .run = cmd_batch_cancel, .words = "BATCH", .min_words = 1, .max_words = 1,
		.summary = "Cancels a batch prediction.",
		.more = A_BATCH,
		EXAMPLES({174, "davit batch cancel evening", "One that has ended stays as it is"}),
	},
	{
		.name = "batch delete", .run = cmd_batch_delete, .words = "BATCH...", .min_words = 1, .max_words = WORDS_ANY,
		.summary = "Deletes batch predictions that have ended, with their results.",
		.more = A_BATCH,
		EXAMPLES({175, "davit batch delete evening", "One of them"}),
	},
	{
		.name = "run-function", .run = cmd_run_function, .words = "SCRIPT|-", .min_words = 1, .max_words = 1,
		.summary = "Runs execute(connectionDetails, body) of a Python script and prints what it returns.",
		OPTIONS({0, "body", "TEXT", "The second argument (default: empty)."},
			{0, "import", "NAME", "A module or an import statement; may be repeated."},
			{0, "requirement", "LINE", "A package it needs; may be repeated."}),
		EXAMPLES({140, "echo 'def execute(c, body): return body[::-1]' | davit run-function - --body tivad", "Backwards"}),
	},
	{
		.name = "queues list", .run = cmd_queues_list, .words = "[PROVIDER]", .max_words = 1,
		.summary = "Shows how many jobs run and wait, by provider and project.",
		OPTIONS({0, "project", "NAME", "Only this project."}),
		EXAMPLES({150, "davit queues list", "Who waits?"}),
	},
	{
		.name = "queues pause", .run = cmd_queues_pause, .words = "PROVIDER", .min_words = 1, .max_words = 1,
		.summary = "Starts no more jobs of a provider or of a project there; what runs goes on.",
		.more = THE_SOCKET_ONLY,
		OPTIONS({0, "project", "NAME", "Only this project."}),
		EXAMPLES({151, "davit queues pause local --project night", "Project night waits"}),
	},
	{
		.name = "queues resume", .run = cmd_queues_resume, .words = "PROVIDER", .min_words = 1, .max_words = 1,
		.summary = "Starts jobs again.",
		.more = THE_SOCKET_ONLY,
		OPTIONS({0, "project", "NAME", "Only this project."}),
		EXAMPLES({152, "davit queues resume local --project night", "Project night goes on"}),
	},
	{
		.name = "queues priority", .run = cmd_queues_priority, .words = "PROVIDER NUMBER", .min_words = 2, .max_words = 2,
		.summary = "Sets the priority, -100 to 100: whose jobs start first.",
		.more = THE_SOCKET_ONLY,
		OPTIONS({0, "project", "NAME", "Of this project there."}),
		EXAMPLES({153, "davit queues priority local -10 --project night", "Project night comes after the others"}),
	},
	{
		.name = "strays", .run = cmd_strays,
		.summary = "Lists what clouds have with a label of this site that no job follows.",
		.more = "Such as after an older database was put back: what was begun since then goes on, and costs\n"
			"money, and nobody knows of it. Or a request that was given up arrived at last: its job has\n"
			"ended by then, or follows another object. WHY says which. The daemon looks after each start\n"
			"and once a day.",
		EXAMPLES({154, "davit strays", "Is there anything nobody looks after?"}),
	},
	{
		.name = "strays sweep", .run = cmd_strays_sweep,
		.summary = "Looks for strays now and lists them.",
		.more = THE_SOCKET_ONLY,
		OPTIONS({0, "all", NULL, "By every connection of the site, also those no job was accepted with."}),
		EXAMPLES({155, "davit strays sweep", "As things stand now"}),
	},
	{
		.name = "strays adopt", .run = cmd_strays_adopt, .words = "STRAY", .min_words = 1, .max_words = 1,
		.summary = "Makes a job of a stray and follows it: it can be cancelled, and its log and end are seen.",
		.more = THE_SOCKET_ONLY,
		OPTIONS({0, "kind", "KIND", "Which kind of job made it, where its provider does not say."},
			OPTION_PROJECT),
		EXAMPLES({156, "davit strays adopt 06c1m8zt0000000000000000 || davit strays", "Follow one; where none is called so, see which there are"}),
	},
	{
		.name = "strays delete", .run = cmd_strays_delete, .words = "STRAY...", .min_words = 1, .max_words = WORDS_ANY,
		.summary = "Deletes strays where they are.",
		.more = "One that runs is refused by most clouds: adopt it, and cancel its job.\n" THE_SOCKET_ONLY,
		EXAMPLES({157, "davit strays delete 06c1m8zt0000000000000000 || davit strays", "Delete one; where none is called so, see which there are"}),
	},
	{
		.name = "venvs list", .run = cmd_venvs_list,
		.summary = "Lists the Python environments.",
		EXAMPLES({160, "davit venvs list", "What is kept?"}),
	},
	{
		.name = "venvs delete", .run = cmd_venvs_delete, .words = "NAME...", .min_words = 1, .max_words = WORDS_ANY,
		.summary = "Deletes Python environments by name.",
		EXAMPLES({161, "davit venvs delete script_venv_packaged", "That of the training named packaged"}),
	},
	{
		.name = "check", .run = cmd_check, .words = "FILE", .min_words = 1, .max_words = 1,
		.summary = "Says what the daemon would say of a provider's file before loading it.",
		.more = "Nothing of the file is run, and no daemon is needed. A file that would be refused gives\n"
			"every reason and exit code 1.",
		EXAMPLES({4, "davit check provider.so", "May this be loaded?"}),
	},
	{
		.name = "completion", .run = cmd_completion, .text = true, .words = "bash", .min_words = 1, .max_words = 1,
		.summary = "Prints the script that completes commands and options.",
		EXAMPLES({1, "davit completion bash", "For ~/.bashrc: source <(davit completion bash)"}),
	},
	{
		.name = "help", .run = cmd_help, .text = true, .words = "[COMMAND [WORD]]", .max_words = 2,
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

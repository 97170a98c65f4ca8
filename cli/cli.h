/*
 * cli - what every command works with: its arguments, the daemon, and one way to fail.
 *
 * Commands return the exit code. A helper that fails has told the user why and set c->code, so
 * that its caller ends with `return c->code`. [one thread]
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "args.h"
#include "base/attr.h"
#include "base/buf.h"

struct fail;
struct http;
struct http_request;

enum {
	EXIT_DONE = 0,
	EXIT_NEGATIVE = 1, /* the job failed, the file is refused, and the like */
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3,
	EXIT_REFUSED = 4,
	EXIT_BROKEN = 5,
	EXIT_INTERRUPTED = 130,
	EXIT_UNREAD = 141 /* as if SIGPIPE had ended it */
};

struct cli {
	struct args args;
	struct http *http; /* opened with the first request */
	bool json;
	bool terminal; /* standard output is one */
	bool progress; /* standard error is one */
	bool patient;  /* a daemon that is away is not told of but noted in lost */
	bool lost;
	int code;
};

#define PATH_LIMIT ((size_t)64 << 10)
#define SERVICE    "/api/service/v1"

/* Is no option given that only lists have (up to NULL)? False: told. */
bool cli_alone(struct cli *c, const char *const *of_lists);

/* Tells why the command fails; returns (and keeps) the code. */
int cli_fail(struct cli *c, int code, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* The same for a failure by its kind; always returns false. */
bool cli_failed(struct cli *c, const struct fail *f);

/* For "bad usage": the text and where help is. */
int cli_usage(struct cli *c, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* Has who read standard output gone, as in "davit jobs | head -1"? Nobody is to be told then. */
bool cli_unread(void);

/* The daemon's connection; NULL: told. */
struct http *cli_http(struct cli *c);

/* The next request looks anew where the daemon is. */
void cli_forget_host(struct cli *c);

/* The host to talk to: --host, DAVIT_HOST, or a socket at its usual place. */
const char *cli_host(const struct cli *c);

/* Sends body (may be NULL; stays the caller's) and returns the JSON of a good answer, or NULL.
 * fmt: a path where %s is percent-encoded. */
json_t *cli_ask(struct cli *c, const char *method, const json_t *body, const char *fmt, ...)
	ATTR_PRINTF(4, 5);
json_t *cli_get(struct cli *c, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* As cli_ask with a path that is encoded already and is freed here; *missing (may be NULL) is
 * set instead of telling where the answer is 404. */
json_t *cli_ask_path(
	struct cli *c, const char *method, const json_t *body, struct buf *path, bool *missing);

/* Sends a form: request (stays the caller's) and a file, "-" for standard input. */
json_t *cli_upload(struct cli *c, const json_t *request, const char *file, struct buf *path);

/* Writes the bytes of an answer to a file, as outfile.h does. False: told. */
bool cli_download(
	struct cli *c, const char *method, const json_t *body, struct buf *path, const char *file);

/* Where a download goes by -o; NULL: told, as --json leaves standard output to the answer. */
const char *cli_download_file(struct cli *c);

/* Gives the bytes of an answer to request->sink. False: told. */
bool cli_stream(struct cli *c, const struct http_request *request);

/* Prints a value as one line of JSON and takes it over. */
int cli_json(json_t *value);

/* Tells the state of a job by an answer {"id", "state"}, which is taken over; NULL: told. */
int cli_tell_job(struct cli *c, json_t *answer);

/* Does one() with each word of the command, whatever became of those before; with --json it prints
 * a list of their answers (NULL: told), which are taken over. The code is that of the last failure.
 */
int cli_each(struct cli *c, json_t *(*one)(struct cli *c, const char *word));

/* {"a": 1, "b": "x"} of the values "a=1", "b=x" of an option: what reads as a JSON number, true,
 * false or null is one if typed, else all are texts. NULL: told. An absent option: NULL with
 * *ok true. */
json_t *cli_pairs(struct cli *c, const char *option, bool typed, bool *ok);

/* For a file that cannot be read: its name and why, by errno. */
int cli_unreadable(struct cli *c, const char *file, int err);

/* A file ("-": standard input) to be read and given to cli_close(). NULL: told; a folder is none.
 */
FILE *cli_open(struct cli *c, const char *file);
void cli_close(FILE *in);

/* The text of a file ("-": standard input), NUL-terminated, to be freed. NULL: told. */
char *cli_read(struct cli *c, const char *file, size_t *ret_n);

/* The last part of a path without its ending: "train" of "a/train.py"; to be freed. */
char *cli_stem(const char *path);

#endif

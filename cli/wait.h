/* wait - staying with a job until it has ended. [one thread] */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include <jansson.h>
#include <stdbool.h>

struct cli;

/* Shows progress on standard error until the job has ended. The job as /v1/jobs has it, or NULL:
 * told. Ctrl-C leaves the job running and says so. */
json_t *wait_for_job(struct cli *c, const char *id);

/* The same with the job's log on standard output (standard error with --json). */
json_t *wait_following(struct cli *c, const char *id);

/* What --wait and --follow of a command ask for. Prints how the job ended, or with neither that
 * it was taken; the exit code. */
int wait_as_asked(struct cli *c, const char *id, const char *what);

/* Streams the log of a job to out; with follow until the job ends. False: told. */
bool wait_log(struct cli *c, const char *id, bool follow, bool to_stderr);

/* Has it ended? Did it succeed? */
bool wait_ended(const json_t *job);
bool wait_succeeded(const json_t *job);

/* Prints why a job failed, or why it waits: first of all that is said about it. */
void wait_print_reason(const json_t *job);

/* Says how a job ended and returns the exit code for it. Takes job over. */
int wait_result(struct cli *c, json_t *job);

/* A pause that Ctrl-C ends. */
void wait_ms(long ms);

#endif

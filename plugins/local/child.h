/*
 * child - a process of the host's process service as this provider sees it: the parts every
 * specification has, how it stands, and in one sentence how it ended.
 */
#ifndef PLUGINS_LOCAL_CHILD_H
#define PLUGINS_LOCAL_CHILD_H

#include "local.h"

#define CHILD_LINES 10

struct child {
	bool known; /* false: never started, all else is zero */
	bool ended; /* it exited, or it and its supervisor are gone */
	bool lost;  /* ended, and nobody knows how */
	bool cancelled;
	int64_t pid;
	int64_t started_ms;
	int64_t finished_ms;
	/* Of a served process that goes on: how it ended the last time, if it did. */
	int64_t exit_code; /* -1: it did not exit by itself */
	int64_t signal;    /* 0: none */
	const char *limit; /* the limit that ended it, or "" */
	const char *error; /* why it could not be started, or "" */
	bool interrupted;  /* its supervisor was told to end, as when the machine stops */
	int64_t restarts;
	int64_t requests; /* that a served one is answering */
	const struct davit_sdk_json
		*applied; /* limits and the like as the supervisor set them, or NULL */
};

/* How the process of that name stands. false: the call failed. */
bool child_inspect(struct local_call *c, const char *name, struct child *ret_child);

/* DAVIT_STATE_… of a process that runs once to its end. */
int32_t child_state(const struct child *child);

/* Why it failed. All memory is the call's. */
struct child_why {
	const char *text; /* one sentence: "exit code 1: ValueError: …", "signal 11 (SIGSEGV)" */
	size_t line_count;
	/* The traceback its log ends with, or the log's last lines; of a long one the end. */
	const char *lines[CHILD_LINES];
	bool traceback;    /* it ends with one */
	const char *limit; /* "file_bytes": one that was set, and that the traceback is about */
};

void child_explain(
	struct local_call *c, const char *name, const struct child *child, struct child_why *ret);

/* The neutral member "reason": {"exit_code"?, "signal"?, "limit"?, "lines"}; a limit by the name it
 * is set by. key NULL: the object alone. */
void child_put_reason(struct davit_sdk_writer *w, const char *key, const struct child *child,
	const struct child_why *why);

/* The sentence without a line of its log, which may hold what nobody else is to see. */
const char *child_end(struct local_call *c, const struct child *child);

/* ": " and the last line of its log, or "". */
const char *child_last_words(struct local_call *c, const char *name);

/* Asks it to stop; none of that name is fine. Returns sdk.code. */
int32_t child_stop(struct local_call *c, const char *name);

/* The last bytes of a file of its folder, at most max; empty where there is no such file.
 * false: the call failed. */
bool child_tail(
	struct local_call *c, const char *name, const char *path, size_t max, davit_buf *ret_bytes);

/* The same, and where in the file they begin (untouched where there is no such file). */
bool child_end_of(struct local_call *c, const char *name, const char *path, size_t max,
	davit_buf *ret_bytes, uint64_t *ret_from);

/* The answer of a logs slot: what it printed so far. */
int32_t child_reply_log(struct local_call *c, const char *name);

/* --- specifications --- */

/* A fixed variable of the environment. */
struct child_variable {
	const char *name;
	const char *value;
};

/* The Python of this site, an absolute path. */
const char *child_python(const struct local_call *c);

/* What a process is to run. */
struct child_program {
	const struct davit_sdk_json *command; /* a command line, or NULL */
	const char *script; /* run with the site's Python where there is no command */
	const struct davit_sdk_json *args; /* texts that follow either, or NULL */
};

/* "argv" or "shell". false: the call failed, naming pointer. */
bool child_put_program(struct local_call *c, struct davit_sdk_writer *w,
	const struct child_program *program, const char *pointer);

/* The same as one line for people, who may read it in a shell; of very long ones the beginning. */
const char *child_command_text(struct local_call *c, const struct child_program *program);

/* Can the command line be run at this site? false: the call failed, naming pointer. */
bool child_check_command(
	struct local_call *c, const struct davit_sdk_json *command, const char *pointer);

/* Can these (an object or NULL) be names of variables? false: the call failed, naming the member.
 */
bool child_check_environment(struct local_call *c, const struct davit_sdk_json *own);

/* "environment": the site's, over it the caller's (an object or NULL), over it fixed ones. */
void child_put_environment(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *own, const struct child_variable *fixed, size_t count);

/* "programs", "cwd", "log_bytes", "grace_seconds", and "limits": the site's, lowered where
 * own (an object or NULL) asks for less. served: a process without an end has no limits of
 * time. */
void child_put_common(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *own, bool served);

/* One of the spec's "inputs". */
void child_put_input(
	struct davit_sdk_writer *w, const char *kind, const char *value, const char *as);

#endif

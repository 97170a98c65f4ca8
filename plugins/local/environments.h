/*
 * environments - Python environments by content. What is asked for (the site's Python, its pip
 * settings, the lines of the requirements) is sealed as a blob; the digest of it names the
 * process that builds the environment, so that all who ask for the same share one build. Its
 * folder is used by other processes as their prefix and never changes once the build succeeded.
 *
 * A job asks with environment_need() when it is submitted and with environment_ask() at each
 * poll until it is ready or failed; then it starts its process with environment_put_prefix(), or
 * lets go with environment_leave(). A slot that waits within one call does the same in a loop.
 * What a crash leaves behind (a note of a job that waits) only makes a build run to its end.
 *
 * Names, as GET /venvs lists them, are script_venv_NAME of the jobs that asked. All memory is
 * the call's.
 */
#ifndef PLUGINS_LOCAL_ENVIRONMENTS_H
#define PLUGINS_LOCAL_ENVIRONMENTS_H

#include "local.h"

enum environment_state {
	ENVIRONMENT_NONE,    /* nothing was asked for */
	ENVIRONMENT_PENDING, /* it is being built */
	ENVIRONMENT_READY,
	ENVIRONMENT_FAILED
};

struct environment {
	enum environment_state state;
	const char *digest;  /* what to keep and give to environment_ask(); NULL: none */
	const char *process; /* that makes it */
	const char *text;    /* pending: how far; failed: why, one sentence; else "" */
	davit_buf reason;    /* failed: the neutral member "reason", JSON; else empty */
};

/* Who asks. */
struct environment_user {
	const char *id;   /* of the job: 1 to 48 of [0-9a-z-] */
	const char *name; /* of the job, for the list; NULL: not listed */
};

/*
 * The environment that requirements (a request's member, see requirements.h; NULL: none) at
 * pointer names. Starts its build where there is none; one that failed for earlier jobs is
 * built again. false: the call failed.
 */
bool environment_need(struct local_call *c, const struct davit_sdk_json *requirements,
	const char *pointer, const struct environment_user *user, struct environment *ret);

/* The two halves of environment_need(): which one it is, and wanting it. *ret_digest NULL:
 * nothing is asked for; false: the call failed. */
bool environment_choose(struct local_call *c, const struct davit_sdk_json *requirements,
	const char *pointer, const char **ret_digest);
bool environment_want(struct local_call *c, const char *digest, const struct environment_user *user,
	struct environment *ret);

/* The one with the packages of another (NULL: none), which the site's Python and pip settings as
 * they now are give. */
bool environment_choose_again(struct local_call *c, const char *digest, const char **ret_digest);

/* How the environment stands that the job waits for. A build that somebody stopped, or that
 * ended with the machine, is started again. false: the call failed. */
bool environment_ask(struct local_call *c, const char *digest, struct environment *ret);

/* The job waits no more: it is about to start, failed, or was cancelled; again is fine. A build
 * that nobody waits for is stopped if stop. digest NULL is fine. Returns sdk.code. */
int32_t environment_leave(struct local_call *c, const char *digest, const char *user_id, bool stop);

/* "installing 2 requirements: a, b": what the environment is to hold; "" after a failure. */
const char *environment_progress(struct local_call *c, const char *digest);

/* The name of the process that makes it; its log is pip's. */
const char *environment_process(struct local_call *c, const char *digest);

/* "prefix" of a process specification. Nothing for NULL. */
void environment_put_prefix(struct davit_sdk_writer *w, const char *digest);

/* Deletes environments that have lost their last name and that nothing uses any more. Its
 * failures are logged and do not end the call. */
void environments_sweep(struct local_call *c);

#endif

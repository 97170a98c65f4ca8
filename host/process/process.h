/*
 * process - supervised processes on this machine, seen from the daemon.
 *
 * Each process has a folder data_dir/processes/NAME and runs under a davit-run of its own,
 * which outlives the daemon. The folder tells everything; this module keeps nothing that
 * could be lost. docs/process.md describes the files. [any thread]
 */
#ifndef HOST_PROCESS_PROCESS_H
#define HOST_PROCESS_PROCESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCESS_SPEC_MAX ((size_t)16 << 20) /* bytes of a specification as JSON */

struct blobs;
struct fail;
struct processes;

/* What it points to must live until processes_close(). */
struct process_options {
	const char *data_dir;            /* processes/ is made below it */
	const char *runtime_dir;         /* sockets; short enough for a socket path */
	const char *run_program;         /* absolute path of davit-run */
	const char *cgroup;              /* for davit-run: "off" or a folder; NULL: "auto" */
	const char *sandbox;             /* for davit-run: confinement_text(); NULL: none */
	struct blobs *blobs;             /* where the inputs of a process come from */
	const char *const *import_roots; /* absolute folders an "import" is taken from */
	size_t import_root_count;
	/* Called when a watched process ended or changed; on a thread of this module; must not
	 * block. */
	void (*changed)(const char *name, void *ctx);
	void *ctx;
};

struct processes *processes_open(const struct process_options *options, struct fail *f);

/* Stops watching; the processes run on. NULL is fine. */
void processes_close(struct processes *p);

/*
 * The functions of davit_host_process_1 (plugin-api/include/davit/host.h), same meaning.
 * process_inspect() may also say "prepared": everything lies ready, but no davit-run could be
 * started yet; process_start() tries again. Members beyond the documented ones: "cancelled"
 * (it was asked to stop before it ended), "error" (why it could not be started), "restarting",
 * "last_exit_code", "last_signal", "last_limit" and "last_error" of one that is started again.
 */
bool process_start(struct processes *p, const char *name, const json_t *spec, struct fail *f);
bool process_inspect(struct processes *p, const char *name, json_t **ret_state, struct fail *f);
bool process_stop(struct processes *p, const char *name, struct fail *f);
bool process_remove(struct processes *p, const char *name, struct fail *f);

/* Opens a file of the process's folder for reading; "log" is composed (cut in the middle). */
bool process_open_file(
	struct processes *p, const char *name, const char *path, int *ret_fd, struct fail *f);
bool process_list_files(
	struct processes *p, const char *name, const char *path, json_t **ret_list, struct fail *f);

/* A request, and what must outlive it: its body until the response is closed, all else until
 * process_request() returns. */
struct process_ask {
	const json_t *request; /* {"method","path","content_type"?,"accept"?} */
	const void *bytes;     /* the body, n of them; or NULL, and */
	size_t n;
	int body_fd; /* a file's bytes from its start; or -1 */
	int64_t deadline_mono_ms;
	bool (*cancelled)(void *ctx); /* asked now and then, also while reading; may be NULL */
	void *ctx;
};

/*
 * One HTTP/1.1 request over the process's own Unix socket. *ret_head is {"status","content_type"}.
 * The answer's bytes are then read with process_response_read() and ended with
 * process_response_close(). The head must come before the deadline; each read then waits as long
 * again, so that a long answer may take its time while it is not silent. FAIL_UNAVAILABLE while
 * nobody listens.
 */
struct process_response;
bool process_request(struct processes *p, const char *name, const struct process_ask *ask,
	json_t **ret_head, struct process_response **ret_response, struct fail *f);

/* Up to cap bytes; *ret_n = 0 at the end. */
bool process_response_read(
	struct process_response *r, void *bytes, size_t cap, size_t *ret_n, struct fail *f);

/* Is all that is left, at most max bytes, there to be read without waiting? */
bool process_response_whole(const struct process_response *r, size_t max);

void process_response_close(struct process_response *r); /* NULL is fine */

/* Does this name have the right form ([0-9a-z-], 1 to 48)? */
bool process_name_valid(const char *name);

#endif

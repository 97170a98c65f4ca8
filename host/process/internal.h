/*
 * internal - what the files of this component share. Not for others.
 *
 * The folders are the state. In memory there is only what can be lost: which names somebody
 * is working on (so that two threads do not build one folder), and the connections to the
 * running davit-runs, which the watcher's thread owns.
 */
#ifndef HOST_PROCESS_INTERNAL_H
#define HOST_PROCESS_INTERNAL_H

#include <limits.h>
#include <sys/queue.h>

#include "platform/thread.h"
#include "process/busy.h"
#include "process/links.h"
#include "process/process.h"
#include "process/transport.h"
#include "run/folder.h"

struct watcher;

struct processes {
	struct process_options options;
	char root[PATH_MAX]; /* data_dir/processes */
	struct watcher *watcher;
	struct transports transports;
	struct links links;
	struct busy busy;

	struct mutex lock;                                /* guards what follows */
	LIST_HEAD(responses, process_response) responses; /* requests that are being answered */
};

/* --- folder.c --- */

/* A file of a process's folder ("" the folder itself), or its socket by suffix. */
bool process_path(const struct processes *p, const char *name, const char *file,
	char path[PATH_MAX], struct fail *f);
bool process_socket(const struct processes *p, const char *name, const char *suffix,
	char path[PATH_MAX], struct fail *f);

bool process_has(const struct processes *p, const char *name, const char *file);
bool process_locked(const struct processes *p, const char *name);

/* FAIL_INVALID for a bad name, FAIL_NOT_FOUND where there is no such process. */
bool process_need(const struct processes *p, const char *name, struct fail *f);

/* A JSON file of the folder; NULL where there is none or it cannot be read. */
json_t *process_read(const struct processes *p, const char *name, const char *file);

/* A connection to its davit-run, or -1. */
int process_connect(const struct processes *p, const char *name);

/* Starts a davit-run for it, which finds out by itself what is left to do. */
bool process_spawn(struct processes *p, const char *name, struct fail *f);

/* --- request.c --- */

/* Requests that a process is answering to this daemon. */
size_t process_requests(struct processes *p, const char *name);

/* --- inputs.c --- */

/* Are the inputs of a specification well-formed? */
bool inputs_check(const json_t *inputs, struct fail *f);

/* Makes the folder's content from spec; what the log shall tell is added to notes. */
bool inputs_make(
	struct processes *p, const char *name, const json_t *spec, json_t *notes, struct fail *f);

/* --- users.c: a process that runs with the folder of another one in front of its PATH --- */

/* May name use the prefix of spec? FAIL_NOT_FOUND, FAIL_CONFLICT where it has not ended. */
bool users_may_add(struct processes *p, const char *name, const json_t *spec, struct fail *f);

/* The same, and notes in the folder of the prefix that name uses it: before name is committed.
 * The caller holds name and the prefix. */
bool users_add(struct processes *p, const char *name, const json_t *spec, struct fail *f);

/* Takes the note of name out again; before its spec.json goes. What fails leaves a note that
 * counts for nothing. */
void users_drop(const struct processes *p, const char *name);

/* false (FAIL_CONFLICT) where a process that has not ended uses name, of any number that have a
 * note. busy(other): is other being worked on? */
bool users_check(struct processes *p, const char *name,
	bool (*busy)(struct processes *p, const char *other), struct fail *f);

/* --- state.c: process_inspect() --- */

/* --- watch.c --- */

struct watcher *watcher_open(struct processes *p, struct fail *f);
void watcher_close(struct watcher *w); /* NULL is fine */

/* The thread looks whether there is something to do. */
void watcher_wake(const struct watcher *w);

/* Watches a process to its end. spawned: a davit-run was started for it just now; else the
 * watcher starts one if none is there. */
void watcher_add(struct watcher *w, const char *name, bool spawned);

/* Is a davit-run expected to show up, as one was started a moment ago? */
bool watcher_expects(struct watcher *w, const char *name);

#endif

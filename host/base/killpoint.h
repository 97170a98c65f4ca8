/*
 * killpoint - places where a test kills the daemon, as kill -9 would, to prove what its successor
 * does. Exists in builds for testing (DAVIT_TESTING) alone; in what is shipped it is nothing.
 *
 * The environment says where: DAVIT_KILL is "POINT[:NTH][@TEXT]", the NTH time (1) that POINT is
 * passed with TEXT within what stands below in the column "with". Or DAVIT_KILL_FILE is a file of
 * KILLPOINT_FILE_SIZE bytes (struct killpoint_file), in which a test says so while the daemon runs,
 * and reads which points were passed before it died. No file system call is made at a point.
 *
 *   point                 with                    passed
 *   http_before_journal   METHOD OPERATION        before it is written down that a change is sent
 *   http_before_send      METHOD OPERATION URL    before an attempt of a request is begun
 *   http_after_send       METHOD URL              when the last byte of an attempt was given away
 *   http_after_answer     METHOD OPERATION URL    when an answer is there, and nothing was done
 *                                                 with it
 *   before_commit         a write, see below      before the transaction it is in is committed
 *   after_commit          a write                 after that, before anybody is told
 *   process_before_start  NAME                    before a local process is started
 *   process_after_start   NAME
 *   file_before_write     NAME                    before a file of an export is written
 *   files_after_write     FOLDER                  when all of an export have their names
 *   worker_before_call    INTERFACE.SLOT          before a worker is told to run a slot
 *   worker_after_call     INTERFACE.SLOT          when it has returned
 *   worker_before_service SERVICE                 before a service that its slot asked for is done
 *   worker_after_service  SERVICE                 before the worker hears of that
 *
 * With "worker=" before POINT not the daemon dies there, but all workers that it has.
 *
 * A write is "KIND WORDS ID": "job_add train 01…", "edge submitting>running 01…", "kv_put KEY".
 */
#ifndef HOST_BASE_KILLPOINT_H
#define HOST_BASE_KILLPOINT_H

#ifdef DAVIT_TESTING

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

#define KILLPOINT_SPEC_SIZE 500
#define KILLPOINT_FILE_SIZE 65536

/* What the file holds, in the byte order of the machine. */
struct killpoint_file {
	atomic_uint armed; /* 1: spec counts; it is written before this is */
	atomic_uint seen;  /* how often it was met */
	atomic_uint used;  /* bytes of trace; more than there are: what came later is missing */
	char spec[KILLPOINT_SPEC_SIZE]; /* as DAVIT_KILL; NUL-terminated */
	char trace[KILLPOINT_FILE_SIZE - KILLPOINT_SPEC_SIZE - 3 * sizeof(uint32_t)];
};

/* Reads the environment. [once, while there is one thread] */
void killpoint_open(void);

/* Is anybody interested? [any] */
bool killpoint_wanted(void);

/* The point is passed. [any; waits for nothing] */
void killpoint(const char *point, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* A worker is there from now on, or is to be waited for. [any] */
void killpoint_worker(pid_t pid, bool there);

#define KILLPOINT(...)               killpoint(__VA_ARGS__)
#define KILLPOINT_WORKER(pid, there) killpoint_worker(pid, there)

#else

#define KILLPOINT(...)               ((void)0)
#define KILLPOINT_WORKER(pid, there) ((void)0)

#endif

#endif

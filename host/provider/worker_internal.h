/* worker_internal - for the files worker*.c of this folder. */
#ifndef HOST_PROVIDER_WORKER_INTERNAL_H
#define HOST_PROVIDER_WORKER_INTERNAL_H

#include <davit/provider.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/fail.h"
#include "config/config.h"
#include "platform/thread.h"
#include "provider/quarantine.h"
#include "provider/tables.h"
#include "provider/worker.h"
#include "worker/frame.h"

#define WORKER_WHY_SIZE 256
#define LONG_AGO        (INT64_MIN / 2) /* no clock was there yet */

enum worker_state {
	WORKER_RUNS,
	WORKER_ENDS, /* somebody kills it and waits for it */
	WORKER_ENDED /* it is no more */
};

/* What an answer is made in, beside the memory of the call; zeroed before the first. */
struct worker_answer {
	uint64_t words[8];
	char *room; /* for bytes, kept for the next one; freed by the owner */
	size_t room_bytes;
};

struct worker_lane {
	struct worker_lane *next; /* that rests */
	int socket;
	struct worker_answer answer;
	struct frame_in in;
};

/* One process. Constant but for what is guarded by home->lock. */
struct worker {
	struct worker_home *home;
	pid_t pid;
	int control;
	davit_instance instance;
	json_t *sandbox; /* how it is shut in; constant once it has said HELLO */
	/* Of who starts it until it has said HELLO, then of the thread that watches: */
	struct frame_in in;
	int64_t asked; /* PING that is not answered; clock_mono_ms(), 0: none */
	int64_t asked_last;
	/* From here on guarded. */
	unsigned users;
	enum worker_state state;
	struct worker_lane *resting;
	unsigned rests;
	char why[WORKER_WHY_SIZE]; /* it ended; said to all whose calls were in it */
};

/* A table of slots that are there, or not; see worker_begin(). */
struct worker_table {
	_Alignas(8) char bytes[sizeof(uint32_t) * 2 + sizeof(davit_op) * 30];
};

struct worker_home {
	struct provider *p;
	char *path;
	char *config; /* for create(); NULL: not yet */
	size_t config_bytes;
	uint32_t told[FRAME_TABLES_MAX];
	struct worker_table tables[TABLE_COUNT];
	struct worker_home *next; /* that is watched */

	struct mutex lock;
	struct cond changed;
	struct worker *now; /* guarded, as what follows; NULL: none */
	bool starting;
	int64_t not_before; /* clock_mono_ms() */
	unsigned in_a_row;  /* deaths since a call came back */
	uint64_t starts, deaths;
	char last_death[WORKER_WHY_SIZE];
	int64_t died[CONFIG_DEATHS_MOST]; /* the last ones; clock_mono_ms() */
	bool quarantined;                 /* no other is started */
	bool looked;                      /* for a file that serves instead */
	bool guessed;                     /* told is what the manifest says; constant */
	struct quarantine quarantine;     /* why, and since when */
};

/* --- life (worker.c) --- */

/* The worker of home, started if need be; a user of it more. NULL: *f, and not for good. c: the
 * call that waits for it. */
struct worker *worker_take(struct worker_home *home, struct call *c, struct fail *f);
void worker_drop(struct worker *w);

/*
 * Kills it, waits for it and lets all know, once; then, and for who comes later too, w->why is
 * set. fmt: why it is ended, or NULL where it seems to have ended by itself.
 */
void worker_end(struct worker *w, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* The file of home has just come into quarantine. (worker_quarantine.c, as the next ones) */
void worker_quarantine(struct worker_home *home);

bool worker_is_quarantined(const struct provider *p);

/* Has the file that p had before serve instead, where there is one. Starts a worker: not on the
 * thread that watches, and on one thread at a time. */
void worker_fall_back(struct provider *p);

/* The same, of one that did nothing wrong. */
void worker_dismiss(struct worker *w);

/* create() in w, whose user the caller is. False: w has been ended. (worker.c) */
bool worker_make_instance(struct worker *w, struct fail *f);

/* A process with its HELLO read, or NULL. (worker_start.c) */
struct worker *worker_start(struct worker_home *home, struct fail *f);

/* --- the thread that watches (worker_watch.c) --- */

/* NULL on failure. Closed when no home is left; then workers it started end, if there are any. */
struct worker_watch *worker_watch_open(int64_t silent_seconds, struct fail *f);

/* Starts a worker's process; see spawn_child(). */
bool worker_watch_spawn(struct worker_watch *watch, const char *const argv[],
	const char *const env[], int socket, pid_t *ret_pid, struct fail *f);

/* From now on, or no more when it returns. */
void worker_watch_add(struct worker_watch *watch, struct worker_home *home);
void worker_watch_remove(struct worker_watch *watch, struct worker_home *home);

/* There is another worker to look at. */
void worker_watch_wake(struct worker_watch *watch);

/* --- lanes (worker_lane.c) --- */

/* A lane of w, for one call; NULL: there is none, and w has been ended. */
struct worker_lane *worker_lane_take(struct worker *w);
void worker_lane_rest(struct worker *w, struct worker_lane *lane);
void worker_lane_close(struct worker_lane *lane);

/* Sends what is asked, serves what the provider asks meanwhile; *ret_end how it returned. False:
 * the worker has been ended, or (*f) it has no room for one more call. */
bool worker_ask(struct worker *w, struct worker_lane *lane, struct call *c, struct frame_out *out,
	struct frame_return *ret_end, struct fail *f);

/* --- what it asks for (worker_serve.c) --- */

/* The tables of services that p may have; 1 << SERVICE_TABLE_… */
uint64_t worker_services(const struct provider *p);

/* Answers the SERVICE or LONG frame in `in`: fills *out, whose descriptor is the caller's. NULL:
 * done; else what is wrong with it. */
const char *worker_serve(const struct provider *p, struct call *c, struct frame_in *in,
	struct worker_answer *answer, struct frame_out *out);

#endif

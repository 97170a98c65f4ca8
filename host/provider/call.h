/*
 * call - one running slot, as the services see it. provider.h has what the rest of the host
 * sees: struct call_spec, call_start(), call_cancel().
 *
 * A call has a 64-bit handle: its place in the table and how often that place was used. Its
 * services work on the thread that runs it, and on no other: that thread alone knows a
 * current call, so no lock is needed to find it. No lock is held while a provider's code runs.
 */
#ifndef HOST_PROVIDER_CALL_H
#define HOST_PROVIDER_CALL_H

#include <davit/provider.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/id.h"
#include "base/sha256.h"
#include "platform/thread.h"
#include "provider/answer.h"
#include "provider/arena.h"
#include "provider/call_blobs.h"
#include "provider/call_journal.h"
#include "provider/call_secrets.h"
#include "provider/provider.h"

#define CALL_REPLY_MAX  ((size_t)8 * 1024 * 1024) /* bytes of one JSON answer */
#define CALL_ARENA_MAX  ((size_t)64 * 1024 * 1024)
#define CALL_LINES_MAX  1000  /* log lines of one call */
#define CALL_OVERRUN_MS 10000 /* past its deadline a call is reported */
#define CALL_LOOK_MS    100   /* between two looks at the reader */
#define CALLS_FUNCTION  64    /* at once of one provider: more than it will run itself */
#define CALL_WAIT_TIMES 4     /* calls of one provider that wait, for each one that may run */

enum call_lane {
	CALL_LANE_REQUEST,
	CALL_LANE_JOB,
	CALL_LANE_FUNCTION,
	CALL_LANE_NONE, /* create(), which counts nowhere */
	CALL_LANES = CALL_LANE_NONE
};

struct pool;
struct redact_scope;
struct table_slot;
struct worker;

struct call {
	struct provider *provider;
	uint64_t handle;
	const char *interface; /* constant, as is slot_name */
	const char *slot_name;
	const struct table_slot *slot; /* NULL: create() */
	davit_op op;
	char *request;
	size_t request_size;
	json_t *connection; /* with the members the request shows not; NULL: none */
	char *connection_name;
	struct redact_scope *scope; /* what its texts must not show; NULL: nothing of its own */
	char job[ID_SIZE];          /* whose call this is, or "" */
	int64_t epoch;
	struct call_journal *journal; /* of that job; NULL: none */
	int64_t deadline;             /* clock_mono_ms(); written under the table's lock */
	int64_t timeout; /* from its start to that, and between two pieces of an answer */
	int64_t look;    /* when to ask next whether the reader is still there */
	enum call_lane lane;
	bool checkpoints;  /* it may write the job's checkpoint */
	bool overrun_told; /* guarded by the table's lock */
	bool laned;        /* counted in its lane; guarded by the table's lock */
	bool waited;       /* for its place */
	int64_t wait_until;
	struct call *next; /* that waits; guarded by the table's lock until it was taken */
	uint64_t turn;     /* the lower one came first */

	struct mutex lock;
	struct cond wake;
	bool cancelled;              /* guarded by lock, as the next ones */
	bool hung_up;                /* the worker it runs in is no more */
	bool lets_go;                /* and cancelled is set for that alone */
	const struct worker *worker; /* which that is; NULL: none */

	/* From here on touched by the running thread only. */
	struct arena arena;
	struct answer answer;
	struct call_blobs blobs;
	struct call_secrets secrets;
	bool fetches;      /* it was asked to fetch a token */
	bool wrong_handle; /* it used one that is not its own */
	bool cut;          /* its worker ended in it; cut_reason: why */
	bool held;         /* its provider is in quarantine, so nothing was asked of it */
	bool said;         /* fail_code, by the provider, and of the other side */
	bool told_http;    /* fail_code, by a request: the next one may take it back */
	bool told_user;    /* by a service of the host: fail() may still say where it stands */
	unsigned lines;    /* for the log */
	unsigned repeats;  /* requests that were sent once more, but for its changes */
	struct fail *cut_reason; /* NULL: no memory for it */
	char *violation;         /* what the provider did wrong; NULL: nothing */
	int32_t end_code;        /* that of its result */
	int32_t fail_code;       /* given to fail(); DAVIT_OK: it was not called */
	int32_t service_code;    /* of the last service that failed, with why */
	int32_t service_ends;    /* how the call ends where service_code is all there is to say */
	struct fail *fail;       /* call_reason() made it, as service_fail; NULL: none */
	struct fail *service_fail;

	const struct call_sink *sink;
	void (*done)(struct call_result *result, void *ctx);
	void *ctx;
};

/* Calls of one provider and lane that wait for a place, the oldest first. */
struct call_queue {
	struct call *first;
	struct call *last;
};

/* The running calls of all providers. */
struct call_place {
	struct call *call; /* NULL: free */
	uint32_t uses;
	uint32_t next_free; /* index + 1; 0: none */
};

struct call_table {
	struct mutex lock; /* guards what follows; taken before the lock of a call */
	struct cond emptied;
	struct cond watch_sooner; /* a call came whose time is up before watch_next, or the end */
	int64_t watch_next;
	struct call_place *places; /* grows up to max_alive */
	size_t place_count;
	uint32_t first_free; /* index + 1; 0: none */
	size_t alive, max_alive;
	size_t others;     /* of those, how many are not of the job lane */
	size_t max_others; /* so that jobs go on while all others are busy */
	uint64_t turns;
	size_t waits; /* those that wait, and those that were refused and not yet told */
	size_t max_waits;
	struct providers *all; /* whose queues are the table's too */
	bool closing;
	int64_t cancelled_mono; /* since then all calls are told to stop; 0: they are not */
	bool watch_ends;
	struct pool *pools[CALL_LANES];
	struct thread watch;
	bool watching; /* the thread runs; not guarded */
};

/* --- the table --- */

/* Of all; its config says how much may run and wait. */
bool call_table_open(struct call_table *t, struct providers *all, struct fail *f);

/* Waits as providers_close() says; false: some calls still run, and t must live on. It may still be
 * told of workers that end. */
bool call_table_close(struct call_table *t, int64_t drain_ms);

/* After both, when nobody knows t any more. */
void call_table_finish(struct call_table *t);

enum call_entry {
	CALL_REFUSED,
	CALL_ENTERED, /* it has its handle, and is to be given to call_dispatch() */
	CALL_WAITS    /* for a place; from here on it is the table's */
};

/* Enters c, or lets it wait up to wait_ms. FAIL_BUSY, FAIL_UNAVAILABLE while closing. */
enum call_entry call_table_add(
	struct call_table *t, struct call *c, int64_t wait_ms, struct fail *f);

/* Gives back c's place in its lane, so that another may start; c stays in the table. Both start
 * calls that waited for it. */
void call_table_leave_lane(struct call_table *t, struct call *c);
void call_table_remove(struct call_table *t, struct call *c);

/*
 * w is no more: its calls need not wait for what they asked a service for. Those that have a
 * journal are let finish a request, whose end belongs into it.
 */
void call_table_hang_up(struct call_table *t, const struct worker *w);

/* --- waiting for a place (call_wait.c); the table's lock is held unless said --- */

/* Is there room to wait? */
bool call_wait_room(const struct call_table *t, const struct call *c);
void call_wait_add(struct call_table *t, struct call *c, int64_t wait_ms);

/* Takes off those that fit, in their order, and gives them places; a list by next. */
struct call *call_wait_take(struct call_table *t);

/* Takes off one whose time is up, any while closing; else NULL, with the time of the first one
 * that will be. */
struct call *call_wait_expired(struct call_table *t, int64_t *ret_next);

/* Runs what call_wait_take() gave. [without the lock] */
void call_wait_start(struct call_table *t, struct call *list);

/* Ends a call that was taken off with FAIL_BUSY or FAIL_UNAVAILABLE. [without the lock] */
void call_wait_refuse(struct call_table *t, struct call *c);

/* May c start now? Makes room in the table for it. */
bool call_table_may_enter(struct call_table *t, const struct call *c, struct fail *f);
void call_table_take_place(struct call_table *t, struct call *c);

/* --- one call --- */

/* Queues c, which has its place, for a thread. False: it has its place no more. */
bool call_dispatch(struct call *c, struct fail *f);

/* A new call that runs nothing yet. interface, slot_name: constant. */
struct call *call_new(struct provider *p, const char *interface, const char *slot_name,
	int64_t timeout_ms, struct fail *f);
void call_free(struct call *c); /* NULL is fine */

/*
 * Of whose account is the call? The name of its connection, or "" for none, and a digest of its
 * details: what is remembered for one account must not be given to another. False: no memory.
 */
#define CALL_ACCOUNT_SIZE (SHA256_HEX_SIZE)
bool call_account(const struct call *c, char account[CALL_ACCOUNT_SIZE]);

/* Closes and frees what the slot had open, after its result was taken. */
void call_release(struct call *c);

/* Are the details of its connection its caller's, and not the site's? */
bool call_is_callers(const struct call *c);

/* The current call of this thread, or NULL. */
struct call *call_here(void);

/* Makes c the current call of this thread, or ends that. */
void call_enter(struct call *c);
void call_leave(void);

/* The call of a handle if it is the one this thread runs; NULL otherwise. */
struct call *call_current(davit_call handle);

/* Writes down the first thing a provider did wrong; the call ends as a provider error. */
void call_violation(struct call *c, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* Gives it the whole time-out again: it makes progress. [thread of the call] */
void call_extend(struct call *c);

/* c runs in w from now on; NULL: in none. What was told it of the one before is over. */
void call_runs_in(struct call *c, const struct worker *w);

/*
 * Once more from the beginning, as nothing of it has become known to anybody: its worker died, and
 * its slot changes nothing. False: too much has, or its time is over. [thread of the call]
 */
bool call_restart(struct call *c);

/* Must it stop? DAVIT_OK, DAVIT_CANCELLED (also: its reader went away) or DAVIT_DEADLINE. */
int32_t call_stopped(struct call *c);

/* Where a reason is kept, fail or service_fail of a call; made when it is first needed. NULL: there
 * is no memory for it. */
struct fail *call_reason(struct fail **place);

/* Keeps *f there. */
void call_keep_reason(struct fail **place, const struct fail *f);

/* A service failed: keeps why for a provider that gives no text itself, returns the code. */
int32_t call_service_failed(struct call *c, const struct fail *f);

/* How a call ended that returned code. */
void call_conclude(struct call *c, int32_t code, struct call_result *ret_result);

#endif

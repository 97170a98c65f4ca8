/*
 * store - what survives a crash: jobs and the key-value pairs of providers.
 *
 * All writes go through one writer thread that commits what waits as one transaction (group
 * commit). An operation marked durable is on disk when its done() is called; others (a new
 * progress text) may be lost by a power cut, never by a crash of ours. Reads use connections
 * of their own and never wait for a write.
 *
 * A driver (store/driver.h) does the work; "sqlite" is built in. [any thread unless said]
 */
#ifndef HOST_STORE_STORE_H
#define HOST_STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "jobs/job.h"
#include "store/journal.h"

struct store;

enum store_kind {
	STORE_JOB_ADD,   /* job: inserts; FAIL_CONFLICT where the id is there */
	STORE_JOB_EDGE,  /* edge: moves or updates one job */
	STORE_KV_PUT,    /* kv: writes, if kv.version < 0, or still is the stored one (0: absent) */
	STORE_KV_DELETE, /* kv: changed says whether it was there */
	STORE_CLAIM_ANSWER, /* claimed: keeps the answer of a claim, if there is one of that name */
	STORE_CLAIM_SWEEP,  /* claimed.claim.made_ms: deletes what ended by then; changed: some did
	                     */
	STORE_JOURNAL /* journal: adds a row; changed: the job is at that epoch and in those states.
	               * FAIL_NOT_FOUND: no such job */
};

/* What one instance may keep in kv, keys and values together. More is FAIL_TOO_LARGE, a code
 * no other write of a key-value pair of legal size ends with. */
#define STORE_KV_BYTES_MAX 67108864 /* 64 MiB */
#define STORE_KV_KEYS_MAX  100000

/* Which members an edge writes beside the state. A text member may be NULL: becomes null. */
enum job_set {
	JOB_SET_STARTED = 1 << 0,
	JOB_SET_FINISHED = 1 << 1,
	JOB_SET_CANCEL = 1 << 2,
	JOB_SET_DEADLINE = 1 << 3,
	JOB_SET_NEXT_POLL = 1 << 4,
	JOB_SET_REMOTE_REF = 1 << 5,
	JOB_SET_REMOTE_NAME = 1 << 6,
	JOB_SET_HANDLE = 1 << 7,
	JOB_SET_CHECKPOINT = 1 << 8,
	JOB_SET_RESULT = 1 << 9,
	JOB_SET_PROGRESS = 1 << 10,
	JOB_SET_ERROR = 1 << 11,
	JOB_SET_EPOCH = 1 << 12, /* epoch + 1, attempts + 1 */
	JOB_SET_REQUEST = 1 << 13,
	JOB_SET_METRICS = 1 << 14,
	JOB_SET_SERIES = 1 << 15,
	JOB_SET_DECISION = 1 << 16,
	JOB_SET_ACCOUNT = 1 << 17,
	JOB_SET_TERMS = 1 << 18,
	JOB_SET_ALL = (1 << 19) - 1
};

#define JOB_SET_AFTER_END (JOB_SET_CHECKPOINT | JOB_SET_RESULT | JOB_SET_PROGRESS)

/*
 * A change of one job. Applied only if the stored state is in from and, where epoch ≥ 0, the
 * stored epoch is the same; op.changed says whether it was. A terminal `to` must set finished;
 * where started is 0 by then, the store sets it to finished. No other `to` may set it.
 *
 * FAIL_NOT_FOUND: no such job. FAIL_INTERNAL: job_edge_allowed() forbids the edge.
 * A terminal state is final: from may have terminal bits only where the state stays, and then
 * set only what JOB_SET_AFTER_END has.
 */
struct job_edge {
	unsigned from;               /* JOB_BIT()s */
	enum job_state to;           /* JOB_STATE_COUNT: the state stays */
	int64_t epoch;               /* -1: any */
	unsigned set;                /* enum job_set bits */
	struct job values;           /* id, and the members that set names; owned */
	struct store_journal before; /* as row, and comes before it */
	struct store_journal row;    /* written with it; of its job and epoch. JOURNAL_NONE: none */
};

struct store_kv {
	char *instance;  /* owned */
	char *key;       /* owned */
	char *value;     /* owned JSON text */
	int64_t version; /* in: see STORE_KV_PUT; out: the version written. Grows by 1 per
	                  * write; also a key that was deleted never gets an old one again */
};

#define STORE_CLAIM_BYTES 32 /* of a digest */

/* All claims together; one too many is FAIL_BUSY, an answer too many FAIL_TOO_LARGE. */
#define STORE_CLAIMS_MAX       100000
#define STORE_CLAIM_BYTES_MAX  268435456 /* 256 MiB of answers, sealed */
#define STORE_CLAIM_ANSWER_MAX 65536     /* bytes of one answer */

/* What a request that names itself leaves behind: asked again, it is answered and not done again.
 */
struct store_claim {
	uint8_t name[STORE_CLAIM_BYTES]; /* digest of who asked, for what, and the key they gave */
	uint8_t body[STORE_CLAIM_BYTES]; /* digest of what was asked */
	int64_t made_ms;
	int64_t until_ms; /* it counts no more from then on; 0: there is no claim */
};

struct store_claimed {
	struct store_claim claim;
	char job[ID_SIZE];
	int status;   /* of the answer; 0: none is kept */
	char *answer; /* owned */
};

struct store_op;
typedef void store_done(struct store_op *op);

/*
 * One write. The caller makes it with store_op_new() and fills it in; from store_submit() on
 * it belongs to the store, which calls done(op) exactly once, on the writer thread, after the
 * commit or the failure; done must not block, and owns op again: store_op_free() it.
 */
struct store_op {
	enum store_kind kind;
	bool durable;
	union {                               /* by kind */
		struct job job;               /* STORE_JOB_ADD */
		struct job_edge edge;         /* STORE_JOB_EDGE */
		struct store_kv kv;           /* STORE_KV_… */
		struct store_claimed claimed; /* STORE_CLAIM_… */
		struct store_journal journal; /* STORE_JOURNAL */
	};
	struct store_claim claim; /* STORE_JOB_ADD: written with the job, or neither is.
	                           * FAIL_CONFLICT where there is one of that name */
	bool changed;             /* out: the condition held and the write happened */
	bool ok;                  /* out: false: see fail */
	struct fail fail;
	store_done *done;
	void *arg;             /* the caller's */
	struct store_op *next; /* the store's */
	size_t bytes;          /* the store's */
};

/* NULL: out of memory. */
struct store_op *store_op_new(enum store_kind kind, bool durable);
void store_op_free(struct store_op *op); /* with all it owns; NULL is fine */

/* Opens what target names ("sqlite:/path/to/davit.db", absolute), brings its schema up to
 * date and starts the writer. FAIL_CONFLICT: newer than this program understands;
 * FAIL_INVALID: the target, or no database of ours; FAIL_UNAVAILABLE: the machine (read-only,
 * full, no folder). Nothing is changed in these cases.
 *
 * What jobs and pairs hold is sealed (secret/seal.h). The key is in secret.key beside the database,
 * or where keys says; it is made for a database that has nothing sealed yet. FAIL_INVALID: there is
 * none for one that has, or the wrong one. */
struct store *store_open(const char *target, struct fail *f);

struct store_keys {
	const char *key_file;     /* absolute */
	const char *old_key_file; /* what was sealed with it is sealed anew; NULL: none */
};
struct store *store_open_keyed(const char *target, const struct store_keys *keys, struct fail *f);

/* Commits what was submitted, then ends; no read may be under way. NULL is fine. */
void store_close(struct store *s);

/* Queues op (see struct store_op). Never blocks. Once the store is failing (disk full, read
 * only) op is tried, and answered with FAIL_UNAVAILABLE and the cause if it fails too; the
 * store also tries by itself every few seconds. At most 65,536 operations of 256 MiB together
 * wait; past that FAIL_BUSY, through done() on the calling thread. */
void store_submit(struct store *s, struct store_op *op);

/* Submits op, waits for its end and gives op back to the caller. Not on the writer thread. */
bool store_run(struct store *s, struct store_op *op, struct fail *f);

/* The same for several, in their order; true: all went well. Of those that did not the first one's
 * reason. They may be written in several transactions: look at each. */
bool store_run_all(struct store *s, struct store_op *const *ops, size_t count, struct fail *f);

/* Do writes work? Not from one that failed until there is room for one like it and more; false
 * with the reason. For GET /readyz. */
bool store_ready(struct store *s, struct fail *f);

/* --- reads: at most a few at once; more wait, and get FAIL_UNAVAILABLE after 10 s. An each()
 * must not read from the store itself. --- */

/* The job of an id; FAIL_NOT_FOUND. *ret_job belongs to the caller: job_finish(). */
bool store_job(struct store *s, const char *id, struct job *ret_job, struct fail *f);

/* Whose object a name is. */
struct job_remote {
	const char *provider;
	const char *name;
	const char *interface; /* NULL: any */
	const char *kind;      /* the same */
	const char *but;       /* no job of that id; NULL: any */
	const char *before;    /* only ids below this one; NULL: any */
	/* Only jobs that were accepted with that connection, "": without one; NULL: any. */
	const char *connection;
	bool open_first; /* an open one before all that have ended */
};

/* The newest job whose remote_name is that; FAIL_NOT_FOUND. */
bool store_job_by_remote(
	struct store *s, const struct job_remote *remote, struct job *ret_job, struct fail *f);

/* The job of a submission; FAIL_NOT_FOUND. */
bool store_job_by_submission(
	struct store *s, const char *submission, struct job *ret_job, struct fail *f);

/* The few members a status poll shows; no heap memory. */
struct job_status {
	enum job_state state;
	int64_t created_ms;
	int64_t started_ms;
	int64_t finished_ms;
	char provider[64]; /* these two cut between characters where longer */
	char handle[64];
};
bool store_job_status(
	struct store *s, const char *id, struct job_status *ret_status, struct fail *f);

/* The series of a job's metrics, JSON: *ret_text is heap memory of the caller, or NULL where
 * none was kept. FAIL_NOT_FOUND: no such job. */
bool store_job_series(struct store *s, const char *id, char **ret_text, struct fail *f);

struct job_filter {
	unsigned states;      /* JOB_BIT()s; 0: all */
	bool oldest_first;    /* then before means after */
	const char *provider; /* NULL: all */
	const char *interface;
	const char *kind; /* NULL: all but the errands of jobs/errand.h … */
	bool errands;     /* … or these, too */
	const char *project;
	const char *parent;
	const char *name;
	const char *since; /* only ids from this one on */
	const char
		*before; /* only ids below this one (the cursor of a page); NULL: from the newest */
	bool unmade;     /* only those without a remote_name */
	bool runs;       /* only trainings by a script: their metrics can be compared */
	const char *metric; /* of runs: only those that have that number, the highest first, the
	                     * newest of equal ones; no '"', '\\' or control character. before
	                     * and oldest_first count nothing then */
	bool lowest_first;
	size_t skip;  /* with metric: so many of the first ones are left out */
	size_t limit; /* 0: all */
};

/* Calls each(job, ctx) for matching jobs, newest first; job is borrowed for the call; stops
 * early when each returns false (not a failure). */
bool store_jobs(struct store *s, const struct job_filter *filter,
	bool (*each)(const struct job *job, void *ctx), void *ctx, struct fail *f);

/* Calls each(row, ctx) for the rows of a job's journal after that one (0: from the first), at most
 * limit (0: all), in their order; row is borrowed for the call; stops early when each returns
 * false. Of a job that is not there: none. */
bool store_journal(struct store *s, const char *job, int64_t after_seq, size_t limit,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f);

/* The same for what recovery needs of one attempt: rows of that epoch, without the calls of slots
 * and notes. answers: with all details of JOURNAL_ANSWERED; else only with short ones, in which no
 * answer is. */
bool store_journal_attempt(struct store *s, const char *job, int64_t epoch, bool answers,
	bool (*each)(const struct store_journal *row, void *ctx), void *ctx, struct fail *f);

/* Calls each(connection, ctx) for the connections of the site that jobs of a provider were accepted
 * with, in byte order; "" first, where one of its newest 10,000 jobs had none. Stops early when
 * each returns false. */
bool store_connections(struct store *s, const char *provider,
	bool (*each)(const char *connection, void *ctx), void *ctx, struct fail *f);

/* Eight characters of [0-9a-z] by which this database is known among others. Constant. */
const char *store_site(const struct store *s);

/* The claim of that name; FAIL_NOT_FOUND, also for one that ended by now_ms. *ret_claimed belongs
 * to the caller: free its answer. */
bool store_claim(struct store *s, const uint8_t name[STORE_CLAIM_BYTES], int64_t now_ms,
	struct store_claimed *ret_claimed, struct fail *f);

/* The value of a key (heap, the caller frees) and its version; FAIL_NOT_FOUND. */
bool store_kv_get(struct store *s, const char *instance, const char *key, char **ret_value,
	int64_t *ret_version, struct fail *f);

/* Calls each(key, value, ctx) in byte order for keys that begin with prefix and follow after
 * (NULL: from the start), at most limit (0: all). */
bool store_kv_list(struct store *s, const char *instance, const char *prefix, const char *after,
	size_t limit, bool (*each)(const char *key, const char *value, void *ctx), void *ctx,
	struct fail *f);

/* Calls each(key, value, ctx) for the pairs of all instances, as they all stood at one moment;
 * stops early when it returns false. */
bool store_kv_all(struct store *s, bool (*each)(const char *key, const char *value, void *ctx),
	void *ctx, struct fail *f);

#endif

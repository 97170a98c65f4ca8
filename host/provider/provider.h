/*
 * provider - the loaded providers: found, checked, loaded once, never unloaded.
 *
 * Loading a file takes these steps, each with a sentence when it refuses: read the file
 * (elf), read the manifest note (manifest), look at symbols and dependencies (preflight),
 * dlopen, compare the tables with the manifest, create the instance from its configuration.
 * Nothing of the file runs before the first three passed. What is loaded is a copy named by
 * its SHA-256 below data_dir/plugins, made from the bytes that were looked at.
 */
#ifndef HOST_PROVIDER_PROVIDER_H
#define HOST_PROVIDER_PROVIDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "base/sha256.h"

struct blobs;
struct config;
struct config_provider;
struct net;
struct processes;
struct provider;
struct providers;
struct redact_scope;
struct store;

/* What the services of a provider stand on. All outlive the providers. */
struct provider_host {
	struct store *store;
	struct blobs *blobs;
	struct processes *processes;
	const struct config *config;
	struct net *net;
};

/* Loads every enabled provider of the configuration. A provider that is refused is logged and
 * kept with its reason, the others are loaded; *f is for what stops the start altogether, such
 * as a plugin that is not there or settings its manifest does not allow (with file and line). */
struct providers *providers_open(const struct provider_host *host, struct fail *f);

/*
 * Refuses new calls, waits for running ones up to drain_ms, then asks them to stop and waits a
 * little more, destroys the instances. Where a call still does not return, it says so in the
 * log, leaves all memory to the end of the process, and answers false: the call may use all that
 * the host gave it, so the process must end with that open. NULL is fine.
 */
bool providers_close(struct providers *ps, int64_t drain_ms);

/* The provider with that id, loaded; NULL if there is none. Lives until providers_close. [any] */
struct provider *providers_find(struct providers *ps, const char *id);

/* A provider whose manifest serves that connection type, or NULL. [any] */
struct provider *providers_for_type(struct providers *ps, const char *connection_type);

/* "local, testcloud": ids of the loaded ones, for messages. Constant. [any] */
const char *providers_names(const struct providers *ps);

/* For GET /v1/providers: an array with id, version, state, reason, interfaces, sha256, limits. */
json_t *providers_describe(struct providers *ps);

/* What its workers' deaths brought upon a provider is forgotten: its file may be started again.
 * Fine where nothing was. FAIL_NOT_FOUND: no such provider. Writes a file. [any] */
bool providers_lift(struct providers *ps, const char *id, struct fail *f);

const char *provider_id(const struct provider *p);
const char *provider_version(const struct provider *p);
const json_t *provider_manifest(const struct provider *p); /* borrowed, constant */
const struct config_provider *provider_config(const struct provider *p);

/* Has it that slot, and (kind not NULL) that kind of job? false with FAIL_UNSUPPORTED and the
 * reason, in the manifest's words where it gives one. [any] */
bool provider_offers(const struct provider *p, const char *interface, const char *slot,
	const char *kind, struct fail *f);

/* The schema of what a caller sends for a slot (and kind), or NULL. Borrowed. [any] */
const json_t *provider_request_schema(
	const struct provider *p, const char *interface, const char *slot, const char *kind);

/* What the manifest says about a kind of job that slot serves (request, idempotency, supports
 * …) or, kind NULL, about the whole interface; NULL: nothing. Borrowed. */
const json_t *provider_entry(
	const struct provider *p, const char *interface, const char *slot, const char *kind);

/* "token", "name", "search" or "none" for a mutating slot of the manifest; "none" if unsaid. */
const char *provider_idempotency(
	const struct provider *p, const char *interface, const char *slot, const char *kind);

/* How long after a submit of that kind find may miss what it made; milliseconds. -1: unsaid. */
int64_t provider_settle_ms(
	const struct provider *p, const char *interface, const char *slot, const char *kind);

/* The name for a submission, within the name limits of all kinds of the interface. The
 * longest is 30 bytes: "davit-" and the submission. */
void provider_derived_name(const struct provider *p, const char *interface, const char *slot,
	const char *submission, char *name, size_t size);

/* --- calls --- */

#define CALL_WAIT_MS 2000 /* for wait_ms, of a call that a client waits for */

struct call; /* one running slot; see call.h for what services see of it */

/* What a call that worked for a job did to the other side. */
struct call_trace {
	unsigned done;    /* changes that were made, now or by an attempt before it */
	unsigned unclear; /* changes of which nobody knows */
	bool refused;     /* one was, and none made after it */
	bool conflict;    /* and because something is there: it may be what this one is to make */
	bool left;        /* of those made before it some were not asked for again */
	bool covered;     /* and others need not be: a checkpoint was written behind them */
	bool cut_off;     /* the host ended it: its time was over, or it was cancelled */
	bool diverged;    /* it asked for something else than the attempt before it */
};

/* How a call ended. Owned by the receiver: call_result_finish(). */
struct call_result {
	int32_t code;     /* DAVIT_… */
	struct fail fail; /* set when code is not DAVIT_OK */
	bool said;        /* code is the provider's own word: it gave it to fail() */
	bool held;        /* nothing was asked of it, as it is in quarantine */
	json_t *reply;    /* reply or reply_state; NULL: none, or streamed */
	bool has_state;
	int32_t state;        /* DAVIT_STATE_… */
	int64_t next_poll_ms; /* 0: the host chooses */
	int64_t retry_after_ms;
	unsigned repeats; /* requests that were sent once more, without those in its journal */
	struct call_trace trace;
};
void call_result_finish(struct call_result *r);

/* Where streamed answers go; each function is called on the call's thread. */
struct call_sink {
	/* Before the first bytes. NULL, and whole too: bytes are a provider error, as without a
	 * sink. */
	bool (*head)(void *ctx, int status, const char *content_type);
	/* May block while the reader is slow; false: the reader is gone. */
	bool (*bytes)(void *ctx, const void *bytes, size_t n);
	void *ctx;
	/* Before head, where the provider says which model answers; NULL: not wanted. */
	void (*model)(void *ctx, const char *model);
	/* In the place of head and bytes, where the whole answer is there in one piece; false: the
	 * reader is gone. NULL: not wanted. */
	bool (*whole)(void *ctx, int status, const char *content_type, const void *bytes, size_t n);
	/* Has the reader gone away? Asked now and then while it waits; NULL: nobody can say. */
	bool (*gone)(void *ctx);
};

struct call_spec {
	struct provider *provider;
	const char *interface;
	const char *slot;
	/* Taken over, also on failure. */
	json_t *request;
	/* What the texts of the call must not show beside what its request calls a password, say;
	 * or NULL. Borrowed until call_start() returns, and added to. */
	struct redact_scope *scope;
	/* The name of the site's connection whose details the request has, or NULL; copied. */
	const char *connection;
	/* The job whose call this is, or NULL; copied. */
	const char *job;
	int64_t epoch; /* of that job */
	/* It may write the job's checkpoint (davit.host.job), and what it changes at the other side
	 * is written into the job's journal. */
	bool checkpoints;
	/* An attempt of that epoch made changes: they are not made again, their answers are. */
	bool goes_on;
	/* Bytes that become the blob "body" of the request and stay until done is called; or NULL
	 */
	const void *body;
	size_t body_bytes;
	/* and a regular file that becomes it; or -1. Taken over. */
	int body_fd;
	int64_t timeout_ms; /* to its end or the first bytes, then between pieces; 0: the site's */
	/* A job call (submit, poll …), else a request. Each lane of a provider holds max_calls,
	 * so that slow requests never keep jobs from being polled. */
	bool job_lane;
	/* A request that runs a caller's code, as long as that takes: it has a lane of its own, so
	 * that it keeps nobody else out. The provider says how many it runs at once. */
	bool function_lane;
	/* How long it may wait where its lane is full; then done gets FAIL_BUSY. 0: call_start()
	 * refuses it at once, as it does where too many wait, or where ret_call is wanted. */
	int64_t wait_ms;
	/* NULL: streamed answers are a provider error. Outlives the call. */
	const struct call_sink *sink;
	/* On a pool thread, or the one that watches where it waited in vain; may start the next
	 * call. result is finished afterwards. */
	void (*done)(struct call_result *result, void *ctx);
	void *ctx;
};

/*
 * Starts a slot on a pooled thread. done is called exactly once when this returned true,
 * never when it returned false. FAIL_BUSY: too many at once; FAIL_UNSUPPORTED: no such slot.
 * *ret_call (may be NULL) names the call for call_cancel; it is written before done can be
 * called. [any]
 */
bool call_start(const struct call_spec *spec, uint64_t *ret_call, struct fail *f);

/*
 * The same where the caller's thread is one that may run it, so that what the request is made of
 * stays on one thread: call_thread() has a task run on a thread of those for calls of jobs,
 * call_make() makes a call there of a spec that does not wait, and call_run() runs it, with all
 * that done does, and returns afterwards. A call that was made must be run. NULL or false: refused,
 * and done is not called. [any]
 */
bool call_thread(struct providers *ps, void (*task)(void *arg), void *arg, struct fail *f);
struct call *call_make(const struct call_spec *spec, uint64_t *ret_call, struct fail *f);
bool call_threads_short(struct providers *ps); /* tasks wait for a thread to be free */
void call_run(struct call *call);

/* Asks a running call to stop; nothing happens if it ended. [any] */
void call_cancel(struct providers *ps, uint64_t call);

#endif

/*
 * job_view - a job of the store, seen by the REST surface. [any thread]
 */
#ifndef HOST_API_JOB_VIEW_H
#define HOST_API_JOB_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;
struct buf;
struct call_sink;
struct call_result;
struct fail;
struct job;
struct job_status;
struct queue_wait;

#define JOB_PATH_PREFIX "davit://jobs/"

/* What a client may call the log or the outputs of a job: "davit://jobs/ID/log". */
#define JOB_LOG_SUFFIX  "/log"
#define JOB_LOG_PATH    JOB_PATH_PREFIX "%s" JOB_LOG_SUFFIX
#define JOB_OUTPUT_PATH JOB_PATH_PREFIX "%s/outputs"

/* The neutral object of a job: what its provider last answered, or while there is nothing yet
 * {id, name}; with the state the job has by now and our id as "job". New. */
json_t *job_view_neutral(const struct job *job);

/* What get and other slots call the object a job made: heap, or NULL while there is none. */
char *job_view_object(const struct job *job);

/* GET /v1/jobs/{id}: everything but secrets; without request for lists. wait: how it waits, or
 * NULL. New. */
json_t *job_view_full(const struct job *job, const struct queue_wait *wait, bool with_request);

/* Appends the answer of getStatus: one compact object. */
void job_view_status(
	struct buf *out, const char *id, const struct job_status *status, int utc_offset_minutes);

/* Is the account of the job the one it was done with? Else FAIL_UNAVAILABLE. */
bool job_view_is_there(const struct app *app, const struct job *job, struct fail *f);

/* Starts a slot about the job ("logs", "get") with {connection, kind, ref, id}, and for get
 * "include": ["artifacts"]. done is called only when this returned true. FAIL_UNAVAILABLE: its
 * provider is not loaded. FAIL_NOT_FOUND: it was not submitted yet. */
bool job_view_call(struct app *app, const struct job *job, const char *slot,
	const struct call_sink *sink, int64_t timeout_ms,
	void (*done)(struct call_result *result, void *ctx), void *ctx, struct fail *f);

/* As job_view_call() with the slot "outputs": the list of the files a job left, or with path
 * (not NULL) the bytes of that one. */
bool job_view_outputs(struct app *app, const struct job *job, const char *path,
	const struct call_sink *sink, int64_t timeout_ms,
	void (*done)(struct call_result *result, void *ctx), void *ctx, struct fail *f);

/* The same for the slot "logs", from the byte offset on; -1: the whole log. */
bool job_view_log(struct app *app, const struct job *job, int64_t offset,
	const struct call_sink *sink, int64_t timeout_ms,
	void (*done)(struct call_result *result, void *ctx), void *ctx, struct fail *f);

/* The HTTP status for a job that failed: that of the class its provider gave, else 500. */
int job_view_failure_status(const struct job *job);

#endif

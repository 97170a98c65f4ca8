/*
 * job_why - why a job failed, and why one waits: what its views say first. [any thread]
 */
#ifndef HOST_API_JOB_WHY_H
#define HOST_API_JOB_WHY_H

#include <jansson.h>
#include <stdbool.h>

struct job;
struct queue_wait;
struct tracker;

/* Does the job, or where it is a flow its training, stand in a queue? Says how. */
bool job_why_waits(struct tracker *tracker, const struct job *job, struct queue_wait *ret_wait);

/* Puts "error" into view, "reason" of a failed job whose provider gave one, and "waiting" of one
 * that waits (else NULL). false: out of memory. */
bool job_why_put(json_t *view, const struct job *job, const struct queue_wait *wait);

#endif

/* job_why - see job_why.h. */
#include "api/job_why.h"

#include <string.h>

#include "api/answer.h"
#include "api/job_view.h"
#include "api/redact.h"
#include "base/json.h"
#include "jobs/flow.h"
#include "jobs/job.h"
#include "jobs/queues.h"

bool job_why_waits(struct tracker *tracker, const struct job *job, struct queue_wait *ret_wait)
{
	char step[ID_SIZE];

	if (JOB_BIT(job->state) & JOB_TERMINAL)
		return false;
	if (job->interface != NULL && strcmp(job->interface, FLOW_INTERFACE) == 0) {
		flow_step_id(job->id, FLOW_TRAIN, step);
		return tracker_waiting(tracker, step, ret_wait);
	}
	return job->state == JOB_QUEUED && tracker_waiting(tracker, job->id, ret_wait);
}

/* Of a flow the reason of the step it ended with, which its progress has. */
static const json_t *step_reason(const json_t *progress)
{
	const char *step = json_text_or(progress, "step", "");

	return json_object_get(json_object_get(json_object_get(progress, "steps"), step), "reason");
}

/* The member "reason" of what the provider last answered, without secrets; or NULL. */
static json_t *reason_of(const struct job *job)
{
	bool flow = job->interface != NULL && strcmp(job->interface, FLOW_INTERFACE) == 0;
	json_t *said, *reason;

	if (job->state != JOB_FAILED)
		return NULL;
	said = answer_stored(flow ? job->progress : job->result);
	reason = flow ? redact(step_reason(said)) : redact(json_object_get(said, "reason"));
	json_decref(said);
	if (json_is_object(reason))
		return reason;
	json_decref(reason);
	return NULL;
}

static json_t *waiting_of(const struct queue_wait *wait)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "because",
		queue_because_word(wait->because), "text", wait->text, "position",
		(json_int_t)wait->position, "ahead", (json_int_t)wait->ahead, "running",
		(json_int_t)wait->running, "capacity", (json_int_t)wait->capacity);
}

/* Of a job that was cancelled while nobody knows what it made also what becomes of that. */
static json_t *error_of(const struct job *job)
{
	static const char after[] =
		"A cancel waits for that: with --adopt what it made is cancelled, with --resubmit "
		"nothing is sent and the job is cancelled, with --give-up it has failed";

	if (job->error == NULL)
		return json_null();
	if (job->state == JOB_NEEDS_DECISION && job->cancel_ms != 0)
		return json_sprintf("%s. %s", job->error, after);
	return json_string(job->error);
}

bool job_why_put(json_t *view, const struct job *job, const struct queue_wait *wait)
{
	json_t *reason = reason_of(job);

	return json_object_set_new(view, "error", error_of(job)) == 0 &&
	       (reason == NULL || json_object_set_new(view, "reason", reason) == 0) &&
	       (wait == NULL || json_object_set_new(view, "waiting", waiting_of(wait)) == 0);
}

/*
 * decide - what a person says about a job in needs_decision: nobody could find out whether its
 * submission made something at the other side. [any thread]
 */
#ifndef HOST_JOBS_DECIDE_H
#define HOST_JOBS_DECIDE_H

struct call_result;
struct fail;
struct tracker;

/* What a job keeps of the decision that it made the object remote: JSON, heap memory; NULL: out of
 * memory. */
char *decide_adopt_text(const char *remote);

/* Find has found the object that job id is to adopt: from now on it is this job's. Where it is
 * already that of another one, the sentence that says so: heap memory. No lock of the tracker's
 * held. */
char *decide_taken(struct tracker *t, const char *id, const struct call_result *result);

enum job_choice {
	JOB_ADOPT,    /* it made remote: follow that */
	JOB_RESUBMIT, /* it made nothing: submit once more, with the same submission */
	JOB_GIVE_UP   /* whatever it made: the job has failed */
};

struct job_decision {
	enum job_choice choice;
	const char *remote; /* JOB_ADOPT: what the other side calls it. Borrowed for the call */
};

/*
 * Calls done(f, ctx) once, when the decision is on disk (f NULL) or refused: FAIL_NOT_FOUND, no
 * such job; FAIL_CONFLICT, it is in another state or remote is that of another job;
 * FAIL_UNAVAILABLE, the store. It is carried out after that: an adopted object that the provider
 * does not find leaves the job in needs_decision, with the reason. done runs on any thread and must
 * not block.
 */
typedef void tracker_decided(const struct fail *f, void *ctx);
void tracker_decide(struct tracker *t, const char *id, const struct job_decision *decision,
	tracker_decided *done, void *ctx);

#endif

/*
 * flow - one request that is several jobs: data, training, and where it is good enough a
 * deployment. Says which step comes next, from what the steps so far ended with. Pure.
 *
 * A flow is a job of interface "davit.flow", kind "training"; its request's spec is the body
 * of POST /api/service/v1/pipelines/training. Its steps are jobs whose ids follow from the
 * flow's, so that a crash between two steps starts none twice. [any thread]
 */
#ifndef HOST_JOBS_FLOW_H
#define HOST_JOBS_FLOW_H

#include <jansson.h>
#include <stdbool.h>

#include "jobs/job.h"

struct fail;

#define FLOW_INTERFACE "davit.flow"
#define FLOW_TRAINING  "training"

enum flow_step {
	FLOW_DATASET,
	FLOW_TRAIN,
	FLOW_MODEL,
	FLOW_ENDPOINT,
	FLOW_DEPLOY,
	FLOW_STEP_COUNT
};

/* What the job of a step is. Constant. */
struct flow_step_info {
	const char *word; /* "dataset", for people */
	const char *interface;
	const char *kind;
};
extern const struct flow_step_info flow_steps[FLOW_STEP_COUNT];

/* The id of a step's job: the flow's time, and a digest of the flow's id and the step. */
void flow_step_id(const char *flow_id, enum flow_step step, char id[ID_SIZE]);

enum flow_move_kind {
	FLOW_START, /* start the job of step with request */
	FLOW_WAIT,  /* step runs */
	FLOW_END    /* the flow ends in state */
};

struct flow_move {
	enum flow_move_kind kind;
	enum flow_step step;
	json_t *request;      /* FLOW_START: owned by the caller */
	enum job_state state; /* FLOW_END */
	char text[512];       /* FLOW_END: why, or what was done */
};

/*
 * The next move of a flow with that spec; steps[i] is the job of step i, NULL where it was
 * not started. cancelled: start nothing more. false with FAIL_INTERNAL: out of memory.
 */
bool flow_next(const json_t *spec, const struct job *const steps[FLOW_STEP_COUNT], bool cancelled,
	struct flow_move *ret_move, struct fail *f);

/*
 * The spec of the training step as it would be sent, with "dataset" a placeholder where the
 * flow makes it first: for checking a request before it is accepted. NULL: out of memory.
 */
json_t *flow_train_spec(const json_t *spec, const char *dataset_id);

/* Does a flow of that spec come to that step, unless it ends before? */
bool flow_has_step(const json_t *spec, enum flow_step step);

/*
 * The spec of a step for its provider's validate, without what only an earlier step will have
 * made: of the data set, of the training, and of the model; a new reference. Then its answer is
 * written into the flow's spec: what the step names is what it named when the flow was accepted.
 * false, NULL: out of memory.
 */
json_t *flow_spec_early(const json_t *spec, enum flow_step step);
bool flow_take_spec(json_t *spec, enum flow_step step, json_t *definite);

/* Does the flow make its data set? Else it names one that exists, or has none. */
bool flow_makes_dataset(const json_t *spec);

#endif

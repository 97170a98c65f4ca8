/* davit.host.job/1: what a submission that makes several changes has done so far. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "provider/call.h"
#include "provider/internal.h"
#include "provider/services.h"
#include "store/store.h"

/* The edge that writes the checkpoint while the job is still at this submission. */
static struct store_op *checkpoint_op(const struct call *c, davit_buf json)
{
	struct store_op *op = store_op_new(STORE_JOB_EDGE, true);

	if (op == NULL)
		return NULL;
	op->edge.from = JOB_OPEN;
	op->edge.to = JOB_STATE_COUNT;
	op->edge.epoch = c->epoch;
	op->edge.set = JOB_SET_CHECKPOINT;
	memcpy(op->edge.values.id, c->job, sizeof(c->job));
	op->edge.values.checkpoint = strndup(json.p, json.n);
	if (op->edge.values.checkpoint == NULL) {
		store_op_free(op);
		return NULL;
	}
	return op;
}

static int32_t DAVIT_CALL job_checkpoint(davit_call call, davit_buf json)
{
	struct call *c = call_current(call);
	struct fail f = {0};
	struct store_op *op;
	int32_t code = DAVIT_OK;
	json_t *v;

	if (c == NULL)
		return DAVIT_INVALID;
	if (!c->checkpoints)
		return service_refuse(c, DAVIT_UNSUPPORTED, "only submit can write a checkpoint");
	v = service_parse(json, SERVICE_JSON_MAX, NULL);
	json_decref(v);
	if (v == NULL)
		return service_refuse(c, DAVIT_INVALID, "a checkpoint is JSON of at most 1 MiB");
	op = checkpoint_op(c, json);
	if (op == NULL)
		return service_refuse(c, DAVIT_INTERNAL, "out of memory");
	if (!store_run(c->provider->all->host.store, op, &f))
		code = call_service_failed(c, &f);
	else if (!op->changed)
		code = service_refuse(
			c, DAVIT_CONFLICT, "the job has gone on without this submission");
	store_op_free(op);
	return code;
}

const davit_host_job_1 service_job = {
	.size = sizeof(davit_host_job_1),
	.checkpoint = job_checkpoint,
};

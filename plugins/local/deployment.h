/*
 * deployment - the jobs of endpoints, one function a step; the slots in deployment.c choose
 * among them by kind. A step answers the call, or fails it, and returns its code.
 */
#ifndef PLUGINS_LOCAL_DEPLOYMENT_H
#define PLUGINS_LOCAL_DEPLOYMENT_H

#include "endpoint.h"

/* Who asked: the same in submit, find, and later in the ref. */
const char *deployment_submission(const struct local_call *c);

/* The endpoint asked for: that of the ref, else the request's "id". */
const char *deployment_endpoint(struct local_call *c);

/* reply_state() with the endpoint as e says; error: of DAVIT_STATE_FAILED. */
int32_t deployment_reply(
	struct local_call *c, const struct endpoint *e, int32_t state, const char *error);

/* Why a deploy ends before it was healthy. */
struct deploy_end {
	const char *submission;
	int32_t state;
	const char *error;
};

/* An endpoint_change(): the pending deployment of that submission becomes the ended one. ctx: a
 * struct deploy_end. */
bool deployment_end(struct local_call *c, struct endpoint *e, void *ctx);

int32_t deploy_validate(struct local_call *c);
int32_t deploy_submit(struct local_call *c);
int32_t deploy_find(struct local_call *c);
int32_t deploy_poll(struct local_call *c);
int32_t deploy_cancel(struct local_call *c);

#endif

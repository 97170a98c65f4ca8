/*
 * deployment - the jobs of endpoints, one function a step; the slots in deployment.c choose
 * among them by kind. A step answers the call, or fails it, and returns its code.
 */
#ifndef PLUGINS_LOCAL_DEPLOYMENT_H
#define PLUGINS_LOCAL_DEPLOYMENT_H

#include "servers.h"

/* Who asked: the same in submit, find, and later in the ref. */
const char *deployment_submission(const struct local_call *c);

/* The endpoint asked for: that of the ref, else the request's "id". */
const char *deployment_endpoint(struct local_call *c);

/* reply_state() with the endpoint as e says. text: why it failed where it did, else what it
 * waits for; NULL: nothing to say. */
int32_t deployment_reply(
	struct local_call *c, const struct endpoint *e, int32_t state, const char *text);

/* As deployment_reply(), with the record as it now is. */
int32_t deployment_reply_now(
	struct local_call *c, const char *endpoint_id, int32_t state, const char *text);

/* What it says while a replaced server answers its last requests. */
const char *deployment_draining(struct local_call *c, const struct servers_left *left);

/* Why a deploy ends before its server was healthy. */
struct deploy_end {
	const char *submission;
	int32_t state;
	const char *error;
	const struct davit_sdk_json *reason; /* or NULL */
};

/* Ends the pending deployment if it is still that of the submission; ret_endpoint as for
 * endpoint_update(). false: the call failed. */
bool deploy_give_up(struct local_call *c, const char *endpoint_id, const struct deploy_end *end,
	struct endpoint *ret_endpoint);

/* Was that submission's change begun, as far as the record remembers? */
bool deploy_known(const struct endpoint *e, const char *submission);

int32_t deploy_validate(struct local_call *c);
int32_t deploy_submit(struct local_call *c);
int32_t deploy_find(struct local_call *c);
int32_t deploy_poll(struct local_call *c);
int32_t deploy_cancel(struct local_call *c);

#endif

/*
 * lineup - the moves of an endpoint: which models answer after a deploy, a change of shares, a
 * roll-back or an undeploy. Each alters an endpoint that endpoint_update() is about to write,
 * retires the servers that then answer no more, and remembers what roll-back would go to.
 *
 * What answers is one model with 100 percent, or two that share them; of two, "deployed" is the
 * one with the larger share. The functions that may refuse return false with the call failed.
 */
#ifndef PLUGINS_LOCAL_LINEUP_H
#define PLUGINS_LOCAL_LINEUP_H

#include "endpoint.h"

/* The pending deployment is healthy. With 100 percent it replaces what answers; with less it
 * joins the deployed one, which keeps the rest. */
void lineup_switch(struct local_call *c, struct endpoint *e);

/* The pending deployment, if there is one, does not get that far; a build of its environment that
 * nobody else waits for is stopped. reason: as in struct deployment. */
void lineup_give_up(struct local_call *c, struct endpoint *e, int32_t state, const char *error,
	const struct davit_sdk_json *reason);

/* The share of model, one of the two that answer; other, which must be the second of them, gets the
 * rest. Who loses the larger share is what roll-back goes to. */
bool lineup_share(struct local_call *c, struct endpoint *e, const char *model, const char *other,
	int64_t percent);

/* Does the previous model still answer, so that going back needs no server to be started? */
bool lineup_can_return(const struct endpoint *e);

/* It then gets all requests, and the other one is what roll-back goes to. */
void lineup_return(struct local_call *c, struct endpoint *e);

/* Takes off a model; NULL: all, also one that is on its way. Of two, the other one gets all
 * requests. false: it is not there; the call has not failed. */
bool lineup_take_off(struct local_call *c, struct endpoint *e, const char *model);

#endif

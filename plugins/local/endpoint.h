/*
 * endpoint - the record of an endpoint: which model it serves, which one is being put on it,
 * and what became of the last attempt. Every change goes through endpoint_update(), so that
 * calls that run at the same time do not lose each other's.
 *
 * Each start of a model's server is a generation with a process name of its own; the number
 * only grows.
 */
#ifndef PLUGINS_LOCAL_ENDPOINT_H
#define PLUGINS_LOCAL_ENDPOINT_H

#include "records.h"

/* A model on an endpoint, or on its way there or off it. */
struct deployment {
	int64_t generation;     /* 0: there is none, all else is empty */
	const char *model;      /* its id */
	const char *submission; /* of the job that asked */
	int64_t since_ms;
	int32_t state;     /* of an ended one: DAVIT_STATE_… */
	const char *error; /* of a failed one */
};

struct endpoint {
	struct record record;
	int64_t generation;           /* the newest that was ever started */
	struct deployment deployed;   /* answers requests */
	struct deployment pending;    /* starts, and replaces it once it is healthy */
	struct deployment ended;      /* the last that did not get that far */
	struct deployment undeployed; /* the last taken off; its submission is the undeploy's */
	bool removed;                 /* being deleted: for everyone else it is not there */
};

/* Reads a record as an endpoint. */
void endpoint_parse(const struct record *record, struct endpoint *ret_endpoint);

/* The endpoint with that id or name; else the call fails with DAVIT_NOT_FOUND. */
bool endpoint_need(struct local_call *c, const char *id_or_name, struct endpoint *ret_endpoint);

/* Alters e and returns true to have it written; false: leave it, or the call failed. May be
 * called again with a fresh e when somebody else wrote in between. */
typedef bool endpoint_change(struct local_call *c, struct endpoint *e, void *ctx);

/* Applies a change; *ret_endpoint (may be NULL) is the endpoint after it. false: the call
 * failed. */
bool endpoint_update(struct local_call *c, const char *id, endpoint_change *change, void *ctx,
	struct endpoint *ret_endpoint);

/* The name of the process of a generation. */
const char *endpoint_process(
	struct local_call *c, const struct endpoint *e, const struct deployment *d);

/* Is it the one that this submission asked for? */
bool deployment_is_of(const struct deployment *d, const char *submission);

#endif

/*
 * testcloud.h - a provider for a cloud: the one of tests/fakes/cloud. Written to be read before
 * writing one's own.
 *
 *   testcloud.c   the instance and the tables
 *   cloud.c       how to talk to it: token, request, what its errors mean
 *   objects.c     jobs, data sets, models and endpoints: one implementation for all
 *   deploy.c      putting models on endpoints and taking them off
 *   predict.c     asking them
 *
 * It keeps nothing between calls but its settings. Secrets are numbers here: the host puts their
 * values into requests and takes new ones out of answers.
 */
#ifndef TESTCLOUD_H
#define TESTCLOUD_H

#include <davit/sdk.h>

#include <stdbool.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An instance: made by create(), constant until destroy(). */
struct testcloud {
	struct davit_sdk_services host;
	int64_t poll_ms;     /* setting "poll_ms" */
	char endpoint[512];  /* setting "endpoint", without a slash at its end */
	char client_id[128]; /* setting "client_id", of calls without a connection */
};

/* A slot's call: the SDK's half and ours. Lives on the slot's stack. */
struct talk {
	struct davit_sdk sdk;
	const struct testcloud *cloud;
};

/* Begins a slot's call. */
void talk_begin(struct talk *t, davit_instance inst, davit_call call, davit_buf request);

/* --- cloud.c --- */

/* One request: METHOD /v1/COLLECTION[/ID][VERB][QUERY VALUE]. What is NULL or 0 is left out. */
struct ask {
	const char *operation; /* a key of the manifest's rate_limits, and for the log */
	uint32_t flags;        /* DAVIT_HTTP_… */
	const char *method;
	const char *collection, *id, *verb;
	const char *query, *value;           /* value is written percent-encoded */
	const char *token;                   /* Idempotency-Token */
	const struct davit_sdk_writer *json; /* the body, */
	davit_blob bytes;                    /* or these bytes */
	bool stream;                         /* the answer is read while it comes */
	int64_t also;                        /* a status that is no failure here */
};

/* Sends it, with a new token where the cloud refuses the one we have. Any status is fine. */
int32_t cloud_send(struct talk *t, const struct ask *ask, struct davit_sdk_answer *ret_answer);

/* Ends the call by what the cloud says in an answer that is none of 200 to 299. */
int32_t cloud_refuse(struct talk *t, const struct ask *ask, const struct davit_sdk_answer *answer);

/* Sends it and reads the answer; *ret_status (may be NULL) is written with it. NULL: the call has
 * failed, as it does with any status but 200 to 299 and also. */
const struct davit_sdk_json *cloud_ask(struct talk *t, const struct ask *ask, int64_t *ret_status);

/* --- objects.c --- */

/* How a second submit of one submission is kept from making a second object, as the manifest
 * says of the kind. */
enum way {
	WAY_TOKEN,  /* submission_id is the cloud's idempotency token */
	WAY_NAME,   /* derived_name is the object's name */
	WAY_SEARCH, /* submission_id is a label to search by */
	WAY_NONE    /* it is not */
};

struct kind {
	const char *name;
	enum way way;
	const char *payload; /* pointer of what the cloud gets as the object's spec */
};

/* Objects of one collection. */
struct family {
	const char *collection;
	struct kind kinds[4];
};

/* A slot for the objects of a family, in a call that has begun. */
typedef int32_t family_slot(struct talk *t, const struct family *family);

family_slot objects_validate, objects_submit, objects_find, objects_poll, objects_cancel,
	objects_get, objects_list, objects_remove, objects_logs;

/* An object, or what is made of it, as the answer of a job slot. */
struct made {
	const struct davit_sdk_json *object;
	const struct davit_sdk_json *part; /* whose state counts: the object, or a model on it */
	const char *collection;
	const char *part_id; /* goes into ref; NULL: the object is it all */
};

int32_t object_reply(struct talk *t, const struct made *made);

/* Is the object one that this submission made? Else the call fails with DAVIT_CONFLICT. */
bool object_is_ours(struct talk *t, const struct davit_sdk_json *object);

/* --- deploy.c, predict.c --- */

int32_t deploy_submit(struct talk *t);
int32_t deploy_find(struct talk *t);
int32_t deploy_poll(struct talk *t);

int32_t predict_infer(struct talk *t);
int32_t predict_explain(struct talk *t);

#endif

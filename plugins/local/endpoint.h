/*
 * endpoint - the record of an endpoint: which models answer it and with which share of the
 * requests, which one is being put on it, what it can go back to, and what became of the last
 * changes. Every change goes through endpoint_update(), so that calls that run at the same time
 * do not lose each other's.
 *
 * Each start of a model's server is a generation with a process name of its own; the number
 * only grows. A generation stands in exactly one place of the record, or has been retired:
 *
 *	pending -> deployed | beside -> retired
 *	pending -> ended -> retired
 *
 * The moves between them are in lineup.h.
 */
#ifndef PLUGINS_LOCAL_ENDPOINT_H
#define PLUGINS_LOCAL_ENDPOINT_H

#include "records.h"

enum {
	ENDPOINT_DONE_MAX = 16 /* changes whose outcome is remembered */
};

/* A model on an endpoint, or on its way there or off it. */
struct deployment {
	int64_t generation;      /* 0: there is none, all else is empty */
	const char *model;       /* its id */
	const char *name;        /* of the model, as it was when it was put here */
	int64_t version;         /* of the model; 0: it has none */
	int64_t percent;         /* of the requests; of a pending one: that it is to get */
	const char *environment; /* its Python environment, see environments.h; NULL: none */
	const char *submission;  /* of the job that asked */
	int64_t since_ms;        /* began; of a pending one with an environment: that was ready */
	int32_t state;           /* of an ended one: DAVIT_STATE_… */
	const char *error;       /* of a failed one */
	const struct davit_sdk_json *reason; /* of one whose packages failed, or NULL */
};

/* How a change ended that some job asked for. */
struct outcome {
	const char *submission;
	int32_t state;      /* DAVIT_STATE_… */
	int64_t generation; /* that it started; 0: none */
};

struct endpoint {
	struct record record;
	int64_t generation;         /* the newest that was ever started */
	struct deployment deployed; /* answers; of two the one with the larger share */
	struct deployment beside;   /* answers the rest; none without a deployed one */
	struct deployment pending;  /* starts, and joins or replaces them once it is healthy */
	struct deployment ended;    /* the last that did not get that far */
	struct deployment previous; /* what roll-back goes to: model and share, no process */
	struct outcome done[ENDPOINT_DONE_MAX]; /* oldest first */
	size_t done_count;
	bool removed; /* being deleted: for everyone else it is not there */
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

/* Does that generation stand anywhere in the record? */
bool endpoint_holds(const struct endpoint *e, int64_t generation);

/* Is it the one that this submission asked for? */
bool deployment_is_of(const struct deployment *d, const char *submission);

/* Is that model on the endpoint, or on its way there? One that roll-back would go to is not:
 * where it is deleted, roll-back says so. */
bool endpoint_has_model(const struct endpoint *e, const char *model_id);

/* Is that the environment of a model on the endpoint, or on its way there? */
bool endpoint_has_environment(const struct endpoint *e, const char *digest);

/* Remembers how a change ended; the oldest one is forgotten where there is no room. */
void endpoint_done(struct endpoint *e, const char *submission, int32_t state, int64_t generation);

/* How the change of that submission ended; NULL: it has not, or that is forgotten. */
const struct outcome *endpoint_outcome(const struct endpoint *e, const char *submission);

#endif

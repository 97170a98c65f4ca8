/*
 * fakes - a REST surface without its neighbours: exchanges that are answered into memory, a
 * provider and a tracker that do as they are told and remember what they were asked. The
 * store, the blobs and the pool are the real ones, in a folder of their own.
 *
 * fakes.c defines what the surface calls of host/http/exchange.h, host/jobs/tracker.h,
 * host/provider/provider.h and host/config/config.h.
 */
#ifndef TESTS_UNIT_API_FAKES_H
#define TESTS_UNIT_API_FAKES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "jobs/job.h"
#include "jobs/queues.h"

#define FAKE_JOB_ID "01hzzzzzzzzzzzzzzzzzzzzz" /* of what the tracker accepts */

/* For members that own their text elsewhere and only read it here. */
#define LITERAL(text) ((char *)(text))

struct app;
struct config;
struct exchange;
struct stray;

struct fake_provider {
	bool loaded;
	bool everything;      /* offers all slots and kinds */
	const char *offers;   /* else these: " davit.core/check davit.training/submit/train " */
	const char *manifest; /* JSON text */
	const char *schema;   /* of every request, or NULL */
	const char *entry;    /* of every kind, or NULL */
	int32_t code;         /* how calls end */
	const char *fail_text;
	const char *reply;  /* JSON text, or NULL */
	const char *stream; /* bytes for the sink, or NULL */
	int stream_status;
	const char *stream_type;
	enum fail_code refused; /* of call_start */
	void (*during)(void);   /* happens while it is called */
	/* what was seen last */
	unsigned calls;
	bool lifted; /* providers_lift() was called */
	char interface[64];
	char slot[64];
	json_t *request;
	char body[256];
};

struct fake_tracker {
	enum fail_code refused; /* of tracker_submit */
	enum job_state state;   /* of the job that is watched */
	const char *result;
	const char *remote_name;
	const char *error;
	bool held;     /* tracker_watch() keeps its word until fake_release(); errands do not end */
	bool lost;     /* errands do not reach the disk */
	bool given_up; /* errands are ended by an operator */
	bool removes;  /* the errand somebody asks for is under way */
	bool changed;  /* by a cancel */
	bool recovered;
	bool looked;                     /* tracker_look() was called */
	int64_t age_ms;                  /* of tracker_refresh() */
	bool full;                       /* there is no place for a job that was accepted */
	const struct queue_wait *wait;   /* how every job waits, or NULL */
	const struct queue_view *queues; /* of tracker_queues() */
	size_t queue_count;
	/* what was seen last */
	unsigned submits;
	unsigned cancels;
	char provider[64];
	char interface[64];
	char kind[64];
	char name[64];
	char project[64];
	char connection[64];
	char rerun_of[64];
	json_t *request;
	unsigned states;
	int64_t wait_ms;
	char cancelled[64];
	char decided[128]; /* "job choice remote" of tracker_decide(), "-" for none */
	char waiting[64];  /* the id tracker_waiting() was asked for last */
	char queue[128];   /* "provider" or "provider project" of tracker_set_queue() */
	char filter[128];  /* of tracker_queues(): "provider project after", "-" for none */
	struct queue_change change;
	char adopted[128]; /* "job object" of what tracker_submit() was to adopt */
};

struct fake_strays {
	const struct stray *all; /* newest first */
	size_t count;
	bool recovering; /* a sweep is refused */
	/* what was seen last */
	char gone[64]; /* the id */
	bool everywhere;
};

extern struct fake_strays fake_strays;

extern struct fake_provider fake_provider;
extern struct fake_tracker fake_tracker;

/* A site with one loaded provider "local"; a cmocka setup and teardown for each test. */
int fake_open(void **state);
int fake_close(void **state);
struct app *fake_app(void);
struct config *fake_config(void);
const char *fake_folder(void);

/* Waits until a watcher is held; and answers it. */
void fake_await_watcher(void);
void fake_release(void);

/* Stores a job; its texts are copied. */
void fake_job(const struct job *job);

/* A request that is routed by the table of the surface. body NULL: none; else JSON. */
struct exchange *fake_request(const char *method, const char *path, const char *body);
void fake_header(struct exchange *x, const char *name, const char *value);
void fake_query(struct exchange *x, const char *key, const char *value);
void fake_listener(struct exchange *x, const char *default_provider);
/* A part of a multipart body; file: it has a file name. */
void fake_part(struct exchange *x, const char *part, const char *filename, const char *text);
void fake_large(struct exchange *x); /* its body is in a file */

/* Serves it and waits for its answer. */
void fake_serve(struct exchange *x);
void fake_begin(struct exchange *x); /* the two halves of it */
void fake_await(struct exchange *x);
int fake_status(const struct exchange *x);
const char *fake_text(const struct exchange *x);
const char *fake_type(const struct exchange *x);
const char *fake_headers(const struct exchange *x); /* "Name: value\n" for each that was added */
const json_t *fake_json(const struct exchange *x);  /* fails where the text is none */
bool fake_cut(const struct exchange *x);            /* a stream that was not finished */
void fake_free(struct exchange *x);

/* All of it for a request without more: the answer must have this status and text. */
void fake_expect(
	const char *method, const char *path, const char *body, int status, const char *text);

#endif

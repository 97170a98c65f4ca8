/*
 * kit - a provider made in the test itself, whose slots are functions of the test, on a real
 * store and real blobs; and calls that are waited for with a deadline.
 */
#ifndef TESTS_UNIT_PROVIDER_KIT_H
#define TESTS_UNIT_PROVIDER_KIT_H

#include <davit/provider.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "platform/thread.h"
#include "provider/provider.h"
#include "support/scratch.h"

#define KIT_WAIT_MS 20000 /* for what must happen soon */

/* What a slot of the test may use; the instance is the struct kit. */
struct kit {
	char folder[SCRATCH_SIZE];
	struct config config;
	struct config_provider entry;
	struct store *store;
	struct blobs *blobs;
	struct processes *processes;
	struct providers *ps;
	struct provider *p;
	davit_training_1 training; /* the tables; the test puts its functions in */
	davit_prediction_1 prediction;
	const davit_host_core_1 *core;
	const davit_host_kv_1 *kv;
	const davit_host_blob_1 *blob;
	const davit_host_job_1 *job;
	const davit_host_process_1 *process;
	void *mine; /* the test's */
};

/* may_process: the manifest has the grant. */
void kit_open(struct kit *k, bool may_process);
void kit_close(struct kit *k);

/* Closes the table of calls, of which none runs, and opens one for so many. */
void kit_limit(struct kit *k, int64_t max_threads, int64_t max_waiting);

struct kit *kit_of(davit_instance inst);

static inline davit_buf kit_buf(const char *text)
{
	size_t n = 0;

	while (text[n] != '\0')
		n++;
	return (davit_buf){text, n};
}

/* A call that was started; its result once it ended. */
struct kit_call {
	struct kit *k;
	uint64_t handle;
	struct mutex lock;
	struct cond ended;
	unsigned times;            /* done was called */
	struct call_result result; /* reply taken over */
};

/* A spec for a slot of a training kind: no body, no sink. */
struct call_spec kit_spec(struct kit *k, const char *interface, const char *slot);

/* Starts spec; the test fails where it cannot. */
void kit_start(struct kit *k, struct kit_call *c, struct call_spec spec);

/* The same for one that may wait: it has no handle. */
void kit_start_blind(struct kit *k, struct kit_call *c, struct call_spec spec);

/* Waits for its end; the test fails where it does not come, or comes twice. */
void kit_await(struct kit_call *c);
bool kit_ended(struct kit_call *c);
void kit_call_finish(struct kit_call *c);

/* Start, wait: the usual case. The slot is davit.training poll, its function op. */
void kit_run(struct kit *k, struct kit_call *c, davit_op op);

#endif

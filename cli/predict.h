/*
 * predict - many requests at one endpoint: rows become batches, batches are sent at once over
 * connections that are kept, and answers are written in the order of the rows. Memory is that
 * of a window of batches, whatever the number of rows. [one thread]
 */
#ifndef CLI_PREDICT_H
#define CLI_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"

struct fail;
struct rows;

#define PREDICT_CONCURRENCY_MAX 256
#define PREDICT_RETRY_MAX_S     30 /* the longest pause before a batch is sent again */

struct predict_options {
	const struct http_place *place;
	const char *host; /* the place as the user named it */
	const char *path; /* of infer, encoded, with its query */
	size_t concurrency;
	size_t batch;
	int retries; /* after 429 and 503, and where the connection broke */
	int64_t timeout_ms;

	/* Gets the JSON text of each row's prediction in order; where it failed, {"error": …}.
	 * False with errno ends all. */
	bool (*write)(void *ctx, const char *text, size_t n);
	/* Is told of progress now and then; may be NULL. */
	void (*progress)(void *ctx, int64_t rows, int64_t failed, int64_t ms);
	void *ctx;
};

struct predict_totals {
	int64_t rows; /* answered, failed ones included */
	int64_t failed;
	int64_t requests;
	int64_t retries;
	int64_t ms;
	int status; /* with FAIL_UPSTREAM: what the daemon answered */
};

/*
 * Until the rows end. False with *f: FAIL_INVALID a row cannot be read; FAIL_UPSTREAM the
 * daemon refused in a way that holds for every row; FAIL_UNAVAILABLE it cannot be reached;
 * FAIL_DEADLINE interrupted; FAIL_INTERNAL the output cannot be written.
 */
bool predict_run(struct rows *rows, const struct predict_options *options,
	struct predict_totals *totals, struct fail *f);

#endif

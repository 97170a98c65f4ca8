/* predict_batch - the window of batches, between the files of predict alone. [one thread] */
#ifndef CLI_PREDICT_BATCH_H
#define CLI_PREDICT_BATCH_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "predict.h"

#define PREDICT_ERROR_SIZE 1064

enum state {
	BATCH_FREE,
	BATCH_FILLING,
	BATCH_READY,
	BATCH_SENT,
	BATCH_PAUSED, /* until at_ms */
	BATCH_DONE
};

struct batch {
	enum state state;
	CURL *curl;
	struct buf body;
	struct buf answer;
	size_t rows;
	int tries;
	uint64_t good; /* answers there were when its last try was counted */
	int status;    /* 0: no answer */
	int64_t at_ms;
	char why[CURL_ERROR_SIZE];
};

struct predict {
	struct rows *rows;
	const struct predict_options *options;
	struct predict_totals *totals;
	CURLM *multi;
	struct curl_slist *headers;
	struct batch *window;
	size_t size;
	uint64_t head; /* the oldest batch not yet written */
	uint64_t tail; /* behind the newest; one that is being filled included */
	size_t sent;
	size_t limit;    /* of those, as the daemon lets; up to the concurrency asked for */
	uint64_t good;   /* answers that were no 429 */
	int64_t hold_ms; /* nothing is sent before */
	bool ended;      /* no more rows */
	bool bad;        /* for the next cannot be read: *f is set */
	int64_t began_ms;
	int64_t told_ms;
	struct fail *f;
};

/* The sentence of an error answer, in whatever form it comes, and the status. */
void predict_error(const struct batch *b, char *text, size_t size);

/* Puts why there is no answer into b->why, in words that name the host as the user did. */
void predict_explain(const struct predict *p, struct batch *b, CURLcode code);

/* Writes a line for each row of a batch that is done, and lets go of it. */
bool predict_write(struct predict *p, struct batch *b);

#endif

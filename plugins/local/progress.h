/*
 * progress - what a script tells of itself while it runs: JSON lines {"step","total","text",
 * "fraction","metrics":{name: number}} that it appends to the file DAVIT_PROGRESS names.
 * Lines that are none, such as one half written, are passed over.
 */
#ifndef PLUGINS_LOCAL_PROGRESS_H
#define PLUGINS_LOCAL_PROGRESS_H

#include "local.h"

#define PROGRESS_POINTS_MAX 2400 /* leaves more than 1000, which the host keeps, when halved */

struct progress {
	const struct davit_sdk_json *last;    /* the last line, or NULL */
	const struct davit_sdk_json *metrics; /* the last value of each metric, or NULL */
};

/* What the process of that name said. Reads a bounded part of the file; whole: from all over it,
 * else at its end, which is for what is asked every second. false: the call failed. */
bool progress_read(
	struct local_call *c, const char *name, bool whole, struct progress *ret_progress);

/* "progress" and "metrics" of a neutral object; nothing where nothing was said. */
void progress_put(struct davit_sdk_writer *w, const struct progress *progress);

/* "metrics" alone. */
void progress_put_metrics(struct davit_sdk_writer *w, const struct davit_sdk_json *metrics);

/* The answer of a metrics slot: {"series":[{"step","time_ms","values"}]}, at most
 * PROGRESS_POINTS_MAX; of more lines some from all over the file, with the first and the last. */
int32_t progress_reply_series(struct local_call *c, const char *name);

#endif

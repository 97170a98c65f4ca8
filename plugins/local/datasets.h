/* datasets - what the modules that run on a data set need of it. */
#ifndef PLUGINS_LOCAL_DATASETS_H
#define PLUGINS_LOCAL_DATASETS_H

#include "records.h"

/*
 * Notes that a job uses a data set, for the "used_by" of both sides to see. Call it before the
 * job's process starts; a second time for the same job is nothing new. kind: of the job
 * ("train", "batch"); id and name: the job's. Returns sdk.code.
 */
int32_t datasets_note_use(struct local_call *c, const struct record *dataset, const char *kind,
	const char *id, const char *name);

/* Writes {"id", "name", "version", "sha256"} under key: which bytes a job runs on, for its record.
 * Those without a version (made by an older release) have no such member. */
void datasets_put_reference(
	struct davit_sdk_writer *w, const char *key, const struct record *dataset);

#endif

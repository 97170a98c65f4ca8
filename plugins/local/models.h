/* models - what the modules that run a model need of it. */
#ifndef PLUGINS_LOCAL_MODELS_H
#define PLUGINS_LOCAL_MODELS_H

#include "records.h"

/*
 * The model of an id for somebody who has already written down, where a delete looks, that he
 * uses it. One that is being deleted is not there: the call fails with DAVIT_CONFLICT.
 */
bool models_need_kept(struct local_call *c, const char *id, struct record *ret_record);

/* For the start of the daemon: ends deletes that a crash cut off. */
void models_recover(struct local_call *c);

/* Writes the files of a model's record as inputs of a process, into its folder ("work/model").
 * The array is open. */
void models_put_inputs(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *model, const char *folder);

#endif

/* training - starting one, and what other objects need to know of it. */
#ifndef PLUGINS_LOCAL_TRAINING_H
#define PLUGINS_LOCAL_TRAINING_H

#include "records.h"

/* The training with that id or name, which must have succeeded; else the call fails naming
 * pointer. Its process has the name of its id, and left its files in "outputs". */
bool training_need_succeeded(struct local_call *c, const char *id_or_name, const char *pointer,
	struct record *ret_record);

/* Writes the record of a training and starts its process, which has the name id; train: it runs
 * a script, else a command line. Returns sdk.code. */
int32_t training_start(
	struct local_call *c, const char *id, const struct davit_sdk_json *spec, bool train);

#endif

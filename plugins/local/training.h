/* training - what other objects need to know of a training. */
#ifndef PLUGINS_LOCAL_TRAINING_H
#define PLUGINS_LOCAL_TRAINING_H

#include "records.h"

/* The training with that id or name, which must have succeeded; else the call fails naming
 * pointer. Its process has the name of its id, and left its files in "outputs". */
bool training_need_succeeded(struct local_call *c, const char *id_or_name, const char *pointer,
	struct record *ret_record);

#endif

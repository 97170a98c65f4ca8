/*
 * used - which jobs used a data set: one kv record per data set with the newest of them. It is
 * no part of the data set's own record, which never changes.
 */
#ifndef PLUGINS_LOCAL_USED_H
#define PLUGINS_LOCAL_USED_H

#include "datasets.h"

/* "used_by": [{"id", "name", "kind"}], newest first, at most 100. */
void used_put(struct local_call *c, struct davit_sdk_writer *w, const struct record *dataset);

/* Forgets who used it. Returns sdk.code. */
int32_t used_forget(struct local_call *c, const struct record *dataset);

#endif

/* store_op - what the writer asks about one write. [any thread] */
#ifndef HOST_STORE_STORE_OP_H
#define HOST_STORE_STORE_OP_H

#include "store/store.h"

/* Memory it takes, with all it owns. */
size_t store_op_bytes(const struct store_op *op);

/* Does it keep the rules of store.h that need no look at what is stored? For asserts. */
bool store_op_sound(const struct store_op *op);

#endif

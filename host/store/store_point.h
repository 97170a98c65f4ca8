/* store_point - the kill points (base/killpoint.h) of the writes of a batch. Nothing in what is
 * shipped. */
#ifndef HOST_STORE_STORE_POINT_H
#define HOST_STORE_STORE_POINT_H

#ifdef DAVIT_TESTING

#include "store/store.h"

/* Passes point once for each write from first on. [the writer] */
void store_point(const char *point, const struct store_op *first);

#else

#define store_point(point, first) ((void)0)

#endif

#endif

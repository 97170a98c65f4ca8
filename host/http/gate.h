/* gate - what is refused before any handler sees it. [front thread] */
#ifndef HOST_HTTP_GATE_H
#define HOST_HTTP_GATE_H

#include <stddef.h>

#include "http/route.h"

struct exchange;

/* Takes the address apart, finds the route and fills form, allow and arg; where no handler
 * may have the request, x->refused says why. */
void gate_check(struct exchange *x, const struct route *routes, size_t count);

#endif

/* endpoints - the neutral object of an endpoint. */
#ifndef PLUGINS_LOCAL_ENDPOINTS_H
#define PLUGINS_LOCAL_ENDPOINTS_H

#include "records.h"

/* An objects_put() of endpoints. */
void endpoints_put(struct local_call *c, struct davit_sdk_writer *w, const struct record *record);

#endif

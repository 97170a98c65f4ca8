/* openapi - a route table as an OpenAPI 3.0 document. [any thread] */
#ifndef HOST_API_OPENAPI_H
#define HOST_API_OPENAPI_H

#include <jansson.h>
#include <stddef.h>

#include "http/route.h"

struct app;

/* A new object, with the bodies the loaded providers of app take; app NULL: without. NULL: out of
 * memory. */
json_t *openapi_document(const struct app *app, const struct route *routes, size_t count);

#endif

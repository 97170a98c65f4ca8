/* openapi - a route table as an OpenAPI 3.0 document. [any thread] */
#ifndef HOST_API_OPENAPI_H
#define HOST_API_OPENAPI_H

#include <jansson.h>
#include <stddef.h>

#include "http/route.h"

/* A new object; NULL: out of memory. */
json_t *openapi_document(const struct route *routes, size_t count);

#endif

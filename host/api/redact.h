/* redact - values as they may be shown. [any thread] */
#ifndef HOST_API_REDACT_H
#define HOST_API_REDACT_H

#include <jansson.h>

/* A copy in which the texts below members that name secrets, and below "environment", are "***".
 * A new reference; NULL: out of memory. */
json_t *redact(const json_t *value);

#endif

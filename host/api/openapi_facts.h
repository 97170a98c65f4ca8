/* openapi_facts - the text of openapi_facts.json, compiled in by the build: schemas of the
 * host's own answers and bodies, and which operation has which. */
#ifndef HOST_API_OPENAPI_FACTS_H
#define HOST_API_OPENAPI_FACTS_H

#include <stddef.h>

extern const unsigned char openapi_facts_text[];
extern const size_t openapi_facts_size;

#endif

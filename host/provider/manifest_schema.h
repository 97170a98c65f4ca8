/* manifest_schema - the text of plugin-api/schemas/manifest.json, compiled in by the build. */
#ifndef HOST_PROVIDER_MANIFEST_SCHEMA_H
#define HOST_PROVIDER_MANIFEST_SCHEMA_H

#include <stddef.h>

extern const unsigned char manifest_schema_text[];
extern const size_t manifest_schema_size;

#endif

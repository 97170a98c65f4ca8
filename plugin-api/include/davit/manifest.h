/*
 * manifest.h - the description of a provider inside its own file, readable without running
 * it: one JSON text in an ELF note section ".note.davit" (owner "Davit", type 1). The note's
 * descriptor is davit_manifest_head followed by the JSON. A file has exactly one.
 *
 * The build writes it: davit_add_provider() of the CMake package turns manifest.json into an
 * assembly file. Members of the JSON: plugin-api/schemas/manifest.json.
 */
#ifndef DAVIT_MANIFEST_H
#define DAVIT_MANIFEST_H

#include <stdint.h>

#define DAVIT_MANIFEST_SECTION ".note.davit"
#define DAVIT_MANIFEST_OWNER   "Davit" /* six bytes with the NUL */
#define DAVIT_MANIFEST_TYPE    1u
#define DAVIT_MANIFEST_MAGIC   "DAVITMF1"     /* eight bytes, no NUL */
#define DAVIT_MANIFEST_MAX     (256u * 1024u) /* bytes of JSON a host must accept */

typedef struct davit_manifest_head {
	char magic[8];
	uint32_t length;    /* bytes of JSON that follow, little endian */
	uint32_t reserved;  /* 0 */
	uint8_t sha256[32]; /* of those bytes */
} davit_manifest_head;

#endif

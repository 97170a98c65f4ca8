/* resolve - opening what a caller of the REST surface named as a source of bytes. [any thread] */
#ifndef HOST_PROVIDER_RESOLVE_H
#define HOST_PROVIDER_RESOLVE_H

#include <jansson.h>
#include <stdbool.h>

struct call_blob;
struct fail;
struct provider_host;

/*
 * source has exactly one of these: "text" (its bytes), "uri" ("file:///…") and "path" (files
 * below the site's import_roots; a relative path is looked for below each of them), "upload"
 * and "blob" (the digest of sealed bytes). FAIL_NOT_FOUND; FAIL_FORBIDDEN names the roots.
 */
bool resolve_source(const struct provider_host *host, const json_t *source,
	struct call_blob *ret_blob, struct fail *f);

#endif

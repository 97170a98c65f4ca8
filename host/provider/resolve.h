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
 * below the site's import_roots; a relative path is looked for below each of them), "folder"
 * (all files of one, as store/pack.h has them; one being written), "upload"
 * and "blob" (the digest of sealed bytes). FAIL_NOT_FOUND; FAIL_FORBIDDEN names the roots.
 */
bool resolve_source(const struct provider_host *host, const json_t *source,
	struct call_blob *ret_blob, struct fail *f);

/* The rest of an absolute path below root ("" for root itself), or NULL. */
const char *resolve_below(const char *root, const char *path);

/* The path of a file:///… URI, owned; NULL: FAIL_INVALID, or FAIL_UNSUPPORTED for another URI. act:
 * what cannot be done with that, "read" or "written". */
char *resolve_file_uri(const char *uri, const char *act, struct fail *f);

#endif

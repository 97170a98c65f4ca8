/* save - writing sealed blobs to where a caller of the REST surface named. [any thread] */
#ifndef HOST_PROVIDER_SAVE_H
#define HOST_PROVIDER_SAVE_H

#include <jansson.h>
#include <stdbool.h>

struct fail;
struct provider_host;

/*
 * folder has exactly one of "path" and "uri" ("file:///…"), below one of the site's export_roots;
 * a relative path is below the first. files: [{"path", "blob"}], 1 to 10,000. All are written or
 * none; nothing is overwritten. *ret_told, owned: {"uri", "files": [{"path", "bytes"}]}.
 * FAIL_CONFLICT, FAIL_FORBIDDEN with the roots, FAIL_NOT_FOUND for a blob, FAIL_INVALID.
 */
bool save_files(const struct provider_host *host, const json_t *folder, const json_t *files,
	json_t **ret_told, struct fail *f);

#endif

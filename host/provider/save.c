/* Where callers may have files written, and writing them. */
#include "provider/save.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/killpoint.h"
#include "config/config.h"
#include "platform/fs.h"
#include "provider/provider.h"
#include "provider/resolve.h"
#include "provider/save_note.h"
#include "store/blobs.h"

#define FILES_MAX 10000
#define ROOTS_MAX 300 /* bytes of them in a message */

struct saving {
	const struct provider_host *host;
	const json_t *files;
	json_t *told; /* what was written */
};

/* --- where to --- */

static bool refuse(const struct config *config, const char *path, struct fail *f)
{
	struct buf roots;

	if (config->export_root_count == 0)
		return fail_set(f, FAIL_FORBIDDEN,
			"'%.300s' may not be written: this site has no export_roots", path);
	buf_init(&roots, ROOTS_MAX);
	for (size_t i = 0; i < config->export_root_count; i++)
		buf_printf(&roots, "%s%s", i > 0 ? ", " : "", config->export_roots[i]);
	(void)fail_set(f, FAIL_FORBIDDEN,
		"'%.300s' may not be written: folders can be named below export_roots: %s", path,
		roots.n > 0 ? roots.p : "");
	buf_finish(&roots);
	return false;
}

/* The root a path is below, and the rest. NULL: none. */
static const char *root_of(const struct config *config, const char *path, const char **ret_rest)
{
	for (size_t i = 0; i < config->export_root_count; i++) {
		const char *root = config->export_roots[i];
		const char *rest = path[0] == '/' ? resolve_below(root, path) : path;

		if (rest == NULL)
			continue;
		*ret_rest = rest;
		return root;
	}
	return NULL;
}

/* The path of {"path"} or {"uri"}, owned; NULL: *f says why. */
static char *path_of(const json_t *folder, struct fail *f)
{
	const char *path = json_text_or(folder, "path", NULL);
	const char *uri = json_text_or(folder, "uri", NULL);
	char *copy;

	if ((path == NULL) == (uri == NULL)) {
		(void)fail_set(
			f, FAIL_INVALID, "a destination has one of path and uri, and it is a text");
		return NULL;
	}
	if (uri != NULL)
		return resolve_file_uri(uri, "written", f);
	copy = strdup(path);
	if (copy == NULL)
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	return copy;
}

/* --- what --- */

static bool check_files(const json_t *files, struct fail *f)
{
	const json_t *v;
	size_t i;

	if (json_array_size(files) == 0 || json_array_size(files) > FILES_MAX)
		return fail_set(f, FAIL_INVALID, "1 to %d files can be written at once", FILES_MAX);
	json_array_foreach(files, i, v)
	{
		if (json_text_or(v, "path", NULL) == NULL || json_text_or(v, "blob", NULL) == NULL)
			return fail_set(f, FAIL_INVALID, "each file has the texts path and blob");
	}
	return true;
}

static bool open_file(void *ctx, size_t i, int *ret_fd, struct fail *f)
{
	const struct saving *s = ctx;
	const json_t *file = json_array_get(s->files, i);
	const char *path = json_text_or(file, "path", "");
	struct stat st;

	KILLPOINT("file_before_write", "%s", path);
	if (!blob_open(s->host->blobs, json_text_or(file, "blob", ""), ret_fd, f))
		return false;
	if (fstat(*ret_fd, &st) == 0 &&
		json_array_append_new(s->told, json_pack("{s:s, s:I}", "path", path, "bytes",
						       (json_int_t)st.st_size)) == 0)
		return true;
	return fail_set(f, FAIL_INTERNAL, "out of memory");
}

static bool place(struct saving *s, const char *root, const char *folder, struct fail *f)
{
	size_t n = json_array_size(s->files);
	const char **names = calloc(n, sizeof(*names));
	struct fs_placing what = {.names = names, .count = n, .open = open_file, .ctx = s};
	struct save_note note = {.root = root, .folder = folder, .names = names, .count = n};
	bool good;

	if (names == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	for (size_t i = 0; i < n; i++)
		names[i] = json_text_or(json_array_get(s->files, i), "path", "");
	good = save_note_begin(s->host->config, &note, f);
	if (good) {
		what.mark = note.mark;
		good = fs_place_beneath(root, folder, &what, f);
		if (good)
			KILLPOINT("files_after_write", "%s", folder);
		save_note_end(s->host->config, &note);
	}
	free(names);
	return good;
}

/* file:///… of a folder, with what a URI may not have as %XX. */
static json_t *uri_of(const char *root, const char *folder)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/!$&'()*+,;=:@";
	char path[PATH_MAX];
	struct fail unused = {0};
	struct buf uri;
	json_t *text;

	if (!fs_join(path, sizeof(path), root, folder, &unused))
		return NULL;
	buf_init(&uri, sizeof(path) * 3);
	buf_text(&uri, "file://");
	for (const char *c = path; *c != '\0'; c++) {
		if (strchr(plain, *c) != NULL)
			buf_add(&uri, c, 1);
		else
			buf_printf(&uri, "%%%02X", (unsigned char)*c);
	}
	text = uri.failed ? NULL : json_stringn(uri.p, uri.n);
	buf_finish(&uri);
	return text;
}

bool save_files(const struct provider_host *host, const json_t *folder, const json_t *files,
	json_t **ret_told, struct fail *f)
{
	struct saving s = {.host = host, .files = files};
	const char *root;
	const char *rest = "";
	char *path;
	bool good;

	if (!check_files(files, f) || (path = path_of(folder, f)) == NULL)
		return false;
	root = root_of(host->config, path, &rest);
	s.told = json_array();
	if (root == NULL)
		good = refuse(host->config, path, f);
	else
		good = place(&s, root, rest, f);
	if (good)
		*ret_told = json_pack("{s:o, s:O}", "uri", uri_of(root, rest), "files", s.told);
	json_decref(s.told);
	free(path);
	return good && (*ret_told != NULL || fail_set(f, FAIL_INTERNAL, "out of memory"));
}

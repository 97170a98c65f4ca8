/*
 * Which bytes a caller may name. Files are opened below an import root in one step that
 * follows neither links nor "..", so that checking and opening cannot differ.
 */
#include "provider/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "config/config.h"
#include "platform/fs.h"
#include "provider/call_blobs.h"
#include "provider/provider.h"
#include "store/blobs.h"
#include "store/pack.h"

#define ROOTS_TEXT_MAX 300

/* Says what may not be read, why, and what may. */
static bool refuse(const struct config *config, const char *path, const char *why, struct fail *f)
{
	struct buf roots;

	buf_init(&roots, ROOTS_TEXT_MAX);
	for (size_t i = 0; i < config->import_root_count; i++)
		buf_printf(&roots, "%s%s", i > 0 ? ", " : "", config->import_roots[i]);
	if (config->import_root_count == 0)
		(void)fail_set(f, FAIL_FORBIDDEN,
			"'%.150s' may not be read: this site has no import_roots", path);
	else
		(void)fail_set(f, FAIL_FORBIDDEN,
			"'%.150s' may not be read: %.150s; files can be named below import_roots: %s",
			path, why, roots.n > 0 ? roots.p : "");
	buf_finish(&roots);
	return false;
}

const char *resolve_below(const char *root, const char *path)
{
	size_t n = strlen(root);

	while (n > 1 && root[n - 1] == '/')
		n--;
	if (strncmp(root, path, n) != 0)
		return NULL;
	if (n == 1) /* "/" */
		return path + 1 + strspn(path + 1, "/");
	return path[n] == '/' || path[n] == '\0' ? path + n + strspn(path + n, "/") : NULL;
}

static bool open_path(const struct config *config, const char *path, int *ret_fd, struct fail *f)
{
	struct fail last = {0};

	for (size_t i = 0; i < config->import_root_count && last.code != FAIL_FORBIDDEN; i++) {
		const char *root = config->import_roots[i];
		const char *rest = path[0] == '/' ? resolve_below(root, path) : path;

		if (rest != NULL && fs_open_beneath(root, rest, ret_fd, &last))
			return true;
		if (rest != NULL && last.code != FAIL_NOT_FOUND && last.code != FAIL_FORBIDDEN) {
			*f = last;
			return false;
		}
	}
	if (last.code == FAIL_NOT_FOUND)
		return fail_set(f, FAIL_NOT_FOUND, "there is no file '%.300s'", path);
	return refuse(config, path,
		last.code == FAIL_FORBIDDEN ? last.text : "it is not below one of them", f);
}

/* --- the kinds of source --- */

static bool from_path(
	const struct provider_host *host, const char *path, struct call_blob *b, struct fail *f)
{
	b->kind = CALL_BLOB_FILE;
	return open_path(host->config, path, &b->fd, f);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes %XX in place; false for a wrong one or a NUL. */
static bool decode_percent(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = hex_value(from[1]);
		low = high < 0 ? -1 : hex_value(from[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high * 16 + low);
		from += 2;
	}
	*to = '\0';
	return true;
}

char *resolve_file_uri(const char *uri, const char *act, struct fail *f)
{
	static const char prefix[] = "file:///";
	char *path;

	if (strncmp(uri, prefix, sizeof(prefix) - 1) != 0) {
		(void)fail_set(f, FAIL_INVALID,
			"'%.200s' cannot be %s here: of URIs only file:///… can", uri, act);
		return NULL;
	}
	path = strdup(uri + sizeof(prefix) - 2);
	if (path != NULL && decode_percent(path))
		return path;
	if (path == NULL)
		(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	else
		(void)fail_set(f, FAIL_INVALID, "'%.200s' is not a URI", uri);
	free(path);
	return NULL;
}

static bool from_uri(
	const struct provider_host *host, const char *uri, struct call_blob *b, struct fail *f)
{
	char *path = resolve_file_uri(uri, "read", f);
	bool ok = path != NULL && from_path(host, path, b, f);

	free(path);
	return ok;
}

/* The files of a folder, as one blob that is written and not sealed yet. */
static bool from_folder(
	const struct provider_host *host, const char *path, struct call_blob *b, struct fail *f)
{
	const struct config *config = host->config;
	struct fail last = {0};

	for (size_t i = 0; i < config->import_root_count && last.code != FAIL_FORBIDDEN; i++) {
		const char *root = config->import_roots[i];
		const char *rest = path[0] == '/' ? resolve_below(root, path) : path;

		if (rest == NULL || rest[0] == '\0')
			continue;
		b->kind = CALL_BLOB_WRITER;
		b->writer = blob_begin(host->blobs, f);
		if (b->writer == NULL)
			return false;
		last = (struct fail){0};
		if (pack_folder(b->writer, root, rest, &last))
			return true;
		blob_abandon(b->writer);
		if (last.code != FAIL_NOT_FOUND && last.code != FAIL_FORBIDDEN) {
			*f = last;
			return false;
		}
	}
	if (last.code == FAIL_NOT_FOUND)
		return fail_set(f, FAIL_NOT_FOUND, "there is no folder '%.300s'", path);
	return refuse(config, path,
		last.code == FAIL_FORBIDDEN ? last.text : "it is not below one of them", f);
}

static bool from_blob(
	const struct provider_host *host, const char *digest, struct call_blob *b, struct fail *f)
{
	b->kind = CALL_BLOB_FILE;
	b->sealed = true;
	if (strlen(digest) >= sizeof(b->digest))
		return fail_set(f, FAIL_INVALID, "'%.100s' is not a digest", digest);
	memcpy(b->digest, digest, strlen(digest) + 1);
	return blob_open(host->blobs, digest, &b->fd, f);
}

/* Of a text the length counts: it may have a NUL. */
static bool from_text(
	const struct provider_host *host, const json_t *text, struct call_blob *b, struct fail *f)
{
	b->kind = CALL_BLOB_WRITER;
	b->writer = blob_begin(host->blobs, f);
	if (b->writer == NULL)
		return false;
	b->written = json_string_length(text);
	if (blob_write(b->writer, json_string_value(text), json_string_length(text), f))
		return true;
	blob_abandon(b->writer);
	return false;
}

static const struct {
	const char *member;
	bool (*open)(const struct provider_host *host, const char *value, struct call_blob *b,
		struct fail *f);
} kinds[] = {
	{"text", NULL},
	{"uri", from_uri},
	{"path", from_path},
	{"folder", from_folder},
	{"upload", from_blob},
	{"blob", from_blob},
};

bool resolve_source(const struct provider_host *host, const json_t *source,
	struct call_blob *ret_blob, struct fail *f)
{
	struct call_blob b = {.fd = -1};
	const json_t *found = NULL;
	size_t count = 0;
	size_t which = 0;
	bool ok;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		const json_t *v = json_object_get(source, kinds[i].member);

		if (v == NULL)
			continue;
		found = v;
		which = i;
		count++;
	}
	if (count != 1 || !json_is_string(found))
		return fail_set(f, FAIL_INVALID,
			"a source of data has one of text, uri, path, folder, upload and blob, and "
			"it is text");
	if (kinds[which].open == NULL)
		ok = from_text(host, found, &b, f);
	else if (strlen(json_string_value(found)) != json_string_length(found))
		ok = fail_set(f, FAIL_INVALID, "a source of data has a NUL in it");
	else
		ok = kinds[which].open(host, json_string_value(found), &b, f);
	if (ok)
		*ret_blob = b;
	return ok;
}

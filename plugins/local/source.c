/* source - see source.h. */
#include "source.h"

#include <string.h>

#include "rows.h"

enum {
	COPY_BYTES = 64 * 1024,
	NAME_MAX_BYTES = 64
};

static int32_t bad_source(struct local_call *c, const char *pointer, int32_t code)
{
	if (code == DAVIT_NOT_FOUND)
		return davit_sdk_fail_at(
			&c->sdk, DAVIT_INVALID, pointer, "what is named here does not exist");
	if (code == DAVIT_INVALID)
		return davit_sdk_fail_at(
			&c->sdk, code, pointer, "what is named here cannot be read");
	return local_check(c, code);
}

/* Opens all but "rows". */
static bool open_source(struct local_call *c, const struct davit_sdk_json *source,
	const char *pointer, davit_blob *ret_blob)
{
	const davit_host_blob_1 *blob = c->sdk.host->blob;
	const struct davit_sdk_json *digest = davit_sdk_member(source, "blob");
	struct davit_sdk_writer w;
	int32_t code;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	if (source->kind == DAVIT_SDK_TEXT) {
		davit_sdk_open_object(&w, NULL);
		davit_sdk_put_text(&w, "path", source->text.p);
		davit_sdk_close_object(&w);
	} else { /* its name is nothing to the host */
		davit_sdk_open_object(&w, NULL);
		for (const struct davit_sdk_json *v = source->first; v != NULL; v = v->next) {
			if (strcmp(v->name.p, "name") != 0)
				davit_sdk_put_json(&w, v->name.p, v);
		}
		davit_sdk_close_object(&w);
	}
	if (digest != NULL)
		code = blob->open(c->sdk.call, digest->text, ret_blob);
	else
		code = blob->resolve(c->sdk.call, davit_sdk_write_end(&w), ret_blob);
	return bad_source(c, pointer, code) == DAVIT_OK;
}

static bool one_member(
	struct local_call *c, const struct davit_sdk_json *source, const char *pointer)
{
	const struct davit_sdk_json *name = davit_sdk_member(source, "name");

	if (name != NULL &&
		(name->kind != DAVIT_SDK_TEXT || !source_plain_file_name(name->text.p))) {
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, local_text(c, "%s/name", pointer),
			"this must be the name of a file: up to %d of letters, digits, '.', '_' and "
			"'-', not beginning with '.' or '-'",
			NAME_MAX_BYTES);
		return false;
	}
	if (source != NULL &&
		(source->kind == DAVIT_SDK_TEXT || source->count == (name != NULL ? 2U : 1U)))
		return true;
	(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, pointer,
		"exactly one of path, uri, text, upload and blob must stand here");
	return false;
}

/* Reads a blob to its end: into `to`, unless that is 0, and past rows, unless that is NULL. */
static int32_t copy(struct local_call *c, davit_blob from, davit_blob to, struct rows *rows,
	struct sealed *ret_sealed)
{
	const davit_host_blob_1 *blob = c->sdk.host->blob;
	char *piece = local_alloc(c, COPY_BYTES);
	uint64_t at = 0;
	size_t n = 1;
	int32_t code = piece == NULL ? DAVIT_INTERNAL : DAVIT_OK;

	while (code == DAVIT_OK) {
		code = blob->read(c->sdk.call, from, at, piece, COPY_BYTES, &n);
		if (code != DAVIT_OK || n == 0)
			break;
		at += n;
		if (rows != NULL && !rows_take(c, rows, (davit_buf){piece, n}))
			return c->sdk.code;
		if (to != 0)
			code = blob->write(c->sdk.call, to, (davit_buf){piece, n});
	}
	ret_sealed->bytes = (int64_t)at;
	if (code == DAVIT_OK && rows != NULL)
		(void)rows_end(c, rows);
	return code;
}

static int32_t write_rows(struct local_call *c, const struct davit_sdk_json *rows, davit_blob to,
	struct sealed *ret_sealed)
{
	const davit_host_blob_1 *blob = c->sdk.host->blob;
	int32_t code = DAVIT_OK;

	*ret_sealed = (struct sealed){0};
	for (const struct davit_sdk_json *row = rows->first; row && code == DAVIT_OK;
		row = row->next) {
		struct davit_sdk_writer w;
		davit_buf line;

		davit_sdk_write_begin(&w, &c->sdk.mem);
		davit_sdk_put_json(&w, NULL, row);
		line = davit_sdk_write_end(&w);
		if (line.p == NULL)
			return DAVIT_INTERNAL;
		ret_sealed->bytes += (int64_t)line.n + 1;
		code = blob->write(c->sdk.call, to, line);
		if (code == DAVIT_OK)
			code = blob->write(c->sdk.call, to, davit_sdk_buf("\n"));
	}
	return code;
}

static bool seal(struct local_call *c, davit_blob blob, struct sealed *ret_sealed)
{
	davit_buf digest;
	int32_t code = c->sdk.host->blob->seal(c->sdk.call, blob, &digest);

	if (local_check(c, code) != DAVIT_OK)
		return false;
	ret_sealed->digest = local_text(c, "%.*s", (int)digest.n, digest.p);
	return true;
}

const char *source_seal_bytes(struct local_call *c, davit_buf bytes)
{
	const davit_host_blob_1 *blob = c->sdk.host->blob;
	struct sealed sealed;
	davit_blob to = 0;
	int32_t code = bytes.p == NULL ? DAVIT_INTERNAL : blob->create(c->sdk.call, &to);

	if (code == DAVIT_OK && bytes.n > 0)
		code = blob->write(c->sdk.call, to, bytes);
	if (local_check(c, code) != DAVIT_OK || !seal(c, to, &sealed))
		return NULL;
	return sealed.digest;
}

/* A blob that is sealed already needs no copy. */
static bool sealed_before(struct local_call *c, const struct davit_sdk_json *source,
	davit_blob blob, struct rows *rows, struct sealed *ret_sealed)
{
	uint64_t bytes = 0;
	int32_t code = c->sdk.host->blob->length(c->sdk.call, blob, &bytes);

	if (code == DAVIT_OK && rows != NULL)
		code = copy(c, blob, 0, rows, ret_sealed);
	*ret_sealed = (struct sealed){davit_sdk_text_at(source, "/blob", ""), (int64_t)bytes};
	return local_check(c, code) == DAVIT_OK;
}

/* Nobody looks at the bytes on the way: the host takes them as they lie. */
static bool seal_unread(struct local_call *c, davit_blob blob, struct sealed *ret_sealed)
{
	uint64_t bytes = 0;

	if (!seal(c, blob, ret_sealed) ||
		local_check(c, c->sdk.host->blob->length(c->sdk.call, blob, &bytes)) != DAVIT_OK)
		return false;
	ret_sealed->bytes = (int64_t)bytes;
	c->sdk.host->blob->close(c->sdk.call, blob);
	return true;
}

static bool seal_source(struct local_call *c, const struct davit_sdk_json *source,
	const char *pointer, struct rows *looked, struct sealed *ret_sealed)
{
	const davit_host_blob_1 *blob = c->sdk.host->blob;
	const struct davit_sdk_json *rows = davit_sdk_member(source, "rows");
	davit_blob from = 0;
	davit_blob to = 0;
	int32_t code;

	if (!one_member(c, source, pointer) ||
		(rows == NULL && !open_source(c, source, pointer, &from)))
		return false;
	if (davit_sdk_member(source, "blob") != NULL)
		return sealed_before(c, source, from, looked, ret_sealed);
	if (rows == NULL && looked == NULL)
		return seal_unread(c, from, ret_sealed);
	code = blob->create(c->sdk.call, &to);
	if (code == DAVIT_OK)
		code = rows != NULL ? write_rows(c, rows, to, ret_sealed)
		                    : copy(c, from, to, looked, ret_sealed);
	if (from != 0)
		blob->close(c->sdk.call, from);
	if (local_check(c, code) != DAVIT_OK)
		return false;
	return seal(c, to, ret_sealed);
}

bool source_seal(struct local_call *c, const struct davit_sdk_json *source, const char *pointer,
	struct sealed *ret_sealed)
{
	return seal_source(c, source, pointer, NULL, ret_sealed);
}

bool source_seal_rows(struct local_call *c, const struct davit_sdk_json *source, struct rows *rows,
	struct sealed *ret_sealed)
{
	const struct davit_sdk_json *inline_rows = davit_sdk_member(source, "rows");

	if (!seal_source(c, source, rows->pointer, rows, ret_sealed))
		return false;
	if (inline_rows != NULL)
		rows->lines = inline_rows->count;
	return true;
}

bool source_check(struct local_call *c, const struct davit_sdk_json *source, const char *pointer)
{
	davit_blob blob = 0;

	if (!one_member(c, source, pointer))
		return false;
	if (davit_sdk_member(source, "rows") != NULL)
		return true;
	if (!open_source(c, source, pointer, &blob))
		return false;
	c->sdk.host->blob->close(c->sdk.call, blob);
	return true;
}

bool source_plain_file_name(const char *name)
{
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n <= NAME_MAX_BYTES && name[n] == '\0' && name[0] != '.' && name[0] != '-';
}

const char *source_file_name(const struct davit_sdk_json *source, const char *otherwise)
{
	const char *path = davit_sdk_text_at(source, "/name",
		davit_sdk_text_at(source, "/path", davit_sdk_text_at(source, "/uri", "")));
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;

	return source_plain_file_name(name) ? name : otherwise;
}

/* made_export - an object's files to where a caller named, or one of them as bytes. */
#include <string.h>

#include "made.h"

static int32_t reply_saved(struct local_call *c, const char *id, davit_buf told)
{
	const struct davit_sdk_json *v = davit_sdk_parse(&c->sdk.mem, told, NULL);
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "id", id);
	davit_sdk_put_json(&w, "uri", davit_sdk_member(v, "uri"));
	davit_sdk_put_json(&w, "files", davit_sdk_member(v, "files"));
	davit_sdk_close_object(&w);
	return davit_sdk_reply(&c->sdk, &w);
}

static int32_t save(struct local_call *c, const char *id, const struct davit_sdk_json *to,
	const struct made_file *files, size_t count)
{
	const davit_host_blob_1 *blob = c->sdk.host->blob;
	struct davit_sdk_writer where;
	struct davit_sdk_writer what;
	davit_buf told;
	int32_t code;

	if (!DAVIT_HAS(blob, davit_host_blob_1, save))
		return davit_sdk_fail(
			&c->sdk, DAVIT_UNSUPPORTED, "this host cannot write files for callers");
	davit_sdk_write_begin(&where, &c->sdk.mem);
	davit_sdk_put_json(&where, NULL, to);
	davit_sdk_write_begin(&what, &c->sdk.mem);
	davit_sdk_open_array(&what, NULL);
	for (size_t i = 0; i < count; i++) {
		davit_sdk_open_object(&what, NULL);
		davit_sdk_put_text(&what, "path", files[i].path);
		davit_sdk_put_text(&what, "blob", files[i].digest);
		davit_sdk_close_object(&what);
	}
	davit_sdk_close_array(&what);
	code = blob->save(
		c->sdk.call, davit_sdk_write_end(&where), davit_sdk_write_end(&what), &told);
	if (code == DAVIT_INVALID)
		return davit_sdk_fail_at(&c->sdk, code, "/spec/destination",
			"what is named here may not be written");
	return local_check(c, code) == DAVIT_OK ? reply_saved(c, id, told) : c->sdk.code;
}

static int32_t reply_bytes(struct local_call *c, const struct made_file *file)
{
	davit_blob blob;
	int32_t code = c->sdk.host->blob->open(c->sdk.call, davit_sdk_buf(file->digest), &blob);

	if (local_check(c, code) != DAVIT_OK)
		return c->sdk.code;
	return davit_sdk_reply_blob(&c->sdk, "application/octet-stream", 200, blob);
}

/* true: the only file there is; a text: the file of that path. */
static int32_t download(struct local_call *c, const struct davit_sdk_json *wanted,
	const struct made_file *files, size_t count)
{
	if (wanted->kind == DAVIT_SDK_BOOL && wanted->integer != 0 && count == 1)
		return reply_bytes(c, &files[0]);
	if (wanted->kind != DAVIT_SDK_TEXT)
		return davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec/download",
			"it has %d files; name the one to be answered", (int)count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(files[i].path, wanted->text.p) == 0)
			return reply_bytes(c, &files[i]);
	}
	return davit_sdk_fail_at(&c->sdk, DAVIT_NOT_FOUND, "/spec/download",
		"it has no file '%.200s'", wanted->text.p);
}

int32_t made_export(struct local_call *c, const struct made_sort *sort)
{
	const struct davit_sdk_json *spec = davit_sdk_need_object(&c->sdk, c->sdk.request, "/spec");
	const struct davit_sdk_json *wanted = davit_sdk_member(spec, "download");
	const struct davit_sdk_json *to = davit_sdk_member(spec, "destination");
	const struct made_file *files;
	struct record record;
	size_t count;

	if (c->sdk.code != DAVIT_OK ||
		!records_need(c, sort->kind, objects_id(c), DAVIT_NOT_FOUND, NULL, &record))
		return c->sdk.code;
	if ((wanted == NULL) == (to == NULL))
		return davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, "/spec",
			"exactly one of destination and download must stand here");
	files = sort->files(c, &record, &count);
	if (files == NULL)
		return c->sdk.code;
	return wanted != NULL ? download(c, wanted, files, count)
	                      : save(c, record.id, to, files, count);
}

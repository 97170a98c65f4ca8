/* outputs - see outputs.h. */
#include "outputs.h"

#include <string.h>

#include "child.h"
#include "utf8.h"

#define FOLDER "outputs"

enum {
	FILES_MAX = 256, /* told with the neutral object */
	TEXT_BYTES = 1024 * 1024,
	TEXTS_BYTES = 4 * 1024 * 1024
};

static void put_artifact(struct local_call *c, struct davit_sdk_writer *w, const char *process,
	const struct davit_sdk_json *file, int64_t *room)
{
	const char *path = davit_sdk_text_at(file, "/path", "");
	int64_t bytes = davit_sdk_int_at(file, "/bytes", 0);
	davit_buf text;

	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, "name", path);
	davit_sdk_put_int(w, "bytes", bytes);
	if (bytes <= TEXT_BYTES && bytes <= *room &&
		child_tail(c, process, local_text(c, FOLDER "/%s", path), TEXT_BYTES, &text) &&
		utf8_is_text(text)) {
		davit_sdk_put_bytes(w, "text", text);
		*room -= bytes;
	}
	davit_sdk_close_object(w);
}

/* {"items":[{"path","bytes"}]}; p is NULL where there are none, or the call failed. */
static davit_buf list(struct local_call *c, const char *process)
{
	davit_buf text;
	int32_t code = c->sdk.host->process->list_files(
		c->sdk.call, davit_sdk_buf(process), davit_sdk_buf(FOLDER), &text);

	if (code == DAVIT_NOT_FOUND || local_check(c, code) != DAVIT_OK)
		return (davit_buf){NULL, 0};
	return text;
}

void outputs_put_artifacts(
	struct local_call *c, struct davit_sdk_writer *w, const char *process, bool texts)
{
	davit_buf text = list(c, process);
	const struct davit_sdk_json *v;
	int64_t room = texts ? TEXTS_BYTES : 0;
	int count = 0;

	if (text.p == NULL)
		return;
	v = davit_sdk_member(davit_sdk_parse(&c->sdk.mem, text, NULL), "items");
	davit_sdk_open_array(w, "artifacts");
	for (v = v == NULL ? NULL : v->first; v != NULL && count < FILES_MAX; v = v->next) {
		put_artifact(c, w, process, v, &room);
		count++;
	}
	davit_sdk_close_array(w);
}

bool outputs_wanted(const struct local_call *c)
{
	const struct davit_sdk_json *include = davit_sdk_member(c->sdk.request, "include");

	for (const struct davit_sdk_json *v = include == NULL ? NULL : include->first; v != NULL;
		v = v->next) {
		if (v->kind == DAVIT_SDK_TEXT && strcmp(v->text.p, "artifacts") == 0)
			return true;
	}
	return false;
}

static int32_t reply_file(struct local_call *c, const char *process, const char *path)
{
	davit_blob blob = 0;
	int32_t code = c->sdk.host->process->open_file(c->sdk.call, davit_sdk_buf(process),
		davit_sdk_buf(local_text(c, FOLDER "/%s", path)), &blob);

	if (code == DAVIT_NOT_FOUND)
		return davit_sdk_fail(
			&c->sdk, DAVIT_NOT_FOUND, "the job left no file '%.200s'", path);
	if (local_check(c, code) != DAVIT_OK)
		return c->sdk.code;
	return davit_sdk_reply_blob(&c->sdk, "application/octet-stream", 200, blob);
}

int32_t outputs_reply(struct local_call *c, const char *process)
{
	const char *path = davit_sdk_or_text(&c->sdk, c->sdk.request, "/path", NULL);
	struct davit_sdk_writer w;
	davit_buf text;

	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	if (path != NULL && path[0] != '\0')
		return reply_file(c, process, path);
	text = list(c, process);
	if (c->sdk.code != DAVIT_OK)
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_put_raw(&w, NULL, text.p != NULL ? text : davit_sdk_buf("{\"items\":[]}"));
	return davit_sdk_reply(&c->sdk, &w);
}

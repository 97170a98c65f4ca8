/* server_log - see server_log.h. */
#include "server_log.h"

#include <string.h>

#include "child.h"
#include "source.h"

#define LOG_TYPE "text/plain; charset=utf-8"

enum {
	KEPT_BYTES = 128 * 1024
};

static const char *key_of(struct local_call *c, const char *submission)
{
	return local_text(c, "log/%s", submission);
}

int32_t server_log_keep(struct local_call *c, const char *submission, const char *process)
{
	struct davit_sdk_writer w;
	uint64_t from = 0;
	davit_buf text;

	if (submission[0] == '\0' || !child_end_of(c, process, "log", KEPT_BYTES, &text, &from) ||
		text.n == 0)
		return c->sdk.code;
	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "sha256", source_seal_bytes(c, text));
	davit_sdk_put_int(&w, "from", (int64_t)from);
	davit_sdk_close_object(&w);
	if (c->sdk.code == DAVIT_OK)
		(void)davit_sdk_kv_put(&c->sdk, key_of(c, submission), &w);
	return c->sdk.code;
}

static const struct davit_sdk_json *find(struct local_call *c, const char *submission)
{
	return submission[0] == '\0' ? NULL
	                             : davit_sdk_kv_get(&c->sdk, key_of(c, submission), NULL);
}

bool server_log_kept(struct local_call *c, const char *submission)
{
	return find(c, submission) != NULL;
}

/* The kept bytes; empty where there are none. */
static bool read_kept(
	struct local_call *c, const struct davit_sdk_json *kept, char **ret_bytes, size_t *ret_n)
{
	const davit_host_blob_1 *blob = c->sdk.host->blob;
	const char *digest = davit_sdk_text_at(kept, "/sha256", "");
	char *bytes = local_alloc(c, KEPT_BYTES);
	davit_blob opened = 0;
	size_t filled = 0;
	size_t n = 1;
	int32_t code = kept == NULL ? DAVIT_NOT_FOUND
	                            : blob->open(c->sdk.call, davit_sdk_buf(digest), &opened);

	*ret_bytes = bytes;
	*ret_n = 0;
	if (code == DAVIT_NOT_FOUND)
		return c->sdk.code == DAVIT_OK;
	while (code == DAVIT_OK && bytes != NULL && n > 0 && filled < KEPT_BYTES) {
		code = blob->read(
			c->sdk.call, opened, filled, bytes + filled, KEPT_BYTES - filled, &n);
		filled += code == DAVIT_OK ? n : 0;
	}
	if (opened != 0)
		blob->close(c->sdk.call, opened);
	*ret_n = filled;
	return local_check(c, code) == DAVIT_OK;
}

int32_t server_log_reply(struct local_call *c, const char *submission)
{
	const struct davit_sdk_json *kept = find(c, submission);
	int64_t from = davit_sdk_int_at(kept, "/from", 0);
	int64_t offset = davit_sdk_int_at(c->sdk.request, "/offset", -1);
	int64_t at = offset > from ? offset : from;
	char *bytes;
	size_t n;

	if (c->sdk.code != DAVIT_OK || !read_kept(c, kept, &bytes, &n))
		return c->sdk.code;
	if (offset < 0)
		return davit_sdk_reply_bytes(&c->sdk, LOG_TYPE, 200, (davit_buf){bytes, n});
	if (at - from > (int64_t)n || n == 0)
		return davit_sdk_reply_bytes(&c->sdk,
			local_text(c, LOG_TYPE "; offset=%lld", (long long)offset), 200,
			davit_sdk_buf(""));
	return davit_sdk_reply_bytes(&c->sdk,
		local_text(c, LOG_TYPE "; offset=%lld", (long long)at), 200,
		(davit_buf){bytes + (at - from), n - (size_t)(at - from)});
}

/*
 * predict - answers in bytes. A body "behave WORDS" says how, "fetch URL" has the answer of another
 * server, "send URL" what becomes of a change there; any other comes back as it is.
 *
 *   chunks:N   N pieces "data: I\n\n" of text/event-stream, gap:MS between them
 *   large:N    N bytes in pieces of 64 KiB
 *   status:N   that HTTP status with the body
 *   blob       the blob of the body itself is the answer
 */
#include "echo.h"

#include <string.h>

#define BODY_MAX ((size_t)16 * 1024 * 1024)
#define PIECE    ((size_t)64 * 1024)
#define SLOT     "submit" /* whose words need no slot before them */

static int32_t reply_chunks(struct davit_sdk *sdk, const char *words, int64_t count)
{
	const davit_host_core_1 *core = sdk->host->core;
	davit_buf head = davit_sdk_buf("{\"content_type\":\"text/event-stream\"}");
	int32_t code = DAVIT_OK;
	int64_t gap = 0;

	(void)behave_has(words, SLOT, "gap", &gap);
	for (int64_t i = 1; i <= count && code == DAVIT_OK; i++) {
		const char *event = davit_sdk_format(&sdk->mem, "data: %d\n\n", (int)i);

		if (gap > 0 && i > 1)
			code = core->sleep_ms(sdk->call, gap);
		if (code == DAVIT_OK)
			code = core->reply_chunk(sdk->call, head, davit_sdk_buf(event), i == count);
	}
	return davit_sdk_check(sdk, code, "send events");
}

static int32_t reply_large(struct davit_sdk *sdk, int64_t bytes)
{
	const davit_host_core_1 *core = sdk->host->core;
	davit_buf head = davit_sdk_buf("{\"content_type\":\"application/octet-stream\"}");
	char *piece = davit_sdk_alloc(&sdk->mem, PIECE);
	int32_t code = piece != NULL ? DAVIT_OK : DAVIT_QUOTA;
	size_t left = (size_t)bytes;

	do {
		size_t n = left < PIECE ? left : PIECE;

		left -= n;
		if (code == DAVIT_OK)
			code = core->reply_chunk(sdk->call, head, (davit_buf){piece, n}, left == 0);
	} while (left > 0 && code == DAVIT_OK);
	return davit_sdk_check(sdk, code, "send bytes");
}

static int32_t reply_told(struct davit_sdk *sdk, const char *words, davit_buf body)
{
	davit_blob blob = (davit_blob)davit_sdk_int_at(sdk->request, "/body", 0);
	const char *type = davit_sdk_text_at(sdk->request, "/content_type", "application/json");
	int32_t code = DAVIT_OK;
	int64_t n = 0;

	if (!behave_before(sdk, words, SLOT, &code) || !behave_after(sdk, words, SLOT, &code))
		return code;
	if (behave_has(words, SLOT, "chunks", &n))
		return reply_chunks(sdk, words, n);
	if (behave_has(words, SLOT, "large", &n))
		return reply_large(sdk, n);
	if (behave_has(words, SLOT, "blob", NULL))
		return davit_sdk_reply_blob(sdk, type, 0, blob);
	(void)behave_has(words, SLOT, "status", &n);
	return davit_sdk_reply_bytes(sdk, type, (int32_t)n, body);
}

/* What follows mark at the beginning of a body, which ends in NUL; or NULL. */
static const char *behind(davit_buf body, const char *mark)
{
	size_t n = strlen(mark);

	return body.n > n && memcmp(body.p, mark, n) == 0 ? body.p + n : NULL;
}

static int32_t ask(struct davit_sdk *sdk, uint32_t flags, const char *method, const char *url,
	struct davit_sdk_answer *ret_answer)
{
	struct davit_sdk_writer w;

	davit_sdk_write_begin(&w, &sdk->mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_text(&w, "operation", strstr(url, "slowly") != NULL ? "slowly" : "fetch");
	davit_sdk_put_text(&w, "method", method);
	davit_sdk_put_text(&w, "url", url);
	davit_sdk_put_bool(&w, "stream", true);
	davit_sdk_close_object(&w);
	return davit_sdk_http(sdk, flags, &w, 0, ret_answer);
}

/* The answer is passed on while it comes. */
static int32_t reply_fetched(
	struct davit_sdk *sdk, uint32_t flags, const char *method, const char *url)
{
	struct davit_sdk_answer answer;
	const char *type;

	if (ask(sdk, flags, method, url, &answer) != DAVIT_OK)
		return sdk->code;
	type = davit_sdk_http_header(&answer, "content-type");
	return davit_sdk_reply_blob(
		sdk, type[0] != '\0' ? type : "text/plain", (int32_t)answer.status, answer.body);
}

int32_t DAVIT_CALL predict_infer(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;

	echo_begin(&sdk, inst, call, request);
	davit_blob blob = (davit_blob)davit_sdk_need_int(&sdk, sdk.request, "/body");
	if (sdk.code != DAVIT_OK)
		return sdk.code;
	davit_buf body = blob != 0 ? davit_sdk_read_blob(&sdk, blob, BODY_MAX) : davit_sdk_buf("");
	if (sdk.code != DAVIT_OK)
		return sdk.code;
	const char *words = behind(body, "behave ");
	const char *fetch = behind(body, "fetch ");
	const char *send = behind(body, "send ");

	if (fetch != NULL)
		return reply_fetched(&sdk, 0, "GET", fetch);
	if (send != NULL)
		return reply_fetched(&sdk, DAVIT_HTTP_MUTATES, "POST", send);
	return reply_told(&sdk, words != NULL ? words : "", body);
}

int32_t DAVIT_CALL predict_explain(davit_instance inst, davit_call call, davit_buf request)
{
	struct davit_sdk sdk;
	struct davit_sdk_writer w;

	echo_begin(&sdk, inst, call, request);
	davit_sdk_write_begin(&w, &sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_json(&w, "id", davit_sdk_member(sdk.request, "id"));
	davit_sdk_put_text(&w, "explanation", "it was told to");
	davit_sdk_close_object(&w);
	davit_buf json = davit_sdk_write_end(&w);
	return davit_sdk_reply_bytes(&sdk, "application/json", 0, json);
}

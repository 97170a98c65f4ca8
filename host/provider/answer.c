/*
 * Answers of a provider. A call answers once: the second answer, one that is not JSON or too
 * large, and a stream without its end are the provider's errors and end the call as such.
 */
#include "provider/answer.h"

#include <davit/host.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "provider/call.h"
#include "provider/services.h"

#define PIECE_BYTES      ((size_t)64 * 1024)
#define CONTENT_TYPE_MAX 255
#define MODEL_MAX        511

void answer_finish(struct answer *a)
{
	json_decref(a->json);
	call_blob_close(&a->blob);
	a->json = NULL;
	a->kind = ANSWER_NONE;
}

static int32_t check_first(struct call *c)
{
	if (c->answer.kind == ANSWER_NONE)
		return DAVIT_OK;
	call_violation(c, "it answered twice");
	return DAVIT_CONFLICT;
}

static json_t *parse_answer(struct call *c, davit_buf json, bool object_only)
{
	struct fail f = {0};
	json_t *v;

	v = service_parse(json, CALL_REPLY_MAX, &f);
	if (v == NULL) {
		call_violation(c, "its answer cannot be read: %s", f.text);
	} else if (!json_is_object(v) && (object_only || !json_is_array(v))) {
		call_violation(
			c, "its answer is not a JSON object%s", object_only ? "" : " or array");
		json_decref(v);
		v = NULL;
	}
	return v;
}

int32_t answer_json(struct call *c, davit_buf json)
{
	int32_t code = check_first(c);

	if (code != DAVIT_OK)
		return code;
	c->answer.json = parse_answer(c, json, false);
	if (c->answer.json == NULL)
		return DAVIT_INVALID;
	c->answer.kind = ANSWER_JSON;
	return DAVIT_OK;
}

int32_t answer_state(struct call *c, int32_t state, int64_t next_poll_ms, davit_buf json)
{
	int32_t code = check_first(c);

	if (code != DAVIT_OK)
		return code;
	c->answer.json = parse_answer(c, json, true);
	if (c->answer.json == NULL)
		return DAVIT_INVALID;
	if (state < DAVIT_STATE_PENDING || state > DAVIT_STATE_CANCELLED)
		state = DAVIT_STATE_RUNNING;
	c->answer.kind = ANSWER_STATE;
	c->answer.state = state;
	c->answer.next_poll_ms = next_poll_ms > 0 ? next_poll_ms : 0;
	return DAVIT_OK;
}

/* --- bytes --- */

/* It becomes a header line of ours, so nothing may end that line. */
static bool is_content_type(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > CONTENT_TYPE_MAX || strchr(text, '/') == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return true;
}

static bool read_head(struct call *c, davit_buf head)
{
	struct answer *a = &c->answer;
	json_t *v = service_parse(head, PIECE_BYTES, NULL);
	const char *type = json_text_or(v, "content_type", "");
	const char *model = json_text_or(v, "model", "");
	int64_t status = json_int_or(v, "status", 200);
	bool ok = is_content_type(type) && status >= 200 && status < 600;

	if (ok) {
		a->status = (int)status;
		a->content_type = arena_copy(&c->arena, type, strlen(type));
		if (model[0] != '\0' && strlen(model) <= MODEL_MAX) /* longer: it is none */
			a->model = arena_copy(&c->arena, model, strlen(model));
		if (a->content_type == NULL)
			a->content_type = "application/octet-stream";
	} else {
		call_violation(c, "the head of its answer is not {\"content_type\",\"status\"?}");
	}
	json_decref(v);
	return ok;
}

/* Bytes can only be answered to one who reads them, after a sound head. */
static int32_t begin_bytes(struct call *c, davit_buf head)
{
	int32_t code = check_first(c);

	if (code != DAVIT_OK)
		return code;
	if (c->sink == NULL || (c->sink->head == NULL && c->sink->whole == NULL)) {
		call_violation(c, "it answered with bytes where JSON is expected");
		return DAVIT_INVALID;
	}
	return read_head(c, head) ? DAVIT_OK : DAVIT_INVALID;
}

int32_t answer_blob(struct call *c, davit_buf head, davit_blob blob)
{
	struct call_blob *b = call_blobs_find(&c->blobs, blob);
	int32_t code;

	if (b == NULL) {
		call_violation(c, "it answered with a blob that is not open");
		return DAVIT_INVALID;
	}
	code = begin_bytes(c, head);
	if (code != DAVIT_OK)
		return code;
	c->answer.blob = *b; /* ours now; the handle is closed */
	*b = (struct call_blob){.uses = b->uses, .fd = -1};
	c->answer.kind = ANSWER_BLOB;
	return DAVIT_OK;
}

static void send_model(const struct call *c)
{
	if (c->answer.model != NULL && c->sink->model != NULL)
		c->sink->model(c->sink->ctx, c->answer.model);
}

static bool send_head(struct call *c)
{
	struct answer *a = &c->answer;

	send_model(c);
	if (!c->sink->head(c->sink->ctx, a->status, a->content_type))
		a->reader_gone = true;
	return !a->reader_gone;
}

static bool send_bytes(struct call *c, const void *bytes, size_t n)
{
	if (!c->answer.reader_gone && n > 0 && !c->sink->bytes(c->sink->ctx, bytes, n))
		c->answer.reader_gone = true;
	return !c->answer.reader_gone;
}

int32_t answer_chunk(struct call *c, davit_buf head, davit_buf bytes, bool last)
{
	struct answer *a = &c->answer;

	if (a->kind != ANSWER_CHUNKS) {
		int32_t code = begin_bytes(c, head);

		if (code != DAVIT_OK)
			return code;
		a->kind = ANSWER_CHUNKS;
		if (!send_head(c))
			return DAVIT_CANCELLED;
	}
	if (last)
		a->kind = ANSWER_CHUNKS_DONE;
	if (call_stopped(c) != DAVIT_OK)
		return call_stopped(c);
	if (!send_bytes(c, bytes.p, bytes.n))
		return DAVIT_CANCELLED;
	call_extend(c); /* what comes piece by piece may take long, but not be silent for long */
	return DAVIT_OK;
}

static int32_t read_piece(struct call *c, uint64_t offset, char *piece, size_t *ret_n)
{
	struct fail f = {0};
	int32_t code;

	call_extend(c); /* the reader's time does not count */
	code = call_stopped(c);
	if (code != DAVIT_OK)
		return code;
	code = call_blob_read(&c->answer.blob, offset, piece, PIECE_BYTES, ret_n, &f);
	if (code != DAVIT_OK) {
		(void)call_service_failed(c, &f);
		c->service_code = c->service_ends = code;
	}
	return code;
}

static int32_t send_blob(struct call *c, char *piece)
{
	uint64_t offset = c->answer.blob.position; /* 0 but for a stream that was read from */

	for (;;) {
		size_t n = 0;
		int32_t code = read_piece(c, offset, piece, &n);

		if (code != DAVIT_OK || n == 0)
			return code;
		if (!send_bytes(c, piece, n))
			return DAVIT_CANCELLED;
		offset += n;
	}
}

/* An answer that is all there needs no stream. */
static int32_t send_whole(struct call *c, char *piece)
{
	struct answer *a = &c->answer;
	size_t n = 0;
	int32_t code = read_piece(c, a->blob.position, piece, &n);

	if (code != DAVIT_OK)
		return code;
	send_model(c);
	a->reader_gone = !c->sink->whole(c->sink->ctx, a->status, a->content_type, piece, n);
	return a->reader_gone ? DAVIT_CANCELLED : DAVIT_OK;
}

int32_t answer_send(struct call *c)
{
	char *piece = malloc(PIECE_BYTES);
	int32_t code = DAVIT_CANCELLED;

	if (piece == NULL)
		return DAVIT_INTERNAL;
	if (c->sink->whole != NULL && call_blob_whole(&c->answer.blob, PIECE_BYTES))
		code = send_whole(c, piece);
	else if (send_head(c))
		code = send_blob(c, piece);
	free(piece);
	return code;
}

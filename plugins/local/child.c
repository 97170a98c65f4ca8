/* child - how a process stands and ended; its specification is in child_spec.c, why it
 * failed in child_why.c. */
#include "child.h"

#include <string.h>

enum {
	LOG_PIECE_BYTES = 256 * 1024 + 32 /* with the line before it */
};

/* How a served process ended the last time, while it is started again. */
static void read_last_end(struct child *child, const struct davit_sdk_json *v)
{
	child->exit_code = davit_sdk_int_at(v, "/last_exit_code", -1);
	child->signal = davit_sdk_int_at(v, "/last_signal", 0);
	child->limit = davit_sdk_text_at(v, "/last_limit", "");
	child->error = davit_sdk_text_at(v, "/last_error", "");
}

static void read_state(struct child *child, const struct davit_sdk_json *v)
{
	const char *state = davit_sdk_text_at(v, "/state", "");

	*child = (struct child){
		.known = strcmp(state, "prepared") != 0,
		.lost = strcmp(state, "lost") == 0,
		.ended = strcmp(state, "exited") == 0 || strcmp(state, "lost") == 0,
		.cancelled = davit_sdk_bool_at(v, "/cancelled", false) ||
	                     davit_sdk_bool_at(v, "/stopped", false),
		.pid = davit_sdk_int_at(v, "/pid", 0),
		.started_ms = davit_sdk_int_at(v, "/started_ms", 0),
		.finished_ms = davit_sdk_int_at(v, "/finished_ms", 0),
		.exit_code = davit_sdk_int_at(v, "/exit_code", -1),
		.signal = davit_sdk_int_at(v, "/signal", 0),
		.limit = davit_sdk_text_at(v, "/limit", ""),
		.error = davit_sdk_text_at(v, "/error", ""),
		.interrupted = davit_sdk_bool_at(v, "/interrupted", false),
		.restarts = davit_sdk_int_at(v, "/restarts", 0),
		.requests = davit_sdk_int_at(v, "/requests", 0),
		.applied = davit_sdk_member(v, "applied"),
	};
	if (!child->ended)
		read_last_end(child, v);
}

bool child_inspect(struct local_call *c, const char *name, struct child *ret_child)
{
	davit_buf text;
	int32_t code = c->sdk.host->process->inspect(c->sdk.call, davit_sdk_buf(name), &text);
	const struct davit_sdk_json *v;

	*ret_child = (struct child){.limit = "", .error = ""};
	if (code == DAVIT_NOT_FOUND)
		return true;
	if (local_check(c, code) != DAVIT_OK)
		return false;
	v = davit_sdk_parse(&c->sdk.mem, text, NULL);
	if (v == NULL) {
		(void)davit_sdk_fail(&c->sdk, DAVIT_INTERNAL,
			"what the host says of process '%s' cannot be read", name);
		return false;
	}
	read_state(ret_child, v);
	return true;
}

int32_t child_state(const struct child *child)
{
	if (!child->known)
		return DAVIT_STATE_PENDING;
	if (!child->ended)
		return DAVIT_STATE_RUNNING;
	if (child->cancelled)
		return DAVIT_STATE_CANCELLED;
	if (child->exit_code == 0 && !child->lost && child->limit[0] == '\0')
		return DAVIT_STATE_SUCCEEDED;
	return DAVIT_STATE_FAILED;
}

int32_t child_stop(struct local_call *c, const char *name)
{
	int32_t code = c->sdk.host->process->stop(c->sdk.call, davit_sdk_buf(name));

	return local_check(c, code == DAVIT_NOT_FOUND ? DAVIT_OK : code);
}

static bool read_from(
	struct local_call *c, davit_blob blob, uint64_t at, size_t max, davit_buf *ret_bytes)
{
	char *bytes = local_alloc(c, max + 1);
	size_t filled = 0;
	size_t n = 1;
	int32_t code = bytes == NULL ? DAVIT_INTERNAL : DAVIT_OK;

	while (code == DAVIT_OK && n > 0 && filled < max) {
		code = c->sdk.host->blob->read(
			c->sdk.call, blob, at + filled, bytes + filled, max - filled, &n);
		filled += code == DAVIT_OK ? n : 0;
	}
	*ret_bytes = (davit_buf){bytes, filled};
	return local_check(c, code) == DAVIT_OK;
}

bool child_tail(
	struct local_call *c, const char *name, const char *path, size_t max, davit_buf *ret_bytes)
{
	return child_end_of(c, name, path, max, ret_bytes, NULL);
}

bool child_end_of(struct local_call *c, const char *name, const char *path, size_t max,
	davit_buf *ret_bytes, uint64_t *ret_from)
{
	uint64_t length = 0;
	davit_blob blob = 0;
	int32_t code = c->sdk.host->process->open_file(
		c->sdk.call, davit_sdk_buf(name), davit_sdk_buf(path), &blob);
	bool ok;

	*ret_bytes = (davit_buf){"", 0};
	if (code == DAVIT_NOT_FOUND)
		return true;
	if (code == DAVIT_OK)
		code = c->sdk.host->blob->length(c->sdk.call, blob, &length);
	if (local_check(c, code) != DAVIT_OK)
		return false;
	if (ret_from != NULL)
		*ret_from = length > max ? length - max : 0;
	ok = read_from(c, blob, length > max ? length - max : 0,
		length < max ? (size_t)length : max, ret_bytes);
	c->sdk.host->blob->close(c->sdk.call, blob);
	return ok;
}

#define LOG_TYPE "text/plain; charset=utf-8"

/* What was printed from the byte offset on; the host puts the place of the first byte before it. */
static int32_t reply_log_from(struct local_call *c, const char *name, int64_t offset)
{
	const char *end;
	davit_buf text;

	if (!child_tail(
		    c, name, local_text(c, "log@%lld", (long long)offset), LOG_PIECE_BYTES, &text))
		return c->sdk.code;
	end = text.n > 0 ? memchr(text.p, '\n', text.n) : NULL;
	if (end == NULL) /* the process is not there yet, or no more */
		return davit_sdk_reply_bytes(&c->sdk,
			local_text(c, LOG_TYPE "; offset=%lld", (long long)offset), 200,
			davit_sdk_buf(""));
	return davit_sdk_reply_bytes(&c->sdk,
		local_text(c, LOG_TYPE "; offset=%.*s", (int)(end - text.p), text.p), 200,
		(davit_buf){end + 1, text.n - (size_t)(end + 1 - text.p)});
}

int32_t child_reply_log(struct local_call *c, const char *name)
{
	int64_t offset = davit_sdk_int_at(c->sdk.request, "/offset", -1);
	davit_blob blob = 0;
	int32_t code;

	if (offset >= 0)
		return reply_log_from(c, name, offset);
	code = c->sdk.host->process->open_file(
		c->sdk.call, davit_sdk_buf(name), davit_sdk_buf("log"), &blob);
	if (code == DAVIT_NOT_FOUND)
		return davit_sdk_reply_bytes(&c->sdk, LOG_TYPE, 200, davit_sdk_buf(""));
	if (local_check(c, code) != DAVIT_OK)
		return c->sdk.code;
	return davit_sdk_reply_blob(&c->sdk, LOG_TYPE, 200, blob);
}

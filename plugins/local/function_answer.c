/* function_answer - what a function that has ended has to say; see function.h. */
#include "function.h"

#include <string.h>

#include "child.h"

#define ANSWER  "outputs/returned"
#define FAILURE "outputs/failed"

enum {
	OUTPUT_BYTES_MAX = 4 * 1024 * 1024,
	ANSWER_BYTES_MAX = 8 * 1024 * 1024 - 1024, /* what the host takes as JSON */
	FAILURE_BYTES_MAX = 64 * 1024
};

static int32_t too_long(struct local_call *c)
{
	return davit_sdk_fail(&c->sdk, DAVIT_PERMANENT,
		"the function's output is longer than %d bytes", OUTPUT_BYTES_MAX);
}

/* A log the supervisor has cut holds a line about it. */
static bool is_cut(davit_buf text)
{
	static const char mark[] = " bytes cut here]\n";

	for (size_t i = 0; i + sizeof(mark) <= text.n; i++) {
		if (text.p[i] == mark[0] && memcmp(text.p + i, mark, sizeof(mark) - 1) == 0)
			return true;
	}
	return false;
}

/* {"output": text}; JSON here has no NUL. */
static int32_t reply(struct local_call *c, davit_buf text)
{
	struct davit_sdk_writer w;
	char *bytes = local_alloc(c, text.n + 1);

	if (bytes == NULL)
		return c->sdk.code;
	for (size_t i = 0; i < text.n; i++)
		bytes[i] = (char)(text.p[i] != '\0' ? text.p[i] : ' ');
	davit_sdk_write_begin(&w, &c->sdk.mem);
	davit_sdk_open_object(&w, NULL);
	davit_sdk_put_bytes(&w, "output", (davit_buf){bytes, text.n});
	davit_sdk_close_object(&w);
	return w.n > ANSWER_BYTES_MAX ? too_long(c) : davit_sdk_reply(&c->sdk, &w);
}

static bool has_file(struct local_call *c, const char *process, const char *path)
{
	davit_blob blob = 0;
	int32_t code = c->sdk.host->process->open_file(
		c->sdk.call, davit_sdk_buf(process), davit_sdk_buf(path), &blob);

	if (code == DAVIT_OK)
		c->sdk.host->blob->close(c->sdk.call, blob);
	else if (code != DAVIT_NOT_FOUND)
		(void)local_check(c, code);
	return code == DAVIT_OK;
}

static int32_t reply_success(struct local_call *c, const char *process)
{
	bool returned = has_file(c, process, ANSWER);
	davit_buf text;

	if (c->sdk.code != DAVIT_OK ||
		!child_tail(c, process, returned ? ANSWER : "log", OUTPUT_BYTES_MAX + 1, &text))
		return c->sdk.code;
	if (text.n > OUTPUT_BYTES_MAX || (!returned && is_cut(text)))
		return too_long(c);
	return reply(c, text);
}

/* What of an error is the request's fault: the driver says at which stage it stopped. */
static int32_t code_of(const char *stage)
{
	static const char *const callers[] = {"compile", "import", "execute"};

	for (size_t i = 0; i < LOCAL_COUNT(callers); i++) {
		if (strcmp(callers[i], stage) == 0)
			return DAVIT_INVALID;
	}
	return DAVIT_PERMANENT;
}

/* Without a word of its log, which may hold anything. */
static int32_t fail(struct local_call *c, const char *process, const struct child *child)
{
	const struct davit_sdk_json *said;
	davit_buf text;

	if (!child_tail(c, process, FAILURE, FAILURE_BYTES_MAX, &text))
		return c->sdk.code;
	said = davit_sdk_parse(&c->sdk.mem, text, NULL);
	if (said != NULL && !child->lost && child->limit[0] == '\0')
		return davit_sdk_fail(&c->sdk, code_of(davit_sdk_text_at(said, "/stage", "")), "%s",
			davit_sdk_text_at(said, "/error", "the function failed"));
	return davit_sdk_fail(
		&c->sdk, DAVIT_PERMANENT, "the function failed: %s", child_end(c, child));
}

int32_t function_reply(struct local_call *c, const char *process, const struct child *child)
{
	if (child_state(child) == DAVIT_STATE_SUCCEEDED)
		return reply_success(c, process);
	return fail(c, process, child);
}

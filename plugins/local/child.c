/* child - how a process stands and ended; its specification is in child_spec.c. */
#include "child.h"

#include <string.h>

enum {
	REASON_TAIL_BYTES = 4096,
	REASON_LINE_BYTES = 240
};

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
		.applied = davit_sdk_member(v, "applied"),
	};
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

static const char *signal_word(int64_t number)
{
	static const struct {
		int64_t number;
		const char *word;
	} words[] = {
		{1, " (SIGHUP)"},
		{2, " (SIGINT)"},
		{3, " (SIGQUIT)"},
		{4, " (SIGILL)"},
		{6, " (SIGABRT)"},
		{7, " (SIGBUS)"},
		{8, " (SIGFPE)"},
		{9, " (SIGKILL)"},
		{11, " (SIGSEGV)"},
		{13, " (SIGPIPE)"},
		{15, " (SIGTERM)"},
		{24, " (SIGXCPU)"},
		{25, " (SIGXFSZ)"},
	};

	for (size_t i = 0; i < LOCAL_COUNT(words); i++) {
		if (words[i].number == number)
			return words[i].word;
	}
	return "";
}

static const char *limit_words(const char *limit)
{
	static const struct {
		const char *limit;
		const char *words;
	} rows[] = {
		{"wall", "running time (wall_seconds)"},
		{"cpu", "CPU time (cpu_seconds)"},
		{"memory", "memory (memory_bytes)"},
		{"file_bytes", "file size (file_bytes)"},
	};

	for (size_t i = 0; i < LOCAL_COUNT(rows); i++) {
		if (strcmp(rows[i].limit, limit) == 0)
			return rows[i].words;
	}
	return limit;
}

/* A line of the supervisor's in a log. */
static bool is_note(const char *line, size_t n)
{
	static const char mark[] = "[davit:";

	return n >= sizeof(mark) - 1 && memcmp(line, mark, sizeof(mark) - 1) == 0;
}

/* The last line of bytes that holds something of the command's, with its end; {NULL, 0} if
 * there is none. */
static davit_buf last_line(davit_buf bytes)
{
	size_t end = bytes.n;

	while (end > 0) {
		size_t start;

		while (end > 0 && (unsigned char)bytes.p[end - 1] <= ' ')
			end--;
		for (start = end; start > 0 && bytes.p[start - 1] != '\n'; start--)
			;
		if (end > start && !is_note(bytes.p + start, end - start))
			return (davit_buf){bytes.p + start, end - start};
		end = start;
	}
	return (davit_buf){NULL, 0};
}

const char *child_last_words(struct local_call *c, const char *name)
{
	davit_buf tail;
	davit_buf line;

	if (!child_tail(c, name, "log", REASON_TAIL_BYTES, &tail))
		return "";
	line = last_line(tail);
	if (line.n == 0)
		return "";
	return local_text(c, ": %.*s%s",
		(int)(line.n < REASON_LINE_BYTES ? line.n : REASON_LINE_BYTES), line.p,
		line.n < REASON_LINE_BYTES ? "" : "...");
}

const char *child_reason(
	struct local_call *c, const char *name, const struct child *child, const char *who)
{
	const char *last = child_last_words(c, name);

	if (child->error[0] != '\0')
		return local_text(c, "%s could not be started: %s", who, child->error);
	if (child->lost)
		return local_text(c, "%s is gone and its end unknown: the supervisor was killed%s",
			who, last);
	if (child->limit[0] != '\0')
		return local_text(c, "%s was stopped at its limit of %s%s", who,
			limit_words(child->limit), last);
	if (child->interrupted)
		return local_text(
			c, "%s was stopped when the machine or its supervisor was%s", who, last);
	if (child->signal != 0)
		return local_text(c, "%s was ended by signal %d%s%s", who, (int)child->signal,
			signal_word(child->signal), last);
	return local_text(c, "%s ended with exit code %d%s", who, (int)child->exit_code, last);
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
	ok = read_from(c, blob, length > max ? length - max : 0,
		length < max ? (size_t)length : max, ret_bytes);
	c->sdk.host->blob->close(c->sdk.call, blob);
	return ok;
}

int32_t child_reply_log(struct local_call *c, const char *name)
{
	static const char type[] = "text/plain; charset=utf-8";
	davit_blob blob = 0;
	int32_t code = c->sdk.host->process->open_file(
		c->sdk.call, davit_sdk_buf(name), davit_sdk_buf("log"), &blob);

	if (code == DAVIT_NOT_FOUND)
		return davit_sdk_reply_bytes(&c->sdk, type, 200, davit_sdk_buf(""));
	if (local_check(c, code) != DAVIT_OK)
		return c->sdk.code;
	return davit_sdk_reply_blob(&c->sdk, type, 200, blob);
}

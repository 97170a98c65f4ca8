/* child_why - why a process failed: how it ended, and what its log says last; see child.h. */
#include "child.h"

#include <string.h>

#include "utf8.h"

enum {
	TAIL_BYTES = 16 * 1024,
	LINE_BYTES = 240,
	LINES_READ = 128 /* of the end of a log, in which a traceback may begin */
};

static const struct {
	int64_t number;
	const char *word;
} signals[] = {
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

static const char *signal_word(int64_t number)
{
	for (size_t i = 0; i < LOCAL_COUNT(signals); i++) {
		if (signals[i].number == number)
			return signals[i].word;
	}
	return "";
}

/* Limits as the supervisor calls them and as callers set them. */
static const struct {
	const char *limit;
	const char *words;
	const char *member;
} limits[] = {
	{"wall", "running time", "wall_seconds"},
	{"cpu", "CPU time", "cpu_seconds"},
	{"memory", "memory", "memory_bytes"},
	{"file_bytes", "file size", "file_bytes"},
};

/* The name callers set it by. */
static const char *limit_name(const char *limit)
{
	for (size_t i = 0; i < LOCAL_COUNT(limits); i++) {
		if (strcmp(limits[i].limit, limit) == 0)
			return limits[i].member;
	}
	return limit;
}

/* "limit of running time (wall_seconds: 2)". */
static const char *limit_text(struct local_call *c, const struct child *child)
{
	for (size_t i = 0; i < LOCAL_COUNT(limits); i++) {
		const struct davit_sdk_json *value =
			davit_sdk_member(child->applied, limits[i].member);

		if (strcmp(limits[i].limit, child->limit) != 0)
			continue;
		if (value == NULL)
			return local_text(c, "limit of %s (%s)", limits[i].words, limits[i].member);
		return local_text(c, "limit of %s (%s: %lld)", limits[i].words, limits[i].member,
			(long long)value->integer);
	}
	return local_text(c, "limit %s", child->limit);
}

/* Limits that end nothing by themselves: the call fails, and a program that does not mind ends with
 * an exception, which has one of these words. */
static const struct {
	const char *word;
	const char *member;
} told[] = {
	{"OSError: [Errno 27]", "file_bytes"},
	{"OSError: [Errno 24]", "open_files"},
	{"OSError: [Errno 12]", "address_space_bytes"},
	{"MemoryError", "address_space_bytes"},
};

/* Which of them, being set, the exception is about; NULL: none. */
static const char *told_limit(const struct child *child, const char *exception)
{
	for (size_t i = 0; i < LOCAL_COUNT(told); i++) {
		if (strstr(exception, told[i].word) != NULL &&
			davit_sdk_member(child->applied, told[i].member) != NULL)
			return told[i].member;
	}
	return NULL;
}

/* --- the end of a log --- */

/* The last lines, oldest first. */
struct tail {
	davit_buf lines[LINES_READ];
	size_t count;
};

/* A line of the supervisor's in a log. */
static bool is_note(davit_buf line)
{
	static const char mark[] = "[davit:";

	return line.n >= sizeof(mark) - 1 && memcmp(line.p, mark, sizeof(mark) - 1) == 0;
}

/* What would be seen of it: a bar of progress draws over itself. */
static davit_buf seen(davit_buf line)
{
	while (line.n > 0 && (unsigned char)line.p[line.n - 1] <= ' ')
		line.n--;
	for (size_t i = line.n; i > 0; i--) {
		if (line.p[i - 1] == '\r')
			return (davit_buf){line.p + i, line.n - i};
	}
	return line;
}

/* Lines that hold something of the command's. Of bytes that begin amid a file the first line
 * may be a part of one. */
static void read_tail(davit_buf bytes, struct tail *ret)
{
	davit_buf found[LINES_READ];
	size_t end = bytes.n;
	size_t n = 0;

	while (end > 0 && n < LINES_READ) {
		size_t start = end;
		davit_buf line;

		while (start > 0 && bytes.p[start - 1] != '\n')
			start--;
		line = seen((davit_buf){bytes.p + start, end - start});
		if (line.n > 0 && !is_note(line))
			found[n++] = line;
		end = start > 0 ? start - 1 : 0;
	}
	ret->count = n;
	for (size_t i = 0; i < n; i++)
		ret->lines[i] = found[n - 1 - i];
}

/* One line for people: whole characters, no control bytes, not too long. */
static const char *shown(struct local_call *c, davit_buf line)
{
	size_t n = utf8_cut(line, LINE_BYTES);
	char *text = local_alloc(c, n + 1);
	size_t at = 0;

	for (size_t i = 0; text != NULL && i < n; i++) {
		if ((unsigned char)line.p[i] >= ' ' && line.p[i] != 0x7f)
			text[at++] = line.p[i];
		else if (line.p[i] == '\t')
			text[at++] = ' ';
	}
	return local_text(c, "%s%s", text != NULL ? text : "", n < line.n ? "..." : "");
}

static bool begins_traceback(davit_buf line)
{
	static const char words[] = "Traceback (most recent call last):";

	return line.n == sizeof(words) - 1 && memcmp(line.p, words, line.n) == 0;
}

/* The lines of a Python traceback that the log ends with: its first, and the one that names
 * the exception. false: there is none, or too much was said after it. */
static bool find_traceback(const struct tail *tail, size_t *ret_first, size_t *ret_exception)
{
	size_t first = tail->count;
	size_t i;

	while (first > 0 && !begins_traceback(tail->lines[first - 1]))
		first--;
	if (first == 0)
		return false;
	for (i = first; i < tail->count && tail->lines[i].p[0] == ' '; i++)
		;
	*ret_first = first - 1;
	*ret_exception = i;
	return i < tail->count && tail->count - i <= CHILD_LINES;
}

/* Fills lines of ret; the one that says most is returned, or NULL. */
static const char *take_lines(struct local_call *c, const struct tail *tail, struct child_why *ret)
{
	size_t first = tail->count > CHILD_LINES ? tail->count - CHILD_LINES : 0;
	size_t begin;
	size_t best;

	if (tail->count == 0)
		return NULL;
	best = tail->count - 1;
	ret->traceback = find_traceback(tail, &begin, &best);
	if (ret->traceback && begin > first)
		first = begin;
	else if (best >= tail->count || tail->count - best > CHILD_LINES)
		best = tail->count - 1;
	for (size_t i = first; i < tail->count; i++)
		ret->lines[ret->line_count++] = shown(c, tail->lines[i]);
	return ret->lines[best - first];
}

static const char *said(struct local_call *c, const char *name, struct child_why *ret)
{
	struct tail *tail = local_alloc(c, sizeof(*tail));
	const char *best = NULL;
	davit_buf bytes;

	if (tail != NULL && child_tail(c, name, "log", TAIL_BYTES, &bytes)) {
		read_tail(bytes, tail);
		best = take_lines(c, tail, ret);
	}
	while (best != NULL && *best == ' ')
		best++;
	return best == NULL ? "" : local_text(c, ": %s", best);
}

const char *child_last_words(struct local_call *c, const char *name)
{
	struct child_why why = {0};

	return said(c, name, &why);
}

/* --- both --- */

/* last: what follows. */
static const char *end_text(struct local_call *c, const struct child *child, const char *last)
{
	if (child->error[0] != '\0')
		return local_text(c, "could not be started: %s", child->error);
	if (child->lost)
		return local_text(c, "its supervisor was killed and its end is unknown%s", last);
	if (child->limit[0] != '\0')
		return local_text(c, "stopped at its %s%s", limit_text(c, child), last);
	if (child->interrupted)
		return local_text(c, "stopped when the machine or its supervisor was%s", last);
	if (child->signal != 0)
		return local_text(
			c, "signal %d%s%s", (int)child->signal, signal_word(child->signal), last);
	return local_text(c, "exit code %d%s", (int)child->exit_code, last);
}

void child_explain(
	struct local_call *c, const char *name, const struct child *child, struct child_why *ret)
{
	const char *last;

	*ret = (struct child_why){0};
	last = said(c, name, ret);
	if (ret->traceback && child->exit_code > 0 && child->limit[0] == '\0')
		ret->limit = told_limit(child, last);
	if (ret->limit != NULL)
		last = local_text(c, "%s (limit %s: %lld)", last, ret->limit,
			(long long)davit_sdk_member(child->applied, ret->limit)->integer);
	ret->text = end_text(c, child, last);
}

const char *child_end(struct local_call *c, const struct child *child)
{
	return end_text(c, child, "");
}

void child_put_reason(struct davit_sdk_writer *w, const char *key, const struct child *child,
	const struct child_why *why)
{
	davit_sdk_open_object(w, key);
	if (child->exit_code >= 0)
		davit_sdk_put_int(w, "exit_code", child->exit_code);
	if (child->signal > 0)
		davit_sdk_put_int(w, "signal", child->signal);
	if (child->limit[0] != '\0')
		davit_sdk_put_text(w, "limit", limit_name(child->limit));
	else
		davit_sdk_put_text(w, "limit", why->limit);
	davit_sdk_open_array(w, "lines");
	for (size_t i = 0; i < why->line_count; i++)
		davit_sdk_put_text(w, NULL, why->lines[i]);
	davit_sdk_close_array(w);
	davit_sdk_close_object(w);
}

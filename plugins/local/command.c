/* command - see command.h. One pass over the text with the state in a struct. */
#include "command.h"

#include <stdbool.h>
#include <string.h>

struct splitter {
	const char *text;
	size_t n;
	size_t at;
	char *out;
	size_t count;
	bool in_word;
	bool quoted; /* the word so far holds quoted bytes */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\n' || c == '\r';
}

static bool is_operator(char c)
{
	return c != '\0' && strchr("|&;<>()$`", c) != NULL;
}

static bool is_name_byte(char c, bool first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (!first && c >= '0' && c <= '9');
}

static void put(struct splitter *s, char c)
{
	*s->out++ = c;
	s->in_word = true;
}

static void end_word(struct splitter *s)
{
	if (!s->in_word)
		return;
	*s->out++ = '\0';
	s->count++;
	s->in_word = false;
	s->quoted = false;
}

static enum command_fault single_quoted(struct splitter *s)
{
	const char *start = s->text + s->at + 1;
	const char *end = memchr(start, '\'', s->n - s->at - 1);

	if (end == NULL)
		return COMMAND_QUOTE;
	while (start < end)
		put(s, *start++);
	s->at = (size_t)(end - s->text) + 1;
	return COMMAND_OK;
}

static enum command_fault double_quoted(struct splitter *s)
{
	size_t open = s->at++;

	for (; s->at < s->n && s->text[s->at] != '"'; s->at++) {
		char c = s->text[s->at];

		if (c == '$' || c == '`')
			return COMMAND_OPERATOR;
		if (c == '\\' && s->at + 1 < s->n && strchr("$`\"\\\n", s->text[s->at + 1])) {
			c = s->text[++s->at];
			if (c == '\n')
				continue;
		}
		put(s, c);
	}
	if (s->at == s->n) {
		s->at = open;
		return COMMAND_QUOTE;
	}
	s->at++;
	return COMMAND_OK;
}

static enum command_fault backslash(struct splitter *s)
{
	if (s->at + 1 == s->n)
		return COMMAND_QUOTE;
	if (s->text[s->at + 1] != '\n')
		put(s, s->text[s->at + 1]);
	s->at += 2;
	return COMMAND_OK;
}

/* Is the "=" at s->at the end of the NAME of an assignment before the command? */
static bool is_assignment(const struct splitter *s)
{
	size_t start = s->at;

	if (s->count > 0 || !s->in_word || s->quoted)
		return false;
	while (start > 0 && !is_space(s->text[start - 1]))
		start--;
	for (size_t i = start; i < s->at; i++) {
		if (!is_name_byte(s->text[i], i == start))
			return false;
	}
	return true;
}

static void skip_space(struct splitter *s)
{
	while (s->at < s->n && is_space(s->text[s->at]))
		s->at++;
}

/* A line break after the command means nothing, one within it would begin another. */
static enum command_fault line_break(struct splitter *s)
{
	size_t at = s->at;

	skip_space(s);
	if (s->at == s->n)
		return COMMAND_OK;
	s->at = at;
	return COMMAND_OPERATOR;
}

static enum command_fault step(struct splitter *s)
{
	char c = s->text[s->at];

	if (c == '\'' || c == '"' || c == '\\') {
		s->in_word = s->in_word || c != '\\';
		s->quoted = true;
		if (c == '\\')
			return backslash(s);
		return c == '"' ? double_quoted(s) : single_quoted(s);
	}
	if (c == '\n' || c == '\r')
		return line_break(s);
	if (is_operator(c) || (c == '#' && !s->in_word))
		return COMMAND_OPERATOR;
	if (c == '=' && is_assignment(s))
		return COMMAND_ASSIGNMENT;
	if (is_blank(c))
		end_word(s);
	else
		put(s, c);
	s->at++;
	return COMMAND_OK;
}

enum command_fault command_split(
	const char *text, size_t n, char *words, size_t *ret_count, size_t *ret_at)
{
	struct splitter s = {.text = text, .n = n};
	enum command_fault fault = COMMAND_OK;
	const char *nul = memchr(text, '\0', n);

	s.out = words;
	if (nul != NULL) {
		*ret_at = (size_t)(nul - text);
		return COMMAND_NUL;
	}
	skip_space(&s);
	while (fault == COMMAND_OK && s.at < s.n)
		fault = step(&s);
	*ret_at = s.at;
	if (fault != COMMAND_OK)
		return fault;
	end_word(&s);
	*ret_count = s.count;
	return s.count == 0 ? COMMAND_EMPTY : COMMAND_OK;
}

const char *command_fault_text(enum command_fault fault)
{
	static const char *const texts[COMMAND_FAULT_COUNT] = {
		[COMMAND_OK] = "the command can be run",
		[COMMAND_EMPTY] = "the command is empty",
		[COMMAND_QUOTE] =
			"the command has a quote that is not closed or ends in a backslash",
		[COMMAND_NUL] = "the command has a NUL byte",
		[COMMAND_OPERATOR] =
			"the command needs a shell, which this site has not switched on (local.shell: true)",
		[COMMAND_ASSIGNMENT] =
			"the command begins with NAME=value, which needs a shell (local.shell: true); put it into \"environment\"",
	};

	return texts[fault];
}

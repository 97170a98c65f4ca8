/* requirements - see requirements.h. */
#include "requirements.h"

#include <string.h>

#include "requirement_line.h"
#include "source.h"
#include "utf8.h"

enum {
	TEXT_BYTES = 256 * 1024,
	LINES_MAX = 1000,
	SHOWN_BYTES = 120
};

struct reader {
	struct local_call *c;
	const char *pointer;
	const char **lines;
	size_t count;
	size_t number; /* of the line being read, from 1 */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool refuse(struct reader *r, const char *line, const char *why)
{
	(void)davit_sdk_fail_at(&r->c->sdk, DAVIT_INVALID, r->pointer, "line %d (\"%.*s\") %s",
		(int)r->number, SHOWN_BYTES, line, why);
	return false;
}

/* Without its comment and the space around it. */
static char *trim(char *line)
{
	char *end;

	while (is_space(*line))
		line++;
	for (char *p = line; *p != '\0'; p++) {
		if (*p == '#' && (p == line || is_space(p[-1]))) {
			*p = '\0';
			break;
		}
	}
	end = line + strlen(line);
	while (end > line && is_space(end[-1]))
		*--end = '\0';
	return line;
}

static bool add_line(struct reader *r, char *text)
{
	char *line = trim(text);
	const char *fault;

	if (line[0] == '\0')
		return true;
	for (const char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' && *p != '\t')
			return refuse(r, "…", "has a control character");
	}
	fault = requirement_line_fault(line);
	if (fault != NULL)
		return refuse(r, line, fault);
	if (r->count == LINES_MAX)
		return refuse(r, line, "is one of more than 1000 lines");
	r->lines[r->count++] = line;
	return true;
}

static size_t count_breaks(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* A backslash at the end of a line goes on with the next one, as pip does. */
static void join_lines(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (from[0] == '\\' && from[1] == '\n')
			from++;
		else if (from[0] == '\\' && from[1] == '\r' && from[2] == '\n')
			from += 2;
		else
			*to++ = *from;
	}
	*to = '\0';
}

/* text is taken over. */
static bool read_lines(struct reader *r, char *text)
{
	size_t room = count_breaks(text);

	join_lines(text);
	r->lines = local_alloc(r->c, (room < LINES_MAX ? room : LINES_MAX) * sizeof(*r->lines));
	while (r->lines != NULL && text != NULL) {
		char *next = strchr(text, '\n');

		if (next != NULL)
			*next++ = '\0';
		r->number++;
		if (!add_line(r, text))
			return false;
		text = next;
	}
	return r->lines != NULL;
}

/* The lines of an array as one text. */
static char *joined(struct local_call *c, const struct davit_sdk_json *array, const char *pointer)
{
	size_t n = 1;
	char *text;
	char *p;

	for (const struct davit_sdk_json *v = array->first; v != NULL; v = v->next) {
		if (v->kind != DAVIT_SDK_TEXT) {
			(void)davit_sdk_fail_at(
				&c->sdk, DAVIT_INVALID, pointer, "must hold lines of text only");
			return NULL;
		}
		n += v->text.n + 1;
	}
	text = n > TEXT_BYTES ? NULL : local_alloc(c, n);
	if (n > TEXT_BYTES)
		(void)davit_sdk_fail_at(
			&c->sdk, DAVIT_INVALID, pointer, "has more than %d bytes", TEXT_BYTES);
	p = text;
	for (const struct davit_sdk_json *v = array->first; text != NULL && v != NULL;
		v = v->next) {
		memcpy(p, v->text.p, v->text.n);
		p += v->text.n;
		*p++ = '\n';
	}
	return text;
}

static char *copied(struct local_call *c, davit_buf bytes, const char *pointer)
{
	char *text;

	if (bytes.n > TEXT_BYTES || !utf8_is_text(bytes)) {
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, pointer,
			"must be UTF-8 text of at most %d bytes", TEXT_BYTES);
		return NULL;
	}
	text = local_alloc(c, bytes.n + 1);
	if (text != NULL && bytes.n > 0)
		memcpy(text, bytes.p, bytes.n);
	return text;
}

static char *sourced(struct local_call *c, const struct davit_sdk_json *source, const char *pointer)
{
	struct sealed sealed;
	davit_blob blob = 0;
	davit_buf bytes;
	int32_t code;

	if (!source_seal(c, source, pointer, &sealed))
		return NULL;
	code = c->sdk.host->blob->open(c->sdk.call, davit_sdk_buf(sealed.digest), &blob);
	if (local_check(c, code) != DAVIT_OK)
		return NULL;
	bytes = davit_sdk_read_blob(&c->sdk, blob, TEXT_BYTES);
	c->sdk.host->blob->close(c->sdk.call, blob);
	return bytes.p == NULL ? NULL : copied(c, bytes, pointer);
}

static char *text_of(struct local_call *c, const struct davit_sdk_json *v, const char *pointer)
{
	if (v->kind == DAVIT_SDK_TEXT)
		return copied(c, v->text, pointer);
	if (v->kind == DAVIT_SDK_ARRAY)
		return joined(c, v, pointer);
	if (v->kind == DAVIT_SDK_OBJECT)
		return sourced(c, v, pointer);
	(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, pointer,
		"must be a text, an array of lines, or an object with path, text, uri, upload or blob");
	return NULL;
}

bool requirements_read(struct local_call *c, const struct davit_sdk_json *member,
	const char *pointer, struct requirements *ret)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct reader r = {.c = c, .pointer = pointer};
	char *text;

	*ret = (struct requirements){0};
	if (member == NULL || member->kind == DAVIT_SDK_NULL)
		return c->sdk.code == DAVIT_OK;
	text = text_of(c, member, pointer);
	if (text != NULL && strncmp(text, byte_order_mark, sizeof(byte_order_mark) - 1) == 0)
		text += sizeof(byte_order_mark) - 1;
	if (text == NULL || !read_lines(&r, text))
		return false;
	*ret = (struct requirements){r.lines, r.count};
	return true;
}

bool requirements_check(
	struct local_call *c, const struct davit_sdk_json *member, const char *pointer)
{
	struct requirements lines;

	if (member != NULL && member->kind == DAVIT_SDK_OBJECT)
		return source_check(c, member, pointer);
	return requirements_read(c, member, pointer, &lines);
}

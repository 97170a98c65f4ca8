/* The text of an element. */
#include <string.h>

#include "kit/xml.h"

static davit_buf fail(struct xml *x, const char *problem)
{
	if (x->problem == NULL)
		x->problem = problem;
	x->p = x->end;
	x->depth = 0;
	x->closes = false;
	return (davit_buf){"", 0};
}

/* --- references --- */

static int32_t digit(char c, int32_t base)
{
	int32_t value = -1;

	if (c >= '0' && c <= '9')
		value = c - '0';
	else if (c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	return value < base ? value : -1;
}

/* The character of the n bytes between "&#" and ";", or -1. */
static int32_t number(const char *p, size_t n)
{
	int32_t base = 10, value = 0;

	if (n > 0 && p[0] == 'x') {
		base = 16;
		p++;
		n--;
	}
	if (n == 0 || n > 10)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int32_t d = digit(p[i], base);

		if (d < 0 || value > 0x10ffff)
			return -1;
		value = value * base + d;
	}
	return value;
}

/* The character that the n bytes between '&' and ';' stand for, or -1: no NUL, no half. */
static int32_t reference(const char *p, size_t n)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
	int32_t c;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == n && memcmp(known[i].name, p, n) == 0)
			return known[i].c;
	if (n < 2 || p[0] != '#')
		return -1;
	c = number(p + 1, n - 1);
	return c > 0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? c : -1;
}

/* c as UTF-8: no longer than any reference to it. */
static char *put(char *out, int32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 63));
		}
		*out++ = (char)(0x80 | (c >> 6 & 63));
	}
	*out++ = (char)(0x80 | (c & 63));
	return out;
}

/* --- pieces of text --- */

#define REFERENCE_MAX 12 /* bytes between '&' and ';' */

/* The n bytes at p to out, which has room for as many; NULL: they are no text. */
static char *write(char *out, const char *p, size_t n, bool plain)
{
	const char *end = p + n;

	while (p < end) {
		size_t length = davit_sdk_utf8(p, (size_t)(end - p));
		const char *semicolon;
		int32_t c;

		if (length == 0 || *p == '\0')
			return NULL;
		if (*p != '&' || plain) {
			memcpy(out, p, length);
			out += length;
			p += length;
			continue;
		}
		length = (size_t)(end - p) - 1 < REFERENCE_MAX ? (size_t)(end - p) - 1
		                                               : REFERENCE_MAX;
		semicolon = memchr(p + 1, ';', length);
		c = semicolon != NULL ? reference(p + 1, (size_t)(semicolon - p) - 1) : -1;
		if (c < 0)
			return NULL;
		out = put(out, c);
		p = semicolon + 1;
	}
	return out;
}

/* What may stand within text: comments, instructions, and text that is written otherwise. */
struct mark {
	const char *begin, *end;
	bool text;
};

/* The mark at p, and where its inside begins and ends; NULL: there is none, or it is cut. */
static const struct mark *find_mark(
	const char *p, const char *end, const char **ret_from, const char **ret_to)
{
	static const struct mark marks[] = {
		{"<!--", "-->", false}, {"<?", "?>", false}, {"<![CDATA[", "]]>", true}};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t n = strlen(marks[i].begin);

		if ((size_t)(end - p) < n || memcmp(p, marks[i].begin, n) != 0)
			continue;
		*ret_from = p + n;
		*ret_to = memmem(p + n, (size_t)(end - p) - n, marks[i].end, strlen(marks[i].end));
		return *ret_to != NULL ? &marks[i] : NULL;
	}
	return NULL;
}

/* Where the text at p ends, with "</"; NULL with why: it does not. */
static const char *find_end(const char *p, const char *end, const char **ret_problem)
{
	const char *from, *to;

	*ret_problem = "it is cut";
	while ((p = memchr(p, '<', (size_t)(end - p))) != NULL && end - p > 1 && p[1] != '/') {
		const struct mark *mark = find_mark(p, end, &from, &to);

		if (mark == NULL) {
			*ret_problem = "an element stands where text should";
			return NULL;
		}
		p = to + strlen(mark->end);
	}
	return p != NULL && end - p > 1 ? p : NULL;
}

/* All from p to end, without an element in it, to out; NULL: it is no text. */
static char *write_all(char *out, const char *p, const char *end)
{
	const char *from, *to;

	while (out != NULL && p < end) {
		const char *at = memchr(p, '<', (size_t)(end - p));
		const struct mark *mark = NULL;

		out = write(out, p, (size_t)((at != NULL ? at : end) - p), false);
		if (at == NULL)
			return out;
		mark = find_mark(at, end, &from, &to);
		if (mark == NULL)
			return NULL;
		if (out != NULL && mark->text)
			out = write(out, from, (size_t)(to - from), true);
		p = to + strlen(mark->end);
	}
	return out;
}

davit_buf xml_text(struct xml *x, struct davit_sdk_mem *mem)
{
	uint32_t level = x->depth;
	const char *problem, *end;
	char *text, *out;

	if (x->problem != NULL || level == 0)
		return (davit_buf){"", 0};
	if (x->closes) {
		(void)xml_child(x, level);
		return (davit_buf){"", 0};
	}
	end = find_end(x->p, x->end, &problem);
	if (end == NULL)
		return fail(x, problem);
	text = davit_sdk_alloc(mem, (size_t)(end - x->p) + 1);
	if (text == NULL)
		return fail(x, "there is no memory for it");
	out = write_all(text, x->p, end);
	if (out == NULL)
		return fail(x, "what should be text is none");
	*out = '\0';
	x->p = end;
	(void)xml_child(x, level);
	return x->problem == NULL ? (davit_buf){text, (size_t)(out - text)} : (davit_buf){"", 0};
}

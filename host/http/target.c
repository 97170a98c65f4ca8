/* Takes the address of a request apart, in one copy that is decoded in place. */
#include "http/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/utf8.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte of the escape at p, or -1 where there is none. end is the end of the text. */
static int escaped_byte(const char *p, const char *end)
{
	int high, low;

	if (end - p < 3 || *p != '%')
		return -1;
	high = hex_value(p[1]);
	low = hex_value(p[2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool is_utf8(const char *text, size_t n)
{
	for (size_t length; n > 0; text += length, n -= length) {
		length = utf8_length(text, n);
		if (length == 0)
			return false;
	}
	return true;
}

/* Decodes text up to end in place and ends it with NUL, before a NUL byte that fails it;
 * *end itself may be overwritten. part: the word for it in errors. */
static bool decode(char *text, char *end, bool plus_is_blank, const char *part, struct fail *f)
{
	char *to = text;

	for (const char *p = text; p < end; p++) {
		int byte = escaped_byte(p, end);

		if (byte == 0) {
			*to = '\0';
			return fail_set(f, FAIL_INVALID, "the %s holds a NUL byte", part);
		}
		if (byte > 0) {
			*(unsigned char *)to++ = (unsigned char)byte;
			p += 2;
		} else {
			*to++ = (char)(*p == '+' && plus_is_blank ? ' ' : *p);
		}
	}
	*to = '\0';
	return is_utf8(text, (size_t)(to - text)) ||
	       fail_set(f, FAIL_INVALID, "the %s is not UTF-8", part);
}

/* "http://host/path" to "/path": proxies send it. */
static char *skip_authority(char *text)
{
	char *slashes = strstr(text, "://");
	char *first = text + strcspn(text, "/?#");

	if (slashes == NULL || first != slashes + 1)
		return text;
	return slashes + 3 + strcspn(slashes + 3, "/?#");
}

static bool query_pair(struct pair *pair, char *text, char *end, struct fail *f)
{
	char *equals = memchr(text, '=', (size_t)(end - text));

	pair->key = text;
	pair->value = equals != NULL ? equals + 1 : "";
	if (equals == NULL)
		return decode(text, end, true, "query", f);
	return decode(equals + 1, end, true, "query", f) && decode(text, equals, true, "query", f);
}

static size_t query_parts(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == '&';
	return n;
}

static bool query_parse(struct target *t, char *text, struct fail *f)
{
	size_t parts = query_parts(text);

	if (parts > TARGET_QUERY_MAX)
		return fail_set(f, FAIL_INVALID, "the address has more than %d query keys",
			TARGET_QUERY_MAX);
	t->query = calloc(parts, sizeof(*t->query));
	if (t->query == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	for (size_t i = 0; i < parts; i++) {
		char *end = text + strcspn(text, "&");
		char *next = *end == '&' ? end + 1 : end;

		if (end != text && !query_pair(&t->query[t->query_count++], text, end, f))
			return false;
		text = next;
	}
	return true;
}

static bool path_parse(struct target *t, char *text, char *end, struct fail *f)
{
	bool ok = decode(text, end, false, "path", f);

	while (text[0] == '/' && text[1] == '/')
		text++;
	t->path = text;
	return ok;
}

bool target_parse(struct target *t, const char *raw, size_t n, struct fail *f)
{
	char *path, *end, *query = NULL;

	memset(t, 0, sizeof(*t));
	/* One byte in front, for the slash that "?key" lacks. */
	t->text = malloc(n + 2);
	if (t->text == NULL)
		return fail_set(f, FAIL_INTERNAL, "out of memory");
	if (memchr(raw, '\0', n) != NULL)
		return fail_set(f, FAIL_INVALID, "the address holds a NUL byte");
	t->text[0] = '/';
	memcpy(t->text + 1, raw, n);
	t->text[n + 1] = '\0';
	t->text[1 + strcspn(t->text + 1, "#")] = '\0';
	path = skip_authority(t->text + 1);
	if (*path == '?' || *path == '\0')
		*--path = '/';
	end = path + strcspn(path, "?");
	if (*end == '?') {
		*end = '\0';
		query = end + 1;
	}
	return path_parse(t, path, end, f) && (query == NULL || query_parse(t, query, f));
}

void target_finish(struct target *t)
{
	free(t->query);
	free(t->text);
	memset(t, 0, sizeof(*t));
}

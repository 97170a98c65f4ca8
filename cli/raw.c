/* raw - see raw.h. */
#include "raw.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"

bool raw_check(const char *text, size_t n, struct fail *f)
{
	json_t *value = json_parse(text, n, f);

	if (value == NULL) /* for nothing but an integer of more than 64 bits? */
		value = json_loadb(text, n,
			JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
	json_decref(value);
	return value != NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_blank(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* Behind the text that begins at p. */
static const char *skip_text(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\' && p + 1 < end;
	return p < end ? p + 1 : end;
}

/* Behind the value that begins at p. */
static const char *skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		if (depth == 0 && (*p == ',' || *p == ']' || *p == '}' || is_blank(*p)))
			return p;
		if (*p == '"') {
			p = skip_text(p, end);
		} else {
			depth += *p == '[' || *p == '{';
			depth -= *p == ']' || *p == '}';
			p++;
		}
	}
	return p;
}

struct raw raw_value(const char *text, size_t n)
{
	const char *p = skip_blank(text, text + n);

	return (struct raw){p, (size_t)(skip_value(p, text + n) - p)};
}

bool raw_is_array(struct raw value)
{
	return value.n > 0 && value.p[0] == '[';
}

bool raw_is_object(struct raw value)
{
	return value.n > 0 && value.p[0] == '{';
}

bool raw_next(struct raw value, size_t *at, struct raw *ret_key, struct raw *ret)
{
	const char *end = value.p + value.n;
	const char *p;
	struct raw key = {NULL, 0};

	if (*at + 1 >= value.n)
		return false;
	p = skip_blank(value.p + *at + 1, end); /* behind the bracket or the comma */
	if (raw_is_object(value) && p < end && *p == '"') {
		key = (struct raw){p, (size_t)(skip_text(p, end) - p)};
		p = skip_blank(p + key.n, end);
		p = skip_blank(p + 1, end); /* behind the colon */
	}
	if (p >= end || *p == ']' || *p == '}')
		return false;
	*ret = (struct raw){p, (size_t)(skip_value(p, end) - p)};
	if (ret_key != NULL)
		*ret_key = key;
	*at = (size_t)(skip_blank(p + ret->n, end) - value.p);
	return true;
}

bool raw_is_key(struct raw key, const char *name)
{
	json_t *text = key.n > 0 ? json_loadb(key.p, key.n, JSON_DECODE_ANY, NULL) : NULL;
	bool same = json_is_string(text) && strcmp(json_string_value(text), name) == 0;

	json_decref(text);
	return same;
}

void raw_put(struct buf *out, struct raw value)
{
	const char *end = value.p + value.n;
	const char *p = value.p;

	while (p < end) {
		const char *from = p;

		while (p < end && !is_blank(*p))
			p = *p == '"' ? skip_text(p, end) : p + 1;
		buf_add(out, from, (size_t)(p - from));
		p = skip_blank(p, end);
	}
}

/*
 * JSON to text. jansson writes reals with 17 digits, so that 0.9 goes out as
 * 0.90000000000000002; people read our answers, so reals get the fewest digits that read back
 * the same. Everything else is as jansson does it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

json_t *json_text_any(const char *bytes, size_t n)
{
	struct buf b;
	json_t *v = NULL;

	buf_init(&b, SIZE_MAX);
	for (size_t i = 0; i < n;) {
		size_t length = utf8_length(bytes + i, n - i);

		if (length == 0 || bytes[i] == '\0')
			buf_text(&b, REPLACEMENT);
		else
			buf_add(&b, bytes + i, length);
		i += length == 0 ? 1 : length;
	}
	if (!b.failed)
		v = json_stringn(b.p != NULL ? b.p : "", b.n);
	buf_finish(&b);
	return v;
}

static void write_escape(struct buf *out, char c)
{
	static const char named[] = "\"\\\b\f\n\r\t";
	static const char names[] = "\"\\bfnrt";
	const char *at = c == '\0' ? NULL : strchr(named, c);

	if (at != NULL)
		buf_printf(out, "\\%c", names[at - named]);
	else
		buf_printf(out, "\\u%04X", (unsigned)(unsigned char)c);
}

static void write_text(struct buf *out, const char *text, size_t n)
{
	size_t plain = 0; /* where the run of bytes begins that need no escape */

	buf_text(out, "\"");
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\')
			continue;
		buf_add(out, text + plain, i - plain);
		write_escape(out, text[i]);
		plain = i + 1;
	}
	buf_add(out, text + plain, n - plain);
	buf_text(out, "\"");
}

static void write_real(struct buf *out, double value)
{
	char text[40];
	int digits = 15;

	do {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		digits++;
	} while (digits <= 17 && strtod(text, NULL) != value);
	buf_text(out, text);
	if (strpbrk(text, ".e") == NULL)
		buf_text(out, ".0"); /* stays a real when read back */
}

static void write_value(struct buf *out, const json_t *v);

static void write_object(struct buf *out, const json_t *v)
{
	const char *key, *comma = "";
	json_t *member;

	buf_text(out, "{");
	json_object_foreach((json_t *)v, key, member)
	{
		buf_text(out, comma);
		write_text(out, key, strlen(key));
		buf_text(out, ":");
		write_value(out, member);
		comma = ",";
	}
	buf_text(out, "}");
}

static void write_array(struct buf *out, const json_t *v)
{
	size_t i;
	json_t *member;

	buf_text(out, "[");
	json_array_foreach(v, i, member)
	{
		buf_text(out, i == 0 ? "" : ",");
		write_value(out, member);
	}
	buf_text(out, "]");
}

/* Recurses as deep as v is; what came through json_parse() is JSON_DEPTH_MAX at most. */
static void write_value(struct buf *out, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		write_object(out, v);
		break;
	case JSON_ARRAY:
		write_array(out, v);
		break;
	case JSON_STRING:
		write_text(out, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		write_real(out, json_real_value(v));
		break;
	case JSON_TRUE:
		buf_text(out, "true");
		break;
	case JSON_FALSE:
		buf_text(out, "false");
		break;
	case JSON_NULL:
		buf_text(out, "null");
		break;
	}
}

void json_compact_to(struct buf *out, const json_t *v)
{
	write_value(out, v);
}

char *json_compact(const json_t *v, size_t *ret_n)
{
	struct buf out;

	buf_init(&out, SIZE_MAX);
	write_value(&out, v);
	return buf_take(&out, ret_n);
}

/* Values of requests, written part by part. */
#include "provider/http_value.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/utf8.h"
#include "provider/call_secrets.h"
#include "secret/crypto.h"

#define DEPTH_MAX 8 /* values within values */

struct writer {
	const struct call_secrets *secrets;
	const char *pointer;
	bool secret; /* one was among them */
	int depth;
	struct fail *f;
};

static bool write_value(struct writer *w, struct buf *out, const json_t *v);

static bool refuse(const struct writer *w, const char *why)
{
	return fail_at(w->f, FAIL_INVALID, w->pointer, "%s", why);
}

/* --- ways to write --- */

static bool write_form(const struct writer *w, struct buf *out, const struct buf *in)
{
	(void)w;
	for (size_t i = 0; i < in->n; i++) {
		unsigned char c = (unsigned char)in->p[i];

		if (isalnum(c) || (c != '\0' && strchr("-._~", c) != NULL))
			buf_add(out, &in->p[i], 1);
		else
			buf_printf(out, "%%%02X", c);
	}
	return true;
}

static bool write_base64(const struct writer *w, struct buf *out, const struct buf *in)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	(void)w;
	for (size_t i = 0; i < in->n; i += 3) {
		size_t n = in->n - i < 3 ? in->n - i : 3;
		uint32_t bits = 0;
		char group[4] = "====";

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < n ? (unsigned char)in->p[i + k] : 0);
		for (size_t k = 0; k <= n; k++)
			group[k] = digits[bits >> (18 - 6 * k) & 63];
		buf_add(out, group, sizeof(group));
	}
	return true;
}

/* As a JSON string, quotes included. */
static bool write_json(const struct writer *w, struct buf *out, const struct buf *in)
{
	buf_text(out, "\"");
	for (size_t i = 0; i < in->n;) {
		unsigned char c = (unsigned char)in->p[i];
		size_t n = utf8_length(in->p + i, in->n - i);

		if (n == 0)
			return refuse(w, "a value that is not UTF-8 cannot be written as JSON");
		if (c < 0x20)
			buf_printf(out, "\\u%04X", c);
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else
			buf_add(out, in->p + i, n);
		i += n;
	}
	buf_text(out, "\"");
	return true;
}

static const struct {
	const char *name;
	bool (*write)(const struct writer *w, struct buf *out, const struct buf *in);
} ways[] = {
	{"form", write_form},
	{"base64", write_base64},
	{"json", write_json},
};

/* --- parts --- */

static bool write_secret(struct writer *w, struct buf *out, const json_t *handle)
{
	const struct call_secret *s =
		json_is_integer(handle)
			? call_secrets_find(w->secrets, (davit_secret)json_integer_value(handle))
			: NULL;

	if (s == NULL)
		return refuse(w, "there is no such secret in this call");
	w->secret = true;
	buf_add(out, s->p, s->n);
	return true;
}

static bool write_inner(struct writer *w, struct buf *out, size_t way, const json_t *v)
{
	struct buf in;
	bool ok;

	if (w->depth == DEPTH_MAX)
		return refuse(w, "has too many values within values");
	buf_init(&in, out->limit);
	in.secret = true;
	w->depth++;
	ok = write_value(w, &in, v) && ways[way].write(w, out, &in);
	w->depth--;
	http_value_finish(&in);
	return ok;
}

static bool write_part(struct writer *w, struct buf *out, const json_t *v)
{
	const json_t *inner;

	if (json_is_string(v)) {
		buf_add(out, json_string_value(v), json_string_length(v));
		return true;
	}
	if (json_object_size(v) == 1) {
		inner = json_object_get(v, "secret");
		if (inner != NULL)
			return write_secret(w, out, inner);
		for (size_t i = 0; i < COUNT(ways); i++) {
			inner = json_object_get(v, ways[i].name);
			if (inner != NULL)
				return write_inner(w, out, i, inner);
		}
	}
	return refuse(w, "a part must be a text, {\"secret\": handle}, {\"form\": value}, "
			 "{\"base64\": value} or {\"json\": value}");
}

static bool write_value(struct writer *w, struct buf *out, const json_t *v)
{
	const json_t *part;
	size_t i;

	if (json_is_string(v))
		return write_part(w, out, v);
	if (!json_is_array(v))
		return refuse(w, "must be a text or a list of parts");
	json_array_foreach(v, i, part)
	{
		if (!write_part(w, out, part))
			return false;
	}
	return true;
}

bool http_value_write(struct buf *out, const json_t *v, const struct call_secrets *secrets,
	const char *pointer, bool *secret, struct fail *f)
{
	struct writer w = {secrets, pointer, false, 0, f};

	if (!write_value(&w, out, v))
		return false;
	*secret = *secret || w.secret;
	return !out->failed || fail_at(f, FAIL_INVALID, pointer, "is too long");
}

void http_value_finish(struct buf *b)
{
	crypto_cleanse(b->p, b->n);
	buf_finish(b);
}

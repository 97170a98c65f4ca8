/* How a value may stand in a text. Each form is made once, when the value is learned. */
#include <stdlib.h>
#include <string.h>

#include "secret/crypto.h"
#include "secret/redact.h"

#define LINE_LEAST 16 /* bytes of a line that is known by itself */

typedef void each_form(const char *form, size_t n, void *ctx);

/* A long form in pieces of one size; the last one overlaps. */
static void cut_up(const char *form, size_t n, each_form *each, void *ctx)
{
	size_t at = 0;

	if (n <= REDACT_PATTERN_MOST) {
		if (n >= REDACT_LEAST)
			each(form, n, ctx);
		return;
	}
	for (; at + REDACT_PATTERN_MOST <= n; at += REDACT_PATTERN_MOST)
		each(form + at, REDACT_PATTERN_MOST, ctx);
	if (at < n)
		each(form + n - REDACT_PATTERN_MOST, REDACT_PATTERN_MOST, ctx);
}

static const char digits[] = "0123456789abcdef";
static const char upper_digits[] = "0123456789ABCDEF";

/* As our own texts escape; '/' stays. */
static size_t json_form(const unsigned char *value, size_t n, char *out)
{
	static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: a byte, its letter */
	static const char escape[4] = {'\\', 'u', '0', '0'};
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		const char *p = value[i] != '\0' ? strchr(named, value[i]) : NULL;

		if (p != NULL && (p - named) % 2 == 0) {
			out[m++] = '\\';
			out[m++] = p[1];
		} else if (value[i] < ' ') {
			memcpy(out + m, escape, sizeof(escape));
			out[m + 4] = digits[value[i] >> 4];
			out[m + 5] = digits[value[i] & 15];
			m += 6;
		} else {
			out[m++] = (char)value[i];
		}
	}
	return m;
}

static bool unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~", c) != NULL);
}

static size_t percent_form(const unsigned char *value, size_t n, char *out, const char *hex)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		if (unreserved(value[i])) {
			out[m++] = (char)value[i];
		} else {
			out[m++] = '%';
			out[m++] = hex[value[i] >> 4];
			out[m++] = hex[value[i] & 15];
		}
	}
	return m;
}

static size_t hex_form(const unsigned char *value, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[value[i] >> 4];
		out[2 * i + 1] = digits[value[i] & 15];
	}
	return 2 * n;
}

/* The digits that value alone decides where `before` bytes (0 to 2) stand in front of it. */
static size_t base64_form(
	const unsigned char *value, size_t n, size_t before, const char *alphabet, char *out)
{
	size_t first = (before * 8 + 5) / 6 * 6; /* bits, as are the next two */
	size_t end = (before + n) * 8 / 6 * 6;
	size_t m = 0;

	for (size_t bit = first; bit < end; bit += 6) {
		size_t at = bit / 8 - before;
		unsigned pair = (unsigned)value[at] << 8 | (at + 1 < n ? value[at + 1] : 0);

		out[m++] = alphabet[pair >> (10 - bit % 8) & 63];
	}
	return m;
}

static bool same(const char *form, size_t m, const char *value, size_t n)
{
	return m == n && memcmp(form, value, n) == 0;
}

static void all_base64(const char *value, size_t n, char *out, each_form *each, void *ctx)
{
	static const char *const alphabets[] = {
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};

	for (size_t before = 0; before < 3; before++) {
		for (size_t a = 0; a < 2; a++) {
			size_t m = base64_form(
				(const unsigned char *)value, n, before, alphabets[a], out);

			if (a == 0 || memchr(out, '-', m) != NULL || memchr(out, '_', m) != NULL)
				cut_up(out, m, each, ctx);
		}
	}
}

/* Is it text? What is not may be written in hexadecimal digits. */
static bool is_text(const unsigned char *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (value[i] < ' ' && strchr("\t\r\n", value[i]) == NULL)
			return false;
		if (value[i] == '\0' || value[i] == 0x7f)
			return false;
	}
	return true;
}

static void all_lines(const char *value, size_t n, each_form *each, void *ctx)
{
	while (n > 0) {
		const char *end = memchr(value, '\n', n);
		size_t line = end != NULL ? (size_t)(end - value) : n;

		if (line >= LINE_LEAST && strncmp(value, "-----", 5) != 0)
			cut_up(value, line, each, ctx);
		line += end != NULL;
		value += line;
		n -= line;
	}
}

void redact_forms(const char *value, size_t n, each_form *each, void *ctx)
{
	const unsigned char *bytes = (const unsigned char *)value;
	char *out;
	size_t m;

	if (n > REDACT_VALUE_MOST)
		n = REDACT_VALUE_MOST;
	out = malloc(n * 6 + 1);
	cut_up(value, n, each, ctx);
	if (out == NULL)
		return;
	m = json_form(bytes, n, out);
	if (!same(out, m, value, n))
		cut_up(out, m, each, ctx);
	m = percent_form(bytes, n, out, upper_digits);
	if (!same(out, m, value, n)) {
		cut_up(out, m, each, ctx);
		m = percent_form(bytes, n, out, digits);
		cut_up(out, m, each, ctx);
	}
	all_base64(value, n, out, each, ctx);
	if (!is_text(bytes, n))
		cut_up(out, hex_form(bytes, n, out), each, ctx);
	else if (memchr(value, '\n', n) != NULL)
		all_lines(value, n, each, ctx);
	crypto_cleanse(out, n * 6);
	free(out);
}

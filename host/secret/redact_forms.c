/* How a value may stand in a text. Each form is made once, when the value is learned. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "secret/crypto.h"
#include "secret/redact.h"
#include "secret/redact_parts.h"
#include "secret/redact_set.h"

#define LINE_LEAST 16 /* bytes of a line that is known by itself */
#define FORM_MOST  14 /* bytes for one of a value: six as JSON, and that inside a text behind it */

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

/* --- JSON --- */

/* What a writer of JSON escapes by number beyond what it must, and with which digits. */
static const struct json_style {
	const char *numbered;
	const char *hex;
	bool slash; /* as "\/" */
	bool ascii; /* what is not ASCII, by number */
} json_styles[] = {
	{"", digits, false, false}, /* ours comes first */
	{"", digits, true, false},
	{"", digits, false, true},
	{"", digits, true, true},
	{"&<>", digits, false, false},
	{"&<>", digits, false, true},
	{"&<>='", digits, false, false},
	{"&<>='", digits, false, true},
	{"&<>'+\"`", upper_digits, false, true},
};

static size_t put_unit(char *out, unsigned unit, const char *hex)
{
	out[0] = '\\';
	out[1] = 'u';
	for (unsigned i = 0; i < 4; i++)
		out[2 + i] = hex[unit >> (12 - 4 * i) & 15];
	return 6;
}

/* The bytes of the character at p, and what it is; 0: it is none of more than one byte. */
static size_t wide(const unsigned char *p, size_t left, unsigned *ret_code)
{
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;

	if (n == 0 || n > left)
		return 0;
	*ret_code = p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*ret_code = *ret_code << 6 | (p[i] & 0x3fU);
	}
	return n;
}

static size_t put_wide(char *out, unsigned code, const char *hex)
{
	size_t m = 0;

	if (code >= 0x10000) {
		code -= 0x10000;
		m = put_unit(out, 0xd800 | (code >> 10 & 0x3ff), hex);
		code = 0xdc00 | (code & 0x3ff);
	}
	return m + put_unit(out + m, code, hex);
}

/* The letter of a byte that has one, else NUL. */
static char letter_of(unsigned char c)
{
	static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: a byte, its letter */

	for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
		if ((unsigned char)named[i] == c)
			return named[i + 1];
	}
	return '\0';
}

static size_t put_byte(char *out, unsigned char c, const struct json_style *style)
{
	char letter = letter_of(c);

	if (c < 0x80 && c != '\0' && strchr(style->numbered, c) != NULL)
		return put_unit(out, c, style->hex);
	if (letter != '\0' || (c == '/' && style->slash)) {
		out[0] = '\\';
		out[1] = '/';
		if (letter != '\0')
			out[1] = letter;
		return 2;
	}
	if (c < ' ')
		return put_unit(out, c, style->hex);
	out[0] = (char)c;
	return 1;
}

static size_t json_form(
	const unsigned char *value, size_t n, char *out, const struct json_style *style)
{
	size_t m = 0;
	size_t i = 0;

	while (i < n) {
		unsigned code = 0;
		size_t bytes = style->ascii ? wide(value + i, n - i, &code) : 0;

		if (bytes > 0)
			m += put_wide(out + m, code, style->hex);
		else
			m += put_byte(out + m, value[i], style);
		i += bytes > 0 ? bytes : 1;
	}
	return m;
}

/* --- percent signs --- */

/* What a writer of URLs and forms leaves plain beside letters and digits. */
static const struct percent_style {
	const char *plain;
	bool blank_plus; /* a blank is '+' */
} percent_styles[] = {
	{"-._~", false}, /* most do so */
	{"-._~", true},
	{"-._*", true},
	{"-._~/", false},
	{"-._~/", true},
	{"-._~+", false},
	{"-._~+/", false},
	{"-._~!*'()", false},
	{"-._~!*'();,/?:@&=+$#", false},
	{"-._~!*'();,/:@&=+$", false},
};

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static size_t percent_form(const unsigned char *value, size_t n, char *out,
	const struct percent_style *style, const char *hex)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = value[i];

		if (is_letter(c) || (c != '\0' && strchr(style->plain, c) != NULL)) {
			out[m++] = (char)c;
		} else if (c == ' ' && style->blank_plus) {
			out[m++] = '+';
		} else {
			out[m++] = '%';
			out[m++] = hex[c >> 4];
			out[m++] = hex[c & 15];
		}
	}
	return m;
}

/* --- digits --- */

static void all_hex(const char *value, size_t n, char *out, each_form *each, void *ctx)
{
	const char *const cases[] = {digits, upper_digits};

	for (size_t c = 0; c < (n > REDACT_STYLED_MOST ? 1 : COUNT(cases)); c++) {
		for (size_t i = 0; i < n; i++) {
			out[2 * i] = cases[c][(unsigned char)value[i] >> 4];
			out[2 * i + 1] = cases[c][(unsigned char)value[i] & 15];
		}
		cut_up(out, 2 * n, each, ctx);
	}
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

/* Whatever stands around it, and however that is escaped. */
static void all_runs(const char *value, size_t n, each_form *each, void *ctx)
{
	size_t run = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && is_letter((unsigned char)value[i])) {
			run++;
			continue;
		}
		if (run >= REDACT_RUN_LEAST && run < n)
			cut_up(value + i - run, run, each, ctx);
		run = 0;
	}
}

/* The n bytes of JSON that out begins with, inside a text of JSON: with what is not ASCII as it is,
 * and by number. There is room behind them. */
static void json_again(char *out, size_t n, each_form *each, void *ctx)
{
	for (size_t i = 0; i <= 2; i += 2) {
		size_t m = json_form((unsigned char *)out, n, out + n, &json_styles[i]);

		cut_up(out + n, m, each, ctx);
	}
}

static void all_styles(const char *value, size_t n, char *out, each_form *each, void *ctx)
{
	const unsigned char *bytes = (const unsigned char *)value;
	bool few = n > REDACT_STYLED_MOST;
	size_t m;

	for (size_t i = 0; i < (few ? 1 : COUNT(json_styles)); i++) {
		m = json_form(bytes, n, out, &json_styles[i]);
		if (same(out, m, value, n))
			continue;
		cut_up(out, m, each, ctx);
		json_again(out, m, each, ctx);
	}
	for (size_t i = 0; i < (few ? 1 : COUNT(percent_styles)); i++) {
		m = percent_form(bytes, n, out, &percent_styles[i], upper_digits);
		if (same(out, m, value, n))
			continue;
		cut_up(out, m, each, ctx);
		m = percent_form(bytes, n, out, &percent_styles[i], digits);
		cut_up(out, m, each, ctx);
	}
}

void redact_forms(const char *value, size_t n, each_form *each, void *ctx)
{
	char *out;

	if (n > REDACT_VALUE_MOST)
		n = REDACT_VALUE_MOST;
	out = malloc(n * FORM_MOST + 1);
	cut_up(value, n, each, ctx);
	all_runs(value, n, each, ctx);
	if (out == NULL)
		return;
	all_styles(value, n, out, each, ctx);
	all_base64(value, n, out, each, ctx);
	all_hex(value, n, out, each, ctx);
	if (memchr(value, '\n', n) != NULL)
		all_lines(value, n, each, ctx);
	crypto_cleanse(out, n * FORM_MOST);
	free(out);
}

/* --- as a list --- */

struct list {
	struct redact_pattern **first;
	size_t count;
	bool lacking;
};

static void to_list(const char *form, size_t n, void *ctx)
{
	struct list *l = ctx;
	struct redact_pattern *p = redact_pattern_new(form, n);

	if (p == NULL) {
		l->lacking = true;
		return;
	}
	p->next = *l->first;
	*l->first = p;
	l->count++;
}

bool redact_patterns(
	const char *value, size_t n, struct redact_pattern **ret_first, size_t *ret_count)
{
	struct list l = {.first = ret_first};

	*ret_first = NULL;
	redact_forms(value, n, to_list, &l);
	*ret_count = l.count;
	return !l.lacking;
}

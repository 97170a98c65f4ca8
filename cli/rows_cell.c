/* rows_cell - single cells of rows as JSON. See rows.h. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "rows.h"

#define DIGITS_SURE 300 /* so many and no exponent are a double */
#define DIGITS_MAX  4000

/* n bytes within a cell. */
struct part {
	const char *p;
	size_t n;
};

/* A number taken apart. */
struct number {
	bool negative;
	struct part whole; /* digits before the point */
	struct part share; /* digits behind it */
	struct part power; /* "e-3" */
	bool point;
};

static struct part trimmed(const char *text, size_t n)
{
	while (n > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		n--;
	}
	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	return (struct part){text, n};
}

/* Takes the digits that rest begins with. */
static struct part take_digits(struct part *rest)
{
	struct part digits = {rest->p, 0};

	while (digits.n < rest->n && isdigit((unsigned char)digits.p[digits.n]))
		digits.n++;
	rest->p += digits.n;
	rest->n -= digits.n;
	return digits;
}

/* Takes one of two characters, if it is next. */
static bool take_one(struct part *rest, char a, char b)
{
	if (rest->n == 0 || (*rest->p != a && *rest->p != b))
		return false;
	rest->p++;
	rest->n--;
	return true;
}

static bool is_finite(struct part text)
{
	char *copy = strndup(text.p, text.n);
	bool finite = copy != NULL && isfinite(strtod(copy, NULL));

	free(copy);
	return finite;
}

/* Is a cell a number, however people and programs write them: "5.", ".5", "+5", "007"? */
static bool read_number(struct part text, struct number *x)
{
	struct part rest = text;

	*x = (struct number){.negative = text.n > 0 && *text.p == '-'};
	(void)take_one(&rest, '-', '+');
	x->whole = take_digits(&rest);
	x->point = take_one(&rest, '.', '.');
	if (x->point)
		x->share = take_digits(&rest);
	if (x->whole.n + x->share.n == 0 || text.n > DIGITS_MAX)
		return false;
	x->power = rest;
	if (take_one(&rest, 'e', 'E')) {
		(void)take_one(&rest, '-', '+');
		if (take_digits(&rest).n == 0)
			return false;
	}
	x->power.n -= rest.n;
	return rest.n == 0 &&
	       ((x->power.n == 0 && (x->whole.n < DIGITS_SURE || !x->point)) || is_finite(text));
}

/* As JSON writes it: digits on both sides of the point, no zero before others. */
static void put_number(struct buf *out, const struct number *x)
{
	struct part whole = x->whole;

	while (whole.n > 1 && *whole.p == '0') {
		whole.p++;
		whole.n--;
	}
	buf_text(out, x->negative ? "-" : "");
	buf_add(out, whole.n > 0 ? whole.p : "0", whole.n > 0 ? whole.n : 1);
	if (x->point) {
		buf_text(out, ".");
		buf_add(out, x->share.n > 0 ? x->share.p : "0", x->share.n > 0 ? x->share.n : 1);
	}
	buf_add(out, x->power.p, x->power.n);
}

bool rows_is_number(const char *text, size_t n)
{
	struct number x;

	return read_number(trimmed(text, n), &x);
}

void rows_put_string(struct buf *out, const char *text, size_t n)
{
	buf_add(out, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_add(out, text + i, 1);
	}
	buf_add(out, "\"", 1);
}

bool rows_is_text(const char *text, size_t n)
{
	while (n > 0) {
		size_t step = utf8_length(text, n);

		if (step == 0)
			return false;
		text += step;
		n -= step;
	}
	return true;
}

bool rows_put_cell(struct buf *out, const char *cell, size_t n)
{
	struct part bare = trimmed(cell, n);
	struct number x;

	if (bare.n == 0)
		buf_text(out, "null");
	else if (read_number(bare, &x))
		put_number(out, &x);
	else if (rows_is_text(bare.p, bare.n))
		rows_put_string(out, bare.p, bare.n);
	else
		return false;
	return true;
}

char *rows_name(const char *cell, size_t n)
{
	struct part bare = trimmed(cell, n);

	return strndup(bare.p, bare.n);
}

/* rows_cell - single cells of rows as JSON. See rows.h. */
#include <ctype.h>

#include "base/utf8.h"
#include "rows.h"

static const char *digits(const char *p, const char *end)
{
	while (p < end && isdigit((unsigned char)*p))
		p++;
	return p;
}

/* Is it written as JSON writes numbers? */
bool rows_is_number(const char *text, size_t n)
{
	const char *end = text + n;
	const char *p = text + (n > 0 && *text == '-');
	const char *from = p;

	p = digits(p, end);
	if (p == from || (*from == '0' && p - from > 1))
		return false;
	if (p < end && *p == '.') {
		from = ++p;
		p = digits(p, end);
		if (p == from)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		from = p;
		p = digits(p, end);
		if (p == from)
			return false;
	}
	return p == end;
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

bool rows_put_cell(struct buf *out, const char *text, size_t n)
{
	const char *bare = text;
	size_t bare_n = n;

	while (bare_n > 0 && (*bare == ' ' || *bare == '\t')) {
		bare++;
		bare_n--;
	}
	while (bare_n > 0 && (bare[bare_n - 1] == ' ' || bare[bare_n - 1] == '\t'))
		bare_n--;
	if (bare_n == 0)
		buf_text(out, "null");
	else if (rows_is_number(bare, bare_n))
		buf_add(out, bare, bare_n);
	else if (rows_is_text(text, n))
		rows_put_string(out, text, n);
	else
		return false;
	return true;
}

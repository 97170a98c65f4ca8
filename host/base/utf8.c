/* Recognises well-formed UTF-8 by table 3-7 of the Unicode standard. */
#include "base/utf8.h"

#include <string.h>

#include "base/attr.h"

struct utf8_row {
	unsigned char first_min, first_max; /* the first byte */
	unsigned char second_min, second_max;
	size_t length;
};

static const struct utf8_row rows[] = {
	{0x00, 0x7f, 0x00, 0x00, 1},
	{0xc2, 0xdf, 0x80, 0xbf, 2},
	{0xe0, 0xe0, 0xa0, 0xbf, 3},
	{0xe1, 0xec, 0x80, 0xbf, 3},
	{0xed, 0xed, 0x80, 0x9f, 3},
	{0xee, 0xef, 0x80, 0xbf, 3},
	{0xf0, 0xf0, 0x90, 0xbf, 4},
	{0xf1, 0xf3, 0x80, 0xbf, 4},
	{0xf4, 0xf4, 0x80, 0x8f, 4},
};

static size_t row_length(const struct utf8_row *row, const unsigned char *p, size_t n)
{
	if (row->length == 1)
		return 1;
	if (n < row->length || p[1] < row->second_min || p[1] > row->second_max)
		return 0;
	for (size_t i = 2; i < row->length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return row->length;
}

size_t utf8_length(const char *p, size_t n)
{
	const unsigned char *bytes = (const unsigned char *)p;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (bytes[0] >= rows[i].first_min && bytes[0] <= rows[i].first_max)
			return row_length(&rows[i], bytes, n);
	}
	return 0;
}

int utf8_fit(const char *text, int max)
{
	size_t n = strnlen(text, (size_t)max + 1);

	if (n <= (size_t)max)
		return (int)n;
	n = (size_t)max;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return (int)n;
}

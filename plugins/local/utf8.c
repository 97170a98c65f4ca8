/* utf8 - see utf8.h. */
#include "utf8.h"

/* Rows: the first byte's range, how many bytes follow, and the range of the second byte. */
static const struct {
	unsigned char first_low, first_high, follow, second_low, second_high;
} forms[] = {
	{0x01, 0x7f, 0, 0, 0},
	{0xc2, 0xdf, 1, 0x80, 0xbf},
	{0xe0, 0xe0, 2, 0xa0, 0xbf},
	{0xe1, 0xec, 2, 0x80, 0xbf},
	{0xed, 0xed, 2, 0x80, 0x9f},
	{0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf},
	{0xf1, 0xf3, 3, 0x80, 0xbf},
	{0xf4, 0xf4, 3, 0x80, 0x8f},
};

/* Bytes of the character at p (n are left), or 0 if it is none. */
static size_t character(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < sizeof(forms) / sizeof(forms[0]) &&
		(p[0] < forms[i].first_low || p[0] > forms[i].first_high))
		i++;
	if (i == sizeof(forms) / sizeof(forms[0]) || n <= forms[i].follow)
		return 0;
	if (forms[i].follow > 0 && (p[1] < forms[i].second_low || p[1] > forms[i].second_high))
		return 0;
	for (size_t k = 2; k <= forms[i].follow; k++) {
		if ((p[k] & 0xc0) != 0x80)
			return 0;
	}
	return (size_t)forms[i].follow + 1;
}

bool utf8_is_text(davit_buf bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;

	for (size_t at = 0; at < bytes.n;) {
		size_t n = character(p + at, bytes.n - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

size_t utf8_cut(davit_buf bytes, size_t max)
{
	size_t n = max;

	if (bytes.n <= max)
		return bytes.n;
	while (n > 0 && max - n < 4 && ((unsigned char)bytes.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* utf8 - see utf8.h. */
#include "utf8.h"

#include <davit/sdk.h>

bool utf8_is_text(davit_buf bytes)
{
	size_t at = 0;

	while (at < bytes.n && bytes.p[at] != '\0') {
		size_t n = davit_sdk_utf8(bytes.p + at, bytes.n - at);

		if (n == 0)
			return false;
		at += n;
	}
	return at == bytes.n;
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

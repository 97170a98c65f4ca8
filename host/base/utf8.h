/* utf8 - is this text? [any thread] */
#ifndef HOST_BASE_UTF8_H
#define HOST_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed character that p begins with (1 to 4), or 0 if there is none in n
 * bytes: overlong forms, surrogates and values past U+10FFFF are not characters. */
size_t utf8_length(const char *p, size_t n);

/* Bytes of the whole characters that text, which is UTF-8, has in its first max bytes: for "%.*s".
 */
int utf8_fit(const char *text, int max);

#endif

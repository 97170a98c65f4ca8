/* utf8 - is it text that JSON can carry? Pure. [any] */
#ifndef PLUGINS_LOCAL_UTF8_H
#define PLUGINS_LOCAL_UTF8_H

#include <stdbool.h>

#include <davit/abi.h>

/* The most of bytes, at most max, that ends with a whole character. */
size_t utf8_cut(davit_buf bytes, size_t max);

/* Valid UTF-8 without NUL bytes: no overlong forms, no surrogates, nothing past U+10FFFF. */
bool utf8_is_text(davit_buf bytes);

#endif

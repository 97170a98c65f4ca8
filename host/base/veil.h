/*
 * veil - a hole in the ground floor: base and http write texts that people read, and what must not
 * stand in them is known further up. Nothing is hidden until somebody says how.
 */
#ifndef HOST_BASE_VEIL_H
#define HOST_BASE_VEIL_H

#include <stdbool.h>
#include <stddef.h>

/* Takes out of n bytes of text, NUL behind them, what must not be seen; the new length, never more.
 * cut: something behind the text is missing. Logs nothing. [any thread] */
typedef size_t veil_function(char *text, size_t n, bool cut);

/* Before there are threads; NULL: nothing is hidden. */
void veil_set(veil_function *hide);

size_t veil_text(char *text, size_t n, bool cut);

#endif

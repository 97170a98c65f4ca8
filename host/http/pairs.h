/* pairs - names with values, in the order they came: headers and query keys. [any thread] */
#ifndef HOST_HTTP_PAIRS_H
#define HOST_HTTP_PAIRS_H

#include <stddef.h>

struct pair {
	const char *key;
	const char *value; /* "" where there is none */
};

/* The value of the first pair with that key, or NULL. Borrowed. */
const char *pairs_find(const struct pair *pairs, size_t count, const char *key);

/* The same, upper and lower case being one. */
const char *pairs_find_any_case(const struct pair *pairs, size_t count, const char *key);

#endif

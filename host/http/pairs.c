/* Linear search: there are seldom more than twenty. */
#include "http/pairs.h"

#include <string.h>
#include <strings.h>

const char *pairs_find(const struct pair *pairs, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(pairs[i].key, key) == 0)
			return pairs[i].value;
	return NULL;
}

const char *pairs_find_any_case(const struct pair *pairs, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(pairs[i].key, key) == 0)
			return pairs[i].value;
	return NULL;
}

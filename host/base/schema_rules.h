/* schema_rules - the part of schema_check() that looks at one value alone. */
#ifndef HOST_BASE_SCHEMA_RULES_H
#define HOST_BASE_SCHEMA_RULES_H

#include <jansson.h>
#include <stdbool.h>

struct fail;

/* Checks type, enum, const, limits and lengths in schema; pointer leads to v, for messages. */
bool schema_rules_check(const json_t *schema, const json_t *v, const char *pointer, struct fail *f);

#endif

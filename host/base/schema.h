/*
 * schema - checks a JSON value against a subset of JSON Schema 2020-12.
 *
 * Known keywords: type (a word or several), properties, required, additionalProperties
 * (true, false or a schema), items, enum, const, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, minLength, maxLength, minItems, maxItems, minProperties, maxProperties,
 * anyOf, oneOf, allOf, not, $defs with local "#/$defs/NAME" references; title, description,
 * default, examples, $comment, $schema, $id and members that begin with "x-" are notes. Any
 * other keyword makes the schema invalid, so that a check one relies on is never silently
 * absent. "integer" means written as one: 1.0 is not, as jansson cannot hand it out as one.
 * [any thread]
 */
#ifndef HOST_BASE_SCHEMA_H
#define HOST_BASE_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

struct fail;

/* Is schema one that schema_check() understands wholly? */
bool schema_valid(const json_t *schema, struct fail *f);

/*
 * Does value satisfy schema? If not, *f has FAIL_INVALID, the pointer of the first member at
 * fault, and a sentence: what is expected, and for an unknown member the nearest known one.
 */
bool schema_check(const json_t *schema, const json_t *value, struct fail *f);

/* The word of the n candidates nearest to text (edit distance at most a third of its
 * length, at least 1), or NULL. Borrowed. */
const char *schema_nearest(const char *text, const char *const *words, size_t n);

#endif

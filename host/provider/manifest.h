/* manifest - what a provider's file says about itself: found, verified, parsed, checked.
 * [any thread] */
#ifndef HOST_PROVIDER_MANIFEST_H
#define HOST_PROVIDER_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct elf;
struct fail;

/* The JSON text of the one manifest note, verified by its digest; points into the file. */
bool manifest_find(const struct elf *e, const char **ret_text, size_t *ret_n, struct fail *f);

/* Parses and checks a manifest: its own schema, the schemas inside it, interfaces, slots and
 * name limits. A new value, or NULL. */
json_t *manifest_parse(const char *text, size_t n, struct fail *f);

/* Both. */
json_t *manifest_read(const struct elf *e, struct fail *f);

#endif

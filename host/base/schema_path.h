/* schema_path - where a walk through JSON stands, as a pointer; as schema's complaints and
 * the lines of configuration files name it. */
#ifndef HOST_BASE_SCHEMA_PATH_H
#define HOST_BASE_SCHEMA_PATH_H

#include <jansson.h>
#include <stddef.h>

struct schema_path {
	char text[256]; /* what does not fit is left out: it is for people */
	size_t n;
};

/* Appends a token, escaped by RFC 6901; returns what schema_path_cut() goes back to. */
size_t schema_path_add(struct schema_path *p, const char *token);
size_t schema_path_add_index(struct schema_path *p, size_t index);
void schema_path_cut(struct schema_path *p, size_t mark);

/* The schema a "$ref" leads to, or NULL. */
const json_t *schema_ref(const json_t *root, const json_t *ref);

#endif

/*
 * ytree - a YAML text as a tree that knows the line of everything in it.
 *
 * One document. Anchors, aliases, tags, duplicate keys, keys that are no texts, more than
 * YTREE_DEPTH_MAX levels or YTREE_NODES_MAX values are refused. [one thread]
 */
#ifndef HOST_CONFIG_YTREE_H
#define HOST_CONFIG_YTREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct fail;

#define YTREE_DEPTH_MAX 32
#define YTREE_NODES_MAX 20000

enum ytree_kind {
	YTREE_TEXT,
	YTREE_LIST,
	YTREE_MAP
};

struct ytree {
	enum ytree_kind kind;
	int line;  /* from 1 */
	char *key; /* its name in the map it stands in, or NULL */
	int key_line;
	char *text; /* YTREE_TEXT only */
	bool plain; /* a text without quotes: may mean a number, true, false or null */
	struct ytree *first, *last; /* of a list or map */
	struct ytree *next;
	size_t count; /* of a list or map */
};

/* The tree of n bytes. file is for messages: "davit.yaml:12: …". An empty text is an empty map.
 * NULL on failure. */
struct ytree *ytree_parse(const char *file, const char *bytes, size_t n, struct fail *f);
void ytree_free(struct ytree *t); /* NULL is fine */

/* The member of a map, or NULL. Borrowed. */
const struct ytree *ytree_member(const struct ytree *map, const char *key);

/* Is it written as nothing ("key:" or "key: null")? */
bool ytree_is_null(const struct ytree *t);

/* The value as JSON by the YAML 1.2 core schema: plain true, false, null and numbers become
 * those, everything else is text. What JSON lacks (.inf, too large integers) is refused. */
json_t *ytree_json(const char *file, const struct ytree *t, struct fail *f);

/* The line of everything below t by its JSON pointer, as schema_check() writes it: {"": 3,
 * "/python": 4, "/list/0": 6}. NULL: out of memory, *f says so. */
json_t *ytree_lines(const char *file, const struct ytree *t, struct fail *f);

/* Sets *f to FAIL_INVALID and "file:line: text"; returns false. */
bool ytree_refuse(struct fail *f, const char *file, int line, const char *fmt, ...)
	ATTR_PRINTF(4, 5);

#endif

/*
 * canonical - the one way of writing a path, a query and headers that both sides of a signature
 * agree on. Internal to sigv4. [op]
 */
#ifndef PLUGINS_KIT_CANONICAL_H
#define PLUGINS_KIT_CANONICAL_H

#include <davit/sdk.h>

#include <stdbool.h>
#include <stddef.h>

#include "kit/parts.h"

/* A parameter of a query, or a header. */
struct canonical_pair {
	const char *name;  /* of a parameter percent-encoded, of a header in small letters */
	const char *value; /* of a parameter percent-encoded */
	const struct parts *parts; /* instead of value, where a secret is in it */
	size_t place;              /* in which it came */
};

struct canonical_list {
	struct canonical_pair *items;
	size_t n, cap;
	bool failed; /* out of memory, or more than there is room for */
};

/* Room for so many. */
void canonical_begin(struct canonical_list *list, struct davit_sdk_mem *mem, size_t cap);
void canonical_add(struct canonical_list *list, const char *name, const char *value,
	const struct parts *parts);

/* In the order of the bytes of their names; of one name parameters by value, headers as they
 * came. */
void canonical_sort(struct canonical_list *list, bool by_value);

/*
 * path as it is sent. once: its bytes, each encoded once, whatever it looks like; else without
 * "." and ".." and empty segments, and encoded as it stands, what is encoded in it a second time.
 */
void canonical_path(struct parts *out, const char *path, bool once);

/* How many parameters query, as it is sent and without '?', has at most. */
size_t canonical_count(const char *query);

/* Adds them, encoded as they must be. */
void canonical_split(struct canonical_list *list, struct davit_sdk_mem *mem, const char *query);

/* NAME=VALUE&… of a sorted list. */
void canonical_query(struct parts *out, const struct canonical_list *list);

/* A header's name in small letters; NULL: no memory. */
const char *canonical_name(struct davit_sdk_mem *mem, const char *name);

/* "NAME:VALUE\n"… of a sorted list: those of one name in one line, white space made one blank. */
void canonical_headers(struct parts *out, const struct canonical_list *list);

/* "NAME;NAME"… of a sorted list, each once. */
void canonical_names(struct parts *out, const struct canonical_list *list);

#endif

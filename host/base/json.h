/*
 * json - what jansson lacks for us: members by JSON pointer, reading a struct by a table
 * that names the member at fault, and texts made safely. [any thread; a json_t belongs to
 * one thread at a time]
 */
#ifndef HOST_BASE_JSON_H
#define HOST_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct fail;

#define JSON_DEPTH_MAX 64

/* Parses one JSON value; duplicate members, NUL bytes, trailing text and more than
 * JSON_DEPTH_MAX levels are refused with line and column in *f (FAIL_INVALID). */
json_t *json_parse(const char *text, size_t n, struct fail *f);

/* The value at an RFC 6901 pointer ("" is obj itself), or NULL. Borrowed. */
json_t *json_at(const json_t *obj, const char *pointer);

/* The text, integer or truth at a member of an object, or what is given when it is absent
 * or of another type. Borrowed. */
const char *json_text_or(const json_t *obj, const char *member, const char *otherwise);
int64_t json_int_or(const json_t *obj, const char *member, int64_t otherwise);
bool json_bool_or(const json_t *obj, const char *member, bool otherwise);

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD, NUL bytes too, so that
 * json_parse() reads what we write. NULL: out of memory. */
json_t *json_text_any(const char *bytes, size_t n);

/* Compact text of v, members in their order, reals in the fewest digits that read back the
 * same; the caller frees it. NULL: out of memory. ret_n may be NULL. */
char *json_compact(const json_t *v, size_t *ret_n);

/* The same at the end of out. */
void json_compact_to(struct buf *out, const json_t *v);

enum json_kind {
	JSON_KIND_TEXT, /* const char *, borrowed from the json_t; NULL is left out on writing */
	JSON_KIND_INT,  /* int64_t */
	JSON_KIND_BOOL, /* bool */
	JSON_KIND_JSON  /* json_t *, borrowed; NULL is left out on writing */
};

enum json_way {
	JSON_IN = 1 << 0,
	JSON_OUT = 1 << 1,
	JSON_NEED = 1 << 2 /* with JSON_IN: absent is an error */
};

struct json_field {
	const char *name;
	enum json_kind kind;
	unsigned way;
	size_t offset;
};

/* NOLINTBEGIN(bugprone-macro-parentheses): T and type are types. */
/* Where member lies in T; does not compile where it is not of the type named. */
#define JSON_AT(T, member, type)                                                                   \
	(offsetof(T, member) + 0 * sizeof(char[_Generic(((T *)0)->member, type : 1)]))
/* clang-format off */
#define JSON_FIELD_TEXT(T, member, way) {#member, JSON_KIND_TEXT, way, JSON_AT(T, member, const char *)}
#define JSON_FIELD_INT(T, member, way)  {#member, JSON_KIND_INT, way, JSON_AT(T, member, int64_t)}
#define JSON_FIELD_BOOL(T, member, way) {#member, JSON_KIND_BOOL, way, JSON_AT(T, member, bool)}
#define JSON_FIELD_JSON(T, member, way) {#member, JSON_KIND_JSON, way, JSON_AT(T, member, json_t *)}
/* clang-format on */
/* NOLINTEND(bugprone-macro-parentheses) */

/* Fills *out from obj; a member that is absent or null and not needed keeps its value, one
 * that no field names is passed over. A wrong type is FAIL_INVALID. */
bool json_read(const json_t *obj, const struct json_field *fields, size_t count, void *out,
	struct fail *f);

/* A new object, or NULL: out of memory, or a text that is not UTF-8. */
json_t *json_write(const struct json_field *fields, size_t count, const void *in);

#endif

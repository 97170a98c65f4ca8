/*
 * envelope - from the neutral object of a provider to the row a client reads.
 *
 * A provider's manifest may say, as data, which members its rows have ("envelopes"):
 *
 *   {"rows": {ROWSET: {"extends"?: ROWSET, "members": {KEY: RULE}}},
 *    "operations": {OPERATION: ROWSET},
 *    "wrap": {OPERATION: "array"}}
 *
 *   RULE  {"pointer": JSON pointer into the neutral object, "default"?, "format"?}
 *       | {"const": value}
 *       | {"template": "dataset_id:{/labels/dataset}"}   absent becomes None
 *       | {"context": "adapter_instance" | "project" | "adapter_id" | "operation" | "now"}
 *   format  "date:PATTERN" | "text" | "json" (JSON text of the value) | "json2" (that text
 *           encoded once more)
 *
 * The built-in rows are called "default": they serve operations that name no others, and may
 * be extended. Pure functions. [any thread]
 */
#ifndef HOST_API_ENVELOPE_H
#define HOST_API_ENVELOPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct buf;

struct envelope_context {
	const char *operation;
	const char *adapter_instance; /* NULL becomes null; so do the next two */
	const char *project;
	const char *adapter_id;
	int64_t now_ms;
};

/* The row for one neutral object. envelopes: of the manifest, or NULL. NULL: out of memory. */
json_t *envelope_row(
	const json_t *envelopes, const json_t *neutral, const struct envelope_context *context);

/* An array with the rows for an array of neutral objects. */
json_t *envelope_rows(
	const json_t *envelopes, const json_t *items, const struct envelope_context *context);

/* The row as the operation answers it: itself, or alone in an array. Takes row over. */
json_t *envelope_wrap(const json_t *envelopes, const char *operation, json_t *row);

/* --- between envelope.c and envelope_default.c --- */

enum envelope_source {
	ENVELOPE_POINTER,
	ENVELOPE_CONST,
	ENVELOPE_TEMPLATE,
	ENVELOPE_CONTEXT
};

struct envelope_rule {
	enum envelope_source source;
	const char *text;      /* pointer, template or context word */
	const char *format;    /* NULL: the value as it is */
	const json_t *value;   /* the constant, or what stands for an absent value; may be NULL */
	const char *otherwise; /* the same as text, for rules written in C */
};

/* A new value; never NULL but when memory ran out. */
json_t *envelope_value(const struct envelope_rule *rule, const json_t *neutral,
	const struct envelope_context *context);

/* Puts the members of the built-in row into row. */
bool envelope_put_default(
	json_t *row, const json_t *neutral, const struct envelope_context *context);

/* Writes ms in UTC by a pattern of the letters y M d H m s S X and quoted text, as
 * java.time reads them; false for another letter. */
bool envelope_date(struct buf *out, int64_t ms, const char *pattern);

#endif

/*
 * source - bytes that a caller names, made ours: read once through the host and sealed, so
 * that what runs later is what was asked for. All memory is the call's.
 */
#ifndef PLUGINS_LOCAL_SOURCE_H
#define PLUGINS_LOCAL_SOURCE_H

#include "local.h"

struct rows;

struct sealed {
	const char *digest; /* 64 hex digits */
	int64_t bytes;
};

/* Seals {"path"|"uri"|"text"|"upload"|"blob"|"rows": …} of the request, or the path that a
 * text alone is; pointer is where it stands there. A "name" beside it must be a plain file name.
 * false: the call failed. */
bool source_seal(struct local_call *c, const struct davit_sdk_json *source, const char *pointer,
	struct sealed *ret_sealed);

/* Seals bytes (p NULL: there was no memory for them). The digest; NULL: the call failed. */
const char *source_seal_bytes(struct local_call *c, davit_buf bytes);

/* As source_seal(), for the rows of a data set, which are looked at on the way. */
bool source_seal_rows(struct local_call *c, const struct davit_sdk_json *source, struct rows *rows,
	struct sealed *ret_sealed);

/* Could it be sealed? Reads nothing. false: the call failed, naming the member. */
bool source_check(struct local_call *c, const struct davit_sdk_json *source, const char *pointer);

/* Can it be the name of a file anywhere: up to 64 of letters, digits, '.', '_' and '-'? */
bool source_plain_file_name(const char *name);

/* Its "name", else the last part of its path or URI, where that is a plain file name, else
 * otherwise. */
const char *source_file_name(const struct davit_sdk_json *source, const char *otherwise);

#endif

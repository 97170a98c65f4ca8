/*
 * names_record - the record of a name, which names.c writes and names_find.c reads; not for
 * others:
 *
 *	{"v":1, "name":…, "last":N, "versions":{ID:N,…} oldest first, "tags":{WORD:N,…}}
 */
#ifndef PLUGINS_LOCAL_NAMES_RECORD_H
#define PLUGINS_LOCAL_NAMES_RECORD_H

#include "names.h"

enum {
	NAME_KEY_BYTES = 480 /* of a name as it stands in a key, which may have 512 */
};

/* The key of its record: the name with what may not stand in a key as %XX; NULL where it is too
 * long or the call has failed. */
const char *names_key(struct local_call *c, enum record_kind kind, const char *name);

/* The record of a name, or NULL: there is none, or the call failed. */
const struct davit_sdk_json *names_look_up(
	struct local_call *c, enum record_kind kind, const char *name);

/* The first item of an object or array; NULL, also for NULL: there is none. */
const struct davit_sdk_json *names_first(const struct davit_sdk_json *v);

#endif

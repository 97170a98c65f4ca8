/*
 * names - versions and tags of what has a name: data sets and models. One kv record per kind
 * and name says which object is which version and which tags (a model's are called aliases)
 * name which version; it is changed by cas, so that calls at the same time lose nothing.
 *
 * Versions count 1, 2, 3 … per kind and name and are never given twice, also not after a
 * delete. A tag names one version; given to another it moves.
 *
 * A version is given before its object's record is written: after a crash in between the
 * number belongs to the submission that comes again, and until then nobody sees it.
 */
#ifndef PLUGINS_LOCAL_NAMES_H
#define PLUGINS_LOCAL_NAMES_H

#include "records.h"

/* Have objects of this kind versions and tags? */
bool names_versioned(enum record_kind kind);

/* Can the name be given, and are the tags (an array or NULL) words that can be? Reads nothing.
 * false: the call failed, naming /spec/name or the tag's pointer. */
bool names_check(struct local_call *c, const char *name, const struct davit_sdk_json *tags);

/* The version that id has of a name, given to it now where it has none, and the tags with it.
 * 0: the call failed. */
int64_t names_give(struct local_call *c, enum record_kind kind, const char *name, const char *id,
	const struct davit_sdk_json *tags);

/* Gives tags to an object and takes tags off it (arrays or NULL); one that it does not have is
 * not there afterwards either. false: the call failed. */
bool names_tag(struct local_call *c, enum record_kind kind, const struct record *record,
	const struct davit_sdk_json *add, const struct davit_sdk_json *remove);

/* Forgets a version and its tags; its number is not given again. false: the call failed. */
bool names_drop(struct local_call *c, enum record_kind kind, const struct record *record);

/* Is it a version of its name still? false: it is not, or the call failed. */
bool names_has(struct local_call *c, enum record_kind kind, const struct record *record);

/* The object that NAME (its newest version), NAME@vN, NAME@TAG or NAME:TAG means; a name that
 * is itself written like one of these is meant as the name. false: there is none (sdk.code is
 * DAVIT_OK then), or the call failed. */
bool names_find(struct local_call *c, enum record_kind kind, const char *reference,
	struct record *ret_record);

/* "tags" or, of a model, "aliases": an array of the words. */
void names_put_tags(struct local_call *c, struct davit_sdk_writer *w, enum record_kind kind,
	const struct record *record);

#endif

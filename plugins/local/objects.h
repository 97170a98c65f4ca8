/*
 * objects - the answers about objects that are the same for every kind: one neutral object, all
 * of a kind, and the state of one whose making ended with submit.
 */
#ifndef PLUGINS_LOCAL_OBJECTS_H
#define PLUGINS_LOCAL_OBJECTS_H

#include "records.h"

/* The word of a DAVIT_STATE_… in neutral objects. */
const char *objects_state_word(int32_t state);

/* The id a request is about: that of its ref, its "id", what a person named to be found, or its
 * submission. */
const char *objects_id(const struct local_call *c);

/* Opens the neutral object of a record with the members every kind has; the caller adds its
 * own and closes it. updated_ms 0: as created. */
void objects_open(struct local_call *c, struct davit_sdk_writer *w, enum record_kind kind,
	const struct record *record, const char *state, int64_t updated_ms);

/* Writes the neutral object of a record: objects_open() and the kind's own members, without
 * closing it. A failure is in sdk.code. */
typedef void objects_put(
	struct local_call *c, struct davit_sdk_writer *w, const struct record *record);

/* The answer of get, by id or name. */
int32_t objects_reply_one(
	struct local_call *c, enum record_kind kind, const char *id_or_name, objects_put *put);

/* The answer of list. */
int32_t objects_reply_all(struct local_call *c, enum record_kind kind, objects_put *put);

/* The answer of submit, find and poll for what is made: reply_state() with a ref, or
 * DAVIT_NOT_FOUND. */
int32_t objects_reply_made(
	struct local_call *c, enum record_kind kind, const char *id, objects_put *put);

#endif

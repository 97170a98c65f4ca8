/*
 * records - what the provider remembers of an object: one JSON value in kv per object, at
 * KIND/ID. Ids are submission ids, so that their byte order is the order of creation.
 *
 * Where a caller gives a name instead of an id the newest object of that name is meant; data
 * sets and models are versions of their name, see names.h. All memory is the call's.
 */
#ifndef PLUGINS_LOCAL_RECORDS_H
#define PLUGINS_LOCAL_RECORDS_H

#include "local.h"

enum record_kind {
	RECORD_DATASET,
	RECORD_TRAINING,
	RECORD_MODEL,
	RECORD_ENDPOINT,
	RECORD_BATCH,
	RECORD_KIND_COUNT
};

/* A record as it was read. Members every kind has: "id", "name", "created_ms", "kind" of the job
 * and its "label" (older ones may lack these two), and "description" and "labels" where
 * the caller gave them. */
struct record {
	const char *id;
	const char *name;
	const struct davit_sdk_json *value;
	int64_t version; /* of the kv entry; 0 where it came from a list */
	int64_t number;  /* which version of its name it is; 0 where its kind has none */
};

/* The object with that id. false: there is none (sdk.code is DAVIT_OK then), or the call
 * failed. */
bool records_get(
	struct local_call *c, enum record_kind kind, const char *id, struct record *ret_record);

/* The object with that id or name; of a data set or model also NAME@vN, NAME@TAG and NAME:TAG.
 * false: there is none (sdk.code is DAVIT_OK then), or the call failed. */
bool records_find(struct local_call *c, enum record_kind kind, const char *id_or_name,
	struct record *ret_record);

/* As records_find; where there is none the call fails with code and, if not NULL, the pointer
 * of the member that named it. */
bool records_need(struct local_call *c, enum record_kind kind, const char *id_or_name, int32_t code,
	const char *pointer, struct record *ret_record);

/* A record being written: opened with the members every kind has, taken from the request's
 * spec; the caller adds its own, then records_put(). The time is now. */
void records_open(struct local_call *c, struct davit_sdk_writer *w, const char *id);

/* Closes and writes; durable when it returns DAVIT_OK. Returns sdk.code. */
int32_t records_put(
	struct local_call *c, enum record_kind kind, const char *id, struct davit_sdk_writer *w);

/* Writes if the version still holds (0: none such); false with sdk.code DAVIT_OK if not. */
bool records_cas(struct local_call *c, enum record_kind kind, const char *id,
	struct davit_sdk_writer *w, int64_t version);

/* The word for a kind in sentences. */
const char *records_word(enum record_kind kind);

int32_t records_del(struct local_call *c, enum record_kind kind, const char *id);

/* All records of a kind, oldest first: zero a scan, then call until it returns false. After it
 * look at sdk.code. */
struct records_scan {
	struct davit_sdk_kv_scan kv;
	struct record record; /* found */
};
bool records_next(struct local_call *c, enum record_kind kind, struct records_scan *scan);

#endif

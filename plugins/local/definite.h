/*
 * definite - a request as it will be carried out: what it names by words that may mean something
 * else tomorrow (a tag, a version, a file) is replaced by what they mean now. The host keeps that
 * instead of what the caller sent, so that a job which waits runs on what was accepted. All
 * memory is the call's.
 */
#ifndef PLUGINS_LOCAL_DEFINITE_H
#define PLUGINS_LOCAL_DEFINITE_H

#include "records.h"

/*
 * Begins the answer {"spec": …} with all members of the request's spec but those `without` names;
 * the caller adds these. definite_reply() closes and sends it.
 */
void definite_open(struct local_call *c, struct davit_sdk_writer *w, const char *const *without,
	size_t n_without);
int32_t definite_reply(struct local_call *c, struct davit_sdk_writer *w);

/* Writes a source: sealed, {"blob", "name"}, where it is a file; as it is where it holds its
 * bytes or their digest. NULL: nothing. Call it while sdk.code is DAVIT_OK; false: it failed. */
bool definite_put_source(struct local_call *c, struct davit_sdk_writer *w, const char *key,
	const struct davit_sdk_json *source, const char *pointer);

/* As definite_put_source(), for Python packages, which may be lines as well. */
bool definite_put_requirements(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *requirements, const char *pointer);

/*
 * A data set in a spec: a text as records_find() takes, or what definite_put_dataset() made of
 * one, which stands for its bytes even after the data set was deleted. false: the call failed.
 */
bool definite_need_dataset(struct local_call *c, const struct davit_sdk_json *dataset,
	const char *pointer, struct record *ret_record);
void definite_put_dataset(
	struct davit_sdk_writer *w, const char *key, const struct record *dataset);

/* The same for a model, whose files and server stay whole as long as the job names them. */
bool definite_need_model(struct local_call *c, const struct davit_sdk_json *model,
	const char *pointer, struct record *ret_record);
void definite_put_model(struct davit_sdk_writer *w, const char *key, const struct record *model);

#endif

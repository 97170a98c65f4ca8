/*
 * model_files - the files of a model: what its training left, sealed when the model is
 * registered, so that the model neither changes nor needs its training any more.
 */
#ifndef PLUGINS_LOCAL_MODEL_FILES_H
#define PLUGINS_LOCAL_MODEL_FILES_H

#include "made.h"

/*
 * Seals the output files of a process and writes "files", [{"path", "bytes", "sha256"}] in byte
 * order of their paths, and "sha256", the digest of the text that sha256sum(1) prints of them
 * in that order. false: the call failed.
 */
bool model_files_seal(struct local_call *c, struct davit_sdk_writer *w, const char *process);

/* The files in a model's record; NULL: the call failed. */
const struct made_file *model_files_of(
	struct local_call *c, const struct record *model, size_t *ret_count);

#endif

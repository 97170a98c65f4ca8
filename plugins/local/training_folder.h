/* training_folder - files in a folder below an import root that a training is to copy. */
#ifndef PLUGINS_LOCAL_TRAINING_FOLDER_H
#define PLUGINS_LOCAL_TRAINING_FOLDER_H

#include "local.h"

/* {"path": "FOLDER/NAME"}; NULL: the call failed. */
const struct davit_sdk_json *training_folder_source(
	struct local_call *c, const char *folder, const char *name);

/*
 * The folder of a request: a text that names it, or what it was when the job was accepted,
 * {"name", "archive", "script_sha256"}: the digests of all its files (see "folder" of resolve in
 * davit/host.h), and of the script where it has one. NULL members: there is no folder, or no such
 * digest.
 */
struct training_folder {
	const char *name;
	const char *archive;
	const char *script_sha256;
};

/* Reads it. script may be NULL; else it must be a plain path in the folder, and there. false: the
 * call failed. */
bool training_folder_read(struct local_call *c, const struct davit_sdk_json *folder,
	const struct davit_sdk_json *script, struct training_folder *ret);

/* Seals it, unless it was before, and writes the member "folder". false: the call failed. */
bool training_folder_put_definite(struct local_call *c, struct davit_sdk_writer *w,
	const struct training_folder *folder, const struct davit_sdk_json *script);

/* The requirements.txt of the folder a command is run in, where the site installs it and there
 * is one; else NULL. */
const struct davit_sdk_json *training_folder_requirements(struct local_call *c, const char *folder);

#endif

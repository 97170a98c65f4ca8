/* training_folder - files in a folder below an import root that a training is to copy. */
#ifndef PLUGINS_LOCAL_TRAINING_FOLDER_H
#define PLUGINS_LOCAL_TRAINING_FOLDER_H

#include "local.h"

/* {"path": "FOLDER/NAME"}; NULL: the call failed. */
const struct davit_sdk_json *training_folder_source(
	struct local_call *c, const char *folder, const char *name);

/* Is the script named by a plain path in the folder, and there? false: the call failed. */
bool training_folder_check(
	struct local_call *c, const char *folder, const struct davit_sdk_json *script);

/* The requirements.txt of the folder a command is run in, where the site installs it and there
 * is one; else NULL. */
const struct davit_sdk_json *training_folder_requirements(struct local_call *c, const char *folder);

#endif

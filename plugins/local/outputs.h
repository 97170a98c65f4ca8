/*
 * outputs - the files a process left in its folder "outputs": told with the neutral object of
 * its job, and given whole.
 */
#ifndef PLUGINS_LOCAL_OUTPUTS_H
#define PLUGINS_LOCAL_OUTPUTS_H

#include "local.h"

/* "artifacts": names and sizes; with texts those that are text and not too long with it. */
void outputs_put_artifacts(
	struct local_call *c, struct davit_sdk_writer *w, const char *process, bool texts);

/* Does a get ask for the texts of the files? */
bool outputs_wanted(const struct local_call *c);

/* The answer of an outputs slot: the list, or the bytes of the file the request names. */
int32_t outputs_reply(struct local_call *c, const char *process);

#endif
